//! The body of a reply: lines of a watch, or a whole page of a list.

use bytes::{Buf, Bytes, BytesMut};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::core::Status;
use kube::{Client, Error};

/// The longest line: four times the largest object of the largest store.
const LINE_BYTES_MAX: usize = 8 << 20;
/// The largest page: 500 objects may be large, and a server that ignores limits sends all it has.
const PAGE_BYTES_MAX: usize = 1 << 30;

/// Why a request or a stream failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The server said no.
    #[error("{} ({})", .0.message, .0.code)]
    Refused(Box<Status>),
    #[error("{0}")]
    Transport(String),
    #[error("a line or page of the reply is longer than {0} bytes")]
    TooLong(usize),
    #[error("the reply is not what was asked for: {0}")]
    Nonsense(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match error {
            Error::Api(status) => Trouble::Refused(status),
            other => {
                // The outer texts name only the layer; the innermost one says what happened.
                let mut cause: &dyn std::error::Error = &other;
                while let Some(inner) = cause.source() {
                    cause = inner;
                }
                Trouble::Transport(cause.to_string())
            }
        }
    }
}

impl Trouble {
    fn code(&self) -> u16 {
        match self {
            Trouble::Refused(status) => status.code,
            _ => 0,
        }
    }

    /// The revision is no longer known: only a new list helps.
    pub fn is_expired(&self) -> bool {
        self.code() == 410 || matches!(self, Trouble::Refused(status) if status.reason == "Expired" || status.reason == "Gone")
    }

    /// The server has not reached the revision and never may: it was restored from a backup.
    pub fn is_unknown_revision(&self) -> bool {
        let Trouble::Refused(status) = self else { return false };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        status.code == 400
            || status.message.contains("Too large resource version")
            || causes.into_iter().any(|c| c.reason == "ResourceVersionTooLarge")
    }

    /// What an operator can do.
    pub fn remedy(&self) -> &'static str {
        match self.code() {
            401 => "check the credentials of this process",
            403 => "grant this process `list` and `watch` of the kind",
            _ => "none needed if the server comes back",
        }
    }

    /// The server does not serve this kind.
    pub fn is_absent_kind(&self) -> bool {
        matches!(self, Trouble::Refused(status) if status.code == 404 && status.reason == "NotFound")
            // Go's mux answers unknown groups without a Status; its text is fixed.
            || matches!(self, Trouble::Refused(status) if status.code == 404 && status.message.contains("404 page not found"))
    }

    /// The server does not take the parameters of a streaming list.
    pub fn is_misunderstood(&self) -> bool {
        matches!(self.code(), 400 | 422)
    }
}

/// Sends a request and checks the status of the reply.
async fn send(client: &Client, request: Request<Vec<u8>>) -> Result<Body, Trouble> {
    let reply = client.send(request.map(Body::from)).await?;
    let (parts, body) = reply.into_parts();
    if parts.status == StatusCode::OK {
        return Ok(body);
    }
    let text = collect(body, 1 << 20).await.unwrap_or_default();
    let mut status = serde_json::from_slice::<Status>(&text).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&text);
        let start = text.char_indices().nth(200).map_or(&*text, |(end, _)| &text[..end]);
        Status::failure(start.trim(), "")
    });
    status.code = parts.status.as_u16();
    Err(Trouble::Refused(Box::new(status)))
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Trouble> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(chunk) = frame?.into_data() {
            whole.extend_from_slice(&chunk);
        }
        if whole.len() > limit {
            return Err(Trouble::TooLong(limit));
        }
    }
    Ok(whole.freeze())
}

/// Fetches a whole reply.
pub(crate) async fn fetch(client: &Client, request: Request<Vec<u8>>) -> Result<Bytes, Trouble> {
    collect(send(client, request).await?, PAGE_BYTES_MAX).await
}

/// The lines of a reply that goes on.
pub(crate) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to hold no line end.
    searched: usize,
}

impl Lines {
    pub async fn open(client: &Client, request: Request<Vec<u8>>) -> Result<Lines, Trouble> {
        Ok(Lines { body: send(client, request).await?, buffer: BytesMut::new(), searched: 0 })
    }

    /// The next line, without its end; `None` when the reply ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
                let line = self.buffer.split_to(self.searched + at).freeze();
                self.buffer.advance(1);
                self.searched = 0;
                if self.buffer.is_empty() {
                    // What the last lines took goes with them.
                    self.buffer = BytesMut::new();
                }
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.searched > LINE_BYTES_MAX {
                return Err(Trouble::TooLong(LINE_BYTES_MAX));
            }
            match self.body.frame().await {
                // An unfinished last line is the end of a lost connection.
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(chunk) = frame?.into_data() {
                        self.buffer.extend_from_slice(&chunk);
                    }
                }
            }
        }
    }
}
