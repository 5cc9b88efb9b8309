use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::{from_json, from_yaml, prune};

/// Bytes of one length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, content.len() as u8];
    out.extend_from_slice(content);
    out
}

fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    let mut body = MAGIC.to_vec();
    body.extend(field(1, &meta));
    body.extend(field(2, raw));
    body.extend(field(3, b""));
    body.extend(field(4, b""));
    body
}

fn decoded(body: &[u8]) -> Value {
    let mut object = from_protobuf(body).unwrap().object;
    let message = table(Gvk::new(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap())).unwrap();
    assert_eq!(prune(message, &mut object).unwrap(), vec![]);
    object
}

#[test]
fn kubectl_create_namespace_is_understood() {
    // What client-go writes: every plain string of the metadata, empty or not.
    let metadata = [field(1, b"x"), field(2, b""), field(3, b""), field(4, b""), field(5, b""), field(6, b""), vec![0x38, 0], field(8, b"")];
    let raw = [field(1, &metadata.concat()), field(2, b""), field(3, &field(1, b""))].concat();
    let body = envelope("v1", "Namespace", &raw);
    let wanted = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": {}, "status": {}});
    assert_eq!(decoded(&body), wanted);
}

#[test]
fn delete_options_exist_in_every_group_version() {
    let body = envelope("apps/v1", "DeleteOptions", &[vec![0x08, 0], field(4, b"Background")].concat());
    let wanted = json!({"kind": "DeleteOptions", "apiVersion": "apps/v1", "gracePeriodSeconds": 0, "propagationPolicy": "Background"});
    assert_eq!(decoded(&body), wanted);
}

