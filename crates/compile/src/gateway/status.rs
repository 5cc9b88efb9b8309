//! Statuses of GatewayClasses and Gateways (gateway spec G12 to G16).

use std::net::SocketAddr;
use std::sync::Arc;

use api::DecidedStatus;
use api::decided::{Condition, ListenerStatus, Socket, Truth};
use model::Transport;
use model::routes::EntranceKey;

use super::plan::{Planned, PlannedListener};
use crate::routes::Refusal;

/// A GatewayClass of ours, which Gateways may name.
pub(super) fn class(refused: Option<&Refusal>, in_use: bool) -> DecidedStatus {
    let accepted = match refused {
        None => Condition::new("Accepted", Truth::True, "Accepted", "the class is served"),
        Some(refusal) => no("Accepted", refusal),
    };
    DecidedStatus::GatewayClass { conditions: vec![accepted], features: super::features::SUPPORTED, in_use }
}

/// A Gateway; `attached` counts the routes of a listener by its name.
pub(super) fn gateway(planned: &Planned, attached: impl Fn(&Arc<str>) -> u32) -> DecidedStatus {
    let listeners = planned.listeners.iter().map(|one| listener(planned, one, attached(&one.gate.name))).collect();
    let invalid = planned.listeners.iter().filter(|one| one.refused.is_some()).count();
    let unresolved = planned.listeners.iter().find_map(|one| one.unresolved.as_ref());
    let sockets: Vec<EntranceKey> = planned.listeners.iter().flat_map(|one| one.sockets.iter().copied()).collect();

    let none_valid = Refusal::new("ListenersNotValid", "no listener is valid; see their conditions");
    let accepted = match &planned.refused {
        Some(refusal) => no("Accepted", refusal),
        None if invalid > 0 && invalid == planned.listeners.len() => no("Accepted", &none_valid),
        None if invalid > 0 => Condition::new("Accepted", Truth::True, "ListenersNotValid", "some listeners are not valid; see their conditions"),
        None => Condition::new("Accepted", Truth::True, "Accepted", "the gateway is accepted"),
    };
    let programmed = match (&planned.refused, &planned.unusable) {
        (Some(refusal), _) => Condition::new("Programmed", Truth::False, "Invalid", Arc::clone(&refusal.message)),
        (None, Some(refusal)) => no("Programmed", refusal),
        (None, None) if planned.addresses.is_empty() => {
            Condition::new("Programmed", Truth::False, "AddressNotAssigned", planned.unassigned.join("; "))
        }
        (None, None) if sockets.is_empty() => {
            Condition::new("Programmed", Truth::False, "Invalid", "no listener can be served; see their conditions")
        }
        (None, None) => waiting("the gateway is programmed", &sockets),
    };
    let resolved = match unresolved {
        _ if let Some(own) = &planned.unresolved => no("ResolvedRefs", own),
        None => Condition::new("ResolvedRefs", Truth::True, "ResolvedRefs", "all references are resolved"),
        Some(first) => Condition::new("ResolvedRefs", Truth::False, "ListenersNotResolved", Arc::clone(&first.message)),
    };
    let mut conditions = vec![accepted, programmed, resolved];
    if super::clients::falls_back(&planned.gateway) {
        let message = "clients that nobody vouches for are let in where the mode is AllowInsecureFallback";
        conditions.push(Condition::new("InsecureFrontendValidationMode", Truth::True, "ConfigurationChanged", message));
    }
    if planned.is_default() {
        let message = "routes that ask for default Gateways attach here";
        conditions.push(Condition::new("DefaultGateway", Truth::True, "DefaultGateway", message));
    }
    let mut addresses = Vec::new();
    if planned.refused.is_none() {
        conditions.push(assigned(planned));
        addresses.clone_from(&planned.shown);
    }
    DecidedStatus::Gateway { addresses, conditions, listeners }
}

/// Whether it has the addresses that it asks for (GEP-5093).
fn assigned(planned: &Planned) -> Condition {
    let condition = |truth, reason, message: String| Condition::new("AddressesAssigned", truth, reason, message);
    match planned.unassigned.as_slice() {
        [] => condition(Truth::True, "AddressesAssigned", "every address that is asked for is assigned".into()),
        some if some.len() < planned.wishes => condition(Truth::False, "PartiallyAssigned", some.join("; ")),
        all => condition(Truth::False, "NotAssigned", all.join("; ")),
    }
}

fn listener(planned: &Planned, one: &PlannedListener, attached_routes: u32) -> ListenerStatus {
    let accepted = match &one.refused {
        None => Condition::new("Accepted", Truth::True, "Accepted", "the listener is accepted"),
        Some(refusal) => no("Accepted", refusal),
    };
    let conflicted = match &one.refused {
        Some(refusal) if one.conflicted => Condition::new("Conflicted", Truth::True, refusal.reason, Arc::clone(&refusal.message)),
        _ => Condition::new("Conflicted", Truth::False, "NoConflicts", "no other listener conflicts"),
    };
    let resolved = match &one.unresolved {
        None => Condition::new("ResolvedRefs", Truth::True, "ResolvedRefs", "all references are resolved"),
        Some(refusal) => no("ResolvedRefs", refusal),
    };
    let why_not = one.refused.as_ref().or(planned.refused.as_ref()).or(planned.unusable.as_ref()).or(one.unresolved.as_ref());
    let programmed = match why_not {
        _ if !one.sockets.is_empty() => waiting("the listener is programmed", &one.sockets),
        Some(refusal) => Condition::new("Programmed", Truth::False, "Invalid", Arc::clone(&refusal.message)),
        None => Condition::new("Programmed", Truth::False, "Invalid", "the gateway has no usable address"),
    };
    let mut conditions = vec![accepted, conflicted, resolved, programmed];
    conditions.extend(one.overlapping.map(|reason| {
        let message = "another HTTPS listener of the port overlaps: a client that reuses its connection for both is answered 421";
        Condition::new("OverlappingTLSConfig", Truth::True, reason, message)
    }));
    ListenerStatus { name: Arc::clone(&one.gate.name), supported_kinds: one.kinds.clone(), attached_routes, conditions }
}

fn no(kind: &'static str, refusal: &Refusal) -> Condition {
    Condition::new(kind, Truth::False, refusal.reason, Arc::clone(&refusal.message))
}

/// Programmed, as soon as these are bound.
fn waiting(message: &str, sockets: &[EntranceKey]) -> Condition {
    let socket = |key: &EntranceKey| Socket { address: SocketAddr::new(key.0, key.1), datagrams: key.2 == Transport::Udp };
    let mut waits_for: Vec<Socket> = sockets.iter().map(socket).collect();
    waits_for.sort();
    waits_for.dedup();
    Condition { waits_for, ..Condition::new("Programmed", Truth::True, "Programmed", message) }
}
