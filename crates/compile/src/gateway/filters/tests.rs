use std::time::Duration;

use model::routes::{BackendTo, Filter, HeaderEdit, Mirror, PathEdit, Redirect, Retry, Rewrite, Rule, Timeouts};
use serde_json::{Value, json};

use crate::testing::{service, world};

/// The first rule of a route with these fields, or why it was refused.
fn rule(fields: Value) -> Result<Rule, String> {
    let mut rule = json!({"backendRefs": [{"name": "web", "port": 80}]});
    for (name, value) in fields.as_object().into_iter().flatten() {
        rule[name] = value.clone();
    }
    let (_, done) = world(&[
        json!({"kind": "GatewayClass", "metadata": {"name": "fairlead"}, "spec": {"controllerName": "fairlead.dev/gateway"}}),
        json!({"kind": "Gateway", "metadata": {"name": "gw", "namespace": "n"},
               "spec": {"gatewayClassName": "fairlead", "listeners": [{"name": "web", "port": 9000, "protocol": "HTTP"}]}}),
        service("web", json!({"clusterIP": "None", "ports": [{"port": 80}]})),
        json!({"kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n"}, "spec": {"parentRefs": [{"name": "gw"}], "rules": [rule]}}),
    ]);
    let port = done.snapshot.entrances.ports.values().find(|one| one.key.1 == 9000).expect("the gateway's port");
    let found = port.listeners[0].hosts.rules().next().map(|rule| (**rule).clone());
    found.ok_or_else(|| done.diagnostics.first().map_or_else(String::new, |one| one.message.to_string()))
}

fn filters(filters: Value) -> Result<Vec<Filter>, String> {
    rule(json!({"filters": filters})).map(|rule| rule.filters)
}

