//! Which certificates the clients of a Gateway must show (gateway spec G46): by port, for what a browser may take for one connection
//! must not be asked for different things.

use std::sync::Arc;

use api::Gateway;
use api::gateway::{FrontendTls, GATEWAY_GROUP, SecretRef};
use model::routes::Clients;

use super::plan::{Means, Wanted};
use crate::grants::Reference;
use crate::routes::Refusal;
use crate::tls::Holder;

/// What a port asks of its clients, and what is wrong with that.
#[derive(Default)]
pub(super) struct Asked {
    pub clients: Option<Clients>,
    /// Why its listeners are not served: open to everybody is what nobody asked for.
    pub refused: Option<Refusal>,
    pub unresolved: Option<Refusal>,
}

/// What holds at a port of a Gateway: its own entry wholly, else the default.
fn frontend(gateway: &Gateway, port: i32) -> Option<&FrontendTls> {
    let frontend = gateway.spec.tls.as_ref()?.frontend.as_ref()?;
    let own = frontend.per_port.iter().find(|one| one.port == port);
    Some(own.map_or(&frontend.default, |own| &own.tls))
}

/// Whether clients that nobody vouches for are let in somewhere.
pub(super) fn falls_back(gateway: &Gateway) -> bool {
    let frontend = gateway.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref());
    let all = frontend.into_iter().flat_map(|frontend| std::iter::once(&frontend.default).chain(frontend.per_port.iter().map(|one| &one.tls)));
    all.filter_map(|tls| tls.validation.as_ref()).any(|validation| validation.mode.as_deref() == Some("AllowInsecureFallback"))
}

/// What a port of a Gateway asks of its clients.
pub(super) fn asked_of(gateway: &Gateway, port: i32, means: &Means<'_>, wanted: &mut Wanted) -> Asked {
    let Some(validation) = frontend(gateway, port).and_then(|tls| tls.validation.as_ref()) else { return Asked::default() };
    let mut asked = Asked::default();
    let fallback = match validation.mode.as_deref() {
        None | Some("" | "AllowValidOnly") => false,
        Some("AllowInsecureFallback") => true,
        Some(other) => {
            let message = format!("client validation mode {other:?} is neither AllowValidOnly nor AllowInsecureFallback");
            asked.refused = Some(Refusal::new("UnsupportedValue", message));
            return asked;
        }
    };
    let mut authorities = Vec::new();
    for to in &validation.ca_certificate_refs {
        match read(gateway, to, means, wanted) {
            Ok(found) => authorities.extend(found),
            Err(refusal) => drop(asked.unresolved.get_or_insert(refusal)),
        }
    }
    match authorities.is_empty() {
        true => asked.refused = Some(Refusal::new("NoValidCACertificate", "no reference of caCertificateRefs can be used; see ResolvedRefs")),
        false => asked.clients = Some(Clients { authorities: authorities.into(), fallback }),
    }
    asked
}

/// The authorities that a reference names, judged in the order permitted, kind, existence, data (gateway spec G30).
fn read(gateway: &Gateway, to: &SecretRef, means: &Means<'_>, wanted: &mut Wanted) -> Result<Vec<Vec<u8>>, Refusal> {
    let namespace = to.namespace.clone().filter(|one| !one.is_empty()).unwrap_or_else(|| Arc::clone(&gateway.metadata.namespace));
    let (group, kind) = (to.group.as_deref().unwrap_or(""), to.kind.as_deref().unwrap_or(""));
    let from = (GATEWAY_GROUP, "Gateway", &*gateway.metadata.namespace);
    if !means.grants.permit(&Reference { from, to: (group, kind), at: (&namespace, &to.name) }) {
        let message =
            format!("no ReferenceGrant in namespace {namespace} lets Gateways of {} refer to {kind} {}", gateway.metadata.namespace, to.name);
        return Err(Refusal::new("RefNotPermitted", message));
    }
    let Some(holder) = Holder::of(group, kind) else {
        return Err(Refusal::new("InvalidCACertificateKind", format!("{kind} {} holds no authorities; name a ConfigMap or a Secret", to.name)));
    };
    let key = (namespace, Arc::clone(&to.name));
    match holder {
        Holder::ConfigMap => wanted.config_maps.insert(key.clone()),
        Holder::Secret => wanted.secrets.insert(key.clone()),
    };
    means.certificates.authorities(holder, &key).map_err(|message| Refusal { reason: "InvalidCACertificateRef", message })
}

#[cfg(test)]
mod tests;
