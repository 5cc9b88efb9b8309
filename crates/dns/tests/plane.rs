//! The plane from outside: real sockets, real upstreams.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by ending")]

mod support;

use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dns::Config;
use support::*;

fn upstream() -> Upstream {
    Upstream::start(&[
        ("a.example.org", A, vec![vec![192, 0, 2, 1], vec![192, 0, 2, 2]]),
        ("www.example.org", A, vec![vec![192, 0, 2, 3]]),
        ("alias.example.org", CNAME, vec![encode("a.example.org")]),
        ("big.example.org", A, (0..99).map(|last| vec![192, 0, 2, last]).collect()),
        ("liar.example.org", A, vec![vec![192, 0, 2, 7]]),
        ("slow.example.org", A, vec![vec![192, 0, 2, 8]]),
    ])
}

fn forwarding(upstream: &Upstream) -> Served {
    Served::start(Config { upstreams: vec![upstream.address], ..Config::default() }, snapshot(3))
}

#[test]
fn a_new_generation_is_answered_once_it_is_acknowledged() {
    let served = Served::start(Config::default(), snapshot(3));
    assert_eq!(answers(&served.udp(&query(1, "db.n.svc.cluster.local", A)).unwrap()).len(), 3);
    let mut next = snapshot(5);
    next.generation = 2;
    served.live.publish(Arc::new(next));
    served.until_applied(2);
    assert_eq!(answers(&served.udp(&query(2, "db.n.svc.cluster.local", A)).unwrap()).len(), 5);
}

#[test]
fn other_names_are_forwarded_once_and_cached_positive_and_negative() {
    let upstream = upstream();
    let served = forwarding(&upstream);
    let ask = |name: &str, kind| served.udp(&query(7, name, kind)).unwrap();
    for name in ["a.example.org", "A.eXample.ORG"] {
        let reply = ask(name, A);
        assert_eq!(answers(&reply), ["A 300 192.0.2.1", "A 300 192.0.2.2"]);
        assert_eq!((id(&reply), reply[3] & 0x80, reply[2] & 4), (7, 0x80, 0), "RA, not AA");
        assert_eq!(reply[12..12 + 15], encode(name)[..], "the client's letters");
    }
    for _ in 0..2 {
        assert_eq!(rcode(&ask("no.example.org", A)), 3);
        assert_eq!((rcode(&ask("a.example.org", 28)), answers(&ask("a.example.org", 28)).len()), (0, 0));
    }
    assert_eq!(rcode(&ask("no.example.org", 28)), 3, "a name that is denied is denied for every type");
    assert_eq!(answers(&ask("alias.example.org", A)), ["CNAME 300 a.example.org."]);
    for (name, kind) in [("a.example.org", A), ("a.example.org", 28), ("no.example.org", A)] {
        assert_eq!(upstream.count(name, kind), 1, "{name} {kind}");
    }
    assert_eq!(upstream.count("no.example.org", 28), 0);
    std::thread::sleep(Duration::from_millis(1100));
    assert!(answers(&ask("a.example.org", A))[0].starts_with("A 29"), "TTLs count down");
    ask("no.such.svc.cluster.local", A);
    assert!(upstream.seen.lock().unwrap().iter().all(|(name, _, _)| !name.ends_with("cluster.local")), "own names never leave");
}

#[test]
fn a_cut_reply_is_fetched_over_tcp_and_forged_ones_are_ignored() {
    let upstream = upstream();
    let served = forwarding(&upstream);
    let mut stream = served.connect();
    write_framed(&mut stream, &query(1, "big.example.org", A));
    assert_eq!(answers(&read_framed(&mut stream).unwrap()).len(), 99);
    assert!(upstream.over_tcp("big.example.org"));
    let reply = served.udp(&query(2, "big.example.org", A)).unwrap();
    assert!(truncated(&reply) && reply.len() <= 512, "{} octets", reply.len());
    for _ in 0..2 {
        assert_eq!(answers(&served.udp(&query(3, "liar.example.org", A)).unwrap()), ["A 300 192.0.2.7"]);
    }
}

