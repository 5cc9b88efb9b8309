//! Everything that runs during the contests: backends, the proxies before them, and the check that all answer alike.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::configs::{self, Backends, Doors, Identity};
use super::contest::{Contest, Entrant, Figure, Sample};
use super::fairlead::{self, Fairlead};
use super::process::{CLIENT_CORE, Process, SERVER_CORE, free_address};
use super::{Arena, dns, load, machine, peers};

/// Body of the small reply in bytes.
const SMALL: usize = 64;
/// Headers that each route of the crowded listener matches, and each request of every HTTP/1 contest carries.
const MATCHED: usize = 5;
/// A gRPC message of eight bytes: not compressed, its length, the bytes.
const MESSAGE: &[u8] = b"\0\0\0\0\x08fairlead";
/// Routes of the crowded listener.
const CROWD: usize = 1000;

/// One proxy that takes part, and its doors.
pub struct Proxy {
    /// Its name in tables.
    pub name: &'static str,
    /// Its processes.
    pub process: Process,
    /// Where it is entered.
    pub doors: Doors,
}

/// Everything that runs.
pub struct Field {
    /// Ours first.
    pub proxies: Vec<Proxy>,
    /// Our listener with a thousand routes.
    pub crowded: SocketAddr,
    /// Who could not take part, and why.
    pub missing: Vec<String>,
    /// Why nginx relays no streams and datagrams, if it does not.
    pub no_stream: Option<String>,
    /// What the programs say they are.
    pub versions: Vec<String>,
    _backends: Vec<Process>,
}

impl Field {
    /// Starts backends, ourselves, and every peer that can be had.
    pub fn set_up(arena: &Arena) -> Result<Self> {
        let scratch = &arena.scratch;
        let identity = identity(scratch)?;
        let (backends, processes) = start_backends(scratch)?;
        let (ours, crowded) = start_ours("fairlead", &arena.binary, arena, &backends, &identity)?;
        let versions = vec![machine::first_line(&arena.binary.display().to_string(), &["--version"])];
        let stream = peers::nginx_stream();
        let no_stream = stream.as_ref().err().map(|why| format!("{why:#}"));
        let other = arena.against.as_ref().map(|binary| start_ours("against", binary, arena, &backends, &identity)).transpose()?;
        let proxies = [ours].into_iter().chain(other.map(|(proxy, _)| proxy)).collect();
        let mut field = Self { proxies, crowded, missing: Vec::new(), no_stream, versions, _backends: processes };
        for name in ["haproxy", "nginx", "envoy"] {
            let entered = peers::find(name).and_then(|peer| {
                let doors = Doors::free()?;
                let config = configs::proxy(name, &doors, &backends, &identity, stream.as_deref().ok(), scratch)?;
                let process = start(&format!("proxy-{name}"), &peer.program, &config, name, SERVER_CORE, doors.plain, scratch)?;
                Ok((Proxy { name, process, doors }, peer.version))
            });
            match entered {
                Ok((proxy, version)) => {
                    field.proxies.push(proxy);
                    field.versions.push(version);
                }
                Err(error) => field.missing.push(format!("{name}: {error:#}")),
            }
        }
        Ok(field)
    }

    /// All give the same answers, before anything is timed.
    pub fn agree(&self, arena: &Arena) -> Result<()> {
        let body = format!("@{}", message(&arena.scratch).display());
        for proxy in &self.proxies {
            let Doors { plain, tls, large, grpc, tcp, brief, bulk, udp } = &proxy.doors;
            expect(proxy.name, &[&url("http", *plain)], SMALL)?;
            expect(proxy.name, &[&url("https", *tls)], SMALL)?;
            expect(proxy.name, &[&(url("http", *large) + "large")], 1 << 20)?;
            if proxy.name != "nginx" || self.no_stream.is_none() {
                expect(proxy.name, &[&url("http", *tcp)], SMALL)?;
                expect(proxy.name, &[&url("http", *brief)], SMALL)?;
                expect(proxy.name, &[&(url("http", *bulk) + "large")], 1 << 20)?;
            }
            if proxy.name != "haproxy" && (proxy.name != "nginx" || self.no_stream.is_none()) {
                // What comes back is the question, marked as an answer without records.
                dns::ask(*udp, "relayed.example").with_context(|| format!("{} relays no datagrams", proxy.name))?;
            }
            let call = ["--http2-prior-knowledge", "--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", &body];
            let url = url("http", *grpc) + "call";
            expect(proxy.name, &[&call[..], &[&url]].concat(), MESSAGE.len())?;
        }
        Ok(())
    }
}

