//! Tables of what is in force, for `fairlead show`, `fairlead why`, the console and scripts: one maker, one wording.
//!
//! One file per table. A maker takes a snapshot (and the time, where numbers fade) and gives a [`Table`]; whoever shows it
//! decides between text and JSON.

mod endpoints;
mod frontends;
mod names;
mod routes;
mod services;
mod snapshot;
mod why;
mod words;

#[cfg(test)]
mod route_tests;

use std::fmt;

use serde_json::{Map, Number, Value};

pub use endpoints::{endpoint_state, endpoint_target, endpoint_why, endpoints, pooled};
pub use frontends::frontends;
pub use names::names;
pub use routes::{listeners, routes};
pub use services::services;
pub use snapshot::snapshot;
pub use why::{Explanation, Question, why, why_address};

/// Rows under named columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Column names, upper case, words joined by `-`.
    pub columns: Vec<&'static str>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// One value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing to say: `-` in text, null in JSON.
    None,
    /// Text; empty is the same as [`Cell::None`] in text.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number, printed with at most three decimals.
    Real(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<u32> for Cell {
    fn from(count: u32) -> Self {
        Cell::Count(count.into())
    }
}

impl From<f32> for Cell {
    fn from(number: f32) -> Self {
        Cell::Real(number.into())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::None, Into::into)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::None => f.pad("-"),
            Cell::Text(text) if text.is_empty() => f.pad("-"),
            Cell::Text(text) => f.pad(text),
            Cell::Count(count) => f.pad(&count.to_string()),
            Cell::Real(number) => {
                let text = format!("{number:.3}");
                f.pad(text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// One object per row; keys are the columns in lower case with `_`.
    pub fn to_json(&self) -> Value {
        let keys: Vec<String> = self.columns.iter().map(|column| column.to_ascii_lowercase().replace('-', "_")).collect();
        let object = |row: &Vec<Cell>| keys.iter().cloned().zip(row.iter().map(Cell::to_json)).collect::<Map<_, _>>();
        self.rows.iter().map(|row| Value::Object(object(row))).collect()
    }
}

impl Cell {
    fn to_json(&self) -> Value {
        match self {
            Cell::None => Value::Null,
            Cell::Text(text) => Value::String(text.clone()),
            Cell::Count(count) => Value::Number((*count).into()),
            Cell::Real(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        }
    }
}

impl fmt::Display for Table {
    /// Columns as wide as their widest cell, three spaces between, nothing at the end of a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads: Vec<Cell> = self.columns.iter().map(|&column| Cell::from(column)).collect();
        let lines: Vec<Vec<String>> = std::iter::once(&heads).chain(&self.rows).map(|row| row.iter().map(Cell::to_string).collect()).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        for line in &lines {
            let text: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", text.join("   ").trim_end())?;
        }
        Ok(())
    }
}

/// Which objects a table is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only this namespace.
    pub namespace: Option<&'a str>,
    /// Only this name.
    pub name: Option<&'a str>,
}

impl Filter<'_> {
    /// Whether an object is meant.
    pub fn admits(&self, namespace: &str, name: &str) -> bool {
        self.namespace.is_none_or(|wanted| wanted == namespace) && self.name.is_none_or(|wanted| wanted == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_absent_values_are_dashes() {
        let mut table = Table::new(&["NAME", "IN-FLIGHT"]);
        table.push(vec!["cart".into(), 12u32.into()]);
        table.push(vec!["a-longer-name".into(), Cell::None]);
        assert_eq!(table.to_string(), "NAME            IN-FLIGHT\ncart            12\na-longer-name   -\n");
        assert_eq!(table.to_json().to_string(), r#"[{"name":"cart","in_flight":12},{"name":"a-longer-name","in_flight":null}]"#);
    }

    #[test]
    fn numbers_carry_no_needless_zeros() {
        assert_eq!(Cell::from(0.25f32).to_string(), "0.25");
        assert_eq!(Cell::from(3.0f32).to_string(), "3");
        assert_eq!(Cell::Real(f64::NAN).to_json(), Value::Null);
    }
}
