use std::net::SocketAddr;

use model::Transport::{Tcp, Udp};
use model::names::{NamedEndpoint, Shape};
use proptest::prelude::*;

use super::{Client, Outcome, Via};
use crate::Config;
use crate::testing::{Bench, Decoded, addresses, client, endpoint, owner, port, query, snapshot};
use crate::wire::{kind, rcode};

mod pods;

const NODATA: (u16, bool) = (rcode::NOERROR, true);
const NXDOMAIN: (u16, bool) = (rcode::NXDOMAIN, true);
const HTTPS: u16 = 65;

fn config() -> Config {
    Config { listens: vec![([127, 0, 0, 1], 53).into()], ..Config::default() }
}

fn endpoints(count: u8) -> Vec<NamedEndpoint> {
    (0..count).map(|last| endpoint(&format!("10.1.0.{last}"), None, &[port("http", Tcp, 8080)])).collect()
}

/// The services that most tests ask for.
fn bench() -> Bench {
    let sql = [port("sql", Tcp, 5433), port("stats", Udp, 9)];
    let db = vec![endpoint("10.1.0.1", Some("db-0"), &sql), endpoint("10.1.0.2", None, &sql), endpoint("10.1.0.3", Some("db-0"), &sql)];
    let six = vec![endpoint("2001:db8::1", None, &[port("http", Tcp, 80)]), endpoint("2001:db8:0:1::", None, &[port("http", Tcp, 80)])];
    Bench::new(
        config(),
        &snapshot(vec![
            owner("web", addresses(&["10.96.0.1"]), vec![port("http", Tcp, 80), port("dns", Udp, 53)], vec![endpoint("10.1.0.2", None, &[])]),
            owner("bare", addresses(&["10.96.0.2"]), vec![port("", Tcp, 8080)], vec![]),
            owner("pending", addresses(&[]), vec![port("http", Tcp, 80)], vec![]),
            owner("db", Shape::Headless, vec![port("sql", Tcp, 5432)], db),
            owner("six", Shape::Headless, vec![], six),
            owner("none", Shape::Headless, vec![port("http", Tcp, 80)], vec![]),
            owner("big", Shape::Headless, vec![port("http", Tcp, 80)], endpoints(100)),
            owner("alias", Shape::Alias("web.n.svc.cluster.local".into()), vec![], vec![]),
            owner("far", Shape::Alias("Alias.n.svc.cluster.local".into()), vec![], vec![]),
            owner("dead", Shape::Alias("nobody.n.svc.cluster.local".into()), vec![], vec![]),
            owner("hen", Shape::Alias("egg.n.svc.cluster.local".into()), vec![], vec![]),
            owner("egg", Shape::Alias("hen.n.svc.cluster.local".into()), vec![], vec![]),
            owner("out", Shape::Alias("www.example.org".into()), vec![], vec![]),
            owner("literal", Shape::Refused, vec![], vec![]),
        ]),
    )
}

fn at(service: &str) -> String {
    format!("{service}.n.svc.cluster.local")
}

#[test]
fn w2_what_does_not_fit_is_told_for_the_count_over_tcp_too() {
    let many = |count: u32| (0..count).map(|number| endpoint(&format!("10.1.{}.{}", number / 250, number % 250), None, &[])).collect();
    let mut bench =
        Bench::new(config(), &snapshot(vec![owner("huge", Shape::Headless, vec![], many(5_000)), owner("big", Shape::Headless, vec![], many(100))]));
    let mut ask = |service: &str, via| {
        let Outcome::Reply(length, _, is_cut) = bench.answerer.answer(&query(&at(service), kind::A, None), client(via), &mut bench.buffer) else {
            panic!("a reply")
        };
        (Decoded::of(&bench.buffer[..length]).tc, is_cut)
    };
    assert_eq!([ask("huge", Via::Tcp), ask("big", Via::Tcp), ask("big", Via::Udp)], [(false, true), (false, false), (true, true)]);
}

#[test]
fn r1_a_service_has_its_addresses_and_nothing_else() {
    let mut bench = bench();
    let reply = bench.ask(&at("web"), kind::A);
    assert_eq!(reply.answer, ["web.n.svc.cluster.local 5 A 10.96.0.1"]);
    assert!(reply.aa && !reply.tc && !reply.ra && reply.authority.is_empty() && reply.additional.is_empty());
    assert_eq!(bench.ask(&at("web"), kind::AAAA).denial(), NODATA);
    assert_eq!(bench.ask(&at("pending"), kind::A).denial(), NODATA, "not allocated yet");
    for kind in [kind::TXT, kind::MX, HTTPS, kind::NS, kind::SOA, kind::CNAME, kind::PTR, 65_280] {
        assert_eq!(bench.ask(&at("web"), kind).denial(), NODATA, "type {kind}");
    }
    assert_eq!(bench.ask(&at("no"), kind::A).denial(), NXDOMAIN);
}

