//! Backends that speak HTTP/2 without being asked (`appProtocol: kubernetes.io/h2c`, gateway spec G49, G103).

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use model::endpoint::PoolId;
use model::ident::Origin;
use model::routes::{BackendTo, Filter, Mirror};
use model::vitals::State;
use support::{Scene, Stage, eventually};

/// A backend on a thread of its own. `play` gets each request, with its number.
fn backend<F>(
    connections: Arc<AtomicUsize>,
    play: impl Fn(usize, Request<RecvStream>, SendResponse<Bytes>) -> F + Clone + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a live socket");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            let count = Arc::new(AtomicUsize::new(0));
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let (play, count) = (play.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(play(count.fetch_add(1, Ordering::Relaxed), request, respond));
                    }
                });
            }
        });
    });
    address
}

/// Sends back what arrives as it arrives, then a trailer.
async fn echo(_: usize, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let said = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let answer =
        Response::builder().header("x-host", request.uri().authority().map_or("", |one| one.as_str())).header("x-proto", said("x-forwarded-proto"));
    let answer = answer.header("x-path", request.uri().path_and_query().map_or("", |one| one.as_str())).body(()).expect("an answer");
    let mut body = request.into_body();
    let mut send = respond.send_response(answer, false).expect("a live stream");
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
        send.reserve_capacity(data.len());
        let mut data = data;
        while !data.is_empty() {
            let Some(Ok(room)) = std::future::poll_fn(|context| send.poll_capacity(context)).await else { return };
            let piece = data.split_to(room.min(data.len()));
            send.send_data(piece, false).expect("a live stream");
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().expect("a value"));
    let _ = send.send_trailers(trailers);
}

fn scene(address: SocketAddr) -> Scene {
    Scene { app_protocol: Some("kubernetes.io/h2c"), ..Scene::to(&[address]) }
}

#[test]
fn requests_of_http1_clients_become_streams_of_few_connections() {
    let connections = Arc::new(AtomicUsize::new(0));
    let scene = scene(backend(Arc::clone(&connections), echo));
    let stage = Stage::new(&scene);
    for round in 0..20 {
        let mut client = stage.client();
        let large = "x".repeat(200_000 * (round % 3));
        let answer = client
            .request(&format!("POST /s/M?{round}"), &format!("TE: trailers\r\nContent-Length: {}\r\n", large.len()))
            .send(&large)
            .answer("POST");
        assert_eq!((answer.status(), answer.body.len()), (200, large.len()));
        let field = |name| answer.field(name).unwrap_or_default();
        assert_eq!([field("x-host"), field("x-proto"), field("x-path")], [support::HOST.to_owned(), "http".to_owned(), format!("/s/M?{round}")]);
        assert_eq!(answer.trailers, [("grpc-status".to_owned(), "0".to_owned())]);
    }
    assert!(connections.load(Ordering::Relaxed) <= 2, "one for each data thread");
    eventually("nothing is in flight", || scene.pools[0][0].vitals.in_flight() == 0);
}

#[test]
fn a_stream_that_is_refused_is_tried_again_with_its_body() {
    let refuse = |number: usize, request: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        match number % 2 {
            0 => respond.send_reset(Reason::REFUSED_STREAM),
            _ => echo(number, request, respond).await,
        }
    };
    let stage = Stage::on(1, &scene(backend(Arc::default(), refuse)), proxy::Settings::default());
    for _ in 0..4 {
        let answer = stage.client().request("POST /", "Content-Length: 5\r\n").send("hello").answer("POST");
        assert_eq!((answer.status(), answer.text().as_str()), (200, "hello"));
    }
}

