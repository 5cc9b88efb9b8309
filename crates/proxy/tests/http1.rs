//! HTTP/1 through the plane (gateway spec G96 to G101), with clients and backends spoken by hand.

mod support;

use std::time::{Duration, Instant};

use model::policy::RetryBudget;
use support::{HOST, Scene, Stage, Tape, eventually, ok};

fn stage(tape: &Tape) -> Stage {
    Stage::new(&Scene::to(&[tape.address]))
}

#[test]
fn connections_are_kept_on_both_sides_and_pipelined_requests_are_answered_in_order() {
    let tape = Tape::answering(|request| {
        if request.path() == "/slow" {
            std::thread::sleep(Duration::from_millis(200));
        }
        ok(request.path())
    });
    let stage = stage(&tape);
    let mut client = stage.client();
    for at in 0..20 {
        assert_eq!(client.get(&format!("/{at}")).text(), format!("/{at}"));
    }
    assert_eq!(tape.connections.load(std::sync::atomic::Ordering::Relaxed), 1);
    for path in ["/slow", "/quick", "/last"] {
        client.request(&format!("GET {path}"), "");
    }
    let bodies: Vec<_> = (0..3).map(|_| client.answer("GET").text()).collect();
    assert_eq!(bodies, ["/slow", "/quick", "/last"]);
    let last = client.request("GET /bye", "Connection: close\r\n").answer("GET");
    assert_eq!(last.field("connection").as_deref(), Some("close"));
    client.ends();
}

