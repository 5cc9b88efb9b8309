//! HTTP: the same three backends behind fairlead, haproxy, nginx and Envoy, each on one core.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contest::{Contest, Entrant, Figure, Goal, Sample};
use super::fairlead::{self, Fairlead};
use super::process::{CLIENT_CORE, Process, SERVER_CORE, free_address};
use super::{Arena, configs, load, peers};

/// Body of the small reply in bytes.
const SMALL: usize = 64;
/// Routes of the crowded listener.
const CROWD: usize = 1000;
/// Headers that each route of the crowd matches and each request of every contest on routes carries.
const MATCHED: usize = 5;

/// One proxy that takes part, and its doors.
struct Proxy {
    name: &'static str,
    process: Process,
    plain: SocketAddr,
    tls: SocketAddr,
    large: SocketAddr,
}

/// Everything that runs during the contests.
struct Field {
    proxies: Vec<Proxy>,
    crowded: SocketAddr,
    missing: Vec<String>,
    versions: Vec<String>,
    _backends: Vec<Process>,
}

/// All HTTP contests.
pub fn run(arena: &Arena) -> Result<Value> {
    let field = set_up(arena)?;
    field.agree()?;
    let mut contests = vec![
        field
            .contest(
                "http1-keep-alive",
                "HTTP/1 keep-alive, 64 B reply, 32 connections",
                vec![Goal::AtMost(0.83, "haproxy"), Goal::AtMost(0.95, "nginx")],
                |proxy| wrk(arena, url("http", proxy.plain), 32, false),
            )
            .run(arena.rounds)?,
        field.routes(arena).run(arena.rounds)?,
        field
            .contest("http1-connections", "HTTP/1, a new connection per request", vec![Goal::AtMost(0.9, "haproxy")], |proxy| {
                wrk(arena, url("http", proxy.plain), 32, true)
            })
            .run(arena.rounds)?,
        field
            .contest(
                "http1-megabyte",
                "HTTP/1, 1 MB replies from a sendfile backend, 4 connections",
                vec![Goal::AtMostBest(0.9, &["nginx", "haproxy"])],
                |proxy| wrk(arena, url("http", proxy.large) + "/large", 4, false),
            )
            .run(arena.rounds)?,
        field
            .contest("tls-handshakes", "TLS 1.3, a new P-256 session per request, no tickets", vec![Goal::AtMost(0.8, "nginx")], |proxy| {
                wrk(arena, url("https", proxy.tls), 16, true)
            })
            .run(arena.rounds)?,
        field
            .contest("http2-streams", "HTTP/2 over TLS, 8 connections of 16 streams, 64 B replies", vec![Goal::AtMost(0.8, "nginx")], |proxy| {
                h2(arena, proxy.tls)
            })
            .run(arena.rounds)?,
    ];
    let mut paced =
        field.contest("http1-latency", "HTTP/1, added latency at a fixed 5,000 requests a second", vec![Goal::AtMost(1.0, "haproxy")], |proxy| {
            paced(arena, proxy.plain)
        });
    paced.figure = Figure::P99;
    contests.push(paced.run(arena.rounds)?);
    Ok(json!({"versions": field.versions, "contests": contests}))
}

fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{address}/")
}

fn wrk(arena: &Arena, url: String, connections: usize, close: bool) -> Result<Sample> {
    let mut headers = matched_headers();
    headers.extend(close.then(|| "connection: close".to_owned()));
    load::wrk(&url, connections, arena.seconds, &headers)
}

fn h2(arena: &Arena, address: SocketAddr) -> Result<Sample> {
    let arguments = ["-c8", "-m16", "-t1", &format!("-D{:.0}", arena.seconds), &format!("https://{address}/")].map(str::to_owned);
    load::h2load(&arguments, &arena.scratch)
}

fn paced(arena: &Arena, address: SocketAddr) -> Result<Sample> {
    let arguments = ["--h1", "-c20", "--rps=250", "-t1", &format!("-D{:.0}", arena.seconds), &format!("http://{address}/")].map(str::to_owned);
    load::h2load(&arguments, &arena.scratch)
}

