//! Endpoints: the older form of EndpointSlices, mirrored into them.

use jiff::Timestamp;
use serde_json::Value;

use super::cells::{self, column};
use super::endpoint_slice::{check_protocol, check_reachable, loopback_allowed};
use super::value::{default_to, list, list_mut, number, optional_text, text};
use super::{AGE, Column, NAME, Rules, Settings};
use crate::field::{FieldErrors, Path};
use crate::syntax::{self, address};

const DEPRECATED: &str = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const LISTS: [&str; 2] = ["addresses", "notReadyAddresses"];

/// The rules of Endpoints.
pub struct Endpoints;

impl Rules for Endpoints {
    fn defaults(&self, object: &mut Value) {
        for subset in list_mut(object, "subsets").into_iter().flatten() {
            for port in list_mut(subset, "ports").into_iter().flatten() {
                default_to(port, "protocol", "TCP");
            }
        }
    }

    fn validate_create(&self, object: &Value, settings: &Settings) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let at = Path::new("subsets");
        for (index, subset) in list(object, "subsets").iter().enumerate() {
            check_subset(subset, &at.index(index), settings, &mut errors);
        }
        errors
    }

    fn validate_update(&self, new: &Value, old: &Value, settings: &Settings) -> FieldErrors {
        // What an older server accepted stays acceptable while nobody touches it.
        if list(new, "subsets") == list(old, "subsets") { FieldErrors::new() } else { self.validate_create(new, settings) }
    }

    fn deprecation(&self) -> Option<&'static str> {
        Some(DEPRECATED)
    }

    fn warnings(&self, new: &Value, _old: Option<&Value>) -> Vec<String> {
        let mut warnings = Vec::new();
        if text(&new["metadata"]["labels"], MANAGED_BY) == "endpoint-controller" {
            return warnings;
        }
        for (i, subset) in list(new, "subsets").iter().enumerate() {
            for name in LISTS {
                for (j, one) in list(subset, name).iter().enumerate() {
                    warnings.extend(address::ip_warnings(&format!("subsets[{i}].{name}[{j}].ip"), text(one, "ip")));
                }
            }
        }
        warnings
    }

    fn columns(&self) -> &'static [Column] {
        const { &[NAME, column("Endpoints", "The first addresses, each with its port."), AGE] }
    }

    fn row(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        vec![cells::name(object), endpoints_cell(object).into(), cells::age(object, now)]
    }
}

fn check_subset(subset: &Value, at: &Path<'_>, settings: &Settings, errors: &mut FieldErrors) {
    if LISTS.iter().all(|l| list(subset, l).is_empty()) {
        errors.push(at.required("must specify `addresses` or `notReadyAddresses`"));
    }
    for name in LISTS {
        let at = at.child(name);
        for (index, one) in list(subset, name).iter().enumerate() {
            check_address(one, &at.index(index), settings, errors);
        }
    }
    let (ports, at) = (list(subset, "ports"), at.child("ports"));
    for (index, port) in ports.iter().enumerate() {
        let (at, name) = (at.index(index), text(port, "name"));
        if name.is_empty() && ports.len() > 1 {
            errors.push(at.child("name").required(""));
        } else if !name.is_empty() {
            errors.extend(at.child("name").invalid_all(name, syntax::dns1123_label(name)));
        }
        let port_number = number(port, "port");
        errors.extend(syntax::port_number(port_number).into_iter().map(|why| at.child("port").invalid(port_number, why)));
        check_protocol(port, &at, errors);
    }
}

fn check_address(one: &Value, at: &Path<'_>, settings: &Settings, errors: &mut FieldErrors) {
    let ip = text(one, "ip");
    errors.extend(at.child("ip").invalid_all(ip, address::ip_legacy(ip)));
    let hostname = text(one, "hostname");
    if !hostname.is_empty() {
        errors.extend(at.child("hostname").invalid_all(hostname, syntax::dns1123_label(hostname)));
    }
    if let Some(node) = optional_text(one, "nodeName") {
        errors.extend(at.child("nodeName").invalid_all(node, syntax::dns1123_subdomain(node)));
    }
    check_reachable(ip, &at.child("ip"), loopback_allowed(one, settings), errors);
}

fn endpoints_cell(object: &Value) -> String {
    let (mut shown, mut count) = (Vec::new(), 0);
    for subset in list(object, "subsets") {
        let addresses = list(subset, "addresses");
        let ports: Vec<Option<i64>> = match list(subset, "ports") {
            [] => vec![None],
            ports => ports.iter().map(|p| Some(number(p, "port"))).collect(),
        };
        for port in ports {
            count += addresses.len();
            for one in addresses.iter().take(3usize.saturating_sub(shown.len())) {
                let ip = text(one, "ip");
                shown.push(match port {
                    None => ip.to_owned(),
                    Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
                    Some(port) => format!("{ip}:{port}"),
                });
            }
        }
    }
    // An object whose subsets hold only addresses that are not ready shows nothing, one without subsets says so.
    let none = if list(object, "subsets").is_empty() { "<none>" } else { "" };
    cells::three(&shown, count, none)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::texts;
    use super::*;

    #[test]
    fn each_rule_has_its_words() {
        for (subset, want) in [
            (json!({}), vec!["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]),
            (
                json!({"addresses": [{"ip": "169.254.1.1"}], "ports": [{"port": 1, "protocol": "TCP"}]}),
                vec!["subsets[0].addresses[0].ip: Invalid value: \"169.254.1.1\": may not be in the link-local range (169.254.0.0/16, fe80::/10)"],
            ),
            (
                json!({"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1, "protocol": "TCP"}, {"port": 0, "name": "a", "protocol": "TCP"}]}),
                vec![
                    "subsets[0].ports[0].name: Required value",
                    "subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                ],
            ),
            (
                json!({"notReadyAddresses": [{"ip": "127.0.0.1"}]}),
                vec!["subsets[0].notReadyAddresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)"],
            ),
        ] {
            assert_eq!(texts(&Endpoints.validate_create(&json!({"subsets": [subset]}), &Settings::default())), want);
        }
    }

    #[test]
    fn the_cell_shows_three_addresses_with_ports() {
        let ips = |n: usize| (1..=n).map(|i| json!({"ip": format!("10.0.0.{i}")})).collect::<Vec<_>>();
        assert_eq!(endpoints_cell(&json!({})), "<none>");
        assert_eq!(endpoints_cell(&json!({"subsets": [{"addresses": ips(2)}]})), "10.0.0.1,10.0.0.2");
        let two_ports = json!({"subsets": [{"addresses": ips(2), "ports": [{"port": 80}, {"port": 81}]}]});
        assert_eq!(endpoints_cell(&two_ports), "10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...");
    }
}
