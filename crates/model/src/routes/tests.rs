//! The look-up against a naive oracle written straight from gateway spec G55, and the edges one by one.

use std::cmp::Reverse;

use proptest::prelude::*;

use super::*;
use crate::Transport;

#[derive(Debug)]
struct Request {
    host: String,
    path: String,
    query: Option<String>,
    method: String,
    headers: Vec<(String, String)>,
}

impl Ask for Request {
    fn host(&self) -> &str {
        &self.host
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn header(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
        self.headers.iter().filter(|(known, _)| known == name).for_each(|(_, value)| each(value.as_bytes()));
    }
}

fn get(host: &str, path: &str) -> Request {
    Request { host: host.into(), path: path.into(), query: None, method: "GET".into(), headers: Vec::new() }
}

fn rule(name: &str, created_s: i64, index: u16) -> Arc<Rule> {
    Arc::new(Rule {
        origin: Origin::new("HTTPRoute", "ns", name),
        created_s,
        index,
        name: "".into(),
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
        place: 0,
        session: None,
    })
}

fn host(text: &str) -> HostPattern {
    match text {
        "" => HostPattern::Any,
        text => text.strip_prefix("*.").map_or_else(|| HostPattern::Exact(text.into()), |suffix| HostPattern::Below(suffix.into())),
    }
}

fn on(name: &str, pattern: &str, path: PathMatch) -> Arc<RouteMatch> {
    Arc::new(RouteMatch { rule: rule(name, 0, 0), index: 0, host: host(pattern), path, method: None, headers: Box::default(), query: Box::default() })
}

fn prefix(path: &str) -> PathMatch {
    PathMatch::Prefix(path.into())
}

fn exact(path: &str) -> PathMatch {
    PathMatch::Exact(path.into())
}

fn listener(name: &str, pattern: &str, ingress: bool, matches: Vec<Arc<RouteMatch>>) -> Arc<Listener> {
    Arc::new(Listener {
        origin: Origin::new("Gateway", "ns", "gw"),
        name: name.into(),
        host: host(pattern),
        ingress,
        identities: HostMap::default(),
        edge: Arc::default(),
        client: None,
        hosts: HostTable::new(matches),
    })
}

fn entrance(listeners: Vec<Arc<Listener>>) -> Entrance {
    Entrance::new(([127, 0, 0, 1].into(), 80, Transport::Tcp), Speaks::Http, listeners, None)
}

/// The route's name, or the status.
fn winner(entrance: &Entrance, request: &Request) -> String {
    match entrance.route(request, None, &mut NoTrace) {
        Routed::Match(_, one) => one.rule.origin.name.to_string(),
        Routed::NoRoute => "404".into(),
        Routed::Misdirected => "421".into(),
    }
}

#[test]
fn prefixes_match_whole_elements_and_ignore_a_trailing_slash() {
    let table = |path: &str| entrance(vec![listener("l", "", false, vec![on("r", "", prefix(path))])]);
    for (path, hit, miss) in [
        ("/foo", vec!["/foo", "/foo/", "/foo/bar"], vec!["/foobar", "/FOO", "/"]),
        ("/foo/", vec!["/foo", "/foo/", "/foo/x"], vec!["/foobar"]),
        ("/", vec!["/", "/x", "//", "*"], vec![]),
        ("/a/b", vec!["/a/b", "/a/b/c/d/e"], vec!["/a", "/a/bc", "/a//b"]),
    ] {
        let table = table(path);
        hit.iter().for_each(|asked| assert_eq!(winner(&table, &get("h", asked)), "r", "{path} on {asked}"));
        miss.iter().for_each(|asked| assert_eq!(winner(&table, &get("h", asked)), "404", "{path} on {asked}"));
    }
}

#[test]
fn a_gateway_host_falls_through_and_an_ingress_host_does_not() {
    let rules = || vec![on("exact", "a.x", prefix("/only")), on("wild", "*.x", prefix("/")), on("any", "", prefix("/any"))];
    let gateway = entrance(vec![listener("l", "", false, rules())]);
    assert_eq!(winner(&gateway, &get("a.x", "/only")), "exact");
    assert_eq!(winner(&gateway, &get("a.x", "/other")), "wild");
    assert_eq!(winner(&gateway, &get("y", "/any")), "any");
    let ingress = entrance(vec![listener("l", "", true, rules())]);
    assert_eq!(winner(&ingress, &get("a.x", "/other")), "404");
    assert_eq!(winner(&ingress, &get("b.x", "/other")), "wild");
}

#[test]
fn the_default_backend_of_an_ingress_answers_what_no_path_matches() {
    let mut rules = vec![on("path", "a", prefix("/p")), on("host", "a", PathMatch::Rest), on("other", "b", prefix("/p"))];
    let without = entrance(vec![listener("l", "", true, rules.clone())]);
    assert_eq!(winner(&without, &get("a", "/p/x")), "path");
    assert_eq!(winner(&without, &get("a", "/")), "host");
    assert_eq!(winner(&without, &get("b", "/")), "404");
    rules.push(on("all", "", PathMatch::Rest));
    let with = entrance(vec![listener("l", "", true, rules)]);
    assert_eq!(winner(&with, &get("a", "/")), "host");
    assert_eq!(winner(&with, &get("b", "/")), "all");
    assert_eq!(winner(&with, &get("nobody", "/")), "all");
}

#[test]
fn the_most_specific_listener_is_isolated_and_the_ingress_entry_comes_last() {
    let port = entrance(vec![
        listener("i", "", true, vec![on("ingress", "", prefix("/"))]),
        listener("any", "", false, vec![on("any", "", prefix("/any"))]),
        listener("wild", "*.x", false, vec![on("wild", "", prefix("/wild"))]),
        listener("exact", "a.x", false, vec![on("exact", "", prefix("/exact"))]),
    ]);
    assert_eq!(port.listeners.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["exact", "wild", "any", "i"]);
    assert_eq!(winner(&port, &get("a.x", "/exact")), "exact");
    assert_eq!(winner(&port, &get("a.x", "/wild")), "ingress");
    assert_eq!(winner(&port, &get("q.b.x", "/wild")), "wild");
    assert_eq!(winner(&port, &get("z", "/any")), "any");
    assert_eq!(winner(&port, &get("z", "/")), "ingress");
}

#[test]
fn a_request_on_the_wrong_connection_is_misdirected_when_another_listener_is_better() {
    let rules = |name| vec![on(name, "", prefix("/"))];
    let port = entrance(vec![listener("wild", "*.x", false, rules("wild")), listener("exact", "a.x", false, rules("exact"))]);
    let ask = |sni, authority| match port.route(&get(authority, "/"), port.listener_for(Some(sni)), &mut NoTrace) {
        Routed::Match(_, one) => one.rule.origin.name.to_string(),
        Routed::NoRoute => "404".into(),
        Routed::Misdirected => "421".into(),
    };
    assert_eq!(ask("a.x", "a.x"), "exact");
    assert_eq!(ask("b.x", "c.x"), "wild");
    assert_eq!(ask("b.x", "a.x"), "421");
    assert_eq!(ask("a.x", "b.x"), "421");
    assert_eq!(ask("a.x", "elsewhere"), "404");
}

#[test]
fn repeated_headers_are_one_joined_value() {
    let test = |test| Arc::new(RouteMatch { headers: [ValueMatch { name: "x".into(), test }].into(), ..(*on("r", "", prefix("/"))).clone() });
    let asked = |one: Arc<RouteMatch>, values: &[&str]| {
        let mut request = get("h", "/");
        request.headers = values.iter().map(|value| ("x".into(), (*value).into())).collect();
        winner(&entrance(vec![listener("l", "", false, vec![one])]), &request) == "r"
    };
    for joined in [test(ValueTest::Exact("a, b".into())), test(ValueTest::Regex(Pattern::new("a, [b]").expect("valid")))] {
        assert!(asked(Arc::clone(&joined), &["a", "b"]) && asked(Arc::clone(&joined), &["a, b"]));
        assert!(!asked(Arc::clone(&joined), &["a"]) && !asked(Arc::clone(&joined), &["a", "b", "c"]) && !asked(joined, &[]));
    }
    assert!(asked(test(ValueTest::Exact("".into())), &[""]) && !asked(test(ValueTest::Exact("".into())), &[]));
}

#[test]
fn a_trace_names_the_condition_that_failed() {
    struct Words(Vec<String>);
    impl Trace for Words {
        fn step(&mut self, step: Step<'_>) {
            self.0.push(match step {
                Step::Listener(one) => format!("listener {}", one.name),
                Step::Misdirected(..) => "misdirected".into(),
                Step::Host(pattern) => format!("host {pattern}"),
                Step::Candidate(one, None) => format!("{} matches", one.rule.origin.name),
                Step::Candidate(one, Some(failed)) => format!("{}: {failed}", one.rule.origin.name),
            });
        }
    }
    let put = Arc::new(RouteMatch { method: Some("PUT".into()), ..(*on("put", "", prefix("/"))).clone() });
    let port = entrance(vec![listener("l", "", false, vec![on("plain", "", prefix("/")), put])]);
    let mut words = Words(Vec::new());
    port.route(&get("h", "/"), None, &mut words);
    assert_eq!(words.0, ["listener l", "host *", "put: method is not PUT", "plain matches"]);
}

#[test]
fn many_candidates_of_one_path_are_found_by_what_they_ask_for() {
    let tenant = |n: u16, name: &str| {
        let value = ValueMatch { name: name.into(), test: ValueTest::Exact(format!("t{n}").into()) };
        let (headers, query): (Box<[_]>, Box<[_]>) =
            if n.is_multiple_of(2) { ([value].into(), Box::default()) } else { (Box::default(), [value].into()) };
        let rule = Arc::new(Rule { name: format!("t{n}").into(), ..(*rule("r", 0, n)).clone() });
        Arc::new(RouteMatch { rule, headers, query, ..(*on("r", "", prefix("/"))).clone() })
    };
    let names = ["a", "b", "c", "d", "e", "f"];
    let all: Vec<_> = (0..600).map(|n| tenant(n, names[usize::from(n) % names.len()])).chain([on("plain", "", prefix("/"))]).collect();
    let port = entrance(vec![listener("l", "", false, all)]);
    for n in [0u16, 1, 2, 3, 4, 5, 298, 299, 599] {
        let mut request = get("h", "/");
        let (name, value) = (names[usize::from(n) % names.len()].to_owned(), format!("t{n}"));
        match n.is_multiple_of(2) {
            true => request.headers.push((name, value.clone())),
            false => request.query = Some(format!("{name}={value}")),
        }
        let Routed::Match(_, found) = port.route(&request, None, &mut NoTrace) else { panic!("{n} is served") };
        assert_eq!(*found.rule.name, *value);
    }
    assert_eq!(winner(&port, &get("h", "/")), "plain");
}

#[test]
fn a_thousand_candidates_that_differ_in_the_last_of_five_headers_cost_one_look_up() {
    struct Counted(Request, std::cell::Cell<usize>);
    impl Ask for Counted {
        fn host(&self) -> &str {
            self.0.host()
        }
        fn path(&self) -> &str {
            self.0.path()
        }
        fn query(&self) -> Option<&str> {
            self.0.query()
        }
        fn method(&self) -> &str {
            self.0.method()
        }
        fn header(&self, name: &str, each: &mut dyn FnMut(&[u8])) {
            self.1.set(self.1.get() + 1);
            self.0.header(name, each);
        }
    }
    let tenant = |n: u16| {
        let value = |name: u16| if name == 4 { format!("t{n}") } else { "same".to_owned() };
        let headers = (0..5).map(|name| ValueMatch { name: format!("h{name}").into(), test: ValueTest::Exact(value(name).into()) }).collect();
        Arc::new(RouteMatch { rule: rule("r", 0, n), headers, ..(*on("r", "", prefix("/"))).clone() })
    };
    let port = entrance(vec![listener("l", "", false, (0..1000).map(tenant).collect())]);
    let mut request = get("h", "/");
    request.headers = (0..5).map(|name| (format!("h{name}"), if name == 4 { "t999".to_owned() } else { "same".to_owned() })).collect();
    let counted = Counted(request, std::cell::Cell::new(0));
    let Routed::Match(_, found) = port.route(&counted, None, &mut NoTrace) else { panic!("it is served") };
    assert_eq!(found.rule.index, 999);
    assert_eq!(counted.1.get(), 10, "five headers to find the candidate and five to test it");
}

#[test]
fn a_repeated_header_is_one_value_for_the_index_too() {
    let tenant = |n: u16| {
        let value = ValueMatch { name: "h".into(), test: ValueTest::Exact(format!("a, t{n}").into()) };
        Arc::new(RouteMatch { rule: rule("r", 0, n), headers: [value].into(), ..(*on("r", "", prefix("/"))).clone() })
    };
    let port = entrance(vec![listener("l", "", false, (0..100).map(tenant).collect())]);
    let mut request = get("h", "/");
    request.headers = vec![("h".to_owned(), "a".to_owned()), ("h".to_owned(), "t77".to_owned())];
    let Routed::Match(_, found) = port.route(&request, None, &mut NoTrace) else { panic!("it is served") };
    assert_eq!(found.rule.index, 77);
}

/// The conditions of G55 written down naively: all that match, sorted by twelve keys.
fn oracle(matches: &[Arc<RouteMatch>], request: &Request) -> String {
    let holds = |one: &&Arc<RouteMatch>| {
        let path = match &one.path {
            PathMatch::Exact(path) => **path == *request.path,
            PathMatch::Regex(pattern) => pattern.matches(request.path.as_bytes()),
            PathMatch::Prefix(prefix) => {
                let split = |text: &str| text.trim_end_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
                split(&request.path).starts_with(&split(prefix))
            }
            PathMatch::Rest => false,
        };
        let value = |pairs: &[(String, String)], wanted: &ValueMatch| {
            let ValueTest::Exact(text) = &wanted.test else { return false };
            pairs.iter().find(|(name, _)| **name == *wanted.name).is_some_and(|(_, value)| **value == **text)
        };
        let pairs: Vec<_> = request.query.iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('=')).collect();
        let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        one.host.matches(&request.host)
            && path
            && one.method.as_ref().is_none_or(|method| **method == *request.method)
            && one.headers.iter().all(|wanted| value(&request.headers, wanted))
            && one.query.iter().all(|wanted| value(&pairs, wanted))
    };
    let key = |one: &&Arc<RouteMatch>| {
        let host = match &one.host {
            HostPattern::Exact(name) => (0, Reverse(name.len())),
            HostPattern::Below(suffix) | HostPattern::OneBelow(suffix) => (1, Reverse(suffix.len())),
            HostPattern::Any => (2, Reverse(0)),
        };
        let path = match &one.path {
            PathMatch::Exact(_) => (0, Reverse(0)),
            PathMatch::Regex(pattern) => (1, Reverse(pattern.text().len())),
            PathMatch::Prefix(prefix) => (2, Reverse(prefix.trim_end_matches('/').len())),
            PathMatch::Rest => (3, Reverse(0)),
        };
        let conditions = (one.method.is_none(), Reverse(one.headers.len()), Reverse(one.query.len()));
        (host, path, conditions, one.rule.created_s, one.rule.origin.name.to_string(), one.rule.index, one.index)
    };
    matches.iter().filter(holds).min_by_key(key).map_or("404".into(), place)
}

