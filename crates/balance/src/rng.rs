//! Random numbers and the state a data thread keeps between picks.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::build::Picker;
use crate::prequal::Looks;

/// splitmix64: 8 bytes of state, one multiplication chain per number, good enough for draws and not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Starts from a seed; equal seeds give equal sequences.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `n` (which is above 0): the high half of a product, biased by less than n / 2^32.
    pub fn below(&mut self, n: usize) -> usize {
        (((self.word() >> 32) * n as u64) >> 32) as usize
    }
}

/// Spreads every bit of the input over the output.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

/// Pools that a worker remembers; beyond that it forgets them all and starts anew, round robin at a random place.
const POOLS_MAX: usize = 16_384;
/// From this many pools on a worker looks, each time their number has doubled, which of them are gone.
const SWEEP_FROM: usize = 64;
/// A worker tells a retry budget of its requests in lots of this size: one contended write in place of as many.
const LOT: u32 = 16;

/// What one data thread keeps between picks. Not shared: each thread owns one.
#[derive(Debug)]
pub struct Worker {
    pub(crate) rng: Rng,
    kept: Vec<Kept>,
    /// Where each pool's is, by the number of its ledger.
    places: HashMap<u64, usize, FixedState>,
    /// The last one asked for: a busy service is asked for again and again.
    last: usize,
    requests: u32,
}

/// Of one pool.
#[derive(Debug)]
pub(crate) struct Kept {
    number: u64,
    pub(crate) handle: Arc<Handle>,
    cursor: Option<Cursor>,
    /// Prequal's pool; boxed, as few pools have one.
    pub(crate) looks: Option<Box<Looks>>,
}

/// A worker's own reference to a picker. Guards count references to this one, so that the threads do not meet at the
/// reference counts of the picker and its endpoints.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) picker: Arc<Picker>,
}

/// A place in a round-robin sequence.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    next: u32,
    length: u32,
}

impl Worker {
    /// A worker with its own seed, so that workers do not march in step.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let requests = rng.word() as u32 % LOT;
        Self { rng, kept: Vec::new(), places: HashMap::default(), last: 0, requests }
    }

    /// The random state, and what this worker keeps of a picker's pool.
    #[inline]
    pub(crate) fn of(&mut self, picker: &Picker) -> (&mut Rng, &mut Kept) {
        if self.kept.get(self.last).is_none_or(|kept| !std::ptr::eq(&*kept.handle.picker, picker)) {
            self.last = self.find(picker);
        }
        (&mut self.rng, &mut self.kept[self.last])
    }

    fn find(&mut self, picker: &Picker) -> usize {
        let number = picker.ledger.number;
        let Some(&place) = self.places.get(&number) else { return self.meet(picker) };
        let kept = &mut self.kept[place];
        if !std::ptr::eq(&*kept.handle.picker, picker) {
            // Another generation of the pool: round robin goes on where it was.
            kept.handle = Arc::new(Handle { picker: picker.arc() });
        }
        place
    }

    #[cold]
    fn meet(&mut self, picker: &Picker) -> usize {
        // Pools that are gone must not be held for ever by a worker that met them once.
        if self.kept.len() >= SWEEP_FROM && self.kept.len().is_power_of_two() {
            self.kept.retain(|kept| kept.handle.picker.ledger.newest().is_some());
            self.places = self.kept.iter().enumerate().map(|(place, kept)| (kept.number, place)).collect();
        }
        if self.kept.len() >= POOLS_MAX {
            self.kept.clear();
            self.places.clear();
        }
        let number = picker.ledger.number;
        self.places.insert(number, self.kept.len());
        self.kept.push(Kept { number, handle: Arc::new(Handle { picker: picker.arc() }), cursor: None, looks: None });
        self.kept.len() - 1
    }

    /// Requests that were counted and not told yet.
    #[cfg(test)]
    pub(crate) fn counted(&self) -> u32 {
        self.requests
    }

    /// Counts a request; now and then gives how many are to be told to the retry budget of the one at hand. The lots fall
    /// on services in proportion to their requests.
    pub(crate) fn count_request(&mut self) -> Option<u32> {
        self.requests += 1;
        if self.requests < LOT {
            return None;
        }
        self.requests = 0;
        Some(LOT)
    }
}

impl Kept {
    /// The next place in a sequence of this length (above 0) of a pool. A new pool begins at random; a sequence of another
    /// length goes on at the same fraction, so that a rebuilt picker does not start over.
    pub(crate) fn turn(&mut self, rng: &mut Rng, length: u32) -> u32 {
        let cursor = self.cursor.get_or_insert_with(|| Cursor { next: rng.below(length as usize) as u32, length });
        if cursor.length != length {
            cursor.next = (u64::from(cursor.next) * u64::from(length) / u64::from(cursor.length)) as u32 % length;
            cursor.length = length;
        }
        let turn = cursor.next;
        cursor.next = if turn + 1 == length { 0 } else { turn + 1 };
        turn
    }
}
