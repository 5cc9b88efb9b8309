//! Matches that share host and path. More than a few are indexed by all the exact header and query values that they ask for, so that
//! a thousand tenants told apart by one header of five cost one look-up. Persistent: a change touches one entry of the index.

use std::cmp::Ordering;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

use smallvec::SmallVec;

use super::ask::{Ask, Asked};
use super::order::precedes;
use super::table::{Trace, test};
use super::{RouteMatch, ValueTest};
use crate::Map;

/// How many candidates are tried one by one.
const TRIED: usize = 8;
/// How many different sets of names the index looks for; matches that ask for yet another set are always tried.
const GROUPS: usize = 4;

/// Candidates of one host and path. Two words, for there is one for each of tens of thousands of prefixes, and nearly all hold one.
#[derive(Clone, Debug, Default)]
pub(super) enum Bucket {
    #[default]
    Empty,
    One(Arc<RouteMatch>),
    /// Up to [`TRIED`].
    Few(Box<Ranked>),
    /// More than that.
    Many(Box<Index>),
}

/// Candidates, the one that wins first.
type Ranked = SmallVec<[Arc<RouteMatch>; 1]>;

/// A candidate in the order in which candidates win.
#[derive(Clone, Debug)]
pub(super) struct ByRank(Arc<RouteMatch>);

impl Ord for ByRank {
    fn cmp(&self, other: &Self) -> Ordering {
        precedes(&self.0, &other.0)
    }
}

impl PartialOrd for ByRank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByRank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByRank {}

/// Candidates by the values that they ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    all: imbl::OrdSet<ByRank>,
    groups: SmallVec<[Group; GROUPS]>,
    /// Candidates that must always be tried.
    loose: Ranked,
}

/// Candidates whose exact conditions are on the same headers and parameters.
#[derive(Clone, Debug)]
struct Group {
    names: Arc<[Name]>,
    /// By the hash of the values. A collision costs a try, no more: every candidate is tested in full.
    by_values: Map<u64, Ranked>,
}

/// A header or query parameter. The order only makes equal sets equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    is_header: bool,
    name: Arc<str>,
}

impl From<Arc<RouteMatch>> for Bucket {
    fn from(one: Arc<RouteMatch>) -> Self {
        Self::One(one)
    }
}

impl From<Ranked> for Bucket {
    fn from(mut list: Ranked) -> Self {
        match list.len() {
            0 => Self::Empty,
            1 => Self::One(list.remove(0)),
            _ => Self::Few(Box::new(list)),
        }
    }
}

impl Bucket {
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<RouteMatch>> {
        let many = if let Self::Many(index) = self { Some(index.all.iter().map(|ranked| &ranked.0)) } else { None };
        self.few().iter().chain(many.into_iter().flatten())
    }

    /// The candidates that are tried one by one.
    fn few(&self) -> &[Arc<RouteMatch>] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Few(list) => list,
            Self::Empty | Self::Many(_) => &[],
        }
    }

    pub fn insert(&mut self, one: Arc<RouteMatch>) {
        match self {
            Self::Empty => *self = Self::One(one),
            Self::One(first) => {
                let mut list = Ranked::from_buf([Arc::clone(first)]);
                insert(&mut list, one);
                *self = list.into();
            }
            Self::Few(list) if list.len() < TRIED => insert(list, one),
            Self::Few(list) => {
                let mut index = Box::<Index>::default();
                list.drain(..).chain([one]).for_each(|one| index.insert(one));
                *self = Self::Many(index);
            }
            Self::Many(index) => index.insert(one),
        }
    }

    /// Whether it was there.
    pub fn remove(&mut self, one: &RouteMatch) -> bool {
        match self {
            Self::Empty => false,
            Self::One(only) => {
                let found = only.same_place(one);
                if found {
                    *self = Self::Empty;
                }
                found
            }
            Self::Few(list) => {
                let found = remove(list, one);
                if list.len() <= 1 {
                    *self = std::mem::take(&mut **list).into();
                }
                found
            }
            Self::Many(index) => {
                // Taken out by place and not by rank: what decides the rank may be what changed.
                let Some(known) = index.all.iter().find(|known| known.0.same_place(one)).cloned() else { return false };
                index.remove(&known);
                if index.all.len() <= TRIED {
                    *self = index.all.iter().map(|ranked| Arc::clone(&ranked.0)).collect::<Ranked>().into();
                }
                true
            }
        }
    }

    /// The first candidate whose conditions all hold.
    #[inline]
    pub fn find<'b, A: Ask, T: Trace>(&'b self, asked: &mut Asked<'_, A>, trace: &mut T) -> Option<&'b Arc<RouteMatch>> {
        match self {
            Self::One(one) => test(asked, one, trace),
            Self::Empty => None,
            Self::Few(list) => list.iter().find_map(|one| test(asked, one, trace)),
            Self::Many(index) if T::EVERYTHING => index.all.iter().find_map(|ranked| test(asked, &ranked.0, trace)),
            Self::Many(index) => index.find(asked, trace),
        }
    }
}