fn place(one: &Arc<RouteMatch>) -> String {
    format!("{}/{}/{}", one.rule.origin.name, one.rule.index, one.index)
}

fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", ""]), 0..4).prop_map(|parts| format!("/{}", parts.join("/")))
}

fn any_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map("[xy]", "[12]", 0..3).prop_map(|map| map.into_iter().collect())
}

prop_compose! {
    fn any_match()(
        (name, created_s, rule_index, index) in ("[pq]", 0i64..2, 0u16..8, 0u16..8),
        pattern in prop::sample::select(vec!["", "", "", "*.x", "*.b.x", "a.b.x", "c.x"]),
        path in prop_oneof![Just("/a".to_owned()), any_path()],
        sort in prop::sample::select(vec![0, 1, 1, 1, 2]),
        method in prop::option::of(prop::sample::select(vec!["GET", "PUT"])),
        headers in any_pairs(),
        query in any_pairs(),
    ) -> RouteMatch {
        let values = |pairs: Vec<(String, String)>| pairs.into_iter()
            .map(|(name, value)| ValueMatch { name: name.into(), test: ValueTest::Exact(value.into()) }).collect();
        RouteMatch {
            rule: rule(&name, created_s, rule_index),
            index,
            host: host(pattern),
            path: match sort {
                0 => exact(&path),
                1 => prefix(&path),
                _ => PathMatch::Regex(Pattern::new(format!("{path}(/a)?")).expect("valid")),
            },
            method: method.map(Into::into),
            headers: values(headers),
            query: values(query),
        }
    }
}

