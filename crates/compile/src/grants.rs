//! ReferenceGrant: whether an object may refer into another namespace (gateway spec G29).

use std::collections::BTreeMap;
use std::sync::Arc;

use api::ReferenceGrant;

/// All grants, by the namespace they open.
#[derive(Default)]
pub(crate) struct Grants {
    by_namespace: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<ReferenceGrant>>>,
}

/// A reference from an object to another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference<'a> {
    /// Group, kind and namespace of the referrer.
    pub from: (&'a str, &'a str, &'a str),
    /// Group and kind of the target.
    pub to: (&'a str, &'a str),
    /// Namespace and name of the target.
    pub at: (&'a str, &'a str),
}

impl Grants {
    /// A grant came or changed.
    pub fn insert(&mut self, grant: &Arc<ReferenceGrant>) {
        let meta = &grant.metadata;
        self.by_namespace.entry(Arc::clone(&meta.namespace)).or_default().insert(Arc::clone(&meta.name), Arc::clone(grant));
    }

    /// A grant is gone.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        if let Some(grants) = self.by_namespace.get_mut(namespace) {
            grants.remove(name);
            if grants.is_empty() {
                self.by_namespace.remove(namespace);
            }
        }
    }

    /// Whether a reference is allowed. Inside one namespace none is needed.
    pub fn permit(&self, reference: &Reference<'_>) -> bool {
        let (group, kind, namespace) = reference.from;
        let (target_namespace, name) = reference.at;
        if namespace == target_namespace {
            return true;
        }
        let grants = self.by_namespace.get(target_namespace).into_iter().flat_map(|grants| grants.values());
        grants.map(|grant| &grant.spec).any(|spec| {
            let from = spec.from.iter().any(|one| *one.group == *group && *one.kind == *kind && *one.namespace == *namespace);
            let to = || {
                let kinds = |one: &&api::grant::GrantTo| *one.group == *reference.to.0 && *one.kind == *reference.to.1;
                // An empty name is what a client that always sends the field means by none.
                spec.to.iter().filter(kinds).any(|one| one.name.as_deref().is_none_or(|wanted| wanted.is_empty() || wanted == name))
            };
            from && to()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(to: &str) -> Grants {
        let text =
            format!(r#"{{"metadata":{{"namespace":"b","name":"g"}},"spec":{{"from":[{{"group":"g","kind":"R","namespace":"a"}}],"to":[{to}]}}}}"#);
        let mut grants = Grants::default();
        grants.insert(&Arc::new(serde_json::from_str(&text).expect("a grant")));
        grants
    }

    fn asks(grants: &Grants, from: (&str, &str, &str), to: (&str, &str), at: (&str, &str)) -> bool {
        grants.permit(&Reference { from, to, at })
    }

    #[test]
    fn a_grant_opens_its_namespace_for_a_kind_of_another_one() {
        let open = grants(r#"{"group":"","kind":"Service"}"#);
        assert!(asks(&open, ("g", "R", "a"), ("", "Service"), ("b", "web")));
        assert!(!asks(&open, ("g", "R", "c"), ("", "Service"), ("b", "web")), "another namespace");
        assert!(!asks(&open, ("g", "Q", "a"), ("", "Service"), ("b", "web")), "another referrer");
        assert!(!asks(&open, ("g", "R", "a"), ("", "Secret"), ("b", "web")), "another target");
        assert!(!asks(&open, ("g", "R", "a"), ("", "Service"), ("c", "web")), "into another namespace");
        assert!(asks(&open, ("x", "X", "c"), ("", "Service"), ("c", "web")), "inside one namespace");
    }

    #[test]
    fn a_grant_may_name_one_target_and_ends_when_it_is_taken_back() {
        let mut one = grants(r#"{"group":"","kind":"Service","name":"web"}"#);
        let web = (("g", "R", "a"), ("", "Service"), ("b", "web"));
        assert!(asks(&one, web.0, web.1, web.2));
        assert!(!asks(&one, web.0, web.1, ("b", "other")));
        one.remove("b", "g");
        assert!(!asks(&one, web.0, web.1, web.2));
    }
}
