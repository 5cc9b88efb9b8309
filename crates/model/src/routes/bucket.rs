//! Matches that share host and path. More than a few are indexed by a header or query value that they ask for, so that a
//! thousand tenants told apart by one header cost one look-up.

use std::sync::Arc;

use smallvec::SmallVec;

use super::ask::{Ask, Asked};
use super::order::precedes;
use super::table::{Trace, test};
use super::{RouteMatch, ValueTest};
use crate::Map;

/// How many candidates are tried one by one.
const TRIED: usize = 8;
/// How many different headers and parameters one index looks at; matches that ask for others first are always tried.
const GROUPS: usize = 4;

/// Candidates of one host and path.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// The one that wins first.
    list: SmallVec<[Arc<RouteMatch>; 1]>,
    /// Only for long lists.
    index: Option<Arc<Index>>,
}

/// Positions in the list by the first exact header or query value that a candidate asks for.
#[derive(Debug, Default)]
struct Index {
    groups: Vec<Group>,
    /// Candidates that must always be tried.
    loose: Vec<u32>,
}

/// Candidates that ask for a value of one name.
#[derive(Debug)]
struct Group {
    name: Arc<str>,
    is_header: bool,
    by_value: Map<Arc<[u8]>, Vec<u32>>,
}

impl From<Arc<RouteMatch>> for Bucket {
    fn from(one: Arc<RouteMatch>) -> Self {
        Self { list: SmallVec::from_buf([one]), index: None }
    }
}

impl Bucket {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<RouteMatch>> {
        self.list.iter()
    }

    pub fn insert(&mut self, one: Arc<RouteMatch>) {
        let at = self.list.partition_point(|known| precedes(known, &one).is_lt());
        self.list.insert(at, one);
        self.reindex();
    }

    /// Whether it was there.
    pub fn remove(&mut self, one: &RouteMatch) -> bool {
        let before = self.list.len();
        self.list.retain(|known| !known.same_place(one));
        self.reindex();
        self.list.len() < before
    }

    fn reindex(&mut self) {
        self.index = (self.list.len() > TRIED).then(|| Arc::new(Index::new(&self.list)));
    }

    /// The first candidate whose conditions all hold.
    #[inline]
    pub fn find<'b, A: Ask, T: Trace>(&'b self, asked: &mut Asked<'_, A>, trace: &mut T) -> Option<&'b Arc<RouteMatch>> {
        match &self.index {
            Some(index) if !T::EVERYTHING => index.positions(asked, |asked, at| test(asked, &self.list[at as usize], trace)),
            _ => self.list.iter().find_map(|one| test(asked, one, trace)),
        }
    }
}

impl Index {
    fn new(list: &[Arc<RouteMatch>]) -> Self {
        let mut index = Self::default();
        for (at, one) in list.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            match key(one) {
                Some((is_header, name, value)) if index.add(is_header, name, value, at) => {}
                _ => index.loose.push(at),
            }
        }
        index
    }

    fn add(&mut self, is_header: bool, name: &Arc<str>, value: &str, at: u32) -> bool {
        let known = self.groups.iter().position(|group| group.is_header == is_header && group.name == *name);
        let group = match known {
            Some(known) => &mut self.groups[known],
            None if self.groups.len() < GROUPS => {
                self.groups.push(Group { name: Arc::clone(name), is_header, by_value: Map::default() });
                let last = self.groups.len() - 1;
                &mut self.groups[last]
            }
            None => return false,
        };
        group.by_value.entry(value.as_bytes().into()).or_default().push(at);
        true
    }

    /// Gives `each` the positions that may hold, in order, until it answers.
    fn positions<A: Ask, R>(&self, asked: &mut Asked<'_, A>, mut each: impl FnMut(&mut Asked<'_, A>, u32) -> Option<R>) -> Option<R> {
        let mut lists: SmallVec<[&[u32]; GROUPS + 1]> = SmallVec::new();
        lists.push(&self.loose);
        for group in &self.groups {
            let value = if group.is_header { asked.header(&group.name) } else { asked.query(&group.name) };
            lists.extend(value.and_then(|value| group.by_value.get(&*value)).map(Vec::as_slice));
        }
        loop {
            let next = lists.iter_mut().filter(|list| !list.is_empty()).min_by_key(|list| list[0])?;
            let at = next[0];
            *next = &next[1..];
            if let Some(found) = each(asked, at) {
                return Some(found);
            }
        }
    }
}

/// The first exact header or query value that a candidate asks for.
fn key(one: &RouteMatch) -> Option<(bool, &Arc<str>, &str)> {
    let mut conditions = one.headers.iter().map(|one| (true, one)).chain(one.query.iter().map(|one| (false, one)));
    conditions.find_map(|(is_header, one)| match &one.test {
        ValueTest::Exact(value) => Some((is_header, &one.name, &**value)),
        ValueTest::Regex(_) => None,
    })
}
