//! The way back: which names an address has (dns spec R5, R9, B5).
//!
//! There is an entry for every endpoint, so that names are kept as what they are made of: the owner, which endpoints share, and a label that
//! mostly follows from the address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::OrdMap;

use super::Block;
use crate::name::Dashed;
use crate::wire::LONGEST_NAME;

/// All names of all addresses.
pub(crate) type Register = OrdMap<IpAddr, Pointers>;

/// The names of one address: mostly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pointers {
    One(Given),
    /// In order.
    Many(Arc<[Given]>),
}

/// A name that an owner gives an address. The service's own address comes before endpoints, and the first one is alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Given {
    label: Label,
    owner: Arc<Named>,
}

/// What stands before the owner's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// Nothing: it is the service's own address.
    Own,
    /// The dashed form of the address.
    Dashed,
    /// A host label of the endpoint's own.
    Host(Arc<[u8]>),
}

/// What the names of one owner have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    /// `S.N` in wire form, lower case, without root.
    name: Box<[u8]>,
    ttl_s: u32,
}

impl Given {
    /// Calls `with` with the pieces of the name before `svc.` and the zone, in wire form.
    fn with_pieces<T>(&self, address: IpAddr, with: impl FnOnce([&[u8]; 3]) -> T) -> T {
        let dashed;
        let label = match &self.label {
            Label::Own => return with([&[], &[], &self.owner.name]),
            Label::Dashed => {
                dashed = Dashed::of(address);
                dashed.label()
            }
            Label::Host(label) => label,
        };
        with([&[u8::try_from(label.len()).unwrap_or(u8::MAX)], label, &self.owner.name])
    }
}

impl Pointers {
    fn all(&self) -> &[Given] {
        match self {
            Pointers::One(given) => std::slice::from_ref(given),
            Pointers::Many(all) => all,
        }
    }

    fn of(mut names: Vec<Given>) -> Option<Self> {
        match names.len() {
            0 | 1 => names.pop().map(Pointers::One),
            _ => Some(Pointers::Many(names.into())),
        }
    }

    /// Those that are told: the service's own name alone, else all.
    fn told(&self) -> &[Given] {
        let all = self.all();
        if all.first().is_some_and(|first| first.label == Label::Own) { &all[..1] } else { all }
    }

    /// TTL in seconds: the shortest of their owners'.
    pub fn ttl_s(&self) -> u32 {
        self.told().iter().map(|given| given.owner.ttl_s).min().unwrap_or(0)
    }

    /// Calls `each` with the pieces of every name, in wire form with root; `suffix` is `svc.` and the zone.
    pub fn each(&self, address: IpAddr, suffix: &[u8], mut each: impl FnMut(&[&[u8]])) {
        for given in self.told() {
            given.with_pieces(address, |[length, label, name]| each(&[length, label, name, suffix]));
        }
    }
}

/// An owner became another one. `suffix` is `svc.` and the zone.
pub(super) fn replace(old: Option<&Block>, new: Option<&Block>, suffix: &[u8], register: &mut Register) {
    let (gone, came) = (given(old, suffix), given(new, suffix));
    let mut touched: BTreeMap<IpAddr, Vec<Given>> = BTreeMap::new();
    let known = |register: &Register, address| register.get(address).map(|names| names.all().to_vec()).unwrap_or_default();
    for (address, name) in gone.difference(&came) {
        touched.entry(*address).or_insert_with(|| known(register, address)).retain(|known| known != name);
    }
    for (address, name) in came.difference(&gone) {
        let names = touched.entry(*address).or_insert_with(|| known(register, address));
        if let Err(place) = names.binary_search(name) {
            names.insert(place, name.clone());
        }
    }
    for (address, names) in touched {
        match Pointers::of(names) {
            Some(pointers) => drop(register.insert(address, pointers)),
            None => drop(register.remove(&address)),
        }
    }
}

/// What an owner names. Names that are too long for DNS are left out.
fn given(block: Option<&Block>, suffix: &[u8]) -> BTreeSet<(IpAddr, Given)> {
    let mut found = BTreeSet::new();
    let Some(block) = block else { return found };
    let owner = Arc::new(Named { name: block.name.as_slice().into(), ttl_s: block.ttl_s });
    let mut add = |address: IpAddr, label: Label| {
        let given = Given { label, owner: Arc::clone(&owner) };
        if given.with_pieces(address, |pieces| pieces.iter().map(|piece| piece.len()).sum::<usize>()) + suffix.len() <= LONGEST_NAME {
            found.insert((address, given));
        }
    };
    block.own_addresses(|address| add(address, Label::Own));
    for host in &block.hosts {
        let own = host.label().map(|label| Label::Host(Arc::from(label)));
        for &address in host.addresses() {
            // A label that reads as the dashed form is the same name.
            let is_dashed = host.label().is_none_or(|label| label == Dashed::of(address).label());
            add(address, own.clone().filter(|_| !is_dashed).unwrap_or(Label::Dashed));
        }
    }
    found
}
