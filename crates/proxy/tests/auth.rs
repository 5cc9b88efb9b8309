//! Another service decides whether a request may pass (gateway spec G66, GEP-1494).

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Response};
use model::endpoint::PoolId;
use model::ident::Origin;
use model::routes::{AuthProtocol, BackendTo, ExternalAuth, Filter, HeaderEdit, PathMatch};
use support::{HOST, Message, Scene, Stage, Tape, endpoint, free_address, ok, with_filters};

fn http(body_max: u32) -> ExternalAuth {
    let protocol = AuthProtocol::Http { prefix: "/check".into(), taken: Vec::new() };
    let service = Origin::new("Service", "test", "auth");
    ExternalAuth { to: BackendTo::Pool(PoolId(2)), service, protocol, allowed: vec!["x-sent".into()], body_max }
}

fn stage(auth: ExternalAuth, main: SocketAddr, asked: SocketAddr) -> Stage {
    let rules = vec![(PathMatch::Prefix("/".into()), with_filters(vec![Filter::Auth(Arc::new(auth))]))];
    Stage::new(&Scene::new(rules, vec![vec![endpoint(main)], vec![endpoint(asked)]]))
}

/// 200 for `Authorization: good`, 401 with a page for others.
fn guard() -> Tape {
    Tape::answering(|asked| match asked.field("authorization").as_deref() {
        Some("good") => {
            b"HTTP/1.1 200 OK\r\nX-User: ann\r\nX-User: bob\r\nContent-Type: text/plain\r\nHost: evil\r\nContent-Length: 3\r\n\r\nyes".to_vec()
        }
        Some("elsewhere") => b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 9\r\n\r\nwho asks?".to_vec(),
    })
}

fn count(tape: &Tape) -> usize {
    tape.requests.lock().expect("not poisoned").len()
}

#[test]
fn what_is_allowed_passes_with_the_fields_of_the_verdict() {
    let (main, auth) = (Tape::polite(), guard());
    let stage = stage(http(0), main.address, auth.address);
    let mut client = stage.client();
    for _ in 0..3 {
        let fields = "Authorization: good\r\nX-User: mallory\r\nX-Sent: 1\r\nX-Kept: 2\r\nContent-Type: a/b\r\nContent-Length: 4\r\n";
        assert_eq!(client.request("POST /a/b?q", fields).send("body").answer("POST").text(), "POST /a/b?q 4");
    }
    let (asked, sent) = (auth.last(), main.last());
    assert_eq!(asked.first, "POST /check/a/b?q HTTP/1.1");
    let of = |message: &Message, name: &str| message.field(name).unwrap_or_default();
    assert_eq!(
        ["host", "authorization", "content-length", "x-sent", "x-kept", "x-user", "content-type"].map(|name| of(&asked, name)),
        [HOST, "good", "0", "1", "", "", ""]
    );
    assert_eq!(["x-user", "x-kept", "host", "content-type"].map(|name| of(&sent, name)), ["ann, bob", "2", HOST, "a/b"]);
    assert_eq!(sent.text(), "body");
    assert_eq!(of(&asked, "x-request-id"), of(&sent, "x-request-id"), "both can be told to belong together");
    assert_eq!((count(&main), count(&auth)), (3, 3));
}

#[test]
fn any_other_answer_is_the_clients_and_nobody_else_is_asked() {
    let (main, auth) = (Tape::polite(), guard());
    let stage = stage(http(0), main.address, auth.address);
    let mut client = stage.client();
    for (who, status, field, value, body) in [
        ("bad", 401, "www-authenticate", "Basic", "who asks?"),
        ("elsewhere", 302, "location", "/login", ""),
        ("bad", 401, "www-authenticate", "Basic", "who asks?"),
    ] {
        let answer = client.request("GET /", &format!("Authorization: {who}\r\n")).answer("GET");
        assert_eq!((answer.status(), answer.field(field).as_deref(), &*answer.text()), (status, Some(value), body));
    }
    // The body of one that is refused is left where it is, and the connection goes on.
    assert_eq!(client.request("POST /", "Content-Length: 4\r\n").send("body").answer("POST").status(), 401);
    assert_eq!(client.request("HEAD /", "").answer("HEAD").status(), 401);
    assert_eq!(client.request("GET /", "Authorization: good\r\n").answer("GET").status(), 200);
    assert_eq!(count(&main), 1);
}

