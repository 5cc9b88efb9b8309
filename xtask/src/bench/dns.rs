//! DNS over UDP: 10,000 service names, asked in turn, of fairlead, NSD, Knot, Unbound and CoreDNS, each on one core.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contest::{Contest, Entrant, Figure, Goal};
use super::fairlead::Fairlead;
use super::process::{Process, SERVER_CORE, free_address};
use super::{Arena, configs, load, machine, peers};

/// Names in the zone.
const NAMES: u32 = 10_000;
/// Queries a second of the paced contest.
const PACE: u32 = 20_000;

/// One server and where it answers.
struct Server {
    name: &'static str,
    process: Process,
    address: SocketAddr,
}

/// Both DNS contests.
pub fn run(arena: &Arena) -> Result<Value> {
    let scratch = &arena.scratch;
    let zone = zone(scratch)?;
    let queries = queries(scratch)?;
    let (servers, versions, missing) = set_up(arena, &zone)?;
    for server in &servers {
        for index in [0, 1, NAMES / 2, NAMES - 1] {
            let answer = ask(server.address, &name(index))?;
            if answer != [address(index)] {
                bail!("{} answers {answer:?} for {}, not {}", server.name, name(index), address(index));
            }
        }
    }
    let contest = |slug, title, goals, rate| Contest {
        slug,
        title,
        figure: Figure::CpuPerOperation,
        entrants: servers.iter().map(|server| entrant(arena, server, &queries, rate)).collect(),
        goals,
        missing: missing.clone(),
    };
    let saturated =
        contest("dns-saturated", "DNS, 10,000 names, saturated", vec![Goal::AtMostBest(1.0, &["knot", "nsd"]), Goal::AtMost(0.125, "coredns")], None);
    let paced = contest("dns-paced", "DNS, 10,000 names, 20,000 queries a second", vec![Goal::AtMostBest(1.0, &["knot", "nsd"])], Some(PACE));
    Ok(json!({"versions": versions, "contests": [saturated.run(arena.rounds)?, paced.run(arena.rounds)?]}))
}

fn entrant<'a>(arena: &'a Arena, server: &'a Server, queries: &'a Path, rate: Option<u32>) -> Entrant<'a> {
    Entrant {
        name: server.name.to_owned(),
        usage: Box::new(|| server.process.usage()),
        load: Box::new(move || load::dnsperf(server.address, queries, arena.seconds, rate)),
    }
}

fn name(index: u32) -> String {
    format!("service-{index}.default.svc.cluster.local")
}

/// Its cluster address, out of 127.96.0.0/12.
fn address(index: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x7f60_1000 + index)
}

fn zone(scratch: &Path) -> Result<PathBuf> {
    let mut text = String::from(
        "$ORIGIN cluster.local.\n$TTL 5\n@ IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5\n@ IN NS ns.dns.cluster.local.\nns.dns IN A 127.96.0.10\n",
    );
    for index in 0..NAMES {
        let _ = writeln!(text, "{}. IN A {}", name(index), address(index));
    }
    let file = scratch.join("cluster.local.zone");
    fs::write(&file, text)?;
    Ok(file)
}

/// Every name once, in an order that no cache of neighbours likes.
fn queries(scratch: &Path) -> Result<PathBuf> {
    let lines: String = (0..NAMES).map(|index| format!("{} A\n", name(index.wrapping_mul(7919) % NAMES))).collect();
    let file = scratch.join("queries");
    fs::write(&file, lines)?;
    Ok(file)
}

fn set_up(arena: &Arena, zone: &Path) -> Result<(Vec<Server>, Vec<String>, Vec<String>)> {
    peers::find("dnsperf")?;
    let ours = Fairlead::start("fairlead-dns", &arena.binary, &arena.scratch, &[])?;
    let services: Vec<Value> = (0..NAMES)
        .map(|index| {
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("service-{index}"), "namespace": "default"},
                "spec": {"clusterIP": address(index), "ports": [{"name": "http", "port": 80}]}})
        })
        .collect();
    ours.create(&services, &arena.scratch)?;
    let door = ours.address("dns")?;
    let kubeconfig = ours.kubeconfig();
    let mut ours = Server { name: "fairlead", process: ours.process, address: door };
    ours.process.wait_until("the last name is answered", || ask(door, &name(NAMES - 1)).is_ok_and(|answer| !answer.is_empty()))?;
    let mut servers = vec![ours];
    let mut versions = vec![machine::first_line(&arena.binary.display().to_string(), &["--version"])];
    let mut missing = Vec::new();
    for (name, program) in [("knot", "knotd"), ("nsd", "nsd"), ("unbound", "unbound"), ("coredns", "coredns"), ("coredns cached", "coredns")] {
        match start(name, program, zone, &kubeconfig, &arena.scratch) {
            Ok((server, version)) => {
                servers.push(server);
                versions.push(version);
            }
            Err(error) => missing.push(format!("{name}: {error:#}")),
        }
    }
    versions.dedup();
    Ok((servers, versions, missing))
}

fn start(name: &'static str, program: &str, zone: &Path, kubeconfig: &Path, scratch: &Path) -> Result<(Server, String)> {
    let peer = peers::find(program)?;
    let address = free_address()?;
    let home = scratch.join(name.replace(' ', "-"));
    fs::create_dir_all(&home)?;
    let file = home.join("server.conf");
    fs::write(&file, configs::name_server(name, address, zone, kubeconfig, &home)?)?;
    let mut process = Process::start(&name.replace(' ', "-"), SERVER_CORE, &peer.program, &configs::arguments(program, &file, scratch), scratch)?;
    process.wait_until("a name is answered", || ask(address, &self::name(0)).is_ok_and(|answer| !answer.is_empty()))?;
    Ok((Server { name, process, address }, peer.version))
}

/// Asks for the A records of a name; just enough of a client to check answers.
pub fn ask(server: SocketAddr, name: &str) -> Result<Vec<Ipv4Addr>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut query = vec![0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len())?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send_to(&query, server)?;
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).with_context(|| format!("{server} does not answer"))?;
    let reply = &buffer[..length];
    if reply.len() < query.len() || reply[3] & 0x0f != 0 {
        bail!("{server} answers with code {}", reply.get(3).map_or(0, |byte| byte & 0x0f));
    }
    let records = usize::from(u16::from_be_bytes([reply[6], reply[7]]));
    let mut rest = &reply[query.len()..];
    let mut addresses = Vec::new();
    for _ in 0..records {
        // An owner is a pointer, or written out by servers that do not compress.
        while let [length, more @ ..] = rest
            && (1..64).contains(length)
        {
            rest = more.get(usize::from(*length)..).context("a label that runs over the end")?;
        }
        rest = rest.get(if rest.first() == Some(&0) { 1 } else { 2 }..).context("an owner that runs over the end")?;
        // Type, class, ttl, length, address.
        let record = rest.get(..14).context("a record that runs over the end")?;
        addresses.push(Ipv4Addr::new(record[10], record[11], record[12], record[13]));
        rest = &rest[14..];
    }
    Ok(addresses)
}
