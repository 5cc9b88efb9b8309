//! Addresses, draining, the access log, TLS and HTTP/2 (gateway spec G41, G45, G102, G123; cli spec L16).

mod support;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use model::ident::Origin;
use model::routes::{Fallback, HostPattern, Speaks};
use model::tls::TlsIdentity;
use net::identity::Authority;
use proxy::{AccessLog, Format, Settings};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use support::{HOST, Message, Scene, Stage, Tape, Wire, eventually, free_address, ok};

#[test]
fn an_address_in_use_is_a_problem_of_its_listener_and_is_bound_when_it_is_free() {
    let tape = Tape::polite();
    let scene = Scene::to(&[tape.address]);
    let mut stage = Stage::new(&scene);
    let taken = TcpListener::bind(free_address()).expect("a free port");
    let first = stage.address;
    stage.address = taken.local_addr().expect("bound");
    stage.play(&scene);
    let problems = || stage.live.acknowledgements().1.iter().find(|said| said.plane == "http").map(|said| said.problems.clone()).unwrap_or_default();
    let problem = problems().pop().expect("a problem");
    assert_eq!((problem.reason, problem.subject.to_string().as_str()), ("AddressInUse", "Gateway test/gw"));
    assert_eq!(Wire::connect(first).get("/").status(), 200, "others are not affected");
    drop(taken);
    eventually("the address is bound", || problems().is_empty());
    assert_eq!(stage.get("/").status(), 200);
}

#[test]
fn a_removed_entrance_stops_listening_and_what_is_in_flight_ends_well() {
    let tape = Tape::answering(|_| {
        std::thread::sleep(Duration::from_millis(400));
        ok("slow")
    });
    let mut stage = Stage::new(&Scene::to(&[tape.address]));
    let mut busy = stage.client();
    let mut idle = stage.client();
    idle.get("/");
    busy.request("GET /", "");
    eventually("the request is in flight", || tape.requests.lock().expect("not poisoned").len() == 2);
    let key = stage.key();
    stage.snapshot.entrances.ports.remove(&key);
    stage.publish();
    eventually("nobody listens", || TcpStream::connect(stage.address).is_err());
    idle.ends();
    // The route went with the entrance, but this request lives on the snapshot it began with.
    let answer = busy.answer("GET");
    assert_eq!((answer.status(), answer.field("connection").as_deref()), (200, Some("close")));
    busy.ends();
}

#[test]
fn a_drain_lets_requests_finish_and_cuts_off_what_does_not() {
    let tape = Tape::raw(|wire, _| {
        let request = wire.asked()?;
        if request.path() == "/ws" {
            wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            wire.rest();
            return None;
        }
        std::thread::sleep(Duration::from_millis(300));
        wire.send(ok("slow"));
        Some(())
    });
    let stage = Stage::new(&Scene::to(&[tape.address]));
    let mut busy = stage.client();
    busy.request("GET /", "");
    let mut tunnel = stage.client();
    assert_eq!(tunnel.request("GET /ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n").answer("GET").status(), 101);
    eventually("both are in flight", || stage.plane.open_connections() == 2);
    let start = Instant::now();
    let cut_off = block_on(stage.plane.drain(Duration::from_millis(900)));
    assert_eq!(busy.answer("GET").status(), 200);
    assert_eq!(cut_off, 1);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(tunnel.rest(), [0x88, 2, 3, 0xE9], "a close frame with 1001");
    assert!(TcpStream::connect(stage.address).is_err());
}

#[test]
fn a_tunnel_of_an_entrance_that_is_gone_ends_with_the_time_of_a_drain() {
    let tape = Tape::raw(|wire, _| {
        wire.asked()?;
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        wire.rest();
        None
    });
    let options = proxy::Options { drain: Duration::from_millis(300), ..proxy::Options::default() };
    let mut stage = Stage::with(&Scene::to(&[tape.address]), Settings { options, ..Settings::default() });
    let mut tunnel = stage.client();
    assert_eq!(tunnel.request("GET /ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n").answer("GET").status(), 101);
    let key = stage.key();
    stage.snapshot.entrances.ports.remove(&key);
    stage.publish();
    assert_eq!(tunnel.rest(), [0x88, 2, 3, 0xE9], "a close frame with 1001");
}

