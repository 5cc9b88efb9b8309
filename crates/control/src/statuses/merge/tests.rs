use api::decided::{Socket, Truth};
use model::ack::{Applied, Problem};
use model::service::FrontendKey;
use model::{Origin, Transport};

use super::*;

fn socket(port: u16) -> Socket {
    Socket { address: format!("127.0.0.1:{port}").parse().unwrap(), datagrams: false }
}

fn waiting(kind: &'static str, port: u16) -> Condition {
    Condition { waits_for: vec![socket(port)], ..Condition::new(kind, Truth::True, kind, "in force") }
}

fn decided(body: DecidedStatus) -> Decided {
    Decided { kind: "Gateway", namespace: "a".into(), name: "edge".into(), uid: "u".into(), generation: 3, snapshot: 7, body }
}

fn applied(generation: u64, problems: Vec<Problem>) -> Vec<Applied> {
    vec![Applied { plane: "http", generation, problems }, Applied { plane: "other", generation: 0, problems: vec![] }]
}

fn merged(decided: &Decided, applied: &[Applied], current: Value) -> Value {
    let words = Words::of(&["http"], applied);
    Merge { decided, words: &words, now: "2024-01-01T00:00:00Z", written: &["10.0.0.9".into()].into(), seen: None }.status(&current)
}

fn gateway(conditions: Vec<Condition>) -> Decided {
    decided(DecidedStatus::Gateway {
        addresses: vec![AssignedAddress { kind: "IPAddress", value: "127.0.0.1".into(), routability: "".into() }],
        conditions,
        listeners: vec![],
    })
}

/// Type, status and reason of the conditions.
fn said(status: &Value) -> Vec<String> {
    let one = |c: &Value| format!("{}={} {}", c["type"].as_str().unwrap(), c["status"].as_str().unwrap(), c["reason"].as_str().unwrap_or("-"));
    status["conditions"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn programmed_waits_for_the_planes_and_says_what_stands_against_it() {
    let decided = gateway(vec![waiting("Programmed", 8080)]);
    assert_eq!(said(&merged(&decided, &applied(6, vec![]), Value::Null)), ["Programmed=Unknown Pending"]);
    assert_eq!(said(&merged(&decided, &applied(7, vec![]), Value::Null)), ["Programmed=True Programmed"]);
    assert_eq!(said(&merged(&decided, &[], Value::Null)), ["Programmed=Unknown Pending"], "no word at all");
    let frontend = |port| Some(FrontendKey { address: [127, 0, 0, 1].into(), transport: Transport::Tcp, port });
    let problem =
        |frontend, name| Problem { subject: Origin::new("Gateway", "a", name), frontend, reason: "PortUnavailable", message: "in use".into() };
    let with = |problem| said(&merged(&decided, &applied(7, vec![problem]), Value::Null));
    assert_eq!(with(problem(frontend(8080), "other")), ["Programmed=False PortUnavailable"]);
    assert_eq!(with(problem(frontend(8081), "edge")), ["Programmed=True Programmed"], "another socket");
    assert_eq!(with(problem(None, "edge")), ["Programmed=False PortUnavailable"]);
}

#[test]
fn foreign_conditions_stay_and_times_move_only_when_the_status_flips() {
    let decided =
        gateway(vec![Condition::new("Accepted", Truth::True, "Accepted", "fine"), Condition::new("Programmed", Truth::False, "Invalid", "no")]);
    let foreign = json!({"type": "example.com/Nice", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z", "extra": [1, 2]});
    let current = json!({"conditions": [
        {"type": "Programmed", "status": "True", "reason": "Programmed", "lastTransitionTime": "2020-01-01T00:00:00Z"},
        foreign,
        {"type": "Accepted", "status": "True", "reason": "Old", "lastTransitionTime": "2020-01-01T00:00:00Z"},
        {"type": "ResolvedRefs", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"},
    ]});
    let status = merged(&decided, &[], current);
    assert_eq!(said(&status), ["Programmed=False Invalid", "example.com/Nice=True -", "Accepted=True Accepted"]);
    assert_eq!(status["conditions"][1], foreign);
    assert_eq!(status["conditions"][0]["lastTransitionTime"], "2024-01-01T00:00:00Z");
    assert_eq!(status["conditions"][2]["lastTransitionTime"], "2020-01-01T00:00:00Z");
    assert_eq!(merged(&decided, &[], status.clone()), status, "a second merge changes nothing");
}

#[test]
fn a_condition_of_a_newer_generation_is_left_alone() {
    let decided = gateway(vec![Condition::new("Accepted", Truth::True, "Accepted", "")]);
    let newer = json!({"conditions": [{"type": "Accepted", "status": "False", "reason": "Newer", "observedGeneration": 4, "lastTransitionTime": "2020-01-01T00:00:00Z"}]});
    assert_eq!(said(&merged(&decided, &[], newer)), ["Accepted=False Newer"]);
}

#[test]
fn parents_of_other_controllers_are_neither_touched_nor_moved() {
    let parent = |name: &str| api::http_route::ParentRef { name: name.into(), ..Default::default() };
    let ours = |name: &str| ParentStatus { parent: parent(name), conditions: vec![Condition::new("Accepted", Truth::True, "Accepted", "")] };
    let decided = Decided { kind: "HTTPRoute", ..decided(DecidedStatus::Route { parents: vec![ours("new"), ours("kept")] }) };
    let foreign = json!({"parentRef": {"name": "kept"}, "controllerName": "example.com/other", "conditions": []});
    let defaulted = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "kept"});
    let current = json!({"parents": [
        foreign,
        {"parentRef": {"name": "dropped"}, "controllerName": GATEWAY_CONTROLLER, "conditions": []},
        {"parentRef": defaulted, "controllerName": GATEWAY_CONTROLLER, "conditions": []},
    ]});
    let status = merged(&decided, &[], current);
    let names: Vec<_> = status["parents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["parentRef"]["name"].as_str().unwrap(), p["controllerName"] == GATEWAY_CONTROLLER))
        .collect();
    assert_eq!(names, [("kept", false), ("kept", true), ("new", true)]);
    assert_eq!(status["parents"][0], foreign);
}

#[test]
fn an_ingress_gets_what_is_bound_and_gives_back_what_was_ours() {
    let address = |ip: &str, port: u16| IngressAddress { at: ip.into(), ports: vec![80], sockets: vec![socket(port)] };
    let decided = Decided {
        kind: "Ingress",
        ..decided(DecidedStatus::Ingress { addresses: vec![address("10.0.0.1", 80), address("10.0.0.2", 81)], conditions: vec![] })
    };
    let frontend = Some(FrontendKey { address: [127, 0, 0, 1].into(), transport: Transport::Tcp, port: 81 });
    let problem = Problem { subject: Origin::new("Gateway", "", ""), frontend, reason: "PortUnavailable", message: String::new() };
    let current = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}, {"ip": "10.0.0.9"}, {"ip": "10.0.0.1"}]}});
    let status = merged(&decided, &applied(7, vec![problem]), current);
    assert_eq!(
        status["loadBalancer"]["ingress"],
        json!([{"ip": "10.0.0.1", "ports": [{"port": 80, "protocol": "TCP"}]}]),
        "an Ingress of ours is reached here and nowhere else"
    );
    let balancer = Decided { kind: "Service", ..decided.clone() };
    let stale = json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.7", "ipMode": "VIP"}]}});
    let status = merged(&balancer, &applied(7, vec![]), stale);
    let ours = ["10.0.0.1", "10.0.0.2"].map(|ip| json!({"ip": ip, "ipMode": "VIP"}));
    assert_eq!(status["loadBalancer"]["ingress"], json!(ours), "of an earlier run of ours, or none would be offered");
    let named = Decided { body: DecidedStatus::Ingress { addresses: vec![address("lb.example.com", 80)], conditions: vec![] }, ..decided.clone() };
    let entry = json!({"hostname": "lb.example.com", "ports": [{"port": 80, "protocol": "TCP"}]});
    assert_eq!(merged(&named, &applied(7, vec![]), Value::Null)["loadBalancer"]["ingress"], json!([entry]));
    let none = Decided { body: DecidedStatus::Ingress { addresses: vec![], conditions: vec![] }, ..decided };
    assert_eq!(merged(&none, &applied(7, vec![]), json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}})), json!({"loadBalancer": {}}));
    let theirs = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}});
    assert_eq!(merged(&none, &applied(7, vec![]), theirs.clone()), theirs, "of another class now: theirs stays");
}