/// A backend that takes its time for the handshake, then says its name in the protocol that was agreed on.
fn covered(connections: Arc<AtomicUsize>, protocol: &'static [u8]) -> SocketAddr {
    let now = std::time::SystemTime::now();
    let (authority, _) = net::identity::Authority::create("test", now).expect("an authority");
    let pem = authority.issue_server("test", &["web.test".to_owned()], &[], now).expect("an identity");
    let identity = net::identity::Replaceable::new(&pem).expect("a key");
    let mut config = net::identity::server_config(identity, &authority.certificate).expect("a configuration");
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a live socket");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    if protocol != b"h2" {
                        let mut asked = [0; 4096];
                        while tokio::io::AsyncReadExt::read(&mut stream, &mut asked).await.is_ok_and(|count| count > 0) {
                            let answer = support::ok("one");
                            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, &answer).await;
                        }
                        return;
                    }
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(echo(0, request, respond));
                    }
                });
            }
        });
    });
    address
}

#[test]
fn many_first_requests_over_tls_wait_for_one_handshake_where_they_can_share_its_connection() {
    for (protocol, fewest, most) in [(&b"h2"[..], 1, 1), (b"http/1.1", 2, 12)] {
        let connections = Arc::new(AtomicUsize::new(0));
        let scene = Scene { app_protocol: Some("https"), ..Scene::to(&[covered(Arc::clone(&connections), protocol)]) };
        let stage = Stage::on(1, &scene, proxy::Settings::default());
        let mut clients: Vec<_> = (0..12).map(|_| stage.client()).collect();
        for client in &mut clients {
            client.request("GET /", "");
        }
        for client in &mut clients {
            assert_eq!(client.answer("GET").status(), 200);
        }
        let opened = connections.load(Ordering::Relaxed);
        assert!((fewest..=most).contains(&opened), "{opened} connections");
        eventually("nothing is in flight", || scene.pools[0][0].vitals.in_flight() == 0);
    }
}

#[test]
fn bytes_pass_both_ways_while_the_request_is_open() {
    let stage = Stage::new(&scene(backend(Arc::default(), echo)));
    let mut client = stage.client();
    client.request("POST /stream", "Transfer-Encoding: chunked\r\n").send("5\r\nfirst\r\n");
    let mut answer = client.head().expect("an answer before the end of the request");
    assert_eq!(client.chunk().as_deref(), Some(&b"first"[..]));
    client.send("6\r\nsecond\r\n");
    assert_eq!(client.chunk().as_deref(), Some(&b"second"[..]));
    client.send("0\r\n\r\n").chunked(&mut answer).expect("an end");
    assert_eq!(answer.trailers.len(), 1);
}

#[test]
fn a_refused_stream_is_an_unsent_request_and_a_broken_one_is_not() {
    let flaky = |number: usize, request: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        match request.uri().path() {
            "/refused" if number.is_multiple_of(2) => respond.send_reset(Reason::REFUSED_STREAM),
            "/broken" => respond.send_reset(Reason::INTERNAL_ERROR),
            _ => echo(number, request, respond).await,
        }
    };
    let stage = Stage::new(&scene(backend(Arc::default(), flaky)));
    let answer = stage.client().request("POST /refused", "Content-Length: 0\r\n").answer("POST");
    assert_eq!(answer.status(), 200);
    let answer = stage.client().request("POST /broken", "Content-Length: 0\r\n").answer("POST");
    assert_eq!((answer.status(), answer.reason().as_str()), (502, "upstream_reset"));
}

