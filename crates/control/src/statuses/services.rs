//! `status.services` of a BackendPolicy (balance spec Y4): what each Service that it is attached to runs, where every field of that came from, and
//! which endpoints are out of the ordinary. Numbers that move with every request stay in `show endpoints`.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::backend_policy::PolicyTarget;
use api::decided::{Condition, PolicyAncestor, Truth};
use model::endpoint::{Endpoint, Pool};
use model::policy::Policy;
use model::service::Service;
use model::snapshot::Snapshot;
use model::vitals::State;
use model::{Now, show};
use serde_json::{Value, json};

/// What runs at each layer (HTTP, TCP, UDP) under the policy of a pool. `fairlead` wires it: who chooses endpoints knows.
pub type Methods = Arc<dyn Fn(&Arc<Pool>) -> [&'static str; 3] + Send + Sync>;

/// Services that one policy tells of; a Namespace may have any number.
const SERVICES_MAX: usize = 16;
/// Endpoints out of the ordinary that are told one by one.
const UNUSUAL_MAX: usize = 20;
/// Fields that are told one by one to be set elsewhere.
const LOST_MAX: usize = 8;
/// The words for those that are counted.
const COUNTED: [&str; 6] = ["usable", "ejected", "suspect", "down", "draining", "ramping"];

/// What a policy says of the Services it is attached to.
pub(super) struct Report<'a> {
    pub snapshot: &'a Snapshot,
    pub methods: &'a Methods,
    pub now: Now,
    /// The same moment in Unix milliseconds.
    pub unix_ms: i64,
}

/// What was seen of the Services that a policy is attached to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// `status.services`.
    pub services: Value,
    /// For each target what is true of it beside what was decided: `Overridden`, `Panic`.
    pub conditions: Vec<Vec<Condition>>,
}

