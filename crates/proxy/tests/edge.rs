//! What stands before the routes (gateway spec G43, G95, G115): who the client is, how large its body may be, the terms of TLS.

mod support;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::{Duration, Instant};

use model::routes::{Edge, Fallback, Limits, Peers, Speaks};
use support::{Scene, Stage, Tape};

fn scene(tape: &Tape) -> Scene {
    Scene::to(&[tape.address])
}

fn trusting(networks: &[([u8; 4], u8)], announced: bool) -> Peers {
    let trusted: Arc<[_]> = networks.iter().map(|(base, length)| ((*base).into(), *length)).collect();
    Peers { trusted, announced }
}

#[test]
fn a_header_of_the_proxy_protocol_names_the_client_whatever_is_spoken_after_it() {
    let tape = Tape::polite();
    let mut scene = scene(&tape);
    scene.peers = trusting(&[], true);
    let stage = Stage::new(&scene);
    let mut client = stage.client();
    client.send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n");
    assert_eq!(client.get("/one").status(), 200);
    assert_eq!(tape.last().field("x-forwarded-for").as_deref(), Some("192.0.2.7"));
    assert_eq!(client.get("/again").status(), 200, "it stands for the whole connection");
    assert_eq!(tape.last().field("x-forwarded-for").as_deref(), Some("192.0.2.7"));

    // In pieces, in version 2, with a request right behind it.
    let mut client = stage.client();
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\x0a\0\0\x01\x12\x67\0\x50";
    for piece in header.chunks(5) {
        client.send(piece);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(client.get("/two").status(), 200);
    assert_eq!(tape.last().field("x-forwarded-for").as_deref(), Some("192.0.2.8"));

    // Who says nothing is not guessed at.
    let mut client = stage.client();
    client.request("GET /three", "");
    client.ends();
    assert_eq!(tape.last().path(), "/two");
}

#[test]
fn only_trusted_proxies_may_announce_anybody() {
    let tape = Tape::polite();
    let mut scene = scene(&tape);
    scene.peers = trusting(&[([10, 0, 0, 0], 8)], true);
    let stage = Stage::new(&scene);
    let mut client = stage.client();
    client.send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n").request("GET /", "");
    client.ends();
}

#[test]
fn the_word_of_a_trusted_proxy_goes_on_and_nobody_elses() {
    let tape = Tape::polite();
    let mut scene = scene(&tape);
    let fields = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nX-Request-Id: 7\r\n";
    let mut stage = Stage::new(&scene);
    let said = |stage: &Stage| {
        stage.client().request("GET /", fields).answer("GET");
        let last = tape.last();
        ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map(|name| last.field(name).unwrap_or_default()).join(" ")
    };
    assert_eq!(said(&stage), "127.0.0.1 http web.test");
    scene.peers = trusting(&[([127, 0, 0, 0], 8)], false);
    stage.play(&scene);
    assert_eq!(said(&stage), "192.0.2.7, 127.0.0.1 https shop.test");
    assert_eq!(tape.last().field("x-request-id").as_deref(), Some("7"));
}

#[test]
fn a_body_beyond_the_bound_is_413_announced_or_not() {
    let tape = Tape::polite();
    let mut scene = scene(&tape);
    scene.edge = Edge { body_max: Some(10), ..Edge::default() };
    let stage = Stage::new(&scene);
    let post = |fields: &str, body: &str| {
        let mut client = stage.client();
        client.request("POST /", fields).send(body);
        client.answer("POST")
    };
    assert_eq!(post("Content-Length: 10\r\n", "0123456789").text(), "POST / 10");
    assert_eq!(post("Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n").text(), "POST / 10");
    let many = tape.requests.lock().expect("not poisoned").len();
    for answer in [post("Content-Length: 11\r\n", "0123456789a"), post("Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n")] {
        assert_eq!((answer.status(), answer.reason().as_str()), (413, "body_limit"));
    }
    let refused = post("Expect: 100-continue\r\nContent-Length: 11\r\n", "");
    assert_eq!(refused.status(), 413, "before the client sends it");
    assert_eq!(tape.requests.lock().expect("not poisoned").len(), many, "none of them is complete for the backend");
}

#[test]
fn g115_an_entrance_may_have_bounds_of_its_own() {
    let tape = Tape::polite();
    let mut scene = scene(&tape);
    let stage = Stage::new(&scene);
    let long = format!("/{}", "a".repeat(100));
    assert_eq!(stage.get(&long).status(), 200);
    drop(stage);

    let (target_max, fields_max, idle_timeout) = (Some(60), Some(3), Some(Duration::from_millis(300)));
    scene.limits = Some(Arc::new(Limits { target_max, fields_max, idle_timeout, ..Limits::default() }));
    let mut stage = Stage::new(&scene);
    assert_eq!(stage.get(&long).status(), 414);
    assert_eq!(stage.client().request("GET /", "A: 1\r\nB: 2\r\nC: 3\r\n").answer("GET").status(), 431);
    let mut client = stage.client();
    assert_eq!(client.get("/").status(), 200);
    let began = Instant::now();
    client.ends();
    assert!(began.elapsed() < Duration::from_secs(5), "it was idle for longer than it may be");

    // What changes counts for those who come later.
    let mut early = stage.client();
    assert_eq!(early.get("/").status(), 200);
    scene.limits = None;
    stage.play(&scene);
    assert_eq!(stage.get(&long).status(), 200);
    assert_eq!(early.get(&long).status(), 414);
}

/// Where a log is written to, and read again.
#[derive(Clone, Default)]
struct Memory(Arc<std::sync::Mutex<Vec<u8>>>);
impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Memory {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("not poisoned")).into_owned()
    }

    fn log(&self) -> proxy::Settings {
        let lines = observe::Lines::start("test", self.clone()).expect("a thread");
        let log = proxy::AccessLog { lines, format: proxy::Format::Text, only: proxy::Only::default() };
        proxy::Settings { log: Some(log), ..proxy::Settings::default() }
    }
}

