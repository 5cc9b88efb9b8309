//! JSON and YAML text into a value, with every repeated key found. Upstream: sigs.k8s.io/json and sigs.k8s.io/yaml.

mod syntax;

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use crate::error::{Error, Problem};

/// How many repeated keys are reported at most.
const MOST_PROBLEMS: usize = 100;

/// Reads a JSON body. Of a repeated key the last value counts.
///
/// # Errors
/// [`Error::Json`] when the body is none, or goes on after its value.
pub fn from_json(body: &[u8]) -> Result<(Value, Vec<Problem>), Error> {
    let mut walk = Walk::default();
    let mut reader = serde_json::Deserializer::from_slice(body);
    // Only a text that is refused is looked at once more, for the words that clients know.
    let refuse = |e: serde_json::Error| Error::Json(syntax::complaint(body).unwrap_or_else(|| e.to_string()));
    let value = Seed(&mut walk).deserialize(&mut reader).map_err(refuse)?;
    reader.end().map_err(refuse)?;
    Ok((value, walk.problems))
}

/// Reads a YAML body of one document, by the rules that Kubernetes keeps: the booleans and octal numbers of YAML 1.1,
/// keys turned into text. Of a repeated key the last value counts.
///
/// # Errors
/// [`Error::Yaml`] when the body is none, or holds more than one document.
pub fn from_yaml(body: &[u8]) -> Result<(Value, Vec<Problem>), Error> {
    let text = std::str::from_utf8(body).map_err(|_| Error::Yaml("yaml: invalid UTF-8".to_owned()))?;
    let mut walk = Walk { yaml: true, ..Walk::default() };
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        legacy_octal_numbers: true,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    };
    let value = serde_saphyr::with_deserializer_from_str_with_options(text, options, |reader| Seed(&mut walk).deserialize(reader));
    let value = value.map_err(|e| Error::Yaml(format!("yaml: {}", one_line(&e.to_string()))))?;
    Ok((value, walk.problems))
}

fn one_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// One step of the path to the value being read.
enum Step {
    Key(String),
    Index(usize),
}

#[derive(Default)]
struct Walk {
    steps: Vec<Step>,
    problems: Vec<Problem>,
    yaml: bool,
}

impl Walk {
    fn duplicate(&mut self, key: &str, line: Option<u64>) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        if let Some(line) = line {
            self.problems.push(Problem::YamlDuplicate(line, key.to_owned()));
            return;
        }
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) => {
                    path.push('.');
                    path.push_str(key);
                }
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path.push('.');
        path.push_str(key);
        let problem = Problem::Duplicate(path.trim_start_matches('.').to_owned());
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

struct Seed<'w>(&'w mut Walk);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // YAML reaches Kubernetes through JSON text, where Go writes a whole number without a fraction.
        if self.0.yaml && value.fract() == 0.0 && value.abs() < 9e15 {
            return Ok(Value::from(value as i64));
        }
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        self.0.steps.push(Step::Index(0));
        while let Some(item) = access.next_element_seed(Seed(self.0))? {
            items.push(item);
            if let Some(Step::Index(index)) = self.0.steps.last_mut() {
                *index = items.len();
            }
        }
        self.0.steps.pop();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        loop {
            let (key, line) = if self.0.yaml {
                let Some(key) = access.next_key::<Spanned<Key>>()? else { break };
                (key.value.0, Some(key.referenced.line()))
            } else {
                let Some(Key(key)) = access.next_key()? else { break };
                (key, None)
            };
            if map.contains_key(&key) {
                self.0.duplicate(&key, line);
            }
            self.0.steps.push(Step::Key(key));
            let value = access.next_value_seed(Seed(self.0))?;
            if let Some(Step::Key(key)) = self.0.steps.pop() {
                map.insert(key, value);
            }
        }
        if self.0.yaml {
            // On its way through JSON the text gets its keys sorted, which is the order in which what is wrong with them is told.
            map.sort_keys();
        }
        Ok(Value::Object(map))
    }
}

/// A key; YAML allows any scalar and Kubernetes writes it as text.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Key, D::Error> {
        reader.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Key, E> {
        Ok(Key(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Key, E> {
        Ok(Key(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Key, E> {
        Ok(Key(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Key, E> {
        Err(E::custom("a key is null"))
    }
}

/// Why a text is no JSON, in the words of Go's reader; none when it is.
pub fn json_complaint(text: &str) -> Option<String> {
    syntax::complaint(text.as_bytes())
}

#[cfg(test)]
mod tests;
