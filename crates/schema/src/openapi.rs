//! The OpenAPI v3 documents, made by the build script and kept compressed: nothing is built or held in memory at run
//! time (kubernetes-sigs/kwok#1494 shows what that costs otherwise).

pub mod v2;

use std::io::Read as _;

/// One document: a group version.
#[derive(Debug)]
pub struct Document {
    /// Path below `/openapi/v3/`: `api/v1` or `apis/GROUP/VERSION`.
    pub path: &'static str,
    /// Changes with the content; the index puts it into the document's URL.
    pub hash: &'static str,
    /// The JSON text, gzip-compressed.
    pub gzip: &'static [u8],
}

static DOCUMENTS: &[Document] = include!(concat!(env!("OUT_DIR"), "/documents.rs"));

/// Every document, sorted by path.
pub fn index() -> &'static [Document] {
    DOCUMENTS
}

/// The document at a path below `/openapi/v3/`.
pub fn document(path: &str) -> Option<&'static Document> {
    DOCUMENTS.iter().find(|d| d.path == path)
}

impl Document {
    /// The JSON text, for the few clients that do not accept gzip.
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.gzip.len() * 12);
        let complete = flate2::read::GzDecoder::new(self.gzip).read_to_end(&mut out);
        debug_assert!(complete.is_ok(), "the build script wrote these bytes");
        out
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parsed(path: &str) -> Value {
        serde_json::from_slice(&document(path).unwrap().json()).unwrap()
    }

    #[test]
    fn every_kind_lists_field_validation_for_its_patch() {
        for document in index() {
            let parsed = parsed(document.path);
            let items = parsed["paths"].as_object().unwrap().values();
            for patch in items.filter_map(|i| i.get("patch")) {
                let names: Vec<_> = patch["parameters"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
                assert!(names.contains(&"fieldValidation"), "{}", document.path);
                assert!(patch["x-kubernetes-group-version-kind"]["kind"].is_string());
            }
        }
    }

    #[test]
    fn every_reference_has_its_component() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str));
                    map.values().for_each(|v| references(v, found));
                }
                Value::Array(items) => items.iter().for_each(|v| references(v, found)),
                _ => {}
            }
        }
        for document in index() {
            let parsed = parsed(document.path);
            let mut found = Vec::new();
            references(&parsed, &mut found);
            for name in found {
                let name = name.strip_prefix("#/components/schemas/").unwrap();
                assert!(parsed["components"]["schemas"].get(name).is_some_and(Value::is_object), "{}: {name}", document.path);
            }
        }
    }

    #[test]
    fn lists_say_how_they_merge() {
        let schema = &parsed("api/v1")["components"]["schemas"]["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"];
        assert_eq!(schema["x-kubernetes-list-map-keys"], serde_json::json!(["port", "protocol"]));
        assert_eq!(schema["x-kubernetes-patch-merge-key"], "port");
        assert!(schema["description"].as_str().is_some_and(|d| !d.is_empty()));
    }

    #[test]
    fn fields_say_their_words_and_zero_values() {
        let schemas = parsed("api/v1")["components"]["schemas"].clone();
        let property = |message: &str, field: &str| schemas[format!("io.k8s.api.core.v1.{message}")]["properties"][field].clone();
        assert_eq!(property("ServicePort", "protocol")["enum"], serde_json::json!(["SCTP", "TCP", "UDP"]));
        assert_eq!((&property("ServicePort", "port")["default"], &property("ServicePort", "nodePort")["default"]), (&0.into(), &Value::Null));
        assert_eq!(property("ServiceSpec", "ipFamilies")["items"]["enum"], serde_json::json!(["", "IPv4", "IPv6"]));
        assert_eq!(schemas["io.k8s.api.core.v1.ConfigMapKeySelector"]["required"], serde_json::json!(["key"]));
    }

    #[test]
    fn namespaces_are_deleted_one_by_one() {
        let paths = parsed("api/v1")["paths"].clone();
        assert!(paths["/api/v1/namespaces"]["delete"].is_null() && paths["/api/v1/namespaces"]["post"].is_object());
        assert!(paths["/api/v1/namespaces/{name}"]["delete"].is_object() && paths["/api/v1/nodes"]["delete"].is_object());
    }

    #[test]
    fn own_kinds_explain_themselves() {
        for (path, name, field) in [
            ("apis/gateway.networking.k8s.io/v1", "io.k8s.networking.gateway.v1.HTTPRoute", "spec"),
            ("apis/fairlead.dev/v1alpha1", "dev.fairlead.v1alpha1.InstanceSpec", "addresses"),
        ] {
            let schema = &parsed(path)["components"]["schemas"][name];
            assert!(schema["properties"][field]["description"].is_string(), "{name}.{field}");
        }
    }

    #[test]
    fn all_documents_stay_small() {
        let total: usize = index().iter().map(|d| d.gzip.len()).sum();
        assert!(total < 600_000, "{total} bytes");
    }
}
