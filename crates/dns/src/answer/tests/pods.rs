//! Names of Pods.

use super::{Bench, Config, NODATA, NXDOMAIN, bench, config, kind, snapshot};
use crate::Pods;

#[test]
fn b1_of_pods_every_address_is_answered_or_none_where_that_is_asked_for() {
    let ask = |pods, name: &str| {
        let mut bench = Bench::new(Config { pods, ..config() }, &snapshot(vec![]));
        let answer = bench.ask(&format!("{name}.cluster.local"), kind::A);
        if answer.answer.is_empty() { Err(answer.denial()) } else { Ok(answer.data().join(" ")) }
    };
    assert_eq!(ask(Pods::Insecure, "172-16-0-9.empty.pod"), Ok("172.16.0.9".to_owned()), "nobody has it");
    assert_eq!(ask(Pods::Insecure, "10-2-0-1.n.pod"), Ok("10.2.0.1".to_owned()));
    for name in ["172-16-0-9.nowhere.pod", "172-16-0.n.pod", "p.n.pod", "x.172-16-0-9.n.pod"] {
        assert_eq!(ask(Pods::Insecure, name), Err(NXDOMAIN), "{name}");
    }
    assert_eq!(ask(Pods::Insecure, "2001-db8--1.n.pod"), Err(NODATA), "it is of the other family");
    assert_eq!(ask(Pods::Insecure, "n.pod"), Err(NODATA));
    assert_eq!((ask(Pods::Disabled, "10-2-0-1.n.pod"), ask(Pods::Disabled, "n.pod")), (Err(NXDOMAIN), Err(NXDOMAIN)));
}

#[test]
fn b1_pods_by_address_in_their_own_namespace() {
    let mut bench = bench();
    assert_eq!(bench.ask("10-2-0-1.n.pod.cluster.local", kind::A).data(), ["10.2.0.1"]);
    assert_eq!(bench.ask("10-2-0-1.n.pod.cluster.local", kind::AAAA).denial(), NODATA);
    let named = bench.ask("10-2-0-1.N.pod.cluster.local", kind::SRV);
    assert_eq!(named.answer, ["10-2-0-1.N.pod.cluster.local 5 SRV 0 100 0 10-2-0-1.n.pod.cluster.local"], "no port is known of a pod");
    assert_eq!(named.additional, ["10-2-0-1.n.pod.cluster.local 5 A 10.2.0.1"]);
    for absent in [
        "10-2-0-1.empty.pod.cluster.local",
        "10-2-0-9.n.pod.cluster.local",
        "x.10-2-0-1.n.pod.cluster.local",
        "1-2-3.n.pod.cluster.local",
        "1-2-3-256.n.pod.cluster.local",
        "p.n.pod.cluster.local",
    ] {
        assert_eq!(bench.ask(absent, kind::A).denial(), NXDOMAIN, "{absent}");
    }
}
