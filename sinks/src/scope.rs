//! What a sink needs to know about the configuration that it is part of.

use std::path::Path;

/// What a sink needs to know about the configuration that it is part of.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The table that it is in: `sink`, `alert` or `alert_channel`.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Where relative paths start.
    pub folder: &'a Path,
}

impl Scope<'_> {
    /// The path of its configuration.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.kind, self.name)
    }

    /// What it is, in words.
    pub(crate) fn noun(&self) -> String {
        self.kind.replace('_', " ")
    }
}
