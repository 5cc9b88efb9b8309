//! One pick, from the question to a guard (balance spec B4, B7, B8): wishes of the judge, the strategy, exclusion, and what
//! is left when nothing is usable.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::policy::Strategy;
use model::vitals::{State, Vitals};
use model::{InFlight, Now, session};

use crate::build::{Picker, Table};
use crate::guard::{Guard, Held, Seat};
use crate::prequal::Look;
use crate::rng::{Kept, Rng, Worker, mix};
use crate::{Ask, Layer, Method, NoPick, ramp};

/// How many other slots a key tries before it is balanced without its key.
const REHASHES: u64 = 8;
/// No bound of a load is below this (balance spec S11).
const BOUND_MIN: f32 = 8.0;
/// Endpoints that one key may be spread over.
const SUBSET_MAX: usize = 16;
/// Lost races for the last place of an endpoint before the answer is "full".
const RACES: usize = 3;
/// An endpoint that answered this recently is alive, whatever is said of it: panic need not send it one at a time.
const ALIVE_MS: u32 = 1000;

/// An endpoint of the picker, and whether the request is the trial of its ejection.
#[derive(Clone, Copy)]
struct Choice {
    index: usize,
    trial: bool,
}

/// Which exclusions count.
#[derive(Clone, Copy, PartialEq)]
enum Care {
    All,
    /// First contact, memory, a suspected node and the ramp's cap no longer exclude: nothing better is left.
    Lenient,
    /// As `Lenient`, and an agent that asks for no new requests is not asked for any: for who is at home there.
    Session,
}

impl Picker {
    /// Chooses an endpoint and raises its in-flight count. No allocation, no lock, no system call.
    ///
    /// # Errors
    /// [`NoPick`] when there is nothing to choose, or a limit is reached.
    pub fn pick(&self, worker: &mut Worker, ask: &Ask<'_>, now: Now) -> Result<Guard, NoPick> {
        self.ledger.touch(now);
        if ask.tried.is_empty()
            && !ask.again
            && self.layer == Layer::Http
            && let Some(lot) = worker.count_request()
        {
            self.ledger.service.budget.requests(lot, now);
        }
        let seat = Seat::take(self)?;
        let (rng, kept) = worker.of(self);
        for _ in 0..RACES {
            let choice = match self.choose(rng, kept, ask, now) {
                Ok(choice) => choice,
                Err(why) => {
                    seat.leave(&self.ledger);
                    return Err(why);
                }
            };
            if let Some(flight) = self.raise(choice.index, kept, now) {
                return Ok(Guard::new(flight, seat, choice.trial));
            }
            if choice.trial {
                self.vitals(choice.index).mark(State::TRIAL, false);
            }
        }
        seat.leave(&self.ledger);
        Err(NoPick::Full)
    }

    /// The endpoint at this address, if it is in the pool and usable: for clients that stay where they were. `None`: pick.
    pub fn pick_at(&self, worker: &mut Worker, address: SocketAddr, now: Now) -> Option<Guard> {
        let index = self.entries.iter().position(|entry| entry.endpoint.address == address)?;
        self.ledger.touch(now);
        if !self.usable(index, &Ask::default(), Care::All, now) {
            return None;
        }
        self.seated(|| self.raise(index, worker.of(self).1, now))
    }

    /// The endpoint of a session, if it is usable or drains and still serves: what keeps new requests from an endpoint that is new or
    /// leaves does not keep those away that are at home there (balance spec D2). `None`: pick, and begin another session.
    pub fn pick_session(&self, worker: &mut Worker, tag: u64, ask: &Ask<'_>, now: Now) -> Option<Guard> {
        let guard = self.at_home(worker, self.session_place(tag)?, ask, now)?;
        // One that moves is counted by the pick that follows.
        if !ask.again
            && let Some(lot) = worker.count_request()
        {
            self.ledger.service.budget.requests(lot, now);
        }
        Some(guard)
    }

