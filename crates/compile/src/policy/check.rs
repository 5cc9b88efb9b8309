//! An active check as a BackendPolicy or an Instance writes it (balance spec section 7, instances spec I6).

use std::sync::Arc;
use std::time::Duration;

use api::backend_policy::{HealthCheck, HttpCheck};
use api::parse_duration;
use model::policy::{Check, Probe};

/// Reads a check. `host` is the Host field of HTTP checks that name none. `Ok(None)`: no check is asked for.
pub(crate) fn check(written: &HealthCheck, host: &str) -> Result<Option<Check>, String> {
    let Some(kind) = written.kind.as_deref().filter(|kind| !kind.is_empty()) else { return Ok(None) };
    let bodies =
        [("http", written.http.is_some()), ("tcp", written.tcp.is_some()), ("grpc", written.grpc.is_some()), ("exec", written.exec.is_some())];
    if let Some((body, _)) = bodies.iter().find(|(body, there)| *there && *body != kind) {
        return Err(format!("type is {kind:?} but {body} is set: remove it"));
    }
    let probe = match kind {
        "http" => http(written.http.as_ref().unwrap_or(&HttpCheck::default()), host)?,
        "tcp" => {
            let tcp = written.tcp.clone().unwrap_or_default();
            Probe::Tcp { send: tcp.send, receive: tcp.receive }
        }
        "grpc" => Probe::Grpc { service: written.grpc.clone().unwrap_or_default().service.unwrap_or_default(), host: host.into() },
        "exec" => match written.exec.clone().unwrap_or_default().command {
            command if command.first().is_some_and(|program| !program.is_empty()) => Probe::Exec { command },
            _ => return Err("exec.command is empty: write a program and its arguments".to_owned()),
        },
        _ => return Err(format!("type {kind:?} is unknown: use http, tcp, grpc or exec")),
    };
    let interval = time("interval", &written.interval, 2000, 500..=3_600_000)?;
    let timeout = time("timeout", &written.timeout, 2000, 1..=3_600_000)?;
    // The default timeout gives way to a shorter interval; a written one does not.
    let timeout = if written.timeout.is_none() { timeout.min(interval) } else { timeout };
    if timeout > interval {
        return Err("timeout is longer than interval".to_owned());
    }
    Ok(Some(Check {
        probe,
        interval,
        timeout,
        unhealthy_threshold: number("unhealthyThreshold", written.unhealthy_threshold, 3, 1..=10)?,
        healthy_threshold: number("healthyThreshold", written.healthy_threshold, 2, 1..=10)?,
        transition_interval: time("transitionInterval", &written.transition_interval, 1000, 1..=3_600_000)?,
        jitter_percent: u8::try_from(number("jitterPercent", written.jitter_percent, 10, 0..=100)?).unwrap_or(100),
        port: match written.port {
            Some(port) => Some(u16::try_from(port).ok().filter(|&port| port != 0).ok_or_else(|| format!("port {port} is not within 1 to 65535"))?),
            None => None,
        },
    }))
}

fn time(name: &str, text: &Option<Arc<str>>, default_ms: u64, range_ms: std::ops::RangeInclusive<u64>) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(Duration::from_millis(default_ms)) };
    let within = |time: &Duration| u64::try_from(time.as_millis()).is_ok_and(|ms| range_ms.contains(&ms));
    parse_duration(text)
        .filter(within)
        .ok_or_else(|| format!("{name} {text:?} is not a duration from {} ms to {} ms", range_ms.start(), range_ms.end()))
}

fn number(name: &str, number: Option<i64>, default: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let Some(number) = number else { return Ok(default) };
    let read = u32::try_from(number).ok().filter(|number| range.contains(number));
    read.ok_or_else(|| format!("{name} {number} is not within {} to {}", range.start(), range.end()))
}

