//! What a list, a watch or a collection's deletion is limited to.

use std::sync::Arc;

use crate::cache::{self, Sight};
use crate::dispatch::{INDEXED_LABELS, Scope};
use crate::kinds::Kind;
use crate::object::{Head, Object};
use crate::query::Query;
use crate::selector::{self, LabelRequirement, LabelTest};
use crate::status::{ApiError, Result};

/// Namespace, labels and fields that objects must have.
pub struct Filter {
    namespace: String,
    labels: Vec<LabelRequirement>,
    fields: Vec<FieldTest>,
}

struct FieldTest {
    which: Which,
    value: String,
    equal: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Which {
    Name,
    Namespace,
    /// Index into the kind's selectable fields.
    Own(usize),
}

impl Filter {
    /// The selectors of a query, in a namespace or (empty) in all.
    pub fn read(kind: &Kind, namespace: &str, query: &Query) -> Result<Self> {
        let labels = selector::labels(query.get("labelSelector").unwrap_or_default())?;
        let own = kind.rules.fields();
        let fields = selector::fields(query.get("fieldSelector").unwrap_or_default())?
            .into_iter()
            .map(|requirement| {
                let which = match requirement.path.as_str() {
                    "metadata.name" => Which::Name,
                    "metadata.namespace" => Which::Namespace,
                    path => Which::Own(own.iter().position(|known| *known == path).ok_or_else(|| unknown_field(kind, path))?),
                };
                Ok(FieldTest { which, value: requirement.value, equal: requirement.equal })
            })
            .collect::<Result<_>>()?;
        Ok(Self { namespace: namespace.to_owned(), labels, fields })
    }

    /// Whether anything but the namespace limits it.
    pub fn has_selectors(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    /// Whether an object passes.
    pub fn admits(&self, object: &Object) -> bool {
        let head = &object.head;
        (self.namespace.is_empty() || *head.namespace == *self.namespace)
            && self.admits_labels(head)
            && self.fields.iter().all(|test| test.admits(head))
    }

    fn admits_labels(&self, head: &Head) -> bool {
        self.labels.iter().all(|requirement| requirement.admits(head.label(&requirement.key)))
    }

    /// The value a field must have.
    fn wanted(&self, which: Which) -> Option<&str> {
        self.fields.iter().find(|test| test.which == which && test.equal).map(|test| test.value.as_str())
    }

    /// The namespace all matching objects are in; empty for any.
    fn effective_namespace(&self) -> &str {
        if self.namespace.is_empty() { self.wanted(Which::Namespace).unwrap_or_default() } else { &self.namespace }
    }

    /// The key of the only object that can match.
    fn only_key(&self, kind: &Kind) -> Option<String> {
        let (name, namespace) = (self.wanted(Which::Name)?, self.effective_namespace());
        (!name.is_empty() && (!kind.namespaced || !namespace.is_empty())).then(|| cache::key(kind, namespace, name))
    }

    /// The prefix of the keys of all objects that can match.
    pub fn prefix(&self, kind: &Kind) -> String {
        cache::key(kind, if kind.namespaced { self.effective_namespace() } else { "" }, "")
    }

    /// The narrowest scope that holds all matching objects.
    pub fn scope(&self, kind: &Kind) -> Scope {
        if let Some(key) = self.only_key(kind) {
            return Scope::Key(key.into());
        }
        for label in INDEXED_LABELS {
            if let Some(LabelTest::In(values)) = self.labels.iter().find(|r| r.key == label).map(|r| &r.test)
                && let [value] = values.as_slice()
            {
                return Scope::Label(label, value.as_str().into());
            }
        }
        let own = self.fields.iter().find_map(|test| match test.which {
            Which::Own(index) if test.equal => Some(Scope::Field(index, test.value.as_str().into())),
            _ => None,
        });
        own.unwrap_or_else(|| match self.effective_namespace() {
            "" => Scope::All,
            namespace => Scope::Namespace(namespace.into()),
        })
    }

    /// The matching objects behind a key (or from the start), in the order of keys, at most `most`.
    pub fn select(&self, kind: &Kind, sight: &Sight, after: Option<&str>, most: usize) -> Vec<Arc<Object>> {
        let behind = |key: &str| after.is_none_or(|after| key > after);
        if let Some(key) = self.only_key(kind) {
            return sight.items.get(key.as_str()).filter(|o| behind(&o.key) && self.admits(o)).cloned().into_iter().collect();
        }
        let prefix = self.prefix(kind);
        if let Some(keys) = sight.labels.as_ref().and_then(|index| index.candidates(&self.labels, &prefix)) {
            let objects = keys.iter().filter(|key| behind(key)).filter_map(|key| sight.items.get(key));
            return objects.filter(|o| self.admits(o)).take(most).cloned().collect();
        }
        let start: Arc<str> = after.unwrap_or(&prefix).into();
        let objects = sight.items.range(start..).take_while(|(key, _)| key.starts_with(&prefix)).map(|(_, object)| object);
        objects.filter(|o| behind(&o.key) && self.admits(o)).take(most).cloned().collect()
    }
}

impl FieldTest {
    fn admits(&self, head: &Head) -> bool {
        let value = match self.which {
            Which::Name => &*head.name,
            Which::Namespace => &*head.namespace,
            Which::Own(index) => head.fields.get(index).map_or("", |v| v),
        };
        (value == self.value) == self.equal
    }
}

fn unknown_field(kind: &Kind, path: &str) -> ApiError {
    if kind.rules.fields().is_empty() {
        return ApiError::bad_request(format!(
            "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            crate::field::quote(path)
        ));
    }
    ApiError::bad_request(format!("field label not supported: {path}"))
}
