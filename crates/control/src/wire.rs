//! Writing objects as JSON: the few requests that all loops share.

use http::{Method, Request};
use kube::Client;
use serde::Serialize;
use serde_json::{Value, json};

/// Sent with every write and recorded in managedFields.
const MANAGER: &str = "fairlead-control";

/// Why a write failed, as far as loops decide upon it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The object is not there (any more).
    #[error("not found")]
    NotFound,
    /// Somebody else wrote it first, or made one of that name.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Its namespace is being deleted: nothing is to be done there.
    #[error("its namespace is being deleted")]
    Terminating,
    /// The server does not take it; trying again with the same content will not help.
    #[error("refused: {0}")]
    Refused(String),
    /// No answer, or one that says to try later.
    #[error("{0}")]
    Later(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Error {
        let kube::Error::Api(status) = error else { return Error::Later(error.to_string()) };
        match status.code {
            404 => Error::NotFound,
            409 => Error::Conflict(status.message),
            403 if status.message.contains("being terminated") => Error::Terminating,
            400..=499 if status.code != 429 => Error::Refused(status.message),
            _ => Error::Later(status.message),
        }
    }
}

/// What deleting an object does to what it owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// The owned are deleted afterwards.
    Background,
    /// The owned are deleted first.
    Foreground,
    /// The owned stay.
    Orphan,
}

/// A client that speaks JSON values and paths.
#[derive(Clone)]
pub(crate) struct Wire(Client);

impl Wire {
    pub fn new(client: &Client) -> Wire {
        Wire(client.clone())
    }

    pub fn client(&self) -> &Client {
        &self.0
    }

    async fn send(&self, method: Method, uri: &str, content_type: &str, body: Vec<u8>) -> Result<Value, Error> {
        let request = Request::builder().method(method).uri(uri).header(http::header::CONTENT_TYPE, content_type).body(body);
        let request = request.map_err(|e| Error::Refused(format!("{uri}: {e}")))?;
        Ok(self.0.request::<Value>(request).await?)
    }

    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        self.send(Method::GET, path, "application/json", Vec::new()).await
    }

    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, Error> {
        let uri = format!("{path}?fieldManager={MANAGER}");
        self.send(Method::POST, &uri, "application/json", text(object)).await
    }

    pub async fn replace(&self, path: &str, object: &Value) -> Result<Value, Error> {
        let uri = format!("{path}?fieldManager={MANAGER}");
        self.send(Method::PUT, &uri, "application/json", text(object)).await
    }

    /// A JSON merge patch. With `metadata.resourceVersion` in it, it applies to that version only.
    pub async fn merge(&self, path: &str, patch: &Value) -> Result<Value, Error> {
        let uri = format!("{path}?fieldManager={MANAGER}");
        self.send(Method::PATCH, &uri, "application/merge-patch+json", text(patch)).await
    }

    /// Deletes an object if it still is the one with this UID. One that is gone already is as good.
    pub async fn delete(&self, path: &str, uid: &str, propagation: Propagation) -> Result<(), Error> {
        self.delete_if(path, json!({"uid": uid}), propagation).await
    }

    /// Deletes an object if it still is this version of it.
    pub async fn delete_version(&self, path: &str, uid: &str, version: &str, propagation: Propagation) -> Result<(), Error> {
        self.delete_if(path, json!({"uid": uid, "resourceVersion": version}), propagation).await
    }

    /// Deletes an object if it still is the one with this UID, without waiting for anybody to end what it stands for.
    pub async fn delete_now(&self, path: &str, uid: &str) -> Result<(), Error> {
        self.delete_with(path, json!({ "preconditions": { "uid": uid }, "gracePeriodSeconds": 0 })).await
    }

    async fn delete_if(&self, path: &str, preconditions: Value, propagation: Propagation) -> Result<(), Error> {
        self.delete_with(path, json!({ "preconditions": preconditions, "propagationPolicy": format!("{propagation:?}") })).await
    }

    async fn delete_with(&self, path: &str, mut options: Value) -> Result<(), Error> {
        options["kind"] = "DeleteOptions".into();
        options["apiVersion"] = "v1".into();
        match self.send(Method::DELETE, path, "application/json", text(&options)).await {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes all objects of a collection, in the background.
    pub async fn delete_all(&self, path: &str) -> Result<(), Error> {
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        match self.send(Method::DELETE, path, "application/json", text(&options)).await {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn text(value: &impl Serialize) -> Vec<u8> {
    // A Value has only text for keys, which is all that could fail.
    serde_json::to_vec(value).unwrap_or_default()
}

/// The path of a kind known at compile time, in a namespace or, with an empty one, outside.
pub(crate) fn path_of<T: api::Object>(namespace: &str, name: &str) -> String {
    path(T::GROUP, T::VERSION, T::PLURAL, namespace, name)
}

/// The path of an object, or with an empty name of the collection.
pub(crate) fn path(group: &str, version: &str, plural: &str, namespace: &str, name: &str) -> String {
    let mut path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    if !namespace.is_empty() {
        path = format!("{path}/namespaces/{namespace}");
    }
    path = format!("{path}/{plural}");
    if name.is_empty() { path } else { format!("{path}/{name}") }
}
