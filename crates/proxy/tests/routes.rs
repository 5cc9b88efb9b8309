//! What rules do with requests: filters, weights, deadlines, other endpoints, retries (gateway spec G57 to G65, G112 to G114).

mod support;

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use model::endpoint::PoolId;
use model::ident::Origin;
use model::policy::{HashKey, Strategy};
use model::routes::{Backend, BackendTo, Filter, HeaderEdit, Limits, Mirror, PathEdit, PathMatch, Redirect, Retry, Rewrite, Timeouts};
use support::{HOST, Scene, Stage, Tape, endpoint, eventually, free_address, ok, rule, to_pool, with_filters};

fn prefix(path: &str) -> PathMatch {
    PathMatch::Prefix(path.into())
}

fn spread(stage: &Stage, count: usize) -> HashMap<String, usize> {
    let mut client = stage.client();
    let mut names = HashMap::new();
    for _ in 0..count {
        *names.entry(client.get("/").text()).or_default() += 1;
    }
    names
}

#[test]
fn what_nobody_serves_is_answered_with_its_reason() {
    let nowhere = |status| Backend { to: BackendTo::Nowhere { status, detail: "service shop/cart not found".into() }, ..to_pool(1) };
    let rules = vec![
        (prefix("/invalid"), rule(vec![nowhere(500)])),
        (prefix("/missing"), rule(vec![nowhere(503)])),
        (prefix("/none"), rule(Vec::new())),
        (prefix("/zero"), rule(vec![Backend { weight: 0, ..to_pool(1) }])),
        (prefix("/empty"), rule(vec![to_pool(1)])),
        (prefix("/refused"), with_filters(vec![Filter::Refuse { status: 500, detail: "unknown filter".into() }])),
    ];
    let stage = Stage::new(&Scene::new(rules, vec![Vec::new()]));
    for (path, status, reason) in [
        ("/nobody", 404, "no_route"),
        ("/invalid", 500, "backend_invalid"),
        ("/missing", 503, "backend_invalid"),
        ("/none", 500, "backend_invalid"),
        ("/zero", 500, "backend_invalid"),
        ("/empty", 503, "no_endpoint"),
        ("/refused", 500, "filter_error"),
    ] {
        let answer = stage.get(path);
        assert_eq!((answer.status(), answer.reason().as_str(), answer.field("server").as_deref()), (status, reason, Some("fairlead")), "{path}");
        assert!(!answer.text().contains("shop"), "names of objects stay inside");
    }
    let mut client = stage.client();
    let answer = client.request("POST /nobody", "Content-Length: 3\r\nAccept: application/json\r\n").send("abc").answer("POST");
    assert_eq!(answer.text(), "{\"status\":404,\"reason\":\"no_route\"}\n");
    assert_eq!(client.get("/empty").status(), 503, "the connection goes on after the unread body");
}

#[test]
fn weights_are_the_shares_of_the_requests() {
    let tapes = [Tape::named("none"), Tape::named("one"), Tape::named("nine")];
    let weights = [0, 1, 9];
    let backends = (0..3).map(|at| Backend { weight: weights[at], ..to_pool(at as u32 + 1) }).collect();
    let pools = tapes.iter().map(|tape| vec![endpoint(tape.address)]).collect();
    let stage = Stage::new(&Scene::new(vec![(prefix("/"), rule(backends))], pools));
    let got = spread(&stage, 200);
    assert_eq!((got.get("none"), got["one"], got["nine"]), (None, 20, 180));
}