#[test]
fn an_answer_over_tls_ends_with_the_end_of_tls() {
    let authority = authority();
    let trusted = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).expect("PEM").to_vec();
    let tape = Tape::answering(|_| b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n".to_vec());
    let mut scene = Scene::to(&[tape.address]);
    (scene.speaks, scene.identities) = (Speaks::Https, vec![(HostPattern::Exact(HOST.into()), identity(&authority, HOST))]);
    let stage = Stage::new(&scene);
    block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        for request in [format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n"), format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")] {
            let mut stream = shake(&stage, &trusted, HOST, &[b"http/1.1"]).await.expect("a handshake");
            stream.write_all(request.as_bytes()).await.expect("it is open");
            let mut answer = Vec::new();
            // Without the end of TLS this is an error: whoever cut the connection could have done so.
            stream.read_to_end(&mut answer).await.expect("an end in good order");
            assert!(String::from_utf8_lossy(&answer).contains("whole"));
        }
    });
}

#[test]
fn whoever_connected_before_the_drain_and_asks_during_it_is_served() {
    let tape = Tape::polite();
    let stage = Stage::new(&Scene::to(&[tape.address]));
    let (mut late, mut mute, mut kept) = (stage.client(), stage.client(), stage.client());
    let mut over_http2 = stage.client();
    assert_eq!(kept.get("/").status(), 200);
    eventually("all are inside", || stage.plane.open_connections() == 4);
    std::thread::scope(|scope| {
        let draining = scope.spawn(|| block_on(stage.plane.drain(Duration::from_secs(20))));
        kept.ends();
        let answer = late.get("/");
        assert_eq!((answer.status(), answer.field("connection").as_deref()), (200, Some("close")));
        late.ends();
        // The preface, empty SETTINGS, and a request by the static table (RFC 9113 §3.4, RFC 7541 appendix A).
        over_http2.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        let host = HOST.as_bytes();
        over_http2.send([b"\0\0", &[5 + host.len() as u8][..], b"\x01\x05\0\0\0\x01\x82\x86\x84\x41", &[host.len() as u8], host].concat());
        let said = over_http2.rest();
        assert!(said.windows(7).any(|bytes| bytes == b"GET / 0"), "{}", said.escape_ascii());
        // Who says nothing is not waited for.
        assert_eq!(draining.join().expect("no panic"), 0);
    });
    mute.ends();
}

/// Where a log goes in a test.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_head_that_is_refused_after_some_fields_leaves_its_line_too() {
    let page = Page::default();
    let lines = observe::Lines::start("test-log", page.clone()).expect("a thread");
    let log = AccessLog { lines, format: Format::Json, only: proxy::Only::default() };
    let stage = Stage::with(&Scene::to(&[free_address()]), Settings { log: Some(log), ..Settings::default() });
    let long = "a".repeat(20_000);
    for (count, rest) in ["X : a\r\n", "X: a\r\n b\r\n", ": a\r\n", &format!("X: {long}\r\n"), &"X: 1\r\n".repeat(200)].into_iter().enumerate() {
        let mut client = stage.client();
        client.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: x\r\nReferer: y\r\n{rest}\r\n"));
        assert!(matches!(client.answer("GET").status(), 400 | 431), "{rest:?}");
        let text = || String::from_utf8_lossy(&page.0.lock().expect("not poisoned")).into_owned();
        eventually("a line", || text().lines().count() == count + 1);
        assert!(text().lines().last().is_some_and(|line| line.contains("bad_request") || line.contains("header_limit")), "{}", text());
        client.ends();
    }
}

