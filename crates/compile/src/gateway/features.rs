//! What we claim in `GatewayClass.status.supportedFeatures`, and nothing that is not served (gateway spec G5).

/// Sorted by name.
pub(super) const SUPPORTED: &[&str] = &[
    "BackendTLSPolicy",
    "BackendTLSPolicySANValidation",
    "Gateway",
    "GatewayAddressEmpty",
    "GatewayAddressRoutability",
    "GatewayBackendClientCertificate",
    "GatewayFrontendClientCertificateValidation",
    "GatewayFrontendClientCertificateValidationInsecureFallback",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayPort8080",
    "GatewayRouteHostnameIntersectionPrecedence",
    "GatewayStaticAddresses",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteBackendURLRewrite",
    "HTTPRouteCORS",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror",
    "HTTPRouteRequestMultipleMirrors",
    "HTTPRouteRequestPercentageMirror",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteRetryCodes",
    "HTTPRouteRetryConnectionError",
    "HTTPRouteSchemeRedirect",
    "ReferenceGrant",
];

#[cfg(test)]
mod tests {
    #[test]
    fn features_are_sorted_and_stand_once() {
        assert!(super::SUPPORTED.windows(2).all(|pair| pair[0] < pair[1]));
    }

    /// A feature may be claimed only when a script shows it, and says so (gateway spec G5).
    #[test]
    fn every_feature_is_named_by_a_script_that_covers_it() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/gateway");
        let scripts = std::fs::read_dir(folder).expect("the scripts of gateways").flatten();
        let text: String = scripts.map(|entry| std::fs::read_to_string(entry.path()).expect("a script")).collect();
        let words: std::collections::BTreeSet<&str> = text.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
        let missing: Vec<_> = super::SUPPORTED.iter().filter(|name| !words.contains(**name)).collect();
        assert!(missing.is_empty(), "no script in tests/gateway names {missing:?}");
    }
}
