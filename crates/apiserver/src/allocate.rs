//! Addresses and node ports of Services: chosen inside the request, before the write, and given back when it fails.
//!
//! The generic write path calls [`Allocator::reserve`] for every create and update of a Service and holds the [`Reservation`] until
//! the fate of the write is known. Nothing is persisted: at start [`Allocator::seed`] reads what the stored Services use.
//! Semantics are kube-apiserver's (`pkg/registry/core/service/storage`), texts included.

mod bitmap;
mod carry;
mod families;
mod pools;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use crate::field::{FieldErrors, Path};
use crate::kinds::service::{is_headless, needs_health_check, wants_node_ports};
use crate::kinds::value::{list, number, object_at, text, texts};
use crate::syntax::address::{self, canonical, parse_ip_sloppy};
use families::{complete, family_of, is_settled};
use pools::{Addresses, Dice, Ports, Unavailable};

const SPEC: Path<'static> = Path::new("spec");
/// Passes of [`Allocator::repair`] that must find a number unused before it is taken back: a write may be under way.
const LEAK_PASSES: u8 = 3;

/// A network whose addresses Services get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// Its first address.
    pub network: IpAddr,
    /// Length of its prefix.
    pub bits: u8,
}

impl std::str::FromStr for Cidr {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let parsed = address::parse_cidr_sloppy(s).filter(|_| address::cidr_legacy(s).is_empty());
        let (network, bits) = parsed.ok_or_else(|| format!("service network {s:?} is not a CIDR such as 10.96.0.0/16"))?;
        Ok(Self { network, bits })
    }
}

/// Why a Service does not get what it needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// It asks for what it cannot have: 422.
    Fields(FieldErrors),
    /// Nothing is left, or two fields of it disagree: 500 with this text.
    Internal(String),
}

impl From<FieldErrors> for Refusal {
    fn from(errors: FieldErrors) -> Self {
        Self::Fields(errors)
    }
}

/// Something that one Service has and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    /// A cluster IP.
    Address(IpAddr),
    /// A node port, for every protocol of its Service.
    Port(i64),
}

/// Gives out addresses and node ports. Clones share one state.
#[derive(Clone, Debug)]
pub struct Allocator(Arc<Mutex<Pools>>);

#[derive(Debug)]
struct Pools {
    /// One network a family, the primary one first.
    networks: Vec<Addresses>,
    ports: Ports,
    dice: Dice,
    suspects: HashMap<Item, u8>,
}

impl Allocator {
    /// `cidrs` holds one network a family, the primary one first; `seed` spreads the choice.
    pub fn new(cidrs: &[Cidr], node_ports: RangeInclusive<u16>, seed: u64) -> Self {
        let networks = cidrs.iter().map(|c| Addresses::new(*c)).collect();
        Self(Arc::new(Mutex::new(Pools { networks, ports: Ports::new(node_ports), dice: Dice(seed), suspects: HashMap::new() })))
    }

    /// The address of the Service `kubernetes`: the first of the primary network. No other Service gets it.
    pub fn first_address(&self) -> Option<IpAddr> {
        self.0.lock().networks.first().map(|n| n.at(1))
    }

    /// Takes what stored Services use. Returns what two of them use, with the name of the later one: such a state is kept, and shown.
    pub fn seed<'a>(&self, services: impl Iterator<Item = &'a Value>) -> Vec<(Item, String)> {
        let (mut pools, mut twice) = (self.0.lock(), Vec::new());
        for service in services {
            for item in items(&service["spec"]) {
                if !pools.mark(item) {
                    twice.push((item, format!("{}/{}", text(&service["metadata"], "namespace"), text(&service["metadata"], "name"))));
                }
            }
        }
        twice
    }

    /// Completes a Service about to be written: carries over what the client left out, then families, addresses, node ports and the
    /// health check port. `old` is the stored object on an update. A dry run takes nothing and answers placeholders.
    pub fn reserve(&self, new: &mut Value, old: Option<&Value>, dry_run: bool) -> Result<Reservation, Refusal> {
        let owner_is_kubernetes = text(&new["metadata"], "name") == "kubernetes" && text(&new["metadata"], "namespace") == "default";
        let name = text(&new["metadata"], "name").to_owned();
        let old = old.map(|o| &o["spec"]);
        let spec = object_at(new, "spec");
        let mut reservation =
            Reservation { pools: self.0.clone(), taken: Vec::new(), leaving: Vec::new(), dry_run, placeholders: 0, owner_is_kubernetes };
        if let Some(old) = old {
            carry::allocated_values(spec, old);
        }
        carry::cluster_ips(spec, old);
        let known: Vec<&'static str> = self.0.lock().networks.iter().map(|n| family_of(n.network())).collect();
        complete(spec, old, &known)?;
        reservation.addresses(spec, old, &name)?;
        reservation.node_ports(spec, old)?;
        reservation.health_port(spec, old)?;
        Ok(reservation)
    }

    /// Gives back what a deleted Service used.
    pub fn release(&self, service: &Value) {
        let mut pools = self.0.lock();
        for item in items(&service["spec"]) {
            pools.give_back(item);
        }
    }

    /// Compares with what all stored Services use now: takes what is missing, and gives back what nobody used for three passes.
    pub fn repair<'a>(&self, services: impl Iterator<Item = &'a Value>) {
        let used: BTreeSet<Item> = services.flat_map(|s| items(&s["spec"])).collect();
        let mut pools = self.0.lock();
        for item in &used {
            pools.mark(*item);
        }
        pools.suspects.retain(|item, _| !used.contains(item));
        let unused: Vec<Item> = pools.given_out().filter(|i| !used.contains(i)).collect();
        for item in unused {
            let passes = pools.suspects.entry(item).or_insert(0);
            *passes += 1;
            if *passes >= LEAK_PASSES {
                pools.suspects.remove(&item);
                pools.give_back(item);
            }
        }
    }

    /// (addresses, node ports) given out now, for metrics.
    pub fn used(&self) -> (usize, usize) {
        let pools = self.0.lock();
        (pools.networks.iter().map(Addresses::used).sum(), pools.ports.used())
    }
}