#[test]
fn every_request_leaves_one_line() {
    for format in [Format::Text, Format::Json] {
        let page = Page::default();
        let lines = observe::Lines::start("test-log", page.clone()).expect("a thread");
        let tape = Tape::polite();
        let stage = Stage::with(
            &Scene::to(&[tape.address]),
            Settings { log: Some(AccessLog { lines, format, only: proxy::Only::default() }), ..Settings::default() },
        );
        let mut client = stage.client();
        client.request("POST /a?secret=1", "Content-Length: 3\r\n").send("abc").answer("POST");
        client.send("broken\r\n\r\n").answer("GET");
        let text = || String::from_utf8_lossy(&page.0.lock().expect("not poisoned")).into_owned();
        eventually("two lines", || text().lines().count() == 2);
        let text = text();
        let (first, second) = text.split_once('\n').expect("two lines");
        let expected: &[&str] = match format {
            Format::Text => &["POST web.test /a 200", "route=\"HTTPRoute test/route\"", "service=test/web:80", "tries=1", "in=3", "out=18", "us="],
            Format::Json => &["\"method\":\"POST\"", "\"path\":\"/a\"", "\"status\":200", "\"service\":\"test/web:80\"", "\"in\":3", "\"out\":18"],
        };
        for part in expected {
            assert!(first.contains(part), "{part} in {first}");
        }
        assert!(!first.contains("secret"), "queries stay out of the log");
        assert!(second.contains("bad_request"), "{second}");
    }
}

// ---------------------------------------------------------------- TLS and HTTP/2

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn authority() -> Authority {
    Authority::create("test", SystemTime::now()).expect("a key").0
}

fn identity(authority: &Authority, name: &str) -> Arc<TlsIdentity> {
    let pem = authority.issue_server(name, &[name.to_owned()], &[], SystemTime::now()).expect("a certificate");
    let chain = CertificateDer::pem_slice_iter(pem.certificate.as_bytes()).map(|der| der.expect("PEM").to_vec()).collect();
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).expect("PEM").secret_der().to_vec();
    Arc::new(TlsIdentity {
        origin: Origin::new("Secret", "test", "cert"),
        chain,
        key,
        staple: Vec::new(),
        names: vec![name.into()],
        not_after_s: i64::MAX,
    })
}

/// Connects with this server name; gives the name of the certificate's authority as far as it verifies, and the protocol.
async fn shake(stage: &Stage, trusted: &[u8], name: &str, alpn: &[&[u8]]) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(trusted.to_vec())).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = tokio::net::TcpStream::connect(stage.address).await?;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).expect("a name"), stream).await
}

/// One request by HTTP/2; gives status, body and trailers.
async fn ask_h2<T>(io: T, count: usize) -> Vec<(u16, String, Option<String>)>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (send, mut connection) = h2::client::handshake(io).await.expect("HTTP/2");
    let pong = connection.ping_pong().expect("asked once");
    tokio::spawn(async move { drop(connection.await) });
    let mut send = send.ready().await.expect("HTTP/2");
    // Until the settings have arrived a client may open more streams than are allowed, and see them refused.
    let mut settings = pong;
    settings.ping(h2::Ping::opaque()).await.expect("HTTP/2");
    let mut answers = Vec::new();
    for at in 0..count {
        let request = http::Request::post(format!("https://{HOST}/h2/{at}")).header("te", "trailers").header("cookie", "a=1").header("cookie", "b=2");
        let (answer, mut body) = send.send_request(request.body(()).expect("a request"), false).expect("a stream");
        body.send_data(Bytes::from("hello"), false).expect("room");
        body.send_data(Bytes::from(" world"), true).expect("room");
        answers.push(answer);
        send = send.ready().await.expect("HTTP/2");
    }
    let mut got = Vec::new();
    for answer in answers {
        let answer = answer.await.expect("an answer");
        let (status, mut stream) = (answer.status().as_u16(), answer.into_body());
        let mut body = Vec::new();
        while let Some(data) = stream.data().await {
            let data = data.expect("data");
            let _ = stream.flow_control().release_capacity(data.len());
            body.extend_from_slice(&data);
        }
        let trailers = stream.trailers().await.expect("an end");
        let sum = trailers.and_then(|trailers| trailers.get("x-sum").map(|value| value.to_str().unwrap_or_default().to_owned()));
        got.push((status, String::from_utf8_lossy(&body).into_owned(), sum));
    }
    got
}

fn with_trailers(request: &Message) -> Vec<u8> {
    let body = format!("{} {}", request.path(), request.text());
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n{:x}\r\n{body}\r\n0\r\nx-sum: 42\r\n\r\n", body.len())
        .into_bytes()
}

