//! Filters of HTTPRoute rules and backends (gateway spec G57 to G62).

use std::collections::BTreeSet;
use std::sync::Arc;

use api::http_route::{
    AuthFields, CorsFilter, ExternalAuthFilter, HeaderModifier, HttpFilter, PathModifier, RequestMirror, RequestRedirect, UrlRewrite,
};
use model::routes::{AuthProtocol, Cors, ExternalAuth, Filter, HeaderEdit, Mirror, PathEdit, Redirect, Rewrite};

use super::references::References;
use crate::routes::{Refusal, paths};

#[cfg(test)]
mod tests;

/// Fields that belong to the connection and the message, never to a rule (gateway spec G58).
pub(crate) const HOP_BY_HOP: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Longest body that is kept in memory while somebody is asked about its request, in bytes.
const AUTH_BODY_MAX: u32 = 16 << 20;

/// Compiles filters in listed order. `by_prefix` says whether every match of the rule is a path prefix.
pub(super) fn compile(filters: &[HttpFilter], by_prefix: bool, references: &mut References<'_>) -> Result<Vec<Filter>, Refusal> {
    combine(filters)?;
    let mut compiled = Vec::with_capacity(filters.len());
    for filter in filters {
        one(filter, by_prefix, references, &mut compiled)?;
    }
    Ok(compiled)
}

/// Refuses what cannot stand together.
fn combine(filters: &[HttpFilter]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for filter in filters {
        let kind = &*filter.kind;
        if !seen.insert(kind) && !matches!(kind, "RequestMirror" | "ExtensionRef") {
            return Err(Refusal::new("IncompatibleFilters", format!("filter {kind} stands twice; merge the two")));
        }
    }
    if seen.contains("RequestRedirect") && seen.contains("URLRewrite") {
        return Err(Refusal::new("IncompatibleFilters", "filters RequestRedirect and URLRewrite exclude each other; remove one"));
    }
    Ok(())
}

fn one(filter: &HttpFilter, by_prefix: bool, references: &mut References<'_>, into: &mut Vec<Filter>) -> Result<(), Refusal> {
    let missing = || unsupported(format!("filter {} lacks the field of its type", filter.kind));
    match &*filter.kind {
        "RequestHeaderModifier" => {
            let (edit, host) = header_edit(filter.request_header_modifier.as_ref().ok_or_else(missing)?, true)?;
            into.push(Filter::EditRequest(edit));
            into.extend(host.map(|host| Filter::Rewrite(Rewrite { host: Some(host), path: None })));
        }
        "ResponseHeaderModifier" => {
            let (edit, _) = header_edit(filter.response_header_modifier.as_ref().ok_or_else(missing)?, false)?;
            into.push(Filter::EditResponse(edit));
        }
        "RequestRedirect" => into.push(Filter::Redirect(redirect(filter.request_redirect.as_ref().ok_or_else(missing)?, by_prefix)?)),
        "URLRewrite" => into.push(Filter::Rewrite(rewrite(filter.url_rewrite.as_ref().ok_or_else(missing)?, by_prefix)?)),
        "RequestMirror" => into.push(Filter::Mirror(mirror(filter.request_mirror.as_ref().ok_or_else(missing)?, references)?)),
        "CORS" => into.push(Filter::Cors(Arc::new(cors(filter.cors.as_ref().ok_or_else(missing)?)?))),
        "ExternalAuth" => into.push(Filter::Auth(Arc::new(external_auth(filter.external_auth.as_ref().ok_or_else(missing)?, references)?))),
        "ExtensionRef" => {
            let name = filter.extension_ref.as_ref().map_or_else(String::new, |to| format!(" {} {}", to.kind, to.name));
            into.push(refused(references, format!("filter ExtensionRef{name} is of no kind that is served; remove it")));
        }
        kind => into.push(refused(references, format!("filter {kind} is not supported; remove it"))),
    }
    Ok(())
}

/// A filter that cannot be resolved is never skipped: the rule answers 500 (gateway spec G57).
fn refused(references: &mut References<'_>, detail: String) -> Filter {
    let detail: Arc<str> = detail.into();
    references.fail(Refusal { reason: "InvalidKind", message: Arc::clone(&detail) });
    Filter::Refuse { status: 500, detail }
}

