//! The rules of one host by path.
//!
//! Exact paths and prefixes are hashed whole; a prefix look-up hashes the path cut at its slashes, deepest first, and only at
//! depths that occur. That finds the longest prefix in one probe per depth, whether the host has one prefix or 50,000, and a
//! change touches one bucket.

use std::sync::Arc;

use smallvec::SmallVec;

use super::ask::{Ask, Asked};
use super::bucket::Bucket;
use super::order::precedes;
use super::table::{Trace, test};
use super::{HostPattern, PathMatch, RouteMatch};
use crate::Map;

/// The rules of one host pattern, never none. Most hosts have one; it needs no table.
#[derive(Clone, Debug)]
pub(super) enum HostRules {
    One(Arc<RouteMatch>),
    Several(Arc<PathTable>),
}

impl HostRules {
    /// The pattern they are for.
    pub fn host(&self) -> &HostPattern {
        match self {
            HostRules::One(one) => &one.host,
            HostRules::Several(table) => &table.host,
        }
    }

    pub fn insert(&mut self, one: Arc<RouteMatch>) {
        match self {
            HostRules::One(first) => {
                let mut table = PathTable::new(first.host.clone());
                table.insert(Arc::clone(first));
                table.insert(one);
                *self = HostRules::Several(Arc::new(table));
            }
            HostRules::Several(table) => Arc::make_mut(table).insert(one),
        }
    }

    /// Takes out a match; whether nothing is left.
    pub fn remove(&mut self, one: &RouteMatch) -> bool {
        match self {
            HostRules::One(only) => only.same_place(one) && only.path == one.path,
            HostRules::Several(table) => {
                let table = Arc::make_mut(table);
                table.remove(one);
                table.is_empty()
            }
        }
    }

    /// The match that wins for the path of a request; the default backend is not among them.
    #[inline]
    pub fn find<A: Ask, T: Trace>(&self, asked: &mut Asked<'_, A>, trace: &mut T) -> Option<&Arc<RouteMatch>> {
        match self {
            HostRules::One(one) => {
                let meant = match &one.path {
                    PathMatch::Exact(_) | PathMatch::Prefix(_) => one.path.holds(asked.ask.path()),
                    PathMatch::Regex(_) => true,
                    PathMatch::Rest => false,
                };
                if meant { test(asked, one, trace) } else { None }
            }
            HostRules::Several(table) => table.find(asked, trace),
        }
    }

    /// The default backend.
    pub fn find_rest<A: Ask, T: Trace>(&self, asked: &mut Asked<'_, A>, trace: &mut T) -> Option<&Arc<RouteMatch>> {
        match self {
            HostRules::One(one) if one.path == PathMatch::Rest => test(asked, one, trace),
            HostRules::One(_) => None,
            HostRules::Several(table) => table.rest.find(asked, trace),
        }
    }

    pub fn matches(&self) -> impl Iterator<Item = &Arc<RouteMatch>> {
        let (one, table) = match self {
            HostRules::One(one) => (Some(one), None),
            HostRules::Several(table) => (None, Some(table)),
        };
        one.into_iter().chain(table.into_iter().flat_map(|table| table.matches()))
    }
}

/// Several rules of one host pattern.
#[derive(Clone, Debug)]
pub(super) struct PathTable {
    host: HostPattern,
    exact: Buckets,
    /// Longest pattern first, then as [`precedes`].
    regexes: Vec<Arc<RouteMatch>>,
    prefixes: Buckets,
    /// How many prefixes there are of each depth (number of slashes).
    depths: SmallVec<[u32; 4]>,
    rest: Bucket,
}

impl PathTable {
    fn new(host: HostPattern) -> Self {
        Self { host, exact: Buckets::default(), regexes: Vec::new(), prefixes: Buckets::default(), depths: SmallVec::new(), rest: Bucket::default() }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.regexes.is_empty() && self.rest.is_empty()
    }

    fn insert(&mut self, one: Arc<RouteMatch>) {
        match &one.path {
            PathMatch::Exact(path) => self.exact.insert(Arc::clone(path), one),
            PathMatch::Regex(_) => {
                let at = self.regexes.partition_point(|known| regex_precedes(known, &one));
                self.regexes.insert(at, one);
            }
            PathMatch::Prefix(prefix) => {
                let key = elements(prefix);
                let depth = depth(&key);
                if self.depths.len() <= depth {
                    self.depths.resize(depth + 1, 0);
                }
                self.depths[depth] += 1;
                self.prefixes.insert(key, one);
            }
            PathMatch::Rest => self.rest.insert(one),
        }
    }

    fn remove(&mut self, one: &RouteMatch) {
        match &one.path {
            PathMatch::Exact(path) => {
                self.exact.remove(path, one);
            }
            PathMatch::Regex(_) => {
                self.regexes.retain(|known| !known.same_place(one));
            }
            PathMatch::Prefix(prefix) => {
                let key = elements(prefix);
                if self.prefixes.remove(&key, one) {
                    self.depths[depth(&key)] -= 1;
                    while self.depths.last() == Some(&0) {
                        self.depths.pop();
                    }
                }
            }
            PathMatch::Rest => {
                self.rest.remove(one);
            }
        }
    }

