//! Ingress v1 of our class (ingress spec section 1): one listener on the HTTP and HTTPS entries, shared by all.
//!
//! An Ingress is compiled alone (`rules.rs`) and its matches go into one persistent table; where two claim one host and path the
//! older wins by the order of the table, and the other is told so.

mod class;
mod rules;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::decided::{IngressAddress, Socket};
use api::{DecidedStatus, Ingress, IngressClass};
use model::Origin;
use model::routes::{BackendTo, HostMap, HostPattern, HostTable, Listener, PathMatch, RouteMatch, Speaks};
use model::tls::TlsIdentity;
use smallvec::SmallVec;

use self::rules::Compiled;
use crate::gateway::Tools;
use crate::routes::links::Links;
use crate::routes::{Ground, Key, origin};
use crate::{Diagnostic, Settings};

/// Who came first: creation in Unix seconds, then namespace and name.
type Age = (i64, Key);
/// A host and path, and whether the path is exact.
type Place = (HostPattern, bool, Arc<str>);
/// The path of a default backend among places.
const REST: &str = "*";

/// All Ingresses, what was compiled of them, and what is dirty.
#[derive(Default)]
pub(crate) struct Ingresses {
    classes: BTreeMap<Arc<str>, Arc<IngressClass>>,
    ingresses: BTreeMap<Key, Arc<Ingress>>,
    compiled: BTreeMap<Key, Compiled>,
    table: HostTable,
    /// What answers for all when no Ingress does.
    default: Option<Arc<RouteMatch>>,
    identities: HostMap<SmallVec<[Arc<TlsIdentity>; 1]>>,
    /// Who claims a place, and who a server name: the first of each set wins.
    places: BTreeMap<Place, BTreeSet<Age>>,
    names: BTreeMap<HostPattern, BTreeMap<Age, Arc<TlsIdentity>>>,
    /// What is wrong with Ingresses alone, and with two that claim one place; none has an empty entry.
    complaints: BTreeMap<Key, Vec<Diagnostic>>,
    conflicts: BTreeMap<Key, Vec<Diagnostic>>,
    class_complaints: BTreeMap<Arc<str>, Diagnostic>,
    /// What is wrong with the default backend of the process.
    default_complaint: Option<Diagnostic>,
    /// The listener of each entry, until something changes.
    built: Vec<(Speaks, Arc<Listener>)>,
    by_service: Links<Key, Key>,
    by_secret: Links<Key, Key>,
    by_class: Links<Key, Arc<str>>,
    dirty: BTreeSet<Key>,
}

impl Ingresses {
    /// A class came, changed or went.
    pub fn set_class(&mut self, name: &Arc<str>, class: Option<&Arc<IngressClass>>) {
        match class {
            Some(class) => self.classes.insert(Arc::clone(name), Arc::clone(class)),
            None => self.classes.remove(name),
        };
        match class.and_then(|class| class::complaint(class)) {
            Some(complaint) => self.class_complaints.insert(Arc::clone(name), complaint),
            None => self.class_complaints.remove(name),
        };
        self.dirty.extend(self.by_class.owners(name).cloned());
    }

    /// An Ingress came, changed or went. Whether it names other Secrets than before.
    pub fn set_ingress(&mut self, key: &Key, ingress: Option<&Arc<Ingress>>) -> bool {
        self.dirty.insert(key.clone());
        let secrets = match ingress {
            Some(ingress) => {
                self.by_class.set(key, class::named(ingress).into_iter().collect());
                self.ingresses.insert(key.clone(), Arc::clone(ingress));
                rules::secrets(ingress)
            }
            None => {
                self.by_class.set(key, BTreeSet::new());
                self.ingresses.remove(key);
                BTreeSet::new()
            }
        };
        !self.by_secret.set(key, secrets).is_empty()
    }

    /// A Secret changed.
    pub fn secret_changed(&mut self, key: &Key) {
        self.dirty.extend(self.by_secret.owners(key).cloned());
    }

    /// Secrets that Ingresses name.
    pub fn secrets(&self) -> impl Iterator<Item = &Key> {
        self.by_secret.all_targets()
    }

