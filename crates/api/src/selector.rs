//! The label selector of the Kubernetes API (`metav1.LabelSelector`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::meta::{list, nullable};

/// Conditions on labels that must all hold. Without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    /// Labels that must have exactly these values.
    #[serde(deserialize_with = "nullable")]
    pub match_labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Further conditions.
    #[serde(deserialize_with = "list")]
    pub match_expressions: Vec<Requirement>,
}

/// A condition on one label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Requirement {
    /// The label.
    pub key: Arc<str>,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: Arc<str>,
    /// For `In` and `NotIn`.
    #[serde(deserialize_with = "list")]
    pub values: Vec<Arc<str>>,
}

impl Selector {
    /// Whether labels satisfy it; `label` looks one up by key. An unknown operator selects nothing.
    pub fn selects<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        let labels = self.match_labels.iter().all(|(key, value)| label(key) == Some(value));
        labels
            && self.match_expressions.iter().all(|wanted| {
                let found = label(&wanted.key);
                let listed = found.is_some_and(|value| wanted.values.iter().any(|one| **one == *value));
                match &*wanted.operator {
                    "In" => listed,
                    "NotIn" => !listed,
                    "Exists" => found.is_some(),
                    "DoesNotExist" => found.is_none(),
                    _ => false,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(json: &str) -> Selector {
        serde_json::from_str(json).expect("a selector")
    }

    fn selects(json: &str, labels: &[(&str, &str)]) -> bool {
        selector(json).selects(|key| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value))
    }

    #[test]
    fn labels_and_expressions_must_all_hold() {
        let both = r#"{"matchLabels":{"a":"1"},"matchExpressions":[{"key":"b","operator":"In","values":["x","y"]}]}"#;
        assert!(selects(both, &[("a", "1"), ("b", "y")]));
        assert!(!selects(both, &[("a", "1"), ("b", "z")]));
        assert!(!selects(both, &[("b", "y")]));
    }

    #[test]
    fn negative_operators_hold_for_absent_labels_and_unknown_ones_never() {
        let one = |operator: &str| format!(r#"{{"matchExpressions":[{{"key":"k","operator":"{operator}","values":["v"]}}]}}"#);
        assert!(selects(&one("NotIn"), &[]));
        assert!(!selects(&one("NotIn"), &[("k", "v")]));
        assert!(selects(&one("DoesNotExist"), &[]));
        assert!(selects(&one("Exists"), &[("k", "")]));
        assert!(!selects(&one("Near"), &[("k", "v")]));
    }

    #[test]
    fn an_empty_selector_selects_everything() {
        assert!(selects("{}", &[]));
    }
}
