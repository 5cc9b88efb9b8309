//! What the checks of one endpoint come to together: an endpoint may have several addresses, and several who ask for different
//! checks of it, but it has one record of numbers, and its object has one status.
//!
//! An address is up while none of its checks is down; the endpoint is up while one of its addresses is (instances spec I7), and
//! refused where every address is.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use model::health::Health;
use model::snapshot::ProbeTarget;
use model::vitals::{Now, State};
use model::{ObjectTarget, Target};
use net::clock::monotonic_ns;

use super::ask::Unfit;
use crate::{Evidence, Proof, Verdict};

/// The words of all checks that run.
#[derive(Default)]
pub(super) struct Board(Mutex<Words>);

#[derive(Default)]
struct Words {
    last: u64,
    all: HashMap<u64, Word>,
    /// By the numbers that they are about.
    by_vitals: HashMap<usize, Vec<u64>>,
    /// Those that an object asked for itself, and what was told of it.
    by_object: HashMap<Subject, (Option<Sum>, Vec<u64>)>,
}

/// Namespace, name and UID of an Instance.
type Subject = (Arc<str>, Arc<str>, Arc<str>);

/// The newest word of one check.
#[derive(Debug)]
struct Word {
    address: IpAddr,
    health: Health,
    is_refused: bool,
    /// It keeps the endpoint out until it has passed once.
    waits: bool,
    /// Why it is down.
    reason: Arc<str>,
}

/// What words come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sum {
    Alive,
    Dead { is_hard: bool },
    Unknown,
}

/// The place of a check on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Board {
    /// A check begins. One that `waits` keeps its endpoint out until [`Board::say`] says otherwise.
    pub fn begin(&self, target: &ProbeTarget, waits: bool) -> Place {
        let mut words = self.words();
        words.last += 1;
        let place = words.last;
        let word = Word { address: target.endpoint.address.ip(), health: Health::Unknown, is_refused: false, waits, reason: "".into() };
        words.all.insert(place, word);
        words.by_vitals.entry(vitals_of(target)).or_default().push(place);
        if let Some(subject) = subject(target) {
            words.by_object.entry(subject).or_default().1.push(place);
        }
        words.mark(target);
        Place(place)
    }

    /// A check has an answer. Gives the evidence where the verdict on its object is another one now.
    pub fn say(&self, place: Place, target: &ProbeTarget, health: Health, waits: bool, answer: &Result<(), Unfit>) -> Option<Evidence> {
        let mut words = self.words();
        // Whoever was ended while it asked has no place any more, and no say.
        let word = words.all.get_mut(&place.0)?;
        let is_refused = health.is_down() && matches!(answer, Err(Unfit::Refused(_)));
        let changes = (word.health, word.is_refused, word.waits) != (health, is_refused, waits);
        (word.health, word.is_refused, word.waits) = (health, is_refused, waits);
        if let (Err(Unfit::Refused(why) | Unfit::Failed(why)), true) = (answer, changes) {
            word.reason = why.as_str().into();
        }
        if !changes {
            return None;
        }
        words.mark(target);
        words.tell(&subject(target)?)
    }

    /// A check ends: what it said holds nothing back any more.
    pub fn end(&self, place: Place, target: &ProbeTarget) {
        let mut words = self.words();
        words.all.remove(&place.0);
        let key = vitals_of(target);
        if let Some(places) = words.by_vitals.get_mut(&key) {
            places.retain(|one| *one != place.0);
        }
        words.mark(target);
        if words.by_vitals.get(&key).is_some_and(Vec::is_empty) {
            words.by_vitals.remove(&key);
        }
        if let Some((_, places)) = subject(target).and_then(|subject| words.by_object.get_mut(&subject)) {
            places.retain(|one| *one != place.0);
        }
    }

    /// Once checks have ended and others begun in their place: the evidence on their object where that makes a difference.
    pub fn settle(&self, target: &ProbeTarget) -> Option<Evidence> {
        let (mut words, subject) = (self.words(), subject(target)?);
        let (told, places) = words.by_object.get(&subject)?;
        if !places.is_empty() {
            return words.tell(&subject);
        }
        let was_told = told.is_some();
        words.by_object.remove(&subject);
        was_told.then(|| evidence(&subject, Verdict::Unknown, "nobody checks it any more".into()))
    }

    fn words(&self) -> std::sync::MutexGuard<'_, Words> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Words {
    fn of(&self, places: &[u64]) -> Vec<&Word> {
        places.iter().filter_map(|place| self.all.get(place)).collect()
    }

    /// Writes what all checks of these numbers come to for the planes of this host.
    fn mark(&self, target: &ProbeTarget) {
        let words = self.by_vitals.get(&vitals_of(target)).map(|places| self.of(places)).unwrap_or_default();
        let sum = sum(&words);
        let waits = !words.is_empty() && !by_address(&words).iter().any(|words| words.iter().all(|word| !word.waits));
        let vitals = &target.endpoint.vitals;
        let before = vitals.state();
        for (bits, on) in [
            (State::PROBE_REFUSED, sum == Sum::Dead { is_hard: true }),
            (State::PROBE_DOWN, sum == Sum::Dead { is_hard: false }),
            (State::WAITING, waits),
        ] {
            vitals.mark(bits, on);
        }
        // It comes back as new ones come (balance spec C1), unless it was never kept out.
        let was_out = (before.has(State::PROBE_DOWN) && !before.has(State::SUSPECT)) || before.has(State::PROBE_REFUSED);
        if was_out && sum == Sum::Alive {
            vitals.restart_ramp(Now(monotonic_ns()));
        }
    }

    /// The evidence on an object, if it is new. What is not known yet is not told, and a refusal stays one until it is alive.
    fn tell(&mut self, subject: &Subject) -> Option<Evidence> {
        let (told, places) = self.by_object.get(subject)?;
        let words = self.of(places);
        let sum = sum(&words);
        let reason: Arc<str> = match (sum, told) {
            (Sum::Unknown, _) | (Sum::Dead { is_hard: false }, Some(Sum::Dead { .. })) => return None,
            (sum, Some(told)) if *told == sum => return None,
            (Sum::Alive, _) => "the check passes".into(),
            // Whoever reads it knows a refusal by its words.
            (Sum::Dead { is_hard }, _) => {
                words.iter().find(|word| word.health.is_down() && word.is_refused == is_hard).map(|word| Arc::clone(&word.reason)).unwrap_or_default()
            }
        };
        self.by_object.entry(subject.clone()).or_default().0 = Some(sum);
        let verdict = if sum == Sum::Alive { Verdict::Alive } else { Verdict::Dead };
        Some(evidence(subject, verdict, reason))
    }
}

