//! `cargo xtask codegen [--check] [--facts DIR...]`: remakes `crates/schema/src/generated` from the sources of the
//! crates `k8s-pb` (field numbers, markers) and `k8s-openapi` (JSON names), which cargo has already unpacked.

mod emit;
mod facts;
mod join;
mod names;
mod pb;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The release of Kubernetes whose definitions are read; the feature of `k8s-openapi` the workspace is built with.
const RELEASE: &str = "v1_37";

/// Entry of the subcommand. `--check` writes nothing and fails when a committed file differs.
pub fn run(arguments: &[String]) -> Result<()> {
    let check = arguments.iter().any(|a| a == "--check");
    let root = root()?;
    let pb = pb::read(&crate_source("k8s-pb")?.join("src"))?;
    let definitions = names::read(&crate_source("k8s-openapi")?.join("src").join(RELEASE))?;
    let facts_file = root.join("xtask/src/codegen/facts.txt");
    let go = arguments.iter().position(|a| a == "--facts").map(|at| &arguments[at + 1..]);
    let facts = match go {
        Some(modules) => go_facts(modules)?,
        None => facts::parse(&std::fs::read_to_string(&facts_file).context("xtask/src/codegen/facts.txt")?),
    };
    let tables = join::join(&join::Sources { pb: &pb, definitions: &definitions, facts: &facts })?;
    for table in tables.iter().filter(|t| !facts.contains_key(&t.key)) {
        eprintln!("codegen: no Go facts for {}; its fields count as plain ones with omitempty", table.name);
    }
    if go.is_some() {
        let wanted: BTreeSet<String> = tables.iter().map(|t| t.key.clone()).collect();
        let newer = tables.iter().flat_map(|t| t.newer.iter().map(|json| (t.key.clone(), json.clone()))).collect();
        std::fs::write(&facts_file, facts::print(&facts, &wanted, &newer))?;
    }
    let folder = root.join("crates/schema/src/generated");
    let mut files = emit::files(&tables);
    for text in files.values_mut() {
        *text = formatted(&root, text)?;
    }
    if check { compare(&folder, &files) } else { write(&folder, &files) }
}

fn go_facts(modules: &[String]) -> Result<facts::Facts> {
    let mut found = facts::Facts::new();
    for module in modules {
        let prefix = if module.contains("apimachinery") { "apimachinery" } else { "api" };
        facts::read_go(Path::new(module), prefix, &mut found)?;
    }
    Ok(found)
}

fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !files.contains_key(&*entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    for (name, text) in files {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn compare(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    for (name, text) in files {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        if committed != *text {
            bail!("crates/schema/src/generated/{name} differs from its sources; run `cargo xtask codegen`");
        }
    }
    Ok(())
}

/// The text as `rustfmt` with the workspace's settings prints it.
fn formatted(root: &Path, text: &str) -> Result<String> {
    use std::io::Write as _;
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .context("rustfmt")?;
    let mut input = child.stdin.take().context("rustfmt takes its text on stdin")?;
    let text = text.to_owned();
    let feeder = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output()?;
    feeder.join().map_err(|_| anyhow::anyhow!("rustfmt stopped reading"))??;
    if !output.status.success() {
        bail!("rustfmt refuses a generated file");
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest.parent().context("xtask lies inside the workspace")?.to_path_buf())
}

/// Where cargo unpacked a crate of the lockfile, compiled or not.
fn crate_source(name: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(cargo).args(["metadata", "--format-version", "1", "--locked"]).current_dir(root()?).output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let manifest = packages
        .iter()
        .find(|p| p["name"] == name)
        .and_then(|p| p["manifest_path"].as_str())
        .with_context(|| format!("crate {name} is not in the lockfile"))?;
    Ok(Path::new(manifest).parent().context("a manifest lies in a folder")?.to_path_buf())
}
