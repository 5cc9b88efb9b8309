//! The protocol against a server that follows a script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use kube::Client;
use kube::client::Body;

use super::*;

/// What the server does with the next request.
enum Reply {
    /// A status with a body.
    Whole(u16, String),
    /// Chunks, then the end, or silence for ever.
    Stream(Vec<String>, bool),
}

#[derive(Clone, Default)]
struct Server {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(replies: Vec<Reply>) -> Server {
        Server { replies: Arc::new(Mutex::new(replies.into())), ..Server::default() }
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                server.asked.lock().unwrap().push(request.uri().to_string());
                let reply = server.replies.lock().unwrap().pop_front().unwrap_or(Reply::Stream(vec![], false));
                let (status, chunks, ends) = match reply {
                    Reply::Whole(status, body) => (status, vec![body], true),
                    Reply::Stream(chunks, ends) => (200, chunks, ends),
                };
                let chunks = chunks.into_iter().map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::from(chunk))));
                let body = futures_util::StreamExt::chain(
                    futures_util::stream::iter(chunks),
                    futures_util::stream::once(async move {
                        if !ends {
                            std::future::pending::<()>().await;
                        }
                        Ok(Frame::data(Bytes::new()))
                    }),
                );
                Ok::<_, Infallible>(Response::builder().status(status).body(StreamBody::new(Box::pin(body))).unwrap())
            }
        });
        Client::new(service, "default")
    }

    fn watcher(&self) -> Watcher<api::Service> {
        Watcher::new(self.client(), Target::of::<api::Service>(), &Metrics::default())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn service(name: &str, version: u32) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"a","resourceVersion":"{version}"}}}}"#)
}