fn unsupported(message: impl Into<Arc<str>>) -> Refusal {
    Refusal { reason: "UnsupportedValue", message: message.into() }
}

/// The edit, and the host that a `set` of Host asks for: that is a rewrite.
fn header_edit(from: &HeaderModifier, request: bool) -> Result<(HeaderEdit, Option<Arc<str>>), Refusal> {
    let mut edit = HeaderEdit::default();
    let mut host = None;
    let mut seen = BTreeSet::new();
    for (field, add) in from.set.iter().map(|field| (field, false)).chain(from.add.iter().map(|field| (field, true))) {
        let name = field_name(&field.name, &mut seen)?;
        if field.value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
            return Err(unsupported(format!("header {} has a value with control characters", field.name)));
        }
        match (&*name, add) {
            ("host", false) if request => host = Some(Arc::clone(&field.value)),
            ("host", _) => return Err(unsupported("header Host can only be set, and only on the request")),
            (_, false) => edit.set.push((Arc::clone(&field.name), Arc::clone(&field.value))),
            (_, true) => edit.add.push((Arc::clone(&field.name), Arc::clone(&field.value))),
        }
    }
    for name in &from.remove {
        let name = field_name(name, &mut seen)?;
        if &*name == "host" {
            return Err(unsupported("header Host cannot be removed"));
        }
        edit.remove.push(name);
    }
    Ok((edit, host))
}

/// The name in lower case, if it is one.
fn header_name(name: &str) -> Result<Arc<str>, Refusal> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(unsupported(format!("{name:?} is no header name")));
    }
    Ok(name.to_ascii_lowercase().into())
}

/// The name in lower case, if a rule may touch it, once.
fn field_name(name: &str, seen: &mut BTreeSet<Arc<str>>) -> Result<Arc<str>, Refusal> {
    let lower = header_name(name)?;
    if HOP_BY_HOP.contains(&&*lower) {
        return Err(unsupported(format!("header {name} belongs to the connection and cannot be changed by a rule")));
    }
    if !seen.insert(Arc::clone(&lower)) {
        return Err(unsupported(format!("header {name} is named twice in one filter")));
    }
    Ok(lower)
}

fn redirect(from: &RequestRedirect, by_prefix: bool) -> Result<Redirect, Refusal> {
    let status = from.status_code.unwrap_or(302);
    let scheme = from.scheme.as_ref().map(|scheme| match &*scheme.to_ascii_lowercase() {
        "http" => Ok("http".into()),
        "https" => Ok("https".into()),
        _ => Err(unsupported(format!("redirect scheme {scheme:?} is neither http nor https"))),
    });
    let port = from.port.map(|port| {
        let valid = u16::try_from(port).ok().filter(|port| *port > 0);
        valid.ok_or_else(|| unsupported(format!("redirect port {port} is not within 1..65535")))
    });
    Ok(Redirect {
        status: [301, 302, 303, 307, 308]
            .into_iter()
            .find(|known| i32::from(*known) == status)
            .ok_or_else(|| unsupported(format!("redirect status {status} is none of 301, 302, 303, 307, 308")))?,
        scheme: scheme.transpose()?,
        host: host(from.hostname.as_ref())?,
        port: port.transpose()?,
        path: path(from.path.as_ref(), by_prefix)?,
    })
}

fn rewrite(from: &UrlRewrite, by_prefix: bool) -> Result<Rewrite, Refusal> {
    Ok(Rewrite { host: host(from.hostname.as_ref())?, path: path(from.path.as_ref(), by_prefix)? })
}

fn host(from: Option<&Arc<str>>) -> Result<Option<Arc<str>>, Refusal> {
    let Some(name) = from else { return Ok(None) };
    let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if valid { Ok(Some(Arc::clone(name))) } else { Err(unsupported(format!("{name:?} is no host name"))) }
}

