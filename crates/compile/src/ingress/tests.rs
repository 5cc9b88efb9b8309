use serde_json::{Value, json};

use crate::testing::{answer, conditions, delete, service, upsert, world, world_with};
use crate::{Compiled, IngressSettings, Kind, Settings, World};

fn class(name: &str, controller: &str) -> Value {
    json!({"kind": "IngressClass", "metadata": {"name": name}, "spec": {"controller": controller}})
}

fn backend(name: &str) -> Value {
    json!({"service": {"name": name, "port": {"number": 80}}})
}

fn path(path: &str, kind: &str, service: &str) -> Value {
    json!({"path": path, "pathType": kind, "backend": backend(service)})
}

fn ingress(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    if spec.get("ingressClassName").is_none() {
        spec["ingressClassName"] = json!("fairlead");
    }
    json!({"kind": "Ingress", "metadata": {"name": name, "namespace": "n", "uid": name, "creationTimestamp": "2024-01-01T00:00:00Z"}, "spec": spec})
}

fn rules(host: &str, paths: Value) -> Value {
    json!({"rules": [{"host": host, "http": {"paths": paths}}]})
}

/// Our class, services `a` and `b`, and these.
fn stage(more: &[Value]) -> (World, Compiled) {
    let ports = json!({"clusterIP": "None", "ports": [{"name": "http", "port": 80}]});
    let mut objects = vec![class("fairlead", "fairlead.dev/ingress"), service("a", ports.clone()), service("b", ports)];
    objects.extend(more.iter().cloned());
    world(&objects)
}

#[test]
fn paths_go_by_whole_elements_the_longest_wins_and_exact_before_prefix() {
    let paths = json!([
        path("/foo", "Prefix", "a"),
        path("/foo/bar/", "Prefix", "b"),
        path("/foo/bar", "Exact", "a"),
        path("/x", "ImplementationSpecific", "b")
    ]);
    let (_, done) = stage(&[ingress("i", rules("h.test", paths))]);
    let who = |path| answer(&done.snapshot, 8080, "h.test", path);
    assert_eq!((&*who("/foo"), &*who("/foo/"), &*who("/foobar"), &*who("/FOO")), ("a", "a", "404", "404"));
    assert_eq!((&*who("/foo/bar"), &*who("/foo/bar/"), &*who("/foo/barx")), ("a", "b", "a"));
    assert_eq!((&*who("/x/y"), &*who("/xy")), ("b", "404"));
}

#[test]
fn a_wildcard_host_is_one_label_and_an_exact_host_is_not_asked_for_more() {
    let (_, done) = stage(&[
        ingress("exact", rules("x.h.test", json!([path("/only", "Prefix", "a")]))),
        ingress("wild", rules("*.h.test", json!([path("/", "Prefix", "b")]))),
    ]);
    let who = |host, path| answer(&done.snapshot, 8080, host, path);
    assert_eq!((&*who("x.h.test", "/only"), &*who("x.h.test", "/"), &*who("y.h.test", "/")), ("a", "404", "b"));
    assert_eq!((&*who("q.y.h.test", "/"), &*who("h.test", "/")), ("404", "404"));
}

#[test]
fn default_backends_of_an_ingress_and_of_the_class() {
    let mut with = rules("h.test", json!([path("/ruled", "Prefix", "a")]));
    with["defaultBackend"] = backend("b");
    let (mut world, first) = stage(&[ingress("i", with)]);
    assert_eq!(answer(&first.snapshot, 8080, "h.test", "/other"), "b");
    assert_eq!(answer(&first.snapshot, 8080, "nobody.test", "/"), "404");
    world.apply(upsert(ingress("all", json!({"defaultBackend": backend("a")}))));
    assert_eq!(answer(&world.compile(2).snapshot, 8080, "nobody.test", "/"), "a");
    world.apply(delete(Kind::Ingress, "n", "all"));
    assert_eq!(answer(&world.compile(3).snapshot, 8080, "nobody.test", "/"), "404");
}

