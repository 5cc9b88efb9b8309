use model::Standing;
use serde_json::{Value, json};

use crate::Settings;
use crate::testing::{cluster_pool, frontends, service, slice, web, world, world_with};

/// A Service `web` with these endpoints on a node `here` in zone `a`; its cluster pool.
fn pool(endpoints: Value) -> Vec<String> {
    let node = json!({"kind": "Node", "metadata": {"name": "here", "labels": {"topology.kubernetes.io/zone": "a"}}});
    let (_, compiled) = world(&[node, web("10.0.0.1"), slice("web-a", "web", endpoints)]);
    cluster_pool(&compiled.snapshot, "web")
        .into_iter()
        .map(|address| address.trim_start_matches("10.1.0.").trim_end_matches(":8080").to_owned())
        .collect()
}

fn endpoint(last: u8, conditions: Value) -> Value {
    json!({"addresses": [format!("10.1.0.{last}")], "conditions": conditions})
}

fn hinted(last: u8, zone: &str, node: &str) -> Value {
    let list = |name: &str| if name.is_empty() { json!([]) } else { json!([{"name": name}]) };
    json!({"addresses": [format!("10.1.0.{last}")], "hints": {"forZones": list(zone), "forNodes": list(node)}})
}

#[test]
fn s20_absent_conditions_count_as_ready() {
    assert_eq!(pool(json!([endpoint(1, json!({})), endpoint(2, json!({"ready": null})), endpoint(3, json!({"ready": false}))])), ["1", "2"]);
}

#[test]
fn s21_duplicates_merge_and_the_better_word_counts() {
    let (_, compiled) = world(&[
        web("10.0.0.1"),
        slice("a", "web", json!([endpoint(1, json!({"ready": false})), {"addresses": ["10.1.0.2", "10.1.0.9"]}])),
        slice("b", "web", json!([endpoint(1, json!({"ready": true})), endpoint(2, json!({}))])),
    ]);
    assert_eq!(cluster_pool(&compiled.snapshot, "web"), ["10.1.0.1:8080", "10.1.0.2:8080"], "only the first address counts");
}

#[test]
fn s22_terminating_endpoints_serve_only_when_nothing_is_ready() {
    let leaving = |last| endpoint(last, json!({"ready": false, "serving": true, "terminating": true}));
    let gone = endpoint(3, json!({"ready": false, "serving": false, "terminating": true}));
    assert_eq!(pool(json!([endpoint(1, json!({})), leaving(2), gone])), ["1"]);
    assert_eq!(pool(json!([endpoint(1, json!({"ready": false})), leaving(2), gone])), ["2"]);
    assert_eq!(pool(json!([gone])), [] as [&str; 0]);
}

#[test]
fn s24_hints_count_only_if_every_ready_endpoint_has_one_and_one_is_for_us() {
    assert_eq!(pool(json!([hinted(1, "a", ""), hinted(2, "b", "")])), ["1"]);
    assert_eq!(pool(json!([hinted(1, "b", ""), hinted(2, "c", "")])), ["1", "2"], "none for our zone");
    assert_eq!(pool(json!([hinted(1, "a", ""), hinted(2, "", "")])), ["1", "2"], "one has none");
    assert_eq!(pool(json!([hinted(1, "b", "here"), hinted(2, "a", "there")])), ["1"], "nodes before zones");
    assert_eq!(pool(json!([hinted(1, "a", "there"), hinted(2, "b", "there")])), ["1"], "no node for us: zones");
    let not_ready = json!({"addresses": ["10.1.0.3"], "conditions": {"ready": false}});
    assert_eq!(pool(json!([hinted(1, "a", ""), hinted(2, "b", ""), not_ready])), ["1"], "only ready ones decide");
}

#[test]
fn s24_without_a_zone_label_zone_hints_mean_nothing() {
    let (_, compiled) = world(&[web("10.0.0.1"), slice("web-a", "web", json!([hinted(1, "a", ""), hinted(2, "b", "")]))]);
    assert_eq!(cluster_pool(&compiled.snapshot, "web").len(), 2);
}

/// Frontends of a NodePort service under both policies with these endpoints.
fn verdicts(internal: &str, external: &str, endpoints: Value) -> Vec<String> {
    let spec = json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1", "internalTrafficPolicy": internal, "externalTrafficPolicy": external,
                      "ports": [{"name": "http", "port": 80, "nodePort": 30080}]});
    let mut web = service("web", spec);
    web["status"] =
        json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}, {"ip": "192.0.2.8", "ipMode": "Proxy"}, {"hostname": "lb.example.org"}]}});
    frontends(&world(&[web, slice("web-a", "web", endpoints)]).1.snapshot)
}

