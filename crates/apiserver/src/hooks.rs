//! What the server cannot know enters through these traits; the `fairlead` crate wires them.

use std::future::Future;
use std::pin::Pin;

use http::{Request, Response};

use crate::access::Identity;
use crate::body::{Body, Incoming};
use crate::query::Query;
use crate::request::Address;
use crate::status::Result;

/// A reply in the making.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers subresources that reach outside the API: `nodes/NAME/proxy/...`, logs, exec.
pub trait Connect: Send + Sync {
    /// Whether this address is its own. Asked for every request: must be quick.
    fn serves(&self, address: &Address) -> bool;
    /// Answers an authorized request.
    fn answer(&self, request: ConnectRequest) -> Answer<'_, Result<Response<Body>>>;
}

/// An authorized request for a [`Connect`].
pub struct ConnectRequest {
    /// What is asked for; `rest` holds the path behind the subresource.
    pub address: Address,
    /// Decoded query.
    pub query: Query,
    /// Who asks.
    pub identity: Identity,
    /// Method, headers and extensions.
    pub parts: http::request::Parts,
    /// The body, unread.
    pub body: Incoming,
}

/// Answers paths before they are looked up as API groups. It authorizes by itself.
pub trait Extra: Send + Sync {
    /// Whether this path is its own. Asked for every request: must be quick.
    fn serves(&self, path: &str) -> bool;
    /// Answers a request; `identity` is none when its credentials were wrong.
    fn answer(&self, request: Request<Incoming>, identity: Option<Identity>) -> Answer<'_, Response<Body>>;
}
