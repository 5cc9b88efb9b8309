//! `fairlead show endpoints`: every endpoint of every service port, in or out, with its numbers (balance spec V12). What
//! is in flight now, never lifetime totals: those make a right choice look uneven.

use std::collections::HashSet;
use std::time::Duration;

use super::{Cell, Filter, Table};
use crate::endpoint::{Endpoint, Standing};
use crate::ident::Target;
use crate::policy::Policy;
use crate::service::Service;
use crate::snapshot::Snapshot;
use crate::vitals::{Fade, Now};

const COLUMNS: &[&str] = &[
    "NAMESPACE",
    "SERVICE",
    "ADDRESS",
    "TARGET",
    "NODE",
    "ZONE",
    "RING",
    "STATE",
    "WEIGHT",
    "SLOW-WEIGHT",
    "IN-FLIGHT",
    "CONNECTIONS",
    "LATENCY",
    "PENALTY",
    "OK-10S",
    "FAILED-10S",
    "CPU",
    "MEMORY",
    "REPORTED-IN-FLIGHT",
    "EJECTED-FOR",
    "WHY",
    "LAST-PROBE",
    "LIMIT",
    "AGENT-WEIGHT",
];

/// The endpoints of the services that the filter admits.
pub fn endpoints(snapshot: &Snapshot, filter: Filter<'_>, now: Now) -> Table {
    let mut table = Table::new(COLUMNS);
    for ((namespace, name), service) in &snapshot.services {
        if filter.admits(namespace, name) {
            let usable = pooled(snapshot, service);
            for endpoint in &service.endpoints {
                table.push(row(service, endpoint, usable.contains(&std::ptr::from_ref(&*endpoint.vitals)), now));
            }
        }
    }
    table
}

/// The vitals of all endpoints that are in one of the service's pools.
pub fn pooled(snapshot: &Snapshot, service: &Service) -> HashSet<*const crate::Vitals> {
    let pools = service.ports.iter().flat_map(|port| [Some(port.cluster), port.local]).flatten();
    pools.filter_map(|id| snapshot.pool(id)).flat_map(|pool| &pool.endpoints).map(|endpoint| std::ptr::from_ref(&*endpoint.vitals)).collect()
}

fn row(service: &Service, endpoint: &Endpoint, in_pool: bool, now: Now) -> Vec<Cell> {
    let (vitals, policy) = (&endpoint.vitals, &*service.policy);
    let (counts, load) = (vitals.counts(10, now), vitals.reported());
    let ejection = vitals.ejection();
    let penalty = vitals.penalty_us(now);
    vec![
        (&*service.origin.namespace).into(),
        (&*service.origin.name).into(),
        endpoint.address.to_string().into(),
        endpoint_target(endpoint).into(),
        endpoint.node.as_deref().into(),
        endpoint.zone.as_deref().into(),
        // There is one ring while locality is not built.
        "all".into(),
        endpoint_state(endpoint, policy, in_pool, now).into(),
        endpoint.weight.into(),
        vitals.slow_weight().into(),
        vitals.in_flight().into(),
        vitals.connections().into(),
        vitals.latency_us(Fade::over(policy.tuning.decay), now).map(micros).into(),
        (penalty >= 1.0).then(|| micros(penalty)).into(),
        counts.ok.into(),
        counts.failed.into(),
        load.cpu.into(),
        load.memory.into(),
        load.in_flight.into(),
        ejection.map(|ejection| span(ejection.until.since(now))).into(),
        endpoint_why(endpoint).into(),
        vitals
            .last_probe(now)
            .map(|(passed, age_ms)| format!("{} {} ago", if passed { "passed" } else { "failed" }, span(Duration::from_millis(age_ms.into()))))
            .into(),
        // Of what is in flight, by the policy or the endpoint's own agent (balance spec R2).
        policy.limits.endpoint_in_flight.into_iter().chain(vitals.agent_limit()).min().into(),
        // Of its weight, where its agent asks for another share (balance spec S15).
        Some(vitals.agent_percent()).filter(|percent| *percent != 100).map(|percent| format!("{percent}%")).into(),
    ]
}

/// The object that an endpoint is, `Pod shop/web-1`; `None` of a bare address.
pub fn endpoint_target(endpoint: &Endpoint) -> Option<String> {
    match &endpoint.identity.target {
        Target::Object(object) => Some(object.origin.to_string()),
        Target::Address(_) => None,
    }
}

/// One word for how an endpoint stands under a policy; `in_pool` is whether [`pooled`] has it.
pub fn endpoint_state(endpoint: &Endpoint, policy: &Policy, in_pool: bool, now: Now) -> &'static str {
    let vitals = &endpoint.vitals;
    let ramps = || policy.slow_start.as_ref().is_some_and(|slow_start| vitals.ramp(slow_start.window, now) < 1.0);
    match &endpoint.standing {
        Standing::Out(_) => "out",
        Standing::Draining if !in_pool => "draining",
        _ if vitals.state() != crate::vitals::State::default() => vitals.state().word(),
        _ if !in_pool => "unused",
        _ if ramps() => "ramping",
        _ => "usable",
    }
}

