//! Objects as YAML, the way Go clients print them: keys in alphabetical order.

use serde_json::Value;

use crate::error::Error;

/// A value as one YAML document.
///
/// # Errors
/// [`Error::Yaml`] when the value cannot be written, which no JSON value is known to do.
pub fn to_yaml(mut value: Value) -> Result<String, Error> {
    value.sort_all_objects();
    serde_saphyr::to_string(&value).map_err(|e| Error::Yaml(e.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::from_yaml;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let words = [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "true",
            "null",
            "~",
            "1",
            "1e3",
            "0x10",
            "010",
            "1:30",
            "",
            " x ",
            "a: b",
            "# c",
            "- d",
            "@e",
            "{",
            "line\nline\n",
            "\u{1F600}",
            "2026-01-01",
        ];
        let value = json!({ "b": words, "a": { "z": null, "n": 1, "f": 1.5, "t": true, "e": {}, "l": [] }, "yes": "key", "1": "key" });
        let text = to_yaml(value.clone()).expect("writable");
        assert!(text.find("\na:").is_some_and(|a| text.find("\nb:").is_some_and(|b| a < b)), "{text}");
        assert_eq!(from_yaml(text.as_bytes()).expect("readable").0, value, "{text}");
    }
}
