//! Prequal (NSDI '24), asynchronous form (balance spec S16, S17): each request looks at a few random endpoints and leaves what
//! it saw in a pool; later requests choose from the pool, by latency among those that are not hot by requests in flight.
//!
//! A look reads the endpoint's vitals, or what it reported within the last second: all traffic of an endpoint that this
//! process carries is in them. The pool belongs to one worker and one pool of endpoints; nothing is shared or allocated.
//! As a look takes no time, the synchronous form is the same with looks of the request's own instead of a pool.

use model::policy;

use crate::rng::Rng;

/// Entries of the largest pool of looks (balance spec S16).
pub(crate) const POOL_MAX: usize = 16;
/// Requests in flight that are remembered for the quantile.
const SEEN: usize = 128;
/// A look serves at most so many requests.
const REUSE_MAX: f32 = 16.0;
/// How much requests in flight count under [`Rule::Cubic`]: one with the median of them is twice as dear as an idle one.
const CUBIC: f32 = 1.0;
/// The paper's delta: how much faster looks arrive than they are used up.
const DELTA: f32 = 1.0;

/// The parameters in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Looks per request.
    pub(crate) looks: f32,
    /// Entries taken out per request.
    pub(crate) removes: f32,
    /// Entries at most.
    pub(crate) size: usize,
    /// Entries older than this are dropped.
    pub(crate) age_ms: u32,
    /// Above this quantile of requests in flight an endpoint is hot.
    pub(crate) quantile: f32,
    /// How many requests one look serves: b = max(1, (1 + delta) / ((1 - m/n) looks - removes)).
    pub(crate) reuse: f32,
    /// Each request looks for itself.
    pub(crate) sync: bool,
    /// By one score.
    pub(crate) cubic: bool,
}

/// What makes one look better than another.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// The latency of those with at most so many requests in flight; above all of them the fewest in flight.
    HotCold(f32),
    /// Latency times 1 + k (in flight / so many) cubed (balance spec S19).
    Cubic(f32),
}

impl Terms {
    /// Of a policy, over `n` endpoints.
    pub(crate) fn of(wanted: &policy::Prequal, n: usize) -> Self {
        let (looks, removes) = (wanted.probes_per_request, wanted.remove_per_request);
        let size = usize::from(wanted.pool_size).clamp(2, POOL_MAX).min((n / 2).max(2));
        let spare = (1.0 - size as f32 / n.max(1) as f32) * looks - removes;
        Self {
            // Of one look nothing can be chosen.
            looks: if wanted.sync { looks.round().max(2.0) } else { looks },
            removes,
            size,
            age_ms: u32::try_from(wanted.max_age.as_millis()).unwrap_or(u32::MAX),
            quantile: wanted.hot_quantile,
            reuse: if spare <= 0.0 { REUSE_MAX } else { ((1.0 + DELTA) / spare).clamp(1.0, REUSE_MAX) },
            sync: wanted.sync,
            cubic: wanted.cubic,
        }
    }
}

/// What was seen of one endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) index: u32,
    pub(crate) in_flight: f32,
    pub(crate) latency_us: f32,
    pub(crate) tick_ms: u32,
    uses: u8,
}

/// One worker's pool of looks.
#[derive(Clone, Debug)]
pub(crate) struct Looks {
    entries: [Look; POOL_MAX],
    count: usize,
    /// The last values of requests in flight, as a ring.
    seen: [f32; SEEN],
    received: u32,
    theta: f32,
    /// The middle one of them, 1 at least.
    median: f32,
    /// Which generation of the picker the indexes belong to.
    of: usize,
    /// Fractions of looks and removals that are owed.
    look_owed: f32,
    remove_owed: f32,
    takes_oldest: bool,
}

impl Look {
    pub(crate) fn new(index: usize, in_flight: f32, latency_us: f32, tick_ms: u32) -> Self {
        Self { index: index as u32, in_flight, latency_us, tick_ms, uses: 0 }
    }

