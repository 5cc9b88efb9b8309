//! Settings of what stands before Gateways and Ingresses: addresses, proxies before us, defaults of the class.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Result;
use compile::IngressSettings;
use model::routes::Peers;

use crate::cli::misused;

/// As meant.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Addresses for Gateways, as ranges with both ends.
    pub gateway_addresses: Vec<(IpAddr, IpAddr)>,
    /// Whose word about a client counts.
    pub peers: Peers,
    /// What Ingresses have in common.
    pub ingress: IngressSettings,
}

/// As given by flags, environment and file.
pub(super) struct Given {
    pub gateway_addresses: Vec<String>,
    pub trusted_proxies: Vec<String>,
    pub proxy_protocol: Option<bool>,
    pub default_ssl_certificate: Option<String>,
    pub default_backend_service: Option<String>,
    pub publish_status_address: Vec<String>,
    pub watch_ingress_without_class: Option<bool>,
}

impl Entry {
    /// Checks what was given.
    pub(super) fn resolve(given: Given) -> Result<Self> {
        let trusted = given.trusted_proxies.join(",");
        let trusted = compile::networks(&trusted).map_err(|wrong| misused!("--trusted-proxies {trusted:?} {wrong}"))?;
        Ok(Self {
            gateway_addresses: given.gateway_addresses.iter().map(|text| range(text)).collect::<Result<_>>()?,
            peers: Peers { trusted, announced: given.proxy_protocol.unwrap_or(false) },
            ingress: IngressSettings {
                default_certificate: object(given.default_ssl_certificate, "--default-ssl-certificate")?,
                default_backend: object(given.default_backend_service, "--default-backend-service")?,
                published: given.publish_status_address.iter().map(|text| published(text)).collect::<Result<_>>()?,
                without_class: given.watch_ingress_without_class.unwrap_or(false),
            },
        })
    }
}

/// One address, a network, or two ends. Of an IPv4 network with room for hosts its own and its broadcast address are left out,
/// except on loopback, where every address is one like the others.
pub(super) fn range(text: &str) -> Result<(IpAddr, IpAddr)> {
    let wrong = || misused!("--gateway-addresses {text}: use IP, ADDRESS/BITS or FIRST-LAST such as 127.64.0.1-127.64.0.99");
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().map_err(|_| wrong())?, last.trim().parse().map_err(|_| wrong())?);
        if first.is_ipv4() != last.is_ipv4() || first > last {
            return Err(wrong());
        }
        return Ok((first, last));
    }
    let Some((base, bits)) = text.split_once('/') else {
        let one: IpAddr = text.trim().parse().map_err(|_| wrong())?;
        return Ok((one, one));
    };
    let (base, bits): (IpAddr, u32) = (base.trim().parse().map_err(|_| wrong())?, bits.trim().parse().map_err(|_| wrong())?);
    let ends = |base: u128, width: u32| {
        let hosts = 1_u128.checked_shl(width.checked_sub(bits)?).map_or(u128::MAX, |count| count - 1);
        Some((base & !hosts, base | hosts))
    };
    match base {
        IpAddr::V4(v4) => {
            let (first, last) = ends(v4.to_bits().into(), 32).ok_or_else(wrong)?;
            let spare = u128::from(bits < 31 && !v4.is_loopback());
            let v4 = |bits: u128| IpAddr::V4(u32::try_from(bits).unwrap_or(u32::MAX).into());
            Ok((v4(first + spare), v4(last - spare)))
        }
        IpAddr::V6(v6) => {
            let (first, last) = ends(v6.to_bits(), 128).ok_or_else(wrong)?;
            Ok((IpAddr::V6(first.into()), IpAddr::V6(last.into())))
        }
    }
}

/// `NAMESPACE/NAME`.
pub(super) fn object(text: Option<String>, flag: &str) -> Result<Option<(Arc<str>, Arc<str>)>> {
    let Some(text) = text else { return Ok(None) };
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(Some((namespace.into(), name.into()))),
        _ => Err(misused!("{flag} {text:?}: use NAMESPACE/NAME")),
    }
}

/// An address or a name, as statuses of Ingresses may have them.
pub(super) fn published(text: &str) -> Result<Arc<str>> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string().into());
    }
    let label = |label: &str| {
        let sound = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        sound && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    // What is made of digits and dots is an address that is none.
    let is_name = text.len() <= 253 && text.split('.').all(label) && text.bytes().any(|byte| byte.is_ascii_lowercase());
    if is_name { Ok(text.into()) } else { Err(misused!("--publish-status-address {text:?}: use an IP address or a host name")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        range(text).map_or_else(|_| "refused".into(), |(first, last)| format!("{first} {last}"))
    }

    #[test]
    fn addresses_are_given_as_one_as_a_network_or_as_two_ends() {
        assert_eq!(shown("10.0.0.7"), "10.0.0.7 10.0.0.7");
        assert_eq!(shown("10.250.1.9/24"), "10.250.1.1 10.250.1.254");
        assert_eq!(shown("127.64.0.0/16"), "127.64.0.0 127.64.255.255");
        assert_eq!(shown("10.0.0.4/31"), "10.0.0.4 10.0.0.5");
        assert_eq!(shown("fd00::/126"), "fd00:: fd00::3");
        assert_eq!(shown("10.0.0.1-10.0.0.3"), "10.0.0.1 10.0.0.3");
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.3-10.0.0.1", "10.0.0.1-fd00::1", "10.0.0.0/"] {
            assert_eq!(shown(bad), "refused", "{bad}");
        }
    }

    #[test]
    fn statuses_show_addresses_or_names() {
        for good in ["192.0.2.1", "2001:db8::1", "lb.example.com", "lb"] {
            assert_eq!(published(good).unwrap(), good.into());
        }
        for bad in ["", "192.0.2.300", "LB.example.com", "-x.test", "a..b", "a b"] {
            assert!(published(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn objects_are_named_with_their_namespace() {
        assert_eq!(object(Some("a/b".into()), "--x").unwrap(), Some(("a".into(), "b".into())));
        for bad in ["b", "/b", "a/", "a/b/c"] {
            let refused = object(Some(bad.into()), "--default-ssl-certificate").unwrap_err().to_string();
            assert!(refused.contains("--default-ssl-certificate") && refused.contains("NAMESPACE/NAME"), "{refused}");
        }
    }
}