#[test]
fn r3_r4_srv_of_a_service_with_its_address_besides() {
    let mut bench = bench();
    let reply = bench.ask(&at("_http._tcp.web"), kind::SRV);
    assert_eq!(reply.data(), ["0 100 80 web.n.svc.cluster.local"]);
    assert_eq!(reply.additional, ["web.n.svc.cluster.local 5 A 10.96.0.1"]);
    assert_eq!(bench.ask(&at("web"), kind::SRV).data(), ["0 50 53 web.n.svc.cluster.local", "0 50 80 web.n.svc.cluster.local"]);
    assert_eq!(bench.ask(&at("bare"), kind::SRV).data(), ["0 100 8080 web.n.svc.cluster.local".replace("web", "bare")]);
    assert_eq!(bench.ask(&at("_http._tcp.web"), kind::A).data(), ["10.96.0.1"], "B4");
    for wrong in ["_http._udp.web", "_dns._tcp.web", "_80._tcp.web", "http.tcp.web", "_._tcp.web", "_http._.web", "x._http._tcp.web"] {
        assert_eq!(bench.ask(&at(wrong), kind::SRV).denial(), NXDOMAIN, "{wrong}");
    }
}

#[test]
fn r6_r8_headless_services_are_their_endpoints() {
    let mut bench = bench();
    assert_eq!(bench.ask(&at("db"), kind::A).data(), ["10.1.0.1", "10.1.0.2", "10.1.0.3"]);
    assert_eq!(bench.ask(&at("db"), kind::AAAA).denial(), NODATA);
    let reply = bench.ask(&at("_sql._tcp.db"), kind::SRV);
    assert_eq!(reply.data(), ["0 50 5433 10-1-0-2.db.n.svc.cluster.local", "0 50 5433 db-0.db.n.svc.cluster.local"]);
    let mut glue = reply.additional;
    glue.sort();
    assert_eq!(
        glue,
        ["10-1-0-2.db.n.svc.cluster.local 5 A 10.1.0.2", "db-0.db.n.svc.cluster.local 5 A 10.1.0.1", "db-0.db.n.svc.cluster.local 5 A 10.1.0.3"]
    );
    assert_eq!(bench.ask(&at("db"), kind::SRV).answer.len(), 4, "every port at the bare name");
    assert_eq!(bench.ask(&at("_sql._tcp.db"), kind::A).data(), ["10.1.0.1", "10.1.0.2", "10.1.0.3"]);
    for kind in [kind::A, kind::AAAA, kind::SRV, kind::TXT] {
        assert_eq!(bench.ask(&at("none"), kind).denial(), NXDOMAIN, "no ready endpoint");
    }
    assert_eq!(bench.ask(&at("_http._tcp.none"), kind::SRV).denial(), NXDOMAIN);
}

#[test]
fn r7_endpoints_have_names_under_every_service() {
    let mut bench = bench();
    assert_eq!(bench.ask(&at("db-0.db"), kind::A).data(), ["10.1.0.1", "10.1.0.3"]);
    assert_eq!(bench.ask(&at("10-1-0-2.db"), kind::A).data(), ["10.1.0.2"]);
    assert_eq!(bench.ask(&at("10-1-0-2.web"), kind::A).data(), ["10.1.0.2"], "B5");
    assert_eq!(bench.ask(&at("10-1-0-2.db"), kind::AAAA).denial(), NODATA);
    for absent in ["10-1-0-1.db", "10-1-0-9.db", "010-1-0-2.db", "x.db-0.db", "10-1-0-2.alias", "db-1.db"] {
        assert_eq!(bench.ask(&at(absent), kind::A).denial(), NXDOMAIN, "{absent}");
    }
    assert_eq!(bench.ask(&at("2001-db8--1.six"), kind::AAAA).data(), ["2001:db8::1"]);
    assert_eq!(bench.ask(&at("2001-db8-0-1--0.six"), kind::AAAA).data(), ["2001:db8:0:1::"]);
}

