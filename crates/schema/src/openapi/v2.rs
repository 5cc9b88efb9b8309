//! The OpenAPI v2 document for clients that know no v3 (kubectl before 1.27, Argo CD's diffs), made of the v3 documents when asked for.
//!
//! As protobuf it is `openapi.v2.Document` of github.com/google/gnostic-models, which client-go insists on.

use serde_json::{Map, Value, json};

use super::Document;

mod wire;

/// Component that the bodies of patches are said to have.
const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const V3_REFERENCE: &str = "#/components/schemas/";
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// One document of all these.
pub fn document<'a>(documents: impl Iterator<Item = &'a Document>) -> Value {
    let (mut paths, mut definitions, mut version) = (Map::new(), Map::new(), Value::Null);
    for document in documents {
        let Ok(mut v3) = serde_json::from_slice::<Value>(&document.json()) else { continue };
        for (name, component) in entries(&mut v3["components"]["schemas"]) {
            definitions.entry(name).or_insert_with(|| schema(component));
        }
        version = v3["info"]["version"].take();
        paths.extend(entries(&mut v3["paths"]).map(|(path, item)| (path, path_item(item))));
    }
    definitions.insert(
        PATCH.to_owned(),
        json!({ "description": "Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.", "type": "object" }),
    );
    definitions.sort_keys();
    paths.sort_keys();
    json!({ "swagger": "2.0", "info": { "title": "Kubernetes", "version": version }, "paths": paths, "definitions": definitions })
}

/// The document as protobuf.
pub fn to_protobuf(document: &Value) -> Vec<u8> {
    wire::document(document)
}

fn entries(value: &mut Value) -> impl Iterator<Item = (String, Value)> + use<> {
    value.as_object_mut().map(std::mem::take).unwrap_or_default().into_iter()
}

/// A schema without what v2 has no word for.
fn schema(v3: Value) -> Value {
    let Value::Object(mut v3) = v3 else { return v3 };
    let mut out = Map::new();
    // v3 wraps references that have neighbours; v2 lets them stand beside each other.
    if let Some([only]) = v3.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
        && let Some(reference) = only.get("$ref").cloned()
    {
        v3.shift_remove("allOf");
        v3.shift_remove("default");
        v3.insert("$ref".to_owned(), reference);
    }
    let alternatives = v3.shift_remove("oneOf");
    if alternatives.is_some() && !v3.contains_key("type") {
        // Quantities and the like: text is what all of them can be written as.
        out.insert("type".to_owned(), "string".into());
    }
    for (key, value) in v3 {
        let kept = match (key.as_str(), value) {
            ("$ref", Value::String(to)) => Value::String(to.replace(V3_REFERENCE, "#/definitions/")),
            ("anyOf" | "not" | "nullable", _) => continue,
            ("items" | "additionalProperties", value) => schema(value),
            ("properties", mut value) => entries(&mut value).map(|(name, inside)| (name, schema(inside))).collect(),
            ("allOf", Value::Array(all)) => all.into_iter().map(schema).collect(),
            (_, value) => value,
        };
        out.insert(key, kept);
    }
    Value::Object(out)
}

fn path_item(mut v3: Value) -> Value {
    let mut out = Map::new();
    for method in METHODS {
        if let Some(v3) = v3.get_mut(method).map(Value::take) {
            out.insert(method.to_owned(), operation(method, v3));
        }
    }
    out.insert("parameters".to_owned(), parameters(&mut v3));
    Value::Object(out)
}

fn operation(method: &str, mut v3: Value) -> Value {
    let mut all = parameters(&mut v3);
    let mut consumes = json!(["*/*"]);
    if let (Some(body), Some(list)) = (v3.get_mut("requestBody").map(Value::take), all.as_array_mut()) {
        let mut content = body["content"].clone();
        let mut kinds = entries(&mut content).peekable();
        let of_object = kinds.peek().map(|(_, content)| schema(content["schema"].clone())).unwrap_or_default();
        let wanted = if method == "patch" { json!({ "$ref": format!("#/definitions/{PATCH}") }) } else { of_object };
        list.insert(0, json!({ "name": "body", "in": "body", "required": true, "schema": wanted }));
        consumes = kinds.map(|(kind, _)| Value::String(kind)).collect();
    }
    let answer = |(code, mut answer): (String, Value)| {
        let shown = schema(answer["content"]["application/json"]["schema"].take());
        let mut out = json!({ "description": answer["description"].take() });
        if shown.is_object() {
            out["schema"] = shown;
        }
        (code, out)
    };
    let responses: Map<String, Value> = entries(&mut v3["responses"]).map(answer).collect();
    let mut out = json!({
        "consumes": consumes, "produces": ["application/json", "application/yaml"], "schemes": ["https"], "parameters": all, "responses": responses
    });
    for (key, value) in entries(&mut v3).filter(|(key, _)| key.starts_with("x-")) {
        out[key] = value;
    }
    out
}

/// Parameters, whose schema v2 spells beside their name.
fn parameters(v3: &mut Value) -> Value {
    let flat = |mut parameter: Value| {
        let inside: Vec<(String, Value)> = entries(&mut parameter["schema"]).collect();
        if let Some(fields) = parameter.as_object_mut() {
            fields.shift_remove("schema");
            fields.extend(inside);
        }
        parameter
    };
    v3["parameters"].take().as_array_mut().map(std::mem::take).unwrap_or_default().into_iter().map(flat).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::index;

    #[test]
    fn references_stay_within_the_document() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    map.values().for_each(|v| references(v, found));
                }
                Value::Array(items) => items.iter().for_each(|v| references(v, found)),
                _ => {}
            }
        }
        let document = document(index().iter());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 500, "{}", found.len());
        for reference in found {
            let name = reference.strip_prefix("#/definitions/").unwrap_or_else(|| panic!("{reference}"));
            assert!(document["definitions"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn what_old_clients_look_for_is_there() {
        let document = document(index().iter());
        let port = &document["definitions"]["io.k8s.api.core.v1.ServicePort"]["properties"];
        assert_eq!(
            (&port["protocol"]["default"], &port["targetPort"]["$ref"]),
            (&json!("TCP"), &json!("#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString"))
        );
        assert_eq!(document["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"], "string");
        let service = &document["definitions"]["io.k8s.api.core.v1.Service"];
        assert_eq!(service["x-kubernetes-group-version-kind"], json!([{ "group": "", "kind": "Service", "version": "v1" }]));
        let patch = &document["paths"]["/api/v1/namespaces/{namespace}/services/{name}"]["patch"];
        let validated = |p: &Value| p["name"] == "fieldValidation" && p["in"] == "query" && p["type"] == "string";
        assert!(patch["parameters"].as_array().is_some_and(|all| all.iter().any(validated)), "{patch}");
    }
}