#[test]
fn dead_upstreams_fail_in_bounded_time_and_hold_nobody_up() {
    let upstream = upstream();
    let served = forwarding(&upstream);
    std::thread::scope(|scope| {
        let mute = scope.spawn(|| {
            let start = Instant::now();
            (rcode(&served.udp(&query(1, "mute.example.org", A)).unwrap()), start.elapsed())
        });
        for id in 0..20 {
            let start = Instant::now();
            assert_eq!(rcode(&served.udp(&query(id, "web.n.svc.cluster.local", A)).unwrap()), 0);
            assert!(start.elapsed() < Duration::from_millis(300));
        }
        let (rcode, took) = mute.join().unwrap();
        assert!(rcode == 2 && took < Duration::from_secs(5), "{rcode} after {took:?}");
    });
    assert_eq!(rcode(&served.udp(&query(2, "broken.example.org", A)).unwrap()), 2);
    let closed = Served::start(Config { upstreams: vec!["127.0.0.1:9".parse().unwrap()], ..Config::default() }, snapshot(0));
    let start = Instant::now();
    assert_eq!(rcode(&closed.udp(&query(3, "x.example.org", A)).unwrap()), 2);
    assert!(start.elapsed() < Duration::from_secs(1), "a closed port is told at once");
}

#[test]
fn the_next_upstream_is_asked_when_one_is_dead() {
    let upstream = upstream();
    let dead = "127.0.0.1:9".parse().unwrap();
    let served = Served::start(Config { upstreams: vec![dead, upstream.address], ..Config::default() }, snapshot(0));
    for index in 0..10 {
        let name = if index % 2 == 0 { "a.example.org" } else { "www.example.org" };
        assert_eq!(rcode(&served.udp(&query(index, name, A)).unwrap()), 0);
    }
}

