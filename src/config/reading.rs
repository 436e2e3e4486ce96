//! Reading a part of the file as a type, and finding which setting is to blame when it cannot be read.
//!
//! What a library says of a wrong setting often has no place: tables that are told apart by their `kind`, or flattened
//! into one another, are read into a buffer first. So the setting to blame is found by trying: it is the innermost one
//! without which the error would not be.

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::DeValue;

use super::document::{Document, Step, Value, remove_at, steps_into, value_at};
use super::problem::{Problem, explained};

/// How many wrong settings of one part are told of.
const PROBLEMS_MAX: usize = 20;

impl Document<'_> {
    /// Reads `value`, which is at the dotted path `path` (empty: at the top) of the file, or tells of each of its settings
    /// that cannot be read.
    pub(super) fn read<T: DeserializeOwned>(&self, value: &Value<'_>, path: &str, problems: &mut Vec<Problem>) -> Option<T> {
        let (span, mut rest) = (value.span(), value.get_ref().clone());
        let mut found: Vec<Vec<Step>> = Vec::new();
        while let Err(error) = attempt::<T>(&rest) {
            let is_consequence = !found.is_empty() && error.starts_with("missing field");
            if is_consequence || found.len() == PROBLEMS_MAX {
                return None;
            }
            let steps = culprit::<T>(&rest, &error);
            let at = dotted(path, &steps);
            let (what, help) = explained(&error, last_key(&steps));
            problems.push(self.problem(&at, &what, &help));
            if steps.is_empty() {
                return None;
            }
            remove_at(&mut rest, &steps);
            found.push(steps);
        }
        if !found.is_empty() {
            return None;
        }
        T::deserialize(Spanned::new(span, rest).into_deserializer()).ok()
    }
}

fn attempt<T: DeserializeOwned>(value: &DeValue<'_>) -> Result<(), String> {
    let read = T::deserialize(Spanned::new(0..0, value.clone()).into_deserializer());
    read.map(drop).map_err(|error| error.message().to_owned())
}

/// The steps to the innermost setting without which the error would not be.
fn culprit<T: DeserializeOwned>(value: &DeValue<'_>, error: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(inner) = value_at(value, &steps) {
        let is_to_blame = |step: &Step| {
            let steps = [&steps[..], std::slice::from_ref(step)].concat();
            let mut without = value.clone();
            remove_at(&mut without, &steps);
            match (attempt::<T>(&without), step) {
                (Ok(()), _) => true,
                (Err(other), Step::Key(key)) if other.contains(&format!("missing field `{key}`")) => {
                    value_at(value, &steps).is_some_and(|value| is_mentioned(value, error))
                }
                (Err(other), _) => other != error,
            }
        };
        match steps_into(inner).into_iter().find(is_to_blame) {
            Some(step) => steps.push(step),
            None => break,
        }
    }
    steps
}

/// Whether an error is about this value.
fn is_mentioned(value: &DeValue<'_>, error: &str) -> bool {
    match value {
        DeValue::String(text) => error.contains(&format!("`{text}`")) || error.contains(&format!("{text:?}")),
        DeValue::Integer(number) => error.contains(&format!("integer `{number}`")),
        DeValue::Float(_) => error.contains("floating point"),
        DeValue::Boolean(truth) => error.contains(&format!("boolean `{truth}`")),
        DeValue::Datetime(_) => error.contains("datetime"),
        DeValue::Array(_) => error.contains("sequence,") || error.contains("length"),
        DeValue::Table(_) => error.contains("map,"),
    }
}

fn dotted(path: &str, steps: &[Step]) -> String {
    let mut path = path.to_owned();
    for step in steps {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => path.extend([".", key]),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn last_key(steps: &[Step]) -> &str {
    match steps.last() {
        Some(Step::Key(key)) => key,
        _ => "",
    }
}