fn path(from: Option<&PathModifier>, by_prefix: bool) -> Result<Option<PathEdit>, Refusal> {
    let Some(from) = from else { return Ok(None) };
    let value = |value: &Option<Arc<str>>| value.clone().ok_or_else(|| unsupported(format!("path {} lacks its value", from.kind)));
    let checked = |text: Arc<str>| match &*text {
        "" | "/" => Ok(text),
        _ => paths::normal(&text).map_err(unsupported),
    };
    match &*from.kind {
        "ReplaceFullPath" => {
            let full = checked(value(&from.replace_full_path)?)?;
            Ok(Some(PathEdit::Full(if full.is_empty() { "/".into() } else { full })))
        }
        "ReplacePrefixMatch" if by_prefix => Ok(Some(PathEdit::Prefix(checked(value(&from.replace_prefix_match)?)?))),
        "ReplacePrefixMatch" => Err(unsupported("ReplacePrefixMatch needs a rule whose matches are all of type PathPrefix")),
        kind => Err(unsupported(format!("path replacement {kind:?} is not supported"))),
    }
}

fn mirror(from: &RequestMirror, references: &mut References<'_>) -> Result<Mirror, Refusal> {
    let share = match (from.percent, &from.fraction) {
        (None, None) => Some((1, 1)),
        (Some(percent), None) => share(percent, 100),
        (None, Some(fraction)) => share(fraction.numerator, fraction.denominator.unwrap_or(100)),
        (Some(_), Some(_)) => None,
    };
    let (numerator, denominator) =
        share.ok_or_else(|| unsupported("a mirror takes percent (0 to 100) or fraction (numerator at most its denominator), not both"))?;
    let (to, service, _) = references.backend(&from.backend_ref);
    Ok(Mirror { to, service, numerator, denominator })
}

fn external_auth(from: &ExternalAuthFilter, references: &mut References<'_>) -> Result<ExternalAuth, Refusal> {
    let names = |names: &[Arc<str>]| {
        let known: Result<Vec<Arc<str>>, Refusal> = names.iter().map(|name| header_name(name)).collect();
        known
    };
    let none = AuthFields::default();
    let (protocol, fields) = match &*from.protocol {
        "HTTP" => {
            let fields = from.http.as_ref().unwrap_or(&none);
            let prefix = match fields.path.as_deref().unwrap_or_default().trim_end_matches('/') {
                "" => "".into(),
                path if path.starts_with('/') => paths::normal(&path.into()).map_err(unsupported)?,
                path => paths::normal(&format!("/{path}").into()).map_err(unsupported)?,
            };
            (AuthProtocol::Http { prefix, taken: names(&fields.allowed_response_headers)? }, fields)
        }
        "GRPC" => (AuthProtocol::Grpc, from.grpc.as_ref().unwrap_or(&none)),
        other => return Err(unsupported(format!("external authorization speaks HTTP or GRPC, not {other:?}"))),
    };
    let size = from.forward_body.as_ref().map_or(0, |body| body.max_size);
    let body_max = u32::try_from(size).ok().filter(|size| *size <= AUTH_BODY_MAX);
    let body_max = body_max.ok_or_else(|| unsupported(format!("forwardBody.maxSize {size} is not within 0..{AUTH_BODY_MAX} bytes")))?;
    let (to, service, _) = references.backend(&from.backend_ref);
    Ok(ExternalAuth { to, service, protocol, allowed: names(&fields.allowed_headers)?, body_max })
}

fn share(numerator: i32, denominator: i32) -> Option<(u32, u32)> {
    let (numerator, denominator) = (u32::try_from(numerator).ok()?, u32::try_from(denominator).ok()?);
    (denominator > 0 && numerator <= denominator).then_some((numerator, denominator))
}

fn cors(from: &CorsFilter) -> Result<Cors, Refusal> {
    let text = from.allow_origins.iter().chain(&from.allow_methods).chain(&from.allow_headers).chain(&from.expose_headers);
    if let Some(bad) = text.into_iter().find(|text| text.is_empty() || text.bytes().any(|byte| byte <= b' ' || byte == b',' || byte >= 0x7f)) {
        return Err(unsupported(format!("{bad:?} is no origin, method or header name of a CORS filter")));
    }
    let max_age = from.max_age.unwrap_or(5);
    Ok(Cors {
        origins: from.allow_origins.clone(),
        methods: from.allow_methods.clone(),
        headers: from.allow_headers.clone(),
        expose: from.expose_headers.clone(),
        credentials: from.allow_credentials.unwrap_or(false),
        max_age_s: u32::try_from(max_age).map_err(|_| unsupported(format!("CORS maxAge {max_age} is negative")))?,
    })
}
