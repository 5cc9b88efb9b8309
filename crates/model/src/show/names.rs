//! `fairlead show names`: the service names that DNS answers and what they stand for.

use super::{Cell, Filter, Table};
use crate::names::{Names, Owner, Shape};
use crate::snapshot::Snapshot;

const COLUMNS: &[&str] = &["NAMESPACE", "SERVICE", "NAME", "SHAPE", "ANSWERS", "PORTS", "WHY"];

/// The names of the services that the filter admits.
pub fn names(snapshot: &Snapshot, filter: Filter<'_>) -> Table {
    let mut table = Table::new(COLUMNS);
    for ((namespace, name), owner) in &snapshot.names.owners {
        if filter.admits(namespace, name) {
            table.push(row(&snapshot.names, owner));
        }
    }
    table
}

fn row(names: &Names, owner: &Owner) -> Vec<Cell> {
    let (namespace, name) = &owner.key;
    let (shape, answers, why) = match &owner.shape {
        Shape::Addresses(addresses) if addresses.is_empty() => ("addresses", String::new(), Some("no address is allocated yet")),
        Shape::Addresses(addresses) => ("addresses", addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), None),
        Shape::Headless => {
            let addresses = owner.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect::<Vec<_>>().join(" ");
            let why = addresses.is_empty().then_some("no endpoint is ready: the name does not exist");
            ("headless", addresses, why)
        }
        Shape::Alias(target) => ("alias", target.to_string(), None),
        Shape::Refused => {
            ("refused", String::new(), Some("externalName is an IP literal: write a name, or make a Service without selector and an EndpointSlice"))
        }
    };
    let port = |port: &crate::names::NamedPort| {
        if port.name.is_empty() {
            port.port.to_string()
        } else {
            format!("_{}._{}:{}", port.name, port.transport.as_str().to_ascii_lowercase(), port.port)
        }
    };
    vec![
        (&**namespace).into(),
        (&**name).into(),
        format!("{name}.{namespace}.svc.{}", names.zone).into(),
        shape.into(),
        answers.into(),
        owner.ports.iter().map(port).collect::<Vec<_>>().join(" ").into(),
        why.into(),
    ]
}
