//! What went wrong, told to a person: what happened, where, what was expected, what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of failure it is, for callers that act on it: exit codes, gRPC status, whether to retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The caller asked for something that does not exist or makes no sense.
    Invalid,
    /// No such view, source or tick.
    NotFound,
    /// The tick asked for has been compacted: take a snapshot again.
    Compacted,
    /// The caller has not shown who it is, or what it showed is not genuine or has expired.
    Unauthenticated,
    /// The caller may not do this.
    Denied,
    /// A bound was reached; the caller may go on later, or from the tick that is named.
    Exhausted,
    /// The disk, a file or a peer failed.
    Unavailable,
    /// The engine is stopping.
    Stopped,
    /// Durable state is damaged or of another version.
    Damaged,
}

/// An error for people. It renders the same on a terminal, in a log and in a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What happened, and where (a path, a view, a tick).
    pub what: String,
    /// What was expected, or what to do. Empty when there is nothing to add.
    pub help: String,
}

impl EngineError {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, what: impl Into<String>, help: impl Into<String>) -> Self {
        EngineError { kind, what: what.into(), help: help.into() }
    }

    /// A failure of the disk or of a file at `path`.
    pub fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let help = match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "give the process the right to read and write there, or set another folder"
            }
            std::io::ErrorKind::StorageFull => "free some space and start again: nothing that was acknowledged is lost",
            std::io::ErrorKind::NotFound => "check the path in the configuration",
            _ => "",
        };
        EngineError::new(ErrorKind::Unavailable, format!("cannot {doing} {}: {error}", path.display()), help)
    }

    /// The engine is stopping and takes nothing more.
    pub fn stopped() -> Self {
        EngineError::new(ErrorKind::Stopped, "the engine is stopping", "")
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.help.is_empty() {
            write!(f, " (help: {})", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for EngineError {}