#[test]
fn header_filters_redirects_and_rewrites() {
    let edit = || HeaderEdit { set: vec![("X-Set".into(), "new".into())], add: vec![("X-Add".into(), "added".into())], remove: vec!["x-old".into()] };
    let rewrite = |host: Option<&str>, path| Filter::Rewrite(Rewrite { host: host.map(Into::into), path });
    let redirect = Redirect { status: 302, scheme: None, host: Some("other.test".into()), port: None, path: None };
    let rules = vec![
        (prefix("/edit"), with_filters(vec![Filter::EditRequest(edit()), Filter::EditResponse(edit())])),
        (prefix("/old"), with_filters(vec![rewrite(Some("inside.test"), Some(PathEdit::Prefix("/new".into())))])),
        (prefix("/go"), with_filters(vec![Filter::Redirect(redirect)])),
        (prefix("/same"), rule(vec![to_pool(1)])),
    ];
    let tape = Tape::answering(|request| {
        format!("HTTP/1.1 200 OK\r\nX-Old: 1\r\nX-Add: backend\r\nContent-Length: {}\r\n\r\n{}", request.path().len(), request.path()).into_bytes()
    });
    let stage = Stage::new(&Scene::new(rules, vec![vec![endpoint(tape.address)]]));

    let answer = stage.client().request("GET /edit", "x-set: old\r\nX-Add: client\r\nX-Old: 1\r\n").answer("GET");
    let seen = |message: &support::Message| ["x-set", "x-add", "x-old"].map(|name| message.field(name).unwrap_or_default());
    assert_eq!(seen(&tape.last()), ["new", "client, added", ""]);
    assert_eq!(seen(&answer), ["new", "backend, added", ""]);

    assert_eq!(stage.get("/old/x?q=1").text(), "/new/x?q=1");
    let host = |name| tape.last().field(name).unwrap_or_default();
    assert_eq!([host("host"), host("x-forwarded-host")], ["inside.test", HOST]);

    let answer = stage.get("/go/x?q=1");
    let port = stage.address.port();
    assert_eq!((answer.status(), answer.field("location")), (302, Some(format!("http://other.test:{port}/go/x?q=1"))));
    stage.client().send(format!("GET /same HTTP/1.1\r\nHost: {HOST}:9999\r\n\r\n")).answer("GET");
    assert_eq!(host("host"), format!("{HOST}:9999"), "without a rewrite Host passes unchanged");
}

#[test]
fn a_mirror_gets_every_request_with_its_body_and_delays_nothing() {
    let copy = Tape::answering(|_| {
        std::thread::sleep(Duration::from_millis(300));
        ok("copy")
    });
    let main = Tape::polite();
    let mirror = |to| Filter::Mirror(Mirror { to, service: Origin::new("Service", "test", "copy"), numerator: 1, denominator: 1 });
    let nowhere = BackendTo::Nowhere { status: 500, detail: "invalid".into() };
    let rules = vec![(prefix("/"), with_filters(vec![mirror(BackendTo::Pool(PoolId(2))), mirror(nowhere)]))];
    let stage = Stage::new(&Scene::new(rules, vec![vec![endpoint(main.address)], vec![endpoint(copy.address)]]));
    let start = Instant::now();
    for at in 0..5 {
        let answer = stage.client().request(&format!("POST /m{at}"), "Content-Length: 6\r\n").send(format!("body {at}")).answer("POST");
        assert_eq!(answer.text(), format!("POST /m{at} 6"));
    }
    assert!(start.elapsed() < Duration::from_millis(300));
    let seen = || {
        let mut seen: Vec<_> = copy.requests.lock().expect("not poisoned").iter().map(|one| format!("{} {}", one.path(), one.text())).collect();
        seen.sort();
        seen
    };
    eventually("every copy arrived", || seen() == (0..5).map(|at| format!("/m{at} body {at}")).collect::<Vec<_>>());
}

#[test]
fn a_mirror_gets_bodies_that_come_faster_than_they_are_sent_on() {
    let (main, copy) = (Tape::polite(), Tape::polite());
    let mirror = Mirror { to: BackendTo::Pool(PoolId(2)), service: Origin::new("Service", "test", "copy"), numerator: 1, denominator: 1 };
    let rules = vec![(prefix("/"), with_filters(vec![Filter::Mirror(mirror)]))];
    let stage = Stage::new(&Scene::new(rules, vec![vec![endpoint(main.address)], vec![endpoint(copy.address)]]));
    for (at, length) in [70_000, 200_000, 1_000_000].into_iter().enumerate() {
        let body = "b".repeat(length);
        let answer = stage.client().request("POST /", &format!("Content-Length: {length}\r\n")).send(&body).answer("POST");
        assert_eq!(answer.text(), format!("POST / {length}"));
        eventually("the copy arrived", || copy.requests.lock().expect("not poisoned").len() == at + 1);
        assert_eq!(copy.last().body.len(), length);
    }
}

