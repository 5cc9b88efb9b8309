use std::hash::BuildHasher;
use std::net::IpAddr;

use model::Snapshot;
use model::Transport::Tcp;
use model::names::{Owner, Shape};
use proptest::prelude::*;

use crate::Config;
use crate::answer::Via;
use crate::testing::{Bench, addresses, endpoint, owner, port, snapshot};
use crate::wire::{kind, rcode};

#[test]
fn a_new_generation_changes_what_it_changes_and_nothing_else() {
    let web = |address: &str| owner("web", addresses(&[address]), vec![], vec![]);
    let other = owner("other", addresses(&["10.96.0.9"]), vec![], vec![]);
    let mut bench = Bench::new(Config::default(), &snapshot(vec![web("10.96.0.1"), other.clone()]));
    let block = |bench: &Bench, name: &[u8]| super::find(&bench.table.shard(name), name).cloned();
    let before = block(&bench, b"\x05other\x01n").expect("the block");
    bench.follower.apply(&snapshot(vec![web("10.96.0.2"), other]));
    assert_eq!(bench.ask("web.n.svc.cluster.local", kind::A).data(), ["10.96.0.2"]);
    assert_eq!(bench.ask("1.0.96.10.in-addr.arpa", kind::PTR).rcode, rcode::NXDOMAIN);
    assert_eq!(bench.ask("2.0.96.10.in-addr.arpa", kind::PTR).answer.len(), 1);
    assert!(std::sync::Arc::ptr_eq(&before, &block(&bench, b"\x05other\x01n").expect("the block")), "an owner that is the same is not rebuilt");
    bench.follower.apply(&snapshot(vec![]));
    assert_eq!(bench.ask("web.n.svc.cluster.local", kind::A).rcode, rcode::NXDOMAIN);
}

#[test]
fn a_change_of_shape_leaves_nothing_of_the_old_one() {
    let headless = owner("db", Shape::Headless, vec![], vec![endpoint("10.1.0.1", Some("db-0"), &[port("sql", Tcp, 1)])]);
    let mut bench = Bench::new(Config::default(), &snapshot(vec![headless]));
    assert_eq!(bench.ask("1.0.1.10.in-addr.arpa", kind::PTR).data(), ["db-0.db.n.svc.cluster.local"]);
    bench.follower.apply(&snapshot(vec![owner("db", Shape::Alias("x.n.svc.cluster.local".into()), vec![], vec![])]));
    assert_eq!(bench.ask("1.0.1.10.in-addr.arpa", kind::PTR).rcode, rcode::NXDOMAIN);
    assert_eq!(bench.ask("db-0.db.n.svc.cluster.local", kind::A).rcode, rcode::NXDOMAIN);
    assert_eq!(bench.ask("db.n.svc.cluster.local", kind::A).answer.len(), 1);
}

#[test]
fn another_zone_takes_its_names_with_it() {
    let mut bench = Bench::new(Config::default(), &snapshot(vec![owner("web", addresses(&["10.96.0.1"]), vec![], vec![])]));
    let mut moved = snapshot(vec![owner("web", addresses(&["10.96.0.1"]), vec![], vec![])]);
    moved.names.zone = "corp.test".into();
    bench.follower.apply(&moved);
    assert_eq!(bench.ask("web.n.svc.corp.test", kind::A).data(), ["10.96.0.1"]);
    assert_eq!(bench.ask("web.n.svc.cluster.local", kind::A).rcode, rcode::REFUSED);
    assert_eq!(bench.ask("1.0.96.10.in-addr.arpa", kind::PTR).data(), ["web.n.svc.corp.test"]);
}

