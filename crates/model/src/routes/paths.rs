//! The rules of one host by path.
//!
//! Exact paths and prefixes are hashed whole; a prefix look-up hashes the path cut at its slashes, deepest first, and only at
//! depths that occur. That finds the longest prefix in one probe per depth, whether the host has one prefix or 50,000, and a
//! change touches one bucket.

use std::sync::Arc;

use smallvec::SmallVec;

use super::order::precedes;
use super::{HostPattern, PathMatch, RouteMatch};
use crate::Map;

/// Matches that share host and path, the one that wins first.
pub(super) type Candidates = SmallVec<[Arc<RouteMatch>; 1]>;

/// The rules of one host pattern.
#[derive(Clone, Debug)]
pub(super) struct HostRules {
    pub(super) host: HostPattern,
    exact: Buckets,
    /// Longest pattern first, then as [`precedes`].
    regexes: Arc<Vec<Arc<RouteMatch>>>,
    prefixes: Buckets,
    /// How many prefixes there are of each depth (number of slashes).
    depths: Arc<Vec<u32>>,
    rest: Candidates,
}

impl HostRules {
    pub(super) fn new(host: HostPattern) -> Self {
        Self {
            host,
            exact: Buckets::default(),
            regexes: Arc::default(),
            prefixes: Buckets::default(),
            depths: Arc::default(),
            rest: Candidates::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.regexes.is_empty() && self.rest.is_empty()
    }

    pub(super) fn insert(&mut self, one: Arc<RouteMatch>) {
        match &one.path {
            PathMatch::Exact(path) => self.exact.insert(Arc::clone(path), one),
            PathMatch::Regex(_) => {
                let regexes = Arc::make_mut(&mut self.regexes);
                let at = regexes.partition_point(|known| regex_precedes(known, &one));
                regexes.insert(at, one);
            }
            PathMatch::Prefix(prefix) => {
                let key = elements(prefix);
                let depth = depth(&key);
                let depths = Arc::make_mut(&mut self.depths);
                if depths.len() <= depth {
                    depths.resize(depth + 1, 0);
                }
                depths[depth] += 1;
                self.prefixes.insert(key, one);
            }
            PathMatch::Rest => insert_sorted(&mut self.rest, one),
        }
    }

    pub(super) fn remove(&mut self, one: &RouteMatch) {
        match &one.path {
            PathMatch::Exact(path) => {
                self.exact.remove(path, one);
            }
            PathMatch::Regex(_) => {
                if let Some(at) = self.regexes.iter().position(|known| known.same_place(one)) {
                    Arc::make_mut(&mut self.regexes).remove(at);
                }
            }
            PathMatch::Prefix(prefix) => {
                let key = elements(prefix);
                if self.prefixes.remove(&key, one) {
                    let depths = Arc::make_mut(&mut self.depths);
                    depths[depth(&key)] -= 1;
                    while depths.last() == Some(&0) {
                        depths.pop();
                    }
                }
            }
            PathMatch::Rest => self.rest.retain(|known| !known.same_place(one)),
        }
    }

    /// Gives `each` the candidates for a path in order of precedence until it answers; the default backend is not among them.
    pub(super) fn walk<'a, R>(&'a self, path: &str, mut each: impl FnMut(&'a Arc<RouteMatch>) -> Option<R>) -> Option<R> {
        if let Some(found) = self.exact.get(path).and_then(|bucket| bucket.iter().find_map(&mut each)) {
            return Some(found);
        }
        if let Some(found) = self.regexes.iter().find_map(&mut each) {
            return Some(found);
        }
        self.walk_prefixes(path, each)
    }

    fn walk_prefixes<'a, R>(&'a self, path: &str, mut each: impl FnMut(&'a Arc<RouteMatch>) -> Option<R>) -> Option<R> {
        let deepest = self.depths.len().checked_sub(1)?;
        let bytes = path.as_bytes();
        // The cut behind which every element lies deeper than any prefix: where slash number `deepest + 1` stands.
        let mut end = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').nth(deepest).map_or(path.len(), |(at, _)| at);
        let mut depth = bytes[..end].iter().filter(|byte| **byte == b'/').count();
        loop {
            // No slash before the cut (also in `*`): the prefix `/`, which holds everything.
            let cut = if depth == 0 { "" } else { &path[..end] };
            if self.depths[depth] > 0
                && let Some(found) = self.prefixes.get(cut).and_then(|bucket| bucket.iter().find_map(&mut each))
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

    /// Candidates when no path of the host matched.
    pub(super) fn rest(&self) -> &[Arc<RouteMatch>] {
        &self.rest
    }

    pub(super) fn matches(&self) -> impl Iterator<Item = &Arc<RouteMatch>> {
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

fn insert_sorted(bucket: &mut Candidates, one: Arc<RouteMatch>) {
    let at = bucket.partition_point(|known| precedes(known, &one).is_lt());
    bucket.insert(at, one);
}

/// How many buckets are kept as a list before they are hashed. A hash node has room for 16 entries, which most hosts never fill.
const LISTED: usize = 8;

/// Candidates by path.
#[derive(Clone, Debug)]
enum Buckets {
    Few(Vec<(Arc<str>, Candidates)>),
    Many(Map<Arc<str>, Candidates>),
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

    fn get(&self, path: &str) -> Option<&Candidates> {
        match self {
            Buckets::Few(list) => list.iter().find(|(key, _)| **key == *path).map(|(_, bucket)| bucket),
            Buckets::Many(map) => map.get(path),
        }
    }

    fn insert(&mut self, path: Arc<str>, one: Arc<RouteMatch>) {
        match self {
            Buckets::Few(list) => match list.iter().position(|(key, _)| *key == path) {
                Some(at) => insert_sorted(&mut list[at].1, one),
                None if list.len() < LISTED => list.push((path, SmallVec::from_buf([one]))),
                None => {
                    let mut map: Map<_, _> = list.drain(..).collect();
                    map.insert(path, SmallVec::from_buf([one]));
                    *self = Buckets::Many(map);
                }
            },
            Buckets::Many(map) => insert_sorted(map.entry(path).or_default(), one),
        }
    }

    /// Whether it was there.
    fn remove(&mut self, path: &str, one: &RouteMatch) -> bool {
        let take = |bucket: &mut Candidates| {
            let before = bucket.len();
            bucket.retain(|known| !known.same_place(one));
            (bucket.len() < before, bucket.is_empty())
        };
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
        let listed = list.into_iter().flatten().flat_map(|(_, bucket)| bucket);
        listed.chain(map.into_iter().flat_map(|map| map.values()).flatten())
    }
}
