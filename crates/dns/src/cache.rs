//! What others said, kept as octets for as long as they allow (dns spec C1, C3). Own data is never in here.

use std::hash::BuildHasher;
use std::time::Instant;

use foldhash::quality::RandomState;
use indexmap::IndexMap;
use parking_lot::Mutex;
use std::sync::Arc;

use crate::answer::Ask;
use crate::select::Rng;
use crate::wire::{self, HEADER, Section, flag, kind, rcode, u16_at};

/// Caps and floor of TTLs in seconds.
const LONGEST_POSITIVE_S: u32 = 3600;
const LONGEST_NEGATIVE_S: u32 = 1800;
const SHORTEST_S: u32 = 5;
/// How long a failure is remembered.
const FAILURE_S: u32 = 5;
const SHARDS: usize = 64;
/// Octets that one shard may keep besides its entries' number: 64 shards of 256 KiB are 16 MiB.
const SHARD_OCTETS: usize = 256 * 1024;
/// Entries looked at when one must go; of these the one that ends soonest does.
const SAMPLES: usize = 4;

/// An answer of others.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The message up to its last kept record.
    pub message: Box<[u8]>,
    /// Its records, OPT left out.
    pub records: Box<[Kept]>,
    /// How many of them are answers, and how many authorities.
    sections: [usize; 2],
    pub rcode: u16,
    pub flags: u16,
    /// Where the first record begins.
    first: usize,
    /// How long it may be kept, in seconds.
    pub ttl_s: u32,
}

/// Where a record of an [`Answer`] is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub ttl_at: u16,
    /// As it was when it came, within the caps.
    pub ttl_s: u32,
    pub end: u16,
}

impl Answer {
    /// Reads a reply; `None` when it is malformed. The question must have been compared already.
    pub fn read(message: &[u8]) -> Option<Self> {
        let [flags, questions, answers, authorities, additionals] = [2, 4, 6, 8, 10].map(|at| u16_at(message, at));
        let first = wire::skip_name(message, HEADER)? + 4;
        if questions? != 1 || message.len() > usize::from(u16::MAX) {
            return None;
        }
        let (answers, authorities, additionals) = (usize::from(answers?), usize::from(authorities?), usize::from(additionals?));
        let mut answer = Self {
            message: Box::default(),
            records: Box::default(),
            sections: [answers, authorities],
            rcode: flags? & flag::RCODE,
            flags: flags?,
            first,
            ttl_s: 0,
        };
        let (mut records, mut ttls) = (Vec::new(), Vec::new());
        let (mut at, mut kept_to, mut shortest) = (first, first, None::<u32>);
        let mut complete = true;
        for index in 0..answers + authorities + additionals {
            let record = wire::record(message, at)?;
            ttls.push(record.ttl_at);
            if !wire::is_sound(message, &record, &ttls) {
                return None;
            }
            at = record.end;
            if record.kind == kind::OPT {
                if index < answers + authorities {
                    return None;
                }
                answer.rcode |= u16::from(record.ttl_s.to_be_bytes()[0]) << 4;
                // What stands behind it would have to move, and with it whatever points there.
                complete = false;
            }
            if !complete {
                continue;
            }
            let own = if index < answers { Some(record.ttl_s) } else { denial(message, record, index < answers + authorities && answers == 0) };
            shortest = [shortest, own].into_iter().flatten().min();
            records.push(Kept {
                ttl_at: u16::try_from(record.ttl_at).ok()?,
                ttl_s: record.ttl_s.clamp(SHORTEST_S, LONGEST_POSITIVE_S),
                end: u16::try_from(record.end).ok()?,
            });
            kept_to = record.end;
        }
        if at != message.len() {
            return None;
        }
        answer.records = records.into();
        answer.message = message[..kept_to].into();
        let longest = if answers > 0 { LONGEST_POSITIVE_S } else { LONGEST_NEGATIVE_S };
        answer.ttl_s = match answer.rcode {
            rcode::NOERROR | rcode::NXDOMAIN => shortest.unwrap_or(SHORTEST_S).clamp(SHORTEST_S, longest),
            _ => FAILURE_S,
        };
        Some(answer)
    }

    /// The section of a record.
    pub fn section_of(&self, index: usize) -> Section {
        match index {
            index if index < self.sections[0] => Section::Answer,
            index if index < self.sections[0] + self.sections[1] => Section::Authority,
            _ => Section::Additional,
        }
    }

    /// Where a record begins.
    pub fn begin_of(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(self.first, |before| usize::from(self.records[before].end))
    }

    /// Whether it denies the whole name, and so every type of it.
    fn denies_name(&self) -> bool {
        self.rcode == rcode::NXDOMAIN && self.sections[0] == 0
    }

    fn octets(&self) -> usize {
        self.message.len() + self.records.len() * size_of::<Kept>() + size_of::<Self>()
    }
}

/// The TTL of a denial: the SOA's, or its last field where that is less (RFC 2308 §5).
fn denial(message: &[u8], record: wire::Record, negative: bool) -> Option<u32> {
    if !negative || record.kind != kind::SOA {
        return None;
    }
    let minimum = wire::u32_at(message, record.end.checked_sub(4)?)?;
    Some(minimum.min(record.ttl_s))
}

/// The key of an answer: folded name, type, and the flags that change answers. On the stack.
pub(crate) struct Key {
    octets: [u8; wire::LONGEST_NAME + 3],
    length: usize,
}

