//! Reading a part of the file as a type, and finding which setting is to blame when it cannot be read.
//!
//! What a library says of a wrong setting often has no place: tables that are told apart by their `kind`, or flattened
//! into one another, are read into a buffer first. So the setting to blame is found by trying: it is the innermost one
//! without which the error would not be. It is then taken away, to see what else is wrong.

use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, Step, Value, remove_at, replace_at, value_at};
use super::problem::{Problem, explained};

/// How many settings of one part are taken away to see what else is wrong.
const REMOVED_MAX: usize = 20;

impl Document<'_> {
    /// Reads `value`, which is at the dotted path `path` (empty: at the top) of the file, or tells of each of its settings
    /// that cannot be read.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        value: &Value<'_>,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let mut rest = value.get_ref().clone();
        let mut removed = Removed::default();
        while let Err(error) = attempt::<T>(&rest) {
            let steps = culprit::<T>(&rest, &error);
            if !(error.starts_with("missing field") && removed.is_from(&steps)) {
                let (what, help) = explained(&error);
                problems.push(self.problem(&dotted(path, &removed.as_written(&steps)), &what, &help));
            }
            if steps.is_empty() || removed.0.len() == REMOVED_MAX {
                return None;
            }
            remove_at(&mut rest, &steps);
            removed.0.push(steps);
        }
        if !removed.0.is_empty() {
            return None;
        }
        T::deserialize(Spanned::new(value.span(), rest).into_deserializer()).ok()
    }
}

/// The settings that were taken away to see what else is wrong, each by its steps when it was taken away.
#[derive(Default)]
struct Removed(Vec<Vec<Step>>);

impl Removed {
    /// Whether something was just taken out of the value at the end of these steps: that it is missing there is no news.
    fn is_from(&self, steps: &[Step]) -> bool {
        self.0.last().is_some_and(|removed| removed.starts_with(steps) && removed.len() > steps.len())
    }

    /// Steps as they are in the file: what follows in a list has moved up when something was taken away before it.
    fn as_written(&self, steps: &[Step]) -> Vec<Step> {
        let mut steps = steps.to_vec();
        for removed in self.0.iter().rev() {
            let Some((Step::Index(removed_at), list)) = removed.split_last() else { continue };
            let is_in_list = steps.starts_with(list);
            if let Some(Step::Index(at)) = steps.get_mut(list.len()).filter(|_| is_in_list)
                && *at >= *removed_at
            {
                *at += 1;
            }
        }
        steps
    }
}

fn attempt<T: DeserializeOwned>(value: &DeValue<'_>) -> Result<(), String> {
    let read = T::deserialize(Spanned::new(0..0, value.clone()).into_deserializer());
    read.map(drop).map_err(|error| error.message().to_owned())
}

/// The steps to the innermost setting without which the error would not be.
fn culprit<T: DeserializeOwned>(value: &DeValue<'_>, error: &str) -> Vec<Step> {
    let mut trial = Trial { value, error, attempt: attempt::<T>, steps: Vec::new() };
    while let Some(step) = trial.step() {
        trial.steps.push(step);
    }
    trial.steps
}

/// The search for the setting to blame, and how far it has come.
struct Trial<'v, 't> {
    value: &'v DeValue<'t>,
    error: &'v str,
    attempt: fn(&DeValue<'_>) -> Result<(), String>,
    steps: Vec<Step>,
}

impl<'t> Trial<'_, 't> {
    /// The next step inwards; none where the error is about the value as a whole.
    fn step(&self) -> Option<Step> {
        match value_at(self.value, &self.steps)? {
            DeValue::Array(list) => {
                let up_to = |count: usize| DeValue::Array(list.iter().take(count).cloned().collect());
                (self.error_with(up_to(0)).as_deref() != Some(self.error)).then_some(())?;
                // Elements after the first wrong one may be wrong in the same way.
                (0..list.len())
                    .find(|index| self.error_with(up_to(index + 1)).as_deref() == Some(self.error))
                    .map(Step::Index)
            }
            DeValue::Table(table) => {
                let keys = || table.keys().map(|key| key.get_ref().as_ref());
                keys()
                    .find(|key| self.is_to_blame(table, key))
                    .or_else(|| keys().find(|key| self.is_enough(table, key)))
                    .map(|key| Step::Key(key.to_owned()))
            }
            _ => None,
        }
    }

    /// Whether the error is no longer there without a key.
    fn is_to_blame(&self, table: &DeTable<'t>, key: &str) -> bool {
        let mut without = table.clone();
        let removed = without.remove(key);
        match self.error_with(DeValue::Table(without)) {
            None => true,
            Some(other) if other.contains(&format!("missing field `{key}`")) => {
                removed.is_some_and(|value| is_mentioned(value.get_ref(), self.error))
            }
            Some(other) => other != self.error,
        }
    }

    /// Whether the error is there with nothing but one key: where several tables are wrong in the same way.
    fn is_enough(&self, table: &DeTable<'t>, key: &str) -> bool {
        let is_the_error = |table: DeTable<'t>| self.error_with(DeValue::Table(table)).as_deref() == Some(self.error);
        let only = table.iter().filter(|(other, _)| other.get_ref() == key);
        let only = only.map(|(key, value)| (key.clone(), value.clone())).collect();
        matches!(table.get(key).map(Spanned::get_ref), Some(DeValue::Table(_) | DeValue::Array(_)))
            && is_the_error(only)
            && !is_the_error(DeTable::new())
    }

    /// The error with another value at the end of the steps.
    fn error_with(&self, other: DeValue<'t>) -> Option<String> {
        let mut value = self.value.clone();
        replace_at(&mut value, &self.steps, other);
        (self.attempt)(&value).err()
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
    #[allow(dead_code)]
    enum Shape {
        Circle { radius: u32 },
        Square { side: u32, color: Option<String> },
    }

    fn problems(text: &str) -> Vec<(String, usize)> {
        let document = Document::parse(text).unwrap();
        let mut problems = Vec::new();
        let read: Option<BTreeMap<String, Vec<Shape>>> = document.read(&document.only(&["shapes"]), "", &mut problems);
        assert_eq!(read.is_some(), problems.is_empty());
        problems.iter().map(|problem| (problem.what().to_owned(), problem.line(text))).collect()
    }

    #[test]
    fn every_wrong_setting_of_a_list_is_told_at_its_own_line() {
        let text = r#"shapes = [
            { kind = "circle", radius = 1 },
            { kind = "circel", radius = 1 },
            { kind = "square", side = "long" },
            { kind = "square" },
            { kind = "circle", radius = 2, colour = "red" },
            5,
            { kind = "square", side = 1, color = 7 },
        ]"#;
        let expected = [
            ("shapes[1].kind: `circel` is not known", 3),
            ("shapes[2].side: the text \"long\" cannot be used", 4),
            ("shapes[3]: the setting `side` is missing", 5),
            ("shapes[4].colour: there is no setting `colour`", 6),
            ("shapes[5]: the number `5` cannot be used", 7),
            ("shapes[6].color: the number `7` cannot be used", 8),
        ];
        let expected = expected.map(|(what, line)| (what.to_owned(), line));
        assert_eq!(problems(text), expected);
    }

    #[test]
    fn what_is_right_is_read() {
        assert_eq!(problems("shapes = [{ kind = 'square', side = 1 }]"), []);
    }
}
