//! What peers may do to each other, and what a connection says to what they must not do.

use std::task::Waker;

use proptest::prelude::*;

use super::*;
use crate::h1::Known;
use crate::h2::frame::{FrameHead, HEADER, PREFACE};
use crate::h2::hpack;

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::push(&mut out, kind, flags, stream, payload);
    out
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    fields.iter().for_each(|(name, value)| hpack::push_field(&mut out, name.as_bytes(), value.as_bytes()));
    out
}

const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")];

/// A request's head with these fields beside the usual ones.
fn head(stream: u32, ends: bool, more: &[(&str, &str)]) -> Vec<u8> {
    let flags = frame::END_HEADERS | if ends { frame::END_STREAM } else { 0 };
    frame(frame::HEADERS, flags, stream, &block(&[&GET[..], more].concat()))
}

/// A server whose client has greeted it.
fn server() -> Conn {
    let mut conn = Conn::server(Limits::default());
    let hello = [PREFACE, &frame(frame::SETTINGS, 0, 0, &[])].concat();
    assert_eq!(conn.receive(&hello), Ok(hello.len()));
    take(&mut conn);
    conn
}

/// What is to be sent.
fn take(conn: &mut Conn) -> Vec<u8> {
    let out = conn.pending().to_vec();
    conn.wrote(out.len());
    out
}

fn frames(mut octets: &[u8]) -> Vec<(FrameHead, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some(head) = FrameHead::read(octets) {
        let (frame, rest) = octets[HEADER..].split_at(head.length);
        frames.push((head, frame.to_vec()));
        octets = rest;
    }
    frames
}

/// How a server takes these frames: the code that the connection ends with, or that of the last stream that is reset.
fn verdict(octets: &[u8]) -> Result<Option<Code>, Code> {
    let mut conn = server();
    conn.receive(octets).map_err(|fatal| fatal.code)?;
    let resets = frames(&take(&mut conn)).into_iter().filter(|(head, _)| head.kind == frame::RST_STREAM);
    Ok(resets.map(|(_, code)| Code(frame::word(&code))).next_back())
}

#[test]
fn what_ends_a_connection() {
    let fine = head(1, true, &[]);
    let cases = [
        (frame(frame::DATA, 0, 0, b"x"), Code::PROTOCOL_ERROR, "data for no stream"),
        (frame(frame::DATA, 0, 1, b"x"), Code::PROTOCOL_ERROR, "data for a stream that was never opened"),
        (head(2, true, &[]), Code::PROTOCOL_ERROR, "an even number"),
        ([head(5, true, &[]), head(3, true, &[])].concat(), Code::PROTOCOL_ERROR, "a lower number"),
        (frame(frame::HEADERS, frame::END_HEADERS, 1, &[0x80]), Code::COMPRESSION_ERROR, "an index that does not exist"),
        (frame(frame::HEADERS, frame::PADDED | frame::END_HEADERS, 1, &[5, 0x82]), Code::PROTOCOL_ERROR, "padding beyond the frame"),
        (frame(frame::CONTINUATION, frame::END_HEADERS, 1, &[]), Code::PROTOCOL_ERROR, "a continuation of nothing"),
        ([frame(frame::HEADERS, 0, 1, &[]), frame(frame::PING, 0, 0, &[0; 8])].concat(), Code::PROTOCOL_ERROR, "a block is interrupted"),
        (frame(frame::PUSH_PROMISE, 0, 1, &[0; 4]), Code::PROTOCOL_ERROR, "a push"),
        (frame(frame::PING, 0, 0, &[0; 7]), Code::FRAME_SIZE_ERROR, "a short ping"),
        (frame(frame::PING, 0, 1, &[0; 8]), Code::PROTOCOL_ERROR, "a ping on a stream"),
        (frame(frame::SETTINGS, 0, 0, &[0; 5]), Code::FRAME_SIZE_ERROR, "a part of a setting"),
        (frame(frame::SETTINGS, frame::ACK, 0, &[0; 6]), Code::FRAME_SIZE_ERROR, "settings in an acknowledgement"),
        (frame(frame::SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]), Code::FLOW_CONTROL_ERROR, "a first window that is too large"),
        (frame(frame::SETTINGS, 0, 0, &[0, 5, 0, 0, 0x3F, 0xFF]), Code::PROTOCOL_ERROR, "frames that are too small"),
        (frame(frame::SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), Code::PROTOCOL_ERROR, "a push setting of 2"),
        (frame(frame::WINDOW_UPDATE, 0, 0, &[0; 4]), Code::PROTOCOL_ERROR, "credit of nothing"),
        (frame(frame::WINDOW_UPDATE, 0, 0, &[0x7F, 255, 255, 255]), Code::FLOW_CONTROL_ERROR, "too much credit"),
        (frame(frame::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), Code::PROTOCOL_ERROR, "credit for a stream that was never opened"),
        (frame(frame::RST_STREAM, 0, 1, &[0; 4]), Code::PROTOCOL_ERROR, "a reset of a stream that was never opened"),
        ([fine, frame(frame::RST_STREAM, 0, 1, &[0; 3])].concat(), Code::FRAME_SIZE_ERROR, "a short reset"),
        (frame(frame::GOAWAY, 0, 0, &[0; 7]), Code::FRAME_SIZE_ERROR, "a short farewell"),
        (vec![0, 0x40, 1, 0, 0, 0, 0, 0, 1], Code::FRAME_SIZE_ERROR, "a frame that is too large, before it is there"),
    ];
    for (octets, code, why) in cases {
        assert_eq!(verdict(&octets), Err(code), "{why}");
    }
}

