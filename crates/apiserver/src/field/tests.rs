use serde_json::json;

use super::*;

#[test]
fn errors_read_as_upstream_writes_them() {
    let ports = Path::new("spec").child("ports").to_string();
    assert_eq!(ports, "spec.ports");
    let spec = Path::new("spec");
    let (ports, data) = (spec.child("ports"), Path::new("data"));
    let first = ports.index(0);
    for (error, text) in [
        (first.child("name").required(""), "spec.ports[0].name: Required value"),
        (
            first.child("port").invalid(0, "must be between 1 and 65535, inclusive"),
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (spec.child("type").not_supported("X", &["A", "B"]), r#"spec.type: Unsupported value: "X": supported values: "A", "B""#),
        (first.child("name").duplicate("a\n"), r#"spec.ports[0].name: Duplicate value: "a\n""#),
        (data.key("k").forbidden("no"), "data[k]: Forbidden: no"),
        (Path::new("").too_long(1), "[]: Too long: may not be more than 1 byte"),
        (Path::new("endpoints").too_many(1001, 1000), "endpoints: Too many: 1001: must have at most 1000 items"),
        (spec.invalid(Value::Null, "d"), "spec: Invalid value: null: d"),
        (spec.invalid(json!(["<a>"]), "d"), "spec: Invalid value: [\"\\u003ca\\u003e\"]: d"),
        (spec.not_found("x"), r#"spec: Not found: "x""#),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
