//! Settings that Gateway API has no field for (gateway spec G43): `tls.options` of listeners and annotations of Gateways, all
//! under the prefix `fairlead.dev/`.

mod limits;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Gateway;
use api::gateway::GatewayListener;
use model::routes::{Edge, Limits, Peers, Terms};

use crate::routes::Refusal;
use crate::{Settings, text};

const PREFIX: &str = "fairlead.dev/";

/// Suites by their names at IANA and in OpenSSL, with their numbers.
const SUITES: &[(&str, &str, u16)] = &[
    ("TLS_AES_256_GCM_SHA384", "TLS13-AES-256-GCM-SHA384", 0x1302),
    ("TLS_AES_128_GCM_SHA256", "TLS13-AES-128-GCM-SHA256", 0x1301),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256", 0x1303),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", 0xC030),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", 0xC02F),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", 0xCCA8),
];

/// What the annotations of a Gateway say.
#[derive(Clone, Debug, Default)]
pub(super) struct Annotated {
    /// For each of its listeners.
    pub edge: Edge,
    /// For its ports; `None` leaves that to the process.
    pub peers: Option<Peers>,
    /// Bounds of its ports; `None` where it sets none.
    pub limits: Option<Arc<Limits>>,
    /// Why no listener of it is accepted.
    pub refused: Option<Refusal>,
    /// Keys that have no effect.
    pub unknown: Vec<Arc<str>>,
}

/// Reads the annotations of a Gateway.
pub(super) fn annotations(gateway: &Gateway, settings: &Settings) -> Annotated {
    let mut found = Annotated::default();
    let (mut peers, mut limits) = ((None, None), Limits::default());
    for (key, value) in &gateway.metadata.annotations {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        let value = value.trim();
        let read = match name {
            "trusted-proxies" => networks(value).map(|networks| peers.0 = Some(networks)),
            "proxy-protocol" => boolean(value).map(|announced| peers.1 = Some(announced)),
            "request-body-limit" => bytes(value).map(|most| found.edge.body_max = most),
            "access-log" => on_or_off(value).map(|on| found.edge.silent = !on),
            _ => limits::read(name, value, &mut limits).unwrap_or_else(|| {
                found.unknown.push(Arc::clone(key));
                Ok(())
            }),
        };
        if let Err(wrong) = read {
            found.refused = Some(Refusal::new("UnsupportedValue", format!("annotation {key}: {value:?} {wrong}")));
        }
    }
    found.limits = (limits != Limits::default()).then(|| Arc::new(limits));
    if peers != (None, None) {
        let (trusted, announced) = peers;
        let trusted = trusted.unwrap_or_else(|| Arc::clone(&settings.peers.trusted));
        found.peers = Some(Peers { trusted, announced: announced.unwrap_or(settings.peers.announced) });
    }
    found
}

/// Adds what the options of a listener say; gives the keys that have no effect.
pub(super) fn options(from: &GatewayListener, edge: &mut Edge) -> Result<Vec<Arc<str>>, Refusal> {
    let none = BTreeMap::new();
    let mut unknown = Vec::new();
    for (key, value) in from.tls.as_ref().map_or(&none, |tls| &tls.options) {
        let value = value.trim();
        let read = match key.strip_prefix(PREFIX) {
            Some("min-version") => version(value).map(|only_13| edge.terms.only_13 = only_13),
            Some("cipher-suites") => suites(value).map(|suites| edge.terms.suites = suites),
            Some("alpn") => protocols(value).map(|alpn| edge.terms.alpn = alpn),
            Some("hsts") => hsts(value).map(|hsts| edge.hsts = Some(hsts)),
            _ => {
                unknown.push(Arc::clone(key));
                Ok(())
            }
        };
        read.map_err(|wrong| Refusal::new("UnsupportedValue", format!("tls option {key}: {value:?} {wrong}")))?;
    }
    sound(&edge.terms).map_err(|wrong| Refusal::new("UnsupportedValue", wrong))?;
    Ok(unknown)
}

/// Terms that no client could meet.
fn sound(terms: &Terms) -> Result<(), String> {
    let of_13 = |suite: &u16| suite >> 8 == 0x13;
    if terms.only_13 && !terms.suites.is_empty() && !terms.suites.iter().any(of_13) {
        return Err("tls options: min-version 1.3 leaves none of the cipher suites; name one of TLS 1.3 or none at all".into());
    }
    Ok(())
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|one| !one.is_empty())
}

/// Networks, or single addresses.
pub fn networks(value: &str) -> Result<Arc<[(std::net::IpAddr, u8)]>, String> {
    let one = |one: &str| {
        let whole = |address: std::net::IpAddr| (address, if address.is_ipv4() { 32 } else { 128 });
        text::network(one).or_else(|| text::address(one).map(whole)).ok_or_else(|| format!("holds {one:?}, which is no network like 10.0.0.0/8"))
    };
    list(value).map(one).collect()
}

fn boolean(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "is neither true nor false".to_owned())
}

fn on_or_off(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("is neither on nor off".into()),
    }
}

