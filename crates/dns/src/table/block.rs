//! What is answered for one owner, prepared so that serving is copying.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::Transport;
use model::names::{NamedEndpoint, NamedPort, Owner, Shape};
use smallvec::SmallVec;

use crate::name::{Dashed, encode, undash};
use crate::wire::{IN, QUESTION_NAME, kind};

/// [`Srv::host`] of a record whose target is the service's own name.
pub(crate) const SERVICE: u32 = u32::MAX;
/// Weight of the SRV records of one name together (dns spec R3).
const SRV_WEIGHT: usize = 100;

/// An A record as it stands in a reply, its owner pointing at the question.
pub(crate) type ReadyA = [u8; 16];
/// An AAAA record likewise.
pub(crate) type ReadyAaaa = [u8; 28];

/// The answers of one owner. What nearly every query reads lies in the block itself: each place elsewhere is one more that is not in the
/// processor's cache.
pub(crate) struct Block {
    /// `S.N` in wire form, folded, without root.
    pub name: SmallVec<[u8; 32]>,
    /// False: every name here is denied (a headless service without ready endpoints, a refused alias).
    pub exists: bool,
    /// It stands for its endpoints, not for addresses of its own.
    headless: bool,
    /// The target of an alias, in wire form.
    pub alias: Option<Box<[u8]>>,
    /// TTL in seconds.
    pub ttl_s: u32,
    pub a: SmallVec<[ReadyA; 1]>,
    pub aaaa: Box<[ReadyAaaa]>,
    /// Running sums of the weights of `a`, where weights differ.
    pub a_weights: Option<Box<[u64]>>,
    /// Likewise of `aaaa`.
    pub aaaa_weights: Option<Box<[u64]>>,
    /// SRV records of the bare name.
    pub all: Box<[Srv]>,
    /// Named ports.
    pub ports: Box<[Port]>,
    /// SRV records of the hosts, in their order.
    of_hosts: Box<[Srv]>,
    /// Hosts with a label of their own by label, then those by address.
    pub hosts: Box<[Host]>,
    /// How many hosts have a label of their own.
    labelled: usize,
}

/// SRV records of one named port.
pub(crate) struct Port {
    /// Without underscore.
    pub label: Box<[u8]>,
    pub transport: Transport,
    pub srv: Box<[Srv]>,
}

/// An SRV record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Srv {
    /// Index of the host, or [`SERVICE`].
    pub host: u32,
    pub port: u16,
    pub weight: u16,
}

/// Weights of endpoints by (host, port).
type Weighted = BTreeMap<(u32, u16), u32>;

/// A name below the owner. There is one for every endpoint, and nearly all are named by their address.
pub(crate) enum Host {
    /// Its label is the dashed form of its address.
    Dashed(IpAddr),
    /// It has a label of its own.
    Labelled(Box<Labelled>),
}

/// A host with a label of its own.
pub(crate) struct Labelled {
    label: Box<[u8]>,
    addresses: Box<[IpAddr]>,
}

impl Host {
    pub fn addresses(&self) -> &[IpAddr] {
        match self {
            Host::Dashed(address) => std::slice::from_ref(address),
            Host::Labelled(own) => &own.addresses,
        }
    }

    /// The label of its own.
    pub fn label(&self) -> Option<&[u8]> {
        match self {
            Host::Dashed(_) => None,
            Host::Labelled(own) => Some(&own.label),
        }
    }

    /// Calls `with` with the label.
    pub fn with_label<T>(&self, with: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Host::Dashed(address) => with(Dashed::of(*address).label()),
            Host::Labelled(own) => with(&own.label),
        }
    }
}

impl Block {
    /// Prepares the answers of an owner. `ttl_s` counts where it sets none.
    pub fn build(owner: &Owner, ttl_s: u32) -> Self {
        let mut block = Self {
            name: wire_name(owner),
            exists: true,
            headless: matches!(owner.shape, Shape::Headless),
            alias: None,
            ttl_s: owner.ttl_s.unwrap_or(ttl_s).min(3600),
            a: SmallVec::new(),
            aaaa: Box::default(),
            a_weights: None,
            aaaa_weights: None,
            all: Box::default(),
            ports: Box::default(),
            of_hosts: Box::default(),
            hosts: Box::default(),
            labelled: 0,
        };
        match &owner.shape {
            Shape::Addresses(addresses) => {
                block.set_addresses(addresses.iter().map(|&address| (address, 100)));
                block.set_service_ports(&owner.ports);
                block.set_hosts(&owner.endpoints);
                block.set_ports_of_hosts(&owner.endpoints);
            }
            Shape::Headless => {
                block.exists = !owner.endpoints.is_empty();
                block.set_addresses(owner.endpoints.iter().map(|endpoint| (endpoint.address, endpoint.weight)));
                block.set_hosts(&owner.endpoints);
                block.set_endpoint_ports(&owner.endpoints);
                block.set_ports_of_hosts(&owner.endpoints);
            }
            Shape::Alias(target) => {
                block.alias = encode(target).map(Vec::into_boxed_slice);
                block.exists = block.alias.is_some();
            }
            Shape::Refused => block.exists = false,
        }
        block
    }