/// Everything that a Service's spec holds of the pools.
pub fn items(spec: &Value) -> BTreeSet<Item> {
    let mut items = BTreeSet::new();
    if text(spec, "type") != "ExternalName" && !is_headless(spec) {
        items.extend(texts(spec, "clusterIPs").into_iter().filter_map(parse_ip_sloppy).map(Item::Address));
    }
    items.extend(list(spec, "ports").iter().map(|p| number(p, "nodePort")).filter(|p| *p != 0).map(Item::Port));
    if needs_health_check(spec) && number(spec, "healthCheckNodePort") != 0 {
        items.insert(Item::Port(number(spec, "healthCheckNodePort")));
    }
    items
}

impl Pools {
    /// Marks as used; false if it was. What lies outside the pools (of an older configuration) is nobody's and never twice.
    fn mark(&mut self, item: Item) -> bool {
        let taken = match item {
            Item::Address(ip) => self.networks.iter_mut().find(|n| n.contains(ip)).map_or(Ok(()), |n| n.take(ip)),
            Item::Port(port) => self.ports.take(port),
        };
        taken != Err(Unavailable::Taken)
    }

    fn given_out(&self) -> impl Iterator<Item = Item> + '_ {
        self.networks.iter().flat_map(Addresses::iter).map(Item::Address).chain(self.ports.iter().map(Item::Port))
    }

    fn give_back(&mut self, item: Item) {
        match item {
            Item::Address(ip) => self.networks.iter_mut().for_each(|n| n.give_back(ip)),
            Item::Port(port) => self.ports.give_back(port),
        }
    }
}

/// What one write took. Dropped without [`Reservation::commit`] it gives everything back, so hold it in the task that learns whether
/// the write happened, not in one that a client can end.
#[must_use = "dropping a reservation gives back what it took"]
#[derive(Debug)]
pub struct Reservation {
    pools: Arc<Mutex<Pools>>,
    taken: Vec<Item>,
    leaving: Vec<Item>,
    dry_run: bool,
    placeholders: i64,
    owner_is_kubernetes: bool,
}

impl Reservation {
    /// The object is stored: what it took stays, what it no longer uses is free.
    pub fn commit(mut self) {
        self.taken.clear();
        let leaving = std::mem::take(&mut self.leaving);
        if self.dry_run {
            return;
        }
        let mut pools = self.pools.lock();
        for item in leaving {
            pools.give_back(item);
        }
    }

    /// Nobody knows whether the object was stored: nothing is given back. [`Allocator::repair`] finds what leaked.
    pub fn keep(mut self) {
        self.taken.clear();
        self.leaving.clear();
    }

    fn addresses(&mut self, spec: &mut Value, old: Option<&Value>, name: &str) -> Result<(), Refusal> {
        if is_settled(spec, old) {
            return Ok(());
        }
        let external = |spec: &Value| text(spec, "type") == "ExternalName";
        match old {
            Some(old) if !external(old) => {
                if is_headless(old) {
                    return Ok(());
                }
                let (now, was) = (list(spec, "ipFamilies").len(), list(old, "ipFamilies").len());
                if external(spec) {
                    self.leave(texts(old, "clusterIPs"));
                } else if was == 1 && now == 2 {
                    return self.fill_addresses(spec, 1, name);
                } else if was == 2 && now == 1 {
                    self.leave(texts(old, "clusterIPs").into_iter().skip(1).collect());
                }
                Ok(())
            }
            _ if external(spec) || is_headless(spec) => Ok(()),
            _ => self.fill_addresses(spec, 0, name),
        }
    }

