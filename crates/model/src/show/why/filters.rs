//! What filters make of a request, before and after each of them (gateway spec G133).

use super::Question;
use crate::routes::{Ask as _, Entrance, Filter, HeaderEdit, Redirect, Rewrite, RouteMatch, Speaks};

/// A request on its way through the filters of a rule.
pub(super) struct Request<'a> {
    question: &'a Question,
    winner: &'a RouteMatch,
    entrance: &'a Entrance,
    host: String,
    path: String,
}

impl<'a> Request<'a> {
    pub fn new(question: &'a Question, winner: &'a RouteMatch, entrance: &'a Entrance) -> Self {
        Self { question, winner, entrance, host: question.host.clone(), path: question.path.clone() }
    }

    /// What a filter changes; `None` where that is not in the request.
    pub fn pass(&mut self, filter: &Filter) -> Option<String> {
        match filter {
            Filter::EditRequest(edit) => Some(self.edited(edit)).filter(|text| !text.is_empty()),
            Filter::Rewrite(rewrite) => Some(self.rewritten(rewrite)),
            Filter::Redirect(redirect) => Some(format!("location: {}", self.redirected(redirect))),
            Filter::EditResponse(_) | Filter::Mirror(_) | Filter::Cors(_) | Filter::Auth(_) | Filter::Refuse { .. } => None,
        }
    }

    fn edited(&self, edit: &HeaderEdit) -> String {
        let before = |name: &str| {
            let mut value = None;
            self.question.header(&name.to_ascii_lowercase(), &mut |one| value = Some(String::from_utf8_lossy(one).into_owned()));
            value
        };
        let shown = |value: Option<String>| value.map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"));
        let set = edit.set.iter().map(|(name, value)| format!("{name}: {} -> {value:?}", shown(before(name))));
        let add = edit.add.iter().map(|(name, value)| match before(name) {
            Some(known) => format!("{name}: {known:?} -> {known:?}, {value:?}"),
            None => format!("{name}: absent -> {value:?}"),
        });
        let remove = edit.remove.iter().map(|name| format!("{name}: {} -> absent", shown(before(name))));
        set.chain(add).chain(remove).collect::<Vec<_>>().join("; ")
    }

    fn rewritten(&mut self, rewrite: &Rewrite) -> String {
        let mut changes = Vec::new();
        if let Some(host) = &rewrite.host {
            changes.push(format!("host {} -> {host}", self.host));
            self.host = host.to_string();
        }
        if let Some(edit) = &rewrite.path {
            let after = edit.applied(&self.path, &self.winner.path);
            changes.push(format!("path {} -> {after}", self.path));
            self.path = after;
        }
        changes.join("; ")
    }

    fn redirected(&self, to: &Redirect) -> String {
        let here = if self.entrance.speaks == Speaks::Https { "https" } else { "http" };
        let scheme = to.scheme.as_deref().unwrap_or(here);
        // A scheme that is asked for brings its own well-known port along.
        let port = to.port.or(to.scheme.is_none().then_some(self.entrance.key.1));
        let port = port.filter(|port| !matches!((scheme, port), ("http", 80) | ("https", 443)));
        let path = to.path.as_ref().map_or_else(|| self.question.path.clone(), |edit| edit.applied(&self.question.path, &self.winner.path));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let query = self.question.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{scheme}://{}{port}{path}{query}", to.host.as_deref().unwrap_or(&self.question.host))
    }
}
