//! What comes in: one folder a source or format.
//!
//! ```text
//!  files/   CSV, JSON lines and Parquet files, once or as they are dropped into a folder ─┐
//!  flight/  batches pushed over Arrow Flight, as the engine's journal keeps them ─────────┤
//!  kafka/   the messages of topics, followed as they come ────────────────────────────────┤
//!                                                                                         ▼
//!  layout/  how a text or Arrow record becomes a `model::Record`, or a refusal ──▶ engine::Batch<Record>
//!                                                                                         ▲
//!  generator/  an invented market day, message by message ────────────────────────────────┤
//!  stored/     records as snapshots hold them ────────────────────────────────────────────┘
//! ```
//! Every connector satisfies the specification in `connectors/README.md` and is run through the tests in `suite`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod files;
pub mod flight;
pub mod generator;
pub mod kafka;
pub mod layout;
#[cfg(test)]
#[path = "../../tests/reference/mod.rs"]
mod reference;
#[cfg(test)]
#[path = "../../tests/registry/mod.rs"]
mod registry;
mod span;
pub mod stored;
#[cfg(test)]
mod suite;

use engine::source::SourceSpec;
use model::Record;
use serde::Deserialize;

pub use engine::setting::ConfigError;
pub use files::{FilesConfig, FilesSource};
pub use flight::{FlightConfig, FlightSource};
pub use generator::{GeneratorConfig, GeneratorSource};
pub use kafka::{KafkaConfig, KafkaSource};
pub use layout::Scope;
pub use span::Span;
pub use stored::StoredRecords;

/// The configuration of one source: the table `[source.<name>]`, told apart by `kind`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceConfig {
    /// Files, once or as they are dropped into a folder.
    Files(FilesConfig),
    /// Batches pushed over Arrow Flight.
    Flight(FlightConfig),
    /// An invented market day.
    Generator(GeneratorConfig),
    /// The messages of Kafka topics.
    Kafka(KafkaConfig),
}

impl SourceConfig {
    /// Reads the files that it names and on which it depends what records are, with `read`: from a disk, or from a record of what
    /// was there.
    pub fn load(&mut self, key: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Result<(), ConfigError> {
        let SourceConfig::Kafka(config) = self else { return Ok(()) };
        let Some(schema) = config.avro.as_mut().and_then(|avro| avro.schema.as_mut()) else { return Ok(()) };
        let help = "give the path of a text file that the process may read";
        schema.load(read).map_err(|what| ConfigError::new(format!("{key}.avro.schema"), what, help))
    }

    /// The source that it describes, checked and ready to be given to the engine.
    pub fn source(&self, scope: &Scope<'_>) -> Result<SourceSpec<Record>, ConfigError> {
        match self {
            SourceConfig::Files(config) => FilesSource::new(config, scope).map(SourceSpec::pull),
            SourceConfig::Flight(config) => {
                FlightSource::new(config, scope).map(|source| SourceSpec::push(scope.name, source))
            }
            SourceConfig::Generator(config) => GeneratorSource::new(config, scope).map(SourceSpec::pull),
            SourceConfig::Kafka(config) => KafkaSource::new(config, scope).map(SourceSpec::pull),
        }
    }
}
