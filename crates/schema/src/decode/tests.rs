use serde_json::json;

use super::*;

#[test]
fn a_repeated_key_is_found_with_its_path_and_the_last_value_counts() {
    let (value, problems) = from_json(br#"{"a":1,"b":[{"c":1},{"c":2,"c":3,"c":4}],"a":2}"#).unwrap();
    assert_eq!(value, json!({"a": 2, "b": [{"c": 1}, {"c": 4}]}));
    assert_eq!(problems, vec![Problem::Duplicate("b[1].c".into()), Problem::Duplicate("a".into())]);
}

#[test]
fn what_follows_the_value_is_an_error() {
    assert!(matches!(from_json(b"{} {}"), Err(Error::Json(_))));
    assert!(matches!(from_json(b""), Err(Error::Json(_))));
    assert!(matches!(from_json(&b"[".repeat(100_000)), Err(Error::Json(_))));
}

#[test]
fn yaml_keeps_the_rules_of_version_1_1() {
    let (value, _) = from_yaml(b"a: y\nb: 'y'\nc: 0644\nd: off\ne: 1.0\nf: 1.5\n1: x\ntrue: z\ng: ~\nh: 2001-01-01\ni: 0x10\n").unwrap();
    let wanted = json!({
        "a": true, "b": "y", "c": 420, "d": false, "e": 1, "f": 1.5, "1": "x", "true": "z", "g": null, "h": "2001-01-01", "i": 16,
    });
    assert_eq!(value, wanted);
}

#[test]
fn yaml_anchors_and_merge_keys_work() {
    let (value, problems) = from_yaml(b"u: &u {a: 1, b: 2}\nv:\n  <<: *u\n  b: 3\nw: *u\n").unwrap();
    assert_eq!(value, json!({"u": {"a": 1, "b": 2}, "v": {"b": 3, "a": 1}, "w": {"a": 1, "b": 2}}));
    assert_eq!(problems, vec![]);
}

#[test]
fn yaml_of_two_documents_is_refused() {
    assert!(matches!(from_yaml(b"a: 1\n---\nb: 2\n"), Err(Error::Yaml(_))));
    assert_eq!(from_yaml(b"---\na: 1\n").unwrap().0, json!({"a": 1}));
}

#[test]
fn json_is_yaml() {
    assert_eq!(from_yaml(br#"{"a": {"b": [1, "2", null, true]}}"#).unwrap().0, json!({"a": {"b": [1, "2", null, true]}}));
}

#[test]
fn a_key_repeated_in_yaml_is_found() {
    let (value, problems) = from_yaml(b"a: 1\nb:\n  c: 1\n  c: 2\n").unwrap();
    assert_eq!(value, json!({"a": 1, "b": {"c": 2}}));
    assert_eq!(problems, vec![Problem::YamlDuplicate(4, "c".into())]);
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
    }
    assert!(matches!(from_yaml(bomb.as_bytes()), Err(Error::Yaml(_))));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[ \\n\\-a-c:&*\\[\\]{}'\"0-9<!|>#?,.~]{0,60}", any in ".{0,60}") {
        let _ = (from_yaml(text.as_bytes()), from_json(text.as_bytes()), from_yaml(any.as_bytes()), from_json(any.as_bytes()));
    }

    #[test]
    fn every_json_reads_the_same_as_yaml(number in proptest::prelude::any::<i64>(), text in "[ -~\\u{e4}\\n]{0,20}", flag in proptest::prelude::any::<bool>()) {
        let value = json!({"n": number, "t": text, "f": flag, "l": [number, text, null], "m": {"k": {}}});
        let bytes = serde_json::to_vec(&value).unwrap();
        proptest::prop_assert_eq!(&from_yaml(&bytes).unwrap().0, &value);
        proptest::prop_assert_eq!(&from_json(&bytes).unwrap().0, &value);
    }
}