    fn set_addresses(&mut self, all: impl Iterator<Item = (IpAddr, u32)>) {
        let all: BTreeMap<IpAddr, u32> = all.collect();
        let [mut weights_a, mut weights_aaaa] = [Vec::new(), Vec::new()];
        let (mut a, mut aaaa) = (SmallVec::new(), Vec::new());
        for (&address, &weight) in &all {
            match address {
                IpAddr::V4(address) => {
                    a.push(ready(kind::A, self.ttl_s, &address.octets()));
                    weights_a.push(weight);
                }
                IpAddr::V6(address) => {
                    aaaa.push(ready(kind::AAAA, self.ttl_s, &address.octets()));
                    weights_aaaa.push(weight);
                }
            }
        }
        (self.a, self.aaaa) = (a, aaaa.into());
        (self.a_weights, self.aaaa_weights) = (running(&weights_a), running(&weights_aaaa));
    }

    /// SRV records of a service with addresses: one a port, at the service's own name (R3, B4).
    fn set_service_ports(&mut self, ports: &[NamedPort]) {
        let weight = share(ports.len());
        // The same number for two transports is the same record.
        let numbers: BTreeSet<u16> = ports.iter().map(|port| port.port).collect();
        self.all = numbers.into_iter().map(|port| Srv { host: SERVICE, port, weight }).collect();
        let named = ports.iter().filter(|port| !port.name.is_empty());
        self.ports = named
            .map(|port| Port {
                label: port.name.as_bytes().into(),
                transport: port.transport,
                srv: [Srv { host: SERVICE, port: port.port, weight: share(1) }].into(),
            })
            .collect();
    }

    fn set_hosts(&mut self, endpoints: &[NamedEndpoint]) {
        let mut labelled: BTreeMap<&Arc<str>, BTreeSet<IpAddr>> = BTreeMap::new();
        let mut dashed: BTreeSet<IpAddr> = BTreeSet::new();
        for endpoint in endpoints {
            match &endpoint.hostname {
                Some(label) => drop(labelled.entry(label).or_default().insert(endpoint.address)),
                None => drop(dashed.insert(endpoint.address)),
            }
        }
        self.labelled = labelled.len();
        let own = labelled.into_iter().map(|(label, addresses)| {
            Host::Labelled(Box::new(Labelled { label: label.as_bytes().into(), addresses: addresses.into_iter().collect() }))
        });
        self.hosts = own.chain(dashed.into_iter().map(Host::Dashed)).collect();
    }

    /// SRV records of a headless service: ready endpoints by ports, numbers as the endpoints say (R8).
    fn set_endpoint_ports(&mut self, endpoints: &[NamedEndpoint]) {
        let mut all = Weighted::new();
        let mut named: BTreeMap<(&str, Transport), Weighted> = BTreeMap::new();
        for endpoint in endpoints {
            let Some(host) = self.index_of(endpoint) else { continue };
            for port in endpoint.ports.iter() {
                all.insert((host, port.port), endpoint.weight);
                if !port.name.is_empty() {
                    named.entry((&*port.name, port.transport)).or_default().insert((host, port.port), endpoint.weight);
                }
            }
        }
        self.all = records(&all);
        self.ports =
            named.into_iter().map(|((label, transport), found)| Port { label: label.as_bytes().into(), transport, srv: records(&found) }).collect();
    }

    /// SRV records at the names of hosts: the ports of each, which share its weight.
    fn set_ports_of_hosts(&mut self, endpoints: &[NamedEndpoint]) {
        let mut by_host: BTreeMap<u32, BTreeSet<u16>> = BTreeMap::new();
        for endpoint in endpoints {
            if let Some(host) = self.index_of(endpoint) {
                by_host.entry(host).or_default().extend(endpoint.ports.iter().map(|port| port.port));
            }
        }
        let records = |(host, ports): (u32, BTreeSet<u16>)| {
            let weight = share(ports.len());
            ports.into_iter().map(move |port| Srv { host, port, weight })
        };
        self.of_hosts = by_host.into_iter().flat_map(records).collect();
    }