    fn at_home(&self, worker: &mut Worker, place: usize, ask: &Ask<'_>, now: Now) -> Option<Guard> {
        self.ledger.touch(now);
        if place < self.entries.len() {
            // The state as it would be without a wish to drain.
            return if self.usable(place, ask, Care::Session, now) { self.seated(|| self.raise(place, worker.of(self).1, now)) } else { None };
        }
        let endpoint = &self.pool.draining[place - self.entries.len()];
        if endpoint.vitals.state().without(State::AGENT_DRAIN).barred() || ask.tried.contains(&endpoint.address) {
            return None;
        }
        let held = Held::Lasting(Arc::clone(&self.ledger), Arc::clone(endpoint), Arc::clone(&self.pool.policy));
        self.seated(|| match self.endpoint_limit {
            Some(limit) => InFlight::raise_below(held, limit, now),
            None => Some(InFlight::raise(held, now)),
        })
    }

    /// Where the endpoint of this number stands: those that drain follow those that are chosen from.
    fn session_place(&self, tag: u64) -> Option<usize> {
        let places = self.sessions.get_or_init(|| {
            let all = self.pool.endpoints.iter().chain(&self.pool.draining).enumerate();
            let mut places: Box<[(u64, u32)]> = all.map(|(place, endpoint)| (session::tag(endpoint), place as u32)).collect();
            places.sort_unstable();
            places
        });
        let at = places.binary_search_by_key(&tag, |(tag, _)| *tag).ok()?;
        Some(places[at].1 as usize)
    }

    /// A guard with a seat, if there is one and the endpoint's count could be raised.
    fn seated(&self, raise: impl FnOnce() -> Option<InFlight<Held>>) -> Option<Guard> {
        let seat = Seat::take(self).ok()?;
        match raise() {
            Some(flight) => Some(Guard::new(flight, seat, false)),
            None => {
                seat.leave(&self.ledger);
                None
            }
        }
    }

    fn raise(&self, index: usize, kept: &Kept, now: Now) -> Option<InFlight<Held>> {
        let held = Held::Quick(Arc::clone(&kept.handle), index as u32);
        let by_agent = self.entries[index].vitals.agent_limit();
        match (self.endpoint_limit, by_agent) {
            (None, None) => Some(InFlight::raise(held, now)),
            (limit, by_agent) => InFlight::raise_below(held, limit.unwrap_or(u32::MAX).min(by_agent.unwrap_or(u32::MAX)), now),
        }
    }

    pub(crate) fn vitals(&self, index: usize) -> &Vitals {
        &self.entries[index].vitals
    }

    fn choose(&self, rng: &mut Rng, kept: &mut Kept, ask: &Ask<'_>, now: Now) -> Result<Choice, NoPick> {
        if self.drawable == 0 {
            return Err(NoPick::NoEndpoint);
        }
        if let Some(choice) = self.grant_wish(ask, now) {
            return Ok(choice);
        }
        let usable = |index: usize| self.usable(index, ask, Care::All, now);
        let index = match self.entries.len() {
            1 => usable(0).then_some(0),
            _ => self.by_method(rng, kept, ask, &usable, now),
        };
        match index {
            Some(index) => Ok(Choice { index, trial: false }),
            None => self.last_resort(rng, ask, now),
        }
    }

    pub(crate) fn index_of(&self, key: u64, now: Now) -> Option<usize> {
        self.by_key(key, &|index| self.usable(index, &Ask::default(), Care::All, now))
    }

    fn by_method(&self, rng: &mut Rng, kept: &mut Kept, ask: &Ask<'_>, usable: &impl Fn(usize) -> bool, now: Now) -> Option<usize> {
        match self.method {
            Method::RoundRobin => self.round_robin(rng, kept, usable),
            Method::Random => self.draw(rng, usable),
            Method::LeastRequest => self.least_request(rng, usable),
            Method::PeakEwma | Method::Performance => self.peak_ewma(rng, usable, now),
            Method::Prequal => self.prequal(rng, kept, usable, now),
            Method::Reserve | Method::Fill => self.free_slot(rng, usable),
            Method::Maglev | Method::RingHash => {
                let by_key = ask.hash.and_then(|key| self.of_key(key, rng, usable));
                by_key.or_else(|| self.without_key(rng, usable, now))
            }
        }
    }

    fn round_robin(&self, rng: &mut Rng, kept: &mut Kept, usable: &impl Fn(usize) -> bool) -> Option<usize> {
        let Table::Sequence(sequence) = &self.table else { return None };
        let index = sequence.at(kept.turn(rng, sequence.len()));
        if usable(index) {
            return Some(index);
        }
        // Not the successor: it would carry a dead endpoint's whole share.
        (0..4).map(|_| sequence.at(rng.below(sequence.len() as usize) as u32)).find(|&index| usable(index))
    }