#[test]
fn b4_srv_at_an_endpoint_are_its_ports() {
    let mut bench = bench();
    let reply = bench.ask(&at("db-0.db"), kind::SRV);
    assert_eq!(reply.data(), ["0 50 5433 db-0.db.n.svc.cluster.local", "0 50 9 db-0.db.n.svc.cluster.local"]);
    assert_eq!(reply.additional.len(), 2, "both addresses of the host");
    let http = [port("http", Tcp, 8080)];
    let two = vec![endpoint("10.1.0.7", Some("one"), &http), endpoint("10.1.0.8", None, &http)];
    let both = [port("web", Tcp, 443), port("quic", Udp, 443), port("http", Tcp, 80)];
    let mut bench = Bench::new(config(), &snapshot(vec![owner("web", addresses(&["10.96.0.1"]), both.to_vec(), two)]));
    assert_eq!(bench.ask(&at("one.web"), kind::SRV).data(), ["0 100 8080 one.web.n.svc.cluster.local"], "of a service with an address too");
    assert_eq!(bench.ask(&at("10-1-0-8.web"), kind::SRV).data(), ["0 100 8080 10-1-0-8.web.n.svc.cluster.local"]);
    let own = "web.n.svc.cluster.local";
    assert_eq!(bench.ask(&at("web"), kind::SRV).data(), [format!("0 33 443 {own}"), format!("0 33 80 {own}")], "no record twice");
}

#[test]
fn r5_r9_the_way_back() {
    let mut bench = bench();
    let reply = bench.ask("1.0.96.10.in-addr.arpa", kind::PTR);
    assert_eq!((reply.data(), reply.aa), (vec!["web.n.svc.cluster.local"], true));
    assert_eq!(
        bench.ask("2.0.1.10.in-addr.arpa", kind::PTR).data(),
        ["10-1-0-2.big.n.svc.cluster.local", "10-1-0-2.db.n.svc.cluster.local", "10-1-0-2.web.n.svc.cluster.local"]
    );
    let six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    assert_eq!(bench.ask(six, kind::PTR).data(), ["2001-db8--1.six.n.svc.cluster.local"]);
    assert_eq!(bench.ask("1.0.96.10.in-addr.arpa", kind::A).denial(), NODATA, "B16");
    assert_eq!(bench.ask("0.96.10.in-addr.arpa", kind::PTR).denial(), NODATA, "B16: names below it exist");
    assert_eq!(bench.ask("9.0.96.10.in-addr.arpa", kind::PTR).denial(), NXDOMAIN);
    for nobody in ["x.0.96.10.in-addr.arpa", "7.1.0.96.10.in-addr.arpa", "300.0.96.10.in-addr.arpa", "x.1.168.192.in-addr.arpa"] {
        assert_eq!(bench.ask(nobody, kind::PTR).denial(), NXDOMAIN, "{nobody}: no address, in a zone of ours");
    }
    assert_eq!(bench.ask("x.8.8.in-addr.arpa", kind::PTR).rcode, rcode::REFUSED, "in a zone of others");
    assert_eq!(bench.ask("9.9.168.192.in-addr.arpa", kind::PTR).denial(), NXDOMAIN, "private ranges are nobody else's");
    assert_eq!(bench.ask("1.0.0.127.in-addr.arpa", kind::PTR).data(), ["localhost"]);
    assert_eq!(bench.ask("8.8.8.8.in-addr.arpa", kind::PTR).rcode, rcode::REFUSED);
    assert_eq!(bench.ask("10.in-addr.arpa", kind::A).denial(), NODATA, "endpoints lie below it");
    assert_eq!(bench.ask("in-addr.arpa", kind::SOA).rcode, rcode::REFUSED, "not ours");
    assert_eq!(bench.ask("1.0.96.10.in-addr.arpa", kind::ANY).data(), ["\"RFC8482\" \"\""]);
}

#[test]
fn a_cluster_address_wins_over_an_endpoint_with_the_same_one() {
    let shadow = owner("shadow", Shape::Headless, vec![], vec![endpoint("10.96.0.1", None, &[])]);
    let web = owner("web", addresses(&["10.96.0.1"]), vec![], vec![]);
    let mut bench = Bench::new(config(), &snapshot(vec![shadow, web]));
    assert_eq!(bench.ask("1.0.96.10.in-addr.arpa", kind::PTR).data(), ["web.n.svc.cluster.local"]);
}

#[test]
fn r10_aliases_are_followed_as_far_as_they_go() {
    let mut bench = bench();
    let reply = bench.ask(&at("far"), kind::A);
    assert_eq!(
        reply.answer,
        [
            "far.n.svc.cluster.local 5 CNAME Alias.n.svc.cluster.local.",
            "Alias.n.svc.cluster.local 5 CNAME web.n.svc.cluster.local.",
            "web.n.svc.cluster.local 5 A 10.96.0.1"
        ]
    );
    assert_eq!(bench.ask(&at("far"), kind::CNAME).data(), ["Alias.n.svc.cluster.local"]);
    assert_eq!(bench.ask(&at("alias"), kind::SRV).answer[1..].len(), 2, "B18");
    let reply = bench.ask(&at("alias"), kind::TXT);
    assert_eq!((reply.rcode, reply.answer.len(), reply.authority.len()), (rcode::NOERROR, 1, 1));
    let reply = bench.ask(&at("dead"), kind::A);
    assert_eq!((reply.rcode, reply.answer.len(), reply.authority.len()), (rcode::NXDOMAIN, 1, 1), "B17: the code of the last name");
    let reply = bench.ask(&at("egg"), kind::A);
    assert_eq!((reply.rcode, reply.answer.len()), (rcode::NOERROR, 2), "a loop ends at the first name that repeats: {:?}", reply.answer);
    let reply = bench.ask(&at("out"), kind::A);
    assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["www.example.org"]), "nobody to ask");
    for kind in [kind::A, kind::CNAME, kind::ANY] {
        assert_eq!(bench.ask(&at("literal"), kind).denial(), NXDOMAIN, "R11");
    }
    assert_eq!(bench.ask(&at("x.alias"), kind::A).denial(), NXDOMAIN);
}

