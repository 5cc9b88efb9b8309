//! The arrows between crates: who may use whom. Arrows only go down; planes never import one another.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A crate, what it may use of ours, and what it must never use of theirs.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const ASYNC: &[&str] = &["tokio", "hyper", "kube", "rustix", "socket2"];
const KUBERNETES: &[&str] = &["kube", "k8s-openapi"];

const ROOMS: &[Room] = &[
    Room { name: "model", may_use: &[], never: ASYNC },
    Room { name: "api", may_use: &[], never: ASYNC },
    Room { name: "store", may_use: &[], never: KUBERNETES },
    Room { name: "net", may_use: &[], never: KUBERNETES },
    Room { name: "observe", may_use: &[], never: KUBERNETES },
    Room { name: "schema", may_use: &["api"], never: ASYNC },
    Room { name: "balance", may_use: &["model"], never: ASYNC },
    Room { name: "compile", may_use: &["api", "model"], never: ASYNC },
    Room { name: "watch", may_use: &["api", "observe"], never: &[] },
    Room { name: "source", may_use: &["api", "compile", "watch", "net", "observe"], never: &[] },
    Room { name: "apiserver", may_use: &["api", "schema", "store", "observe"], never: &[] },
    Room { name: "control", may_use: &["api", "model", "watch", "net", "observe"], never: &[] },
    Room { name: "node", may_use: &["api", "model", "watch", "net", "observe"], never: &[] },
    Room { name: "dns", may_use: &["model", "balance", "net", "observe"], never: KUBERNETES },
    Room { name: "proxy", may_use: &["model", "balance", "net", "observe"], never: KUBERNETES },
];

/// Checks every normal dependency of every crate; development dependencies may point anywhere but up to `fairlead`.
pub fn run() -> Result<()> {
    let output =
        Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1", "--offline"]).output().context("cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata did not answer with JSON")?;
    let packages: BTreeMap<String, &Value> = metadata["packages"]
        .as_array()
        .context("no packages")?
        .iter()
        .map(|package| (room_of(package["name"].as_str().unwrap_or_default()), package))
        .collect();
    let mut wrong = Vec::new();
    for (name, package) in &packages {
        if ["fairlead", "testkit", "xtask"].contains(&name.as_str()) {
            continue;
        }
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            wrong.push(format!("crate {name} has no row in the table: add it to xtask/src/layering.rs and ARCHITECTURE.md"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten().filter(|one| one["kind"].is_null()) {
            let used = dependency["name"].as_str().unwrap_or_default();
            let ours = room_of(used);
            if packages.contains_key(&ours) && used.starts_with("fairlead") && !room.may_use.contains(&ours.as_str()) {
                wrong.push(format!("{name} uses {ours}: it may use {:?}", room.may_use));
            } else if room.never.contains(&used) {
                wrong.push(format!("{name} uses {used}: it must never know it"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("layering:\n  {}", wrong.join("\n  "));
    }
    println!("layering: {} crates, every arrow points down", packages.len());
    Ok(())
}

fn room_of(package: &str) -> String {
    package.strip_prefix("fairlead-").unwrap_or(package).to_owned()
}