#[test]
fn f1_the_hosts_list_of_servers_is_followed() {
    let dir = std::env::temp_dir().join(format!("fairlead-dns-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let list = dir.join("resolv.conf");
    std::fs::write(&list, "options ndots:5\n").unwrap();
    let served = Served::start(Config { resolv_conf: Some(list.clone()), ..Config::default() }, snapshot(0));
    let ask = || served.udp(&query(1, "www.example.org", A)).unwrap();
    assert_eq!((rcode(&ask()), ask()[3] & 0x80), (5, 0), "nobody to ask: refused, and no recursion");
    // Nobody answers there: what counts is that it is asked.
    std::fs::write(&list, "nameserver 127.99.99.99\n").unwrap();
    let start = Instant::now();
    while rcode(&ask()) == 5 {
        assert!(start.elapsed() < Duration::from_secs(10), "the list is not read again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_ne!(ask()[3] & 0x80, 0, "recursion is available");
    std::fs::remove_dir_all(&dir).unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    assert_ne!(rcode(&ask()), 5, "a list that cannot be read changes nothing");
}

#[test]
fn f3_an_upstream_that_comes_back_is_found_by_asking_it() {
    let upstream = upstream();
    // A port that nobody else takes meanwhile is the upstream's own, on another address.
    let away = std::net::SocketAddr::from(([127, 0, 0, 98], upstream.address.port()));
    let served = Served::start(Config { upstreams: vec![away], ..Config::default() }, snapshot(0));
    assert_eq!(rcode(&served.udp(&query(1, "a.example.org", A)).unwrap()), 2);
    let socket = std::net::UdpSocket::bind(away).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut probe = [0; 512];
    // The search for loops may be on its way there as well.
    let (length, peer) = loop {
        let received = socket.recv_from(&mut probe).expect("it is probed without a client's query, for the root's servers");
        if probe[12..17] == [0, 0, 2, 0, 1] {
            break received;
        }
    };
    probe[2] |= 0x80;
    socket.send_to(&probe[..length], peer).unwrap();
}

#[test]
fn f6_a_server_that_forwards_to_us_is_not_asked() {
    let target = Arc::new(OnceLock::<std::net::SocketAddr>::new());
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let learnt = Arc::clone(&target);
    std::thread::spawn(move || {
        let (mut buffer, mut clients) = ([0; 4096], std::collections::HashMap::new());
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let message = &buffer[..length];
            let back = message[2] & 0x80 != 0;
            let to = if back { clients.get(&id(message)).copied() } else { learnt.get().copied() };
            clients.insert(id(message), from);
            if let Some(to) = to {
                let _ = socket.send_to(message, to);
            }
        }
    });
    let upstream = upstream();
    let served = Served::start(Config { upstreams: vec![address], ..Config::default() }, snapshot(0));
    target.set(served.address).unwrap();
    let start = Instant::now();
    // Until it is found out, a query goes round until someone's patience ends.
    std::thread::sleep(Duration::from_millis(4500));
    let reply = served.udp(&query(1, "a.example.org", A)).unwrap();
    assert_eq!(rcode(&reply), 2, "nobody else is left to ask");
    let asked = Instant::now();
    assert_eq!(rcode(&served.udp(&query(2, "www.example.org", A)).unwrap()), 2);
    assert!(asked.elapsed() < Duration::from_millis(500), "at once: it is not asked any more, {:?} after the start", start.elapsed());
    drop(served);
    let good = Served::start(Config { upstreams: vec![upstream.address], ..Config::default() }, snapshot(0));
    assert_eq!(rcode(&good.udp(&query(3, "a.example.org", A)).unwrap()), 0, "a server that does not is");
}

#[test]
fn c3_a_name_with_addresses_is_not_denied_for_the_type_it_lacks() {
    // This server denies names for types that it does not have.
    let upstream = Upstream::start(&[("half.nodata.example.org", A, vec![vec![192, 0, 2, 9]])]);
    let served = forwarding(&upstream);
    let ask = |name: &str, kind| rcode(&served.udp(&query(1, name, kind)).unwrap());
    assert_eq!(ask("half.nodata.example.org", A), 0);
    for _ in 0..2 {
        assert_eq!(ask("half.nodata.example.org", 28), 0, "A and AAAA agree on whether it exists");
    }
    assert_eq!(ask("none.nodata.example.org", 28), 3, "a name without anything is denied");
}

#[test]
fn an_alias_to_other_zones_carries_their_verdict() {
    let upstream = upstream();
    let served = forwarding(&upstream);
    let ask = |name: &str, kind| served.udp(&query(1, &format!("{name}.n.svc.cluster.local"), kind)).unwrap();
    for _ in 0..2 {
        assert_eq!(answers(&ask("site", A)), ["CNAME 5 www.example.org.", "A 300 192.0.2.3"]);
    }
    assert_eq!(answers(&ask("site", CNAME)), ["CNAME 5 www.example.org."]);
    let gone = ask("gone", A);
    assert_eq!((rcode(&gone), answers(&gone)), (3, vec!["CNAME 5 no.example.org.".to_owned()]));
    let sick = ask("sick", A);
    assert_eq!((rcode(&sick), answers(&sick).len()), (2, 0));
}

#[test]
fn many_who_ask_the_same_ask_once_and_too_many_are_refused() {
    let upstream = upstream();
    let served = forwarding(&upstream);
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..20)
            .map(|id| {
                scope.spawn({
                    let served = &served;
                    move || answers(&served.udp(&query(id, "slow.example.org", A)).unwrap())
                })
            })
            .collect();
        for one in asking {
            assert_eq!(one.join().unwrap(), ["A 300 192.0.2.8"]);
        }
    });
    assert_eq!(upstream.count("slow.example.org", A), 1);
    let narrow = Served::start(Config { upstreams: vec![upstream.address], max_concurrent: 1, ..Config::default() }, snapshot(0));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| rcode(&narrow.udp(&query(1, "mute.example.org", A)).unwrap()));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(rcode(&narrow.udp(&query(2, "other.example.org", A)).unwrap()), 5, "refused");
        assert_eq!(first.join().unwrap(), 2);
    });
}