    /// Lower is better. Numbers that are not negative compare like their bits.
    fn cost(&self, rule: Rule) -> u32 {
        const HOT: u32 = 1 << 31;
        match rule {
            Rule::HotCold(theta) if self.in_flight > theta => self.in_flight.to_bits() | HOT,
            Rule::HotCold(_) => self.latency_us.to_bits(),
            Rule::Cubic(median) => {
                let load = self.in_flight / median;
                (self.latency_us * (1.0 + CUBIC * load * load * load)).to_bits()
            }
        }
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            entries: [Look::default(); POOL_MAX],
            count: 0,
            seen: [0.0; SEEN],
            received: 0,
            theta: f32::INFINITY,
            median: 1.0,
            of: 0,
            look_owed: 0.0,
            remove_owed: 0.0,
            takes_oldest: false,
        }
    }
}

impl Looks {
    /// Indexes of another picker mean other endpoints: what is known of them is forgotten, the quantile stays.
    pub(crate) fn turn_to(&mut self, picker: usize) {
        if self.of != picker {
            (self.of, self.count) = (picker, 0);
        }
    }

    /// How many endpoints are looked at.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Forgets the looks; the quantile stays.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// How many looks this request takes. Fractions are carried over, so that the rate is exact.
    pub(crate) fn looks_due(&mut self, terms: &Terms) -> usize {
        self.look_owed += terms.looks;
        let due = self.look_owed.floor();
        self.look_owed -= due;
        due as usize
    }

    /// Takes a look in. One entry an endpoint, the newest wins; a full pool gives up its oldest.
    pub(crate) fn insert(&mut self, look: Look, terms: &Terms) {
        self.receive(look.in_flight, terms);
        let known = (0..self.count).find(|&at| self.entries[at].index == look.index);
        let at = known.unwrap_or_else(|| {
            if self.count >= terms.size {
                self.remove_oldest();
            }
            self.count += 1;
            self.count - 1
        });
        self.entries[at] = look;
    }

    fn receive(&mut self, in_flight: f32, terms: &Terms) {
        let quantile = terms.quantile;
        self.seen[self.received as usize % SEEN] = in_flight;
        self.received = self.received.wrapping_add(1).max(1);
        // Early on after each doubling, then once a round of the ring: the quantile of 128 values moves slowly.
        let known = (self.received as usize).min(SEEN);
        if self.received.is_power_of_two() || (self.received as usize).is_multiple_of(SEEN) {
            let mut sorted = self.seen;
            let rank = ((known as f32 * quantile) as usize).min(known - 1);
            self.theta = if quantile >= 1.0 { f32::INFINITY } else { *sorted[..known].select_nth_unstable_by(rank, f32::total_cmp).1 };
            if !terms.cubic {
                return;
            }
            self.median = sorted[..known].select_nth_unstable_by((known - 1) / 2, f32::total_cmp).1.max(1.0);
        }
    }

    fn rule(&self, terms: &Terms) -> Rule {
        match terms.cubic {
            true => Rule::Cubic(self.median),
            false => Rule::HotCold(if terms.quantile <= 0.0 { f32::NEG_INFINITY } else { self.theta }),
        }
    }

    /// Chooses among the entries, `None` when fewer than two are left: then the caller draws two by itself.
    pub(crate) fn choose(&mut self, terms: &Terms, now_ms: u32, rng: &mut Rng, usable: &impl Fn(usize) -> bool) -> Option<usize> {
        self.expire(terms, now_ms);
        let rule = self.rule(terms);
        // Only of the best is it asked whether it is usable: sixteen questions would be as many reads of other memory.
        let at = loop {
            let at = (self.count >= 2).then(|| self.lowest(|look| look.cost(rule)))?;
            if usable(self.entries[at].index as usize) {
                break at;
            }
            self.remove(at);
        };
        let chosen = &mut self.entries[at];
        // What this request adds is known without another look.
        chosen.in_flight += 1.0;
        chosen.uses += 1;
        let (index, used_up) = (chosen.index as usize, f32::from(chosen.uses) >= round_at_random(terms.reuse, rng));
        if used_up {
            self.remove(at);
        }
        self.remove_due(terms);
        Some(index)
    }