#[test]
fn nobody_passes_while_nobody_can_be_asked() {
    let main = Tape::polite();
    let stage = stage(http(0), main.address, free_address());
    let answer = stage.get("/");
    assert_eq!((answer.status(), &*answer.reason()), (403, "auth_unreachable"));
    let nowhere = ExternalAuth { to: BackendTo::Nowhere { status: 500, detail: "gone".into() }, ..http(0) };
    let stage = self::stage(nowhere, main.address, free_address());
    assert_eq!((stage.get("/").status(), count(&main)), (403, 0));
    let mute = Tape::raw(|wire, _| {
        wire.asked()?;
        None
    });
    let stage = self::stage(http(0), main.address, mute.address);
    assert_eq!((stage.get("/").status(), count(&main)), (403, 0));
}

#[test]
fn a_body_is_sent_to_both_and_refused_where_it_is_too_long() {
    let auth = Tape::answering(|asked| ok(&format!("{}", asked.body.len())));
    let main = Tape::polite();
    let stage = stage(http(100_000), main.address, auth.address);
    let mut client = stage.client();
    for length in [0, 5, 70_000, 100_000] {
        let body = "b".repeat(length);
        let answer = client.request("POST /", &format!("Content-Length: {length}\r\n")).send(&body).answer("POST");
        assert_eq!(answer.text(), format!("POST / {length}"));
        assert_eq!((auth.last().body.len(), auth.last().field("content-length").as_deref()), (length, Some(&*length.to_string())));
        assert_eq!(main.last().body.len(), length);
    }
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(client.request("POST /", "Transfer-Encoding: chunked\r\n").send(chunks).answer("POST").text(), "POST / 5");
    assert_eq!((auth.last().text(), auth.last().field("content-length").as_deref()), ("hello".into(), Some("5")));
    // Who waits for the word to send a body gets it from us.
    client.request("POST /", "Content-Length: 5\r\nExpect: 100-continue\r\n");
    assert_eq!(client.until(b"\r\n\r\n").as_deref(), Some(&b"HTTP/1.1 100 Continue\r\n\r\n"[..]));
    assert_eq!(client.send("hello").answer("POST").text(), "POST / 5");
    let asked = count(&auth);
    let too_long = stage.client().request("POST /", "Content-Length: 100001\r\n").send("b".repeat(100_001)).answer("POST");
    assert_eq!((too_long.status(), &*too_long.reason()), (413, "body_limit"));
    let too_long = stage
        .client()
        .request("POST /", "Transfer-Encoding: chunked\r\n")
        .send(format!("186A1\r\n{}\r\n0\r\n\r\n", "b".repeat(100_001)))
        .answer("POST");
    assert_eq!(too_long.status(), 413);
    assert_eq!(count(&auth), asked);
}

#[test]
fn filters_before_it_are_seen_by_it_and_filters_behind_it_are_not() {
    let (main, auth) = (Tape::polite(), Tape::answering(|_| ok("")));
    let set = |value: &str| Filter::EditRequest(HeaderEdit { set: vec![("X-Sent".into(), value.into())], ..HeaderEdit::default() });
    let filters = vec![set("before"), Filter::Auth(Arc::new(http(0))), set("behind")];
    let rules = vec![(PathMatch::Prefix("/".into()), with_filters(filters))];
    let stage = Stage::new(&Scene::new(rules, vec![vec![endpoint(main.address)], vec![endpoint(auth.address)]]));
    assert_eq!(stage.get("/").status(), 200);
    assert_eq!((auth.last().field("x-sent").as_deref(), main.last().field("x-sent").as_deref()), (Some("before"), Some("behind")));
}

