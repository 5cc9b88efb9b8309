//! Paths as users write them, in the form that requests are compared in (gateway spec G97).

use std::sync::Arc;

/// A path of a rule with its percent escapes in normal form: unreserved characters decoded, hex digits upper case. The error
/// says why no request could ever match it.
pub(crate) fn normal(path: &Arc<str>) -> Result<Arc<str>, String> {
    if !path.starts_with('/') {
        return Err(format!("path {path:?} does not begin with /"));
    }
    if let Some(bad) = path.chars().find(|one| one.is_ascii_control() || matches!(one, ' ' | '#' | '?' | '\\' | '"' | '<' | '>')) {
        return Err(format!("path {path:?} holds {bad:?}, which no request path does"));
    }
    if path.split('/').any(|element| matches!(element, "." | "..")) {
        return Err(format!("path {path:?} has an element . or .., which requests lose before they are matched"));
    }
    if path.bytes().all(|byte| byte.is_ascii() && byte != b'%') {
        return Ok(Arc::clone(path));
    }
    escaped(path.as_bytes()).map(Into::into).ok_or_else(|| format!("path {path:?} has an invalid percent escape"))
}

fn escaped(path: &[u8]) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(byte) = bytes.next() {
        let (byte, was_escaped) = match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(*byte).to_digit(16));
                (u8::try_from(digit()? * 16 + digit()?).ok()?, true)
            }
            byte => (*byte, false),
        };
        let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if byte.is_ascii() && (unreserved || !was_escaped) {
            normal.push(char::from(byte));
        } else {
            normal.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(path: &str) -> Result<Arc<str>, String> {
        normal(&path.into())
    }

    #[test]
    fn escapes_take_the_form_that_requests_have() {
        assert_eq!(form("/a%7Eb%2fc").as_deref(), Ok("/a~b%2Fc"));
        assert_eq!(form("/caf\u{e9}").as_deref(), Ok("/caf%C3%A9"));
        assert_eq!(form("/plain/path:1,2").as_deref(), Ok("/plain/path:1,2"));
    }

    #[test]
    fn paths_that_no_request_can_have_are_refused() {
        for bad in ["", "a", "/a b", "/a?b", "/a/../b", "/%4", "/%zz", "/a\nb", "/a\"b"] {
            assert!(form(bad).is_err(), "{bad:?}");
        }
    }
}