    fn leave(&mut self, ips: Vec<&str>) {
        self.leaving.extend(ips.into_iter().filter_map(parse_ip_sloppy).map(Item::Address));
    }

    /// Takes the addresses from `first` on: those that are named, and one of its family for each that is not.
    fn fill_addresses(&mut self, spec: &mut Value, first: usize, name: &str) -> Result<(), Refusal> {
        let families: Vec<String> = texts(spec, "ipFamilies").into_iter().map(str::to_owned).collect();
        let asked: Vec<String> = texts(spec, "clusterIPs").into_iter().map(str::to_owned).collect();
        let mut ips = asked.clone();
        ips.resize(families.len().max(ips.len()), String::new());
        for (index, family) in families.iter().enumerate().skip(first) {
            let shown = || {
                let mut shown = asked.clone();
                shown.resize(families.len(), String::new());
                shown
            };
            let asked = asked.get(index).cloned().unwrap_or_default();
            ips[index] = match parse_ip_sloppy(&asked) {
                None => canonical(self.any_address(family).map_err(|why| full(&why, name))?),
                Some(ip) => {
                    self.take_address(ip).map_err(|why| {
                        let at = SPEC.child("clusterIPs");
                        vec![at.invalid(shown(), format!("failed to allocate IP {asked}: {}", words(&why, "IP")))]
                    })?;
                    asked
                }
            };
        }
        if first == 0
            && let Some(ip) = ips.first()
        {
            spec["clusterIP"] = ip.as_str().into();
        }
        spec["clusterIPs"] = ips.into();
        Ok(())
    }

    fn take_address(&mut self, ip: IpAddr) -> Result<(), Unavailable> {
        let pools = self.pools.clone();
        let mut pools = pools.lock();
        let reserved = pools.networks.first().map(|n| n.at(1));
        let outside = || Unavailable::OutOfRange("the provided network does not match the current range".to_owned());
        let network = pools.networks.iter_mut().find(|n| n.contains(ip)).ok_or_else(outside)?;
        if reserved == Some(ip) && !self.owner_is_kubernetes {
            return Err(Unavailable::Taken);
        }
        if self.dry_run {
            return network.check(ip);
        }
        network.take(ip)?;
        self.taken.push(Item::Address(ip));
        Ok(())
    }

    fn any_address(&mut self, family: &str) -> Result<IpAddr, Unavailable> {
        let shared = self.pools.clone();
        let mut pools = shared.lock();
        let Pools { networks, dice, .. } = &mut *pools;
        let reserved = networks.first().map(|n| n.at(1));
        let network = networks.iter_mut().find(|n| family_of(n.network()) == family).ok_or(Unavailable::Full)?;
        if self.dry_run {
            return Ok(network.network());
        }
        let mut ip = network.take_any(dice)?;
        if reserved == Some(ip) && !self.owner_is_kubernetes {
            let second = network.take_any(dice);
            network.give_back(ip);
            ip = second?;
        }
        self.taken.push(Item::Address(ip));
        Ok(ip)
    }

    fn take_port(&mut self, port: i64) -> Result<(), Unavailable> {
        let shared = self.pools.clone();
        let mut pools = shared.lock();
        if self.dry_run {
            let _offset = pools.ports.check(port)?;
            if self.taken.contains(&Item::Port(port)) {
                return Err(Unavailable::Taken);
            }
        } else {
            pools.ports.take(port)?;
        }
        self.taken.push(Item::Port(port));
        Ok(())
    }

    fn any_port(&mut self) -> Result<i64, Unavailable> {
        let shared = self.pools.clone();
        let mut pools = shared.lock();
        if self.dry_run {
            self.placeholders += 1;
            return Ok(pools.ports.last() + self.placeholders);
        }
        let Pools { ports, dice, .. } = &mut *pools;
        let port = ports.take_any(dice)?;
        self.taken.push(Item::Port(port));
        Ok(port)
    }

    fn node_ports(&mut self, spec: &mut Value, old: Option<&Value>) -> Result<(), Refusal> {
        let before: BTreeSet<i64> = old.map(port_numbers).unwrap_or_default();
        if matches!(text(spec, "type"), "NodePort" | "LoadBalancer") {
            let unasked = wants_node_ports(spec);
            let mut ports = list(spec, "ports").to_vec();
            match old {
                None => self.new_ports(&mut ports, unasked)?,
                Some(_) => self.changed_ports(&mut ports, unasked, &before)?,
            }
            if !ports.is_empty() {
                spec["ports"] = ports.into();
            }
        }
        let after = if matches!(text(spec, "type"), "NodePort" | "LoadBalancer") { port_numbers(spec) } else { BTreeSet::new() };
        self.leaving.extend(before.difference(&after).map(|p| Item::Port(*p)));
        Ok(())
    }

