use base64::Engine as _;
use serde_json::{Value, json};

use crate::testing::{answer, answer_with, conditions, delete, service, upsert, world};
use crate::{Compiled, Kind, World};

fn class() -> Value {
    json!({"kind": "GatewayClass", "metadata": {"name": "fairlead", "uid": "c", "generation": 1}, "spec": {"controllerName": "fairlead.dev/gateway"}})
}

fn gateway(name: &str, listeners: Value) -> Value {
    json!({"kind": "Gateway", "metadata": {"name": name, "namespace": "n", "uid": name, "generation": 3, "creationTimestamp": "2024-01-01T00:00:00Z"},
           "spec": {"gatewayClassName": "fairlead", "listeners": listeners}})
}

fn http(name: &str, port: u16) -> Value {
    json!({"name": name, "port": port, "protocol": "HTTP"})
}

fn route(name: &str, hosts: &[&str], rules: Value) -> Value {
    json!({"kind": "HTTPRoute", "metadata": {"name": name, "namespace": "n", "uid": name, "generation": 2, "creationTimestamp": "2024-01-01T00:00:00Z"},
           "spec": {"parentRefs": [{"name": "gw"}], "hostnames": hosts, "rules": rules}})
}

fn to(service: &str) -> Value {
    json!([{"backendRefs": [{"name": service, "port": 80}]}])
}

fn backend(name: &str) -> Value {
    service(name, json!({"clusterIP": "None", "ports": [{"port": 80}]}))
}

/// A class, gateway `gw` with an HTTP listener on 9000, service `web`, and these.
fn stage(more: &[Value]) -> (World, Compiled) {
    let mut objects = vec![class(), gateway("gw", json!([http("web", 9000)])), backend("web")];
    objects.extend(more.iter().cloned());
    world(&objects)
}

#[test]
fn a_route_is_served_on_its_gateway_and_says_so() {
    let (_, done) = stage(&[route("r", &["a.test"], to("web"))]);
    assert_eq!(answer(&done.snapshot, 9000, "a.test", "/"), "web");
    assert_eq!(answer(&done.snapshot, 9000, "b.test", "/"), "404");
    assert_eq!(conditions(&done, "HTTPRoute", "r"), ["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"]);
    assert_eq!(conditions(&done, "GatewayClass", "fairlead"), ["Accepted=True/Accepted"]);
    assert_eq!(
        conditions(&done, "Gateway", "gw"),
        [
            "Accepted=True/Accepted",
            "Programmed=True/Programmed",
            "ResolvedRefs=True/ResolvedRefs",
            "AddressesAssigned=True/AddressesAssigned",
            "web: Accepted=True/Accepted",
            "web: Conflicted=False/NoConflicts",
            "web: ResolvedRefs=True/ResolvedRefs",
            "web: Programmed=True/Programmed",
            "web: 1 attached"
        ]
    );
    let decided = done.decided.iter().find(|one| one.kind == "Gateway").expect("decided");
    assert_eq!((decided.generation, decided.snapshot), (3, done.snapshot.generation));
    let api::DecidedStatus::Gateway { conditions, addresses, .. } = &decided.body else { panic!("a gateway's status") };
    assert_eq!(conditions[1].waits_for.len(), 1, "programmed waits until the socket is bound");
    assert_eq!(addresses[..], [api::decided::AssignedAddress { kind: "IPAddress", value: "127.0.0.1".into(), routability: "".into() }]);
}

#[test]
fn why_a_route_does_not_attach() {
    let with = |parent: Value| {
        let mut one = route("r", &["a.test"], to("web"));
        one["spec"]["parentRefs"] = json!([parent]);
        conditions(&stage(&[one]).1, "HTTPRoute", "r")[0].clone()
    };
    assert_eq!(with(json!({"name": "gw", "sectionName": "web", "port": 9000})), "Accepted=True/Accepted");
    assert_eq!(with(json!({"name": "gw", "sectionName": "none"})), "Accepted=False/NoMatchingParent");
    assert_eq!(with(json!({"name": "gw", "port": 9001})), "Accepted=False/NoMatchingParent");
    assert_eq!(with(json!({"name": "gw", "sectionName": "web", "port": 9001})), "Accepted=False/NoMatchingParent");
    let other = stage(&[route("r", &[], to("web"))]).1;
    assert_eq!(conditions(&other, "HTTPRoute", "r").len(), 2);
    let mut foreign = route("r", &[], to("web"));
    foreign["spec"]["parentRefs"] = json!([{"name": "elsewhere"}, {"name": "web", "kind": "Service", "group": ""}]);
    assert!(conditions(&stage(&[foreign]).1, "HTTPRoute", "r").is_empty(), "no entry for parents that are not ours");
}