#[test]
fn a_line_of_the_log_names_the_client_and_the_proxy_that_spoke_for_it() {
    let (tape, memory) = (Tape::polite(), Memory::default());
    let mut scene = scene(&tape);
    scene.peers = trusting(&[([127, 0, 0, 0], 8)], false);
    let stage = Stage::with(&scene, memory.log());
    stage.client().request("GET /", "X-Forwarded-For: 192.0.2.7\r\n").answer("GET");
    support::eventually("a line", || memory.text().contains(" 192.0.2.7 GET web.test / 200 peer=127.0.0.1:"));
    let id = tape.last().field("x-request-id").expect("every request has a number");
    assert!(memory.text().contains(&format!(" request_id={id}")), "{}", memory.text());
}

#[test]
fn a_silent_listener_leaves_no_line() {
    let (tape, memory) = (Tape::polite(), Memory::default());
    let mut scene = scene(&tape);
    scene.edge = Edge { silent: true, ..Edge::default() };
    let mut stage = Stage::with(&scene, memory.log());
    stage.get("/quiet");
    scene.edge = Edge::default();
    stage.play(&scene);
    stage.get("/loud");
    support::eventually("the line of the second", || memory.text().contains("/loud"));
    assert!(!memory.text().contains("/quiet"));
}

#[test]
fn g115_when_memory_runs_short_idle_connections_go_and_then_requests_are_refused() {
    let (tape, used) = (Tape::polite(), Arc::new(AtomicU64::new(0)));
    let said = Arc::clone(&used);
    let memory: proxy::Measure = Box::new(move || Some(net::memory::Memory { used: said.load(Ordering::Relaxed), limit: 100 }));
    let stage = Stage::with(&scene(&tape), proxy::Settings { memory: Some(memory), ..proxy::Settings::default() });
    assert_eq!(stage.get("/").status(), 200);
    used.store(95, Ordering::Relaxed);
    support::eventually("refused", || stage.get("/").status() == 503);
    let mut client = stage.client();
    let refused = client.get("/");
    assert_eq!((refused.reason().as_str(), refused.field("connection").as_deref()), ("overload", Some("close")));
    client.ends();

    used.store(90, Ordering::Relaxed);
    support::eventually("served", || stage.get("/").status() == 200);
    let (mut client, began) = (stage.client(), Instant::now());
    assert_eq!(client.get("/").status(), 200);
    client.ends();
    assert!(began.elapsed() < Duration::from_secs(7), "an idle client stayed");
    used.store(89, Ordering::Relaxed);
    support::eventually("time to rest", || {
        let mut client = stage.client();
        client.get("/");
        std::thread::sleep(Duration::from_millis(1500));
        client.request("GET /", "").head().is_some()
    });
}

#[test]
fn g49_a_port_of_https_is_reached_over_tls_and_never_in_the_clear() {
    let tape = Tape::polite();
    let mut inner = scene(&tape);
    (inner.speaks, inner.fallback) = (Speaks::Https, Some(Fallback::SelfSigned));
    let behind = Stage::new(&inner);
    let mut outer = Scene::to(&[behind.address]);
    outer.app_protocol = Some("https");
    let stage = Stage::new(&outer);
    let mut client = stage.client();
    assert_eq!(client.get("/a").text(), "GET /a 0");
    assert_eq!(tape.last().field("x-forwarded-proto").as_deref(), Some("https"), "as the one behind sees it");
    assert_eq!(client.request("POST /b", "Content-Length: 3\r\n").send("abc").answer("POST").text(), "POST /b 3");
    assert_eq!(behind.plane.open_connections(), 1, "one connection for both");

    // The same address in the clear first: what is kept of that is not for TLS.
    let plain = Tape::raw(|wire, _| {
        loop {
            let first = wire.exactly(3)?;
            if first != b"GET" {
                wire.send("what?");
                return None;
            }
            wire.until(b"\r\n\r\n")?;
            wire.send(support::ok("plain"));
        }
    });
    let mut outer = Scene::to(&[plain.address]);
    let mut stage = Stage::new(&outer);
    assert_eq!(stage.get("/").text(), "plain");
    outer.app_protocol = Some("kubernetes.io/wss");
    stage.play(&outer);
    let refused = stage.get("/");
    assert_eq!((refused.status(), refused.reason().as_str()), (503, "tls_upstream"));
}