#[test]
fn a_missing_service_or_port_is_503_with_a_diagnostic_until_it_is_there() {
    let by_name = json!({"path": "/n", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"name": "http"}}}});
    let no_port = json!({"path": "/p", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 81}}}});
    let (mut world, first) = stage(&[ingress("i", rules("h.test", json!([path("/late", "Prefix", "late"), by_name, no_port])))]);
    let who = |done: &Compiled, path| answer(&done.snapshot, 8080, "h.test", path);
    assert_eq!((&*who(&first, "/late"), &*who(&first, "/n"), &*who(&first, "/p")), ("503", "a", "503"));
    let said: Vec<&str> = first.diagnostics.iter().filter(|one| one.reason == "BackendNotFound").map(|one| &*one.message).collect();
    assert_eq!(said, ["service n/a has no TCP port 81; it has 80 (http)", "service n/late not found"]);
    world.apply(upsert(service("late", json!({"clusterIP": "None", "ports": [{"port": 80}]}))));
    assert_eq!(who(&world.compile(2), "/late"), "late");
}

#[test]
fn only_ingresses_of_our_class_are_served_and_told_an_address() {
    let spec = || rules("h.test", json!([path("/", "Prefix", "a")]));
    let mut theirs = ingress("theirs", spec());
    theirs["spec"]["ingressClassName"] = json!("other");
    let (mut world, first) = stage(&[theirs.clone(), class("other", "example.com/x")]);
    assert_eq!(answer(&first.snapshot, 8080, "h.test", "/"), "404");
    assert_eq!(conditions(&first, "Ingress", "theirs"), ["undecided"]);
    world.apply(upsert(class("other", "fairlead.dev/ingress")));
    let second = world.compile(2);
    assert_eq!(answer(&second.snapshot, 8080, "h.test", "/"), "a");
    assert_eq!(conditions(&second, "Ingress", "theirs"), ["127.0.0.1 [8080, 8443]"]);
    world.apply(delete(Kind::IngressClass, "", "other"));
    let third = world.compile(3);
    assert_eq!(answer(&third.snapshot, 8080, "h.test", "/"), "404");
    assert!(conditions(&third, "Ingress", "theirs").is_empty(), "what we wrote is taken back");

    let mut old = ingress("old", spec());
    old["spec"]["ingressClassName"] = Value::Null;
    assert_eq!(answer(&stage(&[old.clone()]).1.snapshot, 8080, "h.test", "/"), "404", "no class");
    old["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "fairlead"});
    assert_eq!(answer(&stage(&[old.clone()]).1.snapshot, 8080, "h.test", "/"), "a", "the old annotation");
    old["spec"]["ingressClassName"] = json!("different");
    let both = stage(&[old]).1;
    assert_eq!(answer(&both.snapshot, 8080, "h.test", "/"), "404");
    assert!(both.diagnostics.iter().any(|one| one.reason == "TwoClasses"));
}

#[test]
fn of_two_ingresses_with_one_place_the_oldest_wins_the_other_is_told_and_takes_over() {
    let spec = |service| rules("h.test", json!([path("/", "Prefix", service), path(if service == "b" { "/own" } else { "/" }, "Exact", service)]));
    let mut young = ingress("a-young", spec("b"));
    young["metadata"]["creationTimestamp"] = json!("2025-01-01T00:00:00Z");
    let (mut world, first) = stage(&[young, ingress("z-old", spec("a"))]);
    assert_eq!(answer(&first.snapshot, 8080, "h.test", "/x"), "a");
    assert_eq!(answer(&first.snapshot, 8080, "h.test", "/own"), "b");
    let told: Vec<String> =
        first.diagnostics.iter().filter(|one| one.reason == "PathTaken").map(|one| format!("{}: {}", one.origin, one.message)).collect();
    assert_eq!(told, ["Ingress n/a-young: host h.test path / is served by the older Ingress n/z-old"]);
    world.apply(delete(Kind::Ingress, "n", "z-old"));
    assert_eq!(answer(&world.compile(2).snapshot, 8080, "h.test", "/x"), "b");
    assert_eq!(world.diagnostics().filter(|one| one.reason == "PathTaken").count(), 0);
}

#[test]
fn bad_hosts_and_paths_hurt_only_themselves() {
    let paths = json!([path("/ok", "Prefix", "a"), path("/a;b", "Prefix", "b"), path("no-slash", "Exact", "b"), path("/t", "Odd", "b")]);
    let mut spec = rules("h.test", paths);
    spec["rules"].as_array_mut().expect("rules").push(json!({"host": "a b", "http": {"paths": [path("/", "Prefix", "b")]}}));
    let (_, done) = stage(&[ingress("i", spec)]);
    assert_eq!(answer(&done.snapshot, 8080, "h.test", "/ok"), "a");
    assert_eq!(answer(&done.snapshot, 8080, "h.test", "/t"), "404");
    let mut reasons: Vec<&str> = done.diagnostics.iter().map(|one| one.reason).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["InvalidHost", "InvalidPath", "InvalidPath", "InvalidPath"]);
}

