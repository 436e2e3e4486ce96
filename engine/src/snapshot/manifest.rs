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

/// As it is written: with the BLAKE3 hash of what it is without it, in hexadecimal. The first versions wrote none.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    manifest: Manifest,
    #[serde(default)]
    blake3: Option<String>,
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
    /// What it holds: `records`, `first_seen_<place>`, `episodes`, or the name of one of the engine's own views.
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
    /// As it is written.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Written { blake3: Some(self.hash()?), manifest: self.clone() })
    }

    /// Reads what is written; says why it is none that can be read.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let unreadable = |error| format!("its manifest cannot be read: {error}");
        let Written { manifest, blake3 } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if manifest.format > FORMAT {
            return Err(format!("it has format {}; this version reads up to {FORMAT}", manifest.format));
        }
        let hash = manifest.hash().map_err(unreadable)?;
        if blake3.is_some_and(|written| written != hash) {
            return Err("its manifest.json is not what was written".to_owned());
        }
        Ok(manifest)
    }

    fn hash(&self) -> serde_json::Result<String> {
        Ok(blake3::hash(&serde_json::to_vec(self)?).to_hex().to_string())
    }

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
