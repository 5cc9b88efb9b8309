//! A stored object: its bytes as they lie in the store, a small decoded head, and the places where a reply differs from the bytes.
//!
//! Stored JSON carries no resourceVersion (the store knows it) and names the storage version. Both are put right while the bytes are
//! copied into a reply, so that lists and watches never decode what they send.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use store::Record;

use crate::kinds::Kind;
use crate::metadata;

/// One object at one revision. Shared between the cache, lists in progress and watches.
#[derive(Debug)]
pub struct Object {
    /// The key in the store.
    pub key: Arc<str>,
    /// The revision of its last write: its resourceVersion.
    pub revision: u64,
    /// What selectors and indexes look at.
    pub head: Head,
    json: Bytes,
    marks: Marks,
}

/// The decoded part of an object.
#[derive(Debug, Default)]
pub struct Head {
    /// `metadata.namespace`, empty for cluster-wide kinds.
    pub namespace: Box<str>,
    /// `metadata.name`.
    pub name: Box<str>,
    /// `metadata.uid`.
    pub uid: Box<str>,
    /// `metadata.labels`, sorted by key.
    pub labels: Box<[(Box<str>, Box<str>)]>,
    /// The values of the kind's selectable fields, in the order of [`crate::kinds::Rules::fields`].
    pub fields: Box<[Box<str>]>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub is_deleting: bool,
}

/// Places in the stored JSON, as byte offsets.
#[derive(Debug, PartialEq)]
struct Marks {
    /// The text of `apiVersion`, between its quotes.
    api_version: Range<u32>,
    /// Where `,"resourceVersion":"N"` belongs: behind the value of uid or name.
    revision: u32,
    /// Where `"metadata"` begins when only kind and apiVersion stand before it, else 0.
    item: u32,
    /// The value of `metadata`.
    metadata: Range<u32>,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(rename = "apiVersion", borrow)]
    api_version: &'a RawValue,
    #[serde(borrow)]
    metadata: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow)]
    name: &'a RawValue,
    #[serde(borrow, default)]
    uid: Option<&'a RawValue>,
    #[serde(default)]
    namespace: Option<Box<str>>,
    #[serde(default)]
    labels: Option<std::collections::BTreeMap<Box<str>, Box<str>>>,
    #[serde(default)]
    deletion_timestamp: Option<Box<str>>,
}

impl Object {
    /// Reads what the server needs to know of a record. Fails with the reason when the bytes are no object.
    pub fn decode(kind: &Kind, record: &Record) -> Result<Self, serde_json::Error> {
        let text = std::str::from_utf8(&record.value).map_err(serde::de::Error::custom)?;
        let outer: Outer<'_> = serde_json::from_str(text)?;
        let meta: Meta<'_> = serde_json::from_str(outer.metadata.get())?;
        let name: Box<str> = serde_json::from_str(meta.name.get())?;
        let uid: Option<Box<str>> = meta.uid.map(|raw| serde_json::from_str(raw.get())).transpose()?;
        let version = place(text, outer.api_version);
        let after = place(outer.metadata.get(), meta.uid.unwrap_or(meta.name)).end;
        let metadata = place(text, outer.metadata);
        let before_metadata = text[..metadata.start as usize].rfind("\"metadata\"").unwrap_or(0);
        let marks = Marks {
            api_version: version.start + 1..version.end - 1,
            revision: metadata.start + after,
            item: if text[..before_metadata].matches("\":").count() == 2 { before_metadata as u32 } else { 0 },
            metadata,
        };
        let names = kind.rules.fields();
        let fields = if names.is_empty() {
            Box::default()
        } else {
            let value: Value = serde_json::from_str(text)?;
            names.iter().map(|path| kind.rules.field(&value, path).into_boxed_str()).collect()
        };
        let head = Head {
            namespace: meta.namespace.unwrap_or_default(),
            name,
            uid: uid.unwrap_or_default(),
            labels: meta.labels.unwrap_or_default().into_iter().collect(),
            fields,
            is_deleting: meta.deletion_timestamp.is_some(),
        };
        Ok(Self { key: record.key.clone(), revision: record.mod_revision, head, json: record.value.clone(), marks })
    }

    /// The object as a value, with its resourceVersion, in the storage version.
    pub fn value(&self) -> Value {
        let mut text = Vec::with_capacity(self.len());
        self.write(&mut text, None, self.revision);
        serde_json::from_slice(&text).expect("an object that was decoded once is JSON")
    }