#[test]
fn a_preflight_is_answered_by_the_rule_of_the_method_that_it_asks_for() {
    let tape = Tape::polite();
    let cors = model::routes::Cors { origins: vec!["https://a.test".into()], ..model::routes::Cors::default() };
    let scene = Scene::new(vec![(prefix("/"), with_filters(vec![Filter::Cors(Arc::new(cors))]))], vec![vec![endpoint(tape.address)]]);
    let stage = Stage::new(&Scene { method: Some("PUT".into()), ..scene });
    let ask = |fields: &str| stage.client().request("OPTIONS /", fields).answer("OPTIONS");
    let answer = ask("Origin: https://a.test\r\nAccess-Control-Request-Method: PUT\r\n");
    assert_eq!((answer.status(), answer.field("access-control-allow-origin").as_deref()), (204, Some("https://a.test")));
    assert_eq!(ask("Origin: https://a.test\r\nAccess-Control-Request-Method: DELETE\r\n").status(), 404);
    assert_eq!(ask("Access-Control-Request-Method: PUT\r\n").status(), 404);
    assert_eq!(stage.client().request("OPTIONS /", "").answer("OPTIONS").status(), 404);
}

#[test]
fn a_grpc_client_sets_its_own_deadline_and_learns_of_a_nearer_one() {
    let tape = Tape::answering(|request| {
        if request.path() == "/slow" {
            std::thread::sleep(Duration::from_millis(1500));
        }
        ok("")
    });
    let with = |request: Option<u64>| Scene::to(&[tape.address]).with(|rule| rule.timeouts.request = request.map(Duration::from_millis));
    let ask = |stage: &Stage, path: &str, timeout: &str| {
        let fields = format!("Content-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 0\r\ngrpc-timeout: {timeout}\r\n");
        stage.client().request(&format!("POST {path}"), &fields).answer("POST")
    };
    let stage = Stage::new(&with(None));
    let answer = ask(&stage, "/slow", "300m");
    assert_eq!((answer.status(), answer.field("grpc-status").as_deref()), (200, Some("4")));
    ask(&stage, "/", "20S");
    assert_eq!(tape.last().field("grpc-timeout").as_deref(), Some("20S"));
    let stage = Stage::new(&with(Some(700)));
    ask(&stage, "/", "20S");
    assert_eq!(tape.last().field("grpc-timeout").as_deref(), Some("700m"));
    ask(&stage, "/", "soon");
    assert_eq!(tape.last().field("grpc-timeout").as_deref(), Some("soon"), "what is no time is not ours to judge");
}

#[test]
fn deadlines_of_the_request_and_of_a_try_answer_504_in_time() {
    let tape = Tape::answering(|_| {
        std::thread::sleep(Duration::from_millis(1500));
        ok("late")
    });
    let with = |request: Option<u64>, backend_request: Option<u64>| {
        let timeouts = Timeouts { request: request.map(Duration::from_millis), backend_request: backend_request.map(Duration::from_millis) };
        model::routes::Rule { timeouts, ..rule(vec![to_pool(1)]) }
    };
    let rules = vec![
        (prefix("/request"), with(Some(300), None)),
        (prefix("/backend"), with(Some(5000), Some(300))),
        (prefix("/enough"), with(Some(4000), None)),
    ];
    let stage = Stage::new(&Scene::new(rules, vec![vec![endpoint(tape.address)]]));
    for (path, reason) in [("/request", "request_timeout"), ("/backend", "upstream_timeout")] {
        let start = Instant::now();
        let answer = stage.get(path);
        assert_eq!((answer.status(), answer.reason().as_str()), (504, reason));
        assert!((250..1200).contains(&start.elapsed().as_millis()), "{path}: {:?}", start.elapsed());
    }
    assert_eq!(stage.get("/enough").status(), 200);
}

#[test]
fn an_unsent_request_goes_to_another_endpoint_even_when_it_must_not_be_sent_twice() {
    let live = Tape::named("live");
    let dead = [free_address(), free_address()];
    let scene = Scene::to(&[dead[0], dead[1], live.address]);
    let stage = Stage::new(&scene);
    for _ in 0..12 {
        let answer = stage.client().request("POST /", "Content-Length: 3\r\n").send("abc").answer("POST");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "live"));
    }
    assert!(scene.pools[0][0].vitals.state().barred(), "a refusal ejects at once");
}

#[test]
fn a_service_that_restarts_as_a_whole_keeps_its_requests_waiting() {
    let address = free_address();
    let stage = Stage::new(&Scene::to(&[address]));
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let mut client = stage.client();
            std::thread::spawn(move || client.request("POST /", "Content-Length: 3\r\n").send("abc").answer("POST").status())
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let _back = Tape::at(address, |wire, _| {
        loop {
            wire.asked()?;
            wire.send(ok("back"));
        }
    });
    let statuses: Vec<_> = clients.into_iter().map(|client| client.join().expect("no panic")).collect();
    assert_eq!(statuses, [200; 6]);
}