/// Bytes with a unit of 1,024 (`k`, `m`, `g`, also as `Ki`, `Mi`, `Gi`); 0 is no bound.
fn bytes(value: &str) -> Result<Option<u64>, String> {
    let wrong = || "is no size like 1048576, 512k or 8Mi".to_owned();
    let digits = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &*value[digits.len()..].to_ascii_lowercase() {
        "" => 0,
        "k" | "ki" => 10,
        "m" | "mi" => 20,
        "g" | "gi" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let bytes = number.checked_mul(1 << unit).ok_or_else(wrong)?;
    Ok((bytes > 0).then_some(bytes))
}

fn version(value: &str) -> Result<bool, String> {
    match value {
        "1.2" | "TLSv1.2" => Ok(false),
        "1.3" | "TLSv1.3" => Ok(true),
        _ => Err("is neither 1.2 nor 1.3".into()),
    }
}

fn suites(value: &str) -> Result<Vec<u16>, String> {
    let one = |name: &str| {
        let known = SUITES.iter().find(|(iana, openssl, _)| name.eq_ignore_ascii_case(iana) || name.eq_ignore_ascii_case(openssl));
        known.map(|(_, _, number)| *number).ok_or_else(|| format!("holds {name:?}, which is none of the suites that are served"))
    };
    // OpenSSL's lists are separated by colons.
    value.split([',', ':']).map(str::trim).filter(|one| !one.is_empty()).map(one).collect()
}

fn protocols(value: &str) -> Result<Vec<Arc<str>>, String> {
    let one = |name: &str| match name {
        "h2" | "http/1.1" => Ok(name.into()),
        _ => Err(format!("holds {name:?}, which is neither h2 nor http/1.1")),
    };
    list(value).map(one).collect()
}

/// A field value as RFC 6797 writes it, checked for what would break the answer.
fn hsts(value: &str) -> Result<Arc<str>, String> {
    let has_age = value.split(';').any(|part| {
        let part = part.trim().to_ascii_lowercase();
        part.strip_prefix("max-age=").is_some_and(|age| !age.is_empty() && age.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let sound = has_age && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if sound { Ok(value.into()) } else { Err("is no value like max-age=31536000; includeSubDomains".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(options: &[(&str, &str)]) -> GatewayListener {
        let options = options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        GatewayListener { tls: Some(api::gateway::ListenerTls { options, ..Default::default() }), ..GatewayListener::default() }
    }

    fn annotated(key: &str, value: &str) -> Annotated {
        let mut gateway = Gateway::default();
        gateway.metadata.annotations.insert(key.into(), value.into());
        annotations(&gateway, &Settings::loopback("here"))
    }

    #[test]
    fn options_of_a_listener() {
        let mut edge = Edge::default();
        let said = listener(&[
            ("fairlead.dev/min-version", "1.3"),
            ("fairlead.dev/cipher-suites", "TLS_AES_128_GCM_SHA256:ecdhe-rsa-aes128-gcm-sha256"),
            ("fairlead.dev/alpn", "http/1.1"),
            ("fairlead.dev/hsts", "max-age=60; includeSubDomains"),
            ("example.com/odd", "x"),
        ]);
        assert_eq!(options(&said, &mut edge).expect("valid"), ["example.com/odd".into()]);
        let terms = Terms { only_13: true, suites: vec![0x1301, 0xC02F], alpn: vec!["http/1.1".into()], clients: None };
        assert_eq!((edge.terms, edge.hsts.as_deref()), (terms, Some("max-age=60; includeSubDomains")));
        for bad in [("min-version", "1.1"), ("cipher-suites", "RC4"), ("alpn", "h3"), ("hsts", "forever"), ("hsts", "max-age=1\r\nx: y")] {
            let refused = options(&listener(&[(&format!("fairlead.dev/{}", bad.0), bad.1)]), &mut Edge::default());
            assert_eq!(refused.map_err(|refusal| refusal.reason), Err("UnsupportedValue"), "{bad:?}");
        }
        let nobody = listener(&[("fairlead.dev/min-version", "1.3"), ("fairlead.dev/cipher-suites", "ECDHE-RSA-AES128-GCM-SHA256")]);
        assert!(options(&nobody, &mut Edge::default()).is_err());
    }

    #[test]
    fn annotations_of_a_gateway() {
        let networks = annotated("fairlead.dev/trusted-proxies", "10.0.0.0/8, 192.0.2.1").peers.expect("peers");
        assert_eq!(networks.trusted[..], [([10, 0, 0, 0].into(), 8), ([192, 0, 2, 1].into(), 32)]);
        assert!(annotated("fairlead.dev/proxy-protocol", "true").peers.expect("peers").announced);
        for (text, bytes) in [("1048576", Some(1 << 20)), ("8Mi", Some(8 << 20)), ("512k", Some(512 << 10)), ("0", None)] {
            assert_eq!(annotated("fairlead.dev/request-body-limit", text).edge.body_max, bytes, "{text}");
        }
        assert!(annotated("fairlead.dev/access-log", "off").edge.silent);
        assert_eq!(annotated("fairlead.dev/odd", "x").unknown, ["fairlead.dev/odd".into()]);
        for bad in [("trusted-proxies", "everybody"), ("proxy-protocol", "v2"), ("request-body-limit", "lots"), ("access-log", "loud")] {
            assert!(annotated(&format!("fairlead.dev/{}", bad.0), bad.1).refused.is_some(), "{bad:?}");
        }
        assert_eq!(annotated("fairlead.dev/access-log", "off").limits, None);
        assert!(annotated("example.com/x", "y").unknown.is_empty(), "others' annotations are none of our business");
    }
}
