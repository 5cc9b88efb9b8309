//! Incremental equals full: after any sequence of changes to routes and all they depend on, tables, statuses and diagnostics are
//! those of a World that saw only what is left.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use api::{Decided, DecidedStatus};
use base64::Engine as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::{delete, routes, upsert};
use crate::{Change, Compiled, Kind, Settings, World};

/// Two pairs, made once.
static PAIRS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let pair = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a pair");
        let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
        json!({"tls.crt": encode(made.cert.pem()), "tls.key": encode(made.signing_key.serialize_pem())})
    };
    vec![pair("a.test"), pair("*.test"), json!({"tls.crt": "", "tls.key": ""})]
});

/// Two authorities, and none.
static AUTHORITIES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let made = || rcgen::generate_simple_self_signed(Vec::new()).expect("a certificate").cert.pem();
    vec![made(), made(), "none".to_owned()]
});

/// An object of a kind, or that it is gone.
#[derive(Clone, Debug)]
struct Edit(&'static str, Kind, &'static str, &'static str, Option<Value>);

impl Edit {
    /// `lives` counts how often the name was given before: an object that is made again is another one.
    fn change(&self, lives: usize) -> Change {
        let Edit(kind, of, namespace, name, body) = self;
        let Some(body) = body else { return delete(*of, namespace, name) };
        let mut object = body.clone();
        let labels = object.get("labels").cloned().unwrap_or(json!({}));
        let born = object.get("born").cloned().unwrap_or(json!("2024-01-01T00:00:00Z"));
        object["kind"] = json!(kind);
        object["metadata"] = json!({"name": name, "namespace": namespace, "uid": format!("{kind}-{name}-{lives}"), "generation": 1, "labels": labels, "creationTimestamp": born});
        upsert(object)
    }
}

fn pick(of: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    prop::sample::select(of.to_vec())
}

fn maybe(body: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::weighted(0.75, body)
}

fn host() -> impl Strategy<Value = &'static str> {
    pick(&["a.test", "b.test", "*.test", "x.a.test"])
}

fn born() -> impl Strategy<Value = &'static str> {
    pick(&["2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"])
}

prop_compose! {
    fn listener()(name in pick(&["l", "m"]), port in prop::sample::select(vec![9000, 9001, 8080, 8443]), https in any::<bool>(), host in prop::option::of(host()),
                  from in pick(&["Same", "All", "Selector", "Odd"]), secret in pick(&["s", "t"]), foreign in any::<bool>()) -> Value {
        let namespace = if foreign { "m" } else { "n" };
        json!({"name": name, "port": port, "protocol": if https { "HTTPS" } else { "HTTP" }, "hostname": host,
               "tls": {"certificateRefs": [{"name": secret, "namespace": namespace}]},
               "allowedRoutes": {"namespaces": {"from": from, "selector": {"matchLabels": {"team": "x"}}}}})
    }
}

prop_compose! {
    fn gateway()(name in pick(&["g", "h"]), body in maybe((prop::collection::vec(listener(), 1..3), pick(&["All", "None"]), born()).prop_map(|(listeners, scope, born)|
        json!({"born": born, "spec": {"gatewayClassName": "fairlead", "defaultScope": scope, "listeners": listeners}})))) -> Edit {
        Edit("Gateway", Kind::Gateway, "n", name, body)
    }
}

prop_compose! {
    fn rule()(path in pick(&["/", "/p", "/p/q"]), kind in pick(&["Exact", "PathPrefix", "RegularExpression", "Odd"]), to in pick(&["web", "api"]),
              namespace in pick(&["n", "m"]), port in prop::sample::select(vec![80, 81]), twice in any::<bool>()) -> Value {
        let filter = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "y"}]}});
        json!({"matches": [{"path": {"type": kind, "value": path}}], "filters": if twice { json!([filter, filter]) } else { json!([]) },
               "backendRefs": [{"name": to, "namespace": namespace, "port": port}]})
    }
}

prop_compose! {
    fn route()(name in pick(&["r", "q"]), namespace in pick(&["n", "m"]), body in maybe(
        (prop::collection::vec(host(), 0..3), prop::collection::vec(rule(), 0..3), pick(&["g", "h"]), prop::option::of(pick(&["l", "m"])), pick(&["All", "None"]), born())
            .prop_map(|(hosts, rules, parent, section, scope, born)| json!({"born": born,
                "spec": {"hostnames": hosts, "rules": rules, "useDefaultGateways": scope, "parentRefs": [{"name": parent, "namespace": "n", "sectionName": section}]}})))) -> Edit {
        Edit("HTTPRoute", Kind::HttpRoute, namespace, name, body)
    }
}