#[test]
fn a_service_that_stays_away_is_refused_in_a_second() {
    let stage = Stage::new(&Scene::to(&[free_address()]));
    let start = Instant::now();
    let answer = stage.get("/");
    assert_eq!((answer.status(), answer.reason().as_str()), (503, "connect_refused"));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn a_retry_waits_for_as_long_as_the_answer_asks_or_the_answer_stands() {
    for (field, deadline, statuses) in [
        ("Retry-After: 1", 5_000, vec![503, 200]),
        ("Retry-After: 1", 600, vec![503]),
        ("Retry-After: 3600", 5_000, vec![503]),
        ("grpc-retry-pushback-ms: 700", 5_000, vec![503, 200]),
        ("grpc-retry-pushback-ms: -1", 5_000, vec![503]),
    ] {
        let (times, answered) = (Arc::new(std::sync::Mutex::new(Vec::new())), AtomicUsize::new(0));
        let seen = Arc::clone(&times);
        let tape = Tape::answering(move |_| {
            seen.lock().expect("not poisoned").push(Instant::now());
            match answered.fetch_add(1, Ordering::Relaxed) {
                0 => format!("HTTP/1.1 503 Busy\r\n{field}\r\nContent-Length: 0\r\n\r\n").into_bytes(),
                _ => ok("there"),
            }
        });
        let retry = Retry { codes: vec![503], attempts: 2, backoff: Duration::from_millis(1) };
        let scene = Scene::to(&[tape.address]).with(|rule| {
            rule.retry = Some(retry.into());
            rule.timeouts.request = Some(Duration::from_millis(deadline));
        });
        let stage = Stage::new(&scene);
        assert_eq!(stage.get("/").status(), *statuses.last().expect("a status"), "{field}");
        let times = times.lock().expect("not poisoned").clone();
        assert_eq!(times.len(), statuses.len(), "{field}");
        if let [first, second] = times[..] {
            assert!(second - first >= Duration::from_millis(690), "{field}: after {:?}", second - first);
        }
    }
}

#[test]
fn a_connection_that_comes_back_when_its_endpoint_has_left_is_closed() {
    let slow = Tape::answering(|request| {
        if request.path() == "/slow" {
            std::thread::sleep(Duration::from_millis(400));
        }
        ok("slow")
    });
    let (other, leaving) = (Tape::named("other"), endpoint(slow.address));
    let pools = |endpoints: Vec<_>| Scene::new(vec![(prefix("/"), rule(vec![to_pool(1)]))], vec![endpoints]);
    let mut stage = Stage::new(&pools(vec![Arc::clone(&leaving)]));
    let mut client = stage.client();
    client.request("GET /slow", "");
    eventually("it is in flight", || leaving.vitals.in_flight() == 1);
    stage.play(&pools(vec![endpoint(other.address)]));
    assert_eq!(client.answer("GET").text(), "slow");
    eventually("nothing is kept to it", || leaving.vitals.connections() == 0);
}

#[test]
fn who_owes_the_next_bytes_is_the_one_that_is_late() {
    let silent = Tape::raw(|wire, _| {
        wire.head()?;
        // It neither reads what follows nor answers.
        std::thread::sleep(Duration::from_secs(4));
        None
    });
    let limits = |body: u64, silence: u64| Limits {
        body_timeout: Some(Duration::from_millis(body)),
        silence_timeout: Some(Duration::from_millis(silence)),
        ..Limits::default()
    };
    let scene = |limits: Limits| Scene { limits: Some(Arc::new(limits)), ..Scene::to(&[silent.address]) };
    let large = "b".repeat(16 << 20);
    let ask = |stage: &Stage, body: &str, length: usize| {
        let mut client = stage.client();
        client.request("POST /", &format!("Content-Length: {length}\r\n"));
        let (mut writer, body) = (client.stream.try_clone().expect("a live socket"), body.to_owned());
        let sending = std::thread::spawn(move || drop(writer.write_all(body.as_bytes())));
        let answer = client.answer("POST");
        let _ = client.stream.shutdown(std::net::Shutdown::Both);
        sending.join().expect("no panic");
        (answer.status(), answer.reason())
    };
    // A backend that does not read is late by the bound of backends, and a client that does not send by that of clients.
    let stage = Stage::new(&scene(limits(60_000, 1_000)));
    assert_eq!(ask(&stage, &large, large.len()), (504, "upstream_timeout".into()));
    let stage = Stage::new(&scene(limits(1_000, 60_000)));
    assert_eq!(ask(&stage, "half", 8), (408, "client_timeout".into()));
}

#[test]
fn a_client_that_does_not_read_is_given_up_by_its_own_bound() {
    let tape = Tape::answering(|_| ok(&"a".repeat(32 << 20)));
    let limits = Limits { stalled_timeout: Some(Duration::from_millis(500)), ..Limits::default() };
    let scene = Scene { limits: Some(Arc::new(limits)), ..Scene::to(&[tape.address]) };
    let stage = Stage::new(&scene);
    let mut client = stage.client();
    client.request("GET /", "");
    let vitals = &scene.pools[0][0].vitals;
    eventually("it is asked", || vitals.in_flight() == 1);
    // The bound of a silent backend is a minute.
    eventually("it is given up", || vitals.in_flight() == 0);
    assert_eq!((vitals.streaks().gateway, vitals.counts(10, model::Now(u64::MAX / 2)).failed), (0, 0));
}

#[test]
fn a_client_that_is_slow_with_its_body_is_no_fault_of_the_endpoint() {
    let tape = Tape::polite();
    for (request, each) in [(Some(200), None), (None, Some(200))] {
        let scene = Scene::to(&[tape.address]).with(|rule| {
            rule.timeouts = Timeouts { request: request.map(Duration::from_millis), backend_request: each.map(Duration::from_millis) };
        });
        let stage = Stage::new(&scene);
        for _ in 0..6 {
            assert_eq!(stage.client().request("POST /", "Content-Length: 8\r\n").send("half").answer("POST").status(), 504);
        }
        let vitals = &scene.pools[0][0].vitals;
        assert_eq!((vitals.streaks().gateway, vitals.state()), (0, model::vitals::State::default()));
    }
}

#[test]
fn what_is_in_flight_to_an_endpoint_that_leaves_has_the_time_of_its_policy() {
    let slow = Tape::raw(|wire, _| {
        let request = wire.asked()?;
        match request.path() {
            "/mute" => std::thread::sleep(Duration::from_secs(6)),
            "/ws" => {
                wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
                wire.rest();
                return None;
            }
            _ => {
                wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                // Busy until it is cut off.
                for _ in 0..60 {
                    wire.stream.write_all(b"1\r\na\r\n").ok()?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
        None
    });
    let (other, leaving) = (Tape::named("other"), endpoint(slow.address));
    let scene = |endpoints: Vec<_>| {
        let mut scene = Scene::new(vec![(prefix("/"), rule(vec![to_pool(1)]))], vec![endpoints]);
        scene.policy.drain_timeout = Duration::from_secs(1);
        scene
    };
    let mut stage = Stage::new(&scene(vec![Arc::clone(&leaving)]));
    let (mut mute, mut stream, mut tunnel) = (stage.client(), stage.client(), stage.client());
    mute.request("GET /mute", "");
    stream.request("GET /stream", "");
    assert_eq!(stream.head().expect("a head").status(), 200);
    assert_eq!(tunnel.request("GET /ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n").answer("GET").status(), 101);
    eventually("all are in flight", || leaving.vitals.in_flight() == 3);
    stage.play(&scene(vec![endpoint(other.address)]));
    let start = Instant::now();
    let answer = mute.answer("GET");
    assert_eq!((answer.status(), answer.reason().as_str()), (503, "draining"));
    assert!(!stream.rest().ends_with(b"0\r\n\r\n"), "it does not look whole");
    assert_eq!(tunnel.rest(), [0x88, 2, 3, 0xE9], "a close frame with 1001");
    assert!((900..5_000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    eventually("nothing is in flight", || leaving.vitals.in_flight() == 0);
    assert_eq!(leaving.vitals.streaks().gateway, 0, "it is no failure");
}

#[test]
fn attempts_of_zero_forbid_even_that() {
    let dead = free_address();
    let none = Retry { codes: Vec::new(), attempts: 0, backoff: Duration::ZERO };
    let stage = Stage::new(&Scene::to(&[dead]).with(|rule| rule.retry = Some(none.into())));
    let answer = stage.get("/");
    assert_eq!((answer.status(), answer.reason().as_str()), (503, "connect_refused"));
}

#[test]
fn a_safe_request_is_repeated_once_when_a_live_connection_dies_and_others_are_not() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let tape = Tape::raw(move |wire, _| {
        let request = wire.asked()?;
        if seen.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            // The connection ends with it, and says so: the next request must not be sent there.
            wire.send(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n{}", request.text()).into_bytes());
        }
        Some(())
    });
    let stage = Stage::new(&Scene::to(&[tape.address]));
    let answer = stage.client().request("GET /", "Content-Length: 4\r\n").send("body").answer("GET");
    assert_eq!((answer.status(), answer.text().as_str(), count.load(Ordering::Relaxed)), (200, "body", 2), "with its body");
    let answer = stage.client().request("POST /", "Content-Length: 0\r\n").answer("POST");
    assert_eq!((answer.status(), answer.reason().as_str(), count.load(Ordering::Relaxed)), (502, "upstream_reset", 3));
}

#[test]
fn the_rules_codes_are_retried_elsewhere_up_to_its_attempts() {
    let bad = Tape::answering(|_| b"HTTP/1.1 503 X\r\nContent-Length: 3\r\n\r\nbad".to_vec());
    let good = Tape::answering(|request| ok(&request.text()));
    let retry = |attempts| Retry { codes: vec![503], attempts, backoff: Duration::from_millis(1) };
    let scene = Scene::to(&[bad.address, good.address]).with(|rule| rule.retry = Some(retry(1).into()));
    let mut stage = Stage::new(&scene);
    for _ in 0..4 {
        let answer = stage.client().request("POST /", "Content-Length: 4\r\n").send("body").answer("POST");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "body"));
    }
    stage.play(&Scene::to(&[bad.address]).with(|rule| rule.retry = Some(retry(2).into())));
    let before = bad.requests.lock().expect("not poisoned").len();
    let answer = stage.get("/");
    assert_eq!((answer.status(), answer.text().as_str()), (503, "bad"), "exhausted: the last answer stands");
    assert_eq!(bad.requests.lock().expect("not poisoned").len() - before, 3);
}

#[test]
fn a_stanza_bounds_every_request_that_is_sent_on_kept_connections_too() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let tape = Tape::raw(move |wire, _| {
        let request = wire.asked()?;
        seen.fetch_add(1, Ordering::Relaxed);
        if request.path() != "/kept" {
            return None;
        }
        wire.send(ok(""));
        Some(())
    });
    let retry = Retry { codes: Vec::new(), attempts: 1, backoff: Duration::from_millis(1) };
    let stage = Stage::on(1, &Scene::to(&[tape.address]).with(|rule| rule.retry = Some(retry.into())), proxy::Settings::default());
    assert_eq!(stage.get("/kept").status(), 200);
    let answer = stage.get("/dies");
    assert_eq!((answer.status(), answer.reason().as_str(), count.load(Ordering::Relaxed)), (503, "retries_exhausted", 3));
}

#[test]
fn load_reports_reach_the_vitals_and_not_the_client() {
    let tape = Tape::answering(|_| {
        b"HTTP/1.1 200 OK\r\nendpoint-load-metrics: JSON {\"cpu_utilization\":0.5,\"mem_utilization\":0.25}\r\nContent-Length: 2\r\n\r\nok".to_vec()
    });
    let scene = Scene::to(&[tape.address]);
    let stage = Stage::new(&scene);
    assert_eq!(stage.get("/").field("endpoint-load-metrics"), None);
    let reported = scene.pools[0][0].vitals.reported();
    assert_eq!((reported.cpu, reported.memory), (Some(0.5), Some(0.25)));
}

#[test]
fn endpoints_that_are_replaced_under_load_fail_no_request() {
    let mut tapes: Vec<Tape> = (0..3).map(|_| Tape::named("x")).collect();
    let mut scene = Scene::to(&tapes.iter().map(|tape| tape.address).collect::<Vec<_>>());
    scene.policy.strategy = Strategy::Auto;
    let mut stage = Stage::new(&scene);
    let (stop, address) = (Arc::new(AtomicUsize::new(0)), stage.address);
    let clients: Vec<_> = (0..4)
        .map(|at| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut failures = Vec::new();
                let mut total = 0;
                let mut client = support::Wire::connect(address);
                while stop.load(Ordering::Relaxed) == 0 {
                    let answer = client.get("/");
                    total += 1;
                    if answer.status() != 200 {
                        failures.push(format!("{} {}", answer.first, answer.reason()));
                    }
                    if at % 2 == 0 {
                        client = support::Wire::connect(address);
                    }
                }
                (total, failures)
            })
        })
        .collect();
    for round in 0..20 {
        let fresh = Tape::named("x");
        let mut old = std::mem::replace(&mut tapes[round % 3], fresh);
        if round % 2 == 0 {
            old.die();
        }
        scene.pools[0] = tapes.iter().map(|tape| endpoint(tape.address)).collect();
        stage.play(&scene);
        std::thread::sleep(Duration::from_millis(20));
        drop(old);
    }
    stop.store(1, Ordering::Relaxed);
    for client in clients {
        let (total, failures) = client.join().expect("no panic");
        assert!(failures.is_empty() && total > 20, "{total} requests, failures: {failures:?}");
    }
}

