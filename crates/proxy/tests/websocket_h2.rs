//! WebSockets to backends that speak HTTP/2 (RFC 8441, gateway spec G102), and connections that have lived long enough (G103).

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use model::routes::Limits;
use support::{HOST, Scene, Stage, Tape};

/// A backend of HTTP/2 that echoes WebSockets, if it says that it takes them, and answers everything else 405.
fn backend(takes: bool) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a live socket");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut builder = h2::server::Builder::new();
                    if takes {
                        builder.enable_connect_protocol();
                    }
                    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(echo(request, respond));
                    }
                });
            }
        });
    });
    address
}

async fn echo(request: Request<h2::RecvStream>, mut respond: h2::server::SendResponse<Bytes>) {
    let asks = request.extensions().get::<h2::ext::Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket");
    let sound = asks && *request.method() == Method::CONNECT && request.headers().get("sec-websocket-key").is_none();
    let status = if sound { StatusCode::OK } else { StatusCode::METHOD_NOT_ALLOWED };
    let answer = Response::builder().status(status).header("x-path", request.uri().path()).body(()).expect("an answer");
    let Ok(mut send) = respond.send_response(answer, !sound) else { return };
    if !sound {
        return;
    }
    let mut body = request.into_body();
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
        send.send_data(data, false).expect("a window");
    }
    let _ = send.send_data(Bytes::new(), true);
}

fn to(address: SocketAddr) -> Stage {
    Stage::new(&Scene { app_protocol: Some("kubernetes.io/h2c"), ..Scene::to(&[address]) })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn connect(stage: &Stage) -> h2::client::SendRequest<Bytes> {
    let stream = tokio::net::TcpStream::connect(stage.address).await.expect("the plane listens");
    let (send, connection) = h2::client::handshake(stream).await.expect("a preface");
    tokio::spawn(connection);
    send.ready().await.expect("a live connection")
}

#[test]
fn a_client_of_http2_reaches_a_backend_of_http2() {
    let stage = to(backend(true));
    block_on(async {
        let mut client = connect(&stage).await;
        while !client.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for _ in 0..2 {
            let mut request = Request::builder().method(Method::CONNECT).uri(format!("http://{HOST}/chat")).body(()).expect("a request");
            request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
            let (answer, mut up) = client.send_request(request, false).expect("a stream");
            up.send_data(Bytes::from_static(b"early "), false).expect("a window");
            let answer = answer.await.expect("an answer");
            assert_eq!((answer.status(), answer.headers().get("x-path").map(|path| path.as_bytes())), (StatusCode::OK, Some(&b"/chat"[..])));
            assert!(answer.headers().get("sec-websocket-accept").is_none());
            up.send_data(Bytes::from_static(b"late"), true).expect("a window");
            let (mut down, mut said) = (answer.into_body(), Vec::new());
            while let Some(data) = down.data().await {
                said.extend_from_slice(&data.expect("a live stream"));
            }
            assert_eq!(said, b"early late");
        }
    });
}

#[test]
fn a_client_of_http1_reaches_a_backend_of_http2_and_gets_its_proof() {
    let stage = to(backend(true));
    let mut client = stage.client();
    client.request("GET /chat", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n").send("hello");
    let head = client.head().expect("an answer");
    assert!(head.first.starts_with("HTTP/1.1 101 "), "{}", head.first);
    assert_eq!(head.field("sec-websocket-accept").as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(client.exactly(5).as_deref(), Some(&b"hello"[..]));
}

#[test]
fn a_backend_that_does_not_take_websockets_is_asked_over_http1() {
    // It speaks HTTP/2 only: what is sent over HTTP/1.1 is no preface.
    let stage = to(backend(false));
    let mut client = stage.client();
    client.request("GET /chat", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    let head = client.head().expect("an answer");
    assert!(head.first.starts_with("HTTP/1.1 502 "), "{}", head.first);
}

fn aged(address: SocketAddr, age: Duration) -> Stage {
    let limits = Limits { age_max: Some(age), ..Limits::default() };
    Stage::new(&Scene { limits: Some(Arc::new(limits)), ..Scene::to(&[address]) })
}

#[test]
fn a_connection_of_http1_that_has_lived_long_enough_ends_with_its_next_answer() {
    let tape = Tape::polite();
    let stage = aged(tape.address, Duration::from_millis(400));
    let mut client = stage.client();
    assert!(client.get("/young").field("connection").is_none());
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(client.get("/old").field("connection").as_deref(), Some("close"));
}

#[test]
fn a_connection_of_http2_that_has_lived_long_enough_says_so_and_lets_its_streams_end() {
    let tape = Tape::polite();
    let stage = aged(tape.address, Duration::from_millis(400));
    block_on(async {
        let stream = tokio::net::TcpStream::connect(stage.address).await.expect("the plane listens");
        let (mut send, connection) = h2::client::handshake(stream).await.expect("a preface");
        let ended = tokio::spawn(connection);
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(250) {
            let (answer, _) = send.send_request(Request::get(format!("http://{HOST}/")).body(()).expect("a request"), true).expect("a stream");
            assert_eq!(answer.await.expect("an answer").status(), 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // The keep-alive time is 75 s: it is the age that ends it.
        let outcome = tokio::time::timeout(Duration::from_secs(5), ended).await.expect("an end in time").expect("no panic");
        assert!(outcome.is_ok(), "{outcome:?}");
    });
}
