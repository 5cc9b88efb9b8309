//! What HTTP/2 brings besides requests: slow bodies, floods, WebSockets (gateway spec G102, G115; RFC 8441).

mod support;

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request, StatusCode};
use model::routes::Limits;
use support::{HOST, Message, Notes, Scene, Stage, Tape, Wire};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// A client with prior knowledge.
async fn connect(stage: &Stage) -> SendRequest<Bytes> {
    let stream = tokio::net::TcpStream::connect(stage.address).await.expect("the plane listens");
    let (send, connection) = h2::client::handshake(stream).await.expect("a preface");
    tokio::spawn(connection);
    send.ready().await.expect("a connection")
}

async fn read(mut body: h2::RecvStream) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.expect("a stream that is not reset");
        body.flow_control().release_capacity(piece.len()).expect("a window");
        text.extend_from_slice(&piece);
    }
    text
}

#[test]
fn an_answer_that_comes_in_pieces_arrives_whole() {
    let tape = Tape::raw(|wire, _| {
        wire.head()?;
        for piece in ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "one", "two", "six"] {
            wire.send(piece);
            std::thread::sleep(Duration::from_millis(30));
        }
        Some(())
    });
    let stage = Stage::new(&Scene::to(&[tape.address]));
    block_on(async {
        let request = Request::get(format!("http://{HOST}/")).body(()).expect("a request");
        let (answer, _) = connect(&stage).await.send_request(request, true).expect("a stream");
        assert_eq!(read(answer.await.expect("an answer").into_body()).await, b"onetwosix");
    });
}

#[test]
fn a_body_that_lies_there_before_the_backend_wants_it_is_passed_on() {
    let tape = Tape::raw(|wire, _| {
        wire.head()?;
        // The body arrived long ago when this does.
        std::thread::sleep(Duration::from_millis(100));
        wire.send("HTTP/1.1 100 Continue\r\n\r\n");
        let mut body = [0; 3];
        wire.stream.read_exact(&mut body).ok()?;
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", String::from_utf8_lossy(&body)));
        Some(())
    });
    let stage = Stage::new(&Scene::to(&[tape.address]));
    block_on(async {
        let request = Request::post(format!("http://{HOST}/")).header("expect", "100-continue").header("content-length", "3");
        let (answer, mut body) = connect(&stage).await.send_request(request.body(()).expect("a request"), false).expect("a stream");
        body.send_data(Bytes::from_static(b"abc"), true).expect("a window");
        let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.expect("an answer in time");
        assert_eq!(read(answer.expect("an answer").into_body()).await, b"abc");
    });
}

#[test]
fn a_client_that_leaves_a_stream_frees_its_backend() {
    let tape = Tape::raw(|wire, notes| {
        notes.lock().expect("not poisoned").push(wire.head()?);
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none");
        assert!(wire.rest().is_empty());
        notes.lock().expect("not poisoned").push(Message::default());
        Some(())
    });
    let stage = Stage::new(&Scene::to(&[tape.address]));
    block_on(async {
        let request = Request::get(format!("http://{HOST}/")).body(()).expect("a request");
        let mut send = connect(&stage).await;
        let (answer, _) = send.send_request(request, true).expect("a stream");
        drop(answer.await.expect("an answer"));
        while tape.requests.lock().expect("not poisoned").len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_flood_is_answered_with_enhance_your_calm() {
    let stage = Stage::new(&Scene::to(&[]));
    let mut client = stage.client().stream;
    let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], &[7; 8]].concat();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    client.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings, &ping.repeat(5000)].concat()).expect("a proxy that reads");
    let mut said = Vec::new();
    client.read_to_end(&mut said).expect("an end without a reset");
    let (mut frames, mut last) = (said.as_slice(), None);
    while let [high, middle, low, kind, _, _, _, _, _, rest @ ..] = frames {
        let (frame, next) = rest.split_at(usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low));
        (last, frames) = (Some((*kind, frame)), next);
    }
    let (kind, frame) = last.expect("frames");
    assert_eq!((kind, &frame[4..8]), (7, &[0, 0, 0, 0xb][..]), "GOAWAY with ENHANCE_YOUR_CALM");
}

