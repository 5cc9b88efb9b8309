//! The data directory: identities made at first start, the kubeconfig and token for people, and `addresses.json`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use net::identity::{self, Authority, Pem, Replaceable};
use serde_json::json;

use crate::config::Settings;

/// What the first start made and later starts keep.
pub struct Identities {
    dir: PathBuf,
    authority: Authority,
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    /// The API's serving identity.
    pub serving: Arc<Replaceable>,
    /// Who signs client certificates, PEM.
    pub authority_pem: String,
    /// The bearer token with the rights of the admin certificate.
    pub admin_token: String,
    /// What seals the tokens of sessions: the same as long as the authority is, so that clients stay at their endpoints over a restart.
    pub session_key: [u8; 32],
    admin: Pem,
}

/// The addresses that were bound; what port 0 became.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Kubernetes API.
    pub api: SocketAddr,
    /// The first DNS address.
    pub dns: SocketAddr,
    /// HTTP entry.
    pub http: SocketAddr,
    /// HTTPS entry.
    pub https: SocketAddr,
    /// Metrics and health.
    pub admin: SocketAddr,
}

impl Identities {
    /// Reads what is there, makes what is missing, renews what is past half its life.
    ///
    /// # Errors
    /// When the directory cannot be written or a stored identity is broken.
    pub fn prepare(settings: &Settings, now: SystemTime) -> Result<Self> {
        let dir = settings.data_dir.join("pki");
        make_private_dir(&dir)?;
        let stored = identity::read(&dir.join("ca.crt"), &dir.join("ca.key"))?;
        let (authority, key) = match stored {
            Some(pem) => (Authority::from_pem(&pem, &dir.join("ca.crt").display().to_string())?, pem.key),
            None => {
                let (authority, pem) = Authority::create("fairlead-ca", now)?;
                store(&dir, "ca", &pem)?;
                (authority, pem.key)
            }
        };
        let (names, addresses) = subject_names(settings);
        let serving = leaf(&dir, "server", &authority, &names, &addresses, now, || authority.issue_server("fairlead", &names, &addresses, now))?;
        let admin = leaf(&dir, "admin", &authority, &[], &[], now, || authority.issue_client("fairlead-admin", &["system:masters"], now))?;
        let admin_token = token(&settings.data_dir.join("admin.token"))?;
        let authority_pem = authority.certificate.clone();
        let (serving, session_key) = (Replaceable::new(&serving)?, derived(&key, "fairlead sessions"));
        Ok(Self { dir, authority, names, addresses, serving, authority_pem, admin_token, session_key, admin })
    }

    /// SHA-256 of the authority's certificate (DER), hexadecimal: what a joining host is told to expect.
    pub fn authority_sha256(&self) -> String {
        identity::sha256_hex(&self.authority_pem)
    }

    /// Replaces the serving certificate if it is past half its life. Open connections keep theirs.
    ///
    /// # Errors
    /// When the new one cannot be written; the old one then stays in use.
    pub fn renew(&self, now: SystemTime) -> Result<()> {
        let fresh = leaf(&self.dir, "server", &self.authority, &self.names, &self.addresses, now, || {
            self.authority.issue_server("fairlead", &self.names, &self.addresses, now)
        })?;
        Ok(self.serving.replace(&fresh)?)
    }

    /// Writes `admin.kubeconfig` with the server's address as it is now.
    ///
    /// # Errors
    /// When the data directory cannot be written.
    pub fn write_kubeconfig(&self, data_dir: &Path, api: SocketAddr) -> Result<PathBuf> {
        let path = data_dir.join("admin.kubeconfig");
        let reachable = if api.ip().is_unspecified() {
            SocketAddr::new(if api.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() }, api.port())
        } else {
            api
        };
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fairlead\nclusters:\n- name: fairlead\n  cluster:\n    server: https://{reachable}\n    certificate-authority-data: {}\ncontexts:\n- name: fairlead\n  context:\n    cluster: fairlead\n    user: fairlead-admin\nusers:\n- name: fairlead-admin\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
            STANDARD.encode(&self.authority_pem),
            STANDARD.encode(&self.admin.certificate),
            STANDARD.encode(&self.admin.key),
        );
        identity::write_private(&path, &text)?;
        Ok(path)
    }
}

