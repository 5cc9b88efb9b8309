//! Reads crate `k8s-pb` as text: field numbers, wire types and the `+marker` lines of the doc comments, in the order
//! of the Go structs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// How often a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    One,
    List,
    Map,
}

/// One protobuf field as `k8s-pb` declares it.
#[derive(Clone, Debug)]
pub struct PbField {
    /// The Rust identifier without `r#`.
    pub ident: String,
    pub number: u32,
    pub shape: Shape,
    /// `string`, `bool`, `int32`, `int64`, `double`, `bytes`, or the key of a message.
    pub of: String,
    pub markers: Markers,
}

/// One message.
#[derive(Clone, Debug)]
pub struct PbMessage {
    /// The Rust name.
    pub name: String,
    /// Dotted path of its module, for example `api.core.v1`.
    pub module: String,
    pub markers: Markers,
    pub fields: Vec<PbField>,
}

/// The `+name` and `+name=value` lines of one doc comment.
#[derive(Clone, Debug, Default)]
pub struct Markers(Vec<(String, String)>);

impl Markers {
    /// Every value given for a marker; the empty text when it has none.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first value given for a marker.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn push(&mut self, comment: &str) {
        let Some(marker) = comment.trim().strip_prefix('+') else { return };
        let (name, value) = marker.split_once('=').unwrap_or((marker, ""));
        self.0.push((name.trim().to_owned(), value.trim().to_owned()));
    }
}

/// The name under which the same thing is found in `k8s-pb`, `k8s-openapi` and Go: lower case without separators.
pub fn normal(name: &str) -> String {
    name.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect()
}

/// Reads every `mod.rs` below `src`. The key of a message is `normal(module.name)`.
pub fn read(src: &Path) -> Result<BTreeMap<String, PbMessage>> {
    let mut messages = BTreeMap::new();
    let mut folders = vec![src.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{}: not readable", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|n| n == "mod.rs") {
                let module = folder.strip_prefix(src)?.to_string_lossy().replace('/', ".");
                let text = std::fs::read_to_string(&path)?;
                for message in parse(&text, &module).with_context(|| path.display().to_string())? {
                    messages.insert(normal(&format!("{module}.{}", message.name)), message);
                }
            }
        }
    }
    Ok(messages)
}

fn parse(text: &str, module: &str) -> Result<Vec<PbMessage>> {
    let mut found = Vec::new();
    let mut markers = Markers::default();
    let mut current: Option<PbMessage> = None;
    let mut attribute = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix("///") {
            markers.push(comment);
        } else if let Some(name) = trimmed.strip_prefix("pub struct ") {
            let name = name.trim_end_matches(['{', '}', ' ', ';']).to_owned();
            let message = PbMessage { name, module: module.to_owned(), markers: std::mem::take(&mut markers), fields: Vec::new() };
            if trimmed.ends_with("{}") || trimmed.ends_with(';') {
                found.push(message);
            } else {
                current = Some(message);
            }
        } else if trimmed.starts_with("#[prost(") {
            attribute = trimmed.to_owned();
        } else if trimmed == "}" {
            found.extend(current.take());
            markers = Markers::default();
        } else if let (Some(message), Some(rest)) = (current.as_mut(), trimmed.strip_prefix("pub ")) {
            let mut declaration = rest.to_owned();
            // rustfmt breaks long types over several lines; the field ends at a comma outside every bracket.
            while !(declaration.ends_with(',') && balanced(&declaration)) {
                let next = lines.next().context("the file ends inside a field")?;
                declaration.push_str(next.trim());
            }
            message.fields.push(field(&declaration, &attribute, module, std::mem::take(&mut markers))?);
        } else if trimmed.starts_with("pub mod ") {
            markers = Markers::default();
        }
    }
    Ok(found)
}

fn balanced(text: &str) -> bool {
    text.matches('<').count() == text.matches('>').count()
}

fn field(declaration: &str, attribute: &str, module: &str, markers: Markers) -> Result<PbField> {
    let (ident, of) = declaration.split_once(':').context("a field without a type")?;
    let ident = ident.trim().trim_start_matches("r#").to_owned();
    let of = of.trim().trim_end_matches(',');
    let inside = attribute.trim_start_matches("#[prost(").trim_end_matches(")]");
    let number = inside
        .rsplit_once("tag = \"")
        .and_then(|(_, n)| n.trim_end_matches('"').parse().ok())
        .with_context(|| format!("{ident}: no tag in {attribute}"))?;
    let word = inside.split([',', ' ']).next().unwrap_or_default();
    let (shape, word) = if let Some(rest) = inside.strip_prefix("btree_map = \"string, ") {
        (Shape::Map, rest.split('"').next().unwrap_or_default())
    } else if inside.contains("repeated") {
        (Shape::List, word)
    } else {
        (Shape::One, word)
    };
    let of = match word {
        "string" | "bool" | "int32" | "int64" | "double" | "bytes" => word.to_owned(),
        "message" => target(of, module)?,
        other => bail!("{ident}: unknown wire type {other}"),
    };
    Ok(PbField { ident, number, shape, of, markers })
}

/// The key of the message that the innermost type path names.
fn target(of: &str, module: &str) -> Result<String> {
    let close = of.find('>').unwrap_or(of.len());
    let inner = of[..close].rsplit(['<', ',']).map(str::trim).find(|s| !s.is_empty()).unwrap_or_default();
    if inner.is_empty() {
        bail!("no type path in {of}");
    }
    let mut at: Vec<&str> = module.split('.').collect();
    for step in inner.split("::").filter(|s| !s.is_empty()) {
        if step == "super" {
            at.pop();
        } else {
            at.push(step);
        }
    }
    Ok(normal(&at.join(".")))
}
