//! A configuration as it is recorded: all that is needed to run it again when its files have changed or gone.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use engine::{Configuration, EngineError, ErrorKind};
use serde::{Deserialize, Serialize};

/// The parts of a configuration on which it depends what the views show. Where it runs, and to whom it tells what, may
/// change at any time.
const DECISIVE: [&str; 6] = ["attributes", "books", "calendar", "margin", "reconciliation", "source"];

/// The settings of a source that do not change what its records are: how it is reached, how often, and how far.
const UNDECISIVE: [&str; 6] = ["brokers", "properties", "group", "poll_interval_ms", "discover_interval_ms", "until"];

/// The same of the table `avro` of a source: how its schema registry is reached.
const UNDECISIVE_OF_AVRO: [&str; 4] = ["username", "password", "token", "ca_file"];

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
        let tables = decisive(&self.text).unwrap_or_default();
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

    /// Whether they were recorded.
    pub(super) fn are_recorded(&self) -> bool {
        self.recorded.is_some()
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

/// What of two recorded configurations reads other records from the sources of the first, as people call it. Each source must
/// still be there and as it was, and the attributes be the same ones: a new one may be found in records that were read before.
/// What else differs only changes what is made of the records.
pub(crate) fn read_otherwise(old: &str, new: &str) -> Option<String> {
    match (Readings::of(old), Readings::of(new)) {
        (Some(old), Some(new)) => old.differs(&new),
        _ => Some("all that was recorded".to_owned()),
    }
}

/// What a recorded configuration reads.
struct Readings {
    sources: toml::Table,
    attributes: BTreeSet<String>,
    files: BTreeMap<String, String>,
}

impl Readings {
    fn of(json: &str) -> Option<Self> {
        let recorded = Recorded::parse(json).ok()?;
        let mut tables = decisive(&recorded.text)?;
        let mut entry = |key: &str| tables.remove(key);
        let sources = entry("source").and_then(|sources| sources.try_into().ok()).unwrap_or_default();
        let attributes = entry("attributes").and_then(|names| names.try_into().ok()).unwrap_or_default();
        Some(Readings { sources, attributes, files: recorded.files })
    }

    fn differs(&self, new: &Readings) -> Option<String> {
        let is_alike = |name: &str, source: &toml::Value| {
            let is_same_file = |path| self.files.get(path) == new.files.get(path);
            new.sources.get(name) == Some(source) && schema_file(source).is_none_or(is_same_file)
        };
        let source = self.sources.iter().find(|(name, source)| !is_alike(name, source));
        match source {
            Some((name, _)) => Some(format!("the source `{name}`")),
            None => (self.attributes != new.attributes).then(|| "the list of attributes".to_owned()),
        }
    }
}

/// A text's tables, without the settings of sources that do not change what their records are.
fn decisive(text: &str) -> Option<toml::Table> {
    let mut tables: toml::Table = toml::from_str(text).ok()?;
    let sources = tables.get_mut("source").and_then(toml::Value::as_table_mut);
    for source in
        sources.into_iter().flat_map(|sources| sources.iter_mut()).filter_map(|(_, source)| source.as_table_mut())
    {
        source.retain(|key, _| UNDECISIVE.iter().all(|undecisive| key != *undecisive));
        if let Some(avro) = source.get_mut("avro").and_then(toml::Value::as_table_mut) {
            avro.retain(|key, _| UNDECISIVE_OF_AVRO.iter().all(|undecisive| key != *undecisive));
            // Whether there is a registry is decisive, and where it is is not.
            avro.get_mut("registry").into_iter().for_each(|address| *address = true.into());
        }
    }
    Some(tables)
}

/// The path of the file that says by which schema a source reads its messages.
fn schema_file(source: &toml::Value) -> Option<&str> {
    source.get("avro")?.get("schema")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = r#"
        attributes = ["book"]
        [source.own]
        kind = "files"
        path = "own.csv"
        [reconciliation.r]
        sides = ["own", "broker"]
        [source.broker]
        kind = "files"
    "#;

    fn recorded(text: &str) -> Recorded {
        Recorded { folder: PathBuf::from("/"), text: text.to_owned(), files: BTreeMap::new() }
    }

    fn text(text: &str) -> String {
        recorded(text).configuration(&[]).text
    }

    #[test]
    fn what_does_not_change_the_views_does_not_change_the_hash() {
        let hash = |text: &str| recorded(text).configuration(&["own".into(), "broker".into()]).hash;
        for same in [
            CONFIGURATION.replace("[source.own]", "# ours\n[source.own]"),
            format!("workers = 4\nlisten = \"127.0.0.1:0\"\n{CONFIGURATION}\n[snapshots]\nevery_seconds = 5"),
        ] {
            assert_eq!(hash(&same), hash(CONFIGURATION), "{same}");
        }
        assert_ne!(hash(&CONFIGURATION.replace("own.csv", "ours.csv")), hash(CONFIGURATION));
        assert_ne!(recorded(CONFIGURATION).configuration(&[]).hash, hash(CONFIGURATION), "the order of sources");
        let with_file = Recorded { files: [("m.json".into(), "{}".into())].into(), ..recorded(CONFIGURATION) };
        assert_ne!(with_file.configuration(&["own".into(), "broker".into()]).hash, hash(CONFIGURATION));
    }

    #[test]
    fn records_are_carried_over_when_a_registry_moves_and_not_when_a_schema_changes() {
        let with = |avro: &str, schema: &str| {
            let text = CONFIGURATION.replace("path = \"own.csv\"", &format!("avro = {{ {avro} }}"));
            let files = [("trade.avsc".to_owned(), schema.to_owned())].into();
            Recorded { files, ..recorded(&text) }.configuration(&[])
        };
        let old = with("registry = \"http://a\", username = \"u\", schema = \"trade.avsc\"", "1");
        let moved = with("registry = \"https://b\", token = { env = \"T\" }, schema = \"trade.avsc\"", "1");
        let changed = with("registry = \"http://a\", username = \"u\", schema = \"trade.avsc\"", "2");
        let gone = with("schema = \"trade.avsc\"", "1");
        let is_alike = |new: &str| read_otherwise(&old.text, new).is_none();
        assert!(is_alike(&moved.text) && old.hash == moved.hash);
        assert!(!is_alike(&changed.text) && old.hash != changed.hash);
        assert!(!is_alike(&gone.text) && old.hash != gone.hash);
    }

    #[test]
    fn records_are_carried_over_unless_a_source_reads_them_otherwise() {
        let otherwise = |new: &str| read_otherwise(&text(CONFIGURATION), &text(new));
        for alike in [
            CONFIGURATION.to_owned(),
            CONFIGURATION.replace("[\"own\", \"broker\"]", "[\"broker\", \"own\"]"),
            format!("{CONFIGURATION}\n[source.custodian]\nkind = \"flight\""),
            CONFIGURATION.replace("[source.broker]", "[source.broker]\n        poll_interval_ms = 5"),
        ] {
            assert_eq!(otherwise(&alike), None, "{alike}");
        }
        for (changed, what) in [
            (CONFIGURATION.replace("own.csv", "ours.csv"), "the source `own`"),
            (CONFIGURATION.replace("source.broker", "source.bank"), "the source `broker`"),
            (CONFIGURATION.replace("[\"book\"]", "[]"), "the list of attributes"),
            (CONFIGURATION.replace("[\"book\"]", "[\"desk\", \"book\"]"), "the list of attributes"),
        ] {
            assert_eq!(otherwise(&changed).as_deref(), Some(what), "{changed}");
        }
    }
}