#[test]
fn a_client_that_leaves_resets_its_stream_and_no_other() {
    let cancelled = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&cancelled);
    let slow = move |number: usize, request: Request<RecvStream>, mut respond: SendResponse<Bytes>| {
        let seen = Arc::clone(&seen);
        async move {
            if request.uri().path() != "/never" {
                return echo(number, request, respond).await;
            }
            if std::future::poll_fn(|context| respond.poll_reset(context)).await.is_ok() {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let connections = Arc::new(AtomicUsize::new(0));
    let scene = scene(backend(Arc::clone(&connections), slow));
    let stage = Stage::new(&scene);
    let mut client = stage.client();
    client.request("GET /never", "");
    eventually("the request is in flight", || scene.pools[0][0].vitals.in_flight() == 1);
    std::thread::sleep(Duration::from_millis(50));
    drop(client);
    eventually("its stream is reset", || cancelled.load(Ordering::Relaxed) == 1);
    for _ in 0..8 {
        assert_eq!(stage.get("/").status(), 200);
    }
    assert!(connections.load(Ordering::Relaxed) <= 2);
}

#[test]
fn copies_are_sent_in_the_protocol_of_their_backend() {
    let whole = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&whole);
    let address = backend(Arc::default(), move |number, request, respond| {
        let counted = Arc::clone(&counted);
        async move {
            echo(number, request, respond).await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (to, service) = (BackendTo::Pool(PoolId(1)), Origin::new("Service", "test", "web"));
    let mirror = Filter::Mirror(Mirror { to, service, numerator: 1, denominator: 1 });
    let stage = Stage::new(&scene(address).with(|rule| rule.filters.push(mirror)));
    let answer = stage.client().request("POST /copied", "Content-Length: 5\r\n").send("hello").answer("POST");
    assert_eq!(answer.text(), "hello");
    eventually("the copy is read to its end, too", || whole.load(Ordering::Relaxed) == 2);
}

#[test]
fn an_answer_that_is_trailers_alone_stays_one_frame_and_a_client_of_http1_learns_that_it_is_empty() {
    let alone = |_: usize, _: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        let answer = Response::builder().header("content-type", "application/grpc").header("grpc-status", "5").body(()).expect("an answer");
        let _ = respond.send_response(answer, true);
    };
    let stage = Stage::new(&scene(backend(Arc::default(), alone)));
    let answer = stage.client().request("POST /s/M", "Content-Length: 0\r\n").answer("POST");
    assert_eq!((answer.status(), answer.field("grpc-status").as_deref(), answer.field("content-length").as_deref()), (200, Some("5"), Some("0")));
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
        let stream = tokio::net::TcpStream::connect(stage.address).await.expect("the plane listens");
        let (send, connection) = h2::client::handshake(stream).await.expect("a preface");
        tokio::spawn(connection);
        let request = Request::post(format!("http://{}/s/M", support::HOST)).header("te", "trailers").body(()).expect("a request");
        let (answer, _) = send.ready().await.expect("a connection").send_request(request, true).expect("a stream");
        let answer = answer.await.expect("an answer");
        assert_eq!(answer.headers().get("grpc-status").map(|status| status.as_bytes()), Some(&b"5"[..]));
        assert!(answer.body().is_end_stream() && !answer.headers().contains_key("content-length"));
    });
}

#[test]
fn more_requests_than_a_backend_allows_at_once_wait_for_each_other() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a live socket");
    let seen = Arc::clone(&most);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((stream, _)) = listener.accept().await {
                let (open, most) = (Arc::clone(&open), Arc::clone(&seen));
                tokio::spawn(async move {
                    let mut builder = h2::server::Builder::new();
                    let Ok(mut connection) = builder.max_concurrent_streams(2).handshake::<_, Bytes>(stream).await else { return };
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
                        tokio::spawn(async move {
                            most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            tokio::time::sleep(Duration::from_millis(5)).await;
                            open.fetch_sub(1, Ordering::SeqCst);
                            let _ = respond.send_response(Response::new(()), true);
                        });
                    }
                });
            }
        });
    });
    let stage = Stage::new(&scene(address));
    let clients: Vec<_> = (0..60).map(|_| stage.client()).collect();
    let asked: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            client.request("GET /", "");
            client
        })
        .collect();
    for mut client in asked {
        assert_eq!(client.answer("GET").status(), 200);
    }
    assert!(most.load(Ordering::SeqCst) > 1);
}