#[test]
fn hostnames_of_listener_and_route_intersect() {
    let listener = json!([{"name": "web", "port": 9000, "protocol": "HTTP", "hostname": "*.a.test"}]);
    let (_, done) = world(&[
        class(),
        gateway("gw", listener),
        backend("exact"),
        backend("wild"),
        route(
            "r1",
            &["x.a.test", "elsewhere.test"],
            json!([{"matches": [{"path": {"value": "/only"}}], "backendRefs": [{"name": "exact", "port": 80}]}]),
        ),
        route("r2", &["*.a.test"], to("wild")),
        route("r3", &["elsewhere.test", "a.test"], to("exact")),
    ]);
    let who = |host, path| answer(&done.snapshot, 9000, host, path);
    assert_eq!((&*who("x.a.test", "/only"), &*who("x.a.test", "/"), &*who("q.x.a.test", "/")), ("exact", "wild", "wild"));
    assert_eq!((&*who("a.test", "/"), &*who("elsewhere.test", "/only")), ("404", "404"));
    assert_eq!(conditions(&done, "HTTPRoute", "r3")[0], "Accepted=False/NoMatchingListenerHostname");
}

#[test]
fn namespaces_are_admitted_by_the_listener_and_by_their_live_labels() {
    let selector = json!([{"name": "web", "port": 9000, "protocol": "HTTP", "allowedRoutes":
        {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}}}]);
    let namespace = |team: &str| json!({"kind": "Namespace", "metadata": {"name": "n", "labels": {"team": team}}});
    let (mut world, first) = world(&[class(), gateway("gw", selector), backend("web"), namespace("other"), route("r", &[], to("web"))]);
    assert_eq!(conditions(&first, "HTTPRoute", "r")[0], "Accepted=False/NotAllowedByListeners");
    world.apply(upsert(namespace("shop")));
    let second = world.compile(2000);
    assert_eq!(conditions(&second, "HTTPRoute", "r")[0], "Accepted=True/Accepted");
    assert_eq!(answer(&second.snapshot, 9000, "any", "/"), "web");
    world.apply(delete(Kind::Namespace, "", "n"));
    assert_eq!(answer(&world.compile(3000).snapshot, 9000, "any", "/"), "404");
}

#[test]
fn a_backend_in_another_namespace_needs_a_grant_as_long_as_it_is_used() {
    let mut there = backend("web2");
    there["metadata"]["namespace"] = json!("m");
    let rules = json!([{"backendRefs": [{"name": "web2", "namespace": "m", "port": 80}]}]);
    let (mut world, first) = stage(&[there, route("r", &[], rules)]);
    assert_eq!(answer(&first.snapshot, 9000, "any", "/"), "500");
    assert_eq!(conditions(&first, "HTTPRoute", "r")[1], "ResolvedRefs=False/RefNotPermitted");
    world.apply(upsert(json!({"kind": "ReferenceGrant", "metadata": {"name": "g", "namespace": "m"}, "spec": {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "n"}], "to": [{"group": "", "kind": "Service"}]}})));
    let second = world.compile(2000);
    assert_eq!(answer(&second.snapshot, 9000, "any", "/"), "web2");
    assert_eq!(conditions(&second, "HTTPRoute", "r")[1], "ResolvedRefs=True/ResolvedRefs");
    world.apply(delete(Kind::ReferenceGrant, "m", "g"));
    assert_eq!(answer(&world.compile(3000).snapshot, 9000, "any", "/"), "500");
}

