//! A configuration as it is recorded: all that is needed to run it again when its files have changed or gone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use engine::{Configuration, EngineError, ErrorKind};
use serde::{Deserialize, Serialize};

/// The parts of a configuration on which it depends what the views show. Where it runs, and to whom it tells what, may
/// change at any time.
const DECISIVE: [&str; 4] = ["attributes", "calendar", "reconciliation", "source"];

/// What is recorded.
#[derive(Serialize, Deserialize)]
pub(super) struct Recorded {
    /// Where relative paths start.
    pub(super) folder: PathBuf,
    /// The text of the file.
    pub(super) text: String,
    /// The files that it names and that were read with it, by their paths as they are written.
    pub(super) files: BTreeMap<String, String>,
}

impl Recorded {
    /// What was recorded.
    pub(super) fn parse(json: &str) -> Result<Self, EngineError> {
        serde_json::from_str(json).map_err(|error| {
            let what = format!("the configuration that was recorded cannot be read: {error}");
            EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup")
        })
    }

    /// It as the engine records it. Two that give the same views have the same hash: comments and spaces do not count, but
    /// the order of sources does, since it gives them their numbers.
    pub(super) fn configuration(&self, sources: &[String]) -> Configuration {
        let tables: toml::Table = toml::from_str(&self.text).unwrap_or_default();
        let decisive: BTreeMap<_, _> = tables.iter().filter(|(key, _)| DECISIVE.contains(&key.as_str())).collect();
        let hashed = serde_json::json!({ "tables": decisive, "sources": sources, "files": self.files });
        let text = serde_json::json!({ "folder": self.folder, "text": self.text, "files": self.files });
        let hash = blake3::hash(hashed.to_string().as_bytes()).to_hex().to_string();
        Configuration { hash, text: text.to_string() }
    }
}

/// The files that a configuration names.
pub(super) struct NamedFiles {
    folder: PathBuf,
    recorded: Option<BTreeMap<String, String>>,
    read: RefCell<BTreeMap<String, String>>,
}

impl NamedFiles {
    /// Those of this machine; relative paths start in `folder`.
    pub(super) fn of_disk(folder: &Path) -> Self {
        NamedFiles { folder: folder.to_owned(), recorded: None, read: RefCell::default() }
    }

    /// Those that were recorded.
    pub(super) fn of_record(recorded: &Recorded) -> Self {
        NamedFiles { recorded: Some(recorded.files.clone()), ..NamedFiles::of_disk(&recorded.folder) }
    }

    /// The text of a file; or why there is none.
    pub(super) fn read(&self, path: &str) -> Result<String, String> {
        let text = match &self.recorded {
            Some(files) => files.get(path).cloned().ok_or_else(|| format!("{path} was not recorded"))?,
            None => {
                let full = self.folder.join(path);
                fs::read_to_string(&full).map_err(|error| format!("cannot read {}: {error}", full.display()))?
            }
        };
        self.read.borrow_mut().insert(path.to_owned(), text.clone());
        Ok(text)
    }

    /// All that have been read.
    pub(super) fn all_read(self) -> BTreeMap<String, String> {
        self.read.into_inner()
    }
}