    /// Everything that is wrong.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.complaints
            .values()
            .flatten()
            .chain(self.conflicts.values().flatten())
            .chain(self.class_complaints.values())
            .chain(&self.default_complaint)
    }

    /// The listener of an entry. It keeps its pointer as long as nothing changes.
    pub fn listener(&mut self, speaks: Speaks) -> Arc<Listener> {
        if let Some(built) = self.built.iter().find(|(known, _)| *known == speaks) {
            return Arc::clone(&built.1);
        }
        let listener = Arc::new(Listener {
            origin: Origin::new("IngressClass", "", "fairlead"),
            name: if speaks == Speaks::Https { "https" } else { "http" }.into(),
            host: HostPattern::Any,
            ingress: true,
            edge: Arc::default(),
            client: None,
            identities: if speaks == Speaks::Https { self.identities.clone() } else { HostMap::default() },
            hosts: self.table.clone(),
        });
        self.built.push((speaks, Arc::clone(&listener)));
        listener
    }

    /// Redoes what is dirty; whether the listener is a different one now.
    pub fn compile(&mut self, ground: &Ground<'_>, tools: &mut Tools<'_>) -> bool {
        self.dirty.extend(ground.reshaped.iter().flat_map(|service| self.by_service.owners(service)).cloned());
        let mut changed = self.set_default(rules::default_backend(ground));
        let mut contested = BTreeSet::new();
        for key in std::mem::take(&mut self.dirty) {
            changed |= self.compile_one(&key, ground, tools, &mut contested);
        }
        for key in contested {
            self.find_conflicts(&key);
        }
        if changed {
            self.built.clear();
        }
        changed
    }

    /// Puts the process's default backend into the table, where any Ingress's own is older.
    fn set_default(&mut self, new: Option<RouteMatch>) -> bool {
        if self.default.as_deref() == new.as_ref() {
            return false;
        }
        self.default_complaint = new.as_ref().and_then(|new| new.rule.backends.first()).and_then(|backend| match &backend.to {
            BackendTo::Nowhere { detail, .. } => {
                Some(Diagnostic { origin: backend.service.clone(), reason: "BackendNotFound", message: Arc::clone(detail) })
            }
            _ => None,
        });
        self.default.take().iter().for_each(|old| self.table.remove(old));
        self.default = new.map(Arc::new);
        self.default.iter().for_each(|new| self.table.insert(Arc::clone(new)));
        true
    }

    fn compile_one(&mut self, key: &Key, ground: &Ground<'_>, tools: &mut Tools<'_>, contested: &mut BTreeSet<Key>) -> bool {
        let before = self.compiled.remove(key);
        let known = self.ingresses.get(key).map(Arc::clone);
        let (now, foreign) = match known.as_ref().map(|ingress| class::serves(ingress, &self.classes, ground.settings.ingress.without_class)) {
            Some(Ok(true)) => (known.as_ref().map(|ingress| rules::compile(ingress, ground, tools.certificates)), None),
            Some(Err(diagnostic)) => (None, Some(diagnostic)),
            Some(Ok(false)) | None => (None, None),
        };
        match (&known, &now) {
            (Some(ingress), Some(_)) => tools.statuses.decide("Ingress", &ingress.metadata, status(ground.settings)),
            // It was ours and is no more: take back what we wrote.
            (Some(ingress), None) if tools.statuses.knows("Ingress", key) => {
                tools.statuses.decide("Ingress", &ingress.metadata, DecidedStatus::Ingress { addresses: Vec::new(), conditions: Vec::new() });
            }
            _ => tools.statuses.forget("Ingress", key),
        }
        let before = before.unwrap_or_default();
        let mut now = now.unwrap_or_default();
        let complaints: Vec<Diagnostic> = std::mem::take(&mut now.diagnostics).into_iter().chain(foreign).collect();
        match complaints.is_empty() {
            true => self.complaints.remove(key),
            false => self.complaints.insert(key.clone(), complaints),
        };
        self.by_service.set(key, std::mem::take(&mut now.services));
        let changed = self.retable(&before, &mut now) | self.rename(&before, &now);
        self.reclaim(key, &before, &now, contested);
        if known.is_some() {
            self.compiled.insert(key.clone(), now);
        }
        changed
    }

    /// Moves the table from what an Ingress had there to what it has now.
    fn retable(&mut self, before: &Compiled, now: &mut Compiled) -> bool {
        for (old, new) in before.matches.iter().zip(&mut now.matches) {
            if old == new {
                *new = Arc::clone(old);
            }
        }
        let pointers = |matches: &[Arc<RouteMatch>]| matches.iter().map(Arc::as_ptr).collect::<BTreeSet<_>>();
        let (old, new) = (pointers(&before.matches), pointers(&now.matches));
        before.matches.iter().filter(|one| !new.contains(&Arc::as_ptr(one))).for_each(|one| self.table.remove(one));
        now.matches.iter().filter(|one| !old.contains(&Arc::as_ptr(one))).for_each(|one| self.table.insert(Arc::clone(one)));
        old != new
    }

    /// Moves certificates likewise. Of two Ingresses that bring one for a name the older one's is served.
    fn rename(&mut self, before: &Compiled, now: &Compiled) -> bool {
        let mut names: BTreeSet<&HostPattern> = BTreeSet::new();
        for (age, identities, insert) in [(&before.age, &before.identities, false), (&now.age, &now.identities, true)] {
            for (name, identity) in identities {
                let holders = self.names.entry(name.clone()).or_default();
                match insert {
                    true => holders.insert(age.clone(), Arc::clone(identity)),
                    false => holders.remove(age),
                };
                names.insert(name);
            }
        }
        let mut changed = false;
        for name in names {
            let first = self.names.get(name).and_then(|holders| holders.values().next()).cloned();
            let current = self.identities.get(name).and_then(|found| found.first());
            if current.map(Arc::as_ptr) == first.as_ref().map(Arc::as_ptr) {
                continue;
            }
            changed = true;
            match first {
                Some(identity) => *self.identities.entry(name, SmallVec::new) = SmallVec::from_buf([identity]),
                None => {
                    self.identities.remove(name);
                    self.names.remove(name);
                }
            }
        }
        changed
    }

    /// Notes who claims which places; everybody who shares one is contested.
    fn reclaim(&mut self, key: &Key, before: &Compiled, now: &Compiled, contested: &mut BTreeSet<Key>) {
        let (old, new): (BTreeSet<Place>, BTreeSet<Place>) = (places(before), places(now));
        for place in old.union(&new) {
            let holders = self.places.entry(place.clone()).or_default();
            let shared = holders.len() > 1 || (!holders.is_empty() && !old.contains(place));
            if old.contains(place) {
                holders.remove(&before.age);
            }
            if new.contains(place) {
                holders.insert(now.age.clone());
            }
            if shared {
                contested.extend(holders.iter().map(|(_, key)| key.clone()));
            }
            if holders.is_empty() {
                self.places.remove(place);
            }
        }
        contested.insert(key.clone());
    }

    /// Tells an Ingress which of its places an older one serves (ingress spec I7).
    fn find_conflicts(&mut self, key: &Key) {
        let lost = self.compiled.get(key).into_iter().flat_map(|one| places(one).into_iter().map(|place| (place, &one.age)));
        let complaints: Vec<Diagnostic> = lost
            .filter_map(|((host, exact, path), age)| {
                let winner = self.places.get(&(host.clone(), exact, Arc::clone(&path)))?.first()?;
                (winner != age).then(|| Diagnostic {
                    origin: origin("Ingress", key),
                    reason: "PathTaken",
                    message: taken(&host, &path, &winner.1).into(),
                })
            })
            .collect();
        match complaints.is_empty() {
            true => self.conflicts.remove(key),
            false => self.conflicts.insert(key.clone(), complaints),
        };
    }
}