impl Key {
    /// The key of a question.
    pub fn of(ask: &Ask) -> Self {
        Self::new(ask, ask.kind)
    }

    /// The key of a question; `kind` 0 stands for the whole name.
    fn new(ask: &Ask, kind: u16) -> Self {
        let mut key = Self { octets: [0; wire::LONGEST_NAME + 3], length: 0 };
        let name = ask.name.wire();
        key.octets[..name.len()].copy_from_slice(name);
        let [high, low] = kind.to_be_bytes();
        let flags = u8::from(ask.dnssec_ok) | u8::from(ask.checking_disabled) << 1;
        key.octets[name.len()..name.len() + 3].copy_from_slice(&[high, low, flags]);
        key.length = name.len() + 3;
        key
    }

    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

struct Entry {
    answer: Arc<Answer>,
    stored: Instant,
}

impl Entry {
    fn age_s(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.stored).as_secs()).unwrap_or(u32::MAX)
    }

    fn ends_in_s(&self, now: Instant) -> u32 {
        self.answer.ttl_s.saturating_sub(self.age_s(now))
    }
}

#[derive(Default)]
struct Shard {
    /// Positive answers, then negative ones and failures.
    kept: [IndexMap<Box<[u8]>, Entry, RandomState>; 2],
    octets: usize,
}

/// All answers, shared by all cores; a shard is locked for one look-up.
pub(crate) struct Cache {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    per_shard: usize,
    rng: Mutex<Rng>,
}

impl Cache {
    /// A cache of so many positive and so many negative answers.
    pub fn new(entries: usize, seed: u64) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            per_shard: entries.div_ceil(SHARDS),
            rng: Mutex::new(Rng::new(seed)),
        }
    }

    /// The answer to a question with its age in seconds, while it may be used. A denied name answers for every type.
    pub fn get(&self, ask: &Ask, now: Instant) -> Option<(Arc<Answer>, u32)> {
        let key = Key::new(ask, ask.kind);
        let denied = Key::new(ask, 0);
        let shard = self.shard(ask).lock();
        [(0, &key), (1, &key), (1, &denied)].into_iter().find_map(|(half, key)| {
            let entry = shard.kept[half].get(key.octets()).filter(|entry| entry.ends_in_s(now) > 0)?;
            Some((Arc::clone(&entry.answer), entry.age_s(now)))
        })
    }

    /// Keeps an answer, and gives it as it is to be told.
    pub fn put(&self, ask: &Ask, mut answer: Answer, now: Instant) -> Arc<Answer> {
        let mut shard = self.shard(ask).lock();
        let shard = &mut *shard;
        // Servers exist that deny a name for the type they do not have. Where it has addresses, only the type is missing: A and AAAA
        // of one name must not disagree on whether it exists (RFC 4074).
        let exists = [kind::A, kind::AAAA].map(|kind| Key::new(ask, kind));
        if answer.denies_name() && exists.iter().any(|key| shard.is_usable(0, key, now)) {
            answer.rcode = rcode::NOERROR;
        }
        let answer = Arc::new(answer);
        self.keep(shard, ask, &answer, now);
        answer
    }

    fn keep(&self, shard: &mut Shard, ask: &Ask, answer: &Arc<Answer>, now: Instant) {
        let positive = answer.rcode == rcode::NOERROR && answer.sections[0] > 0;
        let key = Key::new(ask, if answer.denies_name() { 0 } else { ask.kind });
        if positive {
            // The name exists after all.
            shard.remove(1, Key::new(ask, 0).octets());
        }
        // A failure never shadows an answer that is still good.
        shard.remove(usize::from(positive), Key::new(ask, ask.kind).octets());
        let half = usize::from(!positive);
        shard.remove(half, key.octets());
        while shard.kept[half].len() >= self.per_shard || shard.octets + answer.octets() > SHARD_OCTETS {
            if !shard.evict(half, &mut self.rng.lock(), now) {
                return;
            }
        }
        shard.octets += answer.octets();
        shard.kept[half].insert(key.octets().into(), Entry { answer: Arc::clone(answer), stored: now });
    }

    fn shard(&self, ask: &Ask) -> &Mutex<Shard> {
        &self.shards[usize::try_from(self.hasher.hash_one(ask.name.wire()) >> 58).unwrap_or(0)]
    }
}

impl Shard {
    fn is_usable(&self, half: usize, key: &Key, now: Instant) -> bool {
        self.kept[half].get(key.octets()).is_some_and(|entry| entry.ends_in_s(now) > 0)
    }

    fn remove(&mut self, half: usize, key: &[u8]) {
        if let Some(entry) = self.kept[half].swap_remove(key) {
            self.octets -= entry.answer.octets();
        }
    }

    /// Throws one entry out, of this half if it has one. False if there is none at all.
    fn evict(&mut self, half: usize, rng: &mut Rng, now: Instant) -> bool {
        let half = if self.kept[half].is_empty() { 1 - half } else { half };
        let entries = &mut self.kept[half];
        if entries.is_empty() {
            return false;
        }
        let drawn = (0..SAMPLES).map(|_| rng.below(entries.len()));
        let Some(index) = drawn.min_by_key(|&index| entries.get_index(index).map(|(_, entry)| entry.ends_in_s(now))) else { return false };
        if let Some((_, entry)) = entries.swap_remove_index(index) {
            self.octets -= entry.answer.octets();
        }
        true
    }
}
