use super::address::*;
use super::*;

#[test]
fn labels_and_subdomains_follow_rfc_1123() {
    for fine in ["a", "1a", "a-b", "0"] {
        assert!(dns1123_label(fine).is_empty(), "{fine}");
    }
    for wrong in ["", "A", "a_b", "-a", "a-", "a.b", &"a".repeat(64)] {
        assert!(!dns1123_label(wrong).is_empty(), "{wrong}");
    }
    assert!(dns1123_subdomain("a.b-c.1").is_empty());
    assert!(!dns1123_subdomain("a..b").is_empty());
    assert_eq!(name(NameRule::Dns1123Label, "a.b"), ["must not contain dots"]);
    assert!(!dns1035_label("1a").is_empty());
    assert_eq!(
        dns1123_label("A"),
        ["a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an \
          alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"]
    );
    assert_eq!(dns1123_subdomain(&"a".repeat(254)), ["must be no more than 253 characters"]);
}

#[test]
fn qualified_names_have_an_optional_prefix() {
    for fine in ["a", "example.com/a", "A_b.c-d"] {
        assert!(qualified_name(fine).is_empty(), "{fine}");
    }
    assert_eq!(qualified_name("/a"), ["prefix part must be non-empty"]);
    assert!(qualified_name("bad key")[0].starts_with("name part must consist of"));
    assert!(qualified_name("a/b/c")[0].starts_with("a valid label key must consist of"));
    assert_eq!(qualified_name("")[0], "name part must be non-empty");
    assert!(label_value("").is_empty() && !label_value("v v").is_empty());
}

#[test]
fn port_names_are_iana_service_names() {
    assert!(port_name("http-2").is_empty());
    assert_eq!(port_name("a-name-of-over-15"), ["must be no more than 15 characters"]);
    assert_eq!(port_name("12"), ["must contain at least one letter (a-z)"]);
    assert_eq!(port_name("a--b"), ["must not contain consecutive hyphens"]);
    assert_eq!(port_name("-a"), ["must not begin or end with a hyphen"]);
    assert_eq!(port_name("").len(), 2);
}

#[test]
fn config_keys_are_file_names_that_stay_in_their_directory() {
    assert!(config_key("a_b-c.D").is_empty());
    assert_eq!(config_key(".."), ["must not be '..'"]);
    assert_eq!(config_key("..a"), ["must not start with '..'"]);
    assert!(config_key("")[0].starts_with("a valid config key must consist of"));
}

#[test]
fn addresses_may_not_carry_leading_zeros() {
    for (text, want) in [
        ("10.0.0.1", None),
        ("2001:DB8::1", None),
        ("nope", Some("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")),
        ("10.00.0.1", Some("must not have leading 0s")),
        ("::ffff:10.0.0.1", Some("must not be an IPv4-mapped IPv6 address")),
    ] {
        assert_eq!(ip_legacy(text).first().map(String::as_str), want, "{text}");
    }
    assert_eq!(ip_strict("2001:DB8::1"), ["must be in canonical form (\"2001:db8::1\")"]);
    assert_eq!(parse_ip_sloppy("010.02.3.0"), Some("10.2.3.0".parse().unwrap()));
}

#[test]
fn networks_may_not_carry_host_bits() {
    for (text, want) in [
        ("10.0.0.0/8", None),
        ("0.0.0.0/0", None),
        ("2001:db8::/64", None),
        ("10.0.0.1/8", Some("must not have bits set beyond the prefix length")),
        ("10.0.0.0/08", Some("must not have leading 0s in IP or prefix length")),
        ("10.0.0.0", Some("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")),
        ("10.0.0.0/33", Some("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")),
    ] {
        assert_eq!(cidr_legacy(text).first().map(String::as_str), want, "{text}");
    }
}

#[test]
fn odd_notations_are_warned_of() {
    assert_eq!(ip_warnings("spec.x", "010.0.0.1"), [r#"spec.x: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1""#]);
    assert_eq!(
        ip_warnings("spec.x", "2001:DB8::1"),
        [r#"spec.x: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")"#]
    );
    assert!(ip_warnings("spec.x", "10.0.0.1").is_empty());
    assert_eq!(
        cidr_warnings("spec.x", "10.0.0.1/8"),
        [r#"spec.x: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)"#]
    );
}