#[test]
fn verdicts_follow_the_table_of_1_4() {
    let on = |last: u8, node: &str| json!({"addresses": [format!("10.1.0.{last}")], "nodeName": node});
    let both = "10.1.0.1:8080,10.1.0.2:8080";
    let two = || json!([on(1, "here"), on(2, "there")]);
    assert_eq!(
        verdicts("Cluster", "Cluster", two()),
        [
            format!("10.0.0.1:80 TCP ClusterIp {both} {both}"),
            format!("127.0.0.1:30080 TCP NodePort {both} {both}"),
            format!("192.0.2.7:80 TCP LoadBalancer {both} {both}")
        ]
    );
    assert_eq!(
        verdicts("Local", "Local", two()),
        [
            "10.0.0.1:80 TCP ClusterIp 10.1.0.1:8080 10.1.0.1:8080".to_owned(),
            format!("127.0.0.1:30080 TCP NodePort {both} 10.1.0.1:8080"),
            format!("192.0.2.7:80 TCP LoadBalancer {both} 10.1.0.1:8080")
        ]
    );
    let away = "10.1.0.2:8080";
    assert_eq!(
        verdicts("Local", "Local", json!([on(2, "there")])),
        [
            "10.0.0.1:80 TCP ClusterIp Drop Drop".to_owned(),
            format!("127.0.0.1:30080 TCP NodePort {away} Drop"),
            format!("192.0.2.7:80 TCP LoadBalancer {away} Drop")
        ]
    );
    for (internal, external) in [("Cluster", "Cluster"), ("Local", "Local")] {
        let none = verdicts(internal, external, json!([]));
        assert!(none.len() == 3 && none.iter().all(|line| line.ends_with("Reject Reject")), "{none:?}");
    }
}

#[test]
fn s23_the_local_view_falls_back_by_itself() {
    let leaving = json!({"addresses": ["10.1.0.1"], "nodeName": "here", "conditions": {"ready": false, "serving": true, "terminating": true}});
    let ready = json!({"addresses": ["10.1.0.2"], "nodeName": "there"});
    assert_eq!(verdicts("Local", "Cluster", json!([leaving, ready]))[0], "10.0.0.1:80 TCP ClusterIp 10.1.0.1:8080 10.1.0.1:8080");
}

#[test]
fn headless_labelled_and_foreign_services_have_no_frontends_but_pools_and_names() {
    let labelled = |name: &str, labels: Value| {
        let mut service = service(name, json!({"clusterIP": "10.0.0.9", "ports": [{"name": "http", "port": 80}]}));
        service["metadata"]["labels"] = labels;
        service
    };
    let headless = service("none", json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"name": "http", "port": 80}]}));
    let quiet = labelled("quiet", json!({"service.kubernetes.io/headless": ""}));
    let foreign = labelled("foreign", json!({"service.kubernetes.io/service-proxy-name": "other"}));
    let alias = service("alias", json!({"type": "ExternalName", "externalName": "x.example.org", "ports": [{"port": 80}]}));
    let objects = [headless, quiet, foreign, alias, slice("none-a", "none", json!([endpoint(1, json!({}))]))];
    let (_, compiled) = world(&objects);
    assert_eq!(frontends(&compiled.snapshot), [] as [&str; 0]);
    assert_eq!((compiled.snapshot.services.len(), compiled.snapshot.names.owners.len()), (4, 4));
    assert_eq!(cluster_pool(&compiled.snapshot, "none"), ["10.1.0.1:8080"]);
    assert!(compiled.snapshot.services[&("n".into(), "alias".into())].ports.is_empty());
    let settings = Settings { service_proxy_name: Some("other".into()), ..Settings::loopback("here") };
    assert_eq!(frontends(&world_with(settings, &objects).1.snapshot), ["10.0.0.9:80 TCP ClusterIp Reject Reject"]);
}

#[test]
fn s10_a_port_name_may_mean_another_number_in_each_slice() {
    let mut other = slice("b", "web", json!([endpoint(2, json!({}))]));
    other["ports"] = json!([{"name": "http", "port": 9090}, {"name": "admin", "port": 1}]);
    let (_, compiled) = world(&[web("10.0.0.1"), slice("a", "web", json!([endpoint(1, json!({}))])), other]);
    assert_eq!(cluster_pool(&compiled.snapshot, "web"), ["10.1.0.1:8080", "10.1.0.2:9090"]);
}

