//! Joins what the three sources say into rows, message by message, starting from the kinds that are served.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result, bail};

use super::facts::{Fact, Facts};
use super::names::Definition;
use super::pb::{Markers, PbField, PbMessage, Shape, normal};

/// The kinds whose messages, with all they reach, become tables. Names as in OpenAPI, without `io.k8s.`.
pub const ROOTS: &[&str] = &[
    "api.apps.v1.ControllerRevision",
    "api.apps.v1.Deployment",
    "api.apps.v1.ReplicaSet",
    "api.authentication.v1.SelfSubjectReview",
    "api.authentication.v1.TokenRequest",
    "api.authentication.v1.TokenReview",
    "api.authorization.v1.LocalSubjectAccessReview",
    "api.authorization.v1.SelfSubjectAccessReview",
    "api.authorization.v1.SelfSubjectRulesReview",
    "api.authorization.v1.SubjectAccessReview",
    "api.autoscaling.v1.HorizontalPodAutoscaler",
    "api.autoscaling.v1.Scale",
    "api.autoscaling.v2.HorizontalPodAutoscaler",
    "api.certificates.v1.CertificateSigningRequest",
    "api.coordination.v1.Lease",
    "api.core.v1.Binding",
    "api.core.v1.ConfigMap",
    "api.core.v1.Endpoints",
    "api.core.v1.Event",
    "api.core.v1.LimitRange",
    "api.core.v1.Namespace",
    "api.core.v1.Node",
    "api.core.v1.Pod",
    "api.core.v1.ResourceQuota",
    "api.core.v1.Secret",
    "api.core.v1.Service",
    "api.core.v1.ServiceAccount",
    "api.discovery.v1.EndpointSlice",
    "api.events.v1.Event",
    "api.networking.v1.IPAddress",
    "api.networking.v1.Ingress",
    "api.networking.v1.IngressClass",
    "api.networking.v1.NetworkPolicy",
    "api.networking.v1.ServiceCIDR",
    "api.policy.v1.Eviction",
    "api.policy.v1.PodDisruptionBudget",
    "api.rbac.v1.ClusterRole",
    "api.rbac.v1.ClusterRoleBinding",
    "api.rbac.v1.Role",
    "api.rbac.v1.RoleBinding",
    "api.scheduling.v1.PriorityClass",
    "apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "apimachinery.pkg.apis.meta.v1.ListMeta",
    "apimachinery.pkg.apis.meta.v1.Status",
];

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A variant of `schema::Kind` without content.
    Plain(&'static str),
    /// The key of another message.
    Message(String),
}

/// One field of a table.
#[derive(Clone, Debug)]
pub struct Row {
    pub json: String,
    /// 0 when the field has no number of its own in this message.
    pub number: u32,
    pub shape: Shape,
    pub kind: Kind,
    /// Names of `schema::flags`.
    pub flags: Vec<&'static str>,
    pub keys: Vec<String>,
    pub merge_key: String,
    /// JSON text, or empty.
    pub default: String,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Table {
    pub key: String,
    /// Dotted module, for example `api.core.v1`.
    pub module: String,
    /// OpenAPI name.
    pub name: String,
    pub gvk: Option<(String, String, String)>,
    pub atomic: bool,
    pub rows: Vec<Row>,
    /// Messages whose fields are fields of this one in JSON: number and key.
    pub inlined: Vec<(u32, String)>,
    /// JSON names of fields that k8s-pb does not know.
    pub newer: Vec<String>,
}

/// The sources.
pub struct Sources<'a> {
    pub pb: &'a BTreeMap<String, PbMessage>,
    pub definitions: &'a BTreeMap<String, Definition>,
    pub facts: &'a Facts,
}

/// Messages that are values of their own in JSON.
fn plain(key: &str) -> Option<&'static str> {
    Some(match key {
        "apimachinery.pkg.api.resource.quantity" => "Quantity",
        "apimachinery.pkg.apis.meta.v1.time" => "Time",
        "apimachinery.pkg.apis.meta.v1.microtime" => "MicroTime",
        "apimachinery.pkg.apis.meta.v1.duration" => "Duration",
        "apimachinery.pkg.apis.meta.v1.fieldsv1" => "Fields",
        "apimachinery.pkg.runtime.rawextension" => "Raw",
        "apimachinery.pkg.util.intstr.intorstring" => "IntOrString",
        k if k.ends_with(".extravalue") || k.ends_with(".meta.v1.verbs") => "Strings",
        "bool" => "Bool",
        "int32" => "Int32",
        "int64" => "Int64",
        "double" => "Float",
        "string" => "Str",
        "bytes" => "Bytes",
        _ => return None,
    })
}

