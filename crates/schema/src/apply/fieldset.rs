//! Sets of field paths and their canonical JSON, `FieldsV1`.

use serde_json::{Map, Value};

use super::element::Element;
use super::typed::Type;

/// A set of paths as a tree. Both lists are sorted; a child is never empty unless it was read so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    members: Vec<Element>,
    children: Vec<(Element, Set)>,
}

impl Set {
    /// The set of one path of fields.
    pub fn of_fields(paths: &[&[&str]]) -> Set {
        let mut set = Set::default();
        for path in paths {
            let path: Vec<Element> = path.iter().map(|name| Element::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.iter().all(|(_, child)| child.is_empty())
    }

    pub fn insert(&mut self, path: &[Element]) {
        match path {
            [] => {}
            [last] => {
                if let Err(at) = self.members.binary_search(last) {
                    self.members.insert(at, last.clone());
                }
            }
            [first, rest @ ..] => self.descend(first).insert(rest),
        }
    }

    fn descend(&mut self, element: &Element) -> &mut Set {
        let at = match self.children.binary_search_by(|(e, _)| e.cmp(element)) {
            Ok(at) => at,
            Err(at) => {
                self.children.insert(at, (element.clone(), Set::default()));
                at
            }
        };
        &mut self.children[at].1
    }

    /// What is below a step.
    pub fn below(&self, element: &Element) -> Option<&Set> {
        let at = self.children.binary_search_by(|(e, _)| e.cmp(element)).ok()?;
        Some(&self.children[at].1)
    }

    pub fn has_member(&self, element: &Element) -> bool {
        self.members.binary_search(element).is_ok()
    }

    pub fn has(&self, path: &[Element]) -> bool {
        match path {
            [] => false,
            [last] => self.has_member(last),
            [first, rest @ ..] => self.below(first).is_some_and(|child| child.has(rest)),
        }
    }

    pub fn union(&self, other: &Set) -> Set {
        let mut out = self.clone();
        for member in &other.members {
            out.insert(std::slice::from_ref(member));
        }
        for (element, child) in &other.children {
            let slot = out.descend(element);
            *slot = slot.union(child);
        }
        out
    }

    pub fn intersection(&self, other: &Set) -> Set {
        let both = |(element, child): &(Element, Set)| Some((element.clone(), child.intersection(other.below(element)?)));
        Set {
            members: self.members.iter().filter(|m| other.has_member(m)).cloned().collect(),
            children: self.children.iter().filter_map(both).filter(|(_, child)| !child.is_empty()).collect(),
        }
    }

    /// The paths that `other` does not hold itself.
    pub fn difference(&self, other: &Set) -> Set {
        let rest = |(element, child): &(Element, Set)| match other.below(element) {
            None => Some((element.clone(), child.clone())),
            Some(gone) => Some((element.clone(), child.difference(gone))).filter(|(_, child)| !child.is_empty()),
        };
        Set {
            members: self.members.iter().filter(|m| !other.has_member(m)).cloned().collect(),
            children: self.children.iter().filter_map(rest).collect(),
        }
    }

    /// As [`Set::difference`], without a copy of what stays.
    pub fn without(mut self, other: &Set) -> Set {
        self.members.retain(|member| !other.has_member(member));
        for (element, child) in &mut self.children {
            if let Some(gone) = other.below(element) {
                *child = std::mem::take(child).without(gone);
            }
        }
        self.children.retain(|(element, child)| other.below(element).is_none() || !child.is_empty());
        self
    }

    /// The paths that `other` holds neither themselves nor at one of their parents.
    pub fn recursive_difference(&self, other: &Set) -> Set {
        let rest = |(element, child): &(Element, Set)| {
            if other.has_member(element) {
                return None;
            }
            match other.below(element) {
                None => Some((element.clone(), child.clone())),
                Some(gone) => Some((element.clone(), child.recursive_difference(gone))).filter(|(_, child)| !child.is_empty()),
            }
        };
        Set {
            members: self.members.iter().filter(|m| !other.has_member(m)).cloned().collect(),
            children: self.children.iter().filter_map(rest).collect(),
        }
    }

    /// With every struct field that has paths below it as a member itself.
    pub fn with_named_fields(&self, kind: Type) -> Set {
        let mut members = self.members.clone();
        let mut children = Vec::with_capacity(self.children.len());
        for (element, child) in &self.children {
            let inner = match element {
                Element::Field(name) => {
                    if kind.has_named_field(name)
                        && let Err(at) = members.binary_search(element)
                    {
                        members.insert(at, element.clone());
                    }
                    kind.field(name)
                }
                Element::Key(_) => kind.item(),
                _ => None,
            };
            children.push((element.clone(), child.with_named_fields(inner.unwrap_or(Type::Leaf))));
        }
        Set { members, children }
    }

    /// Every path: members first, then what is below them.
    pub fn paths(&self) -> Vec<Vec<Element>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<Element>, out: &mut Vec<Vec<Element>>) {
        for member in &self.members {
            let mut path = prefix.clone();
            path.push(member.clone());
            out.push(path);
        }
        for (element, child) in &self.children {
            prefix.push(element.clone());
            child.collect(prefix, out);
            prefix.pop();
        }
    }

    /// Steps with paths below or at them, in order, each with whether it is a member.
    pub fn steps(&self) -> Vec<(&Element, bool)> {
        let mut steps: Vec<(&Element, bool)> = self.members.iter().map(|m| (m, true)).collect();
        steps.extend(self.children.iter().map(|(e, _)| (e, false)).filter(|(e, _)| !self.has_member(e)));
        steps
    }

    /// The canonical JSON.
    pub fn to_fields(&self) -> Value {
        Value::Object(self.object(false))
    }

    fn object(&self, is_member: bool) -> Map<String, Value> {
        let mut out = Map::with_capacity(self.members.len() + self.children.len());
        if is_member && !(self.members.is_empty() && self.children.is_empty()) {
            out.insert(".".to_owned(), Value::Object(Map::new()));
        }
        let (mut members, mut children) = (self.members.iter().peekable(), self.children.iter().peekable());
        loop {
            let order = match (members.peek(), children.peek()) {
                (None, None) => return out,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(member), Some((element, _))) => (*member).cmp(element),
            };
            let member = if order.is_le() { members.next() } else { None };
            let child = if order.is_ge() { children.next() } else { None };
            let Some(element) = member.or(child.map(|(e, _)| e)) else { return out };
            let inside = child.map_or_else(Map::new, |(_, set)| set.object(member.is_some()));
            out.insert(element.serialized(), Value::Object(inside));
        }
    }

    /// Reads the JSON; `None` when it is malformed. Unknown kinds of steps are dropped.
    pub fn from_fields(fields: &Value) -> Option<Set> {
        let Value::Object(map) = fields else { return None };
        let mut set = Set::default();
        for (key, inside) in map.iter().filter(|(k, _)| *k != ".") {
            let Some(element) = Element::parse(key)? else { continue };
            let Value::Object(inner) = inside else { return None };
            if inner.is_empty() || inner.contains_key(".") {
                set.insert(std::slice::from_ref(&element));
            }
            let child = Set::from_fields(inside)?;
            if !(child.members.is_empty() && child.children.is_empty()) {
                *set.descend(&element) = child;
            } else if !inner.is_empty() && !inner.contains_key(".") {
                // Nothing but unknown steps below: the step itself is what remains.
                set.insert(std::slice::from_ref(&element));
            }
        }
        Some(set)
    }
}
