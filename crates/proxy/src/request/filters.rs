//! What filters do to a request and its answer (gateway spec G57 to G62). They run in listed order on the request and in
//! reverse on the answer.

use model::routes::{ExternalAuth, Filter, HeaderEdit, Mirror, PathMatch, Rewrite};

use super::asked::Asked;
use super::cors;
use super::redirect;
use crate::answer::{Answer, Reason};
use crate::h1::{Head, Known};

/// Where a request met its filters.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The path condition that matched: what a prefix replacement replaces.
    pub path: &'a PathMatch,
    /// The port of the entrance.
    pub port: u16,
}

/// How far filters came with a request.
pub enum Step<'a> {
    /// To their end.
    Done,
    /// This ends it.
    Answer(Answer),
    /// Somebody is to be asked about it before the others.
    Ask(&'a ExternalAuth, &'a [Filter]),
}

/// Runs the filters on a request. Mirrors are collected for later.
pub fn on_request<'a>(filters: &'a [Filter], asked: &mut Asked, place: Place<'_>, mirrors: &mut Vec<&'a Mirror>) -> Step<'a> {
    for (at, filter) in filters.iter().enumerate() {
        match filter {
            Filter::EditRequest(edit) => edit_request(edit, asked),
            Filter::EditResponse(_) => {}
            Filter::Redirect(to) => return Step::Answer(redirect::answer(to, asked, place)),
            Filter::Rewrite(rewrite) => rewrite_request(rewrite, asked, place),
            Filter::Mirror(mirror) => mirrors.push(mirror),
            Filter::Cors(rules) => {
                if let Some(answer) = cors::preflight(rules, asked) {
                    return Step::Answer(answer);
                }
            }
            Filter::Auth(auth) => return Step::Ask(auth, &filters[at + 1..]),
            Filter::Refuse { status, .. } => return Step::Answer(Answer::new(*status, Reason::FilterError)),
        }
    }
    Step::Done
}

/// Runs the filters on an answer.
pub fn on_answer(filters: &[Filter], asked: &Asked, head: &mut Head) {
    for filter in filters.iter().rev() {
        match filter {
            Filter::EditResponse(edit) => edit_head(edit, head),
            Filter::Cors(rules) => cors::decorate(rules, asked, head),
            _ => {}
        }
    }
}

/// Of the filters those that decide who may read an answer, on one of another service.
pub fn on_denial(filters: &[Filter], asked: &Asked, head: &mut Head) {
    for filter in filters {
        if let Filter::Cors(rules) = filter {
            cors::decorate(rules, asked, head);
        }
    }
}

/// Runs the filters on an answer of ours. A redirect is what the rule says, and so is what its filters make of it; of a failure only
/// those are told who may read it, or else a browser shows none of it.
pub fn on_own_answer(filters: &[Filter], asked: &Asked, answer: &mut Answer) {
    let redirects = (300..400).contains(&answer.status);
    let counts = |filter: &&Filter| match filter {
        Filter::EditResponse(_) => redirects,
        // A preflight's answer is complete.
        Filter::Cors(_) => answer.status != 204,
        _ => false,
    };
    let counted: Vec<&Filter> = filters.iter().rev().filter(counts).collect();
    if counted.is_empty() {
        return;
    }
    let mut head = Head::default();
    for (name, value) in &answer.fields {
        head.push(name.as_bytes(), value.as_bytes());
    }
    for filter in counted {
        on_answer(std::slice::from_ref(filter), asked, &mut head);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    answer.fields = head.fields.iter().map(|field| (text(head.name(field)).into(), text(head.value(field)))).collect();
}

fn edit_request(edit: &HeaderEdit, asked: &mut Asked) {
    // To set Host is to rewrite the host (gateway spec G58).
    if let Some((_, host)) = edit.set.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")) {
        asked.sent_authority = asked.head.push_text(host.as_bytes());
    }
    edit_head(edit, &mut asked.head);
    asked.head.fields.retain(|field| field.known != Known::Host);
}

fn edit_head(edit: &HeaderEdit, head: &mut Head) {
    for (name, value) in &edit.set {
        head.set(name.as_bytes(), value.as_bytes());
    }
    for (name, value) in &edit.add {
        head.push(name.as_bytes(), value.as_bytes());
    }
    for name in &edit.remove {
        head.remove(name.as_bytes());
    }
}

fn rewrite_request(rewrite: &Rewrite, asked: &mut Asked, place: Place<'_>) {
    if let Some(host) = &rewrite.host {
        asked.sent_authority = asked.head.push_text(host.as_bytes());
    }
    if let Some(edit) = &rewrite.path {
        let path = edit.applied(asked.text(asked.sent_path), place.path);
        asked.sent_path = asked.head.push_text(path.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use model::routes::PathEdit;

    use super::*;

    #[test]
    fn prefix_replacement_keeps_exactly_one_slash() {
        for (path, prefix, replacement, expected) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
            ("/foo/bar", "/foo", "/", "/bar"),
            ("/any/x", "/", "/new", "/new/any/x"),
            ("/", "/", "/new", "/new/"),
        ] {
            let got = PathEdit::Prefix(replacement.into()).applied(path, &PathMatch::Prefix(prefix.into()));
            assert_eq!(got, expected, "{path} with {prefix} -> {replacement}");
        }
        assert_eq!(PathEdit::Full("/all".into()).applied("/a/b", &PathMatch::Prefix("/".into())), "/all");
    }

    #[test]
    fn header_edits_set_add_and_remove() {
        let mut head = Head::default();
        for (name, value) in [("x-set", "old"), ("X-Add", "client"), ("X-SET", "older"), ("X-Old", "1"), ("X-Keep", "k")] {
            head.push(name.as_bytes(), value.as_bytes());
        }
        edit_head(
            &HeaderEdit { set: vec![("X-Set".into(), "new".into())], add: vec![("X-Add".into(), "added".into())], remove: vec!["x-old".into()] },
            &mut head,
        );
        let got: Vec<_> =
            head.fields.iter().map(|field| format!("{}={}", head.name(field).escape_ascii(), head.value(field).escape_ascii())).collect();
        assert_eq!(got, ["x-set=new", "X-Add=client", "X-Keep=k", "X-Add=added"]);
    }
}