impl Report<'_> {
    /// What is to be said of a policy by namespace and name that sets these fields. Targets that are not there, or for which it is
    /// not in force, have no entry and no conditions.
    pub fn of(&self, (namespace, name): (&Arc<str>, &Arc<str>), ancestors: &[PolicyAncestor], fields: &[&'static str]) -> Seen {
        let entries = ancestors.iter().flat_map(|ancestor| self.target(namespace, &ancestor.target));
        let own = format!("BackendPolicy {namespace}/{name}");
        let conditions = |ancestor: &PolicyAncestor| {
            let in_force = ancestor.conditions.first().is_some_and(|accepted| accepted.truth == Truth::True);
            let pools = if in_force { self.pools(namespace, &ancestor.target) } else { Vec::new() };
            if pools.is_empty() { Vec::new() } else { vec![overridden(&pools, &own, fields), panic(&pools)] }
        };
        Seen { services: entries.take(SERVICES_MAX).collect::<Vec<Value>>().into(), conditions: ancestors.iter().map(conditions).collect() }
    }

    /// The pools that a target is about.
    fn pools(&self, namespace: &Arc<str>, target: &PolicyTarget) -> Vec<&Arc<Pool>> {
        let section = target.section_name.as_deref().filter(|name| !name.is_empty());
        let is_meant = |name: &str| &*target.kind == "Namespace" || name == &*target.name;
        let from = (Arc::clone(namespace), if &*target.kind == "Namespace" { "".into() } else { Arc::clone(&target.name) });
        let services = self.snapshot.services.range(from..).take_while(|((of, name), _)| of == namespace && is_meant(name)).take(SERVICES_MAX);
        let ports = services.flat_map(|(_, service)| &service.ports).filter(|port| section.is_none_or(|name| *port.name == *name));
        ports.filter_map(|port| self.snapshot.pool(port.cluster)).collect()
    }

    fn target(&self, namespace: &Arc<str>, target: &PolicyTarget) -> Vec<Value> {
        if &*target.kind == "Namespace" {
            let from = (Arc::clone(namespace), "".into());
            let services = self.snapshot.services.range(from..).take_while(|((of, _), _)| of == namespace);
            return services.take(SERVICES_MAX).filter_map(|(_, service)| self.service(service, None)).collect();
        }
        let service = self.snapshot.services.get(&(Arc::clone(namespace), Arc::clone(&target.name)));
        service.and_then(|service| self.service(service, target.section_name.as_deref().filter(|name| !name.is_empty()))).into_iter().collect()
    }

    /// One Service, or one of its ports. `None` where nothing is balanced: an alias, a port that is not there.
    fn service(&self, service: &Service, port: Option<&str>) -> Option<Value> {
        let mut pools =
            service.ports.iter().filter(|one| port.is_none_or(|name| *one.name == *name)).filter_map(|one| self.snapshot.pool(one.cluster));
        // Of a Service as a whole a port that has no policy of its own speaks, where there is one.
        let own = |pool: &&Arc<Pool>| port.is_none() && pool.policy == service.policy;
        let pool = pools.clone().find(own).or_else(|| pools.next())?;
        let policy = if port.is_some() { &pool.policy } else { &service.policy };
        let sources: BTreeMap<&str, &str> = policy.sources.iter().map(|(field, source)| (*field, &**source)).collect();
        let [http, tcp, udp] = (self.methods)(pool);
        let (counts, unusual) = self.endpoints(service, policy);
        let mut entry = json!({
            "name": service.origin.name,
            "effective": sources,
            "effectiveStrategy": {"http": http, "tcp": tcp, "udp": udp},
            "counts": counts,
            "endpoints": unusual,
        });
        if let Some(port) = port {
            entry["port"] = port.into();
        }
        Some(entry)
    }

    fn endpoints(&self, service: &Service, policy: &Policy) -> (Value, Vec<Value>) {
        let mut counts: BTreeMap<&str, u32> = COUNTED.into_iter().map(|word| (word, 0)).collect();
        let mut unusual = Vec::new();
        let pooled = show::pooled(self.snapshot, service);
        // One endpoint serves several ports: it is counted once for each address and port that it listens on.
        let mut all: Vec<&Arc<Endpoint>> = service.endpoints.iter().collect();
        all.sort_by_key(|endpoint| endpoint.address);
        all.dedup_by_key(|endpoint| endpoint.address);
        for endpoint in all {
            let word = show::endpoint_state(endpoint, policy, pooled.contains(&std::ptr::from_ref(&*endpoint.vitals)), self.now);
            // A trial is part of an ejection and over within a request; who has gone is down.
            let counted = match word {
                "trial" => "ejected",
                "gone" | "waiting" | "memory" => "down",
                other => other,
            };
            if let Some(count) = counts.get_mut(counted) {
                *count += 1;
            }
            if !matches!(counted, "usable" | "ramping" | "unused") && unusual.len() < UNUSUAL_MAX {
                unusual.push(self.unusual(endpoint, counted));
            }
        }
        (json!(counts), unusual)
    }

    fn unusual(&self, endpoint: &Endpoint, word: &str) -> Value {
        let mut told = json!({"address": endpoint.address, "state": word, "seenBy": "1 of 1"});
        if let Some(target) = show::endpoint_target(endpoint) {
            told["target"] = target.into();
        }
        if let Some(why) = show::endpoint_why(endpoint) {
            told["why"] = why.into();
        }
        if let Some(ejection) = endpoint.vitals.ejection() {
            let left_ms = i64::try_from(ejection.until.since(self.now).as_millis()).unwrap_or(i64::MAX);
            // To the second: the moment is the same from one look to the next.
            let until = jiff::Timestamp::from_millisecond(self.unix_ms.saturating_add(left_ms)).unwrap_or_default();
            told["until"] = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        }
        told
    }
}

