//! A configuration file in which every key knows its place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, did_you_mean};

/// A value of the file, with its place.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// The file, parsed.
pub(super) struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Parses a text, or says where it is not TOML.
    pub(super) fn parse(text: &'t str) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(Document { text, root: root.into_inner() });
        }
        let problem = |error: &toml::de::Error| {
            let help = "the file is written in TOML: https://toml.io";
            Problem::new(error.message(), help, error.span().unwrap_or(text.len()..text.len()))
        };
        Err(errors.iter().map(problem).collect())
    }

    /// The value of a key at the top.
    pub(super) fn get(&self, key: &str) -> Option<&Value<'t>> {
        self.root.get(key)
    }

    /// The file without all but some of the keys at the top.
    pub(super) fn only(&self, keys: &[&str]) -> Value<'t> {
        let wanted = self.root.iter().filter(|(key, _)| keys.contains(&key.get_ref().as_ref()));
        let root = wanted.map(|(key, value)| (key.clone(), value.clone())).collect();
        Spanned::new(0..self.text.len(), DeValue::Table(root))
    }

    /// The tables under a key at the top, by name, in the order in which they are written.
    pub(super) fn tables(&self, key: &str, problems: &mut Vec<Problem>) -> Vec<(String, &Value<'t>)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Table(tables) = value.get_ref() else {
            problems.push(self.problem(
                key,
                "this is not a table",
                &format!("write [{key}.<name>] above its settings"),
            ));
            return Vec::new();
        };
        let mut tables: Vec<_> = tables.iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        tables.into_iter().map(|(name, value)| (name.get_ref().to_string(), value)).collect()
    }

    /// Tells of each key at the top that is none of `known`.
    pub(super) fn refuse_unknown(&self, known: &[&str], problems: &mut Vec<Problem>) {
        for key in self.root.keys().map(|key| key.get_ref().as_ref()).filter(|key| !known.contains(key)) {
            problems.push(self.problem(key, &format!("there is no setting `{key}`"), &did_you_mean(key, known)));
        }
    }

    /// What is wrong with the setting at a dotted path.
    pub(super) fn problem(&self, path: &str, what: &str, help: &str) -> Problem {
        let what = if what.starts_with(path) || path.is_empty() { what.to_owned() } else { format!("{path}: {what}") };
        Problem::new(what, help, self.place(&self.steps(path)))
    }

    /// The steps of a dotted path such as `reconciliation.etd.tier[1].field`, as far as they are in the file. Names may
    /// have dots of their own.
    fn steps(&self, path: &str) -> Vec<Step> {
        let (mut steps, mut rest) = (Vec::new(), path);
        let mut inside = Some(Inside::Table(&self.root));
        while let Some((step, left)) = inside.and_then(|inside| inside.step(rest)) {
            inside = inside.and_then(|inside| inside.get(&step));
            steps.push(step);
            rest = left.strip_prefix('.').unwrap_or(left);
        }
        steps
    }

    /// The place of the setting at the end of some steps: its key and, where it is short, its value.
    pub(super) fn place(&self, steps: &[Step]) -> Range<usize> {
        let (mut inside, mut place) = (Some(Inside::Table(&self.root)), 0..0);
        for step in steps {
            if let Some(found) = inside.and_then(|inside| inside.place(step)) {
                place = found;
            }
            inside = inside.and_then(|inside| inside.get(step));
        }
        let first_line = self.text[place.clone()].split('\n').next().unwrap_or_default().trim_end().len();
        place.start..place.start + first_line
    }
}

/// What has something inside.
#[derive(Clone, Copy)]
enum Inside<'a, 't> {
    Table(&'a DeTable<'t>),
    List(&'a [Value<'t>]),
}

impl<'a, 't> Inside<'a, 't> {
    fn of(value: &'a Value<'t>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Inside::Table(table)),
            DeValue::Array(list) => Some(Inside::List(list)),
            _ => None,
        }
    }

    fn get(self, step: &Step) -> Option<Self> {
        match (self, step) {
            (Inside::Table(table), Step::Key(key)) => Inside::of(table.get(key.as_str())?),
            (Inside::List(list), Step::Index(index)) => Inside::of(list.get(*index)?),
            _ => None,
        }
    }

    /// The first step of a path, and the rest of the path.
    fn step(self, path: &str) -> Option<(Step, &str)> {
        match self {
            Inside::Table(table) => {
                let is_first = |key: &&str| {
                    path.strip_prefix(*key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                };
                let key =
                    table.keys().map(|key| key.get_ref().as_ref()).filter(is_first).max_by_key(|key| key.len())?;
                Some((Step::Key(key.to_owned()), &path[key.len()..]))
            }
            Inside::List(list) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let index = index.parse().ok().filter(|index| *index < list.len())?;
                Some((Step::Index(index), rest))
            }
        }
    }

    fn place(self, step: &Step) -> Option<Range<usize>> {
        match (self, step) {
            (Inside::Table(table), Step::Key(key)) => {
                let (key, value) = table.get_key_value(key.as_str())?;
                let is_after = key.span().end <= value.span().start && !matches!(value.get_ref(), DeValue::Table(_));
                Some(key.span().start..if is_after { value.span().end } else { key.span().end })
            }
            (Inside::List(list), Step::Index(index)) => Some(list.get(*index)?.span()),
            _ => None,
        }
    }
}

/// The value at the end of some steps.
pub(super) fn value_at<'v, 't>(value: &'v DeValue<'t>, steps: &[Step]) -> Option<&'v DeValue<'t>> {
    steps.iter().try_fold(value, |value, step| match (value, step) {
        (DeValue::Table(table), Step::Key(key)) => table.get(key.as_str()).map(Spanned::get_ref),
        (DeValue::Array(list), Step::Index(index)) => list.get(*index).map(Spanned::get_ref),
        _ => None,
    })
}

/// The value at the end of some steps, to be changed.
fn value_at_mut<'v, 't>(value: &'v mut DeValue<'t>, steps: &[Step]) -> Option<&'v mut DeValue<'t>> {
    steps.iter().try_fold(value, |value, step| match (value, step) {
        (DeValue::Table(table), Step::Key(key)) => table.get_mut(key.as_str()).map(Spanned::get_mut),
        (DeValue::Array(list), Step::Index(index)) => list.get_mut(*index).map(Spanned::get_mut),
        _ => None,
    })
}

/// Puts another value at the end of some steps.
pub(super) fn replace_at<'t>(value: &mut DeValue<'t>, steps: &[Step], other: DeValue<'t>) {
    if let Some(value) = value_at_mut(value, steps) {
        *value = other;
    }
}

/// Takes away the value at the end of some steps.
pub(super) fn remove_at(value: &mut DeValue<'_>, steps: &[Step]) {
    let Some((last, outer)) = steps.split_last() else { return };
    match (value_at_mut(value, outer), last) {
        (Some(DeValue::Table(table)), Step::Key(key)) => drop(table.remove(key.as_str())),
        (Some(DeValue::Array(list)), Step::Index(index)) => {
            let rest = list.iter().enumerate().filter(|(at, _)| at != index);
            *list = rest.map(|(_, value)| value.clone()).collect();
        }
        _ => {}
    }
}
