//! How soon a write to the API is what clients get, and how soon a dead process gets no more requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contest::{Goal, measured};
use super::fairlead::{self, Fairlead, collection};
use super::process::{CLIENT_CORE, Process, free_address};
use super::{Arena, dns, machine};

/// Services that are there already.
const CROWD: usize = 1_000;
/// Writes of each kind in a round.
const WRITES: usize = 200;
/// How long an effect may take before the round counts for nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes, asks, and kills.
pub fn run(arena: &Arena) -> Result<Value> {
    let (mut names, mut routes) = (Vec::new(), Vec::new());
    let mut stage = Stage::set(arena)?;
    for round in 0..arena.rounds {
        let (name, route) = stage.round(round)?;
        names.push(name);
        routes.push(route);
    }
    drop(stage);
    let kills = (0..arena.rounds).map(|_| kill(arena)).collect::<Result<Vec<_>>>()?;
    let (last, failed): (Vec<f64>, Vec<f64>) = kills.into_iter().unzip();
    let contests = [
        measured("live-names", "from a write of a Service to its name in DNS, 99th percentile of 200", "ms", &names, &Goal::Below(20.0)),
        measured("live-routes", "from a write of an HTTPRoute to its first answer, 99th percentile of 200", "ms", &routes, &Goal::Below(20.0)),
        measured(
            "live-kill",
            "from kill -9 of a process under a thousand requests a second to the last request sent to it",
            "ms",
            &last,
            &Goal::Below(100.0),
        ),
        measured("live-kill-failures", "requests that failed by such a kill", "requests", &failed, &Goal::Below(0.0)),
    ];
    let version = machine::first_line(&arena.binary.display().to_string(), &["--version"]);
    Ok(json!({"versions": [version], "contests": contests.into_iter().collect::<Result<Vec<_>>>()?}))
}

/// A server with a thousand Services, a Gateway and a backend.
struct Stage {
    server: Fairlead,
    api: Api,
    door: SocketAddr,
    _backend: Process,
}

impl Stage {
    fn set(arena: &Arena) -> Result<Self> {
        let server = Fairlead::start("fairlead-live", &arena.binary, &arena.scratch, &[])?;
        let (address, door) = (free_address()?, free_address()?);
        let arguments = ["bench-backend".to_owned(), address.to_string(), "64".to_owned()];
        let mut backend = Process::start("live-backend", CLIENT_CORE, &std::env::current_exe()?, &arguments, &arena.scratch)?;
        backend.wait_for(address)?;
        let mut objects: Vec<Value> = (0..CROWD).flat_map(|index| fairlead::service(&format!("crowd-{index}"), &[address; 3])).collect();
        objects.extend(fairlead::service("target", &[address]));
        objects.push(fairlead::gateway("live", door.port(), None));
        server.create(&objects, &arena.scratch)?;
        let api = Api::connect(server.address("api")?, server.token()?)?;
        Ok(Self { server, api, door, _backend: backend })
    }

    /// The 99th percentiles in milliseconds.
    fn round(&mut self, round: usize) -> Result<(f64, f64)> {
        let resolver = self.server.address("dns")?;
        let (mut names, mut routes) = (Vec::new(), Vec::new());
        for index in 0..WRITES {
            let name = format!("live-{round}-{index}");
            let service = &fairlead::service(&name, &[])[0];
            let full = format!("{name}.default.svc.cluster.local");
            names.push(self.until(service, || dns::ask(resolver, &full).is_ok_and(|addresses| !addresses.is_empty()))?);
            let mut route = fairlead::route(&name, "live", "target", &json!({"path": {"type": "PathPrefix", "value": "/"}}));
            route["spec"]["hostnames"] = json!([format!("{name}.test")]);
            let door = self.door;
            routes.push(self.until(&route, || answers(door, &name))?);
        }
        Ok((percentile(names), percentile(routes)))
    }

    /// Milliseconds from before the write until this holds.
    fn until(&mut self, object: &Value, holds: impl Fn() -> bool) -> Result<f64> {
        let began = Instant::now();
        self.api.create(object)?;
        while !holds() {
            if began.elapsed() > PATIENCE {
                bail!("{} had no effect within {} s", object["metadata"]["name"], PATIENCE.as_secs());
            }
        }
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

fn percentile(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() * 99 / 100).copied().unwrap_or(f64::MAX)
}

fn answers(door: SocketAddr, name: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut socket = TcpStream::connect(door)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.write_all(format!("GET / HTTP/1.1\r\nHost: {name}.test\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut reply = String::new();
        socket.read_to_string(&mut reply)?;
        Ok(reply.starts_with("HTTP/1.1 200 "))
    };
    ask().unwrap_or(false)
}

/// One kept connection to the API, encrypted by openssl: a new one for each write would be most of what is measured.
struct Api {
    pipe: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    token: String,
}

impl Api {
    fn connect(address: SocketAddr, token: String) -> Result<Self> {
        let mut pipe = Command::new("openssl")
            .args(["s_client", "-quiet", "-alpn", "http/1.1", "-connect", &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("running openssl")?;
        let input = pipe.stdin.take().context("openssl takes no input")?;
        let output = BufReader::new(pipe.stdout.take().context("openssl gives no output")?);
        Ok(Self { pipe, input, output, token })
    }

    fn create(&mut self, object: &Value) -> Result<()> {
        let body = object.to_string();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: kubernetes\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            collection(object)?,
            self.token,
            body.len()
        );
        self.input.write_all((head + &body).as_bytes())?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let status = line.clone();
        let mut length = None;
        while line.trim_end() != "" {
            line.clear();
            if self.output.read_line(&mut line)? == 0 {
                bail!("the API ended the connection after {status:?}");
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let mut reply = vec![0; length.context("an answer of the API without a length")?];
        self.output.read_exact(&mut reply)?;
        if !status.starts_with("HTTP/1.1 201 ") {
            bail!("the API answers {} with {}", status.trim_end(), String::from_utf8_lossy(&reply));
        }
        Ok(())
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.pipe.kill();
        let _ = self.pipe.wait();
    }
}

/// The demo kills one of three processes under load and says when the last request was sent to it: that in milliseconds, and how many
/// requests failed in all.
fn kill(arena: &Arena) -> Result<(f64, f64)> {
    let output = Command::new(&arena.binary).args(["demo", "--once"]).stdin(Stdio::null()).output().context("running fairlead demo")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("fairlead demo --once ended with {}:\n{said}", output.status);
    }
    let killed = said.split_once("kill -9 ").map(|(_, rest)| rest).with_context(|| format!("the demo kills nothing:\n{said}"))?;
    let after = |words: &str| killed.split_once(words).and_then(|(_, rest)| rest.split_ascii_whitespace().next()?.parse::<f64>().ok());
    let last = after("last request sent to it after ").context("the demo does not say when the last request was sent")?;
    let line = killed.lines().find(|line| line.contains(" requests failed"));
    let failed = line
        .and_then(|line| line.split_once(" of ")?.0.split_ascii_whitespace().last()?.parse::<f64>().ok())
        .context("the demo does not say how many requests failed")?;
    Ok((last, failed))
}
