//! Cross-origin rules (gateway spec G62).

use model::routes::Cors;

use super::asked::Asked;
use crate::answer::{Answer, Reason};
use crate::h1::Head;

/// The answer to a preflight; `None` when this is another request.
pub(super) fn preflight(rules: &Cors, asked: &Asked) -> Option<Answer> {
    let origin = text(asked, b"origin")?;
    let method = text(asked, b"access-control-request-method")?;
    if asked.method_text() != b"OPTIONS" {
        return None;
    }
    let answer = Answer::new(204, Reason::Ok);
    if !admits(rules, origin) {
        return Some(answer);
    }
    let mut answer = common(rules, origin).into_iter().fold(answer, |answer, (name, value)| answer.with(name, value));
    // GET, HEAD and POST need not be named: no browser asks for leave to use them (Fetch §2.2.1).
    if let Some(methods) = allowed(&rules.methods, rules.credentials, Some(method)) {
        answer = answer.with("access-control-allow-methods", methods);
    }
    if let Some(headers) = allowed(&rules.headers, rules.credentials, text(asked, b"access-control-request-headers")) {
        answer = answer.with("access-control-allow-headers", headers);
    }
    if let Some(expose) = exposed(rules) {
        answer = answer.with("access-control-expose-headers", expose);
    }
    Some(answer.with("access-control-max-age", rules.max_age_s.to_string()))
}

/// Puts our word in place of the backend's on the answer to a cross-origin request.
pub(super) fn decorate(rules: &Cors, asked: &Asked, head: &mut Head) {
    for name in ["allow-origin", "allow-credentials", "expose-headers", "allow-methods", "allow-headers", "max-age"] {
        head.remove(format!("access-control-{name}").as_bytes());
    }
    let Some(origin) = text(asked, b"origin").filter(|origin| admits(rules, origin)) else { return };
    for (name, value) in common(rules, origin) {
        head.push(name.as_bytes(), value.as_bytes());
    }
    if let Some(expose) = exposed(rules) {
        head.push(b"access-control-expose-headers", expose.as_bytes());
    }
}

fn common(rules: &Cors, origin: &str) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if is_any(&rules.origins) && !rules.credentials {
        fields.push(("access-control-allow-origin", "*".to_owned()));
    } else {
        fields.push(("access-control-allow-origin", origin.to_owned()));
        fields.push(("vary", "Origin".to_owned()));
    }
    if rules.credentials {
        fields.push(("access-control-allow-credentials", "true".to_owned()));
    }
    fields
}

/// The value of an allow list: itself, `*`, or with credentials what was asked for.
fn allowed(list: &[std::sync::Arc<str>], credentials: bool, asked: Option<&str>) -> Option<String> {
    match list {
        [] => None,
        list if is_any(list) => {
            if credentials {
                asked.map(str::to_owned)
            } else {
                Some("*".to_owned())
            }
        }
        list => Some(list.join(", ")),
    }
}

/// The fields that scripts may read. With credentials a literal `*` means nothing to a browser, and nothing names what to echo.
fn exposed(rules: &Cors) -> Option<String> {
    match rules.expose.as_slice() {
        [] => None,
        any if is_any(any) => (!rules.credentials).then(|| "*".to_owned()),
        some => Some(some.join(", ")),
    }
}

fn is_any(list: &[std::sync::Arc<str>]) -> bool {
    matches!(list, [any] if &**any == "*")
}

fn admits(rules: &Cors, origin: &str) -> bool {
    is_any(&rules.origins) || rules.origins.iter().any(|pattern| matches(pattern, origin))
}

