//! Prints the tables as Rust: one file per API group version, and `mod.rs` with the look-up by group, version and kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::join::{Kind, ROOTS, Row, Table};
use super::pb::{Shape, normal};

/// File name and text of every generated file.
pub fn files(tables: &[Table]) -> BTreeMap<String, String> {
    let mut modules: BTreeMap<String, Vec<&Table>> = BTreeMap::new();
    for table in tables {
        modules.entry(module(&table.module)).or_default().push(table);
    }
    let homes: BTreeMap<&str, &Table> = tables.iter().map(|t| (t.key.as_str(), t)).collect();
    let mut files = BTreeMap::new();
    for (name, tables) in &modules {
        files.insert(format!("{name}.rs"), file(name, tables, &homes));
    }
    files.insert("mod.rs".to_owned(), index(&modules, tables));
    files
}

/// `api.core.v1` becomes `core_v1`, `apimachinery.pkg.apis.meta.v1` becomes `meta_v1`.
fn module(dotted: &str) -> String {
    let parts: Vec<&str> = dotted.rsplit('.').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("_")
}

fn constant(table: &Table) -> String {
    let name = table.name.rsplit('.').next().unwrap_or_default();
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in letters.iter().enumerate() {
        let after_lower = i > 0 && letters[i - 1].is_lowercase();
        let ends_acronym = i > 0 && letters[i - 1].is_uppercase() && letters.get(i + 1).is_some_and(|n| n.is_lowercase());
        if c.is_uppercase() && (after_lower || ends_acronym) {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

const HEADER: &str = "//! Made by `cargo xtask codegen` from crates `k8s-pb` and `k8s-openapi`; do not edit.\n";

fn file(name: &str, tables: &[&Table], homes: &BTreeMap<&str, &Table>) -> String {
    let mut out = String::from(HEADER);
    out.push_str("//! Data only, one line a field, hence its length.\n\n");
    out.push_str("use crate::table::flags::*;\nuse crate::table::{Extra, Field, Kind::*, Message, Shape::*, f, x};\n\n");
    let mut extras: Vec<String> = Vec::new();
    let mut body = String::new();
    for table in tables {
        let _ = writeln!(body, "pub static {}: Message = Message {{", constant(table));
        let _ = writeln!(body, "    name: {:?},", table.name);
        match &table.gvk {
            Some((g, v, k)) => {
                let _ = writeln!(body, "    gvk: Some(({g:?}, {v:?}, {k:?})),");
            }
            None => body.push_str("    gvk: None,\n"),
        }
        let _ = writeln!(body, "    atomic: {},", table.atomic);
        body.push_str("    fields: &[\n");
        for row in &table.rows {
            let _ = writeln!(body, "        {},", field(row, name, homes, &mut extras));
        }
        body.push_str("    ],\n");
        let inlined: Vec<String> = table.inlined.iter().map(|(n, key)| format!("({n}, &{})", reference(key, name, homes))).collect();
        let _ = writeln!(body, "    inlined: &[{}],\n    custom: false,\n}};\n", inlined.join(", "));
    }
    for (i, extra) in extras.iter().enumerate() {
        let _ = writeln!(out, "static X{i}: Extra = {extra};");
    }
    out.push('\n');
    out.push_str(body.trim_end());
    out.push('\n');
    out
}

fn reference(key: &str, home: &str, homes: &BTreeMap<&str, &Table>) -> String {
    let table = homes[key];
    let module = module(&table.module);
    if module == home { constant(table) } else { format!("super::{module}::{}", constant(table)) }
}

fn field(row: &Row, home: &str, homes: &BTreeMap<&str, &Table>, extras: &mut Vec<String>) -> String {
    let shape = match row.shape {
        Shape::One => "One",
        Shape::List => "List",
        Shape::Map => "Map",
    };
    let kind = match &row.kind {
        Kind::Plain(name) => (*name).to_owned(),
        Kind::Message(key) => format!("Msg(&{})", reference(key, home, homes)),
    };
    let flags = if row.flags.is_empty() { "0".to_owned() } else { row.flags.join(" | ") };
    let plain = format!("{:?}, {}, {shape}, {kind}, {flags}", row.json, row.number);
    if row.keys.is_empty() && row.merge_key.is_empty() && row.default.is_empty() {
        return format!("f({plain})");
    }
    let keys: Vec<String> = row.keys.iter().map(|k| format!("{k:?}")).collect();
    let extra = format!("Extra {{ keys: &[{}], merge_key: {:?}, default: {:?}, check: None }}", keys.join(", "), row.merge_key, row.default);
    let at = extras.iter().position(|e| *e == extra).unwrap_or_else(|| {
        extras.push(extra);
        extras.len() - 1
    });
    format!("x({plain}, &X{at})")
}

fn index(modules: &BTreeMap<String, Vec<&Table>>, tables: &[Table]) -> String {
    let mut out = String::from(HEADER);
    out.push_str("#![allow(missing_docs, unused_imports)]\n\nuse crate::table::Message;\n\n");
    for name in modules.keys() {
        let _ = writeln!(out, "pub mod {name};");
    }
    out.push_str("\n/// Every kind with a group, version and kind of its own.\npub static KINDS: &[&Message] = &[\n");
    let roots: Vec<String> = ROOTS.iter().map(|r| normal(r)).collect();
    for table in tables.iter().filter(|t| t.gvk.is_some() && roots.contains(&t.key)) {
        let _ = writeln!(out, "    &{}::{},", module(&table.module), constant(table));
    }
    out.push_str("];\n");
    out
}
