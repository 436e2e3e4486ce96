//! The source of pushed batches.

use std::sync::Arc;

use arrow::datatypes::Schema;
use engine::{Batch, Refusal};
use model::Record;

use crate::ConfigError;
use crate::flight::{FlightConfig, decode_payload};
use crate::layout::{Layout, Scope};

/// Reads what clients push.
#[derive(Clone, Debug)]
pub struct FlightSource {
    name: Arc<str>,
    layout: Layout,
}

impl FlightSource {
    /// A source for batches as `config` says.
    pub fn new(config: &FlightConfig, scope: &Scope<'_>) -> Result<FlightSource, ConfigError> {
        Ok(FlightSource { name: Arc::from(scope.name), layout: Layout::new(&config.layout, scope)? })
    }

    /// The name that the configuration gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether batches of this schema can be read: to be asked before they are journaled, so that the client hears of it.
    pub fn check(&self, schema: &Schema) -> Result<(), Refusal> {
        let _ = schema;
        Ok(())
    }

    /// The records of one payload, numbered from `first_offset`.
    pub fn decode(&self, payload: &[u8], partition: &Arc<str>, first_offset: u64) -> Batch<Record> {
        decode_payload(payload, partition, first_offset, &self.layout)
    }
}