    fn find<A: Ask, T: Trace>(&self, asked: &mut Asked<'_, A>, trace: &mut T) -> Option<&Arc<RouteMatch>> {
        let path = asked.ask.path();
        let exact = self.exact.get(path).and_then(|bucket| bucket.find(asked, trace));
        let regex = exact.or_else(|| self.regexes.iter().find_map(|one| test(asked, one, trace)));
        regex.or_else(|| self.find_prefix(path, asked, trace))
    }

    fn find_prefix<A: Ask, T: Trace>(&self, path: &str, asked: &mut Asked<'_, A>, trace: &mut T) -> Option<&Arc<RouteMatch>> {
        let deepest = self.depths.len().checked_sub(1)?;
        let bytes = path.as_bytes();
        // The cut behind which every element lies deeper than any prefix: where slash number `deepest + 1` stands.
        let mut end = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').nth(deepest).map_or(path.len(), |(at, _)| at);
        let mut depth = bytes[..end].iter().filter(|byte| **byte == b'/').count();
        loop {
            // No slash before the cut (also in `*`): the prefix `/`, which holds everything.
            let cut = if depth == 0 { "" } else { &path[..end] };
            if self.depths[depth] > 0
                && let Some(found) = self.prefixes.get(cut).and_then(|bucket| bucket.find(asked, trace))
            {
                return Some(found);
            }
            if depth == 0 {
                return None;
            }
            depth -= 1;
            end = path[..end].rfind('/').unwrap_or(0);
        }
    }

    fn matches(&self) -> impl Iterator<Item = &Arc<RouteMatch>> {
        self.exact.iter().chain(self.regexes.iter()).chain(self.prefixes.iter()).chain(self.rest.iter())
    }
}

/// A prefix without its trailing slashes: what stands before each of its next elements. `/` becomes empty.
fn elements(prefix: &Arc<str>) -> Arc<str> {
    let cut = prefix.trim_end_matches('/');
    if cut.len() == prefix.len() { Arc::clone(prefix) } else { cut.into() }
}

fn depth(key: &str) -> usize {
    key.bytes().filter(|byte| *byte == b'/').count()
}

fn regex_precedes(a: &RouteMatch, b: &RouteMatch) -> bool {
    let length = |one: &RouteMatch| match &one.path {
        PathMatch::Regex(pattern) => pattern.text().len(),
        _ => 0,
    };
    length(b).cmp(&length(a)).then_with(|| precedes(a, b)).is_lt()
}

/// How many buckets are kept as a list before they are hashed. A hash node has room for 16 entries, which most hosts never fill.
const LISTED: usize = 8;

/// Candidates by path.
#[derive(Clone, Debug)]
enum Buckets {
    Few(Vec<(Arc<str>, Bucket)>),
    Many(Map<Arc<str>, Bucket>),
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets::Few(Vec::new())
    }
}

impl Buckets {
    fn is_empty(&self) -> bool {
        match self {
            Buckets::Few(list) => list.is_empty(),
            Buckets::Many(map) => map.is_empty(),
        }
    }

    fn get(&self, path: &str) -> Option<&Bucket> {
        match self {
            Buckets::Few(list) => list.iter().find(|(key, _)| **key == *path).map(|(_, bucket)| bucket),
            Buckets::Many(map) => map.get(path),
        }
    }

    fn insert(&mut self, path: Arc<str>, one: Arc<RouteMatch>) {
        match self {
            Buckets::Few(list) => match list.iter().position(|(key, _)| *key == path) {
                Some(at) => list[at].1.insert(one),
                None if list.len() < LISTED => {
                    list.reserve_exact(1);
                    list.push((path, Bucket::from(one)));
                }
                None => {
                    let mut map: Map<_, _> = list.drain(..).collect();
                    map.insert(path, Bucket::from(one));
                    *self = Buckets::Many(map);
                }
            },
            Buckets::Many(map) => map.entry(path).or_default().insert(one),
        }
    }

    /// Whether it was there.
    fn remove(&mut self, path: &str, one: &RouteMatch) -> bool {
        let take = |bucket: &mut Bucket| (bucket.remove(one), bucket.is_empty());
        match self {
            Buckets::Few(list) => {
                let Some(at) = list.iter().position(|(key, _)| **key == *path) else { return false };
                let (found, empty) = take(&mut list[at].1);
                if empty {
                    list.swap_remove(at);
                }
                found
            }
            Buckets::Many(map) => {
                let Some((found, empty)) = map.get_mut(path).map(take) else { return false };
                if empty {
                    map.remove(path);
                }
                found
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<RouteMatch>> {
        let (list, map) = match self {
            Buckets::Few(list) => (Some(list), None),
            Buckets::Many(map) => (None, Some(map)),
        };
        let listed = list.into_iter().flatten().flat_map(|(_, bucket)| bucket.iter());
        listed.chain(map.into_iter().flat_map(|map| map.values()).flat_map(Bucket::iter))
    }
}