fn matched_headers() -> Vec<String> {
    (0..MATCHED).map(|index| format!("x-match-{index}: value-{index}")).collect()
}

impl Field {
    fn contest<'a>(
        &'a self,
        slug: &'static str,
        title: &'static str,
        goals: Vec<Goal>,
        load: impl Fn(&Proxy) -> Result<Sample> + Copy + 'a,
    ) -> Contest<'a> {
        let entrants = self
            .proxies
            .iter()
            .map(|proxy| Entrant { name: proxy.name.to_owned(), usage: Box::new(|| proxy.process.usage()), load: Box::new(move || load(proxy)) })
            .collect();
        Contest { slug, title, figure: Figure::CpuPerOperation, entrants, goals, missing: self.missing.clone() }
    }

    /// Ourselves with a thousand routes against ourselves with one.
    fn routes<'a>(&'a self, arena: &'a Arena) -> Contest<'a> {
        let ours = &self.proxies[0];
        let entrant = |name: &str, address: SocketAddr| Entrant {
            name: name.to_owned(),
            usage: Box::new(|| ours.process.usage()),
            load: Box::new(move || wrk(arena, url("http", address), 32, false)),
        };
        Contest {
            slug: "http1-routes",
            title: "HTTP/1 keep-alive with 1,000 HTTPRoutes and 5 headers matched, against one route",
            figure: Figure::CpuPerOperation,
            entrants: vec![entrant("fairlead", self.crowded), entrant("one route", ours.plain)],
            goals: vec![Goal::AtMost(1.05, "one route")],
            missing: Vec::new(),
        }
    }

    /// All give the same answers, before anything is timed.
    fn agree(&self) -> Result<()> {
        for (what, door, length) in [("small", 0, SMALL), ("tls", 1, SMALL), ("large", 2, 1 << 20)] {
            for proxy in &self.proxies {
                let url = match door {
                    0 => url("http", proxy.plain),
                    1 => url("https", proxy.tls),
                    _ => url("http", proxy.large) + "large",
                };
                let output = Command::new("curl")
                    .args([
                        "--silent",
                        "--show-error",
                        "--insecure",
                        "--max-time",
                        "10",
                        "--output",
                        "/dev/null",
                        "--write-out",
                        "%{http_code} %{size_download}",
                        &url,
                    ])
                    .output()?;
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                if said != format!("200 {length}") {
                    bail!(
                        "{} answers {said:?} to the {what} request, not 200 and {length} bytes: {}",
                        proxy.name,
                        String::from_utf8_lossy(&output.stderr)
                    );
                }
            }
        }
        Ok(())
    }
}

