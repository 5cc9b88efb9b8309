//! The addresses of Gateways (gateway spec G40, G44): those that they ask for, else one each from `--gateway-addresses`, else
//! the one of `--http-address` for all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use api::decided::AssignedAddress;
use api::gateway::GatewayAddress;

use super::plan::Planned;
use crate::Settings;
use crate::routes::{Key, Refusal};

/// The routability that conformance asks for, which promises nothing (GEP-5093).
const SENTINEL: &str = "testing.x-k8s.io/sentinel";

/// What a Gateway asks for in one place of its list.
struct Wish {
    /// The address, or any.
    address: Option<IpAddr>,
    /// The host name that it was asked for by.
    name: Option<Arc<str>>,
    /// From where it shall be reachable.
    routability: Arc<str>,
}

/// Decides where each Gateway is bound and what its status shows. An address that was given once is kept: it does not move
/// because another Gateway comes or goes.
pub(super) fn assign(gateways: &mut BTreeMap<Key, Planned>, settings: &Settings) {
    let mut order: Vec<&mut Planned> = gateways.values_mut().collect();
    order.sort_by(|a, b| super::plan::age(a).cmp(&super::plan::age(b)));
    let mut wishes: Vec<Vec<Wish>> = order.iter_mut().map(|planned| wishes(planned, settings)).collect();
    let mut pool = Pool { ranges: &settings.gateway_addresses, taken: BTreeSet::new() };
    let kept: Vec<Vec<IpAddr>> = order.iter().zip(&wishes).map(|(planned, wishes)| pool.keep(planned, wishes)).collect();
    for (planned, wishes) in order.iter_mut().zip(&mut wishes) {
        refuse_taken(planned, wishes, &pool.taken);
    }
    pool.taken.extend(wishes.iter().flatten().filter_map(|wish| wish.address));
    for ((planned, wishes), kept) in order.into_iter().zip(wishes).zip(kept) {
        give(planned, wishes, kept.into_iter(), &mut pool, settings);
    }
}

/// The wishes of a Gateway that can be looked at; what is wrong with the others is noted.
fn wishes(planned: &mut Planned, settings: &Settings) -> Vec<Wish> {
    let gateway = Arc::clone(&planned.gateway);
    if gateway.spec.addresses.is_empty() {
        planned.wishes = 1;
        return vec![Wish { address: None, name: None, routability: Arc::default() }];
    }
    planned.wishes = gateway.spec.addresses.len();
    let mut found = Vec::new();
    for one in &gateway.spec.addresses {
        // Another scope is never given instead.
        if let Some(scope) = one.routability.as_deref().filter(|scope| !matches!(*scope, "" | SENTINEL)) {
            planned.unassigned.push(format!("no address of routability {scope:?} is offered"));
            continue;
        }
        match wish(one, settings) {
            Ok(wish) => found.push(wish),
            Err(refusal) if refusal.reason == "UnsupportedAddress" => planned.refused = planned.refused.take().or(Some(refusal)),
            Err(refusal) => {
                planned.unassigned.push(refusal.message.to_string());
                planned.unusable = planned.unusable.take().or(Some(refusal));
            }
        }
    }
    found
}

fn wish(wanted: &GatewayAddress, settings: &Settings) -> Result<Wish, Refusal> {
    let value = &wanted.value;
    let routability = wanted.routability.clone().unwrap_or_default();
    let this = |address, name| Ok(Wish { address, name, routability: Arc::clone(&routability) });
    match wanted.kind.as_deref().unwrap_or("IPAddress") {
        "IPAddress" if value.is_empty() => this(None, None),
        "IPAddress" => {
            let unusable = |why: &str| Refusal::new("AddressNotUsable", format!("address {value} {why}"));
            let address: IpAddr = value.parse().map_err(|_| unusable("is no IP address"))?;
            let local = settings.http.ip() == address || settings.node_addresses.contains(&address) || address.is_loopback();
            if local || in_ranges(&settings.gateway_addresses, address) {
                return this(Some(address), None);
            }
            Err(unusable("is neither one of this node nor in --gateway-addresses; use one of those, or leave addresses out"))
        }
        "Hostname" if value.is_empty() => this(None, None),
        // Of names only those are known to lead here that need nobody to be asked.
        "Hostname" if **value == *settings.node || (**value == *"localhost" && settings.http.ip().is_loopback()) => {
            this(Some(settings.http.ip()), Some(Arc::clone(value)))
        }
        "Hostname" => Err(Refusal::new("AddressNotUsable", format!("host name {value} is not known to lead to this node; name an IP address"))),
        kind => Err(Refusal::new("UnsupportedAddress", format!("addresses of type {kind} are not supported; use IPAddress"))),
    }
}

