//! Replies in protobuf: objects, lists, metadata, watches.

use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::harness::{MAPS, Reply, Server, config_map};

const TYPED: [(&str, &str); 1] = [("accept", "application/vnd.kubernetes.protobuf, application/json")];

/// The object in an envelope, without what only JSON of this server shows (empty lists and the like are the same to every client).
#[track_caller]
fn decoded(bytes: &[u8]) -> Value {
    let decoded = schema::from_protobuf(bytes).expect("protobuf");
    let mut object = decoded.object;
    let message = schema::table(schema::Gvk::new(&decoded.api_version, &decoded.kind)).expect("a table");
    schema::prune(message, &mut object).expect("canonical");
    object
}

#[track_caller]
fn is_protobuf(reply: &Reply) -> &Reply {
    assert_eq!(reply.headers["content-type"], "application/vnd.kubernetes.protobuf", "{}", reply.text);
    reply
}

#[tokio::test]
async fn t6_an_object_comes_as_protobuf_and_says_what_its_json_says() {
    let server = Server::start().await;
    let service = json!({ "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 80, "targetPort": "http" }], "selector": { "a": "b" } } });
    let headers = [TYPED[0], ("content-type", "application/json")];
    let path = "/api/v1/namespaces/default/services";
    let made = server.raw("POST", path, service.to_string(), &headers).await;
    assert_eq!(made.code, 201, "{}", made.text);
    let json = server.get(&format!("{path}/s")).await.ok();
    assert_eq!(decoded(&is_protobuf(&made).bytes), json);
    let read = server.raw("GET", &format!("{path}/s"), "", &TYPED).await;
    assert_eq!(decoded(&is_protobuf(&read).bytes), json);
    let gone = server.raw("DELETE", &format!("{path}/s"), "", &TYPED).await;
    assert_eq!(decoded(&is_protobuf(&gone).bytes)["metadata"]["name"], "s");
    let review = json!({ "spec": { "resourceAttributes": { "verb": "get", "resource": "pods" } } });
    let review = server.raw("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review.to_string(), &headers).await;
    assert_eq!(decoded(&is_protobuf(&review).bytes)["status"]["allowed"], true);
}

#[tokio::test]
async fn t6_kinds_without_field_numbers_answer_json_or_406() {
    let server = Server::start().await;
    let routes = "/apis/gateway.networking.k8s.io/v1/httproutes";
    assert_eq!(server.raw("GET", routes, "", &TYPED).await.headers["content-type"], "application/json");
    let only = [("accept", "application/vnd.kubernetes.protobuf")];
    assert_eq!(server.raw("GET", routes, "", &only).await.code, 406);
    let metadata = [("accept", "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")];
    is_protobuf(&server.raw("GET", routes, "", &metadata).await);
    let table = [("accept", "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1")];
    assert_eq!(server.raw("GET", MAPS, "", &table).await.code, 406);
    let missing = server.raw("GET", &format!("{MAPS}/none"), "", &TYPED).await;
    is_protobuf(&missing);
    assert!(missing.code == 404 && missing.text.contains("NotFound"), "{missing:?}");
    let custom = server.raw("GET", &format!("{routes}/none"), "", &TYPED).await;
    assert_eq!(custom.headers["content-type"], "application/json", "what has no protobuf is refused in JSON");
}

/// Content of the length-delimited fields of one number.
fn fields(mut bytes: &[u8], wanted: u64) -> Vec<&[u8]> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for at in 0.. {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = varint(&mut bytes);
        if tag & 7 == 0 {
            continue;
        }
        let (content, rest) = bytes.split_at(usize::try_from(length).expect("a length"));
        if tag >> 3 == wanted {
            found.push(content);
        }
        bytes = rest;
    }
    found
}

#[tokio::test]
async fn t6_a_list_longer_than_what_is_kept_comes_whole() {
    let server = Server::start().await;
    for at in 0..40 {
        let mut map = config_map(&format!("m{at:02}"), json!({}));
        map["data"]["k"] = "x".repeat(60_000).into();
        server.send("POST", MAPS, &map).await.ok();
    }
    for headers in [vec![TYPED[0]], vec![TYPED[0], ("accept-encoding", "gzip")]] {
        let list = server.raw("GET", MAPS, "", &headers).await;
        let bytes = if headers.len() == 2 { unzipped(&list.bytes) } else { list.bytes.to_vec() };
        is_protobuf(&list);
        let raw = fields(bytes.strip_prefix(b"k8s\0").expect("the magic bytes"), 2)[0].to_vec();
        let items = fields(&raw, 2);
        assert_eq!((items.len(), fields(fields(&raw, 1)[0], 2).len()), (40, 1), "items, and a resourceVersion");
        let names: Vec<&[u8]> = items.iter().map(|item| fields(fields(item, 1)[0], 1)[0]).collect();
        assert_eq!((names[0], names[39], items[39].len() > 60_000), (&b"m00"[..], &b"m39"[..], true));
    }
    let page = server.raw("GET", &format!("{MAPS}?limit=1"), "", &TYPED).await;
    let raw = fields(&page.bytes[4..], 2)[0].to_vec();
    assert_eq!((fields(&raw, 2).len(), fields(fields(&raw, 1)[0], 3).len()), (1, 1), "one item and a token");
}

fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out).expect("gzip");
    out
}

#[tokio::test]
async fn t11_a_watch_is_framed_by_lengths() {
    let server = Server::start().await;
    server.send("POST", MAPS, &config_map("a", json!({}))).await.ok();
    let path = format!("{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
    let response = server.0.answer(Server::request("GET", &path, "", &TYPED)).await;
    assert_eq!(response.headers()["content-type"], "application/vnd.kubernetes.protobuf;stream=watch");
    let (mut body, mut read, mut events) = (Box::pin(response.into_body()), Vec::new(), Vec::new());
    server.send("POST", MAPS, &config_map("b", json!({}))).await.ok();
    while events.len() < 3 {
        let frame = tokio::time::timeout(std::time::Duration::from_secs(20), body.frame()).await.expect("in time").expect("more");
        read.extend_from_slice(&frame.expect("no error").into_data().expect("data"));
        while let Some((length, rest)) = read.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let Some(event) = rest.get(..length).map(<[u8]>::to_vec) else { break };
            read.drain(..4 + length);
            let kind = String::from_utf8_lossy(fields(&event, 1)[0]).into_owned();
            events.push((kind, decoded(fields(fields(&event, 2)[0], 1)[0])));
        }
    }
    let seen: Vec<_> = events.iter().map(|(kind, object)| (kind.as_str(), object["metadata"]["name"].as_str().unwrap_or_default())).collect();
    assert_eq!(seen, [("ADDED", "a"), ("BOOKMARK", ""), ("ADDED", "b")]);
    assert_eq!(events[1].1["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let old = server.0.answer(Server::request("GET", &format!("{MAPS}?watch=1&resourceVersion=1"), "", &TYPED)).await;
    assert_eq!(old.status(), 200);
}
