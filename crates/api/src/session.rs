//! `sessionPersistence` of rules and policies (GEP-1619): as v1.7 of Gateway API writes it, with what v1.6 calls otherwise.

use std::sync::Arc;

use serde::Deserialize;

/// How requests are known to belong to one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionPersistence {
    /// `Cookie` (default) or `Header`.
    #[serde(rename = "type")]
    pub kind: Option<Arc<str>>,
    /// A session ends so long after it began.
    pub absolute_timeout: Option<Arc<str>>,
    /// A session ends so long after its last request. Not in v1.7; BackendPolicy and v1.6 have it.
    pub idle_timeout: Option<Arc<str>>,
    /// Of type `Cookie`.
    #[serde(alias = "cookieConfig")]
    pub cookie: Option<SessionCookie>,
    /// Of type `Header`.
    pub header: Option<SessionHeader>,
    /// What v1.6 calls the name of either.
    pub session_name: Option<Arc<str>>,
}

/// `cookie`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionCookie {
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its path.
    pub path: Option<Arc<str>>,
    /// `Session` (default) or `Permanent`.
    pub lifetime_type: Option<Arc<str>>,
}

/// `header`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionHeader {
    /// Its name.
    pub name: Option<Arc<str>>,
}
