//! `cargo xtask test`: everything that must hold, in the order in which it fails fastest.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Programs that some tests drive; without one, those tests are skipped by name.
const CLIENTS: [(&str, &str); 6] = [
    ("kubectl", "scripts that drive the API with kubectl"),
    ("dig", "scripts that ask with dig"),
    ("curl", "scripts that fetch with curl"),
    ("node", "the resolver test of the Node.js sample"),
    ("ip", "tests in network namespaces"),
    ("strace", "the bounds of system calls per request"),
];

/// Runs every check; stops at the first group that fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let fast = arguments.iter().any(|argument| argument == "--fast");
    crate::layering::run()?;
    if !fast {
        crate::codegen::run(&["--check".to_owned()])?;
        cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"])?;
    }
    cargo(&["build", "--quiet", "--package", "fairlead"])?;
    let everything = ["test", "--workspace", "--no-fail-fast"];
    if let Err(first) = cargo(&everything) {
        // As the acceptance suite does: a test that fails once and then holds is noise or a race worth finding, and is told.
        println!("FLAKY OR BROKEN: {first}; trying once more");
        cargo(&everything)?;
        println!("FLAKY: something above failed once and then held");
    }
    let missing: Vec<_> = CLIENTS.iter().filter(|(program, _)| !on_path(program)).collect();
    for (program, what) in &missing {
        println!("SKIPPED: {what}: no `{program}` on PATH");
    }
    let skipped = std::fs::read_to_string(skipped()).unwrap_or_default();
    let skipped: BTreeSet<&str> = skipped.lines().collect();
    skipped.iter().for_each(|line| println!("{line}"));
    let _ = std::fs::remove_file(self::skipped());
    println!("xtask test: all groups passed, {} client programs missing, {} scripts skipped", missing.len(), skipped.len());
    Ok(())
}

/// Where tests leave word of what they could not do here; cargo does not show what a test that passes prints.
fn skipped() -> PathBuf {
    std::env::temp_dir().join(format!("fairlead-skipped-{}", std::process::id()))
}

fn cargo(arguments: &[&str]) -> Result<()> {
    println!("$ cargo {}", arguments.join(" "));
    let status = Command::new(env!("CARGO")).args(arguments).env("FAIRLEAD_SKIPPED", skipped()).status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
