//! The total order of rules that match one request equally well by host and path (gateway spec G55, steps 6 to 12).

use std::cmp::{Ordering, Reverse};

use super::RouteMatch;

/// `Less` when `a` wins over `b`: has a method, most header conditions, most query conditions, the oldest route, its name,
/// rule order, match order. The kind and the host only keep the order total between routes that never meet.
pub fn precedes(a: &RouteMatch, b: &RouteMatch) -> Ordering {
    let rank = |one: &RouteMatch| (Reverse(one.method.is_some()), Reverse(one.headers.len()), Reverse(one.query.len()), one.rule.created_s);
    let (left, right) = (&a.rule.origin, &b.rule.origin);
    rank(a)
        .cmp(&rank(b))
        .then_with(|| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)))
        .then_with(|| (a.rule.index, a.index).cmp(&(b.rule.index, b.index)))
        .then_with(|| left.kind.cmp(right.kind))
        .then_with(|| a.host.cmp(&b.host))
}

/// The step of that order at which `winner` beat `other`, in words; host and path are equal.
pub fn decided_by(winner: &RouteMatch, other: &RouteMatch) -> &'static str {
    if winner.method.is_some() != other.method.is_some() {
        "it asks for a method"
    } else if winner.headers.len() != other.headers.len() {
        "it asks for more headers"
    } else if winner.query.len() != other.query.len() {
        "it asks for more query parameters"
    } else if winner.rule.created_s != other.rule.created_s {
        "its route is older"
    } else if (&winner.rule.origin.namespace, &winner.rule.origin.name) != (&other.rule.origin.namespace, &other.rule.origin.name) {
        "its route's name sorts first"
    } else if winner.rule.index != other.rule.index {
        "its rule comes first in the route"
    } else {
        "its match comes first in the rule"
    }
}