#[test]
fn an_alias_chain_of_eleven_ends_after_ten() {
    let chain = (0..12)
        .map(|index| owner(&format!("c{index}"), Shape::Alias(format!("c{}.n.svc.cluster.local", index + 1).into()), vec![], vec![]))
        .collect();
    let mut bench = Bench::new(config(), &snapshot(chain));
    let reply = bench.ask_with(&at("c0"), kind::A, Some(4096), Via::Tcp);
    assert_eq!((reply.rcode, reply.answer.len()), (rcode::NOERROR, 11));
}

#[test]
fn b2_b7_names_above_services() {
    let mut bench = bench();
    for name in ["cluster.local", "svc.cluster.local", "pod.cluster.local", "n.svc.cluster.local", "empty.svc.cluster.local", "n.pod.cluster.local"] {
        for kind in [kind::A, kind::AAAA, kind::SRV, kind::TXT] {
            assert_eq!(bench.ask(name, kind).denial(), NODATA, "{name} {kind}");
        }
    }
    for name in [
        "x.cluster.local",
        "x.svc.cluster.local",
        "web.x.svc.cluster.local",
        "x.pod.cluster.local",
        "a.b.cluster.local",
        "web.n.cluster.local",
        "x.dns-version.cluster.local",
        "dns.cluster.local",
        "x.dns.cluster.local",
    ] {
        assert_eq!(bench.ask(name, kind::A).denial(), NXDOMAIN, "{name}");
    }
    assert_eq!(
        bench.ask("cluster.local", kind::SOA).answer,
        ["cluster.local 5 SOA ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5"]
    );
    let reply = bench.ask("cluster.local", kind::NS);
    assert_eq!((reply.data(), &*reply.additional[0]), (vec!["ns.dns.cluster.local"], "ns.dns.cluster.local 5 A 127.0.0.1"));
    assert_eq!(bench.ask("ns.dns.cluster.local", kind::A).data(), ["127.0.0.1"]);
    assert_eq!(bench.ask("ns.dns.cluster.local", kind::AAAA).denial(), NODATA);
    assert_eq!(bench.ask("dns-version.cluster.local", kind::TXT).answer, ["dns-version.cluster.local 28800 TXT \"1.1.0\""]);
    assert_eq!(bench.ask("dns-version.cluster.local", kind::A).denial(), NODATA);
}

#[test]
fn b3_names_between_exist() {
    let mut bench = bench();
    assert_eq!(bench.ask(&at("_tcp.web"), kind::A).denial(), NODATA);
    assert_eq!(bench.ask(&at("_udp.db"), kind::SRV).denial(), NODATA);
    assert_eq!(bench.ask(&at("_sctp.web"), kind::A).denial(), NXDOMAIN);
    assert_eq!(bench.ask(&at("_tcp.bare"), kind::A).denial(), NXDOMAIN, "an unnamed port has no name below");
}

#[test]
fn b9_before_the_first_complete_generation_own_names_fail_and_say_why() {
    let mut incomplete = snapshot(vec![owner("web", addresses(&["10.96.0.1"]), vec![], vec![])]);
    incomplete.complete = false;
    let mut bench = Bench::new(config(), &incomplete);
    for name in [&*at("web"), "cluster.local", "no.cluster.local", "1.0.96.10.in-addr.arpa"] {
        let reply = bench.ask_with(name, kind::A, Some(1232), Via::Udp);
        assert_eq!((reply.rcode, reply.answer.len(), reply.opt), (rcode::SERVFAIL, 0, true), "{name}");
    }
    let raw = bench.raw(&query(&at("web"), kind::A, Some(1232)), Via::Udp).expect("a reply");
    assert!(raw.ends_with(&[0, 15, 0, 2, 0, 14]), "extended error 14");
    assert_eq!(bench.ask("localhost", kind::A).data(), ["127.0.0.1"]);
}

