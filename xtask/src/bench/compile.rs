//! What one change costs at 1,000, 10,000 and 100,000 services: from the bytes of a watch event to the published snapshot.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::contest::{Goal, measured};
use super::process::{Process, SERVER_CORE};
use super::{Arena, machine};

/// Random single changes a size.
const CHANGES: u32 = 10_000;

/// Runs the example of crate `compile` for each size.
pub fn run(arena: &Arena) -> Result<Value> {
    let program = build()?;
    let mut p99 = Vec::new();
    let mut contests = Vec::new();
    for services in [1_000, 10_000, 100_000] {
        let mut figures = Vec::new();
        for _ in 0..arena.rounds.min(3) {
            let result = one(arena, &program, services)?;
            println!("  {result}");
            figures.push(result["p99_us"].as_f64().context("p99_us")?);
        }
        let (slug, title) = match services {
            1_000 => ("compile-1000", "one change at 1,000 services of 2 endpoints, 99th percentile"),
            10_000 => ("compile-10000", "one change at 10,000 services of 2 endpoints, 99th percentile"),
            _ => ("compile-100000", "one change at 100,000 services of 2 endpoints, 99th percentile"),
        };
        contests.push(measured(slug, title, "us", &figures, &Goal::Below(1000.0))?);
        p99.push(figures);
    }
    let growth: Vec<f64> = p99[2].iter().zip(&p99[0]).map(|(large, small)| large / small).collect();
    contests.push(measured("compile-growth", "growth of the 99th percentile from 1,000 to 100,000 services", "times", &growth, &Goal::Below(1.5))?);
    Ok(json!({"versions": [machine::first_line(&arena.binary.display().to_string(), &["--version"])], "contests": contests}))
}

fn build() -> Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", "fairlead-compile", "--example", "one_change"])
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!("the example did not build");
    }
    Ok(super::fairlead::target().join("release/examples/one_change"))
}

fn one(arena: &Arena, program: &std::path::Path, services: u32) -> Result<Value> {
    let mut process = Process::start("one-change", SERVER_CORE, program, &[services.to_string(), CHANGES.to_string()], &arena.scratch)?;
    serde_json::from_str(&process.finish()?).context("the line that one_change prints")
}