/// The words on each address.
fn by_address<'w>(words: &[&'w Word]) -> Vec<Vec<&'w Word>> {
    let mut all: Vec<Vec<&Word>> = Vec::new();
    for &word in words {
        match all.iter_mut().find(|known| known.iter().any(|one| one.address == word.address)) {
            Some(known) => known.push(word),
            None => all.push(vec![word]),
        }
    }
    all
}

fn sum(words: &[&Word]) -> Sum {
    let of_address = |words: &Vec<&Word>| {
        if words.iter().any(|word| word.health.is_down()) {
            return Sum::Dead { is_hard: words.iter().any(|word| word.is_refused) };
        }
        if words.iter().any(|word| word.health == Health::Unknown) { Sum::Unknown } else { Sum::Alive }
    };
    let sums: Vec<Sum> = by_address(words).iter().map(of_address).collect();
    let has = |wanted: Sum| sums.contains(&wanted);
    match sums.is_empty() {
        false if has(Sum::Alive) => Sum::Alive,
        false if !has(Sum::Unknown) => Sum::Dead { is_hard: !has(Sum::Dead { is_hard: false }) },
        _ => Sum::Unknown,
    }
}

fn vitals_of(target: &ProbeTarget) -> usize {
    Arc::as_ptr(&target.endpoint.vitals) as usize
}

/// The Instance that asked for the check itself.
fn subject(target: &ProbeTarget) -> Option<Subject> {
    let Target::Object(object) = &target.endpoint.identity.target else { return None };
    let ObjectTarget { origin, uid } = &**object;
    (target.own && origin.kind == "Instance").then(|| (Arc::clone(&origin.namespace), Arc::clone(&origin.name), Arc::clone(uid)))
}

fn evidence((namespace, name, uid): &Subject, verdict: Verdict, reason: Arc<str>) -> Evidence {
    let (namespace, name, uid) = (Arc::clone(namespace), Arc::clone(name), Arc::clone(uid));
    Evidence { namespace, name, uid, proof: Proof::Probe, verdict, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(address: u8, health: Health, is_refused: bool) -> Word {
        Word { address: [127, 0, 0, address].into(), health, is_refused, waits: false, reason: "".into() }
    }

    #[test]
    fn an_endpoint_is_up_while_one_of_its_addresses_passes_all_its_checks() {
        use Health::{Down, Failing, Rising, Unknown, Up};
        let of = |words: &[Word]| sum(&words.iter().collect::<Vec<_>>());
        let dead = |is_hard| Sum::Dead { is_hard };
        assert_eq!(of(&[]), Sum::Unknown);
        assert_eq!(of(&[word(1, Up, false), word(1, Failing(1), false)]), Sum::Alive);
        assert_eq!(of(&[word(1, Up, false), word(1, Down, false)]), dead(false), "all checks of an address must pass");
        assert_eq!(of(&[word(1, Down, true), word(2, Up, false)]), Sum::Alive, "one address is enough");
        assert_eq!(of(&[word(1, Down, true), word(2, Unknown, false)]), Sum::Unknown, "the other may be up");
        assert_eq!(of(&[word(1, Down, true), word(2, Rising(1), false)]), dead(false), "not every address refuses");
        assert_eq!(of(&[word(1, Down, true), word(1, Down, false), word(2, Down, true)]), dead(true));
        assert_eq!(of(&[word(1, Up, false), word(1, Unknown, false)]), Sum::Unknown);
    }
}
