//! Who owns whom, and what follows from it. Pure; the rules are those of upstream's garbage collector (API spec R2).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use api::{Meta, OwnerReference};
use watch::Key;

use crate::wire::Propagation;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// A UID.
pub(crate) type Uid = Arc<str>;

/// An object as far as ownership goes.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Index of its kind in the list of those that are watched.
    pub resource: usize,
    pub key: Key,
    pub version: Arc<str>,
    pub owners: Vec<OwnerReference>,
    pub finalizers: Vec<Arc<str>>,
    pub is_deleting: bool,
}

impl Node {
    fn has(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|known| **known == *finalizer)
    }

    /// It is being deleted and waits for what it owns.
    fn waits_for_dependents(&self) -> bool {
        self.is_deleting && self.has(FOREGROUND)
    }

    fn reference_to(&self, owner: &Uid) -> Option<&OwnerReference> {
        self.owners.iter().find(|one| one.uid == *owner)
    }
}

/// What is to be done about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Nothing,
    /// Whether these owners exist must be asked: the graph has not heard of them.
    Ask(Vec<OwnerReference>),
    Delete(Propagation),
    /// These references lead nowhere; others hold the object.
    DropReferences(Vec<Uid>),
    /// Its references no longer make owners wait, because it takes part in a circle; then it is deleted.
    UnblockAndDelete,
    /// Take the owner out of these, then remove the finalizer.
    Orphan(Vec<Uid>),
    /// Nothing that it waits for is left.
    RemoveFinalizer(&'static str),
}

/// All objects by UID, and the edges backwards.
#[derive(Default)]
pub(crate) struct Graph {
    nodes: HashMap<Uid, Node>,
    uids: HashMap<(usize, Key), Uid>,
    dependents: HashMap<Uid, BTreeSet<Uid>>,
}