#[test]
fn b10_any_is_one_hinfo_on_names_that_exist() {
    let mut bench = bench();
    for name in [&*at("web"), &*at("db"), &*at("alias"), &*at("db-0.db"), "svc.cluster.local", "cluster.local"] {
        assert_eq!(bench.ask(name, kind::ANY).data(), ["\"RFC8482\" \"\""], "{name}");
    }
    assert_eq!(bench.ask(&at("no"), kind::ANY).denial(), NXDOMAIN);
}

#[test]
fn r14_letters_come_back_as_they_were_sent() {
    let mut bench = bench();
    let reply = bench.ask("WeB.n.SVC.cluster.LOCAL", kind::A);
    assert_eq!(reply.answer, ["WeB.n.SVC.cluster.LOCAL 5 A 10.96.0.1"]);
    assert!(reply.question.starts_with("WeB.n.SVC.cluster.LOCAL"), "{}", reply.question);
    let reply = bench.ask("_HTTP._Tcp.WEB.N.svc.cluster.local", kind::SRV);
    assert_eq!(reply.data(), ["0 100 80 web.n.svc.cluster.local"], "targets are lower case");
    assert_eq!(bench.ask("DB-0.db.n.svc.cluster.local", kind::A).answer.len(), 2);
    let reply = bench.ask("NO.n.svc.Cluster.Local", kind::A);
    assert_eq!(reply.authority, ["Cluster.Local 5 SOA ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5"]);
}

#[test]
fn w10_names_of_every_host() {
    let mut bench = bench();
    for name in ["localhost", "a.localhost", "LOCALHOST"] {
        assert_eq!((bench.ask(name, kind::A).data(), bench.ask(name, kind::AAAA).data()), (vec!["127.0.0.1"], vec!["::1"]));
    }
    assert_eq!(bench.ask("localhost", kind::MX).denial(), NODATA);
    for name in ["invalid", "x.invalid", "x.onion"] {
        assert_eq!(bench.ask(name, kind::A).denial(), NXDOMAIN, "{name}");
    }
}

#[test]
fn b23_other_names_are_refused_without_upstreams_and_asked_for_with_them() {
    let mut bench = bench();
    for name in ["example.org", "local", "xcluster.local", "."] {
        let reply = bench.ask(name, kind::A);
        assert_eq!((reply.rcode, reply.answer.len(), reply.authority.len(), reply.aa, reply.ra), (rcode::REFUSED, 0, 0, false, false), "{name}");
    }
    let public: SocketAddr = "9.9.9.9:53".parse().expect("an address");
    let mut bench = Bench::new(Config { upstreams: vec![public], ..config() }, &snapshot(vec![]));
    assert!(bench.asks("example.org", kind::A) && bench.asks("8.8.8.8.in-addr.arpa", kind::PTR));
    assert!(!bench.asks("9.9.168.192.in-addr.arpa", kind::PTR), "a public upstream knows no private addresses");
    assert!(bench.ask(&at("web"), kind::A).ra, "recursion is available");
    let far = Client { address: [8, 8, 4, 4].into(), ..client(Via::Udp) };
    let Outcome::Reply(length, code, _) = bench.answerer.answer(&query("example.org", kind::A, None), far, &mut bench.buffer) else {
        panic!("asks others for somebody far away")
    };
    assert_eq!((code, Decoded::of(&bench.buffer[..length]).ra), (rcode::REFUSED, false), "O5");
    let private: SocketAddr = "10.0.0.53:53".parse().expect("an address");
    let mut bench = Bench::new(Config { upstreams: vec![private], ..config() }, &snapshot(vec![]));
    assert!(bench.asks("9.9.168.192.in-addr.arpa", kind::PTR) && !bench.asks("9.0.96.10.in-addr.arpa", kind::PTR));
}

/// A query with these options in its OPT.
fn with_options(question: &[u8], options: &[u8]) -> Vec<u8> {
    let counts = [0, u8::from(!question.is_empty()), 0, 0, 0, 0, 0, 1];
    let length = u8::try_from(options.len()).expect("short");
    [&[0x12, 0x34, 1, 0][..], &counts, question, &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, length], options].concat()
}

const WEB: &[u8] = b"\x03web\x01n\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01";

