//! Addresses and networks in text, as the API accepts, refuses and warns of them (k8s.io/apimachinery `pkg/util/validation/ip.go`, KEP-4858).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::field::{FieldError, Path, quote};
use crate::syntax::{dns1123_label, dns1123_subdomain};

/// An address as Go's old parser read it: IPv4 octets may carry leading zeros. `None` = no address at all.
pub fn parse_ip_sloppy(s: &str) -> Option<IpAddr> {
    if let Ok(ip) = s.parse() {
        return Some(ip);
    }
    let mut octets = [0u8; 4];
    let mut parts = s.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let value = part.trim_start_matches('0');
        *octet = if value.is_empty() { 0 } else { value.parse().ok()? };
    }
    if parts.next().is_some() { None } else { Some(IpAddr::V4(Ipv4Addr::from(octets))) }
}

/// An address for one of the older fields: any notation but leading zeros and IPv4 inside IPv6 (KEP-4858).
pub fn ip_legacy(s: &str) -> Vec<String> {
    match (parse_ip_sloppy(s), s.parse::<IpAddr>()) {
        (None, _) => vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()],
        (_, Err(_)) => vec!["must not have leading 0s".to_owned()],
        (_, Ok(IpAddr::V6(ip))) if ip.to_ipv4_mapped().is_some() => vec!["must not be an IPv4-mapped IPv6 address".to_owned()],
        _ => Vec::new(),
    }
}

/// An address for the newer fields: canonical form only.
pub fn ip_strict(s: &str) -> Vec<String> {
    let errors = ip_legacy(s);
    if !errors.is_empty() {
        return errors;
    }
    let canonical = s.parse::<IpAddr>().map(canonical).unwrap_or_default();
    if canonical == s { Vec::new() } else { vec![format!("must be in canonical form ({})", quote(&canonical))] }
}

/// A domain name of at least two labels; one dot may stand at its end.
pub fn fqdn(at: &Path<'_>, s: &str) -> Option<FieldError> {
    if s.is_empty() {
        return Some(at.required(""));
    }
    let name = s.strip_suffix('.').unwrap_or(s);
    let wrong = dns1123_subdomain(name);
    if !wrong.is_empty() {
        return Some(at.invalid(name, wrong.join(",")));
    }
    if !name.contains('.') {
        return Some(at.invalid(name, "should be a domain with at least two segments separated by dots"));
    }
    name.split('.')
        .map(|label| (label, dns1123_label(label)))
        .find(|(_, wrong)| !wrong.is_empty())
        .map(|(label, wrong)| at.invalid(label, wrong.join(",")))
}

/// RFC 5952 text, with IPv4-mapped addresses as plain IPv4 as Go's `net.IP` prints them.
pub fn canonical(ip: IpAddr) -> String {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| v6.to_string(), |v4| v4.to_string()),
        IpAddr::V4(v4) => v4.to_string(),
    }
}

/// A network in CIDR notation: (address as written, bits). `None` = none at all.
pub fn parse_cidr_sloppy(s: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = s.split_once('/')?;
    let ip = parse_ip_sloppy(address)?;
    if bits.is_empty() || !bits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let bits: u32 = bits.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((ip, bits as u8))
}

/// The first address of the network that holds `ip`.
pub fn network(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(u32::from(v4) & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0))),
    }
}

/// A network for one of the older fields: no leading zeros, no host bits (KEP-4858).
pub fn cidr_legacy(s: &str) -> Vec<String> {
    let Some((ip, bits)) = parse_cidr_sloppy(s) else {
        return vec!["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)".to_owned()];
    };
    let (address, length) = s.split_once('/').unwrap_or_default();
    let padded = length.len() > 1 && length.starts_with('0');
    if address.parse::<IpAddr>().is_err() || padded {
        vec!["must not have leading 0s in IP or prefix length".to_owned()]
    } else if matches!(ip, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        vec!["must not have an IPv4-mapped IPv6 address".to_owned()]
    } else if network(ip, bits) != ip {
        vec!["must not have bits set beyond the prefix length".to_owned()]
    } else {
        Vec::new()
    }
}

/// What upstream warns of where [`ip_legacy`] tolerates a notation. `at` is the path of the field.
pub fn ip_warnings(at: &str, s: &str) -> Vec<String> {
    let Some(ip) = parse_ip_sloppy(s) else { return Vec::new() };
    match s.parse::<IpAddr>() {
        Err(_) => vec![format!("{at}: non-standard IP address {} is invalid: use {}", quote(s), quote(&canonical(ip)))],
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => {
            vec![format!("{at}: non-standard IP address {} is invalid: use {}", quote(s), quote(&canonical(ip)))]
        }
        Ok(IpAddr::V6(v6)) if v6.to_string() != s => {
            vec![format!("{at}: IPv6 address {} should be in RFC 5952 canonical format ({})", quote(s), quote(&v6.to_string()))]
        }
        Ok(_) => Vec::new(),
    }
}

/// What upstream warns of where [`cidr_legacy`] tolerates a notation. `at` is the path of the field.
pub fn cidr_warnings(at: &str, s: &str) -> Vec<String> {
    let Some((ip, bits)) = parse_cidr_sloppy(s) else { return Vec::new() };
    let first = network(ip, bits);
    let mut warnings = Vec::new();
    if first != ip {
        let whole = if ip.is_ipv4() { 32 } else { 128 };
        let (range, single) = (format!("{}/{bits}", canonical(first)), format!("{}/{whole}", canonical(ip)));
        warnings.push(format!("{at}: CIDR value {} is ambiguous in this context (should be {} or {}?)", quote(s), quote(&range), quote(&single)));
    }
    let strict = cidr_legacy(s);
    if strict.iter().any(|m| m.contains("leading 0s") || m.contains("IPv4-mapped")) {
        warnings.push(format!("{at}: non-standard CIDR value {} is invalid: use {}", quote(s), quote(&format!("{}/{bits}", canonical(first)))));
    }
    let written = format!("{ip}/{bits}");
    if warnings.is_empty() && ip.is_ipv6() && written != s {
        warnings.push(format!("{at}: IPv6 CIDR value {} should be in RFC 5952 canonical format ({})", quote(s), quote(&written)));
    }
    warnings
}
