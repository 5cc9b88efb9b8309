//! Load-balancer addresses that we give to Services (services spec S45, U6): the status says so once they are bound, and why where they
//! are not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use api::decided::{Condition, IngressAddress, LOAD_BALANCER_FINALIZER, Socket, Truth};
use api::{Decided, DecidedStatus};
use model::Transport;
use model::service::{Frontend, FrontendKind, ServiceKey};

use super::Built;

/// What follows the addresses in the message of `Programmed`.
const SERVED: &str = ": served here";

/// Whether an address in a Service's status was written by us: `Programmed` names what we gave. A server that starts with another
/// address knows its own of before by it.
pub(super) fn is_given(service: &api::Service, address: &str) -> bool {
    let named = service.status.programmed.as_deref().and_then(|message| message.strip_suffix(SERVED));
    named.is_some_and(|named| named.split(", ").any(|one| one == address))
}

/// Whether a Service is kept for an address of ours to be withdrawn. The finalizer alone may be another provider's.
fn is_held(service: &api::Service) -> bool {
    service.status.programmed.is_some() && service.metadata.finalizers.iter().any(|name| **name == *LOAD_BALANCER_FINALIZER)
}

/// The statuses that were decided last.
#[derive(Default)]
pub(crate) struct Offers {
    decided: HashMap<ServiceKey, Decided>,
}

impl Offers {
    /// The status of a Service, if it is another one than before. `holds` says whether an address is this Service's.
    pub fn decide(
        &mut self,
        key: &ServiceKey,
        service: Option<&api::Service>,
        built: Option<&Built>,
        holds: impl Fn(&Frontend) -> bool,
        generation: u64,
    ) -> Option<Decided> {
        let Some(service) = service else {
            self.decided.remove(key);
            return None;
        };
        let offer = built.and_then(|built| Some((built, built.offer.as_ref()?)));
        let body = match offer {
            Some((built, offered)) => status(built, offered, holds),
            // What we gave before, in an earlier run perhaps, is taken back; of others' Services nothing is said.
            None if self.decided.contains_key(key) || is_held(service) => DecidedStatus::Ingress { addresses: Vec::new(), conditions: Vec::new() },
            None => return None,
        };
        let meta = &service.metadata;
        let decided = Decided {
            kind: "Service",
            namespace: Arc::clone(&meta.namespace),
            name: Arc::clone(&meta.name),
            uid: Arc::clone(&meta.uid),
            generation: meta.generation,
            snapshot: 0,
            body,
        };
        if self.decided.get(key) == Some(&decided) {
            return None;
        }
        if offer.is_some() {
            self.decided.insert(key.clone(), decided.clone());
        } else {
            self.decided.remove(key);
        }
        Some(Decided { snapshot: generation, ..decided })
    }
}

fn status(built: &Built, offered: &[IpAddr], holds: impl Fn(&Frontend) -> bool) -> DecidedStatus {
    let at = |address: IpAddr| {
        built
            .frontends
            .iter()
            .filter(move |one| one.kind == FrontendKind::LoadBalancer && one.key.address == address && one.key.transport != Transport::Sctp)
    };
    let mut addresses = Vec::new();
    let mut waits_for = Vec::new();
    let mut taken = None;
    for &address in offered {
        if let Some(lost) = at(address).find(|one| !holds(one)) {
            taken = Some(format!("{} port {} belongs to an older Service: change the port or loadBalancerIP", address, lost.key.port));
            continue;
        }
        let sockets: Vec<Socket> =
            at(address).map(|one| Socket { address: one.key.socket(), datagrams: one.key.transport == Transport::Udp }).collect();
        if !sockets.is_empty() {
            waits_for.extend(sockets.iter().copied());
            addresses.push(IngressAddress { at: address.to_string().into(), ports: Vec::new(), sockets });
        }
    }
    let programmed = match (addresses.is_empty(), taken) {
        (_, Some(why)) => Condition::new("Programmed", Truth::False, "AddressConflict", why),
        (true, None) => {
            Condition::new("Programmed", Truth::False, "NoAddress", "no address can be given: this node has none of the families asked for")
        }
        (false, None) => {
            let named: Vec<&str> = addresses.iter().map(|address| &*address.at).collect();
            Condition { waits_for, ..Condition::programmed(format!("{}{SERVED}", named.join(", "))) }
        }
    };
    DecidedStatus::Ingress { addresses, conditions: vec![programmed] }
}
