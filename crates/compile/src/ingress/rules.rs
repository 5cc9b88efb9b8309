//! One Ingress: its rules as matches of the routing table, its certificates by name, and what is wrong with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::Ingress;
use api::ingress::{IngressBackend, IngressPath};
use model::routes::{Backend, BackendTo, HostPattern, PathMatch, RouteMatch, Rule, Timeouts};
use model::tls::TlsIdentity;
use model::{Origin, Transport, session};

use super::Age;
use crate::Diagnostic;
use crate::routes::backends::{self, PortName};
use crate::routes::{Ground, Key, paths};
use crate::tls::{self, Certificates};

/// What came of one Ingress.
#[derive(Default)]
pub(super) struct Compiled {
    pub age: Age,
    pub matches: Vec<Arc<RouteMatch>>,
    pub identities: Vec<(HostPattern, Arc<TlsIdentity>)>,
    pub services: BTreeSet<Key>,
    pub diagnostics: Vec<Diagnostic>,
}

/// The Secrets an Ingress names.
pub(super) fn secrets(ingress: &Ingress) -> BTreeSet<Key> {
    let named = ingress.spec.tls.iter().filter(|tls| !tls.secret_name.is_empty());
    named.map(|tls| (Arc::clone(&ingress.metadata.namespace), Arc::clone(&tls.secret_name))).collect()
}

/// Compiles an Ingress of ours.
pub(super) fn compile(ingress: &Ingress, ground: &Ground<'_>, certificates: &Certificates) -> Compiled {
    let meta = &ingress.metadata;
    let origin = Origin::new("Ingress", Arc::clone(&meta.namespace), Arc::clone(&meta.name));
    let age = (meta.creation_s, (Arc::clone(&meta.namespace), Arc::clone(&meta.name)));
    let mut work = Work { ingress, ground, origin, into: Compiled { age, ..Compiled::default() } };
    work.rules();
    work.certificates(certificates);
    work.into
}

/// The default backend of the process (ingress spec I9): younger than every Ingress, so that theirs come first.
pub(super) fn default_backend(ground: &Ground<'_>) -> Option<RouteMatch> {
    let key = ground.settings.ingress.default_backend.as_ref()?;
    let origin = Origin::new("Service", Arc::clone(&key.0), Arc::clone(&key.1));
    let first = ground.services.get(key).and_then(|service| service.ports.iter().find(|one| one.transport == Transport::Tcp));
    let (to, port) = match first {
        Some(port) => (BackendTo::Pool(port.cluster), port.port),
        None => {
            let detail = format!("service {}/{} of --default-backend-service has no TCP port or does not exist", key.0, key.1);
            (BackendTo::Nowhere { status: 503, detail: detail.into() }, 0)
        }
    };
    let backend = Backend { weight: 1, to, service: origin.clone(), port, filters: Vec::new() };
    let rule = Rule { created_s: i64::MAX, ..rule(origin, 0, backend) };
    Some(matches(rule, HostPattern::Any, PathMatch::Rest))
}

fn rule(origin: Origin, index: u16, backend: Backend) -> Rule {
    let (filters, backends, timeouts) = (Vec::new(), vec![backend], Timeouts::default());
    Rule { origin, created_s: 0, index, name: Arc::default(), filters, backends, timeouts, retry: None, place: 0, session: None }
}

fn matches(rule: Rule, host: HostPattern, path: PathMatch) -> RouteMatch {
    RouteMatch { rule: Arc::new(rule), index: 0, host, path, method: None, headers: Box::default(), query: Box::default() }
}

struct Work<'a> {
    ingress: &'a Ingress,
    ground: &'a Ground<'a>,
    origin: Origin,
    into: Compiled,
}

