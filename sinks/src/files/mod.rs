//! Files.

mod config;

use std::path::{Path, PathBuf};

use engine::{EngineError, Reader, Request, Tick};

pub use config::{Compression, ExportOptions, Format};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where.
    pub path: PathBuf,
    /// As of which tick.
    pub tick: Tick,
    /// How many rows.
    pub rows: u64,
    /// How large the file is.
    pub size_bytes: u64,
}

/// Writes a view as of a tick to a file: whole, or not at all.
pub async fn export(reader: &Reader, request: &Request, path: &Path, options: &ExportOptions) -> Result<Exported, EngineError> {
    let _ = (reader, request, path, options);
    Err(EngineError::stopped())
}
