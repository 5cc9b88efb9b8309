//! The paths of a kind: what `kubectl` looks for (the query parameter `fieldValidation` of the PATCH of every kind, and
//! the group, version and kind of every operation), with bodies and answers.

use serde_json::{Map, Value, json};

use crate::kinds::Row;
use crate::schemas::reference;

/// Everything the paths of one kind refer to.
pub struct Names<'a> {
    /// Component of the object.
    pub object: &'a str,
    /// Component of its list.
    pub list: &'a str,
    /// Patch content types.
    pub patches: &'a [&'a str],
}

/// Adds the paths of one kind.
pub fn add(row: &Row, names: &Names<'_>, body: impl Fn((&str, &str, &str)) -> Option<String>, paths: &mut Map<String, Value>) {
    let root = if row.group.is_empty() { format!("/api/{}", row.version) } else { format!("/apis/{}/{}", row.group, row.version) };
    let folder = if row.namespaced { format!("{root}/namespaces/{{namespace}}") } else { root.clone() };
    let gvk = (row.group, row.version, row.kind);
    let collection = format!("{folder}/{}", row.plural);
    let outer = parameters(&[&["namespace"][..usize::from(row.namespaced)]].concat());
    if row.create_only {
        paths.insert(collection, json!({"post": named(write("post", gvk, names.object, WRITE), row, "create", ""), "parameters": outer}));
        return;
    }
    let mut many = json!({
        "get": named(read("list", gvk, names.list, LIST), row, "list", ""),
        "post": named(write("post", gvk, names.object, WRITE), row, "create", ""),
        "delete": named(write("deletecollection", gvk, "io.k8s.apimachinery.pkg.apis.meta.v1.Status", LIST), row, "deleteCollection", ""),
        "parameters": outer,
    });
    // What is finalized is deleted one by one: each deletion is a process of its own.
    if let Some(operations) = many.as_object_mut().filter(|_| row.subresources.iter().any(|(name, _)| *name == "finalize")) {
        operations.remove("delete");
    }
    paths.insert(collection.clone(), many);
    if row.namespaced {
        paths.insert(
            format!("{root}/{}", row.plural),
            json!({"get": named(read("list", gvk, names.list, LIST), row, "list", "ForAllNamespaces"), "parameters": parameters(&[])}),
        );
    }
    let inner = parameters(&[&["name"], &["namespace"][..usize::from(row.namespaced)]].concat());
    let one = json!({
        "get": named(read("get", gvk, names.object, &[]), row, "read", ""),
        "put": named(write("put", gvk, names.object, WRITE), row, "replace", ""),
        "patch": named(patch(gvk, names), row, "patch", ""),
        "delete": named(write("delete", gvk, "io.k8s.apimachinery.pkg.apis.meta.v1.Status", DELETE), row, "delete", ""),
        "parameters": inner,
    });
    paths.insert(format!("{collection}/{{name}}"), one);
    for (subresource, other) in &row.subresources {
        let path = format!("{collection}/{{name}}/{subresource}");
        let object = other.and_then(&body).unwrap_or_else(|| names.object.to_owned());
        let gvk = other.unwrap_or(gvk);
        let names = Names { object: &object, list: names.list, patches: names.patches };
        let operations = match *subresource {
            "eviction" | "binding" => json!({"post": named(write("post", gvk, &object, WRITE), row, "create", subresource), "parameters": inner}),
            "finalize" => json!({"put": named(write("put", gvk, &object, WRITE), row, "replace", subresource), "parameters": inner}),
            _ => json!({
                "get": named(read("get", gvk, &object, &[]), row, "read", subresource),
                "put": named(write("put", gvk, &object, WRITE), row, "replace", subresource),
                "patch": named(patch(gvk, &names), row, "patch", subresource),
                "parameters": inner,
            }),
        };
        paths.insert(path, operations);
    }
}

const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const DELETE: &[&str] = &["dryRun", "gracePeriodSeconds", "propagationPolicy"];
const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];

/// An operation with the name that generators of clients make a function of: `readCoreV1NamespacedPodStatus`. `suffix` is a subresource or a word.
fn named(mut operation: Value, row: &Row, verb: &str, suffix: &str) -> Value {
    let capital = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    let group = if row.group.is_empty() { "core" } else { row.group.strip_suffix(".k8s.io").unwrap_or(row.group) };
    let group: String = group.split('.').map(capital).collect();
    let (verb, many) = verb.strip_suffix("Collection").map_or((verb, ""), |verb| (verb, "Collection"));
    let placed = if row.namespaced && suffix != "ForAllNamespaces" { "Namespaced" } else { "" };
    operation["operationId"] = format!("{verb}{group}{}{many}{placed}{}{}", capital(row.version), row.kind, capital(suffix)).into();
    operation
}

fn read(action: &str, gvk: (&str, &str, &str), answer: &str, query: &[&str]) -> Value {
    operation(action, gvk, answer, query)
}

fn write(action: &str, gvk: (&str, &str, &str), object: &str, query: &[&str]) -> Value {
    let mut operation = operation(action, gvk, object, query);
    if matches!(action, "post" | "put")
        && let Some(map) = operation.as_object_mut()
    {
        map.insert("requestBody".to_owned(), json!({"required": true, "content": {"*/*": {"schema": reference(object)}}}));
    }
    operation
}

fn patch(gvk: (&str, &str, &str), names: &Names<'_>) -> Value {
    let mut operation = operation("patch", gvk, names.object, &[WRITE, &["force"]].concat());
    let content: Map<String, Value> = names.patches.iter().map(|p| ((*p).to_owned(), json!({"schema": {"type": "object"}}))).collect();
    if let Some(map) = operation.as_object_mut() {
        map.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    operation
}

fn operation(action: &str, (group, version, kind): (&str, &str, &str), answer: &str, query: &[&str]) -> Value {
    let query: Vec<Value> = query.iter().map(|name| parameter(name, "query")).collect();
    json!({
        "parameters": query,
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": reference(answer)}}},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": group, "kind": kind, "version": version},
    })
}

fn parameters(path: &[&str]) -> Value {
    let path = path.iter().map(|name| parameter(name, "path"));
    path.chain([parameter("pretty", "query")]).collect()
}

fn parameter(name: &str, place: &str) -> Value {
    let kind = match name {
        "allowWatchBookmarks" | "force" | "sendInitialEvents" | "watch" => "boolean",
        "gracePeriodSeconds" | "limit" | "timeoutSeconds" => "integer",
        _ => "string",
    };
    let mut out = json!({"name": name, "in": place, "schema": {"type": kind, "uniqueItems": true}});
    if place == "path" {
        out["required"] = true.into();
    }
    out
}