prop_compose! {
    fn ingress()(name in pick(&["i", "j"]), body in maybe(
        (host(), pick(&["/", "/p"]), pick(&["web", "api"]), pick(&["fairlead", "other"]), prop::option::of(pick(&["s", "t"])), any::<bool>(), born())
            .prop_map(|(host, path, to, class, secret, default, born)| {
                let backend = json!({"service": {"name": to, "port": {"number": 80}}});
                let tls = secret.map_or(json!([]), |secret| json!([{"hosts": [host], "secretName": secret}]));
                json!({"born": born, "spec": {"ingressClassName": class, "tls": tls, "defaultBackend": if default { backend.clone() } else { Value::Null },
                       "rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}]}})
            }))) -> Edit {
        Edit("Ingress", Kind::Ingress, "n", name, body)
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let service = (
        pick(&["web", "api"]),
        pick(&["n", "m"]),
        maybe(prop::sample::select(vec![80, 81]).prop_map(|port| json!({"spec": {"clusterIP": "None", "ports": [{"port": port}]}}))),
    );
    let secret =
        (pick(&["s", "t"]), pick(&["n", "m"]), maybe((0usize..3).prop_map(|which| json!({"type": "kubernetes.io/tls", "data": PAIRS[which]}))));
    let config_map = (pick(&["s", "t"]), maybe((0usize..3).prop_map(|which| json!({"data": {"ca.crt": AUTHORITIES[which]}}))));
    let backend_tls = (
        pick(&["v", "w"]),
        maybe(
            (pick(&["web", "api"]), prop::option::of(pick(&["a", ""])), pick(&["ConfigMap", "Secret", "Odd"]), pick(&["s", "t"]), born()).prop_map(
                |(service, section, kind, holder, born)| {
                    json!({"born": born, "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": service, "sectionName": section}],
                       "validation": {"hostname": "x.test", "caCertificateRefs": [{"group": "", "kind": kind, "name": holder}]}}})
                },
            ),
        ),
    );
    let grant = (pick(&["HTTPRoute", "Gateway"]), maybe(Just(json!({}))));
    let namespace = (pick(&["n", "m"]), maybe(pick(&["x", "y"]).prop_map(|team| json!({"labels": {"team": team}}))));
    let class = maybe(pick(&["fairlead.dev/gateway", "example.com/x"]).prop_map(|by| json!({"spec": {"controllerName": by}})));
    let ingress_class = maybe(pick(&["fairlead.dev/ingress", "example.com/x"]).prop_map(|by| json!({"spec": {"controller": by}})));
    prop_oneof![
        4 => route(),
        3 => gateway(),
        3 => ingress(),
        2 => service.prop_map(|(name, namespace, body)| Edit("Service", Kind::Service, namespace, name, body)),
        2 => secret.prop_map(|(name, namespace, body)| Edit("Secret", Kind::Secret, namespace, name, body)),
        1 => config_map.prop_map(|(name, body)| Edit("ConfigMap", Kind::ConfigMap, "n", name, body)),
        2 => backend_tls.prop_map(|(name, body)| Edit("BackendTLSPolicy", Kind::BackendTlsPolicy, "n", name, body)),
        1 => grant.prop_map(|(kind, body)| Edit("ReferenceGrant", Kind::ReferenceGrant, "m", kind, body.map(|_| {
            let to = if kind == "Gateway" { "Secret" } else { "Service" };
            json!({"spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": "n"}], "to": [{"group": "", "kind": to}]}})
        }))),
        1 => namespace.prop_map(|(name, body)| Edit("Namespace", Kind::Namespace, "", name, body)),
        1 => class.prop_map(|body| Edit("GatewayClass", Kind::GatewayClass, "", "fairlead", body)),
        1 => ingress_class.prop_map(|body| Edit("IngressClass", Kind::IngressClass, "", "fairlead", body)),
    ]
}

fn fresh() -> World {
    let mut world = World::new(Settings::loopback("here"));
    for kind in Kind::ALL {
        world.apply(Change::Synced(*kind));
    }
    world
        .apply(Edit("GatewayClass", Kind::GatewayClass, "", "fairlead", Some(json!({"spec": {"controllerName": "fairlead.dev/gateway"}}))).change(0));
    world.apply(Edit("IngressClass", Kind::IngressClass, "", "fairlead", Some(json!({"spec": {"controller": "fairlead.dev/ingress"}}))).change(0));
    world
}

/// The last status of each object, without the snapshot it was decided in. An empty one says what no status says.
#[derive(Default)]
struct Said(BTreeMap<(&'static str, String, String), String>);

impl Said {
    fn hear(&mut self, decided: &[Decided]) {
        for one in decided {
            let key = (one.kind, one.namespace.to_string(), one.name.to_string());
            let empty = matches!(&one.body, DecidedStatus::Ingress { addresses, .. } if addresses.is_empty());
            match empty {
                true => self.0.remove(&key),
                false => self.0.insert(key, format!("{:?}", Decided { snapshot: 0, ..one.clone() })),
            };
        }
    }
}

fn settle(world: &mut World, said: &mut Said) -> Compiled {
    let compiled = world.compile(1_750_000_000);
    said.hear(&compiled.decided);
    compiled
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_full(edits in prop::collection::vec((edit(), any::<bool>()), 1..30)) {
        let (mut world, mut said) = (fresh(), Said::default());
        let mut left: BTreeMap<(Kind, &str, &str), (Edit, usize)> = BTreeMap::new();
        for (edit, compile) in &edits {
            let last = left.entry((edit.1, edit.2, edit.3)).or_insert((edit.clone(), 0));
            *last = (edit.clone(), last.1 + usize::from(edit.4.is_none()));
            world.apply(edit.change(last.1));
            if edit.4.is_none() {
                said.0.remove(&(edit.0, edit.2.to_owned(), edit.3.to_owned()));
            }
            if *compile {
                settle(&mut world, &mut said);
            }
        }
        let incremental = settle(&mut world, &mut said);

        let (mut anew, mut heard) = (fresh(), Said::default());
        left.values().for_each(|(edit, lives)| anew.apply(edit.change(*lives)));
        let full = settle(&mut anew, &mut heard);

        prop_assert_eq!(routes(&incremental.snapshot), routes(&full.snapshot));
        prop_assert_eq!(incremental.wants, full.wants);
        // Whose class went is nobody's any more: its last status stands as it was.
        said.0.retain(|key, _| key.0 != "Gateway" && key.0 != "GatewayClass" || heard.0.contains_key(key));
        prop_assert_eq!(said.0, heard.0);
        let sorted = |world: &World| world.diagnostics().map(|one| format!("{one:?}")).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(sorted(&world), sorted(&anew));
    }
}