fn http(written: &HttpCheck, host: &str) -> Result<Probe, String> {
    let method = written.method.as_deref().unwrap_or("GET");
    if !matches!(method, "GET" | "HEAD" | "OPTIONS") {
        return Err(format!("http.method {method:?} is not GET, HEAD or OPTIONS"));
    }
    let path = written.path.as_deref().unwrap_or("/");
    if !path.starts_with('/') || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(format!("http.path {path:?} is no path: begin with / and leave out blanks"));
    }
    let tls = match written.scheme.as_deref().unwrap_or("http") {
        scheme if scheme.eq_ignore_ascii_case("http") => false,
        scheme if scheme.eq_ignore_ascii_case("https") => true,
        scheme => return Err(format!("http.scheme {scheme:?} is neither http nor https")),
    };
    let mut expect = Vec::new();
    for text in written.expect.iter().flat_map(|text| text.split(',')) {
        expect.push(statuses(text.trim()).ok_or_else(|| format!("http.expect {text:?} is no status range: write 200-399, 204 or 2xx"))?);
    }
    if expect.is_empty() {
        expect.push((200, 399));
    }
    Ok(Probe::Http {
        method: method.into(),
        path: path.into(),
        host: written.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(host).into(),
        expect,
        headers: written.headers.iter().map(|header| (Arc::clone(&header.name), Arc::clone(&header.value))).collect(),
        expect_body: written.expect_body.clone().filter(|text| !text.is_empty()),
        tls,
    })
}

/// `204`, `200-399`, `2xx`, `2xx-3xx`.
fn statuses(text: &str) -> Option<(u16, u16)> {
    let bound = |text: &str, rest: u16| -> Option<u16> {
        let status = match text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
            Some(class) => class.parse::<u16>().ok()?.checked_mul(100)?.checked_add(rest)?,
            None => text.parse().ok()?,
        };
        (100..=599).contains(&status).then_some(status)
    };
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (bound(low.trim(), 0)?, bound(high.trim(), 99)?);
    (low <= high).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_ranges_of_all_shapes() {
        for (text, range) in [("204", (204, 204)), ("200-399", (200, 399)), ("2xx", (200, 299)), ("2xx-3xx", (200, 399)), ("200 - 299", (200, 299))] {
            assert_eq!(statuses(text), Some(range), "{text}");
        }
        for bad in ["", "99", "600", "300-200", "abc", "xx", "6xx", "2xx-"] {
            assert_eq!(statuses(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_check_has_the_documented_defaults() {
        let written = HealthCheck { kind: Some("http".into()), ..HealthCheck::default() };
        let check = check(&written, "web.shop").expect("valid").expect("a check");
        assert_eq!(
            (check.interval, check.timeout, check.unhealthy_threshold, check.healthy_threshold),
            (Duration::from_secs(2), Duration::from_secs(2), 3, 2)
        );
        let Probe::Http { method, path, host, expect, tls, .. } = check.probe else { panic!("{check:?}") };
        assert_eq!((&*method, &*path, &*host, expect, tls), ("GET", "/", "web.shop", vec![(200, 399)], false));
    }

    #[test]
    fn a_wrong_check_says_what_is_wrong() {
        let base = HealthCheck { kind: Some("tcp".into()), ..HealthCheck::default() };
        let wrong = [
            (HealthCheck { kind: Some("icmp".into()), ..base.clone() }, "icmp"),
            (HealthCheck { http: Some(HttpCheck::default()), ..base.clone() }, "http is set"),
            (HealthCheck { interval: Some("100ms".into()), ..base.clone() }, "interval"),
            (HealthCheck { interval: Some("1s".into()), timeout: Some("2s".into()), ..base.clone() }, "longer"),
            (HealthCheck { port: Some(65_536), ..base.clone() }, "65536"),
            (HealthCheck { healthy_threshold: Some(0), ..base.clone() }, "healthyThreshold"),
        ];
        for (written, word) in wrong {
            let why = check(&written, "").expect_err(word);
            assert!(why.contains(word), "{why}");
        }
        assert_eq!(check(&HealthCheck::default(), ""), Ok(None), "no type is no check");
    }
}
