//! ConfigMap: small files by key.

use jiff::Timestamp;
use serde_json::Value;

use super::cells::{self, column};
use super::value::{flag, map};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax;

/// Most bytes that the values of one ConfigMap or Secret may hold together.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
pub(super) const IMMUTABLE: &str = "field is immutable when `immutable` is set";

/// The rules of ConfigMaps.
pub struct ConfigMap;

impl Rules for ConfigMap {
    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let mut bytes = 0;
        let (data, binary) = (map(object, "data"), map(object, "binaryData"));
        for (key, value) in data {
            check_key(key, "data", &mut errors);
            if binary.contains_key(key) {
                errors.push(Path::new("data").key(key).invalid(key.as_str(), "duplicate of key present in binaryData"));
            }
            bytes += value.as_str().map_or(0, str::len);
        }
        for (key, value) in binary {
            check_key(key, "binaryData", &mut errors);
            bytes += decoded_length(value);
        }
        if bytes > MAX_BYTES {
            errors.push(Path::new("").too_long(MAX_BYTES));
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if flag(old, "immutable") {
            if !flag(new, "immutable") {
                errors.push(Path::new("immutable").forbidden(IMMUTABLE));
            }
            for field in ["data", "binaryData"] {
                if map(new, field) != map(old, field) {
                    errors.push(Path::new(field).forbidden(IMMUTABLE));
                }
            }
        }
        errors.extend(self.validate_create(new, settings));
        errors
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, DATA, AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let keys = map(object, "data").len() + map(object, "binaryData").len();
        vec![cells::name(object), keys.into(), cells::age(object, now)]
    }
}

/// How many keys there are. Upstream declares text and sends a number.
pub(super) const DATA: Column = column("Data", "Number of keys.");

/// A key is a file name.
pub(super) fn check_key(key: &str, field: &str, errors: &mut FieldErrors) {
    errors.extend(Path::new(field).key(key).invalid_all(key, syntax::config_key(key)));
}

/// Bytes that base64 text stands for.
pub(super) fn decoded_length(value: &Value) -> usize {
    let text = value.as_str().unwrap_or("");
    (text.len() / 4 * 3).saturating_sub(text.bytes().rev().take(2).filter(|b| *b == b'=').count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{texts, with};
    use super::*;

    #[test]
    fn keys_and_size_are_bounded() {
        let object = json!({"data": {"bad key": "v", "k": "v"}, "binaryData": {"k": "dg=="}});
        let errors = texts(&ConfigMap.validate_create(&object, &Settings::default()));
        assert!(errors[0].starts_with("data[bad key]: Invalid value: \"bad key\": a valid config key must consist of"), "{errors:?}");
        assert_eq!(errors[1], "data[k]: Invalid value: \"k\": duplicate of key present in binaryData");
        let object = json!({"data": {"k": "v".repeat(MAX_BYTES + 1)}});
        assert_eq!(texts(&ConfigMap.validate_create(&object, &Settings::default())), ["[]: Too long: may not be more than 1048576 bytes"]);
        assert_eq!(decoded_length(&json!("AP8=")), 2);
    }

    #[test]
    fn an_immutable_map_stays_as_it_is() {
        let old = json!({"data": {"k": "v"}, "immutable": true});
        assert_eq!(
            texts(&ConfigMap.validate_update(&with(&old, "/data", json!({"k": "w"})), &old, &Settings::default())),
            ["data: Forbidden: field is immutable when `immutable` is set"]
        );
        let free = json!({"data": {"k": "v"}});
        assert_eq!(
            texts(&ConfigMap.validate_update(&free, &old, &Settings::default())),
            ["immutable: Forbidden: field is immutable when `immutable` is set"]
        );
        assert!(ConfigMap.validate_update(&old, &free, &Settings::default()).is_empty());
    }
}
