//! Random numbers and the state a data thread keeps between picks.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::ledger::Ledger;

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
/// A worker tells a retry budget of its requests in lots of this size: one contended write in place of as many.
const LOT: u32 = 16;

/// What one data thread keeps between picks. Not shared: each thread owns one.
#[derive(Debug)]
pub struct Worker {
    pub(crate) rng: Rng,
    pools: HashMap<u64, Kept, FixedState>,
    requests: u32,
}

/// Of one pool.
#[derive(Debug)]
struct Kept {
    handle: Arc<Handle>,
    cursor: Option<Cursor>,
}

/// A worker's own reference to a ledger. Guards count references to this one, so that the threads do not meet at the
/// reference count of the ledger.
#[derive(Debug)]
pub(crate) struct Handle(pub(crate) Arc<Ledger>);

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
        Self { rng, pools: HashMap::default(), requests }
    }

    fn kept(&mut self, ledger: &Arc<Ledger>) -> &mut Kept {
        if self.pools.len() >= POOLS_MAX && !self.pools.contains_key(&ledger.number) {
            self.pools.clear();
        }
        self.pools.entry(ledger.number).or_insert_with(|| Kept { handle: Arc::new(Handle(Arc::clone(ledger))), cursor: None })
    }

    /// This worker's handle of a ledger.
    pub(crate) fn handle(&mut self, ledger: &Arc<Ledger>) -> Arc<Handle> {
        Arc::clone(&self.kept(ledger).handle)
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

    /// The next place in a sequence of this length (above 0) of a pool. A new pool begins at random; a sequence of another
    /// length goes on at the same fraction, so that a rebuilt picker does not start over.
    pub(crate) fn turn(&mut self, ledger: &Arc<Ledger>, length: u32) -> u32 {
        let mut cursor = match self.kept(ledger).cursor {
            Some(cursor) => cursor,
            None => Cursor { next: self.rng.below(length as usize) as u32, length },
        };
        if cursor.length != length {
            cursor.next = (u64::from(cursor.next) * u64::from(length) / u64::from(cursor.length)) as u32 % length;
            cursor.length = length;
        }
        let turn = cursor.next;
        cursor.next = if turn + 1 == length { 0 } else { turn + 1 };
        self.kept(ledger).cursor = Some(cursor);
        turn
    }
}