#[test]
fn a_server_that_listens_everywhere_is_at_the_nodes_addresses() {
    let config = Config { listens: vec![([0, 0, 0, 0], 53).into(), "[::1]:53".parse().expect("an address")], ..Config::default() };
    let mut here = snapshot(vec![]);
    here.node.addresses = vec![IpAddr::from([192, 0, 2, 1]), "fd00::1".parse().expect("an address")];
    let mut bench = Bench::new(config, &here);
    assert_eq!(bench.ask("ns.dns.cluster.local", kind::A).data(), ["192.0.2.1"]);
    assert_eq!(bench.ask("ns.dns.cluster.local", kind::AAAA).data(), ["::1"]);
}

fn owners() -> impl Strategy<Value = Owner> {
    let endpoint = (1..6u8, prop::sample::select(vec![None, Some("a"), Some("b")]), 0..3u16).prop_map(|(last, hostname, ports)| {
        endpoint(&format!("10.1.0.{last}"), hostname, &(0..ports).map(|index| port("p", Tcp, 80 + index)).collect::<Vec<_>>())
    });
    let shape = prop_oneof![
        (1..4u8).prop_map(|last| addresses(&[&format!("10.96.0.{last}")])),
        Just(Shape::Headless),
        Just(Shape::Alias("a.n.svc.cluster.local".into())),
        Just(Shape::Refused)
    ];
    (prop::sample::select(vec!["a", "b", "c"]), shape, prop::collection::vec(endpoint, 0..4), 0..2u16).prop_map(
        |(name, shape, mut endpoints, ports)| {
            endpoints.sort_by(|a, b| (a.address, &a.hostname).cmp(&(b.address, &b.hostname)));
            endpoints.dedup_by(|a, b| (a.address, &a.hostname) == (b.address, &b.hostname));
            owner(name, shape, (0..ports).map(|index| port("p", Tcp, 80 + index)).collect(), endpoints)
        },
    )
}

/// Every answer that could differ, in one text.
fn everything(bench: &mut Bench) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for service in ["a", "b", "c"] {
        for below in ["", "_p._tcp.", "_tcp.", "a.", "b.", "10-1-0-1.", "10-1-0-2.", "10-1-0-3.", "10-1-0-4.", "10-1-0-5."] {
            names.push(format!("{below}{service}.n.svc.cluster.local"));
        }
    }
    names.extend((1..6).flat_map(|last| [format!("{last}.0.1.10.in-addr.arpa"), format!("{last}.0.96.10.in-addr.arpa")]));
    let mut answers = Vec::new();
    for name in names {
        for kind in [kind::A, kind::SRV, kind::PTR, kind::CNAME] {
            let mut reply = bench.ask_with(&name, kind, Some(4096), Via::Tcp);
            reply.answer.sort();
            reply.additional.sort();
            answers.push(format!("{name} {kind}: {reply:?}"));
        }
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn following_equals_building_from_nothing(generations in prop::collection::vec(prop::collection::vec(owners(), 0..5), 1..6)) {
        let snapshots: Vec<Snapshot> = generations.into_iter().map(snapshot).collect();
        let mut followed = Bench::new(Config::default(), &snapshots[0]);
        for next in &snapshots[1..] {
            followed.follower.apply(next);
        }
        let mut fresh = Bench::new(Config::default(), snapshots.last().expect("at least one"));
        prop_assert_eq!(everything(&mut followed), everything(&mut fresh));
    }
}

#[test]
fn names_of_one_shard_differ_in_the_bits_that_its_set_compares_first() {
    let owners = (0..4_000).map(|number| owner(&format!("s{number}"), addresses(&["10.96.0.1"]), vec![], vec![])).collect();
    let bench = Bench::new(Config::default(), &snapshot(owners));
    let table = &bench.table;
    for shard in &table.shards {
        let shard = shard.load();
        // The hash table keeps the upper seven bits beside each place: names that agree in them are compared octet by octet.
        let tags: std::collections::BTreeSet<u64> = shard.iter().map(|found| table.hasher.hash_one(&*found.0.name) >> 57).collect();
        assert!(shard.len() < 4 || tags.len() * 2 > shard.len(), "{} tags for {} names", tags.len(), shard.len());
    }
}
