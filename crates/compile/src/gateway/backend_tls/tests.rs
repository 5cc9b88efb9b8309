use base64::Engine as _;
use model::Snapshot;
use model::routes::{BackendTo, NoTrace, Routed};
use serde_json::{Value, json};

use crate::testing::{Get, conditions, delete, service, upsert, world};
use crate::{Compiled, Kind, World};

fn authority() -> String {
    rcgen::generate_simple_self_signed(vec!["ca.test".to_owned()]).expect("a certificate").cert.pem()
}

fn policy(name: &str, born: &str, section: Option<&str>, validation: Value) -> Value {
    json!({"kind": "BackendTLSPolicy", "metadata": {"name": name, "namespace": "n", "uid": name, "generation": 1, "creationTimestamp": born},
           "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "web", "sectionName": section}], "validation": validation}})
}

fn by(kind: &str, name: &str) -> Value {
    json!({"hostname": format!("{name}.test"), "caCertificateRefs": [{"group": "", "kind": kind, "name": name}]})
}

const OLD: &str = "2024-01-01T00:00:00Z";
const NEW: &str = "2025-01-01T00:00:00Z";

/// A gateway on 9000 whose only route leads to port `https` of Service `web`; ConfigMap and Secret `ca` hold an authority.
fn stage(more: &[Value]) -> (World, Compiled) {
    let pem = authority();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&pem);
    let mut objects = vec![
        json!({"kind": "GatewayClass", "metadata": {"name": "fairlead"}, "spec": {"controllerName": "fairlead.dev/gateway"}}),
        json!({"kind": "Gateway", "metadata": {"name": "gw", "namespace": "n", "uid": "gw"},
               "spec": {"gatewayClassName": "fairlead", "listeners": [{"name": "web", "port": 9000, "protocol": "HTTP"}]}}),
        service("web", json!({"clusterIP": "None", "ports": [{"name": "https", "port": 443}]})),
        json!({"kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n", "uid": "r"},
               "spec": {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": "web", "port": 443}]}]}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "ca", "namespace": "n"}, "data": {"ca.crt": pem}}),
        json!({"kind": "Secret", "metadata": {"name": "ca", "namespace": "n"}, "data": {"ca.crt": encoded}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "empty", "namespace": "n"}, "data": {}}),
    ];
    objects.extend(more.iter().cloned());
    world(&objects)
}

/// How the backend is spoken to: `clear`, `refused`, or the server name.
fn spoken(snapshot: &Snapshot) -> String {
    let key = ([127, 0, 0, 1].into(), 9000, model::Transport::Tcp);
    let entrance = snapshot.entrances.ports.get(&key).expect("an entrance");
    let Routed::Match(_, found) = entrance.route(&Get("a.test", "/", &[]), None, &mut NoTrace) else { panic!("a route") };
    match &found.rule.backends[0].to {
        BackendTo::Pool(_) => "clear".into(),
        BackendTo::Covered(_, tls) => tls.server_name.to_string(),
        BackendTo::Unvouched { .. } => "refused".into(),
        BackendTo::Nowhere { .. } => "nowhere".into(),
    }
}

#[test]
fn a_policy_that_holds_covers_and_one_that_cannot_refuses() {
    let system = json!({"hostname": "x.test", "wellKnownCACertificates": "System"});
    let told = |validation: Value| {
        let (_, done) = stage(&[policy("p", OLD, None, validation)]);
        (spoken(&done.snapshot), conditions(&done, "BackendTLSPolicy", "p").join(" "))
    };
    assert_eq!(spoken(&stage(&[]).1.snapshot), "clear");
    let fine = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs";
    assert_eq!(told(by("ConfigMap", "ca")), ("ca.test".into(), fine.into()));
    assert_eq!(told(by("Secret", "ca")), ("ca.test".into(), fine.into()));
    assert_eq!(told(system.clone()), ("x.test".into(), fine.into()));
    let no_authority = |reason: &str| ("refused".to_owned(), format!("Accepted=False/NoValidCACertificate ResolvedRefs=False/{reason}"));
    assert_eq!(told(by("ConfigMap", "empty")), no_authority("InvalidCACertificateRef"));
    assert_eq!(told(by("ConfigMap", "absent")), no_authority("InvalidCACertificateRef"));
    assert_eq!(told(by("Service", "ca")), no_authority("InvalidKind"));
    let invalid = ("refused".to_owned(), "Accepted=False/Invalid ResolvedRefs=True/ResolvedRefs".to_owned());
    assert_eq!(told(json!({"hostname": "x.test", "wellKnownCACertificates": "Mine"})), invalid);
    assert_eq!(told(json!({"hostname": "x.test"})), invalid);
    let mut both = by("ConfigMap", "ca");
    both["wellKnownCACertificates"] = json!("System");
    assert_eq!(told(both), invalid);
    let mut odd = system;
    odd["subjectAltNames"] = json!([{"type": "Odd"}]);
    assert_eq!(told(odd), invalid);
}

#[test]
fn what_can_be_used_of_several_authorities_is_used() {
    let mut some = by("ConfigMap", "ca");
    some["caCertificateRefs"].as_array_mut().expect("a list").push(json!({"group": "", "kind": "ConfigMap", "name": "empty"}));
    let (_, done) = stage(&[policy("p", OLD, None, some)]);
    assert_eq!(spoken(&done.snapshot), "ca.test");
    assert_eq!(conditions(&done, "BackendTLSPolicy", "p"), ["Accepted=True/Accepted", "ResolvedRefs=False/InvalidCACertificateRef"]);
    assert_eq!(done.wants.config_maps.len(), 2);
}

#[test]
fn the_older_of_two_for_one_target_holds_and_one_for_the_port_goes_first() {
    let (mut world, done) = stage(&[policy("b", OLD, None, by("ConfigMap", "ca")), policy("a", NEW, None, by("ConfigMap", "empty"))]);
    assert_eq!(spoken(&done.snapshot), "ca.test");
    assert_eq!(conditions(&done, "BackendTLSPolicy", "b")[0], "Accepted=True/Accepted");
    assert_eq!(conditions(&done, "BackendTLSPolicy", "a")[0], "Accepted=False/Conflicted");
    world.apply(upsert(policy("c", NEW, Some("https"), json!({"hostname": "port.test", "wellKnownCACertificates": "System"}))));
    let done = world.compile(2);
    assert_eq!(spoken(&done.snapshot), "port.test");
    assert_eq!(conditions(&done, "BackendTLSPolicy", "c")[0], "Accepted=True/Accepted");
    world.apply(delete(Kind::BackendTlsPolicy, "n", "c"));
    world.apply(delete(Kind::BackendTlsPolicy, "n", "b"));
    let done = world.compile(3);
    assert_eq!(spoken(&done.snapshot), "refused", "what is left cannot be used");
    assert_eq!(conditions(&done, "BackendTLSPolicy", "a")[0], "Accepted=False/NoValidCACertificate");
    world.apply(delete(Kind::BackendTlsPolicy, "n", "a"));
    assert_eq!(spoken(&world.compile(4).snapshot), "clear");
}

#[test]
fn a_status_has_an_entry_for_each_gateway_that_routes_there() {
    let (mut world, done) = stage(&[policy("p", OLD, None, by("ConfigMap", "ca"))]);
    assert_eq!(conditions(&done, "BackendTLSPolicy", "p").len(), 2);
    world.apply(delete(Kind::HttpRoute, "n", "r"));
    assert!(conditions(&world.compile(2), "BackendTLSPolicy", "p").is_empty(), "nobody routes there any more");
}
