//! What is wrong with a rule of the configuration, told to a person.

use std::fmt;

/// A rule that makes no sense: where it stands, what is wrong, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The place in the configuration, such as `reconciliation.etd.tier[1].field`.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What was expected, or what to do.
    pub help: String,
}

impl RuleError {
    /// An error at `place`.
    pub fn new(place: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Self {
        RuleError { place: place.into(), what: what.into(), help: help.into() }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (help: {})", self.place, self.what, self.help)
    }
}

impl std::error::Error for RuleError {}

/// The name of `names` nearest to `name`, to suggest for a typing error.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().map(|other| (strsim::osa_distance(name, other), other));
    near.filter(|(distance, _)| *distance <= 1 + name.len() / 4).min().map(|(_, other)| other)
}

/// An unknown name at `place`, with the nearest known one.
pub fn unknown<'a>(
    place: impl Into<String>,
    kind: &str,
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> RuleError {
    let names: Vec<&str> = names.into_iter().collect();
    let help = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known: {}", names.join(", ")),
    };
    RuleError::new(place, format!("there is no {kind} `{name}`"), help)
}
