//! The source of Kafka topics.

use std::sync::Arc;

use engine::{Archive, Batch, EngineError, ErrorKind, Source, SourceContext, SourceReader};
use model::Record;

use super::bounded::read_to_the_ends;
use super::config::{KafkaConfig, Settings};
use super::follow::follow;
use super::partition::{ALL_BEGUN, empty};
use super::reader::KafkaReader;
use crate::ConfigError;
use crate::layout::Scope;

/// Reads the topics that a configuration names.
pub struct KafkaSource {
    pub(super) settings: Settings,
}

impl KafkaSource {
    /// A source of the topics that `config` names. Brokers are not asked anything before it runs.
    pub fn new(config: &KafkaConfig, scope: &Scope<'_>) -> Result<KafkaSource, ConfigError> {
        Ok(KafkaSource { settings: Settings::new(config, scope)? })
    }
}

impl Source<Record> for KafkaSource {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn is_one_shot(&self) -> bool {
        self.settings.until.is_some()
    }

    fn open(
        &self,
        partition: &str,
        from: u64,
        archive: &Archive,
    ) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        if partition == ALL_BEGUN {
            return Ok(Box::new(Mark(from == 0)));
        }
        Ok(Box::new(KafkaReader::open(&self.settings, partition, from, archive)?))
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        let result = match &self.settings.until {
            Some(ends) => read_to_the_ends(&self.settings, ends, &context),
            None => follow(&self.settings, context),
        };
        match result {
            Err(error) if error.kind == ErrorKind::Stopped => Ok(()),
            result => result,
        }
    }
}

/// The partition that only says that all others have begun.
struct Mark(bool);

impl SourceReader<Record> for Mark {
    fn next(&mut self) -> Result<Option<Batch<Record>>, EngineError> {
        let is_first = std::mem::take(&mut self.0);
        Ok(is_first.then(|| empty(&Arc::from(ALL_BEGUN), 1)))
    }
}
