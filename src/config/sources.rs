//! The tables `[source.*]`, as sources of the engine.

use std::path::Path;

use connectors::{ConfigError, Scope, SourceConfig};
use engine::SourceSpec;
use model::{Dictionary, Record, SourceId};
use serde::de::DeserializeOwned;
use toml::de::DeValue;

use super::document::{Document, Step, Value, remove_at};
use super::models;
use super::problem::{Problem, did_you_mean};

/// What a source can be.
const KINDS: [&str; 4] = ["files", "flight", "generator", "kafka"];

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
    pub(super) fn read(
        document: &Document<'_>,
        attributes: &[String],
        dictionary: &Dictionary,
        folder: &Path,
        problems: &mut Vec<Problem>,
    ) -> Sources {
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
            let one = One { document, path: &path, table, scope };
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

/// One table `[source.<name>]`.
struct One<'a, 't> {
    document: &'a Document<'t>,
    path: &'a str,
    table: &'a Value<'t>,
    scope: Scope<'a>,
}

impl One<'_, '_> {
    /// The source, whether it goes on until it is stopped, and what it was made from.
    fn read(&self, problems: &mut Vec<Problem>) -> Option<(SourceSpec<Record>, bool, SourceConfig)> {
        let kind = self.kind().map_err(|problem| problems.push(problem)).ok()?;
        let config = match kind {
            "files" => SourceConfig::Files(self.config(problems)?),
            "flight" => SourceConfig::Flight(self.config(problems)?),
            "kafka" => SourceConfig::Kafka(self.config(problems)?),
            _ => SourceConfig::Generator(self.config(problems)?),
        };
        let is_endless = match &config {
            SourceConfig::Files(files) => files.follow,
            SourceConfig::Kafka(_) => true,
            SourceConfig::Flight(_) | SourceConfig::Generator(_) => false,
        };
        let located = |ConfigError { key, what, help }| problems.push(self.document.problem(&key, &what, &help));
        config.source(&self.scope).map_err(located).ok().map(|spec| (spec, is_endless, config))
    }

    fn kind(&self) -> Result<&'static str, Problem> {
        let DeValue::Table(table) = self.table.get_ref() else {
            return Err(self.document.problem(
                self.path,
                "this is not a table",
                "write [source.<name>] above its settings",
            ));
        };
        let kind = format!("{}.kind", self.path);
        let help = format!("add one of {}", KINDS.map(|kind| format!("kind = \"{kind}\"")).join(", "));
        let given = table
            .get("kind")
            .ok_or_else(|| self.document.problem(self.path, "it does not say what `kind` of source it is", &help))?;
        let DeValue::String(given) = given.get_ref() else {
            return Err(self.document.problem(&kind, "this is not a text", &help));
        };
        let unknown = || {
            self.document.problem(&kind, &format!("there is no kind of source `{given}`"), &did_you_mean(given, &KINDS))
        };
        KINDS.into_iter().find(|known| known == given).ok_or_else(unknown)
    }

    fn config<T: DeserializeOwned>(&self, problems: &mut Vec<Problem>) -> Option<T> {
        let mut table = self.table.clone();
        remove_at(table.get_mut(), &[Step::Key("kind".to_owned())]);
        self.document.read(&table, self.path, problems)
    }
}
