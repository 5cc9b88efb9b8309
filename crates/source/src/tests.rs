//! A source against a server that answers every streaming list from a table.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use kube::client::Body;

use super::*;

/// Names of objects by path; what was asked is kept. A path that is not in the table is forbidden.
#[derive(Clone, Default)]
struct Server {
    objects: Arc<BTreeMap<&'static str, Vec<&'static str>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let uri = request.uri().clone();
            server.asked.lock().unwrap().push(uri.to_string());
            let names = server.objects.get(uri.path());
            let status = if names.is_some() { 200 } else { 403 };
            let field = uri.query().unwrap_or("").split("metadata.name%3D").nth(1).map(str::to_owned);
            let object = |name: &&str| {
                format!(r#"{{"type":"ADDED","object":{{"metadata":{{"name":"{name}","namespace":"a","resourceVersion":"1"}}}}}}"#) + "\n"
            };
            let mut lines: Vec<String> =
                names.into_iter().flatten().filter(|name| field.as_deref().is_none_or(|f| f == **name)).map(object).collect();
            let end = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
            lines.push(format!("{end}\n"));
            let chunks = futures_util::stream::iter(lines.into_iter().map(|line| Ok::<_, Infallible>(Frame::data(Bytes::from(line)))));
            let body = StreamBody::new(chunks.chain(futures_util::stream::pending()));
            std::future::ready(Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap()))
        });
        Client::new(service, "default")
    }
}

fn wants(names: &[&str]) -> Option<Arc<Wants>> {
    Some(Arc::new(Wants { secrets: names.iter().map(|name| ("a".into(), (*name).into())).collect(), ..Wants { is_whole: true, ..Wants::default() } }))
}

async fn told(source: &mut Source) -> String {
    match tokio::time::timeout(Duration::from_secs(60), source.next()).await {
        Ok(Some(Change::Upsert(object))) => format!("{} {}", object.kind().as_str(), object.meta().name),
        Ok(Some(Change::Delete { kind, name, .. })) => format!("{} -{name}", kind.as_str()),
        Ok(Some(Change::Synced(kind))) => format!("{} synced", kind.as_str()),
        Ok(None) => "end".into(),
        Err(_) => "silence".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_told_and_then_synced() {
    let objects = BTreeMap::from([("/api/v1/services", vec!["x", "y"]), ("/apis/gateway.networking.k8s.io/v1/gateways", vec![])]);
    let server = Server { objects: Arc::new(objects), ..Server::default() };
    let (_send, wanted) = tokio::sync::watch::channel(None);
    let kinds = [Kind::Service, Kind::Gateway];
    let mut source = Source::start(&server.client(), &kinds, wanted, &Metrics::default());
    let mut all = vec![told(&mut source).await, told(&mut source).await, told(&mut source).await, told(&mut source).await];
    all.sort();
    assert_eq!(all, ["Gateway synced", "Service synced", "Service x", "Service y"]);
}

#[tokio::test(start_paused = true)]
async fn only_wanted_secrets_are_read_and_taken_back_when_nobody_wants_them() {
    let objects = BTreeMap::from([("/api/v1/namespaces/a/secrets", vec!["x", "y", "z"])]);
    let server = Server { objects: Arc::new(objects), ..Server::default() };
    let (send, wanted) = tokio::sync::watch::channel(None);
    let mut source = Source::start(&server.client(), &[Kind::Secret], wanted, &Metrics::default());
    assert_eq!(told(&mut source).await, "silence", "nothing is read before somebody wants it");
    send.send(wants(&["x", "missing"])).unwrap();
    assert_eq!(told(&mut source).await, "Secret x");
    assert_eq!(told(&mut source).await, "Secret synced");
    send.send(wants(&["y"])).unwrap();
    let mut all = [told(&mut source).await, told(&mut source).await, told(&mut source).await];
    all.sort();
    assert_eq!(all, ["Secret -missing", "Secret -x", "Secret y"]);
    assert!(server.asked.lock().unwrap().iter().all(|uri| uri.contains("fieldSelector=metadata.name%3D")));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_may_not_be_read_does_not_hold_up_the_world() {
    let server = Server::default();
    let (send, wanted) = tokio::sync::watch::channel(wants(&["x"]));
    let mut source = Source::start(&server.client(), &[Kind::Secret], wanted, &Metrics::default());
    assert_eq!(told(&mut source).await, "Secret synced");
    drop(send);
}

#[tokio::test(start_paused = true)]
async fn secrets_are_synced_when_a_compilation_knew_all_else() {
    let objects = BTreeMap::from([("/api/v1/namespaces/a/secrets", vec!["x"]), ("/api/v1/services", vec!["s"])]);
    let server = Server { objects: Arc::new(objects), ..Server::default() };
    let (send, wanted) = tokio::sync::watch::channel(None);
    let mut source = Source::start(&server.client(), &[Kind::Secret, Kind::Service], wanted, &Metrics::default());
    assert_eq!(told(&mut source).await, "Service s");
    assert_eq!(told(&mut source).await, "Service synced");
    send.send(wants(&["x"]).map(|wants| Arc::new(Wants { is_whole: false, ..(*wants).clone() }))).unwrap();
    assert_eq!(told(&mut source).await, "Secret x");
    assert_eq!(told(&mut source).await, "silence");
    send.send(wants(&["x"])).unwrap();
    assert_eq!(told(&mut source).await, "Secret synced");
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_is_tried_once_it_was_read_or_found_missing_and_not_before() {
    let objects = BTreeMap::from([("/api/v1/namespaces/a/secrets", vec!["x"])]);
    let server = Server { objects: Arc::new(objects), ..Server::default() };
    let (send, wanted) = tokio::sync::watch::channel(None);
    let mut source = Source::start(&server.client(), &[Kind::Secret, Kind::ConfigMap], wanted, &Metrics::default());
    let all = wants(&["x", "missing"]).unwrap();
    assert!(source.has_tried(&Wants::default()) && !source.has_tried(&all));
    let mut tries = source.tries();
    send.send(Some(Arc::clone(&all))).unwrap();
    while !source.has_tried(&all) {
        tries.next().await;
    }
    let mut queued = std::iter::from_fn(|| source.try_next());
    assert!(queued.any(|change| matches!(change, Change::Upsert(_))), "the change stands in the queue by then");
    // Of what nobody may read nothing is heard, and whoever waits says for how long.
    let forbidden = Wants { config_maps: [("a".into(), "c".into())].into(), ..(*all).clone() };
    send.send(Some(Arc::new(forbidden.clone()))).unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            tries.next().await
        }
    })
    .await;
    assert!(heard.is_err() && !source.has_tried(&forbidden));
    source.give_up(&forbidden);
    assert!(source.has_tried(&forbidden));
    // Taken back is not tried: what it says then is not known.
    send.send(wants(&[])).unwrap();
    while source.has_tried(&wants(&["x"]).unwrap()) {
        tries.next().await;
    }
}
