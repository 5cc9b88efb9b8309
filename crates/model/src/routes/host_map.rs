//! Things by host: exact names, wildcards and a default, found most specific first.

use std::sync::Arc;

use super::HostPattern;
use crate::Map;

/// A persistent map from host patterns. Clones share structure; a look-up takes one hash per label and allocates nothing.
#[derive(Clone, Debug)]
pub struct HostMap<T: Clone> {
    exact: Map<Arc<str>, T>,
    one_below: Map<Arc<str>, T>,
    below: Map<Arc<str>, T>,
    any: Option<T>,
}

impl<T: Clone> Default for HostMap<T> {
    fn default() -> Self {
        Self { exact: Map::default(), one_below: Map::default(), below: Map::default(), any: None }
    }
}

impl<T: Clone> HostMap<T> {
    /// What stands at exactly this pattern.
    pub fn get(&self, pattern: &HostPattern) -> Option<&T> {
        match pattern {
            HostPattern::Exact(name) => self.exact.get(name),
            HostPattern::OneBelow(suffix) => self.one_below.get(suffix),
            HostPattern::Below(suffix) => self.below.get(suffix),
            HostPattern::Any => self.any.as_ref(),
        }
    }

    /// What stands at exactly this pattern, made when nothing does.
    pub fn entry(&mut self, pattern: &HostPattern, make: impl FnOnce() -> T) -> &mut T {
        match pattern {
            HostPattern::Exact(name) => self.exact.entry(Arc::clone(name)).or_insert_with(make),
            HostPattern::OneBelow(suffix) => self.one_below.entry(Arc::clone(suffix)).or_insert_with(make),
            HostPattern::Below(suffix) => self.below.entry(Arc::clone(suffix)).or_insert_with(make),
            HostPattern::Any => self.any.get_or_insert_with(make),
        }
    }

    /// What stands at exactly this pattern, to change.
    pub fn get_mut(&mut self, pattern: &HostPattern) -> Option<&mut T> {
        match pattern {
            HostPattern::Exact(name) => self.exact.get_mut(name),
            HostPattern::OneBelow(suffix) => self.one_below.get_mut(suffix),
            HostPattern::Below(suffix) => self.below.get_mut(suffix),
            HostPattern::Any => self.any.as_mut(),
        }
    }

    /// Takes out what stands at exactly this pattern.
    pub fn remove(&mut self, pattern: &HostPattern) -> Option<T> {
        match pattern {
            HostPattern::Exact(name) => self.exact.remove(name),
            HostPattern::OneBelow(suffix) => self.one_below.remove(suffix),
            HostPattern::Below(suffix) => self.below.remove(suffix),
            HostPattern::Any => self.any.take(),
        }
    }

    /// Whether nothing stands at any pattern.
    pub fn is_empty(&self) -> bool {
        self.any.is_none() && self.exact.is_empty() && self.one_below.is_empty() && self.below.is_empty()
    }

    /// What stands at the default pattern.
    pub fn any(&self) -> Option<&T> {
        self.any.as_ref()
    }

    /// What stands at the patterns that a host (lower case, no port, no trailing dot) matches: the exact name, then
    /// wildcards from the longest, then the default.
    pub fn matching<'t>(&'t self, host: &str) -> impl Iterator<Item = &'t T> {
        let exact = self.exact.get(host);
        let one_label = (!self.one_below.is_empty()).then(|| parent(host)).flatten().and_then(|suffix| self.one_below.get(suffix));
        let mut rest = if self.below.is_empty() { "" } else { host };
        let wildcards = std::iter::from_fn(move || {
            rest = parent(rest)?;
            Some(self.below.get(rest))
        });
        exact.into_iter().chain(one_label).chain(wildcards.flatten()).chain(self.any.as_ref())
    }

    /// Everything, in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.exact.values().chain(self.one_below.values()).chain(self.below.values()).chain(self.any.as_ref())
    }

    /// Everything with its pattern, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (HostPattern, &T)> {
        let exact = self.exact.iter().map(|(name, value)| (HostPattern::Exact(Arc::clone(name)), value));
        let one_below = self.one_below.iter().map(|(suffix, value)| (HostPattern::OneBelow(Arc::clone(suffix)), value));
        let below = self.below.iter().map(|(suffix, value)| (HostPattern::Below(Arc::clone(suffix)), value));
        exact.chain(one_below).chain(below).chain(self.any.as_ref().map(|value| (HostPattern::Any, value)))
    }
}