/// A contest of all proxies.
pub fn everyone<'a>(field: &'a Field, slug: &'static str, title: &'static str, load: impl Fn(&Proxy) -> Result<Sample> + Copy + 'a) -> Contest<'a> {
    let entrants = field
        .proxies
        .iter()
        .map(|proxy| Entrant { name: proxy.name.to_owned(), usage: Box::new(|| proxy.process.usage()), load: Box::new(move || load(proxy)) })
        .collect();
    Contest { slug, title, figure: Figure::CpuPerOperation, entrants, goals: Vec::new(), missing: field.missing.clone() }
}

/// A URL of a door.
pub fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{address}/")
}

fn matched_headers() -> Vec<String> {
    (0..MATCHED).map(|index| format!("x-match-{index}: value-{index}")).collect()
}

/// Requests of HTTP/1 with the matched headers, one after the other on each connection, or each on a new one.
pub fn wrk(arena: &Arena, url: String, connections: usize, close: bool) -> Result<Sample> {
    let mut headers = matched_headers();
    headers.extend(close.then(|| "connection: close".to_owned()));
    load::wrk(&url, connections, arena.seconds, &headers)
}

/// The file that calls are sent from.
pub fn message(scratch: &Path) -> PathBuf {
    scratch.join("message")
}

/// A request answers 200 with a body of this length.
fn expect(name: &str, request: &[&str], length: usize) -> Result<()> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--max-time", "10", "--output", "/dev/null", "--write-out", "%{http_code} %{size_download}"])
        .args(request)
        .output()
        .context("running curl")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if said != format!("200 {length}") {
        bail!("{name} answers {said:?} to {request:?}, not 200 and {length} bytes: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn start_backends(scratch: &Path) -> Result<(Backends, Vec<Process>)> {
    let mut processes = Vec::new();
    let mut backend = |name: &str, more: &[&str]| -> Result<SocketAddr> {
        let address = free_address()?;
        let arguments: Vec<String> = ["bench-backend", &address.to_string()].iter().chain(more).map(|&word| word.to_owned()).collect();
        processes.push(Process::start(name, CLIENT_CORE, &std::env::current_exe()?, &arguments, scratch)?);
        if !more.contains(&"--datagrams") {
            processes.last_mut().context("the backend was just started")?.wait_for(address)?;
        }
        Ok(address)
    };
    let length = SMALL.to_string();
    let small = (0..3).map(|index| backend(&format!("backend-{index}"), &[&length])).collect::<Result<Vec<_>>>()?;
    let brief = backend("backend-brief", &[&length, "--brief"])?;
    let udp = (0..3).map(|index| backend(&format!("datagrams-{index}"), &["--datagrams"])).collect::<Result<Vec<_>>>()?;
    let (large, grpc) = (free_address()?, free_address()?);
    let files = scratch.join("www");
    std::fs::create_dir_all(&files)?;
    std::fs::write(files.join("large"), vec![b'x'; 1 << 20])?;
    std::fs::write(files.join("call"), MESSAGE)?;
    std::fs::write(message(scratch), MESSAGE)?;
    let nginx = peers::find("nginx")?;
    processes.push(start("files", &nginx.program, &configs::files(large, scratch), "nginx", CLIENT_CORE, large, scratch)?);
    let nghttpd = peers::find("nghttpd")?;
    let arguments = ["--no-tls", "--address=127.0.0.1", "--trailer=grpc-status: 0", "-d", &files.display().to_string(), &grpc.port().to_string()]
        .map(str::to_owned);
    let mut process = Process::start("calls", CLIENT_CORE, &nghttpd.program, &arguments, scratch)?;
    process.wait_for(grpc)?;
    processes.push(process);
    Ok((Backends { small, large, grpc, brief, udp }, processes))
}

/// Writes a configuration and starts the program that reads it.
fn start(name: &str, program: &Path, config: &str, dialect: &str, core: usize, address: SocketAddr, scratch: &Path) -> Result<Process> {
    let file = scratch.join(format!("{name}.conf{}", if dialect == "envoy" { ".json" } else { "" }));
    std::fs::write(&file, config)?;
    let mut process = Process::start(name, core, program, &configs::arguments(dialect, &file, scratch), scratch)?;
    process.wait_for(address)?;
    Ok(process)
}

fn start_ours(name: &'static str, binary: &Path, arena: &Arena, backends: &Backends, identity: &Identity) -> Result<(Proxy, SocketAddr)> {
    let mut ours = Fairlead::start(name, binary, &arena.scratch, &[])?;
    // Two builds side by side have addresses of their own for their Services.
    let third = if name == "fairlead" { 77 } else { 78 };
    let address = |last: u8| SocketAddr::from(([127, 96, third, last], 80));
    let doors = Doors { tcp: address(77), brief: address(78), bulk: address(79), udp: address(80), ..Doors::free()? };
    let crowded = free_address()?;
    let relays: [(&str, &[SocketAddr], SocketAddr, &str); 4] = [
        ("relayed", &backends.small, doors.tcp, "TCP"),
        ("brief", &[backends.brief], doors.brief, "TCP"),
        ("bulk", &[backends.large], doors.bulk, "TCP"),
        ("datagrams", &backends.udp, doors.udp, "UDP"),
    ];
    let relayed = relays.into_iter().flat_map(|(name, backends, door, protocol)| {
        let mut objects = fairlead::service(name, backends);
        objects[0]["spec"]["clusterIP"] = door.ip().to_string().into();
        objects[0]["spec"]["ports"][0]["protocol"] = protocol.into();
        objects[1..].iter_mut().for_each(|slice| slice["ports"][0]["protocol"] = protocol.into());
        objects
    });
    let mut calls = fairlead::service("calls", &[backends.grpc]);
    calls[0]["spec"]["ports"][0]["appProtocol"] = "kubernetes.io/h2c".into();
    let mut objects = [fairlead::service("small", &backends.small), fairlead::service("large", &[backends.large]), calls].concat();
    objects.extend(relayed);
    objects.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bench", "namespace": "default"}, "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": std::fs::read_to_string(&identity.certificate)?, "tls.key": std::fs::read_to_string(&identity.key)?}}));
    let any = json!({"path": {"type": "PathPrefix", "value": "/"}});
    for (name, door, service) in
        [("plain", doors.plain, "small"), ("tls", doors.tls, "small"), ("large", doors.large, "large"), ("calls", doors.grpc, "calls")]
    {
        objects.push(fairlead::gateway(name, door.port(), (name == "tls").then_some("bench")));
        objects.push(fairlead::route(name, name, service, &any));
    }
    objects.push(fairlead::gateway("crowd", crowded.port(), None));
    objects.extend((0..CROWD).map(crowd_route));
    ours.create(&objects, &arena.scratch)?;
    for url in [
        url("http", doors.plain),
        url("https", doors.tls),
        url("http", crowded),
        url("http", doors.large) + "large",
        url("http", doors.tcp),
        url("http", doors.brief),
    ] {
        ours.wait_for_url(&url, &matched_headers()).context("a route of ours")?;
    }
    Ok((Proxy { name, process: ours.process, doors }, crowded))
}

/// The last route is the one that the requests match; the others differ in the last header.
fn crowd_route(index: usize) -> Value {
    let value = |header: usize| if header + 1 == MATCHED && index + 1 < CROWD { format!("other-{index}") } else { format!("value-{header}") };
    let headers: Vec<Value> = (0..MATCHED).map(|header| json!({"name": format!("x-match-{header}"), "value": value(header)})).collect();
    fairlead::route(&format!("crowd-{index}"), "crowd", "small", &json!({"path": {"type": "PathPrefix", "value": "/"}, "headers": headers}))
}

/// A P-256 certificate for the TLS contests, made by openssl.
fn identity(scratch: &Path) -> Result<Identity> {
    let (certificate, key): (PathBuf, PathBuf) = (scratch.join("bench.crt"), scratch.join("bench.key"));
    let names = ["-subj", "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example,IP:127.0.0.1"];
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"])
        .args(names)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .context("running openssl")?;
    if !output.status.success() {
        bail!("openssl made no certificate: {}", String::from_utf8_lossy(&output.stderr));
    }
    // Certificate and key in one file, as haproxy wants them.
    std::fs::write(scratch.join("bench.pem"), [std::fs::read(&certificate)?, std::fs::read(&key)?].concat())?;
    Ok(Identity { certificate, key })
}