#[test]
fn what_ends_a_stream() {
    let with = |fields: &[(&str, &str)]| head(1, true, fields);
    let only = |fields: &[(&str, &str)]| frame(frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, 1, &block(fields));
    let open = head(1, false, &[("content-length", "3")]);
    let cases = [
        (with(&[]), None, "nothing is wrong"),
        (with(&[("te", "trailers"), ("x", "")]), None, "nothing is wrong here either"),
        (with(&[("connection", "close")]), Some(Code::PROTOCOL_ERROR), "a field of HTTP/1"),
        (with(&[("te", "gzip")]), Some(Code::PROTOCOL_ERROR), "a coding"),
        (with(&[("x", "a\nb")]), Some(Code::PROTOCOL_ERROR), "a control character"),
        (with(&[(":path", "/again")]), Some(Code::PROTOCOL_ERROR), "a pseudo-field twice"),
        (with(&[("x", "y"), (":path", "/late")]), Some(Code::PROTOCOL_ERROR), "a pseudo-field after others"),
        (with(&[(":status", "200")]), Some(Code::PROTOCOL_ERROR), "a pseudo-field of answers"),
        (with(&[("content-length", "1")]), Some(Code::PROTOCOL_ERROR), "a body that never comes"),
        (only(&GET[..2]), Some(Code::PROTOCOL_ERROR), "no path"),
        (only(&[(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")]), Some(Code::PROTOCOL_ERROR), "CONNECT with a path"),
        ([open.clone(), frame(frame::DATA, 0, 1, b"four")].concat(), Some(Code::PROTOCOL_ERROR), "more than was announced"),
        ([open.clone(), frame(frame::DATA, 1, 1, b"2!")].concat(), Some(Code::PROTOCOL_ERROR), "less than was announced"),
        ([open.clone(), frame(frame::DATA, 1, 1, b"yes")].concat(), None, "as much as was announced"),
        ([open.clone(), head(1, true, &[])].concat(), Some(Code::PROTOCOL_ERROR), "trailers with pseudo-fields"),
        ([open.clone(), frame(frame::WINDOW_UPDATE, 0, 1, &[0; 4])].concat(), Some(Code::PROTOCOL_ERROR), "credit of nothing"),
        ([with(&[]), frame(frame::DATA, 1, 1, b"x")].concat(), Some(Code::STREAM_CLOSED), "data after the end"),
        (
            [open.clone(), frame(frame::RST_STREAM, 0, 1, &[0; 4]), frame(frame::DATA, 0, 1, b"x")].concat(),
            Some(Code::STREAM_CLOSED),
            "data after a reset",
        ),
        (frame(frame::PRIORITY, 0, 1, &[0, 0, 0, 1, 0]), Some(Code::PROTOCOL_ERROR), "a stream that waits for itself"),
        ((0..101).flat_map(|at| head(2 * at + 1, true, &[])).collect(), Some(Code::REFUSED_STREAM), "one stream too many"),
        ((0..100).flat_map(|at| head(2 * at + 1, true, &[])).collect(), None, "as many streams as there may be"),
    ];
    for (octets, code, why) in cases {
        assert_eq!(verdict(&octets), Ok(code), "{why}");
    }
    let upper = frame(frame::HEADERS, 5, 1, &[&block(&GET)[..], b"\x00\x01X\x01y"].concat());
    assert_eq!(verdict(&upper), Ok(Some(Code::PROTOCOL_ERROR)), "a name in upper case");
    for value in [" y", "y ", "\ty", "y\t"] {
        assert_eq!(verdict(&head(1, true, &[("x", value)])), Ok(Some(Code::PROTOCOL_ERROR)), "{value:?}: a blank at an end");
    }
}

#[test]
fn what_is_too_large_is_told_and_leaves_the_table_in_step() {
    let mut conn = server();
    let large = "x".repeat(9000);
    let fields: Vec<(&str, &str)> = std::iter::repeat_n(("x-large", large.as_str()), 4).collect();
    let octets = block(&[&GET[..], &fields].concat());
    for (at, piece) in octets.chunks(16_000).enumerate() {
        let flags = if (at + 1) * 16_000 >= octets.len() { frame::END_HEADERS } else { 0 };
        let kind = if at == 0 { frame::HEADERS } else { frame::CONTINUATION };
        conn.receive(&frame(kind, flags, 1, piece)).expect("legal frames");
    }
    let slot = conn.next_opened().expect("a stream");
    let (block, _) = conn.take_request(slot).expect("a request");
    assert_eq!(block.fault, Some(crate::h2::Fault::Message(crate::h1::Malformed::HeadTooLarge)));
}

#[test]
fn crumbs_become_one_cookie() {
    let mut conn = server();
    conn.receive(&head(1, true, &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")])).expect("a request");
    let slot = conn.next_opened().expect("a stream");
    let (block, whole) = conn.take_request(slot).expect("a request");
    assert!(whole);
    assert_eq!(block.head.all(b"cookie").collect::<Vec<_>>(), [b"a=1; b=2; c=3"]);
}

#[test]
fn crumbs_count_as_fields_and_their_cookie_is_bound_as_one() {
    let fault = |crumbs: usize, length: usize| {
        let mut conn = server();
        let value = "c".repeat(length);
        let octets = block(&[&GET[..], &vec![("cookie", value.as_str()); crumbs]].concat());
        for (at, piece) in octets.chunks(16_000).enumerate() {
            let flags = if (at + 1) * 16_000 >= octets.len() { frame::END_HEADERS } else { 0 };
            conn.receive(&frame(if at == 0 { frame::HEADERS } else { frame::CONTINUATION }, flags, 1, piece)).expect("legal frames");
        }
        let slot = conn.next_opened().expect("a stream");
        conn.take_request(slot).expect("a request").0.fault
    };
    let refused = Some(crate::h2::Fault::Message(crate::h1::Malformed::HeadTooLarge));
    assert_eq!((fault(128, 3), fault(129, 3)), (None, refused));
    assert_eq!((fault(2, 8_000), fault(3, 8_000)), (None, refused));
}

#[test]
fn a_body_waits_for_credit_of_its_stream_and_of_the_connection() {
    let mut conn = server();
    conn.receive(&[head(1, true, &[]), head(3, true, &[])].concat()).expect("requests");
    let (one, other) = (conn.next_opened().expect("a stream"), conn.next_opened().expect("a stream"));
    for slot in [one, other] {
        conn.send_block(slot, false, |out| hpack::push_status(out, 200));
    }
    let (data, mut sent) = ([0; 1 << 14], [0, 0]);
    let send = |conn: &mut Conn, sent: &mut [usize; 2]| {
        for (slot, sent) in [one, other].into_iter().zip(sent) {
            while let Poll::Ready(taken) = conn.poll_send(slot, &context(), &data) {
                *sent += taken.expect("an open stream");
                take(conn);
            }
        }
    };
    send(&mut conn, &mut sent);
    assert_eq!(sent, [WINDOW as usize, 0], "the connection's window is used up");
    conn.receive(&frame(frame::WINDOW_UPDATE, 0, 0, &1000u32.to_be_bytes())).expect("credit");
    send(&mut conn, &mut sent);
    assert_eq!(sent, [WINDOW as usize, 1000], "only the other stream has a window of its own left");
    conn.receive(&frame(frame::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).expect("a smaller window");
    conn.receive(&frame(frame::WINDOW_UPDATE, 0, 0, &100_000u32.to_be_bytes())).expect("credit");
    send(&mut conn, &mut sent);
    assert_eq!(sent, [WINDOW as usize, 1000], "windows of streams have become negative");
}

#[test]
fn an_end_that_comes_before_the_data_has_left_is_said_with_the_data() {
    let mut conn = server();
    conn.receive(&[head(1, true, &[]), head(3, true, &[])].concat()).expect("requests");
    let ends = |conn: &mut Conn, slot: usize, early: bool| {
        conn.send_block(slot, false, |out| hpack::push_status(out, 200));
        assert_eq!(conn.poll_send(slot, &context(), b"data"), Poll::Ready(Ok(4)));
        let before = if early { Vec::new() } else { take(conn) };
        conn.finish(slot, &Head::default(), |_| true);
        let sent = frames(&[before, take(conn)].concat());
        sent.iter().filter(|(head, _)| head.kind == frame::DATA).map(|(head, data)| (head.flags, data.len())).collect::<Vec<_>>()
    };
    let (one, other) = (conn.next_opened().expect("a stream"), conn.next_opened().expect("a stream"));
    assert_eq!(ends(&mut conn, one, true), [(frame::END_STREAM, 4)]);
    assert_eq!(ends(&mut conn, other, false), [(0, 4), (frame::END_STREAM, 0)]);
}

#[test]
fn a_peer_that_sends_more_than_its_window_is_stopped() {
    let data = frame(frame::DATA, 0, 1, &[0; 1 << 14]);
    let octets = [head(1, false, &[]), data.repeat(4)].concat();
    assert_eq!(verdict(&octets), Ok(None));
    assert_eq!(verdict(&[octets, frame(frame::DATA, 0, 1, b"x")].concat()), Ok(Some(Code::FLOW_CONTROL_ERROR)));
}

/// Carries what is to be sent to the other end.
fn ship(from: &mut Conn, to: &mut Conn, inbox: &mut Vec<u8>, step: usize) {
    for piece in take(from).chunks(step) {
        inbox.extend_from_slice(piece);
        let taken = to.receive(inbox).expect("legal frames");
        inbox.drain(..taken);
    }
}

/// Names and values.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Two ends of a connection.
struct Pair {
    client: Conn,
    server: Conn,
    inboxes: [Vec<u8>; 2],
}

impl Pair {
    fn new() -> Self {
        Self { client: Conn::client(Limits::default()), server: Conn::server(Limits::default()), inboxes: Default::default() }
    }

    /// Carries what is to be sent, in pieces of this size.
    fn pump(&mut self, step: usize) {
        let [to_server, to_client] = &mut self.inboxes;
        ship(&mut self.client, &mut self.server, to_server, step);
        ship(&mut self.server, &mut self.client, to_client, step);
    }

    /// Asks with a body, answers with it and trailers; gives what the server and then the client got.
    fn exchange(&mut self, fields: &[(Vec<u8>, Vec<u8>)], body: &[u8], step: usize) -> [(Fields, Vec<u8>); 2] {
        let Poll::Ready(Ok(ours)) = self.client.poll_open(&context()) else { panic!("a stream is refused") };
        self.client.send_block(ours, false, |out| {
            out.extend_from_slice(&block(&GET));
            fields.iter().for_each(|(name, value)| hpack::push_field(out, name, value));
        });
        let uploaded = self.carry(true, ours, None, body, step);
        let theirs = uploaded.2;
        let (request, _) = self.server.take_request(theirs).expect("a request");
        let request = request.head.fields.iter().map(|field| (request.head.name(field).to_vec(), request.head.value(field).to_vec())).collect();
        self.server.send_block(theirs, false, |out| {
            hpack::push_status(out, 200);
            fields.iter().for_each(|(name, value)| hpack::push_field(out, name, value));
        });
        self.pump(step);
        let mut answer = Head::default();
        assert_eq!(self.client.poll_answer(ours, &context(), &mut answer), Poll::Ready(Ok(200)));
        let downloaded = self.carry(false, theirs, Some(ours), body, step);
        assert_eq!(downloaded.1.first(Known::Other), Some(&b"0"[..]), "the trailer");
        let answer = answer.fields.iter().map(|field| (answer.name(field).to_vec(), answer.value(field).to_vec())).collect();
        self.server.release(theirs, &mut Vec::new());
        self.client.release(ours, &mut Vec::new());
        [(request, uploaded.0), (answer, downloaded.0)]
    }

    /// Carries a body and a trailer from one end to the other; gives both, and the place of the stream there.
    fn carry(&mut self, up: bool, from: usize, to: Option<usize>, body: &[u8], step: usize) -> (Vec<u8>, Head, usize) {
        let (mut got, mut data, mut rest, mut to, mut trailers) = (Vec::new(), Vec::new(), body, to, Head::default());
        let mut finished = false;
        for _ in 0..10_000 {
            let sender = if up { &mut self.client } else { &mut self.server };
            while let (false, Poll::Ready(Ok(taken))) = (rest.is_empty(), sender.poll_send(from, &context(), rest)) {
                rest = &rest[taken..];
            }
            if rest.is_empty() && !std::mem::replace(&mut finished, true) {
                let mut said = Head::default();
                said.push(b"grpc-status", b"0");
                sender.finish(from, &said, |_| true);
            }
            self.pump(step);
            let receiver = if up { &mut self.server } else { &mut self.client };
            let Some(place) = to.or_else(|| receiver.next_opened()) else { continue };
            to = Some(place);
            while let Poll::Ready(taken) = receiver.poll_body(place, &context(), &mut data, &mut trailers) {
                match taken.expect("an open stream") {
                    Taken::End => return (got, trailers, place),
                    Taken::Data => {
                        got.extend_from_slice(&data);
                        receiver.credit(place, data.len());
                        data.clear();
                    }
                }
            }
            self.pump(step);
        }
        panic!("the body never arrives");
    }
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec(
        ("[a-z][a-z0-9-]{0,20}".prop_map(|name| format!("x-{name}").into_bytes()), "[!-~]{0,200}".prop_map(String::into_bytes)),
        0..30,
    )
}

/// Frames that are nearly right.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        Just(block(&GET)),
        Just(vec![0; 8]),
        Just(vec![0, 4, 0, 0, 1, 0]),
        Just(1u32.to_be_bytes().to_vec())
    ];
    (0u8..11, any::<u8>(), 0u32..8, payload).prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn messages_arrive_as_they_were_sent_in_whatever_pieces(
        fields in fields(),
        size in prop_oneof![0usize..100, 0usize..200_000],
        step in prop_oneof![1usize..40, Just(100_000usize)],
    ) {
        let mut pair = Pair::new();
        let body: Vec<u8> = (0..if step < 10 { size.min(3000) } else { size }).map(|at| at as u8).collect();
        for _ in 0..3 {
            let [request, answer] = pair.exchange(&fields, &body, step);
            prop_assert_eq!(&request, &(fields.clone(), body.clone()));
            prop_assert_eq!(&answer, &(fields.clone(), body.clone()));
        }
        prop_assert_eq!((pair.client.count(), pair.server.count()), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_frames_make_it_panic_and_pieces_change_nothing(frames in prop::collection::vec(nearly(), 0..12), step in 1usize..30) {
        let octets = frames.concat();
        let (mut whole, mut pieces, mut inbox) = (server(), server(), Vec::new());
        let outcome = whole.receive(&octets).map(drop);
        let in_pieces = octets.chunks(step).try_for_each(|piece| {
            inbox.extend_from_slice(piece);
            pieces.receive(&inbox).map(|taken| drop(inbox.drain(..taken)))
        });
        prop_assert_eq!(outcome, in_pieces);
        prop_assert_eq!(take(&mut whole), take(&mut pieces));
        while let Some(slot) = whole.next_opened() {
            whole.release(slot, &mut Vec::new());
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = server().receive(&octets);
        let _ = Conn::client(Limits::default()).receive(&octets);
    }
}
