//! What keeps clients at their endpoints, as rules and policies write it (GEP-1619). The API's rules are checked again: objects may
//! have come through CRDs of another version, or from a file.

use std::sync::Arc;
use std::time::Duration;

use api::parse_duration;
use api::session::SessionPersistence;
use model::session::{Carrier, Session};

use crate::gateway::filters::HOP_BY_HOP;

/// Longest name of a cookie or header field.
const NAME_MAX: usize = 256;
/// The field that names a header field.
const HEADER: &str = "header.name";
/// Longest path of a cookie.
const PATH_MAX: usize = 1024;

/// Reads it, or says what is wrong with it.
pub(crate) fn read(written: &SessionPersistence) -> Result<Session, String> {
    let carrier = match written.kind.as_deref().unwrap_or("Cookie") {
        "Cookie" if written.header.is_some() => return Err("header is set and type is not Header".to_owned()),
        "Header" if written.cookie.is_some() => return Err("cookie is set and type is not Cookie".to_owned()),
        "Cookie" => cookie(written)?,
        "Header" => Carrier::Header {
            name: token(HEADER, written.header.as_ref().and_then(|header| header.name.as_ref()).or(written.session_name.as_ref()))?
                .map(|name| name.to_ascii_lowercase().into()),
        },
        other => return Err(format!("type {other:?} is not Cookie or Header")),
    };
    let absolute = timeout("absoluteTimeout", &written.absolute_timeout)?;
    if matches!(carrier, Carrier::Cookie { permanent: true, .. }) && absolute.is_none_or(|life| life.as_secs() == 0) {
        return Err("absoluteTimeout of at least 1s is needed where cookie.lifetimeType is Permanent".to_owned());
    }
    Ok(Session { carrier, absolute, idle: timeout("idleTimeout", &written.idle_timeout)? })
}

fn cookie(written: &SessionPersistence) -> Result<Carrier, String> {
    let cookie = written.cookie.clone().unwrap_or_default();
    let path = cookie.path.filter(|path| !path.is_empty()).unwrap_or_else(|| "/".into());
    // It stands in a header between semicolons.
    if !path.starts_with('/') || path.len() > PATH_MAX || !path.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';') {
        return Err(format!("cookie.path {path:?} is not / or a path of visible ASCII characters without a semicolon"));
    }
    let permanent = match cookie.lifetime_type.as_deref().unwrap_or("Session") {
        "Session" => false,
        "Permanent" => true,
        other => return Err(format!("cookie.lifetimeType {other:?} is not Session or Permanent")),
    };
    let name = token("cookie.name", cookie.name.as_ref().or(written.session_name.as_ref()))?.cloned();
    Ok(Carrier::Cookie { name, path, permanent })
}

/// A name that can stand in a header (RFC 9110 §5.6.2, RFC 6265 §4.1.1); an empty one is none.
fn token<'a>(field: &str, name: Option<&'a Arc<str>>) -> Result<Option<&'a Arc<str>>, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match name.filter(|name| !name.is_empty()) {
        Some(name) if name.len() > NAME_MAX || !name.bytes().all(allowed) => {
            Err(format!("{field} {name:?} is not up to {NAME_MAX} letters, digits and signs like - and _"))
        }
        Some(name) if field == HEADER && (HOP_BY_HOP.contains(&&*name.to_ascii_lowercase()) || name.eq_ignore_ascii_case("host")) => {
            Err(format!("{field} {name} means something else to every proxy"))
        }
        name => Ok(name),
    }
}

/// Zero is no timeout.
fn timeout(field: &str, text: &Option<Arc<str>>) -> Result<Option<Duration>, String> {
    let Some(text) = text else { return Ok(None) };
    let time = parse_duration(text).ok_or_else(|| format!("{field} {text:?} is no duration like 1h30m or 250ms"))?;
    Ok(Some(time).filter(|time| !time.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn said(written: Value) -> String {
        match read(&serde_json::from_value(written).unwrap()) {
            Ok(session) => {
                let (name, more) = match &session.carrier {
                    Carrier::Cookie { name, path, permanent } => (name, format!(" {path}{}", if *permanent { " permanent" } else { "" })),
                    Carrier::Header { name } => (name, String::new()),
                };
                let times: String = [session.absolute, session.idle].iter().flatten().map(|time| format!(" {time:?}")).collect();
                format!("{} {}{more}{times}", session.carrier.as_str(), name.as_deref().unwrap_or("-"))
            }
            Err(why) => why,
        }
    }

    #[test]
    fn what_versions_of_the_api_write_is_read() {
        for (written, expected) in [
            (json!({}), "cookie - /"),
            (json!({"type": "Cookie", "cookie": {}}), "cookie - /"),
            (json!({"cookie": {"name": "s", "path": "/app", "lifetimeType": "Permanent"}, "absoluteTimeout": "5m"}), "cookie s /app permanent 300s"),
            (json!({"type": "Header", "header": {"name": "X-S"}}), "header x-s"),
            (json!({"absoluteTimeout": "1h", "idleTimeout": "10s", "cookie": {}}), "cookie - / 3600s 10s"),
            (json!({"absoluteTimeout": "0s", "cookie": {}}), "cookie - /"),
            (json!({"sessionName": "old", "cookieConfig": {"lifetimeType": "Session"}}), "cookie old /"),
            (json!({"sessionName": "X-Old", "type": "Header"}), "header x-old"),
        ] {
            assert_eq!(said(written.clone()), expected, "{written}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (written, word) in [
            (json!({"type": "Url"}), "type \"Url\""),
            (json!({"type": "Header", "cookie": {}}), "cookie is set"),
            (json!({"header": {"name": "x"}}), "header is set"),
            (json!({"cookie": {"lifetimeType": "Permanent"}}), "absoluteTimeout"),
            (json!({"cookie": {"lifetimeType": "Permanent"}, "absoluteTimeout": "500ms"}), "absoluteTimeout"),
            (json!({"cookie": {"lifetimeType": "Never"}}), "lifetimeType"),
            (json!({"cookie": {"path": "/; Domain=evil.test"}}), "cookie.path"),
            (json!({"cookie": {"path": "/\r\nx: y"}}), "cookie.path"),
            (json!({"cookie": {"path": "app"}}), "cookie.path"),
            (json!({"cookie": {"name": "a=b"}}), "cookie.name"),
            (json!({"type": "Header", "header": {"name": "a b"}}), "header.name"),
            (json!({"type": "Header", "header": {"name": "Content-Length"}}), "header.name"),
            (json!({"cookie": {}, "absoluteTimeout": "soon"}), "absoluteTimeout"),
        ] {
            let why = said(written.clone());
            assert!(why.contains(word), "{written}: {why}");
        }
    }
}