#[test]
fn listeners_and_ancestors_keep_conditions_of_others() {
    let listener =
        ListenerStatus { name: "http".into(), supported_kinds: vec!["HTTPRoute"], attached_routes: 2, conditions: vec![waiting("Programmed", 80)] };
    let gateway = decided(DecidedStatus::Gateway { addresses: vec![], conditions: vec![], listeners: vec![listener] });
    let current = json!({"listeners": [{"name": "http", "conditions": [{"type": "x/Y", "status": "True"}]}, {"name": "gone"}]});
    let status = merged(&gateway, &applied(7, vec![]), current);
    assert_eq!(status["listeners"].as_array().unwrap().len(), 1);
    assert_eq!(said(&status["listeners"][0]), ["x/Y=True -", "Programmed=True Programmed"]);
    let target = api::backend_policy::PolicyTarget { kind: "Service".into(), name: "web".into(), ..Default::default() };
    let ancestor = PolicyAncestor { target, conditions: vec![Condition::new("Accepted", Truth::False, "TargetNotFound", "no such Service")] };
    let policy = Decided { kind: "BackendPolicy", ..decided(DecidedStatus::Policy { ancestors: vec![ancestor], fields: Vec::new() }) };
    let status = merged(&policy, &[], json!({"ancestors": [{"ancestorRef": {"name": "web"}, "controllerName": "x"}]}));
    assert_eq!(status["ancestors"][1]["conditions"][0]["reason"], "TargetNotFound");
}

#[test]
fn an_address_says_its_routability_unless_that_is_dropped_as_often_as_it_is_written() {
    let decided = gateway(vec![]);
    let addresses = |current: Value| merged(&decided, &applied(7, vec![]), current)["addresses"].clone();
    let told = json!([{"type": "IPAddress", "value": "127.0.0.1", "routability": ""}]);
    assert_eq!(addresses(json!({})), told);
    assert_eq!(addresses(json!({"addresses": [{"type": "IPAddress", "value": "127.0.0.2"}]})), told);
    let bare = json!([{"type": "IPAddress", "value": "127.0.0.1"}]);
    assert_eq!(addresses(json!({"addresses": bare})), bare);
}