#[test]
fn s3_each_family_is_a_service_port_of_its_own() {
    let dual = service(
        "web",
        json!({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"], "ports": [{"name": "http", "port": 80}]}),
    );
    let mut six = slice("six", "web", json!([{"addresses": ["fd01::1"]}]));
    six["addressType"] = json!("IPv6");
    let (_, compiled) = world(&[dual, slice("four", "web", json!([endpoint(1, json!({}))])), six]);
    assert_eq!(
        frontends(&compiled.snapshot),
        ["10.0.0.1:80 TCP ClusterIp 10.1.0.1:8080 10.1.0.1:8080", "[fd00::1]:80 TCP ClusterIp [fd01::1]:8080 [fd01::1]:8080"]
    );
}

#[test]
fn s43_source_ranges_are_of_the_vips_family_sorted_and_admit_the_vip_with_the_node() {
    let ranges = |list: Value| {
        let mut web = service("web", json!({"type": "LoadBalancer", "ports": [{"name": "http", "port": 80}], "loadBalancerSourceRanges": list}));
        web["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
        let (world, compiled) = world(&[web]);
        let found: Vec<_> = compiled
            .snapshot
            .frontends
            .values()
            .map(|one| one.source_ranges.iter().map(|(base, length)| format!("{base}/{length}")).collect::<Vec<_>>())
            .collect();
        (found, world.diagnostics().map(|one| one.reason).collect::<Vec<_>>())
    };
    assert_eq!(ranges(json!([])), (vec![vec![]], vec![]));
    assert_eq!(ranges(json!([" 198.51.100.1/24 ", "10.0.0.0/8", "fd00::/8"])).0, [["10.0.0.0/8", "198.51.100.0/24"]]);
    assert_eq!(ranges(json!(["127.0.0.0/8"])).0, [["127.0.0.0/8", "192.0.2.7/32"]]);
    assert_eq!(ranges(json!(["fd00::/8"])), (vec![vec![]], vec!["SourceRangesOtherFamily"]));
    assert_eq!(ranges(json!(["everybody"])), (vec![], vec!["SourceRangesInvalid"]), "nobody may be let in");
}

#[test]
fn s46_external_ips_are_refused_unless_allowed() {
    let web = service("web", json!({"clusterIP": "10.0.0.1", "externalIPs": ["198.51.100.9"], "ports": [{"name": "http", "port": 80}]}));
    let (world, compiled) = world(std::slice::from_ref(&web));
    assert_eq!((frontends(&compiled.snapshot).len(), world.diagnostics().next().map(|one| one.reason)), (1, Some("ExternalIPsRefused")));
    let (_, compiled) = world_with(Settings { external_ips: true, ..Settings::loopback("here") }, &[web]);
    assert_eq!(frontends(&compiled.snapshot)[1], "198.51.100.9:80 TCP LoadBalancer Reject Reject");
}

#[test]
fn u8_loopback_endpoints_count_on_their_own_node_only() {
    let on = |node: Value| json!([{"addresses": ["127.0.0.1"], "nodeName": node}]);
    let found = |settings: Settings, node: Value| {
        cluster_pool(&world_with(settings, &[web("127.96.0.1"), slice("a", "web", on(node))]).1.snapshot, "web").len()
    };
    assert_eq!(found(Settings::loopback("here"), json!("here")), 1);
    assert_eq!(found(Settings::loopback("here"), json!(null)), 1);
    assert_eq!(found(Settings::loopback("here"), json!("there")), 0);
    assert_eq!(found(Settings { loopback_endpoints: false, ..Settings::loopback("here") }, json!("here")), 0);
}

#[test]
fn every_endpoint_has_a_standing_with_its_reason() {
    let instance = |name: &str, spec: Value, status: Value| json!({"kind": "Instance", "metadata": {"name": name, "namespace": "n", "uid": name}, "spec": spec, "status": status});
    let of = |last: u8, name: &str, conditions: Value| json!({"addresses": [format!("10.1.0.{last}")], "conditions": conditions, "targetRef": {"kind": "Instance", "namespace": "n", "name": name, "uid": name}});
    let endpoints = json!([
        endpoint(1, json!({})),
        endpoint(2, json!({"ready": false})),
        endpoint(3, json!({"ready": false, "serving": false, "terminating": true})),
        endpoint(4, json!({"ready": false, "serving": true, "terminating": true})),
        of(5, "tired", json!({})),
        of(6, "light", json!({})),
        of(7, "ill", json!({"ready": false})),
        {"addresses": ["127.0.0.1"], "nodeName": "there"},
    ]);
    let (_, compiled) = world(&[
        web("10.0.0.1"),
        slice("a", "web", endpoints),
        instance("tired", json!({"maintenance": "disk swap"}), json!({})),
        instance("light", json!({"weight": 0}), json!({})),
        instance("ill", json!({}), json!({"reason": "probe: status 503"})),
    ]);
    let service = &compiled.snapshot.services[&("n".into(), "web".into())];
    let standings: Vec<String> = service
        .endpoints
        .iter()
        .map(|one| match &one.standing {
            Standing::Ready => "ready".to_owned(),
            Standing::Draining => "draining".to_owned(),
            Standing::Out(why) => why.to_string(),
        })
        .collect();
    assert_eq!(
        standings,
        [
            "ready",
            "not ready",
            "terminating",
            "draining",
            "maintenance: disk swap",
            "weight 0",
            "not ready: probe: status 503",
            "a loopback address of another node"
        ]
    );
    assert_eq!(compiled.snapshot.pools[&service.ports[0].cluster].draining.len(), 1);
}

#[test]
fn malformed_parts_are_diagnostics_and_the_rest_works() {
    let odd = service(
        "web",
        json!({"clusterIP": "10.0.0.1", "ports": [{"name": "http", "port": 80}, {"name": "again", "port": 80}, {"name": "far", "port": 70000}, {"name": "x", "port": 1, "protocol": "QUIC"}]}),
    );
    let mut names = slice("names", "web", json!([{"addresses": ["db.example.org"]}]));
    names["addressType"] = json!("FQDN");
    let (world, compiled) = world(&[odd, names, slice("a", "web", json!([{"addresses": ["::1"]}, {"addresses": []}, {"addresses": ["010.1.0.1"]}]))]);
    assert_eq!(cluster_pool(&compiled.snapshot, "web"), ["10.1.0.1:8080"]);
    let mut reasons: Vec<_> = world.diagnostics().map(|one| one.reason).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["InvalidAddress", "InvalidPort", "InvalidPort", "InvalidPort", "UnsupportedAddressType"]);
    assert_eq!(compiled.snapshot.services[&("n".into(), "web".into())].diagnostics.len(), 5);
}

#[test]
fn affinity_has_its_timeout() {
    let timeout = |config: Value| {
        let web =
            service("web", json!({"clusterIP": "10.0.0.1", "ports": [{"port": 80}], "sessionAffinity": "ClientIP", "sessionAffinityConfig": config}));
        world(&[web]).1.snapshot.frontends.values().next().and_then(|one| one.affinity).map(|time| time.as_secs())
    };
    assert_eq!(timeout(json!(null)), Some(10_800));
    assert_eq!(timeout(json!({"clientIP": {"timeoutSeconds": 60}})), Some(60));
}

#[test]
fn u5_a_service_may_ask_to_be_told_its_clients() {
    let announces = |value: &str| {
        let mut one = web("127.96.0.9");
        one["metadata"]["annotations"] = json!({"fairlead.dev/proxy-protocol": value});
        let (_, compiled) = world(&[one]);
        let told = compiled.diagnostics.iter().any(|diagnostic| diagnostic.message.contains("write v2 or off"));
        (compiled.snapshot.frontends.values().all(|frontend| frontend.announces), told)
    };
    assert_eq!([announces("v2"), announces("off"), announces("v9")], [(true, false), (false, false), (false, true)]);
}

/// What is decided about the status of each Service: addresses, then the reason of `Programmed`.
fn offers(objects: &[Value]) -> Vec<String> {
    let (_, compiled) = world(objects);
    let told = |one: &api::Decided| match &one.body {
        api::DecidedStatus::Ingress { addresses, conditions } if one.kind == "Service" => {
            let ips: Vec<_> = addresses.iter().map(|address| format!("{}x{}", address.at, address.sockets.len())).collect();
            Some(format!("{} [{}] {}", one.name, ips.join(","), conditions.first().map_or("", |condition| condition.reason)))
        }
        _ => None,
    };
    let mut found: Vec<_> = compiled.decided.iter().filter_map(told).collect();
    found.sort();
    found
}

#[test]
fn u6_a_load_balancer_gets_the_nodes_address_unless_somebody_else_gives_one() {
    let balancer = |name: &str, more: Value| {
        let mut spec = json!({"type": "LoadBalancer", "clusterIP": "", "ipFamilies": ["IPv4"], "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80, "protocol": "UDP"}]});
        spec.as_object_mut().expect("a spec").extend(more.as_object().cloned().unwrap_or_default());
        service(name, spec)
    };
    assert_eq!(offers(&[balancer("web", json!({}))]), ["web [127.0.0.1x2] Programmed"]);
    assert_eq!(offers(&[balancer("web", json!({"loadBalancerClass": "fairlead.dev/l2"}))]), ["web [127.0.0.1x2] Programmed"]);
    assert_eq!(offers(&[balancer("web", json!({"loadBalancerIP": "127.0.0.9"}))]), ["web [127.0.0.9x2] Programmed"]);
    assert_eq!(offers(&[balancer("web", json!({"loadBalancerClass": "cloud.example/lb"}))]), [] as [&str; 0], "a foreign class");
    assert_eq!(offers(&[balancer("web", json!({"type": "NodePort"}))]), [] as [&str; 0]);
    assert_eq!(offers(&[balancer("six", json!({"ipFamilies": ["IPv6"]}))]), ["six [] NoAddress"]);
    let mut given = balancer("web", json!({}));
    given["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
    assert_eq!(offers(std::slice::from_ref(&given)), [] as [&str; 0], "somebody gave it another one");
    given["status"] = json!({"loadBalancer": {"ingress": [{"ip": "127.0.0.1", "ipMode": "VIP"}]}});
    assert_eq!(offers(&[given]), ["web [127.0.0.1x2] Programmed"], "its own");
    // One that goes is no longer served, and is told so also by a server that has started since; another provider's is not touched.
    let mut leaving = balancer("web", json!({"loadBalancerIP": "127.0.0.9"}));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    leaving["metadata"]["finalizers"] = json!([api::decided::LOAD_BALANCER_FINALIZER]);
    assert_eq!(offers(&[leaving.clone()]), [] as [&str; 0], "nothing says that the finalizer is ours");
    leaving["status"] = json!({"loadBalancer": {"ingress": [{"ip": "127.0.0.9", "ipMode": "VIP"}]},
        "conditions": [{"type": "Programmed", "status": "True", "reason": "Programmed", "message": "127.0.0.9: served here"}]});
    assert_eq!(offers(&[leaving.clone()]), ["web [] "]);
    let (_, compiled) = world(&[leaving]);
    assert!(compiled.snapshot.frontends.values().all(|one| one.key.address.to_string() != "127.0.0.9"), "the address is withdrawn");
    // What another run of this server gave, on a node that had another address then.
    let mut stale = balancer("web", json!({}));
    stale["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7", "ipMode": "VIP"}]},
        "conditions": [{"type": "Programmed", "status": "True", "reason": "Programmed", "message": "192.0.2.7: served here"}]});
    assert_eq!(offers(&[stale.clone()]), ["web [127.0.0.1x2] Programmed"]);
    stale["status"]["loadBalancer"]["ingress"][0]["ip"] = json!("192.0.2.8");
    assert_eq!(offers(&[stale]), [] as [&str; 0], "that is not what we gave");
    // One port of one address is one Service's: the older one's, or by name.
    let two = [balancer("a", json!({})), balancer("b", json!({}))];
    assert_eq!(offers(&two), ["a [127.0.0.1x2] Programmed", "b [] AddressConflict"]);
    assert_eq!(frontends(&world(&two).1.snapshot).len(), 2);
}

#[test]
fn u6_what_was_given_is_taken_back() {
    let spec = |kind: &str| service("web", json!({"type": kind, "clusterIP": "127.96.0.9", "ports": [{"port": 80}]}));
    let (mut world, _) = world(&[spec("LoadBalancer")]);
    world.apply(crate::testing::upsert(spec("ClusterIP")));
    let decided = world.compile(1001).decided;
    assert!(
        matches!(&decided[0].body, api::DecidedStatus::Ingress { addresses, conditions } if addresses.is_empty() && conditions.is_empty()),
        "{decided:?}"
    );
    world.apply(crate::testing::upsert(spec("ClusterIP")));
    assert!(world.compile(1002).decided.is_empty());
}
