//! The way back: which names an address has (dns spec R5, R9, B5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::OrdMap;

use super::Block;

/// The names of one address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pointers {
    /// In wire form with root, lower case.
    pub names: Box<[Box<[u8]>]>,
    /// TTL in seconds: the shortest of their owners'.
    pub ttl_s: u32,
}

/// A name that an owner gives an address. The service's own address comes before endpoints, and the first one is alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Given {
    by_endpoint: bool,
    name: Box<[u8]>,
    ttl_s: u32,
}

/// All given names, kept by the writer.
#[derive(Default)]
pub(super) struct Register {
    /// In order; mostly one, which is why it is no tree.
    given: BTreeMap<IpAddr, Vec<Given>>,
}

impl Register {
    /// An owner became another one. `suffix` is `svc.` and the zone.
    pub fn replace(&mut self, old: Option<&Block>, new: Option<&Block>, suffix: &[u8], table: &mut OrdMap<IpAddr, Arc<Pointers>>) {
        let (gone, came) = (given(old, suffix), given(new, suffix));
        let mut touched = BTreeSet::new();
        for (address, name) in gone.difference(&came) {
            if let Some(names) = self.given.get_mut(address) {
                names.retain(|known| known != name);
            }
            touched.insert(*address);
        }
        for (address, name) in came.difference(&gone) {
            let names = self.given.entry(*address).or_default();
            if let Err(place) = names.binary_search(name) {
                names.reserve_exact(1);
                names.insert(place, name.clone());
            }
            touched.insert(*address);
        }
        for address in touched {
            match self.given.get(&address).and_then(|names| pointers(names)) {
                Some(pointers) => drop(table.insert(address, Arc::new(pointers))),
                None => {
                    self.given.remove(&address);
                    table.remove(&address);
                }
            }
        }
    }
}

fn given(block: Option<&Block>, suffix: &[u8]) -> BTreeSet<(IpAddr, Given)> {
    let mut found = BTreeSet::new();
    let Some(block) = block else { return found };
    block.pointers(|address, label| {
        let length = label.map(|label| [u8::try_from(label.len()).unwrap_or(u8::MAX)]);
        let name = [length.as_ref().map_or(&[][..], |length| length), label.unwrap_or_default(), &block.name, suffix].concat();
        if name.len() <= crate::wire::LONGEST_NAME {
            found.insert((address, Given { by_endpoint: label.is_some(), name: name.into(), ttl_s: block.ttl_s }));
        }
    });
    found
}

fn pointers(names: &[Given]) -> Option<Pointers> {
    let first = names.first()?;
    let alone = usize::from(!first.by_endpoint);
    let chosen: Vec<&Given> = if alone == 1 { vec![first] } else { names.iter().collect() };
    let ttl_s = chosen.iter().map(|given| given.ttl_s).min().unwrap_or(0);
    Some(Pointers { names: chosen.into_iter().map(|given| given.name.clone()).collect(), ttl_s })
}
