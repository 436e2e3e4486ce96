//! The manifest of a snapshot: what it is of, and what must be there for it to be whole.

use std::sync::Arc;

use operators::Tick;
use serde::{Deserialize, Serialize};

use crate::bindings::Configured;
use crate::system::Progress;

/// The format of snapshots. One of a later format is not read.
pub const FORMAT: u32 = 1;

/// What a snapshot is of. It is written when all its parts are durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format.
    pub format: u32,
    /// The tick as of which it is.
    pub tick: Tick,
    /// The version of the program that wrote it.
    pub version: String,
    /// The hash of the configuration that held.
    pub configuration: String,
    /// The tick from which it held.
    pub configured_since: Tick,
    /// How far each partition was bound.
    pub progress: Vec<PartitionProgress>,
    /// Its files.
    pub parts: Vec<Part>,
}

/// How far a partition was bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionProgress {
    /// Its source.
    pub source: String,
    /// Its name.
    pub partition: Arc<str>,
    /// How far it was.
    #[serde(flatten)]
    pub progress: Progress,
}

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it holds: `records`, `first_seen_<place>`, or the name of one of the engine's own views.
    pub table: String,
    /// Its name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// The BLAKE3 hash of its bytes, in hexadecimal.
    pub blake3: String,
}

impl Manifest {
    /// Whether it was taken while this configuration held.
    pub(crate) fn is_of(&self, configured: &Configured) -> bool {
        (&self.configuration, self.configured_since) == (&configured.hash, configured.since)
    }

    /// How many rows its tables of this name have.
    pub fn rows(&self, table: &str) -> u64 {
        self.parts.iter().filter(|part| part.table == table).map(|part| part.rows).sum()
    }

    /// How many bytes it has.
    pub fn size_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.size_bytes).sum()
    }
}