    fn expire(&mut self, terms: &Terms, now_ms: u32) {
        let old = |look: &Look| now_ms.wrapping_sub(look.tick_ms) as i32 > terms.age_ms as i32;
        // Hardly ever is one old: the scan that finds none has no branch per entry.
        if !self.entries[..self.count].iter().fold(false, |any, look| any | old(look)) {
            return;
        }
        let mut at = 0;
        while at < self.count {
            if old(&self.entries[at]) { self.remove(at) } else { at += 1 }
        }
    }

    /// Takes entries out, in turn the oldest and the worst: the hottest if any is hot, else the slowest.
    fn remove_due(&mut self, terms: &Terms) {
        self.remove_owed += terms.removes;
        while self.remove_owed >= 1.0 {
            self.remove_owed -= 1.0;
            self.takes_oldest = !self.takes_oldest;
            if self.takes_oldest { self.remove_oldest() } else { self.remove_worst(terms) }
        }
    }

    fn remove_oldest(&mut self) {
        if self.count > 0 {
            // Ages are compared around one of them, so that a tick that wraps does no harm.
            let around = self.entries[0].tick_ms.wrapping_sub(1 << 31);
            self.remove(self.lowest(|look| look.tick_ms.wrapping_sub(around)));
        }
    }

    fn remove_worst(&mut self, terms: &Terms) {
        if self.count > 0 {
            let rule = self.rule(terms);
            self.remove(self.lowest(|look| !look.cost(rule)));
        }
    }

    /// The place of the entry with the lowest rank; of equals the first. Rank and place are compared as one number, which
    /// needs no branch that a processor would guess wrong.
    fn lowest(&self, rank: impl Fn(&Look) -> u32) -> usize {
        let ranked = self.entries[..self.count].iter().enumerate().map(|(at, look)| u64::from(rank(look)) << 8 | at as u64);
        (ranked.fold(u64::MAX, u64::min) & 0xFF) as usize
    }

    fn remove(&mut self, at: usize) {
        self.count -= 1;
        self.entries.swap(at, self.count);
    }
}