    /// SRV records at the name of a host.
    pub fn ports_of(&self, host: usize) -> &[Srv] {
        let first = self.of_hosts.partition_point(|srv| (srv.host as usize) < host);
        let count = self.of_hosts[first..].partition_point(|srv| srv.host as usize == host);
        &self.of_hosts[first..first + count]
    }

    fn index_of(&self, endpoint: &NamedEndpoint) -> Option<u32> {
        let index = match &endpoint.hostname {
            Some(label) => self.find_label(label.as_bytes())?,
            None => self.find_address(endpoint.address)?,
        };
        u32::try_from(index).ok()
    }

    fn find_label(&self, label: &[u8]) -> Option<usize> {
        self.hosts[..self.labelled].binary_search_by(|host| host.label().unwrap_or_default().cmp(label)).ok()
    }

    fn find_address(&self, address: IpAddr) -> Option<usize> {
        let found = self.hosts[self.labelled..].binary_search_by(|host| host.addresses()[0].cmp(&address)).ok()?;
        Some(self.labelled + found)
    }

    /// The index of the host with a label.
    pub fn host(&self, label: &[u8]) -> Option<usize> {
        self.find_label(label).or_else(|| {
            let address = undash(label)?;
            // One spelling only: the one that records are written with.
            self.find_address(address).filter(|_| Dashed::of(address).label() == label)
        })
    }

    /// The port of two labels without their underscores.
    pub fn port(&self, label: &[u8], transport: Transport) -> Option<&Port> {
        self.ports.iter().find(|port| *port.label == *label && port.transport == transport)
    }

    /// The service's own addresses; a headless one has none.
    pub fn own_addresses(&self, mut each: impl FnMut(IpAddr)) {
        if !self.headless {
            self.a.iter().for_each(|[.., a, b, c, d]| each(IpAddr::from([*a, *b, *c, *d])));
            self.aaaa.iter().filter_map(|record| record.last_chunk::<16>()).for_each(|octets| each(IpAddr::from(*octets)));
        }
    }
}

/// `S.N` in wire form. Labels are at most 63 octets, as the API server holds.
fn wire_name(owner: &Owner) -> SmallVec<[u8; 32]> {
    let (namespace, name) = &owner.key;
    let label = |text: &str| [&[u8::try_from(text.len()).unwrap_or(u8::MAX)], text.as_bytes()].concat();
    SmallVec::from_slice(&[label(name), label(namespace)].concat())
}

/// A record whose owner points at the question, ready to be copied.
fn ready<const N: usize>(kind: u16, ttl_s: u32, data: &[u8]) -> [u8; N] {
    let mut record = [0; N];
    let length = u16::try_from(data.len()).unwrap_or(0);
    let head = [&QUESTION_NAME.to_be_bytes()[..], &kind.to_be_bytes(), &IN.to_be_bytes(), &ttl_s.to_be_bytes(), &length.to_be_bytes(), data];
    for (octet, from) in record.iter_mut().zip(head.iter().flat_map(|part| part.iter())) {
        *octet = *from;
    }
    record
}

/// Running sums, where weights differ.
fn running(weights: &[u32]) -> Option<Box<[u64]>> {
    if weights.windows(2).all(|pair| pair[0] == pair[1]) {
        return None;
    }
    let mut sum = 0;
    Some(
        weights
            .iter()
            .map(|&weight| {
                sum += u64::from(weight);
                sum
            })
            .collect(),
    )
}

/// The weight of each of `count` records: they share 100, at least 1 each.
fn share(count: usize) -> u16 {
    u16::try_from((SRV_WEIGHT / count.max(1)).max(1)).unwrap_or(1)
}

/// Records of (host, port) with their endpoint's weight; equal ones share 100 (R8).
fn records(found: &Weighted) -> Box<[Srv]> {
    let mut weights = found.values();
    let first = weights.next();
    let equal = weights.all(|weight| Some(weight) == first);
    let weight = |own: u32| if equal { share(found.len()) } else { u16::try_from(own.clamp(1, 65_535)).unwrap_or(u16::MAX) };
    found.iter().map(|(&(host, port), &own)| Srv { host, port, weight: weight(own) }).collect()
}