#[test]
fn a_missing_service_port_or_kind_is_500_until_it_is_there() {
    let (mut world, first) = stage(&[route("r", &[], to("late"))]);
    assert_eq!(answer(&first.snapshot, 9000, "any", "/"), "500");
    assert_eq!(conditions(&first, "HTTPRoute", "r")[1], "ResolvedRefs=False/BackendNotFound");
    assert_eq!(conditions(&first, "Gateway", "gw").last().map(String::as_str), Some("web: 1 attached"));
    world.apply(upsert(service("late", json!({"clusterIP": "None", "ports": [{"port": 81}]}))));
    assert_eq!(answer(&world.compile(2).snapshot, 9000, "any", "/"), "500", "another port");
    world.apply(upsert(backend("late")));
    assert_eq!(answer(&world.compile(3).snapshot, 9000, "any", "/"), "late");
    world.apply(delete(Kind::Service, "n", "late"));
    assert_eq!(answer(&world.compile(4).snapshot, 9000, "any", "/"), "500");
    let kind = route("k", &[], json!([{"backendRefs": [{"name": "x", "kind": "Bucket", "group": "example.com", "port": 80}]}]));
    assert_eq!(conditions(&stage(&[kind]).1, "HTTPRoute", "k")[1], "ResolvedRefs=False/InvalidKind");
    let none = route("none", &[], json!([{}]));
    let done = stage(&[none]).1;
    assert_eq!(conditions(&done, "HTTPRoute", "none")[1], "ResolvedRefs=True/ResolvedRefs");
    assert_eq!(answer(&done.snapshot, 9000, "any", "/"), "", "no backend at all");
}

#[test]
fn a_port_that_does_not_speak_http_is_no_backend() {
    let with = |app_protocol: &str| {
        let web = service("web", json!({"clusterIP": "None", "ports": [{"port": 80, "appProtocol": app_protocol}]}));
        let (_, done) = world(&[class(), gateway("gw", json!([http("web", 9000)])), web, route("r", &[], to("web"))]);
        format!("{} {}", conditions(&done, "HTTPRoute", "r")[1], answer(&done.snapshot, 9000, "any", "/"))
    };
    for fine in ["http", "HTTP2", "kubernetes.io/h2c", "kubernetes.io/ws", "grpc"] {
        assert_eq!(with(fine), "ResolvedRefs=True/ResolvedRefs web", "{fine}");
    }
    for wrong in ["tls", "tcp", "mysql", "example.com/odd"] {
        assert_eq!(with(wrong), "ResolvedRefs=False/UnsupportedProtocol 500", "{wrong}");
    }
}

#[test]
fn settings_without_a_field_are_read_and_bad_ones_refused() {
    let listener = json!({"name": "web", "port": 9443, "protocol": "HTTP", "tls": {"options": {"fairlead.dev/alpn": "h3", "example.com/x": "y"}}});
    let refused = world(&[class(), gateway("gw", json!([listener]))]).1;
    assert!(conditions(&refused, "Gateway", "gw").contains(&"web: Accepted=False/UnsupportedValue".to_owned()));
    let mut annotated = gateway("gw", json!([http("web", 9000)]));
    annotated["metadata"]["annotations"] =
        json!({"fairlead.dev/request-body-limit": "1Mi", "fairlead.dev/trusted-proxies": "10.0.0.0/8", "fairlead.dev/odd": "x"});
    let (mut world, done) = world(&[class(), annotated.clone()]);
    let entrance = |done: &Compiled| done.snapshot.entrances.ports.values().find(|one| one.key.1 == 9000).expect("bound").clone();
    assert_eq!((entrance(&done).listeners[0].edge.body_max, entrance(&done).peers.trusted.len()), (Some(1 << 20), 1));
    assert!(done.diagnostics.iter().any(|one| one.reason == "UnknownSetting" && one.message.contains("fairlead.dev/odd")));
    annotated["metadata"]["annotations"] = json!({});
    world.apply(upsert(annotated));
    let done = world.compile(2);
    assert_eq!((entrance(&done).listeners[0].edge.body_max, entrance(&done).peers.trusted.len()), (None, 0));
}

