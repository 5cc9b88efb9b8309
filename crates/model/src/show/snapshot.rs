//! `fairlead show snapshot`: the size of what is in force and how far each plane has come.

use super::{Cell, Table};
use crate::ack::Applied;
use crate::snapshot::Snapshot;

/// One row a part.
pub fn snapshot(snapshot: &Snapshot, applied: &[Applied]) -> Table {
    let mut table = Table::new(&["PART", "COUNT", "DETAIL"]);
    let mut part = |name: &str, count: usize, detail: Cell| table.push(vec![name.into(), Cell::Count(count as u64), detail]);
    part("services", snapshot.services.len(), Cell::None);
    part("pools", snapshot.pools.len(), Cell::None);
    part("endpoints", snapshot.services.values().map(|service| service.endpoints.len()).sum(), Cell::None);
    part("frontends", snapshot.frontends.len(), Cell::None);
    part("listeners", snapshot.entrances.ports.values().map(|entrance| entrance.listeners.len()).sum(), Cell::None);
    part("names", snapshot.names.owners.len(), format!("zone {}", snapshot.names.zone).into());
    part("probes", snapshot.probes.len(), Cell::None);
    for plane in applied {
        let late = snapshot.generation.saturating_sub(plane.generation);
        let state = if late == 0 { "applied".to_owned() } else { format!("{late} generations behind") };
        part(
            &format!("plane {}", plane.plane),
            plane.problems.len(),
            format!("{state}, generation {}, COUNT is what it left out", plane.generation).into(),
        );
    }
    if !snapshot.complete {
        part("complete", 0, "no: a source has not delivered its first list".into());
    }
    table
}