    /// On create, ports with equal numbers (of two protocols) share one node port.
    fn new_ports(&mut self, ports: &mut [Value], unasked: bool) -> Result<(), Refusal> {
        let mut chosen: HashMap<i64, i64> = HashMap::new();
        for index in 0..ports.len() {
            let (own, asked) = (number(&ports[index], "port"), number(&ports[index], "nodePort"));
            if asked == 0 && !unasked {
                continue;
            }
            let node_port = match chosen.get(&own) {
                None => {
                    // A request for this number may come later in the list.
                    let wanted = ports.iter().find(|p| number(p, "port") == own && number(p, "nodePort") != 0).map(|p| number(p, "nodePort"));
                    let got = match wanted {
                        Some(port) => self.take_port(port).map(|()| port).map_err(|why| port_refusal(index, port, &why))?,
                        None => {
                            self.any_port().map_err(|why| Refusal::Internal(format!("failed to allocate a nodePort: {}", words(&why, "port"))))?
                        }
                    };
                    chosen.insert(own, got);
                    got
                }
                Some(got) if asked == 0 || asked == *got => *got,
                Some(_) => {
                    self.take_port(asked).map_err(|why| port_refusal(index, asked, &why))?;
                    asked
                }
            };
            ports[index]["nodePort"] = node_port.into();
        }
        Ok(())
    }

    fn changed_ports(&mut self, ports: &mut [Value], unasked: bool, before: &BTreeSet<i64>) -> Result<(), Refusal> {
        let (mut seen, mut asked_for) = (BTreeSet::new(), BTreeSet::new());
        for (index, port) in ports.iter_mut().enumerate() {
            let mut node_port = number(port, "nodePort");
            if node_port == 0 {
                if !unasked {
                    continue;
                }
                node_port = self.any_port().map_err(|why| Refusal::Internal(format!("failed to allocate a nodePort: {}", words(&why, "port"))))?;
                port["nodePort"] = node_port.into();
            } else if !before.contains(&node_port) && asked_for.insert(node_port) {
                self.take_port(node_port).map_err(|why| port_refusal(index, node_port, &why))?;
            }
            let protocol = text(port, "protocol").to_owned();
            if !seen.insert((protocol.clone(), node_port)) {
                return Err(Refusal::Internal(format!("duplicate nodePort: {{{protocol} {node_port}}}")));
            }
        }
        Ok(())
    }

    fn health_port(&mut self, spec: &mut Value, old: Option<&Value>) -> Result<(), Refusal> {
        let (needed, needs) = (old.is_some_and(needs_health_check), needs_health_check(spec));
        if needs && !needed {
            let asked = number(spec, "healthCheckNodePort");
            if asked == 0 {
                let port = self
                    .any_port()
                    .map_err(|why| Refusal::Internal(format!("failed to allocate a HealthCheck NodePort 0: {}", words(&why, "port"))))?;
                spec["healthCheckNodePort"] = port.into();
            } else {
                self.take_port(asked).map_err(|why| {
                    Refusal::Internal(format!("failed to allocate requested HealthCheck NodePort {asked}: {}", words(&why, "port")))
                })?;
            }
        }
        if let Some(old) = old
            && needed
            && !needs
        {
            self.leaving.push(Item::Port(number(old, "healthCheckNodePort")));
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.dry_run && !self.taken.is_empty() {
            let mut pools = self.pools.lock();
            for item in self.taken.drain(..) {
                pools.give_back(item);
            }
        }
    }
}

fn port_numbers(spec: &Value) -> BTreeSet<i64> {
    list(spec, "ports").iter().map(|p| number(p, "nodePort")).filter(|p| *p != 0).collect()
}

fn words(why: &Unavailable, what: &str) -> String {
    match why {
        Unavailable::Taken => format!("provided {what} is already allocated"),
        Unavailable::OutOfRange(text) => text.clone(),
        Unavailable::Full => "range is full".to_owned(),
    }
}

fn full(why: &Unavailable, name: &str) -> Refusal {
    Refusal::Internal(format!("failed to allocate a serviceIP for Service {}: {}", crate::field::quote(name), words(why, "IP")))
}

fn port_refusal(index: usize, port: i64, why: &Unavailable) -> Refusal {
    let ports = SPEC.child("ports");
    Refusal::Fields(vec![ports.index(index).child("nodePort").invalid(port, words(why, "port"))])
}