#[test]
fn w5_a_client_with_a_cookie_gets_one_made_for_its_address() {
    let mut bench = bench();
    let alone = [&[0, 10, 0, 8][..], b"abcdefgh"].concat();
    let first = bench.raw(&with_options(WEB, &alone), Via::Udp).expect("a reply");
    let cookie = first[first.len() - 24..].to_vec();
    assert_eq!(first[first.len() - 28..][..12], [&[0, 10, 0, 24][..], b"abcdefgh"].concat(), "the client's part comes back");
    assert_eq!((Decoded::of(&first).rcode, Decoded::of(&first).answer.len()), (rcode::NOERROR, 1));
    let shown = [&[0, 10, 0, 24][..], &cookie].concat();
    assert_eq!(bench.raw(&with_options(WEB, &shown), Via::Udp).expect("a reply")[first.len() - 24..], cookie, "the same within a second");
    let elsewhere = Client { address: [192, 0, 2, 2].into(), ..client(Via::Udp) };
    let Outcome::Reply(length, ..) = bench.answerer.answer(&with_options(WEB, &alone), elsewhere, &mut bench.buffer) else { panic!("a reply") };
    assert_ne!(bench.buffer[length - 8..length], cookie[16..], "another address, another hash");
    for length in [0_u8, 7, 9, 15, 41] {
        let bad = [&[0, 10, 0, length][..], &vec![7; usize::from(length)]].concat();
        assert_eq!(bench.raw(&with_options(WEB, &bad), Via::Udp).map(|reply| reply[3] & 15), Some(1), "{length} octets are no cookie");
    }
    // Under pressure over UDP who knows cookies must show a good one; who does not is answered.
    let mut pressed = |message: &[u8], via| {
        let pressed = Client { is_pressed: true, ..client(via) };
        let Outcome::Reply(length, code, _) = bench.answerer.answer(message, pressed, &mut bench.buffer) else { panic!("a reply") };
        (code, bench.buffer[..length].to_vec())
    };
    let (code, reply) = pressed(&with_options(WEB, &alone), Via::Udp);
    assert_eq!((code, reply.len()), (rcode::BADCOOKIE, 12 + WEB.len() + 11 + 28), "with a good cookie and no answer");
    let fresh = [&[0, 10, 0, 24][..], &reply[reply.len() - 24..]].concat();
    assert_eq!(pressed(&with_options(WEB, &fresh), Via::Udp).0, rcode::NOERROR);
    assert_eq!(pressed(&with_options(WEB, &alone), Via::Tcp).0, rcode::NOERROR, "a connection is proof");
    assert_eq!(pressed(&query("web.n.svc.cluster.local", kind::A, Some(1232)), Via::Udp).0, rcode::NOERROR);
    // RFC 7873 §5.4: a cookie alone, without a question.
    let reply = bench.raw(&with_options(b"", &alone), Via::Udp).expect("a reply");
    assert_eq!((reply[3] & 15, reply[4..12].to_vec(), reply.len()), (0, vec![0, 0, 0, 0, 0, 0, 0, 1], 12 + 11 + 28));
    assert_eq!(bench.raw(&with_options(b"", &[]), Via::Udp).map(|reply| reply[3] & 15), Some(1), "no question and no cookie");
}

#[test]
fn w6_the_server_says_which_one_it_is_to_those_who_ask() {
    let ask = [0, 3, 0, 0];
    let mut silent = bench();
    assert!(silent.raw(&with_options(WEB, &ask), Via::Udp).expect("a reply").ends_with(&[0, 0]), "nothing to say");
    let mut bench = Bench::new(Config { server_id: Some((*b"node-1").into()), ..config() }, &snapshot(vec![]));
    assert!(bench.raw(&with_options(WEB, &ask), Via::Udp).expect("a reply").ends_with(b"\x00\x03\x00\x06node-1"));
    assert!(bench.raw(&with_options(WEB, &[]), Via::Udp).expect("a reply").ends_with(&[0, 0]), "not asked for");
    let other_version =
        bench.raw(&[&with_options(WEB, &ask)[..12 + WEB.len()], &[0, 0, 41, 4, 208, 0, 1, 0, 0, 0, 4, 0, 3, 0, 0]].concat(), Via::Udp);
    assert!(other_version.expect("a reply").ends_with(b"\x00\x03\x00\x06node-1"), "BADVERS too");
}

#[test]
fn w1_w2_replies_are_cut_at_whole_records_to_what_the_client_takes() {
    let mut bench = bench();
    for (edns, limit, least) in
        [(None, 512, 20), (Some(100), 512, 20), (Some(512), 512, 20), (Some(1000), 1000, 40), (Some(1232), 1232, 50), (Some(65_535), 1232, 50)]
    {
        for (name, kind, least) in [(at("big"), kind::A, least), (at("_http._tcp.big"), kind::SRV, 1)] {
            let reply = bench.ask_with(&name, kind, edns, Via::Udp);
            assert!(
                reply.tc && reply.length <= limit && reply.answer.len() >= least,
                "{edns:?}: {} octets, {} records",
                reply.length,
                reply.answer.len()
            );
            assert!(reply.additional.is_empty() && reply.opt == edns.is_some());
            let mut distinct = reply.data();
            distinct.dedup();
            assert_eq!(distinct.len(), reply.answer.len());
        }
    }
    for (name, kind) in [(at("big"), kind::A), (at("_http._tcp.big"), kind::SRV)] {
        let reply = bench.ask_with(&name, kind, None, Via::Tcp);
        assert_eq!((reply.tc, reply.answer.len()), (false, 100));
    }
    assert_eq!(bench.ask_with(&at("_http._tcp.big"), kind::SRV, None, Via::Tcp).additional.len(), 100);
}