/// Whether a stronger layer sets some field in the place of the policy whose source this is (Y2, GEP-713).
fn overridden(pools: &[&Arc<Pool>], own: &str, fields: &[&'static str]) -> Condition {
    let stronger = |pool: &&Arc<Pool>| {
        let lost = pool.policy.sources.iter().filter(|(field, source)| fields.contains(field) && **source != *own);
        lost.map(|(field, source)| format!("{field} of {} by {source}", pool.label())).collect::<Vec<String>>()
    };
    let mut lost: Vec<String> = pools.iter().flat_map(stronger).collect();
    if lost.is_empty() {
        return Condition::new("Overridden", Truth::False, "InForce", "no stronger layer sets a field of it");
    }
    let more = lost.len().saturating_sub(LOST_MAX);
    lost.truncate(LOST_MAX);
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    Condition::new("Overridden", Truth::True, "Overridden", format!("set elsewhere: {}{rest}", lost.join(", ")))
}

/// Whether in some pool nobody is usable, so that the least bad endpoint is tried, or nobody (O9).
fn panic(pools: &[&Arc<Pool>]) -> Condition {
    let is_out = |endpoint: &Arc<Endpoint>| endpoint.vitals.state().barred() && !endpoint.vitals.state().has(State::SUSPECT);
    match pools.iter().find(|pool| !pool.endpoints.is_empty() && pool.endpoints.iter().all(is_out)) {
        None => Condition::new("Panic", Truth::False, "EndpointsUsable", "every pool has a usable endpoint, or none at all"),
        Some(pool) => {
            let effect = if pool.policy.outlier.panic_fail { "requests are answered 503" } else { "the least bad one is tried" };
            Condition::new("Panic", Truth::True, "NoUsableEndpoint", format!("no endpoint of {} is usable: {effect}", pool.label()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use model::endpoint::{PoolId, Standing};
    use model::ident::{Identity, Origin, Target, Transport};
    use model::service::ServicePort;
    use model::vitals::Why;

    use super::*;

    fn endpoint(port: u16, standing: Standing) -> Arc<Endpoint> {
        let address = SocketAddr::from(([10, 0, 0, 1], port));
        let target = Target::object(Origin::new("Pod", "shop", format!("web-{port}")), "u".into());
        Arc::new(Endpoint {
            address,
            identity: Identity { cluster: 0, target, port, transport: Transport::Tcp },
            vitals: Arc::default(),
            weight: 100,
            stable_name: format!("shop/web-{port}").into(),
            node: None,
            zone: None,
            standing,
            serving: true,
            attributes: None,
        })
    }

    fn snapshot(endpoints: Vec<Arc<Endpoint>>) -> Snapshot {
        let policy = Arc::new(Policy { sources: vec![("strategy", "BackendPolicy shop/web".into())], slow_start: None, ..Policy::default() });
        let port = ServicePort {
            name: "http".into(),
            port: 80,
            node_port: 0,
            transport: Transport::Tcp,
            app_protocol: None,
            cluster: PoolId(1),
            local: None,
        };
        let pool = Pool {
            id: PoolId(1),
            service: Origin::new("Service", "shop", "web"),
            port_name: "http".into(),
            port: 80,
            transport: Transport::Tcp,
            app_protocol: None,
            endpoints: endpoints.iter().filter(|endpoint| endpoint.standing == Standing::Ready).cloned().collect(),
            draining: Vec::new(),
            policy: Arc::clone(&policy),
        };
        let service = Service {
            origin: Origin::new("Service", "shop", "web"),
            addresses: Vec::new(),
            exposure: "ClusterIP",
            ports: vec![port],
            endpoints,
            policy,
            diagnostics: Vec::new(),
        };
        let mut snapshot = Snapshot::default();
        snapshot.pools.insert(PoolId(1), Arc::new(pool));
        snapshot.services.insert(("shop".into(), "web".into()), Arc::new(service));
        snapshot
    }

    fn told(snapshot: &Snapshot, kind: &str, name: &str, section: Option<&str>) -> Value {
        seen(snapshot, kind, name, section, "web", &[]).services
    }

    fn seen(snapshot: &Snapshot, kind: &str, name: &str, section: Option<&str>, policy: &str, fields: &[&'static str]) -> Seen {
        let target = PolicyTarget { group: "".into(), kind: kind.into(), name: name.into(), section_name: section.map(Into::into) };
        let accepted = Condition::new("Accepted", Truth::True, "Accepted", "");
        let methods: Methods = Arc::new(|_| ["PeakEwma", "LeastRequest", "Random"]);
        Report { snapshot, methods: &methods, now: Now::from_ms(1_000_000), unix_ms: 1_700_000_000_000 }.of(
            (&"shop".into(), &policy.into()),
            &[PolicyAncestor { target, conditions: vec![accepted] }],
            fields,
        )
    }

    #[test]
    fn y4_what_a_stronger_layer_sets_is_told_and_so_is_panic() {
        let conditions = |endpoints: Vec<Arc<Endpoint>>, kind: &str, name: &str, policy: &str| {
            let seen = seen(&snapshot(endpoints), kind, name, None, policy, &["strategy", "outlier.window"]);
            seen.conditions[0].iter().map(|one| format!("{} {:?}: {}", one.kind, one.truth, one.message)).collect::<Vec<_>>()
        };
        let fine = vec![endpoint(1, Standing::Ready), endpoint(2, Standing::Ready)];
        let [own, other] = ["web", "all"].map(|policy| conditions(fine.clone(), "Service", "web", policy)[0].clone());
        assert_eq!(own, "Overridden False: no stronger layer sets a field of it");
        assert_eq!(other, "Overridden True: set elsewhere: strategy of shop/web:http by BackendPolicy shop/web");
        assert_eq!(conditions(fine.clone(), "Namespace", "shop", "all")[0], other);
        assert!(conditions(fine.clone(), "Service", "nobody", "web").is_empty());
        fine[0].vitals.mark(State::PROBE_DOWN, true);
        assert!(conditions(fine.clone(), "Service", "web", "web")[1].starts_with("Panic False"));
        fine[1].vitals.mark(State::PROBE_DOWN, true);
        assert_eq!(
            conditions(fine.clone(), "Service", "web", "web")[1],
            "Panic True: no endpoint of shop/web:http is usable: the least bad one is tried"
        );
        fine[1].vitals.mark(State::SUSPECT, true);
        assert!(conditions(fine, "Service", "web", "web")[1].starts_with("Panic False"), "it is kept in all the same");
    }

    #[test]
    fn y4_counts_sources_and_only_the_unusual_endpoints() {
        let ejected = endpoint(1, Standing::Ready);
        ejected.vitals.eject(Why::Refused, Duration::from_secs(8), Duration::from_secs(30), 0.0, Now::from_ms(1_000_000));
        let snapshot = snapshot(vec![ejected, endpoint(2, Standing::Ready), endpoint(3, Standing::Ready), endpoint(4, Standing::Draining)]);
        let all = told(&snapshot, "Service", "web", None);
        let one = &all[0];
        assert_eq!(one["counts"], json!({"usable": 2, "ejected": 1, "suspect": 0, "down": 0, "draining": 1, "ramping": 0}));
        assert_eq!(one["effective"], json!({"strategy": "BackendPolicy shop/web"}));
        assert_eq!(one["effectiveStrategy"], json!({"http": "PeakEwma", "tcp": "LeastRequest", "udp": "Random"}));
        let refused = json!({"address": "10.0.0.1:1", "state": "ejected", "seenBy": "1 of 1", "target": "Pod shop/web-1", "why": "refused", "until": "2023-11-14T22:13:28Z"});
        assert_eq!((one["endpoints"].as_array().unwrap().len(), &one["endpoints"][0]), (2, &refused));
        assert_eq!(told(&snapshot, "Namespace", "shop", None), all);
        assert_eq!(told(&snapshot, "Service", "web", Some("http"))[0]["port"], "http");
        assert_eq!(told(&snapshot, "Service", "web", Some("other")), json!([]));
        assert_eq!(told(&snapshot, "Service", "nobody", None), json!([]));
    }

    #[test]
    fn y4_lists_are_bounded() {
        let draining = (1..=100).map(|port| endpoint(port, Standing::Draining)).collect();
        let all = told(&snapshot(draining), "Service", "web", None);
        assert_eq!((all[0]["counts"]["draining"].as_u64(), all[0]["endpoints"].as_array().unwrap().len()), (Some(100), UNUSUAL_MAX));
    }
}