    /// Bytes that [`Object::write`] appends, or a few more.
    pub fn len(&self) -> usize {
        self.json.len() + 64
    }

    /// Appends the JSON with a resourceVersion, under another `apiVersion` if one is given.
    pub fn write(&self, out: &mut Vec<u8>, api_version: Option<&str>, revision: u64) {
        let Marks { api_version: version, revision: at, .. } = &self.marks;
        let (start, end, at) = (version.start as usize, version.end as usize, *at as usize);
        match api_version {
            Some(text) if start < at => {
                out.extend_from_slice(&self.json[..start]);
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(&self.json[end..at]);
                push_revision(out, revision);
                out.extend_from_slice(&self.json[at..]);
            }
            Some(text) => {
                out.extend_from_slice(&self.json[..at]);
                push_revision(out, revision);
                out.extend_from_slice(&self.json[at..start]);
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(&self.json[end..]);
            }
            None => {
                out.extend_from_slice(&self.json[..at]);
                push_revision(out, revision);
                out.extend_from_slice(&self.json[at..]);
            }
        }
    }

    /// Appends the JSON as an item of a list of a built-in kind: without kind and apiVersion, which the list has once.
    pub fn write_item(&self, out: &mut Vec<u8>) {
        let (start, at) = (self.marks.item as usize, self.marks.revision as usize);
        if start == 0 {
            return self.write(out, None, self.revision);
        }
        out.push(b'{');
        out.extend_from_slice(&self.json[start..at]);
        push_revision(out, self.revision);
        out.extend_from_slice(&self.json[at..]);
    }

    /// Appends the metadata alone as a PartialObjectMetadata.
    pub fn write_metadata(&self, out: &mut Vec<u8>, api_version: &str, revision: u64) {
        let (start, at, end) = (self.marks.metadata.start as usize, self.marks.revision as usize, self.marks.metadata.end as usize);
        out.extend_from_slice(b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"");
        out.extend_from_slice(api_version.as_bytes());
        out.extend_from_slice(b"\",\"metadata\":");
        out.extend_from_slice(&self.json[start..at]);
        push_revision(out, revision);
        out.extend_from_slice(&self.json[at..end]);
        out.push(b'}');
    }
}

impl Head {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.binary_search_by(|(k, _)| (**k).cmp(key)).ok().map(|at| &*self.labels[at].1)
    }
}

fn push_revision(out: &mut Vec<u8>, revision: u64) {
    out.extend_from_slice(b",\"resourceVersion\":\"");
    out.extend_from_slice(revision.to_string().as_bytes());
    out.push(b'"');
}

/// Where a borrowed value stands in the text it was read from.
fn place(text: &str, raw: &RawValue) -> Range<u32> {
    let start = (raw.get().as_ptr() as usize - text.as_ptr() as usize) as u32;
    start..start + raw.get().len() as u32
}

/// Room for the JSON of most objects.
const STORED_BYTES: usize = 4096;

/// The bytes to store for an object: kind, apiVersion and metadata first, no resourceVersion.
pub fn stored_bytes(kind: &Kind, value: &Value) -> Bytes {
    let mut out = Vec::with_capacity(STORED_BYTES);
    out.extend_from_slice(b"{\"kind\":\"");
    out.extend_from_slice(kind.kind.as_bytes());
    out.extend_from_slice(b"\",\"apiVersion\":\"");
    if !kind.group.is_empty() {
        out.extend_from_slice(kind.group.as_bytes());
        out.push(b'/');
    }
    out.extend_from_slice(kind.storage.as_bytes());
    out.extend_from_slice(b"\",\"metadata\":{");
    let empty = out.len();
    for (key, value) in metadata::ordered(&value["metadata"]).into_iter().filter(|(key, _)| !matches!(*key, "resourceVersion" | "selfLink")) {
        if out.len() > empty {
            out.push(b',');
        }
        push_field(&mut out, key, value);
    }
    out.push(b'}');
    let others = value.as_object().into_iter().flatten();
    for (key, value) in others.filter(|(key, _)| !matches!(key.as_str(), "kind" | "apiVersion" | "metadata")) {
        out.push(b',');
        push_field(&mut out, key, value);
    }
    out.push(b'}');
    // Without the room that is left over: it would be kept for as long as the object lives.
    Bytes::copy_from_slice(&out)
}

fn push_field(out: &mut Vec<u8>, key: &str, value: &Value) {
    push_text(out, key);
    out.push(b':');
    push_value(out, value);
}

