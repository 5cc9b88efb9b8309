//! Random numbers and the state a data thread keeps between picks.

use std::collections::HashMap;

use foldhash::fast::FixedState;

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

/// Pools whose turn a worker remembers; beyond that it starts them anew at a random place.
const CURSORS_MAX: usize = 16_384;

/// What one data thread keeps between picks. Not shared: each thread owns one.
#[derive(Debug)]
pub struct Worker {
    pub(crate) rng: Rng,
    cursors: HashMap<u64, Cursor, FixedState>,
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
        Self { rng: Rng::new(seed), cursors: HashMap::default() }
    }

    /// The next place in a sequence of this length (above 0) of the pool with this ledger. A new pool begins at random; a
    /// sequence of another length goes on at the same fraction, so that a rebuilt picker does not start over.
    pub(crate) fn turn(&mut self, ledger: u64, length: u32) -> u32 {
        if !self.cursors.contains_key(&ledger) {
            if self.cursors.len() >= CURSORS_MAX {
                self.cursors.clear();
            }
            let next = self.rng.below(length as usize) as u32;
            self.cursors.insert(ledger, Cursor { next, length });
        }
        let cursor = self.cursors.get_mut(&ledger).expect("inserted above");
        if cursor.length != length {
            cursor.next = (u64::from(cursor.next) * u64::from(length) / u64::from(cursor.length)) as u32 % length;
            cursor.length = length;
        }
        let turn = cursor.next;
        cursor.next = if turn + 1 == length { 0 } else { turn + 1 };
        turn
    }
}