/// Takes back wishes for addresses that other Gateways were given and keep: those who serve there are not moved (gateway spec G40).
fn refuse_taken(planned: &mut Planned, wishes: &mut Vec<Wish>, kept: &BTreeSet<IpAddr>) {
    wishes.retain(|wish| {
        let Some(address) = wish.address.filter(|address| kept.contains(address)) else { return true };
        let message = format!("address {address} was given to another Gateway; use a free one of --gateway-addresses, or leave addresses out");
        planned.unassigned.push(message.clone());
        planned.unusable = planned.unusable.take().or(Some(Refusal::new("AddressNotUsable", message)));
        false
    });
}

/// Turns wishes into addresses.
fn give(planned: &mut Planned, wishes: Vec<Wish>, mut kept: impl Iterator<Item = IpAddr>, pool: &mut Pool<'_>, settings: &Settings) {
    for wish in wishes {
        let any = || match pool.ranges.is_empty() {
            true => Some(settings.http.ip()).filter(|ip| !planned.addresses.contains(ip)),
            false => kept.next().or_else(|| pool.next()),
        };
        let Some(address) = wish.address.or_else(any) else {
            let why =
                if pool.ranges.is_empty() { "without --gateway-addresses there is only one" } else { "--gateway-addresses has no free one left" };
            planned.unassigned.push(format!("no address could be assigned: {why}"));
            continue;
        };
        let shown = |kind, value| AssignedAddress { kind, value, routability: Arc::clone(&wish.routability) };
        match wish.name {
            Some(name) => planned.shown.push(shown("Hostname", name)),
            // Who asks for addresses gets one for each wish, and who does not all that there are.
            None => {
                let most = if planned.gateway.spec.addresses.is_empty() { usize::MAX } else { 1 };
                planned.shown.extend(reached(address, settings).into_iter().take(most).map(|text| shown("IPAddress", text)));
            }
        }
        planned.addresses.push(address);
    }
    planned.addresses.sort();
    planned.addresses.dedup();
    let mut seen = BTreeSet::new();
    planned.shown.retain(|one| seen.insert(one.clone()));
}

/// What clients connect to: the address, or the node's when it is bound on all.
fn reached(address: IpAddr, settings: &Settings) -> Vec<Arc<str>> {
    if !address.is_unspecified() {
        return vec![address.to_string().into()];
    }
    let same_family = settings.node_addresses.iter().filter(|one| one.is_ipv4() || address.is_ipv6());
    same_family.map(|one| one.to_string().into()).collect()
}

/// The addresses that Gateways are given from.
struct Pool<'a> {
    ranges: &'a [(IpAddr, IpAddr)],
    taken: BTreeSet<IpAddr>,
}

impl Pool<'_> {
    /// What a Gateway's status says that it has, as far as it still wants it and nobody else has it.
    fn keep(&mut self, planned: &Planned, wishes: &[Wish]) -> Vec<IpAddr> {
        let wanted = wishes.iter().filter(|wish| wish.address.is_none()).count();
        let known = planned.gateway.status.addresses.iter().filter_map(|one| one.value.parse().ok());
        let is_given = |address: &IpAddr| wishes.iter().all(|wish| wish.address != Some(*address));
        known.filter(is_given).filter(|address| in_ranges(self.ranges, *address) && self.taken.insert(*address)).take(wanted).collect()
    }

    /// The first address that is free.
    fn next(&mut self) -> Option<IpAddr> {
        let mut at = self.ranges.iter().flat_map(|(first, last)| successors(*first, *last));
        let free = at.find(|address| !self.taken.contains(address))?;
        self.taken.insert(free);
        Some(free)
    }
}

fn in_ranges(ranges: &[(IpAddr, IpAddr)], address: IpAddr) -> bool {
    ranges.iter().any(|(first, last)| first.is_ipv4() == address.is_ipv4() && (first..=last).contains(&&address))
}

