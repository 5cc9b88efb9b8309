//! The API: durable creates over HTTPS, of fairlead and of kube-apiserver with etcd, each on one core.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contest::{Contest, Entrant, Figure, Goal, Sample};
use super::fairlead::Fairlead;
use super::machine::Usage;
use super::process::{Process, SERVER_CORE, free_address};
use super::{Arena, load, machine, peers};

/// Length of an object in bytes, as JSON.
const OBJECT: usize = 900;

/// A server, the processes that it consists of, and how it is entered.
struct Server {
    name: &'static str,
    processes: Vec<Process>,
    address: SocketAddr,
    token: String,
}

impl Server {
    fn usage(&self) -> Result<Usage> {
        self.processes.iter().try_fold(Usage::default(), |sum, process| {
            let one = process.usage()?;
            Ok(Usage { cpu_s: sum.cpu_s + one.cpu_s, resident_bytes: sum.resident_bytes + one.resident_bytes })
        })
    }

    fn creates(&self, arena: &Arena, body: &Path, clients: usize) -> Result<Sample> {
        let arguments = [
            format!("-c{clients}"),
            "-m1".to_owned(),
            "-t1".to_owned(),
            format!("-D{:.0}", arena.seconds),
            "-H".to_owned(),
            "content-type: application/json".to_owned(),
            "-H".to_owned(),
            format!("authorization: Bearer {}", self.token),
            "-d".to_owned(),
            body.display().to_string(),
            format!("https://{}/api/v1/namespaces/default/configmaps", self.address),
        ];
        load::h2load(&arguments, &arena.scratch)
    }
}

/// Both contests of writes.
pub fn run(arena: &Arena) -> Result<Value> {
    let scratch = &arena.scratch;
    let ours = Fairlead::start("fairlead-api", &arena.binary, scratch, &[])?;
    let (address, token) = (ours.address("api")?, ours.token()?);
    let mut servers = vec![Server { name: "fairlead", processes: vec![ours.process], address, token }];
    let mut versions = vec![machine::first_line(&arena.binary.display().to_string(), &["--version"])];
    let mut missing = Vec::new();
    match upstream(scratch) {
        Ok((server, names)) => {
            servers.push(server);
            versions.extend(names);
        }
        Err(error) => missing.push(format!("kube-apiserver and etcd: {error:#}")),
    }
    let body = scratch.join("configmap.json");
    fs::write(&body, object())?;
    servers.iter().try_for_each(|server| check(server, &body))?;
    let contest = |slug, title, clients, least| Contest {
        slug,
        title,
        figure: Figure::Rate,
        entrants: servers
            .iter()
            .map(|server| Entrant {
                name: server.name.to_owned(),
                usage: Box::new(|| server.usage()),
                load: Box::new({
                    let body = &body;
                    move || server.creates(arena, body, clients)
                }),
            })
            .collect(),
        goals: vec![Goal::AtLeast(least)],
        missing: missing.clone(),
    };
    let one = contest("api-creates-1", "durable creates of 900 B ConfigMaps over HTTPS, 1 client", 1, 2000.0);
    let many = contest("api-creates-64", "durable creates of 900 B ConfigMaps over HTTPS, 64 clients", 64, 8000.0);
    Ok(json!({"versions": versions, "contests": [one.run(arena.rounds)?, many.run(arena.rounds)?]}))
}

fn object() -> String {
    let with = |filling: usize| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "bench-"}, "data": {"filling": "x".repeat(filling)}}).to_string()
    };
    with(OBJECT - with(0).len())
}

/// One create each, and the object comes back with a name of its own.
fn check(server: &Server, body: &Path) -> Result<()> {
    let url = format!("https://{}/api/v1/namespaces/default/configmaps", server.address);
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--insecure",
            "--header",
            "content-type: application/json",
            "--header",
            &format!("authorization: Bearer {}", server.token),
            "--data-binary",
        ])
        .arg(format!("@{}", body.display()))
        .arg(&url)
        .output()
        .context("running curl")?;
    let made: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("{}: {}", server.name, String::from_utf8_lossy(&output.stdout)))?;
    if !made["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("bench-") && name.len() > 6) {
        bail!("{} did not create the object: {made}", server.name);
    }
    Ok(())
}

/// kube-apiserver over one etcd, both with their defaults but for authorization, which ours does not do per object either.
fn upstream(scratch: &Path) -> Result<(Server, Vec<String>)> {
    let (etcd, kube) = (peers::find("etcd")?, peers::find("kube-apiserver")?);
    let (client, peer, address) = (free_address()?, free_address()?, free_address()?);
    let arguments = [
        format!("--data-dir={}", scratch.join("etcd").display()),
        format!("--listen-client-urls=http://{client}"),
        format!("--advertise-client-urls=http://{client}"),
        format!("--listen-peer-urls=http://{peer}"),
        format!("--initial-advertise-peer-urls=http://{peer}"),
        format!("--initial-cluster=default=http://{peer}"),
        "--log-level=error".to_owned(),
    ];
    let mut store = Process::start("etcd", SERVER_CORE, &etcd.program, &arguments, scratch)?;
    store.wait_for(client)?;
    let (key, tokens) = (scratch.join("accounts.key"), scratch.join("tokens.csv"));
    let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").output().context("running openssl")?;
    if !made.status.success() {
        bail!("openssl made no key: {}", String::from_utf8_lossy(&made.stderr));
    }
    fs::write(&tokens, "bench-token,admin,1,system:masters\n")?;
    let arguments = [
        format!("--etcd-servers=http://{client}"),
        format!("--secure-port={}", address.port()),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", scratch.join("kube-certs").display()),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", key.display()),
        format!("--service-account-signing-key-file={}", key.display()),
        format!("--token-auth-file={}", tokens.display()),
        "--authorization-mode=AlwaysAllow".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
    ];
    let mut server = Process::start("kube-apiserver", SERVER_CORE, &kube.program, &arguments, scratch)?;
    let ready = format!("https://{address}/readyz");
    server.wait_until("/readyz says ok", || {
        Command::new("curl")
            .args(["--silent", "--fail", "--insecure", "--output", "/dev/null", "--header", "authorization: Bearer bench-token", &ready])
            .status()
            .is_ok_and(|status| status.success())
    })?;
    let server = Server { name: "kube-apiserver", processes: vec![server, store], address, token: "bench-token".to_owned() };
    Ok((server, vec![kube.version, etcd.version]))
}
