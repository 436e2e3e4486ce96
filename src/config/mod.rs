//! The configuration file: read as a whole, checked as a whole, with every error shown at its line.
//!
//! ```text
//!  text ──▶ document (every key knows its place) ──┬─▶ settings ─────────────────────┐
//!                                                  ├─▶ [access], [tls] ──▶ security  │
//!                                                  ├─▶ [source.*] ──▶ engine sources ├──▶ Config, or Problems
//!                                                  ├─▶ [sink.*] ────▶ running sinks ─┤
//!                                                  ├─▶ [alert*.*] ──▶ alerts ────────┤
//!                                                  └─▶ the rest ────▶ graphs ────────┘
//! ```

mod access;
mod alerts;
mod attributes;
mod catalogue;
mod document;
mod kind;
mod models;
mod problem;
mod reading;
mod recorded;
mod settings;
mod sinks;
mod snapshots;
mod sources;
mod tls;

use std::fs;
use std::path::{Path, PathBuf};

use ::sinks::alerts::Alerts;
use ::sinks::{Runs, Security};
use connectors::{Scope, SourceConfig, Span};
use dataflows::{DataflowsConfig, Graphs};
use engine::{Configuration, EngineError, ErrorKind, SourceSpec};
use model::{Dictionary, Record, SourceId};

pub(crate) use problem::Problems;
pub(crate) use recorded::read_otherwise;
pub(crate) use settings::Settings;
pub(crate) use snapshots::SnapshotSettings;

use crate::process::Failure;
use catalogue::Catalogue;
use document::Document;
use models::ModelsSource;
use problem::Problem;
use recorded::{NamedFiles, Recorded};
use sources::{Around, Sources};

/// The name of the file that is looked for where a folder is given.
const FILE_NAME: &str = "tieout.toml";

/// The keys of the file that are tables or about the graphs; the others are [`Settings`].
const SECTIONS: [&str; 12] = [
    "access",
    "tls",
    snapshots::KEY,
    "attributes",
    "calendar",
    "source",
    "reconciliation",
    "books",
    "margin",
    "sink",
    "alert",
    "alert_channel",
];

/// A configuration, checked: all that an engine needs to run.
pub(crate) struct Config {
    /// Where it runs, and how.
    pub(crate) settings: Settings,
    /// Where snapshots are kept, and how often one is taken.
    pub(crate) snapshots: SnapshotSettings,
    /// It as the engine records it.
    pub(crate) configuration: Configuration,
    /// Who is served, and how that is encrypted.
    pub(crate) security: Security,
    /// The sources, in the order of their definition, and the scoring models as the last one.
    pub(crate) sources: Vec<SourceSpec<Record>>,
    /// The names of the sources that are configured.
    pub(crate) source_names: Vec<String>,
    /// What the sources were made from, by their numbers.
    pub(crate) source_configs: Vec<(SourceId, SourceConfig)>,
    /// Where relative paths start.
    pub(crate) folder: PathBuf,
    /// The sources that go on until they are stopped.
    pub(crate) endless: Vec<String>,
    /// What the graphs were built from.
    pub(crate) dataflows: DataflowsConfig,
    /// What is computed.
    pub(crate) graphs: Graphs,
    /// What runs beside it.
    pub(crate) outputs: Outputs,
    /// Where the texts of symbols are.
    pub(crate) dictionary: Dictionary,
}

impl Config {
    /// The hash of all that the graphs follow from: the text, and the scoring models that it names.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.configuration.hash.as_bytes());
        for model in self.graphs.models() {
            hasher.update(blake3::hash(model.text.as_bytes()).as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }

    /// Reads the file at `path`, or `tieout.toml` in the folder at `path`.
    pub(crate) fn load(path: &Path) -> Result<Config, Failure> {
        Config::load_part(path, None)
    }

    /// Reads it so that its sources read a part of what they have, if one is given, and end.
    pub(crate) fn load_part(path: &Path, span: Option<&Span>) -> Result<Config, Failure> {
        let path = Config::file(path);
        let text = fs::read_to_string(&path).map_err(|error| Failure::Usage(unreadable(&path, &error)))?;
        let origin = Origin { span, ..Origin::of_disk(path.parent().unwrap_or(Path::new(""))) };
        Ok(Config::read(&path.display().to_string(), &text, origin)?)
    }

    /// The file that a path stands for.
    pub(crate) fn file(path: &Path) -> PathBuf {
        if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() }
    }

    /// The source with this number, to whom its configuration belongs.
    pub(crate) fn scope(&self, source: SourceId) -> Scope<'_> {
        let name = self.source_names.get(usize::from(source.0)).map_or("", String::as_str);
        let attributes = &self.dataflows.attributes;
        Scope { name, source, attributes, dictionary: &self.dictionary, folder: &self.folder }
    }

    /// A configuration that was recorded; its texts are kept in `dictionary`.
    pub(crate) fn recorded(json: &str, dictionary: &Dictionary) -> Result<Config, EngineError> {
        let recorded = Recorded::parse(json)?;
        let files = NamedFiles::of_record(&recorded);
        let origin = Origin { folder: &recorded.folder, files, dictionary: dictionary.clone(), span: None };
        Config::read("the configuration of then", &recorded.text, origin).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let what = format!("this version cannot read the configuration that held then: {}", problems.join("; "));
            EngineError::new(
                ErrorKind::Invalid,
                what,
                "read that tick with the version of then; the view `runs` says which",
            )
        })
    }

    /// Reads the text of a file called `name`; relative paths start in `folder`.
    pub(crate) fn parse(name: &str, text: &str, folder: &Path) -> Result<Config, Problems> {
        Config::read(name, text, Origin::of_disk(folder))
    }

    fn read(name: &str, text: &str, origin: Origin<'_>) -> Result<Config, Problems> {
        let document = Document::parse(text).map_err(|problems| Problems::new(name, text, problems))?;
        let mut problems = Vec::new();
        let config = build(&document, &origin, &mut problems);
        match config {
            Some(config) if problems.is_empty() => {
                let (folder, files) = (origin.folder.to_owned(), origin.files.all_read());
                let recorded = Recorded { folder, text: text.to_owned(), files };
                let configuration = recorded.configuration(&config.source_names);
                Ok(Config { configuration, ..config })
            }
            _ => Err(Problems::new(name, text, problems)),
        }
    }
}