#[test]
fn w2_additional_records_are_the_first_to_go_and_no_reason_for_tc() {
    let named = (0..8).map(|index| endpoint(&format!("10.1.0.{index}"), Some(&format!("n{index}")), &[port("http", Tcp, 8080)])).collect();
    let mut bench = Bench::new(config(), &snapshot(vec![owner("db", Shape::Headless, vec![], named)]));
    let name = "_http._tcp.db.n.svc.cluster.local";
    let small = bench.ask(name, kind::SRV);
    assert_eq!((small.tc, small.answer.len()), (false, 8));
    assert!(small.additional.len() < 8 && small.length <= 512);
    assert_eq!(bench.ask_with(name, kind::SRV, Some(1232), Via::Udp).additional.len(), 8);
}

#[test]
fn srv_targets_beyond_the_reach_of_pointers_have_plain_glue() {
    let many = (0..600u32).map(|index| endpoint(&format!("10.{}.{}.1", index / 200, index % 200), None, &[port("http", Tcp, 8080)])).collect();
    let mut bench = Bench::new(config(), &snapshot(vec![owner("huge", Shape::Headless, vec![], many)]));
    let reply = bench.ask_with("_http._tcp.huge.n.svc.cluster.local", kind::SRV, None, Via::Tcp);
    assert!(reply.answer.len() == 600 && reply.length > 0x4000, "{}", reply.length);
    assert!(
        reply.additional.iter().all(|glue| glue.ends_with(&glue.split('.').next().unwrap_or("").replace('-', "."))),
        "every owner is its address"
    );
}

#[test]
fn r15_an_owner_may_set_its_ttl() {
    let mut slow = owner("slow", addresses(&["10.96.0.7"]), vec![], vec![]);
    slow.ttl_s = Some(60);
    let mut bench = Bench::new(config(), &snapshot(vec![slow]));
    assert_eq!(bench.ask(&at("slow"), kind::A).answer, ["slow.n.svc.cluster.local 60 A 10.96.0.7"]);
}

#[test]
fn s2_r8_weights_that_differ_are_those_of_srv_and_of_the_first_address() {
    let weighted = |address: &str, weight: u32| NamedEndpoint { weight, ..endpoint(address, None, &[port("http", Tcp, 80)]) };
    let mut bench =
        Bench::new(config(), &snapshot(vec![owner("w", Shape::Headless, vec![], vec![weighted("10.1.0.1", 100), weighted("10.1.0.2", 300)])]));
    assert_eq!(bench.ask(&at("w"), kind::SRV).data(), ["0 100 80 10-1-0-1.w.n.svc.cluster.local", "0 300 80 10-1-0-2.w.n.svc.cluster.local"]);
    let heavy = (0..4000).filter(|_| bench.ask(&at("w"), kind::A).answer[0].ends_with("10.1.0.2")).count();
    assert!(heavy.abs_diff(3000) < 150, "{heavy}");
}