#[test]
fn invalid_rules_are_dropped_and_named_while_the_others_work() {
    let bad = json!({"matches": [{"path": {"value": "/regex"}, "headers": [{"name": "x", "type": "RegularExpression", "value": "(["}]}], "backendRefs": [{"name": "web", "port": 80}]});
    let good = json!({"matches": [{"path": {"value": "/fine"}}], "backendRefs": [{"name": "web", "port": 80}]});
    let (_, half) = stage(&[route("r", &[], json!([bad, good]))]);
    assert_eq!(
        conditions(&half, "HTTPRoute", "r"),
        ["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs", "PartiallyInvalid=True/UnsupportedValue"]
    );
    assert_eq!(answer(&half.snapshot, 9000, "any", "/fine"), "web");
    assert_eq!(answer_with(&half.snapshot, 9000, "any", "/regex", &[("x", "([")]), "404");
    let message = half.diagnostics.iter().find(|one| one.reason == "PartiallyInvalid").map(|one| one.message.to_string());
    assert_eq!(message.as_deref(), Some("Dropped Rule 0: header x: regular expression is invalid: unclosed character class"));
    let (_, all) = stage(&[route("r", &[], json!([bad]))]);
    assert_eq!(conditions(&all, "HTTPRoute", "r")[0], "Accepted=False/UnsupportedValue");
    assert_eq!(conditions(&all, "Gateway", "gw").last().map(String::as_str), Some("web: 0 attached"));
}

#[test]
fn filters_that_exclude_each_other_or_are_unknown() {
    let with = |filters: Value| stage(&[route("r", &[], json!([{"filters": filters, "backendRefs": [{"name": "web", "port": 80}]}]))]).1;
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {"hostname": "x"}});
    let rewrite = json!({"type": "URLRewrite", "urlRewrite": {"hostname": "x"}});
    assert_eq!(conditions(&with(json!([redirect, rewrite])), "HTTPRoute", "r")[0], "Accepted=False/IncompatibleFilters");
    assert_eq!(conditions(&with(json!([rewrite, rewrite])), "HTTPRoute", "r")[0], "Accepted=False/IncompatibleFilters");
    let unknown = with(json!([{"type": "ExtensionRef", "extensionRef": {"group": "example.com", "kind": "Magic", "name": "m"}}]));
    assert_eq!(conditions(&unknown, "HTTPRoute", "r"), ["Accepted=True/Accepted", "ResolvedRefs=False/InvalidKind"]);
    assert_eq!(answer(&unknown.snapshot, 9000, "any", "/"), "500");
    let hop = with(json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["Connection"]}}]));
    assert_eq!(conditions(&hop, "HTTPRoute", "r")[0], "Accepted=False/UnsupportedValue");
}

#[test]
fn listeners_of_one_gateway_that_cannot_be_told_apart_all_lose() {
    let (_, done) = world(&[
        class(),
        backend("web"),
        gateway("gw", json!([http("a", 9000), http("b", 9000), {"name": "c", "port": 9000, "protocol": "HTTP", "hostname": "c.test"}])),
        route("r", &[], to("web")),
    ]);
    let said = conditions(&done, "Gateway", "gw");
    assert_eq!(said[0], "Accepted=True/ListenersNotValid");
    for listener in ["a", "b"] {
        assert!(said.contains(&format!("{listener}: Accepted=False/HostnameConflict")), "{said:?}");
        assert!(said.contains(&format!("{listener}: Conflicted=True/HostnameConflict")), "{said:?}");
        assert!(said.contains(&format!("{listener}: 1 attached")), "a route attaches also where nothing is served: {said:?}");
    }
    assert_eq!(answer(&done.snapshot, 9000, "c.test", "/"), "web");
    assert_eq!(answer(&done.snapshot, 9000, "other", "/"), "404");
    let tls = json!({"name": "t", "port": 9000, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "s"}]}});
    let (_, mixed) = world(&[class(), gateway("gw", json!([http("a", 9000), tls]))]);
    assert_eq!(conditions(&mixed, "Gateway", "gw")[0], "Accepted=False/ListenersNotValid");
    assert_eq!(answer(&mixed.snapshot, 9000, "any", "/"), "refused");
}