#[test]
fn http2_by_prior_knowledge_and_by_tls_with_bodies_trailers_and_many_streams() {
    let tape = Tape::answering(with_trailers);
    let expected: Vec<_> = (0..80).map(|at| (200, format!("/h2/{at} hello world"), Some("42".to_owned()))).collect();
    let stage = Stage::new(&Scene::to(&[tape.address]));
    block_on(async {
        let stream = tokio::net::TcpStream::connect(stage.address).await.expect("the plane listens");
        assert_eq!(ask_h2(stream, 80).await, expected);
    });
    assert_eq!(tape.last().field("cookie").as_deref(), Some("a=1; b=2"), "crumbs are joined");
    assert_eq!(tape.last().field("x-forwarded-proto").as_deref(), Some("http"));

    let authority = authority();
    let trusted = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).expect("PEM").to_vec();
    let mut scene = Scene::to(&[tape.address]);
    (scene.speaks, scene.identities) = (Speaks::Https, vec![(HostPattern::Exact(HOST.into()), identity(&authority, HOST))]);
    let stage = Stage::new(&scene);
    block_on(async {
        let stream = shake(&stage, &trusted, HOST, &[b"h2"]).await.expect("a handshake");
        assert_eq!(ask_h2(stream, 80).await, expected);
    });
    assert_eq!(tape.last().field("x-forwarded-proto").as_deref(), Some("https"));
    assert!(tape.last().field("content-length").is_none(), "one framing field: {:?}", tape.last().fields);
}

#[test]
fn the_server_name_chooses_the_certificate_and_a_new_secret_serves_the_next_handshake() {
    let authorities = [authority(), authority()];
    let trusted = authorities.each_ref().map(|one| CertificateDer::from_pem_slice(one.certificate.as_bytes()).expect("PEM").to_vec());
    let tape = Tape::polite();
    let mut scene = Scene::to(&[tape.address]);
    scene.speaks = Speaks::Https;
    scene.identities = vec![(HostPattern::Exact(HOST.into()), identity(&authorities[0], HOST))];
    let mut stage = Stage::new(&scene);
    block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut old = shake(&stage, &trusted[0], HOST, &[b"http/1.1"]).await.expect("a handshake");
        assert!(shake(&stage, &trusted[1], HOST, &[]).await.is_err());
        let error = shake(&stage, &trusted[0], "unknown.test", &[]).await.expect_err("nobody answers for the name");
        assert!(error.to_string().contains("UnrecognisedName") || error.to_string().contains("UnrecognizedName"), "{error}");
        scene.identities = vec![(HostPattern::Exact(HOST.into()), identity(&authorities[1], HOST))];
        scene.fallback = Some(Fallback::SelfSigned);
        stage.play(&scene);
        shake(&stage, &trusted[1], HOST, &[]).await.expect("the new certificate");
        old.write_all(format!("GET /old HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.expect("the old connection lives");
        let mut answer = [0; 15];
        old.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let error = shake(&stage, &trusted[0], "unknown.test", &[]).await.expect_err("a self-signed certificate is not trusted");
        assert!(error.to_string().contains("certificate"), "{error}");
    });
}

#[test]
fn connections_that_are_passed_on_between_threads_are_served_like_others() {
    let tape = Tape::polite();
    let stage = Stage::new(&Scene::to(&[tape.address]));
    // The kernel's hash puts them on both threads by chance: among so many some are passed on.
    let mut clients: Vec<Wire> = (0..100).map(|_| stage.client()).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.get(&format!("/{at}")).text(), format!("GET /{at} 0"));
    }
    assert_eq!(stage.plane.open_connections(), 100);
    drop(clients);
    eventually("all have left", || stage.plane.open_connections() == 0);
}

#[test]
fn a_connection_that_rests_serves_whichever_thread_comes_next() {
    let tape = Tape::polite();
    let scene = Scene::to(&[tape.address]);
    let stage = Stage::new(&scene);
    for _ in 0..4 {
        assert_eq!(stage.get("/").status(), 200);
        // Longer than a connection stays with its thread, and the look for such ones.
        std::thread::sleep(Duration::from_millis(2_200));
    }
    assert_eq!(tape.connections.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(scene.pools[0][0].vitals.connections(), 1, "it is counted once");
    // Nobody rests at an endpoint that has gone.
    let mut stage = stage;
    stage.play(&Scene::to(&[]));
    eventually("the idle connection is closed", || scene.pools[0][0].vitals.connections() == 0);
}
