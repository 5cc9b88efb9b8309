//! How the Go server writes a field that holds nothing. Neither crate knows it: it follows from the Go type being a
//! pointer and from `omitempty` and `omitzero`. `facts.txt` keeps these three bits for every field of the tables;
//! `cargo xtask codegen --facts DIR...` rereads them from unpacked Go modules (`k8s.io/api`, `k8s.io/apimachinery`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::pb::normal;

/// The three bits of one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// The Go type is a pointer.
    pub pointer: bool,
    /// There is no `omitempty`.
    pub always: bool,
    /// `omitzero`.
    pub omitzero: bool,
}

/// Facts by message key, then by JSON name.
pub type Facts = BTreeMap<String, BTreeMap<String, Fact>>;

/// Parses the committed text: `message field=flags ...`, one message a line.
pub fn parse(text: &str) -> Facts {
    let mut facts = Facts::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(message) = words.next() else { continue };
        let fields = facts.entry(message.to_owned()).or_default();
        for (name, flags) in words.filter_map(|w| w.split_once('=')) {
            let has = |c| flags.contains(c);
            fields.insert(name.to_owned(), Fact { pointer: has('p'), always: has('a'), omitzero: has('z') });
        }
    }
    facts
}

/// The text that `parse` reads, for the messages named in `wanted` only.
pub fn print(facts: &Facts, wanted: &BTreeSet<String>) -> String {
    let mut out = String::from(
        "# Go facts of the fields in the tables: p = pointer, a = without omitempty, z = omitzero; a field that is not\n\
         # named has none of them. Remade by `cargo xtask codegen --facts DIR...`.\n",
    );
    for (message, fields) in facts.iter().filter(|(m, _)| wanted.contains(*m)) {
        let mut line = message.clone();
        for (name, fact) in fields {
            let flags: String =
                [(fact.pointer, 'p'), (fact.always, 'a'), (fact.omitzero, 'z')].iter().filter_map(|(set, c)| set.then_some(*c)).collect();
            if !flags.is_empty() {
                let _ = write!(line, " {name}={flags}");
            }
        }
        line.push('\n');
        out.push_str(&line);
    }
    out
}

/// Reads the struct declarations of one unpacked Go module. `prefix` is the module's place in the message keys:
/// `api` or `apimachinery`.
pub fn read_go(module: &Path, prefix: &str, facts: &mut Facts) -> Result<()> {
    let mut folders = vec![module.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{}: not readable", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.ends_with(".go") || name.ends_with("_test.go") || name.starts_with("zz_") || name.contains(".pb.") {
                continue;
            }
            let inside = folder.strip_prefix(module)?.to_string_lossy().replace('/', ".");
            structs(&std::fs::read_to_string(&path)?, &format!("{prefix}.{inside}"), facts);
        }
    }
    Ok(())
}

fn structs(text: &str, package: &str, facts: &mut Facts) {
    let mut current: Option<String> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("type ").and_then(|l| l.strip_suffix(" struct {")) {
            current = Some(normal(&format!("{package}.{name}")));
        } else if line == "}" {
            current = None;
        } else if let (Some(message), Some((declaration, tag))) = (&current, line.split_once("`json:\"")) {
            let tag = tag.split('"').next().unwrap_or_default();
            let mut parts = tag.split(',');
            let name = parts.next().unwrap_or_default();
            if name.is_empty() || name == "-" {
                continue;
            }
            let options: Vec<&str> = parts.collect();
            let fact = Fact {
                pointer: declaration.split_whitespace().nth(1).is_some_and(|t| t.starts_with('*')),
                always: !options.contains(&"omitempty") && !options.contains(&"omitzero"),
                omitzero: options.contains(&"omitzero"),
            };
            facts.entry(message.clone()).or_default().insert(name.to_owned(), fact);
        }
    }
}