#[test]
fn a_cookie_of_ours_brings_a_client_back_to_its_endpoint() {
    let names = ["a", "b", "c", "d"];
    let tapes: Vec<_> = names.iter().map(|name| Tape::named(name)).collect();
    let mut scene = Scene::to(&tapes.iter().map(|tape| tape.address).collect::<Vec<_>>());
    scene.policy.strategy = Strategy::Maglev;
    scene.policy.tuning.table_size = 1021;
    scene.policy.tuning.hash_keys = vec![HashKey::Cookie { name: "sid".into(), ttl_s: Some(60), path: "/app".into() }];
    let stage = Stage::new(&scene);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..16 {
        let first = stage.get("/");
        let cookie = first.field("set-cookie").expect("a cookie");
        assert!(cookie.ends_with("; Path=/app; HttpOnly; Max-Age=60"), "{cookie}");
        seen.insert(first.text());
        for _ in 0..4 {
            let cookie = cookie.split(';').next().unwrap_or_default();
            let again = stage.client().request("GET /", &format!("Cookie: other=1; {cookie}\r\n")).answer("GET");
            assert_eq!((again.text(), again.field("set-cookie")), (first.text(), None));
        }
    }
    assert!(seen.len() > 1, "clients are spread");
    assert_eq!(
        tapes
            .iter()
            .filter_map(|tape| tape.requests.lock().ok()?.iter().find_map(|one| one.field("cookie")))
            .find(|cookie| !cookie.starts_with("other=1")),
        None
    );
}