type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A service that answers each check by the first of these messages, the next by the next, and the last for ever.
fn checker(verdicts: Vec<Vec<u8>>) -> (SocketAddr, Asked) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a live socket");
    let seen = Asked::default();
    let notes = Arc::clone(&seen);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((stream, _)) = listener.accept().await {
                let (verdicts, notes) = (verdicts.clone(), Arc::clone(&notes));
                tokio::spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, mut respond))) = connection.accept().await {
                        let (verdicts, notes) = (verdicts.clone(), Arc::clone(&notes));
                        tokio::spawn(async move {
                            let path = request.uri().path().to_owned();
                            let (mut body, mut message) = (request.into_body(), Vec::new());
                            while let Some(Ok(data)) = body.data().await {
                                let _ = body.flow_control().release_capacity(data.len());
                                message.extend_from_slice(&data);
                            }
                            let at = {
                                let mut notes = notes.lock().expect("not poisoned");
                                notes.push((path, message));
                                notes.len() - 1
                            };
                            let verdict = &verdicts[at.min(verdicts.len() - 1)];
                            let head = Response::builder().header("content-type", "application/grpc").body(()).expect("an answer");
                            let mut send = respond.send_response(head, false).expect("a live stream");
                            let length = (verdict.len() as u32).to_be_bytes();
                            send.send_data(Bytes::from([&[0], &length[..], verdict].concat()), false).expect("a live stream");
                            let mut trailers = HeaderMap::new();
                            trailers.insert("grpc-status", "0".parse().expect("a value"));
                            let _ = send.send_trailers(trailers);
                        });
                    }
                });
            }
        });
    });
    (address, seen)
}

/// A field of a message whose value is bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(value.len()).expect("short")], value].concat()
}

/// A `HeaderValueOption`.
fn option(name: &str, value: &str) -> Vec<u8> {
    field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat())
}

#[test]
fn by_grpc_the_verdict_changes_request_and_answer_or_is_the_answer() {
    let permit = [field(2, &option("X-User", "ann")), field(2, &option("Host", "evil")), field(5, b"x-gone"), field(6, &option("X-Told", "yes"))];
    let permit = [field(1, &[]), field(3, &permit.concat())].concat();
    // PERMISSION_DENIED, with 429, a field and a body.
    let denial = [field(1, &[8, 0xAD, 3]), field(2, &option("X-Why", "no")), field(3, b"slow down")];
    let denial = [field(1, &[8, 7]), field(2, &denial.concat())].concat();
    let (address, seen) = checker(vec![permit, denial, field(1, &[8, 16]), b"\xFF".to_vec()]);
    let main = Tape::polite();
    let auth = ExternalAuth { protocol: AuthProtocol::Grpc, allowed: Vec::new(), ..http(10) };
    let stage = stage(auth, main.address, address);
    let mut client = stage.client();
    let answer = client.request("POST /p?q=1", "X-Gone: 1\r\nX-User: mallory\r\nX-A: 7\r\nContent-Length: 4\r\n").send("body").answer("POST");
    assert_eq!((answer.text().as_str(), answer.field("x-told").as_deref()), ("POST /p?q=1 4", Some("yes")));
    let sent = main.last();
    assert_eq!(["x-user", "x-gone", "host", "x-a"].map(|name| sent.field(name).unwrap_or_default()), ["ann", "", HOST, "7"]);
    let (path, message) = seen.lock().expect("not poisoned")[0].clone();
    assert_eq!(path, "/envoy.service.auth.v3.Authorization/Check");
    for part in [
        [field(2, b"POST"), field(3, &[field(1, b":authority"), field(2, HOST.as_bytes())].concat())].concat(),
        field(3, &[field(1, b"x-a"), field(2, b"7")].concat()),
        [field(4, b"/p?q=1"), field(5, HOST.as_bytes()), field(6, b"http"), vec![9 << 3, 4], field(10, b"HTTP/1.1"), field(11, b"body")].concat(),
    ] {
        assert!(message.windows(part.len()).any(|window| window == part), "{} in {}", part.escape_ascii(), message.escape_ascii());
    }
    let answer = client.get("/");
    assert_eq!((answer.status(), answer.field("x-why").as_deref(), answer.text().as_str()), (429, Some("no"), "slow down"));
    assert_eq!(client.get("/").status(), 403, "a refusal without a word is 403");
    let answer = client.get("/");
    assert_eq!((answer.status(), &*answer.reason()), (403, "auth_unreachable"), "what is no verdict is no permit");
    assert_eq!(count(&main), 1);
}