    fn free_slot(&self, rng: &mut Rng, usable: &impl Fn(usize) -> bool) -> Option<usize> {
        let Table::Slots(slots) = &self.table else { return None };
        let is_full = |index: usize| self.full(&self.entries[index].vitals);
        if self.method == Method::Fill { slots.first(usable, &is_full) } else { slots.any(rng, usable, &is_full) }
    }

    /// A request of this endpoint ended: it has a free slot again.
    pub(crate) fn freed(&self, index: u32) {
        if let Table::Slots(slots) = &self.table {
            slots.freed(index as usize);
        }
    }

    /// By the pool of looks, after the looks that this request owes (balance spec S16).
    fn prequal(&self, rng: &mut Rng, kept: &mut Kept, usable: &impl Fn(usize) -> bool, now: Now) -> Option<usize> {
        let terms = &self.terms;
        let looks = kept.looks.get_or_insert_with(Box::default);
        looks.turn_to(std::ptr::from_ref(self) as usize);
        if terms.sync {
            looks.clear();
        }
        let due = looks.looks_due(terms);
        // One by one at random; two looks at one endpoint are one entry, the newer. Looks of the request's own are at different
        // endpoints, as far as a few more draws find some.
        let draws = if terms.sync { 2 * due } else { due };
        for _ in 0..draws {
            if terms.sync && looks.count() >= due {
                break;
            }
            let index = self.draw_any(rng);
            let (in_flight, latency_us) = self.look_at(index, now);
            looks.insert(Look::new(index, in_flight, latency_us, now.tick_ms()), terms);
        }
        let chosen = looks.choose(terms, now.tick_ms(), rng, usable);
        chosen.or_else(|| self.peak_ewma(rng, usable, now))
    }

    /// What the endpoint said of itself within the second, else what this process sees of it.
    fn look_at(&self, index: usize, now: Now) -> (f32, f32) {
        let vitals = &*self.entries[index].vitals;
        let seen = || vitals.latency_us(self.fade, now).unwrap_or_else(|| self.prior_us());
        let (in_flight, latency_us) = match vitals.reported_within(Duration::from_secs(1), now) {
            Some((in_flight, reported)) => (in_flight, reported.unwrap_or_else(seen)),
            None => (vitals.in_flight() as f32, seen()),
        };
        (in_flight, latency_us + vitals.penalty_us(now))
    }

    /// The endpoint of a key: with a subset the less loaded of two of those that the key is spread over (balance spec S11).
    fn of_key(&self, key: u64, rng: &mut Rng, usable: &impl Fn(usize) -> bool) -> Option<usize> {
        let size = usize::from(self.pool.policy.tuning.hash_subset).min(SUBSET_MAX).min(self.drawable);
        if size < 2 {
            return self.by_key(key, usable);
        }
        // The subset is the key's, whoever is usable now: keys come back to it.
        let (mut subset, mut count) = ([0_usize; SUBSET_MAX], 0);
        for attempt in 0..(SUBSET_MAX * 8) as u64 {
            let index = self.at_key(rehash(key, attempt))?;
            if !subset[..count].contains(&index) {
                subset[count] = index;
                count += 1;
            }
            if count == size {
                break;
            }
        }
        let mut left = 0;
        for at in 0..count {
            if usable(subset[at]) {
                subset[left] = subset[at];
                left += 1;
            }
        }
        let load = |index: usize| self.entries[index].vitals.in_flight() as f32 * self.entries[index].inverse;
        match left {
            0 => self.by_key(key, usable),
            1 => Some(subset[0]),
            _ => {
                let first = rng.below(left);
                let second = rng.below(left - 1);
                let (a, b) = (subset[first], subset[second + usize::from(second >= first)]);
                Some(if load(b) < load(a) { b } else { a })
            }
        }
    }

    fn at_key(&self, key: u64) -> Option<usize> {
        match &self.table {
            Table::Maglev(maglev) => Some(maglev.at(key)),
            Table::Ring(ring) => Some(ring.at(key)),
            Table::None | Table::Sequence(_) | Table::Slots(_) => None,
        }
    }