#[test]
fn of_two_gateways_on_one_port_the_older_keeps_it_and_hands_over() {
    let mut young = gateway("young", json!([http("web", 9000)]));
    young["metadata"]["creationTimestamp"] = json!("2025-01-01T00:00:00Z");
    let mut other = route("other", &[], to("web"));
    other["spec"]["parentRefs"] = json!([{"name": "young"}]);
    let (mut world, first) = stage(&[young, other]);
    assert!(conditions(&first, "Gateway", "young").contains(&"web: Accepted=False/PortUnavailable".to_owned()));
    assert_eq!(answer(&first.snapshot, 9000, "any", "/"), "404");
    world.apply(delete(Kind::Gateway, "n", "gw"));
    let second = world.compile(2);
    assert_eq!(conditions(&second, "Gateway", "young")[0], "Accepted=True/Accepted");
    assert_eq!(answer(&second.snapshot, 9000, "any", "/"), "web");
    world.apply(delete(Kind::GatewayClass, "", "fairlead"));
    let third = world.compile(3);
    assert_eq!(answer(&third.snapshot, 9000, "any", "/"), "refused");
    assert!(conditions(&third, "HTTPRoute", "other").is_empty());
}

#[test]
fn a_gateway_on_the_port_of_the_ingresses_is_asked_first() {
    let (_, done) = world(&[class(), backend("web"), gateway("gw", json!([http("web", 8080)])), route("r", &["a.test"], to("web"))]);
    assert_eq!(answer(&done.snapshot, 8080, "a.test", "/"), "web");
    assert_eq!(done.snapshot.entrances.ports.values().next().map(|one| one.listeners.len()), Some(2));
    let (_, wrong) = world(&[class(), gateway("gw", json!([http("web", 8443)]))]);
    assert!(conditions(&wrong, "Gateway", "gw").contains(&"web: Accepted=False/PortUnavailable".to_owned()));
}

#[test]
fn what_is_not_served_says_so() {
    let said = |gateway: Value| conditions(&world(&[class(), gateway]).1, "Gateway", "gw");
    let mut parameters = gateway("gw", json!([http("a", 9000)]));
    parameters["spec"]["infrastructure"] = json!({"parametersRef": {"group": "x", "kind": "Y", "name": "z"}});
    assert_eq!(said(parameters)[..2], ["Accepted=False/InvalidParameters", "Programmed=False/Invalid"]);
    let address = |kind: &str, value: &str| {
        let mut one = gateway("gw", json!([http("a", 9000)]));
        one["spec"]["addresses"] = json!([{"type": kind, "value": value}]);
        said(one)
    };
    assert_eq!(address("example.com/odd", "x")[0], "Accepted=False/UnsupportedAddress");
    assert_eq!(address("IPAddress", "192.0.2.1")[..2], ["Accepted=True/Accepted", "Programmed=False/AddressNotUsable"]);
    assert_eq!(address("IPAddress", "127.0.0.9")[1], "Programmed=True/Programmed");
    let udp = said(gateway("gw", json!([{"name": "u", "port": 9000, "protocol": "UDP"}])));
    assert_eq!((&*udp[0], &*udp[4]), ("Accepted=False/ListenersNotValid", "u: Accepted=False/UnsupportedProtocol"));
    let kinds = said(gateway("gw", json!([{"name": "k", "port": 9000, "protocol": "HTTP", "allowedRoutes": {"kinds": [{"kind": "FooRoute"}]}}])));
    assert!(kinds.contains(&"k: ResolvedRefs=False/InvalidRouteKinds".to_owned()), "{kinds:?}");
    let secret = said(gateway("gw", json!([{"name": "t", "port": 9443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "s"}]}}])));
    assert!(secret.contains(&"t: ResolvedRefs=False/InvalidCertificateRef".to_owned()), "{secret:?}");
    assert!(secret.contains(&"t: Programmed=False/Invalid".to_owned()), "{secret:?}");
}