/// Where a configuration comes from.
struct Origin<'a> {
    /// Where relative paths start.
    folder: &'a Path,
    files: NamedFiles,
    dictionary: Dictionary,
    /// The part of the sources that is read; all of it if this is not said.
    span: Option<&'a Span>,
}

impl<'a> Origin<'a> {
    /// Of this machine; relative paths start in `folder`.
    fn of_disk(folder: &'a Path) -> Self {
        Origin { folder, files: NamedFiles::of_disk(folder), dictionary: Dictionary::new(), span: None }
    }

    /// Whether it is one of the past: of that only the views matter, and whom it told what is over.
    fn is_recorded(&self) -> bool {
        self.files.are_recorded()
    }
}

fn build(document: &Document<'_>, origin: &Origin<'_>, problems: &mut Vec<Problem>) -> Option<Config> {
    let Origin { folder, files, dictionary, span } = origin;
    document.refuse_unknown(&[&settings::KEYS[..], &SECTIONS[..]].concat(), problems);
    let settings = Settings::read(document, folder, problems);
    let snapshots = SnapshotSettings::read(document, problems);
    let dataflows = read_dataflows(document, problems);
    let attributes = dataflows.as_ref().map_or(&[][..], |config| &config.attributes);
    attributes::check(attributes, document, problems)?;
    let around = Around { attributes, dictionary, folder, files, span: *span };
    let sources = Sources::read(document, &around, problems);
    let security = if origin.is_recorded() {
        Some(Security::this_machine())
    } else {
        read_security(document, folder, &sources, problems)
    };
    let dataflows = dataflows?;
    let graphs = Graphs::new(&dataflows, &sources.names, dictionary, &|path| files.read(path));
    let graphs =
        graphs.map_err(|error| problems.push(document.problem(&error.place, &error.what, &error.help))).ok()?;
    let outputs =
        if origin.is_recorded() { Outputs::default() } else { Outputs::read(document, &graphs, folder, problems) };
    let mut specs = sources.specs;
    specs.push(SourceSpec::pull(ModelsSource::new(graphs.models())));
    Some(Config {
        settings: settings?,
        snapshots: snapshots?,
        configuration: Configuration::default(),
        security: security?,
        sources: specs,
        source_names: sources.names,
        source_configs: sources.configs,
        folder: folder.to_path_buf(),
        endless: sources.endless,
        dataflows,
        graphs,
        outputs,
        dictionary: dictionary.clone(),
    })
}

fn read_security(
    document: &Document<'_>,
    folder: &Path,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Option<Security> {
    let access = access::read(document, folder, &sources.names, problems);
    let tls = tls::read(document, folder, problems);
    Some(Security { access: access?, tls: tls? })
}

/// What runs beside the engine, and writes elsewhere.
#[derive(Default)]
pub(crate) struct Outputs {
    /// The sinks.
    pub(crate) sinks: Vec<Box<dyn Runs>>,
    /// The alerts and their channels.
    pub(crate) alerts: Alerts,
}

impl Outputs {
    fn read(document: &Document<'_>, graphs: &Graphs, folder: &Path, problems: &mut Vec<Problem>) -> Outputs {
        if !["sink", "alert", "alert_channel"].iter().any(|section| document.get(section).is_some()) {
            return Outputs::default();
        }
        let catalogue = Catalogue(engine::catalogue(graphs));
        let alerts = alerts::Reading { document, catalogue: &catalogue, folder }.read(problems);
        Outputs { sinks: sinks::read(document, &catalogue, folder, problems), alerts }
    }

    /// All that has to run, with its state in the folder `data`.
    pub(crate) fn runs(self, data: &Path) -> Result<Vec<Box<dyn Runs>>, EngineError> {
        let mut runs = self.sinks;
        runs.extend(self.alerts.runs(data)?);
        Ok(runs)
    }
}

fn read_dataflows(document: &Document<'_>, problems: &mut Vec<Problem>) -> Option<DataflowsConfig> {
    let section = document.only(&["attributes", "calendar", "reconciliation", "books", "margin"]);
    document.read(&section, "", problems)
}

fn unreadable(path: &Path, error: &std::io::Error) -> EngineError {
    let what = format!("cannot read the configuration {}: {error}", path.display());
    let help = format!(
        "give the path of a configuration file, or of a folder with a {FILE_NAME}; `tieout generate --out day` writes one to try"
    );
    EngineError::new(ErrorKind::Invalid, what, help)
}