/// What `serde_json` would write, without looking at each octet of a text by itself.
fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => push_text(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_value(out, item);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            out.push(b'{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_field(out, key, item);
            }
            out.push(b'}');
        }
        scalar => serde_json::to_writer(out, scalar).expect("numbers, truth values and null are writable"),
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    // Without an early end the compiler makes this loop look at many octets at once.
    let is_plain = text.bytes().fold(true, |plain, b| plain & (b >= 0x20) & (b != b'"') & (b != b'\\'));
    if is_plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string is writable");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds;

    fn config_maps() -> &'static Kind {
        kinds::find("", "v1", "configmaps").expect("a row")
    }

    fn object(text: impl Into<Bytes>) -> Object {
        let record = Record { key: "/registry/configmaps/n/a".into(), value: text.into(), create_revision: 3, mod_revision: 7 };
        Object::decode(config_maps(), &record).expect("an object")
    }

    fn written(object: &Object, version: Option<&str>) -> Value {
        let mut out = Vec::new();
        object.write(&mut out, version, 9);
        serde_json::from_slice(&out).expect("JSON")
    }

    #[test]
    fn a_reply_is_the_stored_bytes_with_version_and_revision_put_right() {
        let value = json!({ "data": { "k": "\"metadata\":" }, "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "a", "namespace": "n", "uid": "u", "labels": { "b": "2", "a": "1" } } });
        let bytes = stored_bytes(config_maps(), &value);
        assert!(bytes.starts_with(br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"#));
        let object = object(bytes);
        assert_eq!(object.head.label("a"), Some("1"));
        assert_eq!((&*object.head.name, &*object.head.namespace, &*object.head.uid), ("a", "n", "u"));
        let mut want = value.clone();
        want["metadata"]["resourceVersion"] = "9".into();
        assert_eq!(written(&object, None), want);
        want["apiVersion"] = "v9".into();
        assert_eq!(written(&object, Some("v9")), want);
        let mut item = Vec::new();
        object.write_item(&mut item);
        assert!(item.starts_with(br#"{"metadata":{"name":"a""#), "{}", String::from_utf8_lossy(&item));
        assert_eq!(object.value()["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn stored_bytes_are_what_serde_would_write_with_metadata_in_order() {
        let text = "plain \u{e4} \"quoted\" \\ \n\t\u{1}\u{7f}";
        let value = json!({ "kind": "ConfigMap", "apiVersion": "v1", "data": { "k": text, text: "v" }, "other": [1, -2, 1.5, null, true, {}, [], "x"],
                            "metadata": { "odd": 1, "uid": "u", "labels": { "b": text }, "name": "a", "resourceVersion": "7" } });
        let bytes = stored_bytes(config_maps(), &value);
        let mut want = value.clone();
        want["metadata"] = json!({ "name": "a", "uid": "u", "labels": { "b": text }, "odd": 1 });
        assert_eq!(serde_json::from_slice::<Value>(&bytes).expect("JSON"), want);
        let metadata = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","uid":"u","labels":{"b":"#;
        let rest = format!(r#"{}}},"odd":1}},"data":{},"other":{}}}"#, json!(text), value["data"], value["other"]);
        assert_eq!(String::from_utf8_lossy(&bytes), format!("{metadata}{rest}"));
    }

    #[test]
    fn foreign_key_order_is_served_too() {
        let object = object(r#"{ "metadata" : {"uid":"u","name":"a"} , "kind":"ConfigMap","apiVersion":"v1"}"#);
        assert_eq!(
            written(&object, Some("v2")),
            json!({ "metadata": { "uid": "u", "name": "a", "resourceVersion": "9" }, "kind": "ConfigMap", "apiVersion": "v2" })
        );
        let mut item = Vec::new();
        object.write_item(&mut item);
        assert_eq!(serde_json::from_slice::<Value>(&item).expect("JSON")["kind"], "ConfigMap");
    }

    #[test]
    fn what_is_no_object_is_told_and_not_fatal() {
        for bytes in [&b"nonsense"[..], b"{}", b"\xff", br#"{"apiVersion":"v1","metadata":{}}"#] {
            let record = Record { key: "/registry/configmaps/n/a".into(), value: Bytes::copy_from_slice(bytes), create_revision: 1, mod_revision: 1 };
            assert!(Object::decode(config_maps(), &record).is_err());
        }
    }
}