/// Every table reachable from `ROOTS`, sorted by key.
pub fn join(sources: &Sources<'_>) -> Result<Vec<Table>> {
    let spellings = spellings(sources.definitions);
    let mut queue: VecDeque<String> = ROOTS.iter().map(|r| normal(r)).collect();
    let mut seen: BTreeSet<String> = queue.iter().cloned().collect();
    let mut tables = Vec::new();
    while let Some(key) = queue.pop_front() {
        let table = table(sources, &key, &spellings).with_context(|| key.clone())?;
        let reached = table.rows.iter().filter_map(|row| match &row.kind {
            Kind::Message(of) => Some(of),
            Kind::Plain(_) => None,
        });
        for next in reached.chain(table.inlined.iter().map(|(_, k)| k)) {
            if seen.insert(next.clone()) {
                queue.push_back(next.clone());
            }
        }
        tables.push(table);
    }
    tables.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(tables)
}

/// JSON names by their normal form, for messages without a definition of their own (parts that are always inlined).
fn spellings(definitions: &BTreeMap<String, Definition>) -> BTreeMap<String, String> {
    let names = definitions.values().flat_map(|d| &d.fields);
    names.map(|name| (normal(name), name.clone())).collect()
}

fn table(sources: &Sources<'_>, key: &str, spellings: &BTreeMap<String, String>) -> Result<Table> {
    let message = sources.pb.get(key).context("k8s-pb does not have this message")?;
    let definition = sources.definitions.get(key);
    let own: BTreeMap<String, String> = match definition {
        Some(d) => d.fields.iter().map(|f| (normal(f), f.clone())).collect(),
        None => BTreeMap::new(),
    };
    let name = definition.map_or_else(|| format!("io.k8s.{}.{}", message.module, message.name), |d| d.name.clone());
    let mut table = Table {
        key: key.to_owned(),
        module: message.module.clone(),
        name: name.clone(),
        gvk: definition.and_then(|d| d.gvk.clone()),
        atomic: message.markers.get("structType") == Some("atomic"),
        rows: Vec::new(),
        inlined: Vec::new(),
        newer: Vec::new(),
    };
    let matched: BTreeSet<String> = message.fields.iter().map(|f| normal(&f.ident)).collect();
    for type_meta in ["kind", "apiVersion"] {
        if own.contains_key(&normal(type_meta)) && !matched.contains(&normal(type_meta)) {
            table.rows.push(Row {
                json: type_meta.to_owned(),
                number: 0,
                shape: Shape::One,
                kind: Kind::Plain("Str"),
                flags: Vec::new(),
                keys: Vec::new(),
                merge_key: String::new(),
                default: String::new(),
            });
        }
    }
    for field in &message.fields {
        let ident = normal(&field.ident);
        let json = match (own.get(&ident), definition) {
            (Some(json), _) => json.clone(),
            (None, None) => spellings.get(&ident).with_context(|| format!("no definition spells {ident}"))?.clone(),
            (None, Some(_)) if inline(sources, field, &own, spellings, &mut table) => continue,
            // `k8s-pb` may know fields that the definition has dropped already, and the other way round.
            (None, Some(_)) => continue,
        };
        let mut fact = fact(sources.facts, key, &json);
        // An empty list of owners differs from an absent one: it resets them.
        fact.pointer |= json == "managedFields";
        // k8s-openapi makes the metadata of every kind required, which upstream does not.
        let required = definition.is_some_and(|d| d.required.contains(&json)) && (json != "metadata" || fact.always);
        table.rows.push(row(sources, field, json, required, fact)?);
    }
    for json in own.values().filter(|json| !table.rows.iter().any(|r| &r.json == *json)).cloned().collect::<Vec<_>>() {
        if !add_newer(sources, &json, definition, &mut table) {
            eprintln!("codegen: {name}: {json} is left out: k8s-pb does not know it");
        }
    }
    Ok(table)
}

