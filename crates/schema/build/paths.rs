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
        paths.insert(collection, json!({"post": write("post", gvk, names.object, WRITE), "parameters": outer}));
        return;
    }
    let mut many = json!({
        "get": read("list", gvk, names.list, LIST),
        "post": write("post", gvk, names.object, WRITE),
        "delete": write("deletecollection", gvk, "io.k8s.apimachinery.pkg.apis.meta.v1.Status", LIST),
        "parameters": outer,
    });
    // What is finalized is deleted one by one: each deletion is a process of its own.
    if let Some(operations) = many.as_object_mut().filter(|_| row.subresources.iter().any(|(name, _)| *name == "finalize")) {
        operations.remove("delete");
    }
    paths.insert(collection.clone(), many);
    if row.namespaced {
        paths.insert(format!("{root}/{}", row.plural), json!({"get": read("list", gvk, names.list, LIST), "parameters": parameters(&[])}));
    }
    let inner = parameters(&[&["name"], &["namespace"][..usize::from(row.namespaced)]].concat());
    let one = json!({
        "get": read("get", gvk, names.object, &[]),
        "put": write("put", gvk, names.object, WRITE),
        "patch": patch(gvk, names),
        "delete": write("delete", gvk, "io.k8s.apimachinery.pkg.apis.meta.v1.Status", DELETE),
        "parameters": inner,
    });
    paths.insert(format!("{collection}/{{name}}"), one);
    for (subresource, other) in &row.subresources {
        let path = format!("{collection}/{{name}}/{subresource}");
        let object = other.and_then(&body).unwrap_or_else(|| names.object.to_owned());
        let gvk = other.unwrap_or(gvk);
        let names = Names { object: &object, list: names.list, patches: names.patches };
        let operations = match *subresource {
            "token" | "eviction" | "binding" => json!({"post": write("post", gvk, &object, WRITE), "parameters": inner}),
            "finalize" => json!({"put": write("put", gvk, &object, WRITE), "parameters": inner}),
            _ => json!({
                "get": read("get", gvk, &object, &[]),
                "put": write("put", gvk, &object, WRITE),
                "patch": patch(gvk, &names),
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
