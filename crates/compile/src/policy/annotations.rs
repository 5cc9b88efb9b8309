//! The short forms: annotations on a Service (balance spec Y5). A bad value is a complaint, the rest still applies.

use std::time::Duration;

use api::backend_policy::{GrpcCheck, HealthCheck, HttpCheck};
use api::parse_duration;
use model::policy::HashKey;

use super::fields::{Overlay, ramp_window, strategy};

/// Reads the annotations of a Service.
pub(super) fn overlay(service: &api::Service, mut complain: impl FnMut(String)) -> Overlay {
    let mut overlay = Overlay::default();
    let meta = &service.metadata;
    if meta.annotations.is_empty() {
        return overlay;
    }
    for (name, read) in TABLE {
        if let Some(value) = meta.annotation(name)
            && let Err(why) = read(value, &mut overlay)
        {
            complain(format!("annotation {name} is {value:?}: {why}"));
        }
    }
    overlay
}

/// Reads the value of one annotation into an overlay, or says what is wrong.
type Read = fn(&str, &mut Overlay) -> Result<(), String>;

/// Every annotation that says how to balance.
const TABLE: &[(&str, Read)] = &[
    ("fairlead.dev/strategy", |value, overlay| {
        let strategy = strategy(value)?;
        overlay.set("strategy", move |policy| policy.strategy = strategy);
        Ok(())
    }),
    ("fairlead.dev/hash-by", |value, overlay| {
        let key = hash_by(value)?;
        overlay.set("hash.keys", move |policy| policy.tuning.hash_keys = vec![key.clone()]);
        Ok(())
    }),
    ("fairlead.dev/health-check", |value, overlay| {
        if let Some(check) = super::check(&health_check(value)?, "")? {
            overlay.set("healthCheck", move |policy| policy.checks = vec![check.clone()]);
        }
        Ok(())
    }),
    ("fairlead.dev/slow-start", |value, overlay| {
        let off = value.eq_ignore_ascii_case("off").then_some(Duration::ZERO);
        let window = off.or_else(|| parse_duration(value)).filter(|window| *window <= Duration::from_secs(3600));
        let window = window.ok_or("write a duration up to 1h, or off")?;
        overlay.set("slowStart.window", move |policy| ramp_window(policy, window));
        Ok(())
    }),
    ("fairlead.dev/max-in-flight", |value, overlay| {
        let most: u32 = value.parse().ok().filter(|&most| most > 0).ok_or("write a number above 0")?;
        overlay.set("limits.endpoint.maxInFlight", move |policy| policy.limits.endpoint_in_flight = Some(most));
        Ok(())
    }),
    ("fairlead.dev/outlier", |value, overlay| {
        let enabled = match value {
            "on" => true,
            "off" => false,
            _ => return Err("write on or off".to_owned()),
        };
        overlay.set("outlier.enabled", move |policy| policy.outlier.enabled = enabled);
        Ok(())
    }),
];

/// `header:x-user`, `cookie:name`, `query:q`, `client-ip`.
fn hash_by(value: &str) -> Result<HashKey, String> {
    let (kind, name) = value.split_once(':').unwrap_or((value, ""));
    Ok(match (kind, name) {
        ("header", name) if !name.is_empty() => HashKey::Header(name.to_ascii_lowercase().into()),
        ("cookie", name) if !name.is_empty() => HashKey::Cookie { name: name.into(), ttl_s: None, path: "/".into() },
        ("query", name) if !name.is_empty() => HashKey::Query(name.into()),
        ("client-ip", "") => HashKey::ClientIp,
        _ => return Err("write header:NAME, cookie:NAME, query:NAME or client-ip".to_owned()),
    })
}

/// `http:/healthz`, `tcp`, `grpc`, `grpc:service`.
fn health_check(value: &str) -> Result<HealthCheck, String> {
    let (kind, rest) = value.split_once(':').unwrap_or((value, ""));
    let rest = Some(rest).filter(|rest| !rest.is_empty());
    let check = HealthCheck { kind: Some(kind.into()), ..HealthCheck::default() };
    match kind {
        "http" => Ok(HealthCheck { http: Some(HttpCheck { path: rest.map(Into::into), ..HttpCheck::default() }), ..check }),
        "tcp" if rest.is_none() => Ok(check),
        "grpc" => Ok(HealthCheck { grpc: Some(GrpcCheck { service: rest.map(Into::into) }), ..check }),
        _ => Err("write http:/PATH, tcp, grpc or grpc:SERVICE".to_owned()),
    }
}