#[test]
fn what_was_written_is_read_again() {
    for (api_version, kind, rest) in [
        (
            "v1",
            "Service",
            json!({"spec": {"ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}], "selector": {"a": "", "b": "2"}}}),
        ),
        ("v1", "Secret", json!({"data": {"k": "AAEC"}, "immutable": false})),
        (
            "v1",
            "Pod",
            json!({"spec": {"volumes": [{"name": "v", "configMap": {"name": "c"}}], "containers": [{"name": "c", "image": "i",
            "resources": {"limits": {"cpu": "100m"}}, "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 10}}], "terminationGracePeriodSeconds": 0}}),
        ),
        ("coordination.k8s.io/v1", "Lease", json!({"spec": {"renewTime": "1969-12-31T23:59:59.500000Z", "leaseTransitions": -1}})),
    ] {
        let metadata =
            json!({"name": "x", "creationTimestamp": "2026-01-02T03:04:05Z", "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}]});
        let mut object = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let message = table(Gvk::new(api_version, kind)).unwrap();
        assert_eq!(prune(message, &mut object).unwrap(), vec![]);
        assert_eq!(decoded(&to_protobuf(message, &object)), object, "{kind}");
    }
}

#[test]
fn a_length_of_several_bytes_stands_before_its_content() {
    let long = "x".repeat(300);
    let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "x"}, "data": {"k": long}});
    assert_eq!(decoded(&to_protobuf(&crate::generated::core_v1::CONFIG_MAP, &object))["data"]["k"], long);
}

#[test]
fn bodies_that_are_none_are_refused() {
    assert_eq!(from_protobuf(b"{}"), Err(Error::NotProtobuf));
    let unknown = from_protobuf(&envelope("v1", "Cow", b""));
    assert_eq!(unknown, Err(Error::UnknownKind { api_version: "v1".into(), kind: "Cow".into() }));
    let mut body = envelope("v1", "Namespace", &field(1, &field(1, b"x")));
    body.truncate(body.len() - 6);
    assert!(matches!(from_protobuf(&body), Err(Error::Protobuf(_))));
    // Field 1 of a Namespace is a message, not a number.
    assert!(matches!(from_protobuf(&envelope("v1", "Namespace", &[0x08, 1])), Err(Error::Protobuf(_))));
}

#[test]
fn unknown_numbers_are_skipped() {
    let raw = [field(1, &field(1, b"x")), field(15, b"new"), vec![0x78, 5]].concat();
    assert_eq!(decoded(&envelope("v1", "Namespace", &raw))["metadata"], json!({"name": "x"}));
}

#[test]
fn inlined_structs_and_values_with_two_forms_come_out_flat() {
    let port = field(1, &[vec![0x08, 1, 0x10, 0], field(3, b"http")].concat());
    let probe = field(1, &field(2, &[field(1, b"/ready"), field(2, &port[2..])].concat()));
    let container = [field(1, b"c"), field(11, &probe)].concat();
    let raw = field(2, &field(2, &container));
    let pod = decoded(&envelope("v1", "Pod", &raw));
    let probe = &pod["spec"]["containers"][0]["readinessProbe"];
    assert_eq!(probe, &json!({"httpGet": {"path": "/ready", "port": "http"}}));
}

/// The folder of upstream's golden files, when the Go module cache has it.
fn golden() -> Option<PathBuf> {
    let home = std::env::var_os("GOMODCACHE").map(PathBuf::from);
    let cache = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join("go/pkg/mod")))?;
    let modules = std::fs::read_dir(cache.join("k8s.io")).ok()?;
    let mut found: Vec<PathBuf> = modules
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("api@v0.3")))
        .map(|p| p.join("testdata"))
        .collect();
    found.sort();
    found.pop().filter(|p| p.is_dir())
}

#[test]
fn golden_files_of_every_kind_decode_to_their_json() {
    let Some(folder) = golden() else {
        eprintln!("SKIPPED: no k8s.io/api in the Go module cache (go mod download k8s.io/api@latest)");
        return;
    };
    let mut checked = 0;
    let mut wrong = Vec::new();
    for message in crate::generated::KINDS {
        let Some((group, version, kind)) = message.gvk else { continue };
        let group = if group.is_empty() { "core" } else { group };
        let Ok(protobuf) = std::fs::read(folder.join(format!("HEAD/{group}.{version}.{kind}.pb"))) else { continue };
        let text = |ending: &str| std::fs::read(folder.join(format!("HEAD/{group}.{version}.{kind}.{ending}"))).unwrap();
        let mut from_pb = from_protobuf(&protobuf).unwrap_or_else(|e| panic!("{kind}: {e}")).object;
        prune(message, &mut from_pb).unwrap_or_else(|e| panic!("{kind}: {e}"));
        let (mut wanted, duplicates) = from_json(&text("json")).unwrap();
        assert_eq!(duplicates, vec![]);
        let untouched = wanted.clone();
        prune(message, &mut wanted).unwrap();
        assert!(same_order(&untouched, &wanted), "{kind}: the order of the keys is not that of the Go structs");
        if serde_json::to_string(&from_pb).unwrap() != serde_json::to_string(&wanted).unwrap() {
            wrong.push(format!("{kind} (pb): {}", difference("", &from_pb, &wanted)));
        }
        if lost("", &untouched, &wanted).is_empty() && to_protobuf(message, &wanted) != protobuf {
            let back = from_protobuf(&to_protobuf(message, &wanted)).unwrap_or_else(|e| panic!("{kind}: {e}")).object;
            wrong.push(format!("{kind} (to pb): {}", difference("", &back, &wanted)));
        }
        let (mut yaml, _) = from_yaml(&text("yaml")).unwrap();
        prune(message, &mut yaml).unwrap();
        if yaml != wanted {
            wrong.push(format!("{kind} (yaml): {}", difference("", &yaml, &wanted)));
        }
        // Except for what was dropped, canonical form is what Go wrote, down to the order of the keys.
        for lost in lost("", &untouched, &wanted) {
            println!("{kind}: not in the tables: {lost}");
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 30, "only {checked} kinds have golden files");
}

fn difference(path: &str, left: &Value, right: &Value) -> String {
    if let (Value::Object(a), Value::Object(b)) = (left, right) {
        let keys: Vec<_> = a.keys().chain(b.keys()).collect();
        for key in keys {
            if a.get(key) != b.get(key) {
                let null = Value::Null;
                return difference(&format!("{path}.{key}"), a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
            }
        }
        return format!("{path}: keys {:?} and {:?}", a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    }
    if let (Value::Array(a), Value::Array(b)) = (left, right)
        && a.len() == b.len()
    {
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            if a != b {
                return difference(&format!("{path}[{i}]"), a, b);
            }
        }
    }
    format!("{path}: {left} and {right}")
}

/// Whether the keys of `after` come in the order they have in `before`, at every level.
fn same_order(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let kept: Vec<&String> = a.keys().filter(|k| b.contains_key(*k)).collect();
            kept == b.keys().collect::<Vec<_>>() && kept.iter().all(|k| same_order(&a[*k], &b[*k]))
        }
        (Value::Array(a), Value::Array(b)) => a.iter().zip(b).all(|(a, b)| same_order(a, b)),
        _ => true,
    }
}

/// Paths that are in `before` and not in `after`.
fn lost(path: &str, before: &Value, after: &Value) -> Vec<String> {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => a
            .iter()
            .flat_map(|(key, value)| {
                let path = format!("{path}.{key}");
                b.get(key).map_or_else(|| vec![path.clone()], |after| lost(&path, value, after))
            })
            .collect(),
        (Value::Array(a), Value::Array(b)) => a.iter().zip(b).flat_map(|(a, b)| lost(&format!("{path}[]"), a, b)).collect(),
        _ if before == after => vec![],
        _ => vec![format!("{path}: {before} became {after}")],
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), kind in 0..40usize) {
        let kinds = crate::generated::KINDS;
        if let Some((group, version, kind)) = kinds[kind % kinds.len()].gvk {
            let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
            let mut body = MAGIC.to_vec();
            body.extend(field(1, &[field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat()));
            body.push(2 << 3 | 2);
            body.extend([raw.len() as u8 & 0x7f | 0x80, (raw.len() >> 7) as u8]);
            body.extend(&raw);
            if let Ok(mut decoded) = from_protobuf(&body) {
                let message = table(Gvk::new(&decoded.api_version, &decoded.kind)).unwrap();
                let _ = prune(message, &mut decoded.object);
            }
        }
        let _ = from_protobuf(&raw);
    }
}