/// Makes a directory that only its owner may enter.
///
/// # Errors
/// When it cannot be made; the message names the remedy.
pub fn make_private_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("the data directory {} cannot be made: name a writable one with --data-dir", dir.display()))
}

/// `addresses.json`, written whole after the sockets listen.
///
/// # Errors
/// When the data directory cannot be written.
pub fn write_addresses(data_dir: &Path, addresses: &Addresses, node: &str) -> Result<()> {
    let text = json!({
        "api": addresses.api.to_string(), "dns": addresses.dns.to_string(), "http": addresses.http.to_string(),
        "https": addresses.https.to_string(), "admin": addresses.admin.to_string(), "node": node, "pid": std::process::id(),
    });
    Ok(identity::write_private(&data_dir.join("addresses.json"), &format!("{text}\n"))?)
}

/// Takes `addresses.json` away on an orderly stop, so that nobody waits for a server that is gone.
pub fn remove_addresses(data_dir: &Path) {
    let _ = std::fs::remove_file(data_dir.join("addresses.json"));
}

fn store(dir: &Path, name: &str, pem: &Pem) -> Result<()> {
    identity::write_private(&dir.join(format!("{name}.key")), &pem.key)?;
    Ok(identity::write_private(&dir.join(format!("{name}.crt")), &pem.certificate)?)
}

fn leaf(
    dir: &Path,
    name: &str,
    authority: &Authority,
    names: &[String],
    addresses: &[IpAddr],
    now: SystemTime,
    issue: impl FnOnce() -> Result<Pem, identity::Error>,
) -> Result<Pem> {
    let stored = identity::read(&dir.join(format!("{name}.crt")), &dir.join(format!("{name}.key")))?;
    if let Some(pem) = stored.filter(|pem| !identity::is_stale(&pem.certificate, &authority.certificate, names, addresses, now)) {
        return Ok(pem);
    }
    let pem = issue()?;
    store(dir, name, &pem)?;
    Ok(pem)
}

/// Names and addresses of the serving certificate (cli spec L4).
fn subject_names(settings: &Settings) -> (Vec<String>, Vec<IpAddr>) {
    let zone = &settings.cluster_domain;
    let mut names: BTreeSet<String> = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned).into();
    names.insert(format!("kubernetes.default.svc.{zone}"));
    names.insert(settings.node_name.clone());
    let mut addresses: BTreeSet<IpAddr> = settings.node_addresses.iter().copied().collect();
    addresses.extend([IpAddr::from([127, 0, 0, 1]), std::net::Ipv6Addr::LOCALHOST.into()]);
    addresses.extend(settings.service_cidrs.iter().map(|(network, _)| first_address(*network)));
    addresses.extend(crate::config::of_this_host());
    if !settings.api.ip().is_unspecified() {
        addresses.insert(settings.api.ip());
    }
    (names.into_iter().collect(), addresses.into_iter().collect())
}

/// The first address of a network: that of Service `kubernetes`.
pub fn first_address(network: IpAddr) -> IpAddr {
    match network {
        IpAddr::V4(v4) => std::net::Ipv4Addr::from(u32::from(v4) + 1).into(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from(u128::from(v6) + 1).into(),
    }
}

/// A key for one purpose, made from another one that it does not give away.
fn derived(from: &str, purpose: &str) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, from.trim().as_bytes());
    let mut derived = [0; 32];
    derived.copy_from_slice(hmac::sign(&key, purpose.as_bytes()).as_ref());
    derived
}

/// 32 random bytes as text, kept over restarts.
fn token(path: &Path) -> Result<String> {
    if let Ok(text) = std::fs::read_to_string(path)
        && text.trim().len() >= 32
    {
        return Ok(text.trim().to_owned());
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|why| anyhow::anyhow!("no randomness for {}: {why}", path.display()))?;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    identity::write_private(path, &format!("{text}\n"))?;
    Ok(text)
}
