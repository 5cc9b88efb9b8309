//! Secret: small files that are nobody else's business.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::cells::{self, column};
use super::config_map::{DATA, IMMUTABLE, MAX_BYTES, check_key, decoded_length};
use super::value::{annotation, copy, default_to, flag, map, object_at, remove, text};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};

const SERVICE_ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const DATA_PATH: Path<'static> = Path::new("data");

/// The rules of Secrets.
pub struct Secret;

impl Rules for Secret {
    fn defaults(&self, object: &mut Value) {
        default_to(object, "type", "Opaque");
        // Write-only text wins over data of the same key, and is never stored or shown as such.
        if let Some(Value::Object(plain)) = remove(object, "stringData") {
            if plain.is_empty() {
                return;
            }
            let data = object_at(object, "data");
            for (key, value) in plain {
                data[key.as_str()] = STANDARD.encode(value.as_str().unwrap_or("")).into();
            }
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        if text(new, "type").is_empty() {
            copy(new, old, "type");
        }
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let mut bytes = 0;
        for (key, value) in map(object, "data") {
            check_key(key, "data", &mut errors);
            bytes += decoded_length(value);
        }
        if bytes > MAX_BYTES {
            errors.push(DATA_PATH.too_long(MAX_BYTES));
        }
        check_type(object, map(object, "data"), &mut errors);
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if text(new, "type") != text(old, "type") {
            errors.push(Path::new("type").invalid(text(new, "type"), "field is immutable"));
        }
        if flag(old, "immutable") {
            if !flag(new, "immutable") {
                errors.push(Path::new("immutable").forbidden(IMMUTABLE));
            }
            if map(new, "data") != map(old, "data") {
                errors.push(DATA_PATH.forbidden(IMMUTABLE));
            }
        }
        errors.extend(self.validate_create(new, settings));
        errors
    }

    fn warnings(&self, new: &Value, _old: Option<&Value>) -> Vec<String> {
        if text(new, "type") != "kubernetes.io/tls" {
            return Vec::new();
        }
        // The first of the two that holds nothing to read, as crypto/tls names it; whether key and certificate belong together is judged by compile.
        let pem = |key: &str| STANDARD.decode(text(&new["data"], key)).is_ok_and(|der| der.windows(11).any(|w| w == b"-----BEGIN "));
        [("tls.crt", "certificate"), ("tls.key", "key")]
            .iter()
            .find(|(key, _)| !pem(key))
            .map(|(_, what)| format!("tls: failed to find any PEM data in {what} input"))
            .into_iter()
            .collect()
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, column("Type", "Purpose of the data."), DATA, AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), text(object, "type").into(), map(object, "data").len().into(), cells::age(object, now)]
    }

    fn fields(&self) -> &'static [&'static str] {
        &["type"]
    }
}

/// The keys that a type of Secret must have.
fn check_type(object: &Value, data: &Map<String, Value>, errors: &mut FieldErrors) {
    let mut require = |key: &str| {
        if !data.contains_key(key) {
            errors.push(DATA_PATH.key(key).required(""));
        }
    };
    match text(object, "type") {
        "kubernetes.io/service-account-token" if annotation(object, SERVICE_ACCOUNT_NAME).unwrap_or("").is_empty() => {
            let metadata = Path::new("metadata");
            errors.push(metadata.child("annotations").key(SERVICE_ACCOUNT_NAME).required(""));
        }
        "kubernetes.io/dockercfg" => check_json(data, ".dockercfg", errors),
        "kubernetes.io/dockerconfigjson" => check_json(data, ".dockerconfigjson", errors),
        "kubernetes.io/basic-auth" if !data.contains_key("username") && !data.contains_key("password") => {
            require("username");
            require("password");
        }
        "kubernetes.io/ssh-auth" if data.get("ssh-privatekey").is_none_or(|v| v.as_str() == Some("")) => {
            errors.push(DATA_PATH.key("ssh-privatekey").required(""));
        }
        "kubernetes.io/tls" => {
            require("tls.crt");
            require("tls.key");
        }
        _ => {}
    }
}

fn check_json(data: &Map<String, Value>, key: &str, errors: &mut FieldErrors) {
    let Some(value) = data.get(key) else {
        errors.push(DATA_PATH.key(key).required(""));
        return;
    };
    let bytes = STANDARD.decode(value.as_str().unwrap_or("")).unwrap_or_default();
    if let Err(error) = serde_json::from_slice::<Map<String, Value>>(&bytes) {
        let why = std::str::from_utf8(&bytes).ok().and_then(schema::json_complaint).unwrap_or_else(|| error.to_string());
        errors.push(DATA_PATH.key(key).invalid("<secret contents redacted>", why));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{texts, with};
    use super::*;

    #[test]
    fn plain_text_becomes_data_and_wins() {
        let mut object = json!({"stringData": {"a": "plain", "b": "wins"}, "data": {"b": "bG9zZXM=", "c": "ZA=="}});
        Secret.defaults(&mut object);
        assert_eq!(object, json!({"data": {"a": "cGxhaW4=", "b": "d2lucw==", "c": "ZA=="}, "type": "Opaque"}));
    }

    #[test]
    fn types_have_their_keys() {
        for (kind, data, want) in [
            ("kubernetes.io/tls", json!({"tls.crt": "ZA=="}), vec!["data[tls.key]: Required value"]),
            ("kubernetes.io/basic-auth", json!({}), vec!["data[username]: Required value", "data[password]: Required value"]),
            ("kubernetes.io/basic-auth", json!({"username": ""}), vec![]),
            ("kubernetes.io/ssh-auth", json!({"ssh-privatekey": ""}), vec!["data[ssh-privatekey]: Required value"]),
            ("kubernetes.io/dockerconfigjson", json!({}), vec!["data[.dockerconfigjson]: Required value"]),
            ("kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": "e30="}), vec![]),
            ("kubernetes.io/service-account-token", json!({}), vec!["metadata.annotations[kubernetes.io/service-account.name]: Required value"]),
            ("my/type", json!({}), vec![]),
        ] {
            assert_eq!(texts(&Secret.validate_create(&json!({"type": kind, "data": data}), &Settings::default())), want, "{kind}");
        }
        let broken = json!({"type": "kubernetes.io/dockercfg", "data": {".dockercfg": "e30x"}});
        assert!(
            texts(&Secret.validate_create(&broken, &Settings::default()))[0]
                .starts_with("data[.dockercfg]: Invalid value: \"<secret contents redacted>\": ")
        );
    }

    #[test]
    fn the_type_never_changes() {
        let old = json!({"type": "Opaque", "data": {}});
        let new = with(&old, "/type", json!("other/x"));
        assert_eq!(texts(&Secret.validate_update(&new, &old, &Settings::default())), ["type: Invalid value: \"other/x\": field is immutable"]);
    }

    #[test]
    fn a_certificate_that_is_none_is_warned_of() {
        let object = json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "ZA==", "tls.key": "ZA=="}});
        assert_eq!(Secret.warnings(&object, None), ["tls: failed to find any PEM data in certificate input"]);
    }
}