/// A WebSocket server of HTTP/1 that answers with this proof, or the right one, and then echoes.
fn echo(proof: Option<&'static str>) -> impl Fn(&mut Wire, &Notes) -> Option<()> {
    move |wire, notes| {
        let head = wire.head()?;
        notes.lock().expect("not poisoned").push(head.clone());
        let text = head.field("sec-websocket-key")? + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let right = base64::engine::general_purpose::STANDARD.encode(hash);
        let accept = proof.unwrap_or(&right);
        wire.send(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"));
        let rest = wire.rest();
        wire.send(rest);
        Some(())
    }
}

async fn websocket(stage: &Stage) -> (StatusCode, h2::RecvStream, h2::SendStream<Bytes>) {
    let uri = format!("http://{HOST}/chat");
    let mut request = Request::builder().method(Method::CONNECT).uri(uri).header("sec-websocket-version", "13").body(()).expect("a request");
    request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    let mut client = connect(stage).await;
    while !client.is_extended_connect_protocol_enabled() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (answer, mut up) = client.send_request(request, false).expect("a stream");
    up.send_data(Bytes::from_static(b"early "), false).expect("a window");
    let answer = answer.await.expect("an answer");
    assert!(answer.headers().get("sec-websocket-accept").is_none() && answer.headers().get("upgrade").is_none());
    (answer.status(), answer.into_body(), up)
}

#[test]
fn a_websocket_reaches_a_backend_of_http1_and_ends_both_ways() {
    let tape = Tape::raw(echo(None));
    let stage = Stage::new(&Scene::to(&[tape.address]));
    block_on(async {
        let (status, down, mut up) = websocket(&stage).await;
        assert_eq!(status, 200);
        up.send_data(Bytes::from_static(b"late"), true).expect("a window");
        assert_eq!(read(down).await, b"early late", "what came early is no body, and is not lost");
    });
    let asked = tape.last();
    assert_eq!((asked.first.as_str(), asked.field("connection").as_deref()), ("GET /chat HTTP/1.1", Some("Upgrade")));
    assert_eq!(asked.field("sec-websocket-key").map(|key| key.len()), Some(24));
    assert!(asked.field("transfer-encoding").is_none() && asked.field("content-length").is_none());
}

#[test]
fn a_backend_that_did_not_read_the_key_gets_no_websocket() {
    let tape = Tape::raw(echo(Some("bm9uc2Vuc2U=")));
    let stage = Stage::new(&Scene::to(&[tape.address]));
    block_on(async { assert_eq!(websocket(&stage).await.0, StatusCode::BAD_GATEWAY) });
}

#[test]
fn a_connection_without_streams_ends_with_a_farewell() {
    let tape = Tape::polite();
    let limits = Limits { idle_timeout: Some(Duration::from_millis(300)), ..Limits::default() };
    let stage = Stage::new(&Scene { limits: Some(Arc::new(limits)), ..Scene::to(&[tape.address]) });
    block_on(async {
        let stream = tokio::net::TcpStream::connect(stage.address).await.expect("the plane listens");
        let (mut send, connection) = h2::client::handshake(stream).await.expect("a preface");
        let ended = tokio::spawn(connection);
        for _ in 0..3 {
            let request = Request::get(format!("http://{HOST}/")).body(()).expect("a request");
            let (answer, _) = send.send_request(request, true).expect("a stream");
            assert_eq!(answer.await.expect("an answer").status(), 200);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let outcome = tokio::time::timeout(Duration::from_secs(5), ended).await.expect("an end in time").expect("no panic");
        assert!(outcome.is_ok(), "{outcome:?}");
    });
}

#[test]
fn a_head_is_bounded_as_in_http1() {
    let tape = Tape::polite();
    let stage = Stage::new(&Scene::to(&[tape.address]));
    block_on(async {
        let mut send = connect(&stage).await;
        for (fields, size, status) in [(1, 16_000, 200), (1, 17_000, 431), (30, 1000, 200), (33, 1000, 431), (126, 1, 200), (129, 1, 431)] {
            let mut request = Request::get(format!("http://{HOST}/"));
            for at in 0..fields {
                request = request.header(format!("x-{at}"), "a".repeat(size));
            }
            let (answer, _) = send.send_request(request.body(()).expect("a request"), true).expect("a stream");
            assert_eq!(answer.await.expect("an answer").status(), status, "{fields} fields of {size} bytes");
        }
    });
}