impl Graph {
    pub fn get(&self, uid: &Uid) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// An object is there; returns whom it concerns.
    pub fn upsert(&mut self, resource: usize, meta: Meta) -> Vec<Uid> {
        let uid = meta.uid.clone();
        let key = Key::of(&meta);
        let mut concerned = Vec::new();
        if let Some(former) = self.uids.insert((resource, key.clone()), uid.clone()).filter(|former| *former != uid) {
            concerned.extend(self.remove_node(&former));
        }
        let owners_before: Vec<Uid> = self.unlink(&uid);
        for owner in &meta.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.clone());
        }
        // A former owner that waits for this one need not any longer.
        concerned.extend(owners_before.into_iter().filter(|owner| meta.owners.iter().all(|now| now.uid != *owner)));
        let node = Node {
            resource,
            key,
            version: meta.resource_version,
            owners: meta.owners,
            finalizers: meta.finalizers,
            is_deleting: meta.deletion_s.is_some(),
        };
        concerned.extend(node.owners.iter().map(|owner| owner.uid.clone()).filter(|owner| self.nodes.contains_key(owner)));
        self.nodes.insert(uid.clone(), node);
        concerned.push(uid);
        concerned
    }

    /// An object is gone; returns whom it concerns: what it owned, and what waited for it.
    pub fn remove(&mut self, resource: usize, key: Key) -> Vec<Uid> {
        match self.uids.remove(&(resource, key)) {
            Some(uid) => self.remove_node(&uid),
            None => Vec::new(),
        }
    }

    fn remove_node(&mut self, uid: &Uid) -> Vec<Uid> {
        let mut concerned = self.unlink(uid);
        concerned.extend(self.dependents.get(uid).into_iter().flatten().cloned());
        self.nodes.remove(uid);
        concerned
    }

    /// Takes a node out of its owners' lists; returns the owners.
    fn unlink(&mut self, uid: &Uid) -> Vec<Uid> {
        let owners: Vec<Uid> = self.nodes.get(uid).into_iter().flat_map(|node| &node.owners).map(|owner| owner.uid.clone()).collect();
        for owner in &owners {
            if let Some(set) = self.dependents.get_mut(owner) {
                set.remove(uid);
                if set.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        owners
    }

    fn dependents(&self, uid: &Uid) -> impl Iterator<Item = (&Uid, &Node)> {
        self.dependents.get(uid).into_iter().flatten().filter_map(|uid| Some((uid, self.nodes.get(uid)?)))
    }

    /// Those whose references make this one wait.
    fn blocking<'g>(&'g self, uid: &'g Uid) -> impl Iterator<Item = (&'g Uid, &'g Node)> {
        self.dependents(uid).filter(move |(_, node)| node.reference_to(uid).is_some_and(|one| one.block_owner_deletion == Some(true)))
    }

    /// Decides about one object. `absent` are owners that were asked for and do not exist.
    pub fn decide(&self, uid: &Uid, absent: &HashSet<Uid>) -> Decision {
        let Some(node) = self.nodes.get(uid) else { return Decision::Nothing };
        if node.is_deleting && node.has(ORPHAN) {
            let left: Vec<Uid> = self.dependents(uid).map(|(uid, _)| uid.clone()).collect();
            return if left.is_empty() { Decision::RemoveFinalizer(ORPHAN) } else { Decision::Orphan(left) };
        }
        if node.waits_for_dependents() {
            return if self.blocking(uid).next().is_none() { Decision::RemoveFinalizer(FOREGROUND) } else { Decision::Nothing };
        }
        if node.is_deleting {
            return Decision::Nothing;
        }
        self.decide_dependent(uid, node, absent)
    }

    fn decide_dependent(&self, uid: &Uid, node: &Node, absent: &HashSet<Uid>) -> Decision {
        if node.owners.is_empty() {
            return Decision::Nothing;
        }
        let unknown: Vec<OwnerReference> =
            node.owners.iter().filter(|owner| !self.nodes.contains_key(&owner.uid) && !absent.contains(&owner.uid)).cloned().collect();
        if !unknown.is_empty() {
            return Decision::Ask(unknown);
        }
        let is_waiting = |owner: &&OwnerReference| self.nodes.get(&owner.uid).is_some_and(Node::waits_for_dependents);
        let is_solid = |owner: &&OwnerReference| self.nodes.contains_key(&owner.uid) && !is_waiting(owner);
        if node.owners.iter().any(|owner| is_solid(&owner)) {
            let useless: Vec<Uid> = node.owners.iter().filter(|owner| !is_solid(owner)).map(|owner| owner.uid.clone()).collect();
            return if useless.is_empty() { Decision::Nothing } else { Decision::DropReferences(useless) };
        }
        let owns_something = self.dependents(uid).next().is_some();
        if node.owners.iter().any(|owner| is_waiting(&owner)) && owns_something {
            // What it owns is waiting too: a circle, in which nobody may wait for anybody.
            let is_circle = self.dependents(uid).any(|(_, dependent)| dependent.waits_for_dependents());
            return if is_circle { Decision::UnblockAndDelete } else { Decision::Delete(Propagation::Foreground) };
        }
        let policy = match (node.has(ORPHAN), node.has(FOREGROUND)) {
            (true, _) => Propagation::Orphan,
            (_, true) => Propagation::Foreground,
            _ => Propagation::Background,
        };
        Decision::Delete(policy)
    }

    /// Whom a look at an object leads to: what blocks a deletion is to be deleted itself.
    pub fn follow(&self, uid: &Uid) -> Vec<Uid> {
        let waits = self.nodes.get(uid).is_some_and(Node::waits_for_dependents);
        if !waits {
            return Vec::new();
        }
        self.blocking(uid).filter(|(_, node)| !node.is_deleting).map(|(uid, _)| uid.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name`, its owners (`+` blocks), its finalizers, whether it is being deleted.
    fn add(graph: &mut Graph, name: &str, owners: &[&str], finalizers: &[&str], is_deleting: bool) -> Vec<String> {
        let owner = |text: &&str| OwnerReference {
            uid: text.trim_start_matches('+').into(),
            block_owner_deletion: Some(text.starts_with('+')),
            ..OwnerReference::default()
        };
        let meta = Meta {
            name: name.into(),
            uid: name.into(),
            owners: owners.iter().map(owner).collect(),
            finalizers: finalizers.iter().map(|f| Arc::from(*f)).collect(),
            deletion_s: is_deleting.then_some(1),
            ..Meta::default()
        };
        graph.upsert(0, meta).iter().map(ToString::to_string).collect()
    }

    fn decide(graph: &Graph, name: &str, absent: &[&str]) -> Decision {
        graph.decide(&name.into(), &absent.iter().map(|uid| Uid::from(*uid)).collect())
    }

    fn gone(graph: &mut Graph, name: &str) -> Vec<String> {
        let key = Key { namespace: "".into(), name: name.into() };
        graph.remove(0, key).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn background_what_is_owned_goes_after_its_last_owner() {
        let mut graph = Graph::default();
        add(&mut graph, "a", &[], &[], false);
        add(&mut graph, "b", &[], &[], false);
        add(&mut graph, "child", &["a", "b"], &[], false);
        assert_eq!(decide(&graph, "child", &[]), Decision::Nothing);
        assert_eq!(gone(&mut graph, "a"), ["child"]);
        assert!(matches!(decide(&graph, "child", &[]), Decision::Ask(owners) if owners.len() == 1));
        assert_eq!(decide(&graph, "child", &["a"]), Decision::DropReferences(vec!["a".into()]));
        gone(&mut graph, "b");
        assert_eq!(decide(&graph, "child", &["a", "b"]), Decision::Delete(Propagation::Background));
    }

    #[test]
    fn an_owner_that_never_was_is_asked_for_before_anything_is_deleted() {
        let mut graph = Graph::default();
        add(&mut graph, "lost", &["nobody"], &[], false);
        assert!(matches!(decide(&graph, "lost", &[]), Decision::Ask(_)));
        assert_eq!(decide(&graph, "lost", &["nobody"]), Decision::Delete(Propagation::Background));
    }

    #[test]
    fn foreground_the_owner_waits_for_those_that_block() {
        let mut graph = Graph::default();
        add(&mut graph, "owner", &[], &[FOREGROUND], true);
        add(&mut graph, "blocks", &["+owner"], &[], false);
        add(&mut graph, "does not", &["owner"], &[], false);
        assert_eq!(decide(&graph, "owner", &[]), Decision::Nothing);
        assert_eq!(graph.follow(&"owner".into()), [Uid::from("blocks")]);
        assert_eq!(decide(&graph, "blocks", &[]), Decision::Delete(Propagation::Background));
        add(&mut graph, "grandchild", &["+blocks"], &[], false);
        assert_eq!(decide(&graph, "blocks", &[]), Decision::Delete(Propagation::Foreground));
        assert!(gone(&mut graph, "blocks").contains(&"owner".to_owned()));
        assert_eq!(decide(&graph, "owner", &[]), Decision::RemoveFinalizer(FOREGROUND));
    }

    #[test]
    fn orphans_lose_the_reference_before_the_owner_goes() {
        let mut graph = Graph::default();
        add(&mut graph, "owner", &[], &[ORPHAN], true);
        add(&mut graph, "child", &["+owner"], &[], false);
        assert_eq!(decide(&graph, "owner", &[]), Decision::Orphan(vec!["child".into()]));
        assert!(add(&mut graph, "child", &[], &[], false).contains(&"owner".to_owned()), "the owner is looked at again");
        assert_eq!(decide(&graph, "owner", &[]), Decision::RemoveFinalizer(ORPHAN));
        assert_eq!(decide(&graph, "child", &[]), Decision::Nothing);
    }

    #[test]
    fn a_circle_of_waiting_is_broken() {
        let mut graph = Graph::default();
        add(&mut graph, "a", &["+c"], &[FOREGROUND], true);
        add(&mut graph, "b", &["+a"], &[], false);
        add(&mut graph, "c", &["+b"], &[], false);
        assert_eq!(decide(&graph, "b", &[]), Decision::Delete(Propagation::Foreground));
        add(&mut graph, "b", &["+a"], &[FOREGROUND], true);
        assert_eq!(decide(&graph, "c", &[]), Decision::UnblockAndDelete);
    }

    #[test]
    fn a_recycled_name_is_another_object() {
        let mut graph = Graph::default();
        add(&mut graph, "child", &["first"], &[], false);
        let meta = |uid: &str| Meta { name: "owner".into(), uid: uid.into(), ..Meta::default() };
        graph.upsert(0, meta("first"));
        assert!(graph.upsert(0, meta("second")).contains(&"child".into()), "its dependents are looked at");
        assert!(matches!(decide(&graph, "child", &[]), Decision::Ask(_)));
    }
}
