//! The source of pushed batches. The engine keeps what is pushed in its journal, and reads it from there.

use std::sync::Arc;

use arrow::datatypes::Schema;
use engine::source::Decoder;
use engine::{Batch, EngineError, Refusal};
use model::Record;

use super::config::FlightConfig;
use super::decode::decode_payload;
use crate::ConfigError;
use crate::layout::{Layout, Scope, refuse_unknown};

/// Decodes what clients push.
#[derive(Clone, Debug)]
pub struct FlightSource {
    name: Arc<str>,
    layout: Layout,
}

impl FlightSource {
    /// A source for batches as `config` says.
    pub fn new(config: &FlightConfig, scope: &Scope<'_>) -> Result<FlightSource, ConfigError> {
        refuse_unknown(&scope.key(), &config.unknown, &["kind"])?;
        Ok(FlightSource { name: Arc::from(scope.name), layout: Layout::new(&config.layout, scope)? })
    }

    /// The name that the configuration gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether batches of this schema can be read: to be asked before one is journaled, so that its sender hears of it.
    pub fn check(&self, schema: &Schema) -> Result<(), Refusal> {
        let refused = |fault: crate::layout::Fault| fault.refuse(0, None, schema.to_string().as_bytes());
        self.layout.columns(schema).map(drop).map_err(refused)
    }

    /// The records of one payload, numbered from `first_offset`.
    pub fn decode(&self, payload: &[u8], partition: &Arc<str>, first_offset: u64) -> Batch<Record> {
        decode_payload(payload, partition, first_offset, &self.layout)
    }
}

impl Decoder<Record> for FlightSource {
    fn decode(&self, payload: &[u8]) -> Result<Batch<Record>, EngineError> {
        Ok(FlightSource::decode(self, payload, &self.name, 0))
    }
}