fn set_up(arena: &Arena) -> Result<Field> {
    let scratch = &arena.scratch;
    let (certificate, key) = certificate(scratch)?;
    let mut backends = Vec::new();
    let mut small = Vec::new();
    for index in 0..3 {
        let address = free_address()?;
        let arguments = ["bench-backend", &address.to_string(), &SMALL.to_string()].map(str::to_owned);
        let mut process = Process::start(&format!("backend-{index}"), CLIENT_CORE, &std::env::current_exe()?, &arguments, scratch)?;
        process.wait_for(address)?;
        backends.push(process);
        small.push(address);
    }
    let nginx = peers::find("nginx")?;
    let large = free_address()?;
    std::fs::create_dir_all(scratch.join("www"))?;
    std::fs::write(scratch.join("www/large"), vec![b'x'; 1 << 20])?;
    backends.push(start("files", &nginx.program, &configs::files(large, scratch), "nginx", CLIENT_CORE, large, scratch)?);

    let (ours, crowded) = start_ours(arena, &small, large, &certificate, &key)?;
    let mut field = Field {
        proxies: vec![ours],
        crowded,
        missing: Vec::new(),
        versions: vec![super::machine::first_line(&arena.binary.display().to_string(), &["--version"])],
        _backends: backends,
    };
    for name in ["haproxy", "nginx", "envoy"] {
        let entered = peers::find(name).and_then(|peer| {
            let doors = [free_address()?, free_address()?, free_address()?];
            let config = configs::proxy(name, &doors, &small, large, &certificate, &key, scratch)?;
            let process = start(&format!("proxy-{name}"), &peer.program, &config, name, SERVER_CORE, doors[0], scratch)?;
            Ok((Proxy { name, process, plain: doors[0], tls: doors[1], large: doors[2] }, peer.version))
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

/// Writes a configuration and starts the program that reads it.
fn start(name: &str, program: &Path, config: &str, dialect: &str, core: usize, address: SocketAddr, scratch: &Path) -> Result<Process> {
    let file = scratch.join(format!("{name}.conf{}", if dialect == "envoy" { ".json" } else { "" }));
    std::fs::write(&file, config)?;
    let mut process = Process::start(name, core, program, &configs::arguments(dialect, &file, scratch), scratch)?;
    process.wait_for(address)?;
    Ok(process)
}

fn start_ours(arena: &Arena, small: &[SocketAddr], large: SocketAddr, certificate: &Path, key: &Path) -> Result<(Proxy, SocketAddr)> {
    let mut ours = Fairlead::start("fairlead", &arena.binary, &arena.scratch, &[])?;
    let doors = [free_address()?, free_address()?, free_address()?, free_address()?];
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bench", "namespace": "default"}, "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": std::fs::read_to_string(certificate)?, "tls.key": std::fs::read_to_string(key)?}});
    let any = json!({"path": {"type": "PathPrefix", "value": "/"}});
    let mut objects = [fairlead::service("small", small), fairlead::service("large", &[large])].concat();
    objects.extend([
        secret,
        fairlead::gateway("plain", doors[0].port(), None),
        fairlead::gateway("tls", doors[1].port(), Some("bench")),
        fairlead::gateway("large", doors[2].port(), None),
        fairlead::gateway("crowd", doors[3].port(), None),
        fairlead::route("plain", "plain", "small", &any),
        fairlead::route("tls", "tls", "small", &any),
        fairlead::route("large", "large", "large", &any),
    ]);
    for index in 0..CROWD {
        // The last route is the one that the requests match; the others differ in the last header.
        let value = |header: usize| if header + 1 == MATCHED && index + 1 < CROWD { format!("other-{index}") } else { format!("value-{header}") };
        let headers: Vec<Value> = (0..MATCHED).map(|header| json!({"name": format!("x-match-{header}"), "value": value(header)})).collect();
        objects.push(fairlead::route(
            &format!("crowd-{index}"),
            "crowd",
            "small",
            &json!({"path": {"type": "PathPrefix", "value": "/"}, "headers": headers}),
        ));
    }
    ours.create(&objects, &arena.scratch)?;
    for (scheme, door) in [("http", doors[0]), ("https", doors[1]), ("http", doors[3])] {
        ours.wait_for_url(&url(scheme, door), &matched_headers()).context("a route of ours")?;
    }
    ours.wait_for_url(&(url("http", doors[2]) + "large"), &[])?;
    Ok((Proxy { name: "fairlead", process: ours.process, plain: doors[0], tls: doors[1], large: doors[2] }, doors[3]))
}

/// A P-256 certificate for the TLS contests, made by openssl.
fn certificate(scratch: &Path) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (scratch.join("bench.crt"), scratch.join("bench.key"));
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=bench.example",
            "-addext",
            "subjectAltName=DNS:bench.example,IP:127.0.0.1",
            "-keyout",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .context("running openssl")?;
    if !status.status.success() {
        bail!("openssl made no certificate: {}", String::from_utf8_lossy(&status.stderr));
    }
    // Certificate and key in one file, as haproxy wants them.
    std::fs::write(scratch.join("bench.pem"), [std::fs::read(&certificate)?, std::fs::read(&key)?].concat())?;
    Ok((certificate, key))
}