/// The host without its first label; `None` when no label would be left on either side.
fn parent(host: &str) -> Option<&str> {
    let dot = host.find('.')?;
    (dot > 0 && dot + 1 < host.len()).then(|| &host[dot + 1..])
}

impl HostPattern {
    /// Whether a host (lower case, no port, no trailing dot) matches.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            HostPattern::Any => true,
            HostPattern::Exact(name) => **name == *host,
            HostPattern::OneBelow(suffix) => parent(host) == Some(suffix),
            HostPattern::Below(suffix) => host.strip_suffix(&**suffix).and_then(|left| left.strip_suffix('.')).is_some_and(|left| !left.is_empty()),
        }
    }

    /// Whether some host matches both patterns.
    pub fn intersects(&self, other: &HostPattern) -> bool {
        match (self, other) {
            (HostPattern::Any, _) | (_, HostPattern::Any) => true,
            (HostPattern::Exact(name), pattern) | (pattern, HostPattern::Exact(name)) => pattern.matches(name),
            (HostPattern::OneBelow(a), HostPattern::OneBelow(b)) => a == b,
            (HostPattern::OneBelow(one), HostPattern::Below(any)) | (HostPattern::Below(any), HostPattern::OneBelow(one)) => {
                one == any || HostPattern::Below(Arc::clone(any)).matches(one)
            }
            (HostPattern::Below(a), HostPattern::Below(b)) => a == b || self.matches(b) || other.matches(a),
        }
    }

    /// Sorts the most specific first: exact names, wildcards from the longest, any.
    pub fn specificity(&self) -> (u8, std::cmp::Reverse<usize>) {
        let (rank, text) = match self {
            HostPattern::Exact(name) => (0, name.len()),
            HostPattern::OneBelow(suffix) => (1, suffix.len()),
            HostPattern::Below(suffix) => (2, suffix.len()),
            HostPattern::Any => (3, 0),
        };
        (rank, std::cmp::Reverse(text))
    }
}

impl std::fmt::Display for HostPattern {
    /// As users write it; any host is `*`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HostPattern::Exact(name) => f.write_str(name),
            HostPattern::OneBelow(suffix) | HostPattern::Below(suffix) => write!(f, "*.{suffix}"),
            HostPattern::Any => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(suffix: &str) -> HostPattern {
        HostPattern::Below(suffix.into())
    }

    fn one(suffix: &str) -> HostPattern {
        HostPattern::OneBelow(suffix.into())
    }

    fn exact(name: &str) -> HostPattern {
        HostPattern::Exact(name.into())
    }

    #[test]
    fn a_wildcard_needs_a_label_and_the_two_sorts_count_labels_differently() {
        assert!(below("a.b").matches("x.a.b") && below("a.b").matches("x.y.a.b"));
        assert!(!below("a.b").matches("a.b") && !below("a.b").matches(".a.b") && !below("a.b").matches("xa.b"));
        assert!(one("a.b").matches("x.a.b"));
        assert!(!one("a.b").matches("x.y.a.b") && !one("a.b").matches("a.b") && !one("a.b").matches(".a.b"));
    }

    #[test]
    fn patterns_intersect_when_some_host_matches_both() {
        assert!(below("b").intersects(&below("a.b")) && below("a.b").intersects(&below("b")));
        assert!(!below("a.b").intersects(&below("c.b")) && !below("b").intersects(&exact("b")));
        assert!(exact("x.a.b").intersects(&below("a.b")) && HostPattern::Any.intersects(&exact("x")));
        assert!(one("a.b").intersects(&below("b")) && one("a.b").intersects(&below("a.b")) && !one("b").intersects(&below("a.b")));
    }

    #[test]
    fn matching_walks_from_the_most_specific() {
        let mut map = HostMap::default();
        for pattern in [exact("x.a.b"), below("a.b"), below("b"), HostPattern::Any, exact("other")] {
            map.entry(&pattern, || pattern.to_string());
        }
        let walk = |host| map.matching(host).cloned().collect::<Vec<_>>();
        assert_eq!(walk("x.a.b"), ["x.a.b", "*.a.b", "*.b", "*"]);
        assert_eq!(walk("y.x.a.b"), ["*.a.b", "*.b", "*"]);
        assert_eq!(walk("a.b"), ["*.b", "*"]);
        assert_eq!(walk(""), ["*"]);
    }
}