#[test]
fn header_edits_keep_names_as_written_and_a_set_host_is_a_rewrite() {
    let modifier = json!({"set": [{"name": "X-Set", "value": "1"}, {"name": "Host", "value": "inside"}], "add": [{"name": "x-add", "value": "2"}], "remove": ["X-Gone"]});
    let edit = HeaderEdit { set: vec![("X-Set".into(), "1".into())], add: vec![("x-add".into(), "2".into())], remove: vec!["x-gone".into()] };
    assert_eq!(
        filters(json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": modifier}])),
        Ok(vec![Filter::EditRequest(edit), Filter::Rewrite(Rewrite { host: Some("inside".into()), path: None })])
    );
    let refused = |kind: &str, key: &str, modifier: Value| filters(json!([{"type": kind, key: modifier}])).expect_err("refused");
    let request = |modifier| refused("RequestHeaderModifier", "requestHeaderModifier", modifier);
    assert!(request(json!({"remove": ["Transfer-Encoding"]})).contains("belongs to the connection"));
    assert!(request(json!({"set": [{"name": "a", "value": "1"}], "remove": ["A"]})).contains("named twice"));
    assert!(request(json!({"set": [{"name": "a", "value": "1\r\nb: 2"}]})).contains("control characters"));
    assert!(request(json!({"set": [{"name": "a b", "value": "1"}]})).contains("no header name"));
    assert!(request(json!({"remove": ["Host"]})).contains("cannot be removed"));
    assert!(
        refused("ResponseHeaderModifier", "responseHeaderModifier", json!({"set": [{"name": "Host", "value": "x"}]})).contains("only on the request")
    );
}

#[test]
fn redirects_and_rewrites_are_checked() {
    let redirect = |fields: Value| filters(json!([{"type": "RequestRedirect", "requestRedirect": fields}]));
    let plain = Redirect { status: 302, scheme: None, host: None, port: None, path: None };
    assert_eq!(redirect(json!({})), Ok(vec![Filter::Redirect(plain.clone())]));
    let full = json!({"scheme": "https", "hostname": "x.test", "port": 8443, "statusCode": 308, "path": {"type": "ReplaceFullPath", "replaceFullPath": "/all"}});
    let wanted = Redirect {
        status: 308,
        scheme: Some("https".into()),
        host: Some("x.test".into()),
        port: Some(8443),
        path: Some(PathEdit::Full("/all".into())),
    };
    assert_eq!(redirect(full), Ok(vec![Filter::Redirect(wanted)]));
    for bad in
        [json!({"statusCode": 304}), json!({"scheme": "ftp"}), json!({"port": 70000}), json!({"hostname": "a b"}), json!({"path": {"type": "Odd"}})]
    {
        assert!(redirect(bad.clone()).is_err(), "{bad}");
    }
    let prefix = json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"});
    let rewrite = json!([{"type": "URLRewrite", "urlRewrite": {"path": prefix}}]);
    assert_eq!(filters(rewrite.clone()), Ok(vec![Filter::Rewrite(Rewrite { host: None, path: Some(PathEdit::Prefix("/".into())) })]));
    let by_exact = rule(json!({"matches": [{"path": {"type": "Exact", "value": "/a"}}], "filters": rewrite}));
    assert!(by_exact.expect_err("refused").contains("all of type PathPrefix"));
}

#[test]
fn a_mirror_has_a_share_and_may_lead_nowhere_without_harm() {
    let mirror = |fields: Value| {
        let mut all = json!({"backendRef": {"name": "web", "port": 80}});
        fields.as_object().into_iter().flatten().for_each(|(name, value)| all[name] = value.clone());
        filters(json!([{"type": "RequestMirror", "requestMirror": all}]))
    };
    let share = |fields: Value| match mirror(fields).map(|mut all| all.remove(0)) {
        Ok(Filter::Mirror(Mirror { numerator, denominator, .. })) => Some((numerator, denominator)),
        _ => None,
    };
    assert_eq!(share(json!({})), Some((1, 1)));
    assert_eq!(share(json!({"percent": 20})), Some((20, 100)));
    assert_eq!(share(json!({"fraction": {"numerator": 3, "denominator": 1000}})), Some((3, 1000)));
    assert_eq!(share(json!({"percent": 101})), None);
    assert_eq!(share(json!({"percent": 1, "fraction": {"numerator": 1}})), None);
    let lost = mirror(json!({"backendRef": {"name": "none", "port": 80}})).expect("the rule stays");
    assert!(matches!(&lost[0], Filter::Mirror(Mirror { to: BackendTo::Nowhere { status: 500, .. }, .. })));
}

#[test]
fn deadlines_retries_and_weights_are_read_or_refused() {
    let timed = rule(json!({"timeouts": {"request": "1h30m", "backendRequest": "0s"}})).expect("valid");
    assert_eq!(timed.timeouts, Timeouts { request: Some(Duration::from_secs(5400)), backend_request: None });
    assert!(rule(json!({"timeouts": {"request": "soon"}})).expect_err("refused").contains("no duration"));
    let retry = rule(json!({"retry": {"codes": [502]}})).expect("valid").retry;
    assert_eq!(retry, Some(Box::new(Retry { codes: vec![502], attempts: 1, backoff: Duration::from_millis(25) })));
    assert!(rule(json!({"retry": {"codes": [200]}})).is_err());
    assert!(rule(json!({"backendRefs": [{"name": "web", "port": 80, "weight": -1}]})).is_err());
    assert_eq!(rule(json!({"backendRefs": [{"name": "web", "port": 80, "weight": 0}]})).expect("valid").backends[0].weight, 0);
}

#[test]
fn a_cors_filter_has_its_defaults() {
    let cors = filters(json!([{"type": "CORS", "cors": {"allowOrigins": ["https://*.test"]}}])).expect("valid");
    let Filter::Cors(cors) = &cors[0] else { panic!("a CORS filter") };
    assert_eq!((cors.max_age_s, cors.credentials, &*cors.origins[0]), (5, false, "https://*.test"));
    assert!(filters(json!([{"type": "CORS", "cors": {"allowMethods": ["GET, PUT"]}}])).is_err());
}