/// Why it is out, ejected or held back, where it is.
pub fn endpoint_why(endpoint: &Endpoint) -> Option<String> {
    if let Standing::Out(reason) = &endpoint.standing {
        return Some(reason.to_string());
    }
    let state = endpoint.vitals.state();
    match endpoint.vitals.ejection().map(|ejection| ejection.why.as_str()) {
        // Both hold it back, and neither ends with the other.
        Some(why) => Some(state.agent_reason().map_or_else(|| why.to_owned(), |said| format!("{said}; {why}"))),
        None => state.reason().map(str::to_owned),
    }
}

fn micros(us: f32) -> String {
    span(Duration::from_micros(us as u64))
}

/// Two or three digits and a unit.
fn span(time: Duration) -> String {
    match time.as_micros() {
        us @ 0..1_000 => format!("{us}us"),
        us @ 1_000..10_000 => format!("{:.1}ms", us as f64 / 1e3),
        us @ 10_000..1_000_000 => format!("{}ms", us / 1000),
        us @ 1_000_000..60_000_000 => format!("{:.1}s", us as f64 / 1e6),
        us => format!("{}m", us / 60_000_000),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::*;
    use crate::ident::{Identity, Origin, Transport};
    use crate::vitals::{AgentLine, Outcome, Why};

    fn service(standing: Standing) -> Service {
        let address: SocketAddr = "10.1.0.5:8080".parse().unwrap();
        let target = Target::object(Origin::new("Instance", "shop", "cart-1"), "u1".into());
        let endpoint = Endpoint {
            address,
            identity: Identity { cluster: 0, target, port: 8080, transport: Transport::Tcp },
            vitals: Arc::default(),
            weight: 100,
            stable_name: "shop/cart-1".into(),
            node: Some("n1".into()),
            zone: None,
            standing,
            serving: true,
            attributes: None,
        };
        Service {
            origin: Origin::new("Service", "shop", "cart"),
            addresses: Vec::new(),
            exposure: "ClusterIP",
            ports: Vec::new(),
            endpoints: vec![Arc::new(endpoint)],
            policy: Arc::default(),
            diagnostics: Vec::new(),
        }
    }

    fn cell(table: &Table, column: &str) -> String {
        let index = table.columns.iter().position(|&name| name == column).unwrap();
        table.rows[0][index].to_string()
    }

    fn shown(service: Service, now: Now) -> Table {
        let mut snapshot = Snapshot::default();
        snapshot.services.insert((Arc::clone(&service.origin.namespace), Arc::clone(&service.origin.name)), Arc::new(service));
        assert!(endpoints(&snapshot, Filter { namespace: Some("other"), name: None }, now).rows.is_empty());
        endpoints(&snapshot, Filter { namespace: Some("shop"), name: Some("cart") }, now)
    }

    #[test]
    fn an_endpoint_that_is_out_says_why() {
        let table = shown(service(Standing::Out("maintenance: disk swap".into())), Now::from_ms(1));
        assert_eq!((cell(&table, "STATE"), cell(&table, "WHY")), ("out".into(), "maintenance: disk swap".into()));
        assert_eq!((cell(&table, "TARGET"), cell(&table, "LATENCY")), ("Instance shop/cart-1".into(), "-".into()));
    }

    #[test]
    fn an_ejected_endpoint_shows_its_numbers() {
        let service = service(Standing::Ready);
        let (vitals, now) = (Arc::clone(&service.endpoints[0].vitals), Now::from_ms(50_000));
        vitals.sample(Duration::from_millis(12), Fade::over(Duration::from_secs(10)), now);
        vitals.record(Outcome::Gateway, Duration::ZERO, now);
        vitals.eject(Why::Gateway, Duration::from_secs(2), Duration::from_secs(30), 0.0, now);
        let table = shown(service, now);
        assert_eq!((cell(&table, "STATE"), cell(&table, "EJECTED-FOR")), ("ejected".into(), "2.0s".into()));
        assert_eq!((cell(&table, "WHY"), cell(&table, "FAILED-10S")), ("consecutive_gateway".into(), "1".into()));
        assert_eq!((cell(&table, "LATENCY"), cell(&table, "PENALTY")), ("12ms".into(), "5.0s".into()));
    }

    #[test]
    fn an_ejection_does_not_hide_what_the_agent_says() {
        for (line, word) in [("drain", "draining"), ("maint", "down"), ("down", "down")] {
            let service = service(Standing::Ready);
            let (vitals, now) = (Arc::clone(&service.endpoints[0].vitals), Now::from_ms(50_000));
            vitals.eject(Why::Gateway, Duration::from_secs(2), Duration::from_secs(30), 0.0, now);
            vitals.heed_agent(&AgentLine::read(line).unwrap(), 100);
            let table = shown(service, now);
            assert_eq!((cell(&table, "STATE"), cell(&table, "EJECTED-FOR")), (word.into(), "2.0s".into()));
            assert_eq!(cell(&table, "WHY"), format!("its agent says {line}; consecutive_gateway"));
        }
    }
}
