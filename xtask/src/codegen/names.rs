//! Reads crate `k8s-openapi` as text: the JSON names of every definition, which of them are required, and the group,
//! version and kind it is registered under.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::pb::normal;

/// One OpenAPI definition.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// The full name, for example `io.k8s.api.core.v1.Service`.
    pub name: String,
    pub fields: Vec<String>,
    pub required: Vec<String>,
    /// Group, version, kind.
    pub gvk: Option<(String, String, String)>,
}

/// Reads every file below `src`. The key is `normal` of the full name without `io.k8s.`.
pub fn read(src: &Path) -> Result<BTreeMap<String, Definition>> {
    let mut definitions = BTreeMap::new();
    let mut folders = vec![src.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{}: not readable", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path)?;
                if let Some(definition) = parse(&text) {
                    let key = normal(definition.name.trim_start_matches("io.k8s."));
                    definitions.insert(key, definition);
                }
            }
        }
    }
    Ok(definitions)
}

fn parse(text: &str) -> Option<Definition> {
    let name = text.strip_prefix("// Generated from definition ")?.lines().next()?.to_owned();
    let fields = text.split_once("deserializer.deserialize_struct(").map(|(_, rest)| list(rest)).unwrap_or_default();
    // The list of required names closes the schema of the object itself, so it is the last one of the file.
    let required = text.rsplit_once("\n            \"required\": [").map(|(_, rest)| quoted(rest)).unwrap_or_default();
    let constant = |name: &str| {
        let (_, rest) = text.split_once(&format!("const {name}: &'static str = \""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let gvk = match (constant("GROUP"), constant("VERSION"), constant("KIND")) {
        (Some(group), Some(version), Some(kind)) => Some((group, version, kind)),
        _ => None,
    };
    Some(Definition { name, fields, required, gvk })
}

fn list(text: &str) -> Vec<String> {
    text.split_once("&[").map(|(_, rest)| quoted(rest)).unwrap_or_default()
}

fn quoted(text: &str) -> Vec<String> {
    let inside = text.split(']').next().unwrap_or_default();
    inside.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
