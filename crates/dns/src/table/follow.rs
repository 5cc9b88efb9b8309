//! The one writer: follows the snapshot in force and rebuilds what changed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use model::Snapshot;
use model::names::{Names, Owner};

use super::{Block, ByName, Shard, Table, Zone, reverse};
use crate::name::encode;

/// Brings a [`Table`] up to date, generation by generation.
pub(crate) struct Follower {
    table: Arc<Table>,
    names: Names,
    listens: Vec<IpAddr>,
    ttl_s: u32,
}

impl Follower {
    /// Follows into this table. `listens` are the plane's own addresses.
    pub fn new(table: Arc<Table>, listens: Vec<IpAddr>, ttl_s: u32) -> Self {
        Self { table, names: Names::default(), listens, ttl_s }
    }

    /// Puts a snapshot in force. Shards are swapped one after the other, the rest in one step at the end.
    pub fn apply(&mut self, snapshot: &Snapshot) {
        let mut zone = (**self.table.zone.load()).clone();
        if snapshot.names.zone != self.names.zone {
            zone.apex = encode(&snapshot.names.zone).unwrap_or_else(|| vec![0]).into();
            zone.services = [b"\x03svc", &*zone.apex].concat().into();
            // Names of addresses hold the zone: begin anew.
            self.forget(&mut zone);
        }
        self.owners(snapshot, &mut zone);
        zone.complete = snapshot.complete;
        zone.serial = snapshot.names.serial;
        zone.namespaces = snapshot.names.namespaces.clone();
        zone.pods = snapshot.names.pods.clone();
        zone.networks = snapshot.names.networks.clone();
        zone.servers = self.servers(snapshot);
        self.names = snapshot.names.clone();
        self.table.zone.store(Arc::new(zone));
    }

    fn forget(&mut self, zone: &mut Zone) {
        self.names = Names::default();
        zone.pointers.clear();
        for shard in &self.table.shards {
            shard.store(Arc::new(Shard::with_hasher(self.table.hasher.clone())));
        }
    }

    /// Rebuilds the blocks of owners that differ, and swaps each shard that holds one of them once.
    fn owners(&mut self, snapshot: &Snapshot, zone: &mut Zone) {
        let mut shards: BTreeMap<usize, Shard> = BTreeMap::new();
        let mut replace = |old: Option<&Owner>, new: Option<&Owner>| {
            let [old, new] = [old, new].map(|owner| owner.map(|owner| Arc::new(Block::build(owner, self.ttl_s))));
            reverse::replace(old.as_deref(), new.as_deref(), &zone.services, &mut zone.pointers);
            let Some(name) = old.as_ref().or(new.as_ref()).map(|block| &block.name) else { return };
            let index = self.table.index(name);
            let shard = shards.entry(index).or_insert_with(|| (**self.table.shards[index].load()).clone());
            match new {
                Some(block) => drop(shard.replace(ByName(block))),
                None => drop(shard.remove(&**name)),
            }
        };
        for item in self.names.owners.diff(&snapshot.names.owners) {
            match item {
                DiffItem::Add(_, new) => replace(None, Some(new)),
                DiffItem::Update { old: (_, old), new: (_, new) } => replace(Some(old), Some(new)),
                DiffItem::Remove(_, old) => replace(Some(old), None),
            }
        }
        for (index, shard) in shards {
            self.table.shards[index].store(Arc::new(shard));
        }
    }

    /// What `ns.dns.ZONE` is: where we listen, loopback too; the node's addresses where we listen on all.
    fn servers(&self, snapshot: &Snapshot) -> Vec<IpAddr> {
        let mut servers = Vec::new();
        for &address in &self.listens {
            if address.is_unspecified() {
                servers.extend(snapshot.node.addresses.iter().filter(|one| one.is_ipv4() == address.is_ipv4()));
            } else {
                servers.push(address);
            }
        }
        servers.sort_unstable();
        servers.dedup();
        servers
    }
}
