//! A server over a store in memory, and requests to it.

use std::pin::Pin;

use apiserver::allocate::Allocator;
use apiserver::{ApiServer, Body, Identity};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use serde_json::Value;

/// A server of its own for each test.
pub struct Server(pub ApiServer);

/// A reply, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub code: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub bytes: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("no JSON: {e}: {}", self.text))
    }

    /// The reply of a request that must succeed.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.code), "{}: {}", self.code, self.text);
        self.json()
    }

    /// Code, reason and message of a refusal.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String, String) {
        let status = self.json();
        assert_eq!(
            (&status["kind"], &status["status"], status["code"].as_u64()),
            (&"Status".into(), &"Failure".into(), Some(u64::from(self.code))),
            "{status}"
        );
        let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
        (self.code, text("reason"), text("message"))
    }
}

impl Server {
    pub async fn start() -> Self {
        let allocator = Allocator::new(&["10.96.0.0/16".parse().expect("a network")], 30000..=32767, 1);
        let server = ApiServer::builder(store::Store::memory()).version("0.1.0").allocator(allocator).build().expect("an open store");
        server.bootstrap().await.expect("namespaces are made");
        Self(server)
    }

    pub fn request(method: &str, path: &str, body: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(path).extension(Identity::new("admin", ["system:masters"]));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(body.into().into())).expect("a request")
    }

    pub async fn raw(&self, method: &str, path: &str, body: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Reply {
        let response = self.0.answer(Self::request(method, path, body, headers)).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        Reply { code: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }

    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        self.raw(method, path, body.to_string(), &[("content-type", media_type)]).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.raw("GET", path, "", &[]).await
    }

    pub async fn watch(&self, path: &str) -> Watch {
        self.watch_as(path, "application/json").await
    }

    pub async fn watch_as(&self, path: &str, accept: &str) -> Watch {
        let response = self.0.answer(Self::request("GET", path, "", &[("accept", accept)])).await;
        assert_eq!(response.status(), 200, "{path}");
        Watch { body: Box::pin(response.into_body()), read: Vec::new() }
    }
}

/// A watch, read line by line.
pub struct Watch {
    body: Pin<Box<Body>>,
    read: Vec<u8>,
}

impl Watch {
    /// The next event, none when the watch has ended.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.read.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).expect("a JSON line");
                return Some((event["type"].as_str().expect("a type").to_owned(), event["object"].clone()));
            }
            let frame = tokio::time::timeout(std::time::Duration::from_secs(20), self.body.frame()).await.expect("an event in time")?;
            self.read.extend_from_slice(&frame.expect("no transport error").into_data().unwrap_or_default());
        }
    }

    /// Types and names of the next events.
    pub async fn names(&mut self, count: usize) -> Vec<(String, String)> {
        let mut names = Vec::new();
        for _ in 0..count {
            let (kind, object) = self.next().await.expect("an event");
            names.push((kind, object["metadata"]["name"].as_str().unwrap_or_default().to_owned()));
        }
        names
    }
}

pub fn config_map(name: &str, labels: Value) -> Value {
    serde_json::json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": labels }, "data": { "k": "v" } })
}

pub fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("items").iter().map(|i| i["metadata"]["name"].as_str().expect("a name")).collect()
}

pub const MAPS: &str = "/api/v1/namespaces/default/configmaps";