#[test]
fn a_backend_that_closes_idle_connections_without_a_word_costs_no_request() {
    let tape = Tape::raw(|wire, _| {
        wire.asked()?;
        wire.send(ok("ok"));
        std::thread::sleep(Duration::from_micros(wire.stream.peer_addr().ok()?.port() as u64 % 3 * 1000));
        Some(())
    });
    let mut scene = Scene::to(&[tape.address]);
    // Not even a service that allows no retry at all loses a request to this.
    scene.policy.retry_budget = RetryBudget { percent: 0, interval: Duration::from_secs(10), min_per_second: 0 };
    let stage = Stage::new(&scene);
    let mut client = stage.client();
    for pause in [0, 1, 3] {
        for _ in 0..100 {
            assert_eq!(client.get("/").status(), 200);
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
    for _ in 0..10 {
        let answer = client.request("POST /", "Content-Length: 3\r\n").send("abc").answer("POST");
        assert_eq!(answer.status(), 200, "what must not be sent twice goes to a connection that is known to live");
        // Long enough for the backend to have closed its end, also on a busy machine: nobody can know of an end that is still to come.
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn chunked_bodies_pass_both_ways_with_trailers_and_without_waiting_for_the_end() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let tape = Tape::raw(move |wire, notes| {
        loop {
            let request = wire.asked()?;
            notes.lock().ok()?.push(request.clone());
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nfirst\r\n");
            wait.lock().ok()?.recv_timeout(Duration::from_secs(5)).ok()?;
            let wide = "y".repeat(70_000);
            wire.send(format!("{:x};ext=1\r\n{wide}\r\n0\r\nX-Sum: 42\r\nSet-Cookie: a=1\r\nContent-Length: 9\r\n\r\n", wide.len()));
        }
    });
    let stage = stage(&tape);
    let mut client = stage.client();
    client
        .request("POST /stream", "TE: trailers\r\nTransfer-Encoding: chunked\r\n")
        .send("3\r\nabc\r\n0000A;x=y\r\n0123456789\r\n0\r\nX-Late: 1\r\n\r\n");
    let mut answer = client.head().expect("an answer");
    assert_eq!(client.chunk().as_deref(), Some(&b"first"[..]), "before the backend sent the second chunk");
    go.send(()).expect("the backend waits");
    client.chunked(&mut answer).expect("a whole body");
    assert_eq!((answer.body.len(), answer.trailers), (70_000, vec![("X-Sum".to_owned(), "42".to_owned())]));
    assert_eq!(tape.last().body, b"abc0123456789");
    assert_eq!(tape.last().trailers, [("X-Late".to_owned(), "1".to_owned())]);
    assert_eq!((tape.last().field("te").as_deref(), tape.last().field("x-late")), (Some("trailers"), None));
    go.send(()).expect("the backend waits");
    assert_eq!(client.get("/again").body.len(), 70_005);
}

#[test]
fn a_client_of_version_1_0_gets_no_chunks_and_a_body_that_ends_with_the_connection_arrives_whole() {
    let tape = Tape::raw(|wire, _| {
        let request = wire.asked()?;
        match request.path() {
            "/chunks" => wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            _ => wire.send(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "z".repeat(100_000))),
        };
        Some(())
    });
    let stage = stage(&tape);
    let mut client = stage.client();
    let head = client.send(format!("GET /chunks HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).head().expect("an answer");
    assert_eq!((head.field("transfer-encoding"), client.rest()), (None, b"hello".to_vec()));
    let mut client = stage.client();
    for _ in 0..2 {
        let answer = client.get("/close");
        assert_eq!((answer.body.len(), answer.field("transfer-encoding").as_deref()), (100_000, Some("chunked")));
    }
    let answer = client.send(format!("GET /len HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n")).head().expect("an answer");
    assert_eq!(answer.field("connection").as_deref(), Some("close"), "without a length only the end of the connection ends a body");
}

#[test]
fn head_204_and_304_have_no_body_whatever_their_fields_say() {
    let tape = Tape::answering(|request| match request.path() {
        "/304" => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n".to_vec(),
        "/204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        _ if request.first.starts_with("HEAD") => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n".to_vec(),
        _ => ok("body"),
    });
    let stage = stage(&tape);
    let mut client = stage.client();
    let head = client.request("HEAD /", "").answer("HEAD");
    assert_eq!(head.field("content-length").as_deref(), Some("4"));
    let statuses: Vec<_> = ["/", "/204", "/304", "/"].map(|path| client.get(path).status()).to_vec();
    assert_eq!(statuses, [200, 204, 304, 200]);
}

#[test]
fn an_expectation_passes_through_and_a_refusal_comes_without_100() {
    let tape = Tape::raw(|wire, _| {
        loop {
            let head = wire.head()?;
            if head.path() == "/no" {
                wire.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                return None;
            }
            if head.path() != "/silent" {
                wire.send("HTTP/1.1 100 Continue\r\n\r\n");
            }
            let body = wire.exactly(5)?;
            wire.send(ok(&String::from_utf8_lossy(&body)));
        }
    });
    let stage = stage(&tape);
    let fields = "Content-Length: 5\r\nExpect: 100-continue\r\n";
    for path in ["/", "/silent"] {
        let mut client = stage.client();
        assert_eq!(client.request(&format!("POST {path}"), fields).answer("POST").status(), 100, "{path}");
        assert_eq!(client.send("hello").answer("POST").text(), "hello", "{path}");
    }
    assert_eq!(stage.client().request("POST /no", fields).answer("POST").status(), 401);
    assert_eq!(stage.client().request("POST /", "Content-Length: 5\r\nExpect: a-miracle\r\n").answer("POST").status(), 417);
}

#[test]
fn an_early_answer_arrives_and_unfinished_connections_are_never_used_again() {
    let tape = Tape::raw(|wire, _| {
        loop {
            if wire.head()?.first.starts_with("POST") {
                wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nfull");
                let rest = String::from_utf8_lossy(&wire.rest()).into_owned();
                assert!(!rest.contains("/next"), "another request followed");
                return None;
            }
            wire.send(ok("ok"));
        }
    });
    let stage = stage(&tape);
    for _ in 0..3 {
        let mut client = stage.client();
        client.request("POST /up", "Content-Length: 10000000\r\n").send(format!("GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n").repeat(400));
        let answer = client.answer("POST");
        assert_eq!((answer.status(), answer.text().as_str()), (413, "full"));
        client.ends();
        assert_eq!(stage.get("/next").text(), "ok");
    }
}

#[test]
fn what_is_malformed_or_ambiguous_is_refused_closed_and_never_reaches_the_backend() {
    let tape = Tape::polite();
    let stage = stage(&tape);
    let mut cases: Vec<(String, u16)> = [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X-A: 1\r\n folded\r\n",
        "X-A: 1\nX-B: 2\r\n",
        "Host: other.test\r\n",
    ]
    .map(|fields| (format!("POST /case HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 400))
    .to_vec();
    for chunk in ["xyz\r\nabc\r\n", "3\r\nabcd\r\n", "3\nabc\r\n", "+3\r\nabc\r\n"] {
        cases.push((format!("POST /case HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"), 400));
    }
    cases.push((format!("GET /{} HTTP/1.1\r\n", "a".repeat(9000)), 414));
    cases.push((format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(20_000)), 431));
    cases.push(("GET / HTTP/2.0\r\n\r\n".to_owned(), 505));
    for (text, status) in cases {
        let mut client = stage.client();
        let answer = client.send(&text).answer("GET");
        assert_eq!(answer.status(), status, "{}", &text[..text.len().min(120)]);
        assert_eq!(answer.field("server").as_deref(), Some("fairlead"));
        client.ends();
    }
    assert!(tape.requests.lock().expect("not poisoned").is_empty());
    assert_eq!(stage.get("/after").status(), 200);
}

#[test]
fn forwarding_fields_are_ours_and_hop_by_hop_fields_end_here() {
    let answer =
        "HTTP/1.1 200 OK\r\nServer: backend/1\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nX-End: e\r\nContent-Length: 2\r\n\r\nok";
    let tape = Tape::answering(move |_| answer.as_bytes().to_vec());
    let stage = stage(&tape);
    let answer = stage
        .client()
        .request("GET /", "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-CaMeL: v\r\nX_Under: 1\r\nProxy: p\r\n")
        .answer("GET");
    let got = tape.last();
    for name in ["x-hop", "forwarded", "x_under", "proxy", "connection"] {
        assert_eq!(got.field(name), None, "{name}");
    }
    let field = |name| got.field(name).unwrap_or_default();
    assert_eq!([field("x-forwarded-for"), field("x-forwarded-proto"), field("x-forwarded-host")], ["127.0.0.1", "http", HOST]);
    assert_eq!(field("x-request-id").len(), 32);
    assert!(got.fields.contains(&("X-CaMeL".to_owned(), "v".to_owned())), "names keep their case");
    assert_eq!((answer.field("server").as_deref(), answer.field("x-end").as_deref()), (Some("backend/1"), Some("e")));
    assert_eq!((answer.field("x-hop"), answer.field("keep-alive"), answer.field("fairlead-reason")), (None, None, None));
}

#[test]
fn a_malformed_answer_is_502_and_a_cut_one_never_looks_whole() {
    let tape = Tape::raw(|wire, _| {
        loop {
            let request = wire.asked()?;
            let text = match request.path() {
                "/garbage" => "hello\r\n\r\n",
                "/two" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
                "/folded" => "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 2\r\n\r\nab",
                "/cut" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
                "/chunk" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nonly this",
                _ => {
                    wire.send(ok("ok"));
                    continue;
                }
            };
            wire.send(text);
            return None;
        }
    });
    let stage = stage(&tape);
    for path in ["/garbage", "/two", "/folded"] {
        let answer = stage.get(path);
        assert_eq!((answer.status(), answer.reason().as_str()), (502, "upstream_protocol"), "{path}");
        assert_eq!(stage.get("/fine").status(), 200);
    }
    for path in ["/cut", "/chunk"] {
        let mut client = stage.client();
        let rest = client.request(&format!("GET {path}"), "").rest();
        let text = String::from_utf8_lossy(&rest);
        assert!(text.starts_with("HTTP/1.1 502") || !text.ends_with("0\r\n\r\n") && !text.contains("Content-Length: 9\r\n"), "{text}");
    }
}

#[test]
fn large_bodies_stream_both_ways_while_the_other_side_is_slow() {
    const SIZE: usize = 20 << 20;
    let tape = Tape::raw(|wire, _| {
        let head = wire.head()?;
        if head.first.starts_with("POST") {
            std::thread::sleep(Duration::from_millis(200));
            let body = wire.exactly(SIZE)?;
            wire.send(ok(&body.iter().map(|byte| u64::from(*byte)).sum::<u64>().to_string()));
        } else {
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
            wire.send(vec![7; SIZE]);
        }
        Some(())
    });
    let stage = stage(&tape);
    let mut client = stage.client();
    client.request("POST /up", &format!("Content-Length: {SIZE}\r\n")).send(vec![3; SIZE]);
    assert_eq!(client.answer("POST").text(), (SIZE as u64 * 3).to_string());
    let mut client = stage.client();
    client.request("GET /down", "");
    std::thread::sleep(Duration::from_millis(200));
    let answer = client.answer("GET");
    assert!(answer.body.len() == SIZE && answer.body.iter().all(|byte| *byte == 7));
}

#[test]
fn clients_that_dribble_their_heads_are_cut_off_with_408() {
    let tape = Tape::polite();
    let mut settings = proxy::Settings::default();
    settings.options.head_timeout = Duration::from_millis(400);
    let stage = Stage::with(&Scene::to(&[tape.address]), settings);
    let mut slow = stage.client();
    let start = Instant::now();
    for byte in format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaa").bytes() {
        slow.send([byte]);
        std::thread::sleep(Duration::from_millis(15));
    }
    assert_eq!(slow.answer("GET").status(), 408);
    assert!(start.elapsed() < Duration::from_secs(3));
    slow.ends();
    assert_eq!(stage.get("/").status(), 200);
}

#[test]
fn a_websocket_passes_both_ways_and_early_bytes_wait_for_the_101() {
    let (tell, early) = std::sync::mpsc::channel();
    let tape = Tape::raw(move |wire, _| {
        wire.asked()?;
        std::thread::sleep(Duration::from_millis(150));
        wire.stream.set_nonblocking(true).ok()?;
        let mut peek = [0; 10];
        tell.send(wire.stream.peek(&mut peek).unwrap_or(0) + wire.buffer.len()).ok()?;
        wire.stream.set_nonblocking(false).ok()?;
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n");
        loop {
            let piece = wire.exactly(5)?;
            wire.send(piece);
        }
    });
    let mut stage = stage(&tape);
    let mut client = stage.client();
    client.request("GET /ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n").send("early");
    let answer = client.answer("GET");
    assert_eq!(
        (answer.status(), answer.field("upgrade").as_deref(), answer.field("connection").as_deref()),
        (101, Some("websocket"), Some("Upgrade"))
    );
    assert_eq!(answer.field("sec-websocket-accept").as_deref(), Some("x"));
    assert_eq!(client.exactly(5).as_deref(), Some(&b"early"[..]));
    assert_eq!(early.recv().ok(), Some(0), "nothing reached the backend before its 101");
    stage.play(&Scene::to(&[]));
    assert_eq!(stage.get("/").status(), 503, "the route has changed");
    client.send("later");
    assert_eq!(client.exactly(5).as_deref(), Some(&b"later"[..]), "and the tunnel has not");
    client.stream.shutdown(std::net::Shutdown::Write).expect("a live socket");
    client.ends();
}

#[test]
fn a_declined_upgrade_returns_to_ordinary_requests() {
    let tape = Tape::polite();
    let stage = stage(&tape);
    let mut client = stage.client();
    client.request("GET /declined", "Connection: Upgrade\r\nUpgrade: websocket\r\n").request("GET /second", "X-Forwarded-For: 6.6.6.6\r\n");
    assert_eq!([client.answer("GET").text(), client.answer("GET").text()], ["GET /declined 0", "GET /second 0"]);
    assert_eq!(tape.last().field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
}

#[test]
fn a_client_that_leaves_frees_its_backend() {
    let (tell, gone) = std::sync::mpsc::channel();
    let tape = Tape::raw(move |wire, _| {
        wire.asked()?;
        let rest = wire.rest();
        tell.send(rest.len()).ok()
    });
    let scene = Scene::to(&[tape.address]);
    let stage = Stage::new(&scene);
    let mut client = stage.client();
    client.request("GET /", "");
    let vitals = &scene.pools[0][0].vitals;
    eventually("the request is in flight", || vitals.in_flight() == 1);
    drop(client);
    assert_eq!(gone.recv_timeout(Duration::from_secs(5)).ok(), Some(0));
    eventually("every count is lowered", || vitals.in_flight() == 0 && vitals.connections() == 0 && stage.plane.open_connections() == 0);
}