prop_compose! {
    fn any_request()(
        host in prop::sample::select(vec!["", "x", "c.x", "a.b.x", "d.b.x", "e.d.b.x", "y"]),
        path in prop_oneof![Just("/a".to_owned()), any_path()],
        method in prop::sample::select(vec!["GET", "PUT", "POST"]),
        headers in any_pairs(),
        query in any_pairs(),
    ) -> Request {
        let query = query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        Request { host: host.into(), path, query: Some(query), method: method.into(), headers }
    }
}

/// One match a place, as a route has it; a rule's age is its route's.
fn distinct(matches: Vec<RouteMatch>) -> Vec<Arc<RouteMatch>> {
    let mut seen = std::collections::BTreeMap::new();
    let mut ages = std::collections::BTreeMap::new();
    for mut one in matches {
        let age = *ages.entry(one.rule.origin.name.clone()).or_insert(one.rule.created_s);
        Arc::make_mut(&mut one.rule).created_s = age;
        seen.entry((one.rule.origin.name.clone(), one.rule.index, one.index)).or_insert(Arc::new(one));
    }
    seen.into_values().collect()
}

fn found(matches: &[Arc<RouteMatch>], request: &Request) -> String {
    let port = entrance(vec![listener("l", "", false, matches.to_vec())]);
    match port.route(request, None, &mut NoTrace) {
        Routed::Match(_, one) => place(one),
        _ => "404".into(),
    }
}

