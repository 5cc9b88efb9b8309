//! One document per group version.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::kinds::Row;
use crate::paths::{self, Names};
use crate::schemas;
use crate::table::Message;

const PATCHES: &[&str] =
    &["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"];

/// Path below `/openapi/v3/` and content of every document.
pub fn all() -> BTreeMap<String, Value> {
    let mut texts = crate::kinds::texts();
    crate::custom::kinds().for_each(|message| crate::texts::add(message, &mut texts));
    let mut rows = crate::kinds::rows();
    rows.extend(crate::custom::kinds().filter_map(crate::kinds::custom_row));
    let mut groups: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        groups.entry((row.group, row.version)).or_default().push(row);
    }
    groups.into_iter().map(|((group, version), rows)| (path(group, version), document(&rows, &texts))).collect()
}

fn path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn document(rows: &[&Row], texts: &BTreeMap<String, Value>) -> Value {
    let mut components = Map::new();
    let mut paths = Map::new();
    schemas::add(&crate::generated::meta_v1::STATUS, texts, &mut components);
    schemas::add(&crate::generated::meta_v1::DELETE_OPTIONS, texts, &mut components);
    for row in rows {
        let Some(message) = message((row.group, row.version, row.kind)) else { continue };
        schemas::add(message, texts, &mut components);
        let list = if row.create_only { None } else { schemas::add_list(message, texts, &mut components) };
        for other in row.subresources.iter().filter_map(|(_, other)| other.and_then(message_of)) {
            schemas::add(other, texts, &mut components);
        }
        let patches = if message.custom { &PATCHES[..3] } else { PATCHES };
        let names = Names { object: message.name, list: list.as_deref().unwrap_or_default(), patches };
        paths::add(row, &names, |gvk| self::message(gvk).map(|m| m.name.to_owned()), &mut paths);
    }
    components.sort_keys();
    paths.sort_keys();
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": format!("v{}+fairlead.{}", crate::version::KUBERNETES.join("."), env!("CARGO_PKG_VERSION"))},
        "paths": paths,
        "components": {"schemas": components},
    })
}

fn message_of(gvk: (&str, &str, &str)) -> Option<&'static Message> {
    message(gvk)
}

fn message(gvk: (&str, &str, &str)) -> Option<&'static Message> {
    crate::generated::KINDS.iter().copied().chain(crate::custom::kinds()).find(|m| m.gvk == Some(gvk))
}