fn line(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

fn mark(version: u32, is_end: bool) -> String {
    let annotations = if is_end { r#","annotations":{"k8s.io/initial-events-end":"true"}"# } else { "" };
    line("BOOKMARK", &format!(r#"{{"kind":"Service","metadata":{{"resourceVersion":"{version}"{annotations}}}}}"#))
}

fn expired() -> String {
    line("ERROR", r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#)
}

/// The next differences, in words.
async fn told(watcher: &mut Watcher<api::Service>, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        let event = tokio::time::timeout(Duration::from_secs(3600), watcher.next()).await.expect("an event");
        all.push(match event {
            Event::Upsert(object) => format!("{}@{}", object.metadata.name, object.metadata.resource_version),
            Event::Delete(key) => format!("-{}", key.name),
            Event::Synced => "synced".into(),
        });
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_becomes_a_watch_even_when_chunks_cut_lines() {
    let whole = [line("ADDED", &service("x", 1)), line("ADDED", &service("y", 2)), mark(5, true), line("MODIFIED", &service("x", 6))].concat();
    let (one, two) = whole.split_at(37);
    let server = Server::new(vec![Reply::Stream(vec![one.into(), two.into(), line("DELETED", &service("y", 7))], false)]);
    assert_eq!(told(&mut server.watcher(), 5).await, ["x@1", "y@2", "synced", "x@6", "-y"]);
    assert!(server.asked()[0].contains("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
}

#[tokio::test(start_paused = true)]
async fn a_server_without_streaming_lists_is_listed_in_pages_and_watched() {
    let invalid = r#"{"kind":"Status","code":422,"reason":"Invalid","message":"sendInitialEvents is forbidden"}"#;
    let page =
        |items: &[String], token: &str| format!(r#"{{"metadata":{{"resourceVersion":"9","continue":"{token}"}},"items":[{}]}}"#, items.join(","));
    let server = Server::new(vec![
        Reply::Whole(422, invalid.into()),
        Reply::Whole(200, page(&[service("x", 1)], "next")),
        Reply::Whole(200, page(&[service("y", 2)], "")),
        Reply::Stream(vec![line("ADDED", &service("z", 10))], false),
    ]);
    assert_eq!(told(&mut server.watcher(), 4).await, ["x@1", "y@2", "synced", "z@10"]);
    let asked = server.asked();
    assert!(asked[2].contains("continue=next") && asked[3].contains("resourceVersion=9"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_resumes_after_the_last_revision_or_bookmark() {
    let server = Server::new(vec![
        Reply::Stream(vec![line("ADDED", &service("x", 1)), mark(5, true), mark(8, false)], true),
        Reply::Whole(500, "oops".into()),
        Reply::Stream(vec![line("ADDED", &service("y", 9))], false),
    ]);
    assert_eq!(told(&mut server.watcher(), 3).await, ["x@1", "synced", "y@9"]);
    let asked = server.asked();
    assert!(asked[1].contains("resourceVersion=8") && asked[2].contains("resourceVersion=8"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_revision_lists_again_and_tells_only_what_differs() {
    let first = vec![line("ADDED", &service("same", 1)), line("ADDED", &service("old", 2)), line("ADDED", &service("gone", 3)), mark(5, true)];
    let second = vec![line("ADDED", &service("same", 1)), line("ADDED", &service("old", 20)), line("ADDED", &service("new", 21)), mark(30, true)];
    let server = Server::new(vec![Reply::Stream([first, vec![expired()]].concat(), false), Reply::Stream(second, false)]);
    assert_eq!(told(&mut server.watcher(), 7).await, ["same@1", "old@2", "gone@3", "synced", "old@20", "new@21", "-gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_deletes_nothing() {
    let server = Server::new(vec![
        Reply::Stream(vec![line("ADDED", &service("x", 1)), line("ADDED", &service("y", 2)), mark(5, true), expired()], false),
        Reply::Stream(vec![line("ADDED", &service("x", 1))], true),
        Reply::Stream(vec![line("ADDED", &service("y", 2)), mark(9, true)], false),
    ]);
    assert_eq!(told(&mut server.watcher(), 4).await, ["x@1", "y@2", "synced", "-x"]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_object_stops_no_other_and_keeps_its_last_good_state() {
    let bad = r#"{"metadata":{"name":"x","namespace":"a","resourceVersion":"6"},"spec":{"ports":"none"}}"#;
    let server = Server::new(vec![
        Reply::Stream(vec![line("ADDED", &service("x", 1)), mark(5, true), line("MODIFIED", bad), line("ADDED", &service("y", 7)), expired()], false),
        Reply::Stream(vec![line("ADDED", bad), line("ADDED", &service("y", 7)), line("ADDED", &service("z", 8)), mark(9, true)], false),
    ]);
    assert_eq!(told(&mut server.watcher(), 4).await, ["x@1", "synced", "y@7", "z@8"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_counts_as_empty_until_it_is() {
    let absent = r#"{"kind":"Status","code":404,"reason":"NotFound","message":"the server could not find the requested resource"}"#;
    let server = Server::new(vec![Reply::Whole(404, absent.into()), Reply::Stream(vec![line("ADDED", &service("x", 1)), mark(2, true)], false)]);
    assert_eq!(told(&mut server.watcher(), 2).await, ["synced", "x@1"]);
}

#[tokio::test(start_paused = true)]
async fn no_contact_is_retried_for_ever_and_syncs_nothing() {
    let server = Server::new((0..50).map(|_| Reply::Whole(503, String::new())).collect());
    let mut watcher = server.watcher();
    assert!(tokio::time::timeout(Duration::from_secs(600), watcher.next()).await.is_err());
    let asked = server.asked().len();
    assert!((20..50).contains(&asked), "{asked} requests in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_the_parameters_of_a_streaming_list_is_noticed() {
    let server = Server::new(vec![
        Reply::Stream(vec![line("ADDED", &service("x", 1))], false),
        Reply::Whole(200, format!(r#"{{"metadata":{{"resourceVersion":"9"}},"items":[{}]}}"#, service("x", 1))),
    ]);
    assert_eq!(told(&mut server.watcher(), 2).await, ["x@1", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_given_up() {
    let server = Server::new(vec![Reply::Stream(vec![mark(5, true)], false), Reply::Stream(vec![line("ADDED", &service("x", 6))], false)]);
    assert_eq!(told(&mut server.watcher(), 2).await, ["synced", "x@6"]);
    assert!(server.asked()[1].contains("resourceVersion=5"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_restored_to_an_earlier_revision_is_listed_again() {
    let ahead = r#"{"kind":"Status","code":504,"reason":"Timeout","message":"Too large resource version: 5, current: 3"}"#;
    let server = Server::new(vec![
        Reply::Stream(vec![line("ADDED", &service("x", 4)), mark(5, true)], true),
        Reply::Whole(504, ahead.into()),
        Reply::Stream(vec![mark(3, true)], false),
    ]);
    assert_eq!(told(&mut server.watcher(), 3).await, ["x@4", "synced", "-x"]);
}
