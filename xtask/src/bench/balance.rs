//! What a pick of an endpoint costs by strategy, and how long a table takes to build (balance spec F4, F5).

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contest::{Goal, measured};
use super::{Arena, machine};

/// Endpoints of the pool that goals are for.
const ENDPOINTS: u64 = 1_000;
const PICK_NS: f64 = 25.0;
const MAGLEV_US: f64 = 2_000.0;

/// Figures by strategy: of a pick, of the build.
type Figures = BTreeMap<String, [Vec<f64>; 2]>;

/// Runs the bench of crate `balance` as often as there are rounds.
pub fn run(arena: &Arena) -> Result<Value> {
    let mut figures = Figures::new();
    for _ in 0..arena.rounds.min(3) {
        round(&mut figures)?;
    }
    let mut contests = Vec::new();
    for (strategy, [picks, builds]) in &figures {
        let word = strategy.to_ascii_lowercase();
        contests.push(measured(
            &format!("pick-{word}"),
            &format!("a pick of {strategy} among {ENDPOINTS} endpoints"),
            "ns",
            picks,
            &Goal::Below(PICK_NS),
        )?);
        if strategy == "Maglev" {
            let title = format!("a Maglev table of 65,537 slots for {ENDPOINTS} endpoints");
            contests.push(measured("maglev-build", &title, "us", builds, &Goal::Below(MAGLEV_US))?);
        }
    }
    Ok(json!({"versions": [machine::first_line(&arena.binary.display().to_string(), &["--version"])], "contests": contests}))
}

fn round(figures: &mut Figures) -> Result<()> {
    let arguments = ["bench", "--package", "fairlead-balance", "--bench", "picks", "--", "--json"];
    let output = Command::new(env!("CARGO")).args(arguments).output().context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("the bench of crate balance failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(row) = serde_json::from_str::<Value>(line) else { continue };
        if row["n"].as_u64() != Some(ENDPOINTS) {
            continue;
        }
        let strategy = row["strategy"].as_str().context("strategy")?.to_owned();
        let all = figures.entry(strategy).or_default();
        for (kept, name) in all.iter_mut().zip(["pick_ns", "build_us"]) {
            kept.push(row[name].as_f64().context(name)?);
        }
    }
    if figures.is_empty() {
        bail!("the bench of crate balance printed no figures");
    }
    Ok(())
}