fn places(one: &Compiled) -> BTreeSet<Place> {
    let place = |found: &Arc<RouteMatch>| match &found.path {
        PathMatch::Exact(path) => Some((found.host.clone(), true, Arc::clone(path))),
        PathMatch::Prefix(path) => Some((found.host.clone(), false, path.trim_end_matches('/').into())),
        // No path is empty before its slash: the default backends of one host have this place.
        PathMatch::Rest => Some((found.host.clone(), false, REST.into())),
        PathMatch::Regex(_) => None,
    };
    one.matches.iter().filter_map(place).collect()
}

/// Who serves a place that another Ingress has claimed, too.
fn taken(host: &HostPattern, path: &str, winner: &Key) -> String {
    let winner = origin("Ingress", winner);
    match path {
        REST if *host == HostPattern::Any => format!("what no rule matches is served by the default backend of the older {winner}"),
        REST => format!("what no rule of host {host} matches is served by the default backend of the older {winner}"),
        "" => format!("host {host} path / is served by the older {winner}"),
        path => format!("host {host} path {path} is served by the older {winner}"),
    }
}

/// The addresses of the entries, once they are bound.
fn status(settings: &Settings) -> DecidedStatus {
    let ip = settings.http.ip();
    let shown: Vec<Arc<str>> = match settings.ingress.published.as_slice() {
        [] if ip.is_unspecified() => settings.node_addresses.iter().map(|one| one.to_string().into()).collect(),
        [] => vec![ip.to_string().into()],
        published => published.to_vec(),
    };
    let sockets = [settings.http, settings.https].map(|address| Socket { address, datagrams: false });
    let addresses =
        shown.into_iter().map(|at| IngressAddress { at, ports: vec![settings.http.port(), settings.https.port()], sockets: sockets.to_vec() });
    DecidedStatus::Ingress { addresses: addresses.collect(), conditions: Vec::new() }
}
