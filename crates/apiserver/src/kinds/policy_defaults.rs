//! The defaults block of a process's settings: the fields of a BackendPolicy without its targets, held to the same rules (balance
//! spec section 12).

use serde_json::{Value, json};

use super::backend_policy::BackendPolicy;
use super::{Rules, Settings};

/// Checks a block; gives it without what means nothing, and warnings.
///
/// # Errors
/// Everything that is wrong with it, each with its path below `defaults`.
pub fn policy_defaults(block: Value) -> Result<(Value, Vec<String>), Vec<String>> {
    let Value::Object(fields) = &block else { return Err(vec!["defaults: write the fields of a BackendPolicy's spec as KEY: VALUE".into()]) };
    if fields.contains_key("targetRefs") {
        return Err(vec!["defaults.targetRefs: remove it: defaults are for every Service".into()]);
    }
    let mut spec = block;
    spec["targetRefs"] = json!([{"group": "", "kind": "Service", "name": "any"}]);
    let mut object = json!({"apiVersion": "fairlead.dev/v1alpha1", "kind": "BackendPolicy", "metadata": {"name": "defaults", "namespace": "default"}, "spec": spec});
    let message = schema::table(schema::Gvk { group: "fairlead.dev", version: "v1alpha1", kind: "BackendPolicy" });
    let unknown = message.map(|message| schema::prune(message, &mut object)).transpose().map_err(|error| vec![format!("defaults: {error}")])?;
    let unknown = unknown.unwrap_or_default();
    if !unknown.is_empty() {
        return Err(unknown.iter().map(|problem| problem.to_string().replace("\"spec.", "\"defaults.")).collect());
    }
    let wrong = BackendPolicy.validate_create(&object, &Settings::default());
    if !wrong.is_empty() {
        return Err(wrong.iter().map(|error| named(&error.to_string())).collect());
    }
    let warnings = BackendPolicy.warnings(&object, None).iter().map(|warning| named(warning)).collect();
    let mut spec = object["spec"].take();
    if let Some(fields) = spec.as_object_mut() {
        fields.shift_remove("targetRefs");
    }
    Ok((spec, warnings))
}

/// With the path as the file has it.
fn named(text: &str) -> String {
    text.strip_prefix("spec").map_or_else(|| text.to_owned(), |rest| format!("defaults{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(block: Value) -> Vec<String> {
        policy_defaults(block).unwrap_err()
    }

    #[test]
    fn a_block_is_a_policy_without_targets() {
        let block = json!({"strategy": "LeastRequest", "slowStart": {"window": "0s"}});
        assert_eq!(policy_defaults(block.clone()), Ok((block, Vec::new())));
        assert_eq!(policy_defaults(json!({})), Ok((json!({}), Vec::new())));
        let (_, warnings) = policy_defaults(json!({"strategy": "RoundRobin", "peakEwma": {"decay": "5s"}})).unwrap();
        assert_eq!(warnings, ["defaults.peakEwma has no effect under strategy RoundRobin"]);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_path() {
        assert!(wrong(json!({"outlier": {"window": "1h"}}))[0].starts_with("defaults.outlier.window: Invalid value"));
        assert_eq!(wrong(json!({"outlier": {"windows": "1s"}})), ["unknown field \"defaults.outlier.windows\""]);
        assert!(wrong(json!({"targetRefs": []}))[0].starts_with("defaults.targetRefs: "));
        assert!(wrong(json!(["x"]))[0].starts_with("defaults: "));
    }
}