impl Index {
    fn insert(&mut self, one: Arc<RouteMatch>) {
        self.all.insert(ByRank(Arc::clone(&one)));
        insert(self.place(&one, true).0, one);
    }

    fn remove(&mut self, known: &ByRank) {
        self.all.remove(known);
        let (list, entry) = self.place(&known.0, false);
        remove(list, &known.0);
        let empty = list.is_empty();
        if let Some((group, values)) = entry.filter(|_| empty) {
            self.groups[group].by_values.remove(&values);
            if self.groups[group].by_values.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    /// The list that a candidate belongs to, and where that list is kept when it is not the loose one. A group is only made when told to.
    fn place(&mut self, one: &RouteMatch, make: bool) -> (&mut Ranked, Option<(usize, u64)>) {
        let conditions = exact(one);
        let same = |group: &Group| group.names.iter().eq(conditions.iter().map(|(name, _)| name));
        let group = match self.groups.iter().position(same) {
            _ if conditions.is_empty() => None,
            None if make && self.groups.len() < GROUPS => {
                let names = conditions.iter().map(|(name, _)| name.clone()).collect();
                self.groups.push(Group { names, by_values: Map::default() });
                Some(self.groups.len() - 1)
            }
            known => known,
        };
        let Some(group) = group else { return (&mut self.loose, None) };
        let mut digest = Digest::default();
        conditions.iter().for_each(|(_, value)| digest.add(value));
        let values = digest.finish();
        (self.groups[group].by_values.entry(values).or_default(), Some((group, values)))
    }

    fn find<'b, A: Ask, T: Trace>(&'b self, asked: &mut Asked<'_, A>, trace: &mut T) -> Option<&'b Arc<RouteMatch>> {
        let mut lists: SmallVec<[&[Arc<RouteMatch>]; GROUPS + 1]> = SmallVec::new();
        lists.push(&self.loose);
        lists.extend(self.groups.iter().filter_map(|group| group.asked(asked)));
        loop {
            let next = lists.iter_mut().filter(|list| !list.is_empty()).min_by(|a, b| precedes(&a[0], &b[0]))?;
            let (first, rest) = next.split_first()?;
            *next = rest;
            if let Some(found) = test(asked, first, trace) {
                return Some(found);
            }
        }
    }
}

impl Group {
    /// The candidates that ask for the values which the request has.
    fn asked<A: Ask>(&self, asked: &mut Asked<'_, A>) -> Option<&[Arc<RouteMatch>]> {
        let mut digest = Digest::default();
        for Name { is_header, name } in &*self.names {
            if !is_header {
                digest.add(&asked.query(name)?);
                continue;
            }
            // Nearly always there is one field of a name, and its value need not be put together.
            let (before, mut fields) = (digest.clone(), 0);
            asked.ask.header(name, &mut |value| {
                fields += 1;
                digest.add(value);
            });
            match fields {
                0 => return None,
                1 => {}
                _ => {
                    digest = before;
                    digest.add(&asked.header(name)?);
                }
            }
        }
        self.by_values.get(&digest.finish()).map(SmallVec::as_slice)
    }
}

/// A hash of several values, each with its length so that no two lists run into one another.
#[derive(Clone)]
struct Digest(foldhash::fast::FoldHasher<'static>);

impl Default for Digest {
    fn default() -> Self {
        Self(foldhash::fast::FixedState::default().build_hasher())
    }
}

impl Digest {
    fn add(&mut self, value: &[u8]) {
        self.0.write_usize(value.len());
        self.0.write(value);
    }

    fn finish(self) -> u64 {
        self.0.finish()
    }
}

/// The exact conditions of a candidate by name, the first of each name.
fn exact(one: &RouteMatch) -> SmallVec<[(Name, &[u8]); 4]> {
    let named = one.headers.iter().map(|wanted| (true, wanted)).chain(one.query.iter().map(|wanted| (false, wanted)));
    let mut list: SmallVec<[(Name, &[u8]); 4]> = named
        .filter_map(|(is_header, wanted)| match &wanted.test {
            ValueTest::Exact(value) => Some((Name { is_header, name: Arc::clone(&wanted.name) }, value.as_bytes())),
            ValueTest::Regex(_) => None,
        })
        .collect();
    // Stable, so that the first of a name stays the first.
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list.dedup_by(|b, a| a.0 == b.0);
    list
}

fn insert(list: &mut Ranked, one: Arc<RouteMatch>) {
    let at = list.partition_point(|known| precedes(known, &one).is_lt());
    list.insert(at, one);
}

/// Whether it was there.
fn remove(list: &mut Ranked, one: &RouteMatch) -> bool {
    let before = list.len();
    list.retain(|known| !known.same_place(one));
    list.len() < before
}
