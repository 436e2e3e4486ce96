//! The tables `[source.*]`, as sources of the engine.

use std::path::Path;

use connectors::{ConfigError, Scope, SourceConfig, Span};
use engine::SourceSpec;
use model::{Dictionary, Record, SourceId};

use super::document::{Document, Value};
use super::kind::Kinded;
use super::models;
use super::problem::Problem;
use super::recorded::NamedFiles;

/// What a source can be.
const KINDS: &[&str] = &["files", "flight", "generator", "kafka"];

/// How many sources there may be: their numbers are bytes.
const SOURCES_MAX: usize = 256;

/// The sources, in the order of their definition.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) specs: Vec<SourceSpec<Record>>,
    pub(super) names: Vec<String>,
    /// What they were made from, by their numbers.
    pub(super) configs: Vec<(SourceId, SourceConfig)>,
    /// Those that go on until they are stopped.
    pub(super) endless: Vec<String>,
}

impl Sources {
    /// Reads them. A source with a problem has its name and number all the same, so that what refers to it is no problem too.
    pub(super) fn read(document: &Document<'_>, around: &Around<'_>, problems: &mut Vec<Problem>) -> Sources {
        let Around { attributes, dictionary, folder, files, span } = *around;
        let mut sources = Sources::default();
        for (name, table) in document.tables("source", problems) {
            let path = format!("source.{name}");
            let Ok(number) = u8::try_from(sources.names.len()) else {
                problems.push(document.problem(
                    &path,
                    &format!("there are more than {SOURCES_MAX} sources"),
                    "leave some out",
                ));
                break;
            };
            if name == models::SOURCE_NAME {
                problems.push(document.problem(
                    &path,
                    "this name is taken: it is that of the scoring models",
                    "call the source otherwise",
                ));
            }
            let scope = Scope { name: &name, source: SourceId(number), attributes, dictionary, folder };
            let one = One { document, path: &path, table, files, scope, span };
            if let Some((spec, is_endless, config)) = one.read(problems) {
                sources.specs.push(spec);
                sources.configs.push((SourceId(number), config));
                sources.endless.extend(is_endless.then(|| name.clone()));
            }
            sources.names.push(name);
        }
        sources
    }
}

/// What sources are read with.
pub(super) struct Around<'a> {
    pub(super) attributes: &'a [String],
    pub(super) dictionary: &'a Dictionary,
    /// Where relative paths start.
    pub(super) folder: &'a Path,
    /// The files that the configuration names.
    pub(super) files: &'a NamedFiles,
    /// The part that is read of what they have; all of it if this is not said.
    pub(super) span: Option<&'a Span>,
}

/// One table `[source.<name>]`.
struct One<'a, 't> {
    document: &'a Document<'t>,
    path: &'a str,
    table: &'a Value<'t>,
    files: &'a NamedFiles,
    scope: Scope<'a>,
    span: Option<&'a Span>,
}

impl One<'_, '_> {
    /// The source, whether it goes on until it is stopped, and what it was made from.
    fn read(&self, problems: &mut Vec<Problem>) -> Option<(SourceSpec<Record>, bool, SourceConfig)> {
        let table = Kinded { document: self.document, path: self.path, noun: "source", table: self.table };
        let kind = table.kind(KINDS).map_err(|problem| problems.push(problem)).ok()?;
        let mut config = match kind {
            "files" => SourceConfig::Files(table.rest(problems)?),
            "flight" => SourceConfig::Flight(table.rest(problems)?),
            "kafka" => SourceConfig::Kafka(table.rest(problems)?),
            _ => SourceConfig::Generator(table.rest(problems)?),
        };
        self.span.into_iter().for_each(|span| config.bound(span));
        let is_endless = match &config {
            SourceConfig::Files(files) => files.follow && !files.once,
            SourceConfig::Kafka(kafka) => kafka.until.is_none(),
            SourceConfig::Flight(_) | SourceConfig::Generator(_) => false,
        };
        let source = config.load(self.path, &|path| self.files.read(path)).and_then(|()| config.source(&self.scope));
        let located = |ConfigError { key, what, help }| problems.push(self.document.problem(&key, &what, &help));
        source.map_err(located).ok().map(|spec| (spec, is_endless, config))
    }
}