#[test]
fn the_default_backend_of_the_process_answers_what_no_ingress_does() {
    let backends = IngressSettings { default_backend: Some(("n".into(), "b".into())), ..IngressSettings::default() };
    let settings = Settings { ingress: backends, ..Settings::loopback("here") };
    let port = json!({"clusterIP": "None", "ports": [{"name": "http", "port": 80}]});
    let all = ingress("all", json!({"defaultBackend": backend("a")}));
    let one = ingress("one", rules("h.test", json!([path("/only", "Prefix", "a")])));
    let (mut world, first) = world_with(settings, &[class("fairlead", "fairlead.dev/ingress"), service("a", port.clone()), one]);
    let who = |done: &Compiled, host, path| answer(&done.snapshot, 8080, host, path);
    assert_eq!((&*who(&first, "h.test", "/only"), &*who(&first, "x.test", "/")), ("a", "503"), "the service is not there yet");
    world.apply(upsert(service("b", port)));
    let second = world.compile(2);
    assert_eq!((&*who(&second, "h.test", "/"), &*who(&second, "x.test", "/")), ("b", "b"));
    world.apply(upsert(all));
    assert_eq!(who(&world.compile(3), "x.test", "/"), "a", "an Ingress's own comes first");
    world.apply(delete(Kind::Ingress, "n", "all"));
    assert_eq!(who(&world.compile(4), "x.test", "/"), "b");
}

#[test]
fn ingresses_without_a_class_are_served_where_that_is_asked_for() {
    let mut none = ingress("i", rules("h.test", json!([path("/", "Prefix", "a")])));
    none["spec"]["ingressClassName"] = json!("");
    let with = |without_class| {
        let settings = Settings { ingress: IngressSettings { without_class, ..IngressSettings::default() }, ..Settings::loopback("here") };
        let port = json!({"clusterIP": "None", "ports": [{"name": "http", "port": 80}]});
        answer(&world_with(settings, &[class("fairlead", "fairlead.dev/ingress"), service("a", port), none.clone()]).1.snapshot, 8080, "h.test", "/")
    };
    assert_eq!((&*with(false), &*with(true)), ("404", "a"));
}

#[test]
fn statuses_show_the_published_addresses() {
    let ingress_settings = IngressSettings { published: vec!["192.0.2.1".into(), "lb.example.com".into()], ..IngressSettings::default() };
    let settings = Settings { ingress: ingress_settings, ..Settings::loopback("here") };
    let (_, done) =
        world_with(settings, &[class("fairlead", "fairlead.dev/ingress"), ingress("i", rules("h.test", json!([path("/", "Prefix", "a")])))]);
    assert_eq!(conditions(&done, "Ingress", "i"), ["192.0.2.1 [8080, 8443]", "lb.example.com [8080, 8443]"]);
}

