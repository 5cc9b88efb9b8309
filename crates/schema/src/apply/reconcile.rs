//! What a schema change does to sets that were written before it: a field that has become atomic is owned as a whole.

use super::element::Element;
use super::fieldset::Set;
use super::typed::Type;

/// The set as the present table would have it.
pub fn reconciled(set: Set, root: Type) -> Set {
    let mut whole = Set::default();
    visit(Some(&set), root, false, &mut Vec::new(), &mut whole);
    if whole.is_empty() { set } else { set.recursive_difference(&whole).union(&whole) }
}

/// `is_leaf`: the path itself is owned and nothing below it is.
fn visit(set: Option<&Set>, kind: Type, is_leaf: bool, path: &mut Vec<Element>, whole: &mut Set) {
    let atomic = match kind {
        Type::Struct(message) => message.atomic,
        Type::Atomic(_) => true,
        Type::Leaf | Type::Scalar(_) | Type::Open => return,
        Type::Map(_) | Type::List(_) => false,
    };
    if atomic {
        if !is_leaf && set.is_some_and(|s| !s.is_empty()) {
            whole.insert(path);
        }
        return;
    }
    let Some(set) = set else { return };
    for (element, is_member) in set.steps() {
        let inner = match element {
            Element::Field(name) => kind.field(name),
            _ => kind.item(),
        };
        let Some(inner) = inner else { continue };
        let below = set.below(element);
        path.push(element.clone());
        visit(below, inner, is_member && below.is_none(), path, whole);
        path.pop();
    }
}