proptest! {
    #[test]
    fn the_winner_is_the_oracles_whatever_the_order(
        matches in prop::collection::vec(any_match(), 0..160).prop_map(distinct).prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        requests in prop::collection::vec(any_request(), 1..12),
    ) {
        for request in &requests {
            let expected = oracle(&matches.0, request);
            prop_assert_eq!(&found(&matches.0, request), &expected, "{:?} {} {}", matches.0, request.host, request.path);
            prop_assert_eq!(&found(&matches.1, request), &expected);
        }
    }

    #[test]
    fn a_table_that_was_changed_equals_one_made_anew(
        matches in prop::collection::vec(any_match(), 0..160).prop_map(distinct),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..100),
        requests in prop::collection::vec(any_request(), 1..12),
    ) {
        let mut table = HostTable::new(matches.clone());
        let before = table.clone();
        let mut left = matches.clone();
        for at in gone {
            if !left.is_empty() {
                let one = left.swap_remove(at.index(left.len()));
                table.remove(&one);
            }
        }
        prop_assert_eq!(table.matches().count(), left.len());
        prop_assert_eq!(before.matches().count(), matches.len(), "a clone is not touched");
        let changed = Arc::new(Listener { hosts: table, ..(*listener("l", "", false, vec![])).clone() });
        let changed = entrance(vec![changed]);
        for request in &requests {
            let got = match changed.route(request, None, &mut NoTrace) {
                Routed::Match(_, one) => place(one),
                _ => "404".into(),
            };
            prop_assert_eq!(got, oracle(&left, request));
        }
        left.iter().take(20).for_each(|one| { let mut copy = changed.listeners[0].hosts.clone(); copy.remove(one); assert_eq!(copy.matches().count(), left.len() - 1); });
    }
}