    /// The endpoint of a key, or of one of its rehashes when that one is excluded, ramps or is above its bound.
    fn by_key(&self, key: u64, usable: &impl Fn(usize) -> bool) -> Option<usize> {
        let mut least: Option<(f32, usize)> = None;
        for attempt in 0..=REHASHES {
            let key = rehash(key, attempt);
            let index = self.at_key(key)?;
            let entry = &self.entries[index];
            if !usable(index) || (entry.ramp < 1.0 && unit(mix(!key)) >= entry.ramp) {
                continue;
            }
            match self.over_bound(index) {
                None => return Some(index),
                Some(load) if least.is_none_or(|(lowest, _)| load < lowest) => least = Some((load, index)),
                Some(_) => {}
            }
        }
        least.map(|(_, index)| index)
    }

    /// Its load by share, when bounded loads are on and it is above the bound.
    fn over_bound(&self, index: usize) -> Option<f32> {
        let percent = self.pool.policy.tuning.bounded_load_percent;
        if percent == 0 {
            return None;
        }
        let entry = &self.entries[index];
        let total = self.ledger.in_flight.load(Ordering::Relaxed) as f32 + 1.0;
        let bound = (f32::from(percent) / 100.0 * total * entry.endpoint.weight as f32 / self.weight_sum).ceil().max(BOUND_MIN);
        let load = entry.endpoint.vitals.in_flight() as f32;
        (load >= bound).then_some(load * entry.inverse)
    }

    fn without_key(&self, rng: &mut Rng, usable: &impl Fn(usize) -> bool, now: Now) -> Option<usize> {
        match self.layer {
            Layer::Http => self.peak_ewma(rng, usable, now),
            Layer::Tcp => self.least_request(rng, usable),
            Layer::Udp => self.draw(rng, usable),
        }
    }

    /// The judge's wish: the trial of an ejected endpoint, or a visit to one that was left alone for too long.
    fn grant_wish(&self, ask: &Ask<'_>, now: Now) -> Option<Choice> {
        let index = self.ledger.take_wish(ask.retryable, now)?;
        let entry = self.entries.get(index)?;
        // Its agent may have spoken since the judge wished.
        if self.shut(index) || ask.tried.contains(&entry.endpoint.address) {
            return None;
        }
        if entry.endpoint.vitals.begin_trial(now) {
            return Some(Choice { index, trial: true });
        }
        self.usable(index, ask, Care::All, now).then_some(Choice { index, trial: false })
    }

    #[inline]
    fn usable(&self, index: usize, ask: &Ask<'_>, care: Care, now: Now) -> bool {
        let entry = &self.entries[index];
        let vitals = &*entry.vitals;
        let state = vitals.state();
        if self.plain && state == State::default() && ask.tried.is_empty() && !self.any_late.load(Ordering::Relaxed) {
            return true;
        }
        if state.barred() && self.barred(index, state, care) {
            return false;
        }
        if entry.endpoint.weight == 0 || entry.agent_percent == 0 || self.full(vitals) || vitals.agent_full() {
            return false;
        }
        if care == Care::All && self.any_late.load(Ordering::Relaxed) && self.late[index / 64].load(Ordering::Relaxed) >> (index % 64) & 1 == 1 {
            return false;
        }
        if care == Care::All && entry.ramp < 1.0 && self.above_ramp(vitals, now) {
            return false;
        }
        ask.tried.is_empty() || !ask.tried.contains(&entry.endpoint.address)
    }

    /// Whether it was told to take no new requests, by its weight or its agent: then it is on no trial and not the least bad either.
    pub(crate) fn shut(&self, index: usize) -> bool {
        let entry = &self.entries[index];
        entry.endpoint.weight == 0 || entry.vitals.agent_percent() == 0 || entry.vitals.state().barred_by_agent()
    }

    fn full(&self, vitals: &Vitals) -> bool {
        self.endpoint_limit.is_some_and(|limit| vitals.in_flight() >= limit)
    }

    fn above_ramp(&self, vitals: &Vitals, now: Now) -> bool {
        let factor = ramp::factor(vitals, self.pool.policy.slow_start.as_ref(), now);
        factor < 1.0 && vitals.in_flight() >= ramp::cap(factor, self.ledger.typical())
    }