#[test]
fn listeners_that_a_browser_may_take_for_one_say_so() {
    let pair = |names: &[&str]| {
        let made = rcgen::generate_simple_self_signed(names.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).expect("a pair");
        let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
        json!({"tls.crt": encode(made.cert.pem()), "tls.key": encode(made.signing_key.serialize_pem())})
    };
    let secret =
        |name: &str, data: Value| json!({"kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": name, "namespace": "n"}, "data": data});
    let tls = |name: &str, host: &str, secret: &str| json!({"name": name, "port": 9443, "protocol": "HTTPS", "hostname": host, "tls": {"certificateRefs": [{"name": secret}]}});
    let said = |a: Value, b: Value| {
        let secrets = [secret("wild", pair(&["*.x.test"])), secret("one", pair(&["a.x.test"])), secret("other", pair(&["b.test"]))];
        let done = world(&[&[class(), gateway("gw", json!([a, b]))][..], &secrets[..]].concat()).1;
        conditions(&done, "Gateway", "gw").into_iter().filter(|one| one.contains("Overlapping")).collect::<Vec<_>>()
    };
    assert_eq!(
        said(tls("l", "*.x.test", "wild"), tls("m", "a.x.test", "one")),
        ["l: OverlappingTLSConfig=True/OverlappingCertificates", "m: OverlappingTLSConfig=True/OverlappingCertificates"]
    );
    assert_eq!(
        said(tls("l", "*.x.test", "wild"), tls("m", "a.x.test", "other")),
        ["l: OverlappingTLSConfig=True/OverlappingHostnames", "m: OverlappingTLSConfig=True/OverlappingHostnames"]
    );
    assert!(said(tls("l", "a.x.test", "one"), tls("m", "b.test", "other")).is_empty());
}

#[test]
fn only_permitted_secrets_are_asked_for() {
    let refs = json!([{"name": "mine"}, {"name": "theirs", "namespace": "m"}]);
    let tls = json!([{"name": "t", "port": 9443, "protocol": "HTTPS", "tls": {"certificateRefs": refs}}]);
    let (_, done) = world(&[class(), gateway("gw", tls)]);
    assert_eq!(done.wants.secrets.iter().map(|(_, name)| &**name).collect::<Vec<_>>(), ["mine"]);
    assert!(conditions(&done, "Gateway", "gw").contains(&"t: ResolvedRefs=False/InvalidCertificateRef".to_owned()));
}

#[test]
fn a_change_of_one_route_leaves_the_matches_of_others_by_pointer_and_decides_nothing_else() {
    let (mut world, before) = stage(&[route("a", &["a.test"], to("web")), route("b", &["b.test"], to("web"))]);
    let of = |compiled: &Compiled, name: &str| {
        let port = compiled.snapshot.entrances.ports.values().find(|one| one.key.1 == 9000).expect("bound").clone();
        let found = port.listeners[0].hosts.matches().find(|one| *one.rule.origin.name == *name).expect("there").clone();
        std::sync::Arc::as_ptr(&found)
    };
    world.apply(upsert(route("b", &["b.test", "c.test"], to("web"))));
    let after = world.compile(2);
    assert_eq!(of(&before, "a"), of(&after, "a"));
    assert_eq!(of(&before, "b"), of(&after, "b"), "the host that stayed");
    assert_eq!(answer(&after.snapshot, 9000, "c.test", "/"), "web");
    assert!(after.decided.is_empty(), "the generation of the object and its verdict are the same: {:?}", after.decided);
    world.apply(upsert(route("b", &["b.test", "c.test"], to("web"))));
    assert_eq!(world.compile(3).snapshot.generation, after.snapshot.generation);
}

#[test]
fn a_rule_keeps_its_sessions_when_others_come_before_it() {
    let places = |route: serde_json::Value| -> Vec<u64> {
        let (_, done) = stage(&[route]);
        let entrance = done.snapshot.entrances.ports.values().find(|entrance| entrance.key.1 == 9000).unwrap();
        let mut rules: Vec<_> = entrance.listeners.iter().flat_map(|one| one.hosts.matches()).map(|one| (one.rule.index, one.rule.place)).collect();
        rules.sort_unstable();
        rules.into_iter().map(|(_, place)| place).collect()
    };
    let mut one = route("r", &["a.test"], to("web"));
    let rules = one["spec"]["rules"].as_array_mut().unwrap();
    let mut named = rules[0].clone();
    (named["name"], named["matches"]) = (json!("n"), json!([{"path": {"value": "/n"}}]));
    rules.push(named);
    let mut two = one.clone();
    let rules = two["spec"]["rules"].as_array_mut().unwrap();
    let mut first = rules[0].clone();
    first["matches"] = json!([{"path": {"value": "/first"}}]);
    rules.insert(0, first);
    rules[2]["matches"] = json!([{"path": {"value": "/other"}}]);
    let (before, after) = (places(one), places(two));
    assert_eq!(before, after[1..]);
    assert_ne!(after[0], after[1]);
}