/// From one address to another of its family, both included.
fn successors(first: IpAddr, last: IpAddr) -> impl Iterator<Item = IpAddr> {
    let bits = |address| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    (bits(first)..=bits(last)).map(move |bits| match first {
        IpAddr::V4(_) => IpAddr::V4((bits as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(bits.into()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{upsert, world_with};
    use crate::{Compiled, Settings};

    fn gateway(name: &str, created: u32, addresses: Value) -> Value {
        json!({"kind": "Gateway", "metadata": {"name": name, "namespace": "n", "uid": name, "creationTimestamp": format!("2024-01-01T00:00:{created:02}Z")},
               "spec": {"gatewayClassName": "fairlead", "addresses": addresses, "listeners": [{"name": "web", "port": 80, "protocol": "HTTP"}]}})
    }

    fn class() -> Value {
        json!({"kind": "GatewayClass", "metadata": {"name": "fairlead"}, "spec": {"controllerName": "fairlead.dev/gateway"}})
    }

    fn settings() -> Settings {
        Settings { gateway_addresses: vec![([127, 64, 0, 1].into(), [127, 64, 0, 3].into())], ..Settings::loopback("here") }
    }

    /// `address,... Programmed AddressesAssigned` of a Gateway.
    fn said(compiled: &Compiled, name: &str) -> String {
        let decided = compiled.decided.iter().find(|one| one.kind == "Gateway" && *one.name == *name).expect("decided");
        let api::DecidedStatus::Gateway { addresses, conditions, .. } = &decided.body else { panic!("a gateway's status") };
        let addresses: Vec<String> = addresses.iter().map(|one| format!("{}{}", one.value, one.routability)).collect();
        let reason = |kind: &str| conditions.iter().find(|one| one.kind == kind).map_or("absent", |one| one.reason);
        format!("{} {} {}", addresses.join(","), reason("Programmed"), reason("AddressesAssigned"))
    }

    #[test]
    fn each_gateway_gets_its_own_address_and_keeps_it() {
        let (mut world, first) = world_with(settings(), &[class(), gateway("a", 1, json!([])), gateway("b", 2, json!([]))]);
        assert_eq!(said(&first, "a"), "127.64.0.1 Programmed AddressesAssigned");
        assert_eq!(said(&first, "b"), "127.64.0.2 Programmed AddressesAssigned");
        let mut b = gateway("b", 2, json!([]));
        b["status"] = json!({"addresses": [{"type": "IPAddress", "value": "127.64.0.2"}]});
        world.apply(upsert(b));
        world.apply(crate::testing::delete(crate::Kind::Gateway, "n", "a"));
        world.apply(upsert(gateway("c", 3, json!([]))));
        let second = world.compile(2);
        assert!(second.decided.iter().all(|one| *one.name != *"b"), "what it had is kept: {:?}", second.decided);
        assert_eq!(said(&second, "c"), "127.64.0.1 Programmed AddressesAssigned");
    }

    #[test]
    fn addresses_that_are_asked_for_are_left_to_who_asks() {
        let asked = json!([{"type": "IPAddress", "value": "127.64.0.1"}, {"type": "IPAddress"}]);
        let (_, done) = world_with(settings(), &[class(), gateway("a", 1, json!([])), gateway("b", 2, asked)]);
        assert_eq!(said(&done, "a"), "127.64.0.2 Programmed AddressesAssigned");
        assert_eq!(said(&done, "b"), "127.64.0.1,127.64.0.3 Programmed AddressesAssigned");
    }

    #[test]
    fn nobody_takes_the_address_that_another_gateway_was_given() {
        let asked = json!([{"type": "IPAddress", "value": "127.64.0.1"}]);
        for age in [0, 9] {
            let mut a = gateway("a", 1, json!([]));
            a["status"] = json!({"addresses": [{"type": "IPAddress", "value": "127.64.0.1"}]});
            let (_, done) = world_with(settings(), &[class(), a, gateway("b", age, asked.clone())]);
            assert_eq!(said(&done, "a"), "127.64.0.1 Programmed AddressesAssigned");
            assert_eq!(said(&done, "b"), " AddressNotUsable NotAssigned");
        }
        // Its own it may ask for by name, and beside that keep what it was given.
        let mut a = gateway("a", 1, json!([{"type": "IPAddress", "value": "127.64.0.1"}, {"type": "IPAddress"}]));
        a["status"] = json!({"addresses": [{"type": "IPAddress", "value": "127.64.0.1"}, {"type": "IPAddress", "value": "127.64.0.3"}]});
        let (_, done) = world_with(settings(), &[class(), a]);
        assert_eq!(said(&done, "a"), "127.64.0.1,127.64.0.3 Programmed AddressesAssigned");
    }

    #[test]
    fn what_cannot_be_assigned_is_named_and_the_rest_is_served() {
        let three = json!([{}, {"routability": "Cluster"}]);
        let (_, done) =
            world_with(settings(), &[class(), gateway("a", 1, json!([{}, {}, {}])), gateway("b", 2, three.clone()), gateway("c", 0, three)]);
        assert_eq!(said(&done, "c"), "127.64.0.1 Programmed PartiallyAssigned");
        assert_eq!(said(&done, "a"), "127.64.0.2,127.64.0.3 Programmed PartiallyAssigned");
        assert_eq!(said(&done, "b"), " AddressNotAssigned NotAssigned");
        let (_, shared) = world_with(Settings::loopback("here"), &[class(), gateway("a", 1, json!([{"type": "IPAddress", "value": "192.0.2.1"}]))]);
        assert_eq!(said(&shared, "a"), " AddressNotUsable NotAssigned");
        let sentinel = json!([{"routability": "testing.x-k8s.io/sentinel"}, {"routability": "testing.x-k8s.io/other"}, {"routability": ""}]);
        let (_, scoped) = world_with(settings(), &[class(), gateway("a", 1, sentinel)]);
        assert_eq!(said(&scoped, "a"), "127.64.0.1testing.x-k8s.io/sentinel,127.64.0.2 Programmed PartiallyAssigned");
        let (_, named) = world_with(Settings::loopback("here"), &[class(), gateway("a", 1, json!([{"type": "Hostname", "value": "localhost"}]))]);
        assert_eq!(said(&named, "a"), "localhost Programmed AddressesAssigned");
    }
}