#[test]
fn a_grpc_client_is_answered_in_trailers_only() {
    let stage = Stage::new(&Scene::new(Vec::new(), Vec::new()));
    let answer = stage.client().request("POST /s/M", "Content-Type: application/grpc+proto\r\nContent-Length: 0\r\n").answer("POST");
    let field = |name| answer.field(name).unwrap_or_default();
    assert_eq!((answer.status(), field("grpc-status"), field("fairlead-reason")), (200, "12".to_owned(), "no_route".to_owned()));
}

#[test]
fn a_client_that_leaves_a_quiet_stream_frees_its_backend() {
    let tape = Tape::raw(|wire, _| {
        wire.asked()?;
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        wire.rest();
        None
    });
    let scene = Scene::to(&[tape.address]);
    let stage = Stage::new(&scene);
    let mut client = stage.client();
    client.request("GET /events", "");
    assert_eq!((client.head().map(|head| head.status()), client.chunk()), (Some(200), Some(b"hello".to_vec())));
    drop(client);
    eventually("nothing is in flight", || scene.pools[0][0].vitals.in_flight() == 0 && stage.plane.open_connections() == 0);
}

#[test]
fn what_is_full_is_refused_or_waits_in_the_kernel() {
    let tape = Tape::polite();
    let mut settings = proxy::Settings::default();
    settings.options.connections_max = Some(2);
    let mut scene = Scene::to(&[tape.address]);
    scene.policy.limits.endpoint_in_flight = Some(0);
    let stage = Stage::with(&scene, settings);
    let full = stage.get("/");
    assert_eq!((full.status(), full.reason().as_str(), full.field("retry-after").as_deref()), (503, "circuit_open", Some("1")));
    let held: Vec<_> = (0..8).map(|_| stage.client()).collect();
    eventually("two are let in", || stage.plane.open_connections() >= 2);
    std::thread::sleep(Duration::from_millis(50));
    assert!(stage.plane.open_connections() <= 3, "each of two threads may be one late");
    drop(held);
    assert_eq!(stage.get("/").status(), 503, "and the next one is served when they have left");
}
