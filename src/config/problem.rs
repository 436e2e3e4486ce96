//! What is wrong with a configuration, shown at its line.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// One thing that is wrong: what, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    what: String,
    help: String,
    place: Range<usize>,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>, place: Range<usize>) -> Self {
        Problem { what: what.into(), help: help.into(), place }
    }

    #[cfg(test)]
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    #[cfg(test)]
    pub(super) fn line(&self, text: &str) -> usize {
        text[..self.place.start].matches('\n').count() + 1
    }
}

/// All that is wrong with a configuration, in the order of its lines.
#[derive(Debug)]
pub(crate) struct Problems(Vec<Located>);

impl Problems {
    pub(super) fn new(name: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place.start);
        problems.dedup();
        let file = Arc::new(NamedSource::new(name, text.to_owned()).with_language("toml"));
        Problems(problems.into_iter().map(|problem| Located { problem, file: Arc::clone(&file) }).collect())
    }

    /// Each of them, to be shown.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Diagnostic> {
        self.0.iter().map(|located| located as &dyn Diagnostic)
    }
}

/// A problem and the file that it is in.
#[derive(Debug)]
struct Located {
    problem: Problem,
    file: Arc<NamedSource<String>>,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.what)
    }
}

impl std::error::Error for Located {}

impl Diagnostic for Located {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = &self.problem.help;
        (!help.is_empty()).then(|| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::underline(self.problem.place.clone()))))
    }
}

/// What to write instead of a name that is not known.
pub(super) fn did_you_mean(name: &str, known: &[&str]) -> String {
    let distance = |other: &&&str| strsim::osa_distance(name, other);
    match known.iter().min_by_key(distance).filter(|near| distance(near) <= 1 + name.len() / 4) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "leave it out".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// What serde says of a setting, in words for people: what is wrong, and what to do.
pub(super) fn explained(error: &str) -> (String, String) {
    let quoted: Vec<&str> = error.split('`').skip(1).step_by(2).collect();
    let (name, known) = quoted.split_first().map_or(("", &[][..]), |(name, known)| (*name, known));
    if error.starts_with("unknown field") {
        return (format!("there is no setting `{name}`"), did_you_mean(name, known));
    }
    if error.starts_with("unknown variant") {
        return (format!("`{name}` is not known"), did_you_mean(name, known));
    }
    if error.starts_with("missing field") {
        return (format!("the setting `{name}` is missing"), format!("add `{name} = ...`"));
    }
    if error.starts_with("data did not match any variant") {
        return (
            "it is not written in one of the ways it can be".to_owned(),
            "compare it with an example of the documentation".to_owned(),
        );
    }
    let wrong_type = error.strip_prefix("invalid type: ").or_else(|| error.strip_prefix("invalid value: "));
    if let Some((given, expected)) = wrong_type.and_then(|error| error.split_once(", expected ")) {
        return (format!("{} cannot be used", type_name(given)), format!("give {}", type_name(expected)));
    }
    (error.to_owned(), String::new())
}

/// Rust's and serde's names of types, as the one who writes a configuration knows them.
fn type_name(name: &str) -> String {
    match name {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "a string" | "path string" => "a text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" | "sequence" => "a list, such as [\"a\", \"b\"]".to_owned(),
        "a map" | "map" => "a table".to_owned(),
        _ if name.starts_with("struct ") => "a table".to_owned(),
        _ => name.replace("integer ", "the number ").replace("string ", "the text ").replace("boolean ", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_becomes_words_for_people() {
        for (error, what, help) in [
            (
                "unknown field `pth`, expected one of `path`, `follow`",
                "there is no setting `pth`",
                "did you mean `path`?",
            ),
            ("unknown field `x`, there are no fields", "there is no setting `x`", "leave it out"),
            ("unknown variant `zzz`, expected `a` or `b`", "`zzz` is not known", "known here: a, b"),
            ("missing field `path`", "the setting `path` is missing", "add `path = ...`"),
            (
                "invalid type: string \"x\", expected u64",
                "the text \"x\" cannot be used",
                "give a whole number, 0 or more",
            ),
            (
                "invalid value: integer `-1`, expected usize",
                "the number `-1` cannot be used",
                "give a whole number, 0 or more",
            ),
            ("it rained", "it rained", ""),
        ] {
            assert_eq!(explained(error), (what.to_owned(), help.to_owned()));
        }
    }
}
