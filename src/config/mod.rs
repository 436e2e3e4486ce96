//! The configuration file: read as a whole, checked as a whole, with every error shown at its line.
//!
//! ```text
//!  text ──▶ document (every key knows its place) ──┬─▶ settings ─────────────────────┐
//!                                                  ├─▶ [source.*] ──▶ engine sources ├──▶ Config, or Problems
//!                                                  └─▶ the rest ────▶ graphs ────────┘
//! ```

mod attributes;
mod document;
mod models;
mod problem;
mod reading;
mod settings;
mod sources;

use std::fs;
use std::path::Path;

use dataflows::{DataflowsConfig, Graphs};
use engine::{EngineError, ErrorKind, SourceSpec};
use model::{Dictionary, Record};

pub(crate) use problem::Problems;
pub(crate) use settings::Settings;

use crate::process::Failure;
use document::Document;
use models::ModelsSource;
use problem::Problem;
use sources::Sources;

/// The name of the file that is looked for where a folder is given.
const FILE_NAME: &str = "tieout.toml";

/// The keys of the file that are tables of tables or about the graphs; the others are [`Settings`].
const SECTIONS: [&str; 4] = ["attributes", "calendar", "source", "reconciliation"];

/// A configuration, checked: all that an engine needs to run.
pub(crate) struct Config {
    /// Where it runs, and how.
    pub(crate) settings: Settings,
    /// The hash of the text.
    pub(crate) hash: String,
    /// The sources, in the order of their definition, and the scoring models as the last one.
    pub(crate) sources: Vec<SourceSpec<Record>>,
    /// The names of the sources that are configured.
    pub(crate) source_names: Vec<String>,
    /// The sources that go on until they are stopped.
    pub(crate) endless: Vec<String>,
    /// What the graphs were built from.
    pub(crate) dataflows: DataflowsConfig,
    /// What is computed.
    pub(crate) graphs: Graphs,
    /// Where the texts of symbols are.
    pub(crate) dictionary: Dictionary,
}

impl Config {
    /// The hash of all that the graphs follow from: the text, and the scoring models that it names.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.hash.as_bytes());
        for model in self.graphs.models() {
            hasher.update(blake3::hash(model.text.as_bytes()).as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Reads the file at `path`, or `tieout.toml` in the folder at `path`.
    pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
        let text = fs::read_to_string(&path).map_err(|error| Failure::Usage(unreadable(&path, &error)))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Config::parse(&path.display().to_string(), &text, folder)?)
    }

    /// Reads the text of a file called `name`; relative paths start in `folder`.
    pub(crate) fn parse(name: &str, text: &str, folder: &Path) -> Result<Config, Problems> {
        let document = Document::parse(text).map_err(|problems| Problems::new(name, text, problems))?;
        let mut problems = Vec::new();
        let config = build(&document, folder, &mut problems);
        match config {
            Some(config) if problems.is_empty() => {
                Ok(Config { hash: blake3::hash(text.as_bytes()).to_hex().to_string(), ..config })
            }
            _ => Err(Problems::new(name, text, problems)),
        }
    }
}

fn build(document: &Document<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Option<Config> {
    document.refuse_unknown(&[&settings::KEYS[..], &SECTIONS[..]].concat(), problems);
    let settings = Settings::read(document, folder, problems);
    let dataflows = read_dataflows(document, problems);
    let dictionary = Dictionary::new();
    let attributes = dataflows.as_ref().map_or(&[][..], |config| &config.attributes);
    attributes::check(attributes, document, problems)?;
    let sources = Sources::read(document, attributes, &dictionary, folder, problems);
    let dataflows = dataflows?;
    let graphs = Graphs::new(&dataflows, &sources.names, &dictionary, &|path| read_model(folder, path));
    let graphs =
        graphs.map_err(|error| problems.push(document.problem(&error.place, &error.what, &error.help))).ok()?;
    let mut specs = sources.specs;
    specs.push(SourceSpec::pull(ModelsSource::new(graphs.models())));
    Some(Config {
        settings: settings?,
        hash: String::new(),
        sources: specs,
        source_names: sources.names,
        endless: sources.endless,
        dataflows,
        graphs,
        dictionary,
    })
}

fn read_dataflows(document: &Document<'_>, problems: &mut Vec<Problem>) -> Option<DataflowsConfig> {
    let section = document.only(&["attributes", "calendar", "reconciliation"]);
    document.read(&section, "", problems)
}

fn read_model(folder: &Path, path: &str) -> Result<String, String> {
    let path = folder.join(path);
    fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> EngineError {
    let what = format!("cannot read the configuration {}: {error}", path.display());
    let help = format!(
        "give the path of a configuration file, or of a folder with a {FILE_NAME}; `tieout generate --out day` writes one to try"
    );
    EngineError::new(ErrorKind::Invalid, what, help)
}
