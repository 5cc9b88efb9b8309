use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::routes::{
    Backend, BackendTo, Entrance, HeaderEdit, HostMap, HostPattern, HostTable, Listener, PathMatch, Retry, RouteMatch, Rule, Speaks, Timeouts,
};
use crate::{Origin, PoolId, Snapshot, Transport};

fn rule(name: &str, index: u16, to: BackendTo) -> Arc<Rule> {
    let backend = |weight, to| Backend { weight, to, service: Origin::new("Service", "n", "web"), port: 80, filters: Vec::new() };
    Arc::new(Rule {
        origin: Origin::new("HTTPRoute", "n", name),
        created_s: 0,
        index,
        name: "".into(),
        filters: vec![crate::routes::Filter::EditRequest(HeaderEdit { remove: vec!["x".into()], ..HeaderEdit::default() })],
        backends: vec![backend(1, to)],
        timeouts: Timeouts { request: Some(Duration::from_millis(300)), backend_request: None },
        retry: Some(Box::new(Retry { codes: vec![500], attempts: 2, backoff: Duration::from_millis(25) })),
        place: 0,
        session: None,
    })
}

fn snapshot() -> Snapshot {
    let on = |rule: Arc<Rule>, path: &str, method: Option<&str>| {
        let host = HostPattern::Exact("a.test".into());
        Arc::new(RouteMatch {
            rule,
            index: 0,
            host,
            path: PathMatch::Prefix(path.into()),
            method: method.map(Into::into),
            headers: Box::default(),
            query: Box::default(),
        })
    };
    let broken = BackendTo::Nowhere { status: 500, detail: "service n/web not found".into() };
    let matches = [
        on(rule("r", 0, broken.clone()), "/", None),
        on(rule("r", 1, BackendTo::Pool(PoolId(7))), "/p", None),
        on(rule("r", 2, broken), "/p", Some("PUT")),
    ];
    let listener = Listener {
        origin: Origin::new("Gateway", "n", "gw"),
        name: "web".into(),
        host: HostPattern::Any,
        ingress: false,
        identities: HostMap::default(),
        edge: Arc::default(),
        client: None,
        hosts: HostTable::new(matches),
    };
    let key = ([127, 0, 0, 1].into(), 80, Transport::Tcp);
    let mut snapshot = Snapshot::default();
    snapshot.entrances.ports.insert(key, Arc::new(Entrance::new(key, Speaks::Http, vec![Arc::new(listener)], None)));
    snapshot
}

fn ask(path: &str, host: &str) -> Explanation {
    let question = Question { method: "GET".into(), host: host.into(), path: path.into(), ..Question::default() };
    why(&snapshot(), ([127, 0, 0, 1].into(), 80, Transport::Tcp), &question)
}

#[test]
fn why_tells_each_candidate_with_what_failed_and_who_was_beaten() {
    let told = ask("/p/x", "a.test");
    let rows: Vec<String> = told.table.rows.iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")).collect();
    assert_eq!(
        rows,
        [
            "port | 127.0.0.1:80 | open | HTTP, 1 listener",
            "listener | Gateway n/gw web | chosen | for host *, the most specific one",
            "host | a.test | tried | -",
            "candidate | HTTPRoute n/r rule 2 match 0 | fails | prefix /p PUT; method is not PUT",
            "candidate | HTTPRoute n/r rule 1 match 0 | matches | prefix /p",
            "beaten | HTTPRoute n/r rule 0 match 0 | loses | prefix /; to the winner: its path is longer",
            "filter | request headers: remove x | applies | x: absent -> absent",
            "timeout | request | applies | 300 ms, by the rule",
            "timeout | each try | none | default",
            "retry | HTTPRoute n/r | applies | 2 retries, codes [500], first wait 25 ms, by the rule",
            "backend | Service n/web:80 | broken | 100 % of the requests; the endpoints of Service n/web are not known yet",
            "answer | 503 | no_endpoint | -",
        ]
    );
    assert_eq!((told.status, told.reason), (Some(503), "no_endpoint"));
}

#[test]
fn why_tells_whose_path_is_another_one_and_hosts_that_nobody_knows() {
    let rows =
        |told: Explanation| told.table.rows.iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")).collect::<Vec<_>>();
    let told = rows(ask("/q", "a.test"));
    assert!(told.contains(&"candidate | HTTPRoute n/r rule 1 match 0 | fails | prefix /p; the path is another one".to_owned()), "{told:#?}");
    let told = rows(ask("/", "b.test"));
    assert!(told.iter().any(|row| row.starts_with("host | b.test | unknown | ")), "{told:#?}");
}

#[test]
fn why_has_the_word_of_the_access_log_when_nothing_serves_a_url() {
    assert_eq!((ask("/", "b.test").status, ask("/", "b.test").reason), (Some(404), "no_route"));
    assert_eq!((ask("/", "a.test").status, ask("/", "a.test").reason), (Some(500), "backend_invalid"));
    let closed = why(&snapshot(), ([127, 0, 0, 1].into(), 81, Transport::Tcp), &Question::default());
    assert_eq!((closed.status, closed.reason), (None, "connect_refused"));
}

#[test]
fn rows_of_routes_and_listeners_that_are_incomplete_say_why() {
    let snapshot = snapshot();
    let table = routes(&snapshot, Filter::default());
    let told: Vec<String> = table.rows.iter().map(|row| format!("{} {} {}", row[3], row[5], row[8])).collect();
    assert_eq!(told[0], "0 prefix / service n/web not found");
    assert_eq!(told.len(), 3);
    assert!(routes(&snapshot, Filter { namespace: Some("m"), name: None }).rows.is_empty());
    let listeners = listeners(&snapshot, &[], Filter { namespace: Some("n"), name: None });
    assert_eq!(listeners.rows[0][9].to_string(), "1");
    assert_eq!(listeners.rows[0][11].to_string(), "the plane has not applied this generation yet");
}