#[test]
fn the_default_certificate_is_wanted_and_served_as_soon_as_it_is_there() {
    use base64::Engine as _;
    use model::routes::Fallback;
    let key = ("n".into(), "fallback".into());
    let settings =
        Settings { ingress: IngressSettings { default_certificate: Some(key), ..IngressSettings::default() }, ..Settings::loopback("here") };
    let (mut world, first) = world_with(settings, &[class("fairlead", "fairlead.dev/ingress")]);
    let fallback = |done: &Compiled| match &done.snapshot.entrances.ports.values().find(|one| one.key.1 == 8443).expect("the entry").fallback {
        Some(Fallback::Identity(identity)) => identity.origin.name.to_string(),
        Some(Fallback::SelfSigned) => "self-signed".to_owned(),
        None => "none".to_owned(),
    };
    assert_eq!((first.wants.secrets.len(), &*fallback(&first)), (1, "self-signed"));
    assert!(first.diagnostics.iter().any(|one| one.message.contains("--default-ssl-certificate")), "{:?}", first.diagnostics);
    let made = rcgen::generate_simple_self_signed(vec!["x.test".to_owned()]).expect("a pair");
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    let data = json!({"tls.crt": encode(made.cert.pem()), "tls.key": encode(made.signing_key.serialize_pem())});
    world.apply(upsert(json!({"kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "fallback", "namespace": "n"}, "data": data})));
    assert_eq!(fallback(&world.compile(2)), "fallback");
    world.apply(delete(Kind::Secret, "n", "fallback"));
    assert_eq!(fallback(&world.compile(3)), "self-signed");
}

#[test]
fn i5_an_external_name_is_a_backend_only_where_that_is_allowed() {
    let alias = |ports: serde_json::Value| json!({"kind": "Service", "metadata": {"name": "out", "namespace": "n"}, "spec": {"type": "ExternalName", "externalName": "far.test", "ports": ports}});
    let slice = json!({"kind": "EndpointSlice", "metadata": {"name": "out-1", "namespace": "n", "labels": {"kubernetes.io/service-name": "out"}},
                       "addressType": "IPv4", "ports": [{"name": "", "protocol": "TCP"}], "endpoints": [{"addresses": ["192.0.2.9"]}]});
    let port = |number: u16| {
        let backend = json!({"service": {"name": "out", "port": {"number": number}}});
        ingress(
            "i",
            json!({"ingressClassName": "fairlead", "rules": [{"host": "h.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}),
        )
    };
    let objects = |ports| [class("fairlead", "fairlead.dev/ingress"), alias(ports), slice.clone(), port(81)];
    let pools = |compiled: &Compiled| {
        let mut all: Vec<_> = compiled.snapshot.pools.values().flat_map(|pool| pool.endpoints.iter().map(|one| one.address.to_string())).collect();
        all.sort();
        all
    };
    let (_, closed) = world(&objects(json!([])));
    assert!(pools(&closed).is_empty());
    assert!(closed.diagnostics.iter().any(|one| one.message.contains("--allow-external-name")), "{:?}", closed.diagnostics);

    let open = Settings { external_names: true, ..Settings::loopback("here") };
    let (mut world, first) = world_with(open.clone(), &objects(json!([])));
    assert_eq!(pools(&first), ["192.0.2.9:81"], "a port that only the route names");
    world.apply(upsert(port(82)));
    assert_eq!(pools(&world.compile(1001)), ["192.0.2.9:82"], "and follows it");
    world.apply(upsert(alias(json!([{"name": "a", "port": 82, "targetPort": 8082}]))));
    assert_eq!(pools(&world.compile(1002)), ["192.0.2.9:8082"], "a port that is listed leads where it says");
    world.apply(delete(Kind::Ingress, "n", "i"));
    world.apply(upsert(alias(json!([]))));
    assert!(pools(&world.compile(1003)).is_empty());
}
