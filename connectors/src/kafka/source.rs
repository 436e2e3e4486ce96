//! The source of Kafka topics.

use engine::{Archive, EngineError, ErrorKind, Source, SourceContext, SourceReader};
use model::Record;

use super::config::{KafkaConfig, Settings};
use super::follow::follow;
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

    fn open(
        &self,
        partition: &str,
        from: u64,
        _archive: &Archive,
    ) -> Result<Box<dyn SourceReader<Record>>, EngineError> {
        Ok(Box::new(KafkaReader::open(&self.settings, partition, from)?))
    }

    fn run(&mut self, context: SourceContext<Record>) -> Result<(), EngineError> {
        match follow(&self.settings, context) {
            Err(error) if error.kind == ErrorKind::Stopped => Ok(()),
            result => result,
        }
    }
}
