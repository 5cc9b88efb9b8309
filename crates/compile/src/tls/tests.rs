use std::sync::Arc;

use api::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn pair(names: &[&str], algorithm: &'static rcgen::SignatureAlgorithm) -> (String, String) {
    let key = rcgen::KeyPair::generate_for(algorithm).expect("a key");
    let parameters = rcgen::CertificateParams::new(names.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).expect("names");
    (parameters.self_signed(&key).expect("signed").pem(), key.serialize_pem())
}

fn secret(certificate: &str, key: &str) -> Arc<Secret> {
    let mut secret = Secret::default();
    secret.metadata.namespace = "n".into();
    secret.metadata.name = "s".into();
    secret.data.certificate = Some(STANDARD.encode(certificate).into());
    secret.data.key = Some(STANDARD.encode(key).into());
    Arc::new(secret)
}

fn verdict(secret: &Arc<Secret>) -> Result<Vec<String>, String> {
    let mut certificates = Certificates::default();
    certificates.insert(secret);
    let found = certificates.identity(&("n".into(), "s".into()));
    found.map(|one| one.names.iter().map(|name| name.to_string()).collect()).map_err(|wrong| wrong.to_string())
}

#[test]
fn a_pair_of_any_key_type_becomes_an_identity_with_its_names() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
        let (certificate, key) = pair(&["A.test", "*.b.test"], algorithm);
        assert_eq!(verdict(&secret(&certificate, &key)).expect("valid"), ["a.test", "*.b.test"]);
    }
}

#[test]
fn what_is_wrong_is_said_without_quoting_it() {
    let (certificate, key) = pair(&["a.test"], &rcgen::PKCS_ECDSA_P256_SHA256);
    let (_, other) = pair(&["a.test"], &rcgen::PKCS_ECDSA_P256_SHA256);
    let wrong = |certificate: &str, key: &str| verdict(&secret(certificate, key)).expect_err("invalid");
    assert_eq!(wrong(&certificate, &other), "secret n/s: tls.key does not belong to tls.crt");
    assert_eq!(wrong("no certificate", &key), "secret n/s: tls.crt holds no certificate");
    assert_eq!(wrong(&certificate, "no key"), "secret n/s: tls.key holds no PEM private key");
    let mut half = (*secret(&certificate, &key)).clone();
    half.data.key = None;
    assert!(verdict(&Arc::new(half)).expect_err("invalid").starts_with("secret n/s: tls.key is missing"));
    let mut binary = (*secret(&certificate, &key)).clone();
    binary.data.key = Some("%%%".into());
    assert_eq!(verdict(&Arc::new(binary)).expect_err("invalid"), "secret n/s: tls.key is not base64");
}

#[test]
fn the_same_contents_keep_their_pointer_and_a_secret_that_went_is_not_found() {
    let (certificate, key) = pair(&["a.test"], &rcgen::PKCS_ECDSA_P256_SHA256);
    let at = ("n".into(), "s".into());
    let mut certificates = Certificates::default();
    assert!(certificates.insert(&secret(&certificate, &key)));
    let first = certificates.identity(&at).expect("valid");
    let mut again = (*secret(&certificate, &key)).clone();
    again.metadata.resource_version = "2".into();
    assert!(!certificates.insert(&Arc::new(again)));
    assert!(Arc::ptr_eq(&first, &certificates.identity(&at).expect("valid")));
    assert!(certificates.remove(&at) && !certificates.remove(&at));
    assert_eq!(&*certificates.identity(&at).expect_err("gone"), "secret n/s not found");
}
