//! How the Go server writes a field that holds nothing. Neither crate knows it: it follows from the Go type being a
//! pointer and from `omitempty` and `omitzero`. `facts.txt` keeps these three bits for every field of the tables;
//! `cargo xtask codegen --facts DIR...` rereads them from unpacked Go modules (`k8s.io/api`, `k8s.io/apimachinery`).
//! For fields that are newer than crate `k8s-pb` it also keeps number, type and place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::pb::normal;

/// What is known of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// The Go type is a pointer.
    pub pointer: bool,
    /// There is no `omitempty`.
    pub always: bool,
    /// `omitzero`.
    pub omitzero: bool,
    /// Number, type and place.
    pub wire: Option<Wire>,
}

/// How a field goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    pub number: u32,
    /// `[]`, `map` or nothing, and the name of a scalar or the key of a message.
    pub of: String,
    /// The JSON name of the field before it; empty for the first.
    pub after: String,
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
        for (name, rest) in words.filter_map(|w| w.split_once('=')) {
            let (flags, wire) = rest.split_once('#').unwrap_or((rest, ""));
            let has = |c| flags.contains(c);
            let fact = Fact { pointer: has('p'), always: has('a'), omitzero: has('z'), wire: parse_wire(wire) };
            fields.insert(name.to_owned(), fact);
        }
    }
    facts
}

fn parse_wire(text: &str) -> Option<Wire> {
    let mut parts = text.split(',');
    let number = parts.next()?.parse().ok()?;
    Some(Wire { number, of: parts.next()?.to_owned(), after: parts.next().unwrap_or_default().to_owned() })
}

/// The text that `parse` reads, for the messages named in `wanted` only; with the wire form of the fields in `newer`.
pub fn print(facts: &Facts, wanted: &BTreeSet<String>, newer: &BTreeSet<(String, String)>) -> String {
    let mut out = String::from(
        "# Go facts of the fields in the tables: p = pointer, a = without omitempty, z = omitzero; a field that is not\n\
         # named has none of them. Fields newer than k8s-pb: number, type, field before. Remade by `cargo xtask codegen --facts DIR...`.\n",
    );
    for (message, fields) in facts.iter().filter(|(m, _)| wanted.contains(*m)) {
        let mut line = message.clone();
        for (name, fact) in fields {
            let wire = fact.wire.as_ref().filter(|_| newer.contains(&(message.clone(), name.clone())));
            let wire = wire.map_or_else(String::new, |w| format!("#{},{},{}", w.number, w.of, w.after));
            let flags: String =
                [(fact.pointer, 'p'), (fact.always, 'a'), (fact.omitzero, 'z')].iter().filter_map(|(set, c)| set.then_some(*c)).collect();
            if !flags.is_empty() || !wire.is_empty() {
                let _ = write!(line, " {name}={flags}{wire}");
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
    let aliases: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.strip_prefix("type ")?.split_once(' ')).collect();
    let mut current: Option<String> = None;
    let mut after = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("type ").and_then(|l| l.strip_suffix(" struct {")) {
            current = Some(normal(&format!("{package}.{name}")));
            after.clear();
        } else if line == "}" {
            current = None;
        } else if let (Some(message), Some((declaration, tags))) = (&current, line.split_once("`json:\"")) {
            let tag = tags.split('"').next().unwrap_or_default();
            let mut parts = tag.split(',');
            let name = parts.next().unwrap_or_default();
            if name.is_empty() || name == "-" {
                continue;
            }
            let options: Vec<&str> = parts.collect();
            let go_type = declaration.split_whitespace().nth(1).unwrap_or_default();
            let fact = Fact {
                pointer: go_type.starts_with('*'),
                always: !options.contains(&"omitempty") && !options.contains(&"omitzero"),
                omitzero: options.contains(&"omitzero"),
                wire: wire(tags, go_type, package, &aliases, std::mem::replace(&mut after, name.to_owned())),
            };
            facts.entry(message.clone()).or_default().insert(name.to_owned(), fact);
        }
    }
}

/// Number from the protobuf tag, type from the Go type.
fn wire(tags: &str, go_type: &str, package: &str, aliases: &BTreeMap<&str, &str>, after: String) -> Option<Wire> {
    let number = tags.split_once("protobuf:\"")?.1.split(',').nth(1)?.parse().ok()?;
    let (shape, item) = match go_type.trim_start_matches('*') {
        list if list.starts_with("[]") && list != "[]byte" => ("[]", &list[2..]),
        map if map.starts_with("map[string]") => ("map", &map[11..]),
        one => ("", one),
    };
    let base = match item.split_once('.') {
        Some(("metav1", name)) => normal(&format!("apimachinery.pkg.apis.meta.v1.{name}")),
        Some(("v1", name)) => normal(&format!("api.core.v1.{name}")),
        Some(_) => return None,
        None => match aliases.get(item).copied().unwrap_or(item) {
            "struct {" => normal(&format!("{package}.{item}")),
            "float64" => "double".to_owned(),
            "[]byte" => "bytes".to_owned(),
            scalar => scalar.to_owned(),
        },
    };
    Some(Wire { number, of: format!("{shape}{base}"), after })
}
