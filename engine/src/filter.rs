//! Filters: which rows of a view a reader wants, as JSON.
//!
//! ```json
//! {"counterparty": "BRKR_A", "severity": ["high", "critical"], "difference": {"gt": "0.05"}}
//! ```
//! All named columns must agree. A value is given as people read it: numbers and dates as numbers or texts.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value;

use crate::error::{EngineError, ErrorKind};
use crate::mailbox::RowFilter;
use crate::row::{Cell, ColumnKind, Row, Texts, ViewSpec};

/// Reads a filter for a view.
pub fn parse(written: &Value, spec: &ViewSpec, texts: &Arc<dyn Texts>) -> Result<RowFilter, EngineError> {
    let Value::Object(conditions) = written else {
        return Err(invalid("the filter is not an object", r#"write it as {"column": value}"#));
    };
    let mut tests = Vec::new();
    for (name, condition) in conditions {
        let column = spec.column(name).ok_or_else(|| unknown_column(name, spec))?;
        let kind = spec.columns[column].kind;
        for (comparison, wanted) in comparisons(condition)? {
            let wanted = wanted.iter().map(|value| cell(value, kind, name)).collect::<Result<Vec<_>, _>>()?;
            tests.push(Test { column, comparison, wanted });
        }
    }
    let texts = Arc::clone(texts);
    let wants = Arc::new(move |row: &Row| tests.iter().all(|test| test.holds(row, texts.as_ref())));
    Ok(RowFilter { written: written.clone(), wants })
}

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

struct Test {
    column: usize,
    comparison: Comparison,
    wanted: Vec<Cell>,
}

impl Test {
    fn holds(&self, row: &Row, texts: &dyn Texts) -> bool {
        let cell = &row.cells()[self.column];
        let compare = |wanted: &Cell| order(cell, wanted, texts);
        match self.comparison {
            Comparison::Equal => self.wanted.iter().any(|wanted| compare(wanted) == Some(Ordering::Equal)),
            Comparison::NotEqual => self.wanted.iter().all(|wanted| compare(wanted) != Some(Ordering::Equal)),
            Comparison::Less => self.wanted.iter().all(|wanted| compare(wanted) == Some(Ordering::Less)),
            Comparison::AtMost => self.wanted.iter().all(|wanted| compare(wanted).is_some_and(Ordering::is_le)),
            Comparison::Greater => self.wanted.iter().all(|wanted| compare(wanted) == Some(Ordering::Greater)),
            Comparison::AtLeast => self.wanted.iter().all(|wanted| compare(wanted).is_some_and(Ordering::is_ge)),
        }
    }
}

/// The order of two cells of one column; a missing value equals a missing value and compares with nothing else.
fn order(cell: &Cell, wanted: &Cell, texts: &dyn Texts) -> Option<Ordering> {
    match (cell, wanted) {
        (Cell::Null, Cell::Null) => Some(Ordering::Equal),
        (Cell::Null, _) | (_, Cell::Null) => None,
        (Cell::Symbol(symbol), Cell::Text(wanted)) => texts.text(*symbol).map(|text| (*text).cmp(wanted)),
        (Cell::Hash(hash), Cell::Text(wanted)) => Some((*format!("{:032x}", u128::from_be_bytes(*hash))).cmp(wanted)),
        (cell, wanted) => Some(cell.cmp(wanted)),
    }
}

fn comparisons(condition: &Value) -> Result<Vec<(Comparison, Vec<Value>)>, EngineError> {
    let list = |value: &Value| if let Value::Array(values) = value { values.clone() } else { vec![value.clone()] };
    let Value::Object(operators) = condition else {
        return Ok(vec![(Comparison::Equal, list(condition))]);
    };
    let comparison = |name: &str| match name {
        "eq" | "in" => Ok(Comparison::Equal),
        "ne" => Ok(Comparison::NotEqual),
        "lt" => Ok(Comparison::Less),
        "le" => Ok(Comparison::AtMost),
        "gt" => Ok(Comparison::Greater),
        "ge" => Ok(Comparison::AtLeast),
        other => Err(invalid(&format!("the filter has no comparison `{other}`"), "use eq, in, ne, lt, le, gt or ge")),
    };
    operators.iter().map(|(name, value)| Ok((comparison(name)?, list(value)))).collect()
}

fn cell(value: &Value, kind: ColumnKind, name: &str) -> Result<Cell, EngineError> {
    let text = match value {
        Value::Null => return Ok(Cell::Null),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(mismatch(value, kind, name)),
    };
    let parsed = match kind {
        ColumnKind::Bool => text.parse().ok().map(Cell::Bool),
        ColumnKind::Int => text.parse().ok().map(Cell::Int),
        ColumnKind::Fixed(scale) => fixed(&text, scale).map(Cell::fixed),
        ColumnKind::Date => arrow::array::types::Date32Type::parse_text(&text).map(Cell::Date),
        ColumnKind::Time => arrow::array::types::TimestampMicrosecondType::parse_text(&text)
            .or_else(|| text.parse().ok())
            .map(Cell::Time),
        ColumnKind::Text => Some(Cell::text(&text)),
    };
    parsed.ok_or_else(|| mismatch(value, kind, name))
}

trait ParseText {
    type Native;
    fn parse_text(text: &str) -> Option<Self::Native>;
}

impl<T: arrow::compute::kernels::cast_utils::Parser> ParseText for T {
    type Native = T::Native;
    fn parse_text(text: &str) -> Option<T::Native> {
        T::parse(text)
    }
}

fn fixed(text: &str, scale: u8) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.len() > usize::from(scale) || !all_digits(whole) || !all_digits(part) || digits.is_empty() {
        return None;
    }
    let value: i128 = format!("{whole}{part:0<width$}", width = usize::from(scale)).parse().ok()?;
    Some(if negative { -value } else { value })
}

fn mismatch(value: &Value, kind: ColumnKind, name: &str) -> EngineError {
    invalid(&format!("the filter compares `{name}` with {value}"), &format!("the column holds {kind}"))
}

fn unknown_column(name: &str, spec: &ViewSpec) -> EngineError {
    let names: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
    invalid(&format!("view `{}` has no column `{name}`", spec.name), &format!("its columns are {}", names.join(", ")))
}

fn invalid(what: &str, help: &str) -> EngineError {
    EngineError::new(ErrorKind::Invalid, what, help)
}
