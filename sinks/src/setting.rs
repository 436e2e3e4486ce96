//! Files that settings name.

use std::io;
use std::path::Path;

use engine::setting::ConfigError;

/// A file that cannot be read.
pub(crate) fn unreadable(key: impl Into<String>, path: &Path, error: &io::Error) -> ConfigError {
    let what = format!("cannot read {}: {error}", path.display());
    ConfigError::new(key, what, "give the path of a file that the process may read")
}