    /// Whether what holds the endpoint back counts for this pool.
    fn barred(&self, index: usize, state: State, care: Care) -> bool {
        let mut heeded = state;
        let overruled = self.is_overruled(index);
        if !state.has(State::HARD) && (!self.pool.policy.outlier.enabled || overruled) {
            heeded = heeded.without(State::EJECTED);
        }
        if overruled {
            heeded = heeded.without(State::PROBE_DOWN);
        }
        if care != Care::All {
            heeded = heeded.without(State::WAITING);
        }
        // The gate is that of one strategy, and the mark is the endpoint's, whoever else sends to it.
        if care != Care::All || self.pool.policy.strategy != Strategy::Performance {
            heeded = heeded.without(State::MEMORY);
        }
        if care == Care::Session {
            heeded = heeded.without(State::AGENT_DRAIN);
        }
        heeded.barred()
    }

    pub(crate) fn is_overruled(&self, index: usize) -> bool {
        self.overruled[index / 64].load(Ordering::Relaxed) >> (index % 64) & 1 == 1
    }

    /// Draws and redraws found nothing: scan, first with all exclusions, then lenient, then among those already tried,
    /// then among the dead.
    fn last_resort(&self, rng: &mut Rng, ask: &Ask<'_>, now: Now) -> Result<Choice, NoPick> {
        let start = rng.below(self.entries.len());
        let again = Ask { tried: &[], ..*ask };
        let scans = [(ask, Care::All), (ask, Care::Lenient), (&again, Care::Lenient)];
        let found = scans.into_iter().find_map(|(ask, care)| self.around(start).find(|&index| self.usable(index, ask, care, now)));
        if let Some(index) = found {
            let entry = &self.entries[index];
            if entry.ramp < 1.0 && self.above_ramp(&entry.vitals, now) {
                // All are new: the cap of each still holds for as long as somebody can wait for it (C4).
                if ask.may_wait {
                    return Err(NoPick::Cold);
                }
                self.ledger.service.pending.overflowed.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(Choice { index, trial: false });
        }
        let open = |index: usize| {
            let state = self.vitals(index).state();
            let entry = &self.entries[index];
            entry.endpoint.weight > 0 && entry.agent_percent > 0 && !(state.barred() && self.barred(index, state, Care::Lenient))
        };
        if self.around(start).any(open) {
            // Somebody is in, so it is a limit that keeps this request out.
            return Err(NoPick::Full);
        }
        self.least_bad(start, ask, now).ok_or(NoPick::NoEndpoint)
    }

    fn around(&self, start: usize) -> impl Iterator<Item = usize> {
        (start..self.entries.len()).chain(0..start)
    }

    /// Panic (balance spec O9): the one that answered last, one request at a time until one succeeds.
    fn least_bad(&self, start: usize, ask: &Ask<'_>, now: Now) -> Option<Choice> {
        self.ledger.panic.store(true, Ordering::Relaxed);
        if self.pool.policy.outlier.panic_fail {
            return None;
        }
        let rank = |index: &usize| {
            let vitals = self.vitals(*index);
            (vitals.state().has(State::GONE), vitals.since_success_ms(now).unwrap_or(u32::MAX), vitals.streaks().gateway)
        };
        let free = |index: &usize| {
            let entry = &self.entries[*index];
            let vitals = &entry.endpoint.vitals;
            let alive = vitals.since_success_ms(now).is_some_and(|ms| ms < ALIVE_MS) && !vitals.state().barred_hard();
            !self.shut(*index) && !ask.tried.contains(&entry.endpoint.address) && !self.full(vitals) && (vitals.in_flight() == 0 || alive)
        };
        let index = self.around(start).filter(free).min_by_key(rank)?;
        if self.vitals(index).state().has(State::EJECTED) {
            // Somebody else may have won it meanwhile: then this request is one too many.
            return self.vitals(index).force_trial().then_some(Choice { index, trial: true });
        }
        Some(Choice { index, trial: false })
    }
}

/// The key of a further attempt; the first is the key itself.
fn rehash(key: u64, attempt: u64) -> u64 {
    if attempt == 0 { key } else { mix(key ^ attempt.wrapping_mul(0x9E37_79B9_7F4A_7C15)) }
}

/// The upper bits as a number in 0..1.
fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1u64 << 24) as f32
}