/// Adds a field that only the facts know, behind the one it follows in Go. `false` when its type is unknown too.
fn add_newer(sources: &Sources<'_>, json: &str, definition: Option<&Definition>, table: &mut Table) -> bool {
    table.newer.push(json.to_owned());
    let fact = fact(sources.facts, &table.key, json);
    let Some(wire) = fact.wire.clone() else { return false };
    let (shape, of) = match (wire.of.strip_prefix("[]"), wire.of.strip_prefix("map")) {
        (Some(of), _) => (Shape::List, of),
        (None, Some(of)) => (Shape::Map, of),
        (None, None) => (Shape::One, wire.of.as_str()),
    };
    let field = PbField { ident: json.to_owned(), number: wire.number, shape, of: of.to_owned(), markers: Markers::default() };
    let required = definition.is_some_and(|d| d.required.contains(&json.to_owned()));
    let Ok(row) = row(sources, &field, json.to_owned(), required, fact) else { return false };
    let at = table.rows.iter().position(|r| r.json == wire.after).map_or(table.rows.len(), |at| at + 1);
    table.rows.insert(at, row);
    true
}

fn fact(facts: &Facts, message: &str, json: &str) -> Fact {
    facts.get(message).and_then(|m| m.get(json)).cloned().unwrap_or_default()
}

/// Adds the fields of an embedded Go struct at the place where it is embedded. `false` when the field is no such struct.
fn inline(sources: &Sources<'_>, field: &PbField, own: &BTreeMap<String, String>, spellings: &BTreeMap<String, String>, table: &mut Table) -> bool {
    let Some(message) = sources.pb.get(&field.of) else { return false };
    if plain(&field.of).is_some() || !message.fields.iter().all(|f| own.contains_key(&normal(&f.ident))) {
        return false;
    }
    let Ok(inner) = self::table(sources, &field.of, spellings) else { return false };
    table.rows.extend(inner.rows.into_iter().map(|r| Row { number: 0, ..r }));
    table.inlined.push((field.number, field.of.clone()));
    true
}

fn row(sources: &Sources<'_>, field: &PbField, json: String, required: bool, fact: Fact) -> Result<Row> {
    let markers = &field.markers;
    let kind = match plain(&field.of) {
        Some(name) => Kind::Plain(name),
        None if sources.pb.contains_key(&field.of) => Kind::Message(field.of.clone()),
        None => bail!("{json}: unknown message {}", field.of),
    };
    let mut flags = Vec::new();
    let object = matches!(&kind, Kind::Message(_) | Kind::Plain("Time" | "MicroTime" | "Duration" | "Quantity"))
        || matches!(&kind, Kind::Plain("IntOrString" | "Raw"));
    let lone = field.shape == Shape::One;
    if fact.pointer {
        flags.push("KEEP");
    }
    if fact.always || (lone && object && !fact.pointer && !fact.omitzero) {
        flags.push("ALWAYS");
    }
    if required {
        flags.push("REQUIRED");
    }
    match markers.get("listType").or_else(|| markers.get("k8s:listType")) {
        Some("set") => flags.push("SET"),
        Some("map") => flags.push("MAP"),
        _ => {}
    }
    if [markers.get("mapType"), markers.get("structType")].contains(&Some("atomic")) {
        flags.push("ATOMIC");
    }
    for strategy in markers.all("patchStrategy").flat_map(|s| s.split(',')) {
        match strategy {
            "merge" => flags.push("MERGE"),
            "retainKeys" => flags.push("RETAIN_KEYS"),
            "replace" => flags.push("REPLACE"),
            _ => {}
        }
    }
    Ok(Row {
        json,
        number: field.number,
        shape: field.shape,
        kind,
        flags,
        keys: list_keys(markers),
        merge_key: markers.get("patchMergeKey").unwrap_or_default().to_owned(),
        default: default(markers)?,
    })
}

fn list_keys(markers: &Markers) -> Vec<String> {
    let keys: Vec<String> = markers.all("listMapKey").map(|k| k.trim_matches('"').to_owned()).collect();
    if !keys.is_empty() {
        return keys;
    }
    markers.all("k8s:listMapKey").map(|k| k.trim_matches('"').to_owned()).collect()
}

fn default(markers: &Markers) -> Result<String> {
    Ok(match markers.get("default") {
        None => String::new(),
        Some("ref(AzureDataDiskCachingReadWrite)") => "\"ReadWrite\"".to_owned(),
        Some("ref(AzureSharedBlobDisk)") => "\"Shared\"".to_owned(),
        Some(text) if text.starts_with("ref(") => bail!("the constant {text} needs its value here"),
        Some(text) => text.to_owned(),
    })
}