#[test]
fn interim_answers_and_trailers_pass_also_when_the_length_of_the_body_is_known() {
    let full = |_: usize, _: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        for name in ["</one>", "</two>"] {
            let early = Response::builder().status(103).header("link", name).body(()).expect("an answer");
            respond.send_informational(early).expect("a live stream");
        }
        let answer = Response::builder().header("content-length", "4").body(()).expect("an answer");
        let mut body = respond.send_response(answer, false).expect("a live stream");
        body.send_data(Bytes::from_static(b"four"), false).expect("a window");
        let _ = body.send_trailers(HeaderMap::from_iter([("x-sum".parse().expect("a name"), "7".parse().expect("a value"))]));
    };
    let stage = Stage::new(&scene(backend(Arc::default(), full)));
    let mut client = stage.client();
    client.request("GET /", "");
    for name in ["</one>", "</two>"] {
        let early = client.head().expect("an interim answer");
        assert_eq!((early.status(), early.field("link").as_deref()), (103, Some(name)));
    }
    assert_eq!(client.answer("GET").text(), "four");
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
        let answer = asked(&stage).await;
        let mut body = answer.await.expect("an answer").into_body();
        assert_eq!(body.data().await.and_then(Result::ok).as_deref(), Some(&b"four"[..]));
        let trailers = body.trailers().await.expect("an end").expect("trailers");
        assert_eq!(trailers.get("x-sum").map(|sum| sum.as_bytes()), Some(&b"7"[..]));
    });
}

/// What a client of HTTP/2 will get for its one request.
async fn asked(stage: &Stage) -> h2::client::ResponseFuture {
    let stream = tokio::net::TcpStream::connect(stage.address).await.expect("the plane listens");
    let (send, connection) = h2::client::handshake(stream).await.expect("a preface");
    tokio::spawn(connection);
    let request = Request::get(format!("http://{}/", support::HOST)).body(()).expect("a request");
    send.ready().await.expect("a connection").send_request(request, true).expect("a stream").0
}

#[test]
fn an_answer_that_is_not_of_the_length_it_announces_does_not_look_whole() {
    let short = |_: usize, _: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        let answer = Response::builder().header("content-length", "9").body(()).expect("an answer");
        let mut body = respond.send_response(answer, false).expect("a live stream");
        let _ = body.send_data(Bytes::from_static(b"four"), true);
    };
    let stage = Stage::new(&scene(backend(Arc::default(), short)));
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
        let answer = asked(&stage).await;
        let whole = match answer.await {
            Ok(answer) if answer.status() == 200 => {
                let mut body = answer.into_body();
                loop {
                    match body.data().await {
                        Some(Ok(_)) => {}
                        Some(Err(_)) => break false,
                        None => break true,
                    }
                }
            }
            _ => false,
        };
        assert!(!whole);
    });
}

#[test]
fn v8_a_call_that_fails_in_its_trailers_counts_against_its_endpoint() {
    let unavailable = |_: usize, _: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        let answer = Response::builder().header("content-type", "application/grpc").body(()).expect("an answer");
        let mut send = respond.send_response(answer, false).expect("a live stream");
        send.send_data(Bytes::from_static(b"\0\0\0\0\0"), false).expect("a live stream");
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "14".parse().expect("a value"));
        trailers.insert("endpoint-load-metrics", "TEXT cpu_utilization=0.5".parse().expect("a value"));
        let _ = send.send_trailers(trailers);
    };
    let addresses = [backend(Arc::default(), unavailable), backend(Arc::default(), echo)];
    let scene = Scene { app_protocol: Some("kubernetes.io/h2c"), ..Scene::to(&addresses) };
    let stage = Stage::new(&scene);
    let vitals = scene.pools[0].iter().map(|one| &one.vitals).collect::<Vec<_>>();
    let call = |fields: &str| stage.client().request("POST /s/M", &format!("{fields}Content-Length: 0\r\n")).answer("POST");
    // Of who is no client of gRPC the status is no matter of ours.
    for _ in 0..12 {
        call("TE: trailers\r\n");
    }
    assert_eq!((vitals[0].streaks().gateway, vitals[0].reported().cpu), (0, Some(0.5)));
    let grpc = "TE: trailers\r\nContent-Type: application/grpc\r\n";
    let told =
        (0..12).map(|_| call(grpc)).filter(|answer| answer.trailers.iter().any(|(name, value)| name == "grpc-status" && value == "14")).count();
    assert_eq!(told, 5, "ejected at the fifth in a row, and clients see the trailers as they are");
    assert!(vitals[0].state().has(State::EJECTED) && !vitals[1].state().barred());
    eventually("nothing is in flight", || vitals.iter().all(|vitals| vitals.in_flight() == 0));
}
