//! Instance: a registered service instance that is not a Pod.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use schema::Gvk;
use serde_json::Value;

use super::bounds::{self, Bound};
use super::cells::{self, column, wide};
use super::gateway::cell;
use super::value::{has, list, number, optional_text, text, texts};
use super::{AGE, Column, NAME, Rules, Settings, health, structural};
use crate::field::{FieldErrors, Path};
use crate::syntax::{self, address};

const INSTANCE: Gvk<'static> = Gvk { group: "fairlead.dev", version: "v1alpha1", kind: "Instance" };
const SPEC: Path<'static> = Path::new("spec");
/// Bytes of the opaque metadata, as JSON.
const MAX_METADATA: usize = 64 * 1024;
/// The weight of one ordinary endpoint.
const WEIGHT: i64 = 100;
const TABLE: &[(&str, Bound)] = &[("maintenance", Bound::Text(1024))];

/// The rules of Instances.
pub struct Instance;

impl Rules for Instance {
    fn defaults(&self, object: &mut Value) {
        structural::fill(INSTANCE, object);
    }

    fn validate_create(&self, object: &Value, _: &Settings) -> FieldErrors {
        let (spec, mut errors) = (&object["spec"], structural::check(INSTANCE, object));
        // What the table refuses would only be refused again in other words.
        if !errors.is_empty() {
            return errors;
        }
        check_addresses(spec, &mut errors);
        check_ports(spec, &mut errors);
        bounds::check(spec, TABLE, &SPEC, &mut errors);
        if let Some(node) = optional_text(spec, "node") {
            errors.extend(SPEC.child("node").invalid_all(node, syntax::dns1123_subdomain(node)));
        }
        let (checks, at) = (list(spec, "checks"), SPEC.child("checks"));
        for (index, check) in checks.iter().enumerate() {
            let at = at.index(index);
            if !has(check, "type") {
                errors.push(at.child("type").required("must say which kind of check this is"));
            }
            health::check(check, &at, &mut errors);
        }
        if has(spec, "metadata") && spec["metadata"].to_string().len() > MAX_METADATA {
            errors.push(SPEC.child("metadata").too_long(MAX_METADATA));
        }
        errors
    }

    fn validate_update(&self, new: &Value, _old: &Value, settings: &Settings) -> FieldErrors {
        self.validate_create(new, settings)
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                NAME,
                column("Address", "Where it is reached."),
                column("Ready", "Whether it takes traffic."),
                AGE,
                wide("Ports", "Its ports, with their names."),
                wide("Node", "The host it runs on."),
                wide("Weight", "Its share of traffic; 100 is an ordinary one."),
                wide("Reason", "Why it is ready or not."),
            ]
        }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let (spec, status) = (&object["spec"], &object["status"]);
        let ready = match status["ready"].as_bool() {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let ports: Vec<String> = list(spec, "ports").iter().map(port_cell).collect();
        vec![
            cells::name(object),
            texts(spec, "addresses").join(",").into(),
            ready.into(),
            cells::age(object, now),
            cells::or(&ports.join(","), "<none>").into(),
            cells::or(text(spec, "node"), "<none>").into(),
            spec["weight"].as_i64().unwrap_or(WEIGHT).to_string().into(),
            cell(optional_text(status, "reason")),
        ]
    }

    fn fields(&self) -> &'static [&'static str] {
        &["spec.node"]
    }
}

fn port_cell(port: &Value) -> String {
    let (name, number, protocol) = (text(port, "name"), number(port, "port"), cells::or(text(port, "protocol"), "TCP"));
    if name.is_empty() { format!("{number}/{protocol}") } else { format!("{name}:{number}/{protocol}") }
}

fn check_addresses(spec: &Value, errors: &mut FieldErrors) {
    let (addresses, at) = (texts(spec, "addresses"), SPEC.child("addresses"));
    for (index, one) in addresses.iter().enumerate() {
        let at = at.index(index);
        if addresses[..index].contains(one) {
            errors.push(at.duplicate(*one));
        }
        if let Some(why) = wrong_address(one) {
            errors.push(at.invalid(*one, why));
        }
    }
}

/// Why a text is neither an address nor a name that could have one.
fn wrong_address(text: &str) -> Option<String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        let mapped = matches!(ip, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        return match () {
            () if mapped => Some("must not be an IPv4-mapped IPv6 address".to_owned()),
            () if ip.is_unspecified() => Some(format!("may not be unspecified ({text})")),
            () if ip.is_multicast() => Some("may not be a multicast address".to_owned()),
            () => None,
        };
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let looks_like_ip = name.rsplit('.').next().is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()));
    if address::parse_ip_sloppy(text).is_some() {
        return Some("must not have leading 0s".to_owned());
    }
    (looks_like_ip || !syntax::dns1123_subdomain(name).is_empty())
        .then(|| "must be an IPv4 or IPv6 address or a DNS name (e.g. 192.0.2.10, 2001:db8::1 or vm.example.com)".to_owned())
}

