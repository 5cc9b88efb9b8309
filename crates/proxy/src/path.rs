//! The normal form of paths (gateway spec G97; RFC 3986 §6.2.2). Router, filters, policies and backend all see this one form,
//! so that no two of them can be told different things.

/// What to do with a path as it came.
#[derive(Debug, PartialEq, Eq)]
pub enum Normal {
    /// It is in normal form already.
    Same,
    /// This is its normal form.
    Changed(Vec<u8>),
    /// It is refused.
    Refused,
}

/// Brings a path (without its query; it begins with `/`) into normal form: dot segments resolved, unreserved characters
/// decoded, hex digits of other escapes in upper case. `%2F` stays and separates nothing; empty segments stay.
pub fn normalise(path: &[u8]) -> Normal {
    if !suspicious(path) {
        return Normal::Same;
    }
    let Some(decoded) = decode(path) else { return Normal::Refused };
    match resolve(&decoded) {
        None => Normal::Refused,
        Some(resolved) if resolved == path => Normal::Same,
        Some(resolved) => Normal::Changed(resolved),
    }
}

/// Whether an escape, a backslash or a dot at the beginning of a segment asks for a closer look.
fn suspicious(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().any(|byte| {
        let odd = matches!(byte, b'%' | b'\\') || (*byte == b'.' && before == b'/');
        before = *byte;
        odd
    })
}

/// Decodes what may be decoded; `None` for broken escapes, `%00` and backslashes in either form.
fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => return None,
            b'%' => {
                let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                match (high * 16 + low) as u8 {
                    0 | b'\\' => return None,
                    plain if is_unreserved(plain) => out.push(plain),
                    other => out.extend_from_slice(format!("%{other:02X}").as_bytes()),
                }
            }
            byte => out.push(*byte),
        }
    }
    Some(out)
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §5.2.4, except that `..` above the root is refused, not ignored.
fn resolve(path: &[u8]) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let segments = path.strip_prefix(b"/")?;
    let last = segments.iter().filter(|byte| **byte == b'/').count();
    for (number, segment) in segments.split(|byte| *byte == b'/').enumerate() {
        let ends = number == last;
        match segment {
            b"." => {}
            b".." => {
                let parent = out.iter().rposition(|byte| *byte == b'/')?;
                out.truncate(parent);
            }
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
                continue;
            }
        }
        if ends {
            out.push(b'/');
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(path: &str) -> Option<String> {
        match normalise(path.as_bytes()) {
            Normal::Same => Some(path.to_owned()),
            Normal::Changed(to) => Some(String::from_utf8(to).expect("ASCII")),
            Normal::Refused => None,
        }
    }

    #[test]
    fn table() {
        for (path, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/../secret/x", "/secret/x"),
            ("/%73ecret", "/secret"),
            ("/./secret", "/secret"),
            ("/a/%2e%2e/secret", "/secret"),
            ("/a%2Fb", "/a%2Fb"),
            ("/secret%2fx", "/secret%2Fx"),
            ("/x%7e", "/x~"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a/./", "/a/"),
            ("/.", "/"),
            ("/..a/.b", "/..a/.b"),
            ("//a//b", "//a//b"),
            ("/a//../b", "/a/b"),
            ("/a;x=1/..", "/"),
            ("/%25", "/%25"),
            ("/%252e%252e", "/%252e%252e"),
            ("/a...", "/a..."),
            ("/%c3%a9", "/%C3%A9"),
        ] {
            assert_eq!(normal(path).as_deref(), Some(expected), "{path}");
        }
        for refused in ["/..", "/../a", "/a/../..", "/%2e%2e", "/a%00", "/a\\b", "/a%5cb", "/%zz", "/%a", "/%", "/.%2e/a"] {
            assert_eq!(normal(refused), None, "{refused}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_normal_and_climbs_nowhere(path in "/[a./%25eE2fF~-]{0,24}") {
            if let Some(once) = normal(&path) {
                prop_assert_eq!(normal(&once), Some(once.clone()));
                prop_assert!(once.starts_with('/'));
                prop_assert!(!once.split('/').any(|segment| segment == "." || segment == ".."));
            }
        }
    }
}