impl Work<'_> {
    fn complain(&mut self, reason: &'static str, message: impl Into<Arc<str>>) {
        self.into.diagnostics.push(Diagnostic { origin: self.origin.clone(), reason, message: message.into() });
    }

    fn rules(&mut self) {
        let ingress = self.ingress;
        let mut hosts = BTreeSet::new();
        for rule in &ingress.spec.rules {
            let Some(host) = host(&rule.host) else {
                self.complain("InvalidHost", format!("host {:?} is neither a name nor *. and a name; its rules are left out", rule.host));
                continue;
            };
            for path in rule.http.iter().flat_map(|http| &http.paths) {
                match path_match(path) {
                    Ok(condition) => self.add(&host, condition, &path.backend),
                    Err(wrong) => self.complain("InvalidPath", format!("{wrong}; it is left out")),
                }
            }
            hosts.insert(host);
        }
        // Without rules the default backend answers for all hosts, else for those of the Ingress (ingress spec I5).
        let Some(default) = &ingress.spec.default_backend else { return };
        if ingress.spec.rules.is_empty() {
            hosts.insert(HostPattern::Any);
        }
        for host in &hosts {
            self.add(host, PathMatch::Rest, default);
        }
    }

    fn add(&mut self, host: &HostPattern, path: PathMatch, backend: &IngressBackend) {
        let Ok(index) = u16::try_from(self.into.matches.len()) else {
            return self.complain("TooManyPaths", "an Ingress of more than 65536 paths is served up to that many; split it");
        };
        let backend = self.backend(backend);
        let meta = &self.ingress.metadata;
        let place = session::number([meta.namespace.as_bytes(), meta.name.as_bytes(), format!("{host} {path:?}").as_bytes()]);
        let rule = Rule { created_s: meta.creation_s, place, ..rule(self.origin.clone(), index, backend) };
        self.into.matches.push(Arc::new(matches(rule, host.clone(), path)));
    }

    fn backend(&mut self, from: &IngressBackend) -> Backend {
        let namespace = Arc::clone(&self.ingress.metadata.namespace);
        let nowhere = |detail: Arc<str>| BackendTo::Nowhere { status: 503, detail };
        let Some(service) = &from.service else {
            let kind = from.resource.as_ref().map_or("nothing", |resource| &resource.kind);
            let detail: Arc<str> = format!("a backend that is a {kind} is not supported; name a service").into();
            self.complain("InvalidBackend", Arc::clone(&detail));
            let service = Origin::new("Other", namespace, from.resource.as_ref().map_or_else(Arc::default, |one| Arc::clone(&one.name)));
            return Backend { weight: 1, to: nowhere(detail), service, port: 0, filters: Vec::new() };
        };
        let key = (Arc::clone(&namespace), Arc::clone(&service.name));
        let number = u16::try_from(service.port.number).unwrap_or(0);
        let port = if service.port.name.is_empty() { PortName::Number(number) } else { PortName::Name(&service.port.name) };
        let (to, port) = match backends::find(self.ground, &key, port) {
            Ok(found) => (BackendTo::Pool(found.pool), found.port),
            Err(missing) => {
                let detail: Arc<str> = missing.into();
                self.complain("BackendNotFound", Arc::clone(&detail));
                (nowhere(detail), number)
            }
        };
        self.into.services.insert(key);
        Backend { weight: 1, to, service: Origin::new("Service", namespace, Arc::clone(&service.name)), port, filters: Vec::new() }
    }

    fn certificates(&mut self, certificates: &Certificates) {
        let ingress = self.ingress;
        if self.ground.settings.ingress.default_certificate.is_none() {
            for tls in ingress.spec.tls.iter().filter(|tls| tls.secret_name.is_empty()) {
                let hosts = if tls.hosts.is_empty() { "its hosts".to_owned() } else { tls.hosts.join(", ") };
                let remedy = "name one, or start the server with --default-ssl-certificate";
                self.complain("SelfSignedCertificate", format!("tls names no secret: {hosts} get a certificate that signs itself; {remedy}"));
            }
        }
        for tls in ingress.spec.tls.iter().filter(|tls| !tls.secret_name.is_empty()) {
            let key = (Arc::clone(&ingress.metadata.namespace), Arc::clone(&tls.secret_name));
            let identity = match certificates.identity(&key) {
                Ok(identity) => identity,
                Err(wrong) => {
                    self.complain("InvalidCertificate", format!("{wrong}; its hosts get the default certificate"));
                    continue;
                }
            };
            if identity.not_after_s < i64::from(self.ground.now_s) {
                self.complain("CertificateExpired", format!("the certificate of secret {}/{} has expired; renew it", key.0, key.1));
            }
            let of_certificate: Vec<HostPattern> = identity.names.iter().map(tls::pattern).collect();
            let listed = tls.hosts.iter().filter_map(|name| host(name));
            let names: BTreeSet<HostPattern> = if tls.hosts.is_empty() { of_certificate.iter().cloned().collect() } else { listed.collect() };
            for name in names {
                if !of_certificate.iter().any(|one| *one == name || matches!(&name, HostPattern::Exact(exact) if one.matches(exact))) {
                    self.complain("CertificateName", format!("the certificate of secret {}/{} is not for host {name}", key.0, key.1));
                }
                self.into.identities.push((name, Arc::clone(&identity)));
            }
        }
    }
}

/// A host of an Ingress: its wildcard stands for one label (ingress spec I3).
fn host(name: &str) -> Option<HostPattern> {
    let lower = name.trim_end_matches('.').to_ascii_lowercase();
    let valid = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    match lower.strip_prefix("*.") {
        Some(suffix) => valid(suffix).then(|| HostPattern::OneBelow(suffix.into())),
        None if lower.is_empty() => Some(HostPattern::Any),
        None => valid(&lower).then(|| HostPattern::Exact(lower.into())),
    }
}

/// The condition on the path (ingress spec I4): what no URL needs is refused, for it has hurt others (CVE-2026-24512).
fn path_match(from: &IngressPath) -> Result<PathMatch, String> {
    let written = if from.path.is_empty() { "/".into() } else { Arc::clone(&from.path) };
    if let Some(bad) = written.chars().find(|one| matches!(one, '\'' | '"' | '{' | '}' | ';')) {
        return Err(format!("path {written:?} holds {bad:?}"));
    }
    let path = paths::normal(&written)?;
    match &*from.path_type {
        "Exact" => Ok(PathMatch::Exact(path)),
        "Prefix" | "ImplementationSpecific" | "" => Ok(PathMatch::Prefix(path)),
        other => Err(format!("path type {other:?} of {written} is none of Exact, Prefix, ImplementationSpecific")),
    }
}
