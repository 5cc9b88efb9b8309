//! What a server weighs and how soon it is there: resident memory and time from exec to `/readyz`, with little and with much in the store.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::{Value, json};

use super::contest::{Goal, measured};
use super::fairlead::{self, Fairlead};
use super::{Arena, load, machine};

/// Objects in the store for the long start.
const MANY: usize = 100_000;

/// Starts and weighs.
pub fn run(arena: &Arena) -> Result<Value> {
    let starts = |name: &str| -> Result<(Vec<f64>, Vec<f64>)> {
        let mut times = Vec::new();
        let mut weights = Vec::new();
        for _ in 0..arena.rounds {
            let server = Fairlead::start(name, &arena.binary, &arena.scratch, &[])?;
            times.push(server.ready_ms);
            weights.push(settled(&server)?);
        }
        Ok((times, weights))
    };
    let (empty_ms, idle_mb) = starts("fairlead-empty")?;
    let small = with_services(arena, "fairlead-1000", 1_000, 3)?;
    let large = with_services(arena, "fairlead-10000", 10_000, 10)?;
    fill(arena)?;
    let (full_ms, _) = starts("fairlead-full")?;
    let contests = [
        measured("memory-idle", "resident memory at rest", "MB", &idle_mb, &Goal::Below(40.0)),
        measured("memory-1000", "resident memory with 1,000 Services of 3 endpoints", "MB", &[small], &Goal::Below(60.0)),
        measured("memory-10000", "resident memory with 10,000 Services of 10 endpoints", "MB", &[large], &Goal::Below(250.0)),
        measured("start-empty", "from exec to ready, empty", "ms", &empty_ms, &Goal::Below(100.0)),
        measured("start-full", "from exec to ready, with 100,000 objects", "ms", &full_ms, &Goal::Below(1000.0)),
    ];
    Ok(
        json!({"versions": [machine::first_line(&arena.binary.display().to_string(), &["--version"])], "contests": contests.into_iter().collect::<Result<Vec<_>>>()?}),
    )
}

/// Megabytes after two seconds of rest.
fn settled(server: &Fairlead) -> Result<f64> {
    std::thread::sleep(std::time::Duration::from_secs(2));
    Ok(server.process.usage()?.resident_bytes as f64 / 1e6)
}

fn with_services(arena: &Arena, name: &str, services: usize, endpoints: u8) -> Result<f64> {
    let server = Fairlead::start(name, &arena.binary, &arena.scratch, &[])?;
    let mut objects = Vec::new();
    for index in 0..services {
        let first = SocketAddr::from(([10, (index >> 8) as u8, index as u8, 1], 8080));
        let mut pair = fairlead::service(&format!("service-{index}"), &[first]);
        let addresses: Vec<Value> = (1..=endpoints)
            .map(|host| json!({"addresses": [format!("10.{}.{}.{host}", index >> 8, index & 255)], "conditions": {"ready": true}}))
            .collect();
        pair[1]["endpoints"] = addresses.into();
        objects.extend(pair);
    }
    server.create(&objects, &arena.scratch)?;
    settled(&server)
}

/// Puts a hundred thousand ConfigMaps into the store of the server that is started next by this name.
fn fill(arena: &Arena) -> Result<()> {
    let server = Fairlead::start("fairlead-full", &arena.binary, &arena.scratch, &[])?;
    let body = arena.scratch.join("small.json");
    std::fs::write(
        &body,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "bench-"}, "data": {"filling": "x".repeat(700)}}).to_string(),
    )?;
    let arguments = [
        "-c64".to_owned(),
        "-m1".to_owned(),
        "-t1".to_owned(),
        format!("-n{MANY}"),
        "-H".to_owned(),
        "content-type: application/json".to_owned(),
        "-H".to_owned(),
        format!("authorization: Bearer {}", server.token()?),
        "-d".to_owned(),
        body.display().to_string(),
        format!("https://{}/api/v1/namespaces/default/configmaps", server.address("api")?),
    ];
    load::h2load(&arguments, &arena.scratch)?;
    Ok(())
}
