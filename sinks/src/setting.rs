//! What is wrong with a setting, told to the person who wrote it.

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    /// The path of the setting, such as `access.tokens.loader.role`.
    pub key: String,
    /// What is wrong with it. Never a secret.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

impl SettingError {
    /// An error about the setting at `key`.
    pub fn new(key: impl Into<String>, what: impl Into<String>, help: impl Into<String>) -> Self {
        SettingError { key: key.into(), what: what.into(), help: help.into() }
    }

    /// A file that cannot be read.
    pub(crate) fn unreadable(key: impl Into<String>, path: &std::path::Path, error: &std::io::Error) -> Self {
        let what = format!("cannot read {}: {error}", path.display());
        SettingError::new(key, what, "give the path of a file that the process may read")
    }
}