#[test]
fn s1_addresses_take_turns() {
    let mut bench = bench();
    let mut first = std::collections::BTreeMap::new();
    for _ in 0..3000 {
        *first.entry(bench.ask(&at("db"), kind::A).answer[0].clone()).or_insert(0u32) += 1;
    }
    assert!(first.len() == 3 && first.values().all(|&count| count.abs_diff(1000) < 150), "{first:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_datagram_panics_and_every_reply_is_well_formed(noise in prop::collection::vec(any::<u8>(), 0..300), tcp: bool) {
        check(&noise, if tcp { Via::Tcp } else { Via::Udp })?;
    }

    #[test]
    fn no_damaged_query_panics(which in 0..8usize, edns: bool, kind in prop::sample::select(vec![1u16, 28, 33, 12, 255, 5]), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in prop::option::of(any::<prop::sample::Index>())) {
        let names = ["web.n.svc.cluster.local", "_http._tcp.big.n.svc.cluster.local", "far.n.svc.cluster.local", "1.0.96.10.in-addr.arpa", "cluster.local", "10-2-0-1.n.pod.cluster.local", "db-0.db.n.svc.cluster.local", "localhost"];
        let mut message = query(names[which], kind, edns.then_some(1232));
        for (at, octet) in damage {
            let at = at.index(message.len());
            message[at] = octet;
        }
        if let Some(cut) = cut {
            message.truncate(cut.index(message.len() + 1));
        }
        check(&message, Via::Udp)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_an_upstream_says_the_client_gets_a_well_formed_reply(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
        alias: bool,
        tcp: bool,
        age_s in 0..400u32,
    ) {
        let mut message = upstream_reply();
        for (at, octet) in damage {
            let at = at.index(message.len() - 12 - 17) + 12 + 17;
            message[at] = octet;
        }
        if let Some(cut) = cut {
            message.truncate(cut.index(message.len() + 1));
        }
        let Some(answer) = crate::cache::Answer::read(&message) else { return Ok(()) };
        let upstreams = vec!["9.9.9.9:53".parse().expect("an address")];
        let owners = vec![owner("out", Shape::Alias("a.example.org".into()), vec![], vec![])];
        let mut bench = Bench::new(Config { upstreams, ..config() }, &snapshot(owners));
        let query = query(if alias { "out.n.svc.cluster.local" } else { "A.example.ORG" }, kind::A, None);
        let name = crate::name::Folded::of(&crate::name::encode("a.example.org").expect("a name"));
        let external = super::External { name: &name, result: Ok(&answer), age_s };
        let Outcome::Reply(length, ..) = bench.answerer.complete(&query, client(if tcp { Via::Tcp } else { Via::Udp }), &mut bench.buffer, &external) else { panic!("a reply") };
        Decoded::walk(&bench.buffer[..length]);
    }
}

/// A reply with compressed names of every kind, as an upstream sends it to a question for `a.example.org`.
fn upstream_reply() -> Vec<u8> {
    let mut message = query("a.example.org", kind::A, None);
    message[2..4].copy_from_slice(&[0x81, 0x80]);
    message[6..12].copy_from_slice(&[0, 3, 0, 1, 0, 3]);
    let mut record = |owner: &[u8], kind: u16, data: &[u8]| {
        message.extend(owner);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 1, 44]);
        message.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        message.extend(data);
    };
    record(&[0xC0, 12], kind::CNAME, b"\x03www\xc0\x0e");
    record(b"\x03www\xc0\x0e", kind::A, &[192, 0, 2, 1]);
    record(&[0xC0, 12], kind::MX, b"\x00\x0a\xc0\x0c");
    record(&[0xC0, 14], kind::SOA, &[&b"\xc0\x0e\x04root\xc0\x0e"[..], &[0; 20]].concat());
    record(&[0xC0, 14], kind::NS, b"\x02ns\xc0\x0e");
    record(b"\x02ns\xc0\x0e", kind::AAAA, &[1; 16]);
    record(&[0], kind::OPT, &[]);
    message
}

#[test]
fn what_upstreams_say_is_passed_on_with_its_names() {
    let answer = crate::cache::Answer::read(&upstream_reply()).expect("well-formed");
    let upstreams = vec!["9.9.9.9:53".parse().expect("an address")];
    let owners = vec![owner("out", Shape::Alias("a.example.org".into()), vec![], vec![])];
    let mut bench = Bench::new(Config { upstreams, ..config() }, &snapshot(owners));
    let name = crate::name::Folded::of(&crate::name::encode("a.example.org").expect("a name"));
    let external = super::External { name: &name, result: Ok(&answer), age_s: 100 };
    let mut complete = |name: &str| {
        let Outcome::Reply(length, ..) = bench.answerer.complete(&query(name, kind::A, None), client(Via::Udp), &mut bench.buffer, &external) else {
            panic!("a reply")
        };
        Decoded::of(&bench.buffer[..length])
    };
    let whole = complete("A.Example.org");
    assert_eq!(
        whole.answer,
        ["A.Example.org 200 CNAME www.Example.org.", "www.Example.org 200 A 192.0.2.1", "A.Example.org 200 MX 10 A.Example.org."]
    );
    assert_eq!((whole.authority.len(), whole.additional.len()), (1, 2), "all but the OPT");
    let chased = complete("out.n.svc.cluster.local");
    assert_eq!(
        chased.answer[..3],
        ["out.n.svc.cluster.local 5 CNAME a.example.org.", "a.example.org 200 CNAME www.example.org.", "www.example.org 200 A 192.0.2.1"]
    );
}

/// A message gets silence, or a reply of its own that another implementation can read.
fn check(message: &[u8], via: Via) -> Result<(), TestCaseError> {
    thread_local!(static BENCH: std::cell::RefCell<Bench> = std::cell::RefCell::new(bench()));
    BENCH.with_borrow_mut(|bench| {
        let Some(reply) = bench.raw(message, via) else { return Ok(()) };
        prop_assert_eq!(&reply[..2], &message[..2]);
        prop_assert!(reply[2] & 0x80 != 0 && (via == Via::Tcp || reply.len() <= 1232));
        Decoded::of(&reply);
        Ok(())
    })
}
