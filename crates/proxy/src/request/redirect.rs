//! Redirects (gateway spec G59).

use model::routes::Redirect;

use super::asked::Asked;
use super::filters::Place;
use crate::answer::{Answer, Reason};

/// The answer that sends the client elsewhere; what the filter leaves open stays as the request had it.
pub(super) fn answer(to: &Redirect, asked: &Asked, place: Place<'_>) -> Answer {
    let here = if asked.https { "https" } else { "http" };
    let scheme = to.scheme.as_deref().unwrap_or(here);
    let host = to.host.as_deref().unwrap_or_else(|| asked.text(asked.host));
    let port = match (to.port, &to.scheme) {
        (Some(port), _) => Some(port),
        // A scheme that is asked for brings its own well-known port along.
        (None, Some(_)) => None,
        (None, None) => Some(place.port),
    };
    let port = port.filter(|port| !matches!((scheme, port), ("http", 80) | ("https", 443)));
    let path = match &to.path {
        Some(edit) => edit.applied(asked.text(asked.path), place.path),
        None => asked.text(asked.path).to_owned(),
    };
    let mut location = format!("{scheme}://{host}");
    if let Some(port) = port {
        location.push_str(&format!(":{port}"));
    }
    location.push_str(&path);
    if let Some(query) = asked.query {
        location.push('?');
        location.push_str(asked.text(query));
    }
    Answer::new(to.status, Reason::Ok).with("location", location)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::{HeadParser, Limits};
    use model::routes::{PathEdit, PathMatch};

    fn location(to: Redirect, target: &str) -> String {
        let mut asked = Asked::new(([127, 0, 0, 1], 1).into(), false);
        let mut parser = HeadParser::request(Limits::default());
        parser.feed(format!("GET {target} HTTP/1.1\r\nHost: a.test:1\r\n\r\n").as_bytes(), &mut asked.head).expect("well-formed");
        asked.judge(parser.request_line()).expect("well-formed");
        let place = Place { path: &PathMatch::Prefix("/prefix".into()), port: 8080 };
        answer(&to, &asked, place).fields[0].1.clone()
    }

    #[test]
    fn what_is_not_said_stays_and_well_known_ports_are_left_out() {
        let base = Redirect { status: 302, scheme: None, host: None, port: None, path: None };
        let with = |change: &dyn Fn(&mut Redirect)| {
            let mut to = base.clone();
            change(&mut to);
            to
        };
        assert_eq!(location(with(&|to| to.host = Some("o.test".into())), "/x?q=1"), "http://o.test:8080/x?q=1");
        assert_eq!(location(with(&|to| to.scheme = Some("https".into())), "/x"), "https://a.test/x");
        assert_eq!(location(with(&|to| to.port = Some(8443)), "/x"), "http://a.test:8443/x");
        assert_eq!(location(with(&|to| to.port = Some(80)), "/x"), "http://a.test/x");
        assert_eq!(location(with(&|to| to.path = Some(PathEdit::Prefix("/new".into()))), "/prefix/x"), "http://a.test:8080/new/x");
        assert_eq!(location(with(&|to| to.path = Some(PathEdit::Full("/all".into()))), "/prefix/x?q"), "http://a.test:8080/all?q");
    }
}