/// Scheme and port equal (443 and 80 when absent), the host equal or below a `*` on its left.
fn matches(pattern: &str, origin: &str) -> bool {
    let (Some((scheme, host)), Some((other_scheme, other_host))) = (pattern.split_once("://"), origin.split_once("://")) else {
        return false;
    };
    let default = |scheme: &str| if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let (host, port) = split_port(host, default(scheme));
    let (other_host, other_port) = split_port(other_host, default(other_scheme));
    let same_host = match host.strip_prefix('*') {
        Some(suffix) => {
            other_host.len() > suffix.len() && other_host.as_bytes()[other_host.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        }
        None => host.eq_ignore_ascii_case(other_host),
    };
    same_host && scheme.eq_ignore_ascii_case(other_scheme) && (port == other_port || port == "*")
}

fn split_port<'a>(host: &'a str, default: &'a str) -> (&'a str, &'a str) {
    match host.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (host, default),
    }
}

fn text<'a>(asked: &'a Asked, name: &'a [u8]) -> Option<&'a str> {
    asked.head.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::{HeadParser, Limits};

    fn asked(method: &str, fields: &str) -> Asked {
        let mut asked = Asked::new(([127, 0, 0, 1], 1).into(), false);
        let mut parser = HeadParser::request(Limits::default());
        parser.feed(format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes(), &mut asked.head).expect("well-formed");
        asked.judge(parser.request_line()).expect("well-formed");
        asked
    }

    const PREFLIGHT: &str = "Origin: https://app.example.com\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a\r\n";

    fn fields(answer: &Answer) -> Vec<String> {
        answer.fields.iter().map(|(name, value)| format!("{}={value}", name.strip_prefix("access-control-").unwrap_or(name))).collect()
    }

    #[test]
    fn origins_are_compared_by_scheme_host_and_port() {
        for (pattern, origin, expected) in [
            ("https://a.test", "https://A.test:443", true),
            ("https://a.test", "http://a.test", false),
            ("https://*.a.test", "https://x.y.a.test", true),
            ("https://*.a.test", "https://a.test", false),
            ("http://a.test:8080", "http://a.test:8080", true),
            ("http://a.test:8080", "http://a.test", false),
            ("https://*", "https://any.test", true),
        ] {
            assert_eq!(matches(pattern, origin), expected, "{pattern} {origin}");
        }
    }

    #[test]
    fn a_preflight_is_answered_by_us_and_never_with_a_star_when_credentials_are_allowed() {
        let any = || vec!["*".into()];
        let mut rules = Cors { origins: any(), methods: any(), headers: any(), max_age_s: 5, ..Cors::default() };
        let answer = preflight(&rules, &asked("OPTIONS", PREFLIGHT)).expect("a preflight");
        assert_eq!(fields(&answer), ["allow-origin=*", "allow-methods=*", "allow-headers=*", "max-age=5"]);
        rules.credentials = true;
        let answer = preflight(&rules, &asked("OPTIONS", PREFLIGHT)).expect("a preflight");
        let expected =
            ["allow-origin=https://app.example.com", "vary=Origin", "allow-credentials=true", "allow-methods=PUT", "allow-headers=x-a", "max-age=5"];
        assert_eq!(fields(&answer), expected);
        rules.origins = vec!["https://other.test".into()];
        let answer = preflight(&rules, &asked("OPTIONS", PREFLIGHT)).expect("a preflight");
        assert_eq!((answer.status, fields(&answer).len()), (204, 0));
        assert!(preflight(&rules, &asked("OPTIONS", "Origin: https://a\r\n")).is_none(), "no requested method: an ordinary request");
    }

    #[test]
    fn the_backends_own_word_is_replaced() {
        let rules = Cors { origins: vec!["https://app.example.com".into()], expose: vec!["x-a".into(), "x-b".into()], ..Cors::default() };
        let mut head = Head::default();
        head.push(b"Access-Control-Allow-Origin", b"*");
        decorate(&rules, &asked("GET", "Origin: https://app.example.com\r\n"), &mut head);
        let got: Vec<_> = head.fields.iter().map(|field| head.value(field).escape_ascii().to_string()).collect();
        assert_eq!(got, ["https://app.example.com", "Origin", "x-a, x-b"]);
    }
}