#[test]
fn a_hundred_queries_on_one_connection_are_all_answered() {
    let served = Served::start(Config::default(), snapshot(3));
    let mut stream = served.connect();
    let burst: Vec<u8> = (0..100u16)
        .flat_map(|id| {
            let message = query(id, if id % 2 == 0 { "web.n.svc.cluster.local" } else { "no.n.svc.cluster.local" }, A);
            [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat()
        })
        .collect();
    stream.write_all(&burst).unwrap();
    for id_sent in 0..100 {
        let reply = read_framed(&mut stream).unwrap();
        assert_eq!((id(&reply), rcode(&reply)), (id_sent, if id_sent % 2 == 0 { 0 } else { 3 }));
    }
    write_framed(&mut stream, &query(7, "web.n.svc.cluster.local", A));
    assert_eq!(id(&read_framed(&mut stream).unwrap()), 7);
}

#[test]
fn replies_on_a_connection_come_as_they_are_ready() {
    let upstream = upstream();
    let served = forwarding(&upstream);
    let mut stream = served.connect();
    write_framed(&mut stream, &query(1, "slow.example.org", A));
    write_framed(&mut stream, &query(2, "web.n.svc.cluster.local", A));
    assert_eq!([id(&read_framed(&mut stream).unwrap()), id(&read_framed(&mut stream).unwrap())], [2, 1]);
}

#[test]
fn stalled_connections_hold_nobody_up_and_junk_ends_only_its_own() {
    let served = Served::start(Config::default(), snapshot(3));
    let message = query(9, "web.n.svc.cluster.local", A);
    let framed = [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat();
    let mut idle: Vec<_> = (0..40).map(|_| served.connect()).collect();
    idle.iter_mut().take(20).for_each(|stream| stream.write_all(&framed[..10]).unwrap());
    for octet in &framed[10..] {
        idle[0].write_all(&[*octet]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(rcode(&read_framed(&mut idle[0]).unwrap()), 0);
    for junk in [&b"\0\0"[..], b"\0\x05abcde", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = served.connect();
        stream.write_all(junk).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    idle[1].write_all(&framed[10..]).unwrap();
    assert_eq!(rcode(&read_framed(&mut idle[1]).unwrap()), 0, "a query whose second half came late");
}

#[test]
fn one_client_has_at_most_64_connections() {
    let served = Served::start(Config::default(), snapshot(3));
    let mut streams: Vec<_> = (0..65).map(|_| served.connect()).collect();
    let answered = |stream: &mut std::net::TcpStream| {
        let message = query(1, "web.n.svc.cluster.local", A);
        let framed = [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat();
        stream.write_all(&framed).is_ok() && read_framed(stream).is_ok()
    };
    assert_eq!(streams.iter_mut().map(answered).filter(|&answered| answered).count(), 64);
    drop(streams);
    std::thread::sleep(Duration::from_millis(100));
    assert!(answered(&mut served.connect()), "a place that is left is given again");
}

#[test]
fn stopping_finishes_what_is_under_way() {
    let upstream = upstream();
    let mut served = forwarding(&upstream);
    let mut stream = served.connect();
    write_framed(&mut stream, &query(1, "slow.example.org", A));
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    served.stop(Duration::from_secs(5));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(answers(&read_framed(&mut stream).unwrap()), ["A 300 192.0.2.8"]);
    assert!(read_framed(&mut stream).is_err(), "and then the connection ends");
}

#[test]
fn a_connection_that_has_not_asked_when_the_server_stops_may_still_ask() {
    let mut served = Served::start(Config::default(), snapshot(3));
    let mut early = served.connect();
    write_framed(&mut early, &query(1, "web.n.svc.cluster.local", A));
    assert_eq!(rcode(&read_framed(&mut early).unwrap()), 0);
    let (mut late, mut mute) = (served.connect(), served.connect());
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            write_framed(&mut late, &query(2, "web.n.svc.cluster.local", A));
            read_framed(&mut late).map(|reply| rcode(&reply))
        });
        let start = Instant::now();
        served.stop(Duration::from_secs(20));
        assert_eq!(asking.join().unwrap().unwrap(), 0);
        assert!(start.elapsed() < Duration::from_secs(10), "those who say nothing are not waited for: {:?}", start.elapsed());
    });
    for stream in [&mut early, &mut late, &mut mute] {
        assert!(read_framed(stream).is_err(), "and then all end");
    }
}

#[test]
fn a_plane_that_listens_everywhere_replies_from_the_address_that_was_asked() {
    let served = Served::start_on("0.0.0.0:0", Config::default(), snapshot(3));
    for asked in ["127.0.0.1", "127.0.0.7"] {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // Connected: a reply from another address would not arrive.
        socket.connect((asked, served.address.port())).unwrap();
        socket.send(&query(1, "web.n.svc.cluster.local", A)).unwrap();
        let mut reply = [0; 512];
        let length = socket.recv(&mut reply).unwrap();
        assert_eq!(answers(&reply[..length]), ["A 5 10.96.0.1"]);
    }
}
