//! What is wrong with a configuration, told to the person who wrote it: where, what was expected, what to do.

use std::fmt;

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The path of the setting, such as `source.internal.columns.price`.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do about it. Empty when there is nothing to add.
    pub help: String,
}

impl ConfigError {
    /// An error about the setting at `key`.
    pub fn new(key: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Self {
        ConfigError { key: key.into(), what: what.into(), help: help.into() }
    }

    /// A name that is none of `known`.
    pub(crate) fn unknown<'a>(
        key: impl Into<String>,
        noun: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of {}", listed(known)),
        };
        ConfigError::new(key, format!("there is no {noun} `{name}`"), help)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)?;
        if !self.help.is_empty() {
            write!(f, " (help: {})", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The known name that a mistyped one was most likely meant to be.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(name);
    let distance = |candidate: &str| strsim::damerau_levenshtein(&plain, &self::plain(candidate));
    let (distance, near) = known.into_iter().map(|candidate| (distance(candidate), candidate)).min()?;
    (distance <= plain.chars().count().div_ceil(3)).then_some(near)
}

/// Capitals, blanks, hyphens and underscores make no difference to a reader.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Names for a message, at most a few dozen of them.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const NAMES_MAX: usize = 50;
    let mut names = names.into_iter();
    let mut list = names.by_ref().take(NAMES_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = names.count();
    if more > 0 {
        list.push_str(&format!(" and {more} more"));
    }
    list
}