fn check_ports(spec: &Value, errors: &mut FieldErrors) {
    let (ports, at) = (list(spec, "ports"), SPEC.child("ports"));
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let (at, name) = (at.index(index), text(port, "name"));
        if name.is_empty() {
            if ports.len() > 1 {
                errors.push(at.child("name").required("must be set where there are several ports"));
            }
        } else {
            errors.extend(at.child("name").invalid_all(name, syntax::port_name(name)));
            if !names.insert(name) {
                errors.push(at.child("name").duplicate(name));
            }
        }
        if let Some(protocol) = optional_text(port, "appProtocol") {
            errors.extend(at.child("appProtocol").invalid_all(protocol, syntax::qualified_name(protocol)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{texts as messages, with};
    use super::*;

    fn instance() -> Value {
        json!({"metadata": {"name": "vm1"}, "spec": {"addresses": ["192.0.2.10"], "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "weight": 100}})
    }

    fn refused(pointer: &str, value: Value) -> Vec<String> {
        messages(&Instance.validate_create(&with(&instance(), pointer, value), &Settings::default()))
    }

    #[test]
    fn each_rule_names_its_field() {
        for (pointer, value, want) in [
            ("/spec/addresses", json!([]), "spec.addresses: Invalid value: 0: spec.addresses in body should have at least 1 items".to_owned()),
            ("/spec/addresses", json!(["0.0.0.0"]), "spec.addresses[0]: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)".into()),
            ("/spec/addresses", json!(["a.test", "a.test"]), "spec.addresses[1]: Duplicate value: \"a.test\"".into()),
            (
                "/spec/ports/0/port",
                json!(0),
                "spec.ports[0].port: Invalid value: 0: spec.ports[0].port in body should be greater than or equal to 1".into(),
            ),
            (
                "/spec/ports/0/port",
                json!(65536),
                "spec.ports[0].port: Invalid value: 65536: spec.ports[0].port in body should be less than or equal to 65535".into(),
            ),
            ("/spec/ports/-", json!({"name": "http", "port": 1, "protocol": "TCP"}), "spec.ports[1].name: Duplicate value: \"http\"".into()),
            (
                "/spec/ports/0/protocol",
                json!("ICMP"),
                "spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"TCP\", \"UDP\", \"SCTP\"".into(),
            ),
            ("/spec/weight", json!(65536), "spec.weight: Invalid value: 65536: spec.weight in body should be less than or equal to 65535".into()),
            ("/spec/weight", json!(-1), "spec.weight: Invalid value: -1: spec.weight in body should be greater than or equal to 0".into()),
            ("/spec/ttlSeconds", json!(0), "spec.ttlSeconds: Invalid value: 0: spec.ttlSeconds in body should be greater than or equal to 1".into()),
            ("/spec/checks", json!([{"interval": "1s"}]), "spec.checks[0].type: Required value: must say which kind of check this is".into()),
            (
                "/spec/checks",
                json!([{"type": "http", "interval": "100ms", "timeout": "100ms"}]),
                "spec.checks[0].interval: Invalid value: \"100ms\": must be between 500ms and 1h, inclusive".into(),
            ),
            (
                "/spec/checks",
                json!([{"type": "tcp", "timeout": "3s"}]),
                "spec.checks[0].timeout: Invalid value: \"3s\": must not be longer than `interval`".into(),
            ),
            ("/spec/checks", json!([{"type": "tcp", "http": {}}]), "spec.checks[0].http: Forbidden: may not be set when `type` is 'tcp'".into()),
            (
                "/spec/checks",
                json!([{"type": "http", "http": {"expect": ["99"]}}]),
                "spec.checks[0].http.expect[0]: Invalid value: \"99\": must be a status or a range of them, such as 204, 2xx or 200-399".into(),
            ),
            ("/spec/checks", json!([{"type": "exec"}]), "spec.checks[0].exec.command: Required value: must name a program".into()),
        ] {
            assert_eq!(refused(pointer, value), [want], "{pointer}");
        }
        let words = "must be an IPv4 or IPv6 address or a DNS name (e.g. 192.0.2.10, 2001:db8::1 or vm.example.com)";
        for wrong in ["not an address!", "1.2.3", "999.1.1.1", "a..b"] {
            assert_eq!(refused("/spec/addresses", json!([wrong])), [format!("spec.addresses[0]: Invalid value: \"{wrong}\": {words}")]);
        }
        for fine in ["2001:db8::1", "vm.example.com", "vm.example.com.", "127.0.0.1", "localhost"] {
            assert!(refused("/spec/addresses", json!([fine])).is_empty(), "{fine}");
        }
    }

    #[test]
    fn defaults_are_an_ordinary_weight_and_tcp() {
        let mut object = json!({"spec": {"addresses": ["192.0.2.10"], "ports": [{"name": "http", "port": 8080}]}});
        Instance.defaults(&mut object);
        assert_eq!((&object["spec"]["weight"], &object["spec"]["ports"][0]["protocol"]), (&json!(100), &json!("TCP")));
        object["spec"]["weight"] = json!(0);
        Instance.defaults(&mut object);
        assert_eq!(object["spec"]["weight"], 0);
    }

    #[test]
    fn rows_show_address_readiness_and_more_when_asked() {
        let object = with(&instance(), "/status", json!({"ready": true, "reason": "Probed"}));
        let row = Instance.row(&object, Timestamp::UNIX_EPOCH);
        assert_eq!(
            row,
            [
                json!("vm1"),
                json!("192.0.2.10"),
                json!("True"),
                json!("<unknown>"),
                json!("http:8080/TCP"),
                json!("<none>"),
                json!("100"),
                json!("Probed")
            ]
        );
        assert_eq!(Instance.row(&instance(), Timestamp::UNIX_EPOCH)[2], "Unknown");
    }
}
