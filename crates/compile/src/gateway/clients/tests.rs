use model::Snapshot;
use model::routes::Clients;
use serde_json::{Value, json};

use crate::testing::{conditions, upsert, world};
use crate::{Compiled, World};

/// A gateway with HTTPS listeners on 9000 and 9001 and this `tls.frontend`; ConfigMaps `ca` here and `far` in namespace `m` hold an
/// authority.
fn stage(frontend: Value) -> (World, Compiled) {
    use base64::Engine as _;
    let pair = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).expect("a pair");
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    let listener = |name: &str, port: u16| json!({"name": name, "port": port, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "s"}]}});
    world(&[
        json!({"kind": "GatewayClass", "metadata": {"name": "fairlead"}, "spec": {"controllerName": "fairlead.dev/gateway"}}),
        json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "type": "kubernetes.io/tls",
               "data": {"tls.crt": encode(pair.cert.pem()), "tls.key": encode(pair.signing_key.serialize_pem())}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "ca", "namespace": "n"}, "data": {"ca.crt": pair.cert.pem()}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "far", "namespace": "m"}, "data": {"ca.crt": pair.cert.pem()}}),
        json!({"kind": "Gateway", "metadata": {"name": "gw", "namespace": "n", "uid": "gw"},
               "spec": {"gatewayClassName": "fairlead", "listeners": [listener("one", 9000), listener("two", 9001)], "tls": {"frontend": frontend}}}),
    ])
}

fn validation(mode: Option<&str>, refs: &[(&str, &str, &str)]) -> Value {
    let refs: Vec<Value> =
        refs.iter().map(|(kind, namespace, name)| json!({"group": "", "kind": kind, "namespace": namespace, "name": name})).collect();
    json!({"validation": {"mode": mode, "caCertificateRefs": refs}})
}

/// What a port asks: `closed`, or how many authorities count, with `?` where others are let in.
fn asks(snapshot: &Snapshot, port: u16) -> String {
    let Some(entrance) = snapshot.entrances.ports.get(&([127, 0, 0, 1].into(), port, model::Transport::Tcp)) else { return "closed".into() };
    match &entrance.listeners[0].edge.terms.clients {
        None => "nothing".into(),
        Some(Clients { authorities, fallback }) => format!("{}{}", authorities.len(), if *fallback { "?" } else { "" }),
    }
}

fn said(done: &Compiled, wanted: &str) -> Vec<String> {
    conditions(done, "Gateway", "gw").into_iter().filter(|one| one.starts_with(wanted)).collect()
}

#[test]
fn the_entry_of_a_port_takes_the_place_of_the_default() {
    let ca = || validation(None, &[("ConfigMap", "n", "ca")]);
    let (_, done) = stage(json!({"default": ca(), "perPort": [{"port": 9001, "tls": {}}]}));
    assert_eq!((asks(&done.snapshot, 9000), asks(&done.snapshot, 9001)), ("1".into(), "nothing".into()));
    assert!(said(&done, "Insecure").is_empty());
    let (_, done) =
        stage(json!({"default": {}, "perPort": [{"port": 9001, "tls": validation(Some("AllowInsecureFallback"), &[("ConfigMap", "n", "ca")])}]}));
    assert_eq!((asks(&done.snapshot, 9000), asks(&done.snapshot, 9001)), ("nothing".into(), "1?".into()));
    assert_eq!(said(&done, "Insecure"), ["InsecureFrontendValidationMode=True/ConfigurationChanged"]);
}

#[test]
fn a_port_without_an_authority_is_closed_and_says_why() {
    let told = |frontend: Value| {
        let (_, done) = stage(json!({"default": frontend}));
        (asks(&done.snapshot, 9000), said(&done, "one: Accepted").concat(), said(&done, "one: ResolvedRefs").concat())
    };
    let closed =
        |reason: &str| ("closed".to_owned(), "one: Accepted=False/NoValidCACertificate".to_owned(), format!("one: ResolvedRefs=False/{reason}"));
    assert_eq!(told(validation(None, &[("ConfigMap", "n", "absent")])), closed("InvalidCACertificateRef"));
    assert_eq!(told(validation(None, &[("Service", "n", "ca")])), closed("InvalidCACertificateKind"));
    assert_eq!(told(validation(None, &[("ConfigMap", "m", "far")])), closed("RefNotPermitted"));
    assert_eq!(told(validation(None, &[("Service", "m", "far")])), closed("RefNotPermitted"), "leave is asked for first");
    let some = told(validation(None, &[("ConfigMap", "n", "absent"), ("ConfigMap", "n", "ca")]));
    assert_eq!(some, ("1".into(), "one: Accepted=True/Accepted".into(), "one: ResolvedRefs=False/InvalidCACertificateRef".into()));
    let odd = told(validation(Some("Odd"), &[("ConfigMap", "n", "ca")]));
    assert_eq!((odd.0, odd.1), ("closed".into(), "one: Accepted=False/UnsupportedValue".into()));
}

#[test]
fn a_grant_and_a_config_map_that_come_later_open_the_port() {
    let (mut world, done) = stage(json!({"default": validation(None, &[("ConfigMap", "m", "far")])}));
    assert_eq!(asks(&done.snapshot, 9000), "closed");
    assert!(done.wants.config_maps.is_empty(), "what is not permitted is not read");
    world.apply(upsert(json!({"kind": "ReferenceGrant", "metadata": {"name": "g", "namespace": "m"},
        "spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "n"}], "to": [{"group": "", "kind": "ConfigMap"}]}})));
    let done = world.compile(2);
    assert_eq!((asks(&done.snapshot, 9000), done.wants.config_maps.len()), ("1".into(), 1));
    world.apply(upsert(json!({"kind": "ConfigMap", "metadata": {"name": "far", "namespace": "m"}, "data": {}})));
    assert_eq!(asks(&world.compile(3).snapshot, 9000), "closed");
}