/// One of the two whole numbers around it, so that the mean is it.
fn round_at_random(limit: f32, rng: &mut Rng) -> f32 {
    let part = (rng.word() >> 40) as f32 / (1u64 << 24) as f32;
    limit.floor() + f32::from(u8::from(part < limit.fract()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { looks: 3.0, removes: 0.0, size: 4, age_ms: 1000, quantile: 0.84, reuse: 1.0, sync: false, cubic: false };

    fn looks(of: &[(usize, f32, f32)]) -> Looks {
        let mut looks = Looks::default();
        of.iter().for_each(|&(index, in_flight, latency)| looks.insert(Look::new(index, in_flight, latency, 5000), &TERMS));
        looks
    }

    fn choose(looks: &mut Looks, terms: &Terms) -> Option<usize> {
        looks.choose(terms, 5000, &mut Rng::new(1), &|_| true)
    }

    #[test]
    fn the_fastest_of_the_cold_wins_and_among_the_hot_the_least_busy() {
        let mut mixed = looks(&[(1, 2.0, 900.0), (2, 2.0, 300.0), (3, 50.0, 10.0)]);
        mixed.theta = 10.0;
        assert_eq!(choose(&mut mixed, &TERMS), Some(2), "the third is faster, and hot");
        let mut hot = looks(&[(1, 30.0, 10.0), (2, 20.0, 900.0)]);
        hot.theta = 10.0;
        assert_eq!(choose(&mut hot, &TERMS), Some(2));
        let by_load = Terms { quantile: 0.0, ..TERMS };
        assert_eq!(choose(&mut looks(&[(1, 3.0, 10.0), (2, 1.0, 900.0)]), &by_load), Some(2), "q = 0 looks at requests in flight only");
    }

    #[test]
    fn s19_under_the_cubic_score_load_outweighs_latency_from_the_median_on() {
        let cubic = Terms { cubic: true, ..TERMS };
        let of = |entries: &[(usize, f32, f32)]| {
            let mut looks = looks(entries);
            looks.median = 4.0;
            choose(&mut looks, &cubic)
        };
        assert_eq!(of(&[(1, 0.0, 190.0), (2, 4.0, 100.0)]), Some(1), "idle at nearly twice the latency");
        assert_eq!(of(&[(1, 0.0, 210.0), (2, 4.0, 100.0)]), Some(2));
        assert_eq!(of(&[(1, 8.0, 100.0), (2, 4.0, 400.0)]), Some(2), "twice the median is nine times as dear");
        assert_eq!(of(&[(1, 1e30, 1e30), (2, 4.0, 400.0)]), Some(2), "no number is too large");
    }

    #[test]
    fn fewer_than_two_entries_are_no_choice_and_old_ones_do_not_count() {
        assert_eq!(choose(&mut looks(&[(1, 1.0, 1.0)]), &TERMS), None);
        let mut old = looks(&[(1, 1.0, 1.0), (2, 1.0, 1.0)]);
        assert_eq!(old.choose(&TERMS, 6_001, &mut Rng::new(1), &|_| true), None);
        assert_eq!(old.count, 0);
        let mut one_out = looks(&[(1, 1.0, 1.0), (2, 1.0, 2.0), (3, 1.0, 3.0)]);
        assert_eq!(one_out.choose(&TERMS, 5000, &mut Rng::new(1), &|index| index != 1), Some(2));
    }

    #[test]
    fn a_full_pool_gives_up_its_oldest_and_an_endpoint_has_one_entry() {
        let mut pool = Looks::default();
        for (at, index) in [7, 8, 9, 7, 10, 11].into_iter().enumerate() {
            pool.insert(Look::new(index, 1.0, 1.0, 1000 + at as u32), &TERMS);
        }
        let mut kept: Vec<u32> = pool.entries[..pool.count].iter().map(|look| look.index).collect();
        kept.sort_unstable();
        assert_eq!(kept, [7, 9, 10, 11]);
    }

    #[test]
    fn removal_takes_the_oldest_and_the_worst_in_turn() {
        let mut pool = Looks::default();
        for (index, in_flight, tick) in [(1, 1.0, 3), (2, 9.0, 2), (3, 1.0, 1)] {
            pool.insert(Look::new(index, in_flight, 1.0, tick), &TERMS);
        }
        pool.theta = 5.0;
        let one = Terms { removes: 1.0, ..TERMS };
        pool.remove_due(&one);
        assert!(pool.entries[..pool.count].iter().all(|look| look.index != 3), "the oldest");
        pool.remove_due(&one);
        assert!(pool.entries[..pool.count].iter().all(|look| look.index != 2), "the hottest");
    }

    #[test]
    fn a_look_serves_a_bounded_number_of_requests_and_fractions_are_exact() {
        // (1 + 1) / ((1 - 16/32) 3 - 1) = 4.
        assert_eq!(Terms::of(&policy::Prequal::default(), 32).reuse, 4.0);
        assert_eq!(Terms::of(&policy::Prequal { remove_per_request: 3.0, ..policy::Prequal::default() }, 32).reuse, REUSE_MAX);
        let mut rng = Rng::new(3);
        let sum: f32 = (0..4000).map(|_| round_at_random(2.25, &mut rng)).sum();
        assert!((sum / 4000.0 - 2.25).abs() < 0.05, "{sum}");
        let (mut pool, half) = (Looks::default(), Terms { looks: 0.25, ..TERMS });
        assert_eq!((0..100).map(|_| pool.looks_due(&half)).sum::<usize>(), 25);
    }
}
