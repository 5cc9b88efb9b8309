//! Settings of what stands before Gateways and Ingresses: addresses, proxies before us, defaults of the class.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use compile::IngressSettings;
use model::routes::Peers;

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
    pub publish_status_address: Vec<IpAddr>,
    pub watch_ingress_without_class: Option<bool>,
}

impl Entry {
    /// Checks what was given.
    pub(super) fn resolve(given: Given) -> Result<Self> {
        let trusted = given.trusted_proxies.join(",");
        let trusted = compile::networks(&trusted).map_err(|wrong| anyhow::anyhow!("--trusted-proxies {trusted:?} {wrong}"))?;
        Ok(Self {
            gateway_addresses: given.gateway_addresses.iter().map(|text| range(text)).collect::<Result<_>>()?,
            peers: Peers { trusted, announced: given.proxy_protocol.unwrap_or(false) },
            ingress: IngressSettings {
                default_certificate: object(given.default_ssl_certificate, "--default-ssl-certificate")?,
                default_backend: object(given.default_backend_service, "--default-backend-service")?,
                published: given.publish_status_address,
                without_class: given.watch_ingress_without_class.unwrap_or(false),
            },
        })
    }
}

/// One address, a network, or two ends. Of an IPv4 network with room for hosts its own and its broadcast address are left out,
/// except on loopback, where every address is one like the others.
fn range(text: &str) -> Result<(IpAddr, IpAddr)> {
    let wrong = || format!("--gateway-addresses {text}: use IP, ADDRESS/BITS or FIRST-LAST such as 127.64.0.1-127.64.0.99");
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().with_context(wrong)?, last.trim().parse().with_context(wrong)?);
        if first.is_ipv4() != last.is_ipv4() || first > last {
            bail!(wrong());
        }
        return Ok((first, last));
    }
    let Some((base, bits)) = text.split_once('/') else {
        let one: IpAddr = text.trim().parse().with_context(wrong)?;
        return Ok((one, one));
    };
    let (base, bits): (IpAddr, u32) = (base.trim().parse().with_context(wrong)?, bits.trim().parse().with_context(wrong)?);
    let ends = |base: u128, width: u32| {
        let hosts = 1_u128.checked_shl(width.checked_sub(bits)?).map_or(u128::MAX, |count| count - 1);
        Some((base & !hosts, base | hosts))
    };
    match base {
        IpAddr::V4(v4) => {
            let (first, last) = ends(v4.to_bits().into(), 32).with_context(wrong)?;
            let spare = u128::from(bits < 31 && !v4.is_loopback());
            let v4 = |bits: u128| IpAddr::V4(u32::try_from(bits).unwrap_or(u32::MAX).into());
            Ok((v4(first + spare), v4(last - spare)))
        }
        IpAddr::V6(v6) => {
            let (first, last) = ends(v6.to_bits(), 128).with_context(wrong)?;
            Ok((IpAddr::V6(first.into()), IpAddr::V6(last.into())))
        }
    }
}

/// `NAMESPACE/NAME`.
fn object(text: Option<String>, flag: &str) -> Result<Option<(Arc<str>, Arc<str>)>> {
    let Some(text) = text else { return Ok(None) };
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(Some((namespace.into(), name.into()))),
        _ => bail!("{flag} {text:?}: use NAMESPACE/NAME"),
    }
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
    fn objects_are_named_with_their_namespace() {
        assert_eq!(object(Some("a/b".into()), "--x").unwrap(), Some(("a".into(), "b".into())));
        for bad in ["b", "/b", "a/", "a/b/c"] {
            let refused = object(Some(bad.into()), "--default-ssl-certificate").unwrap_err().to_string();
            assert!(refused.contains("--default-ssl-certificate") && refused.contains("NAMESPACE/NAME"), "{refused}");
        }
    }
}
