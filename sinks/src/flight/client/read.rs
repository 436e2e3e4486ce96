//! One stream, as it comes.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use arrow_flight::decode::{DecodedFlightData, DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use engine::EngineError;
use futures::{StreamExt, TryStreamExt};
use tonic::Streaming;

use super::super::metadata::{Metadata, VERSION};
use super::{failed, foreign};

/// One message of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it says about itself.
    pub metadata: Metadata,
    /// Its rows.
    pub batch: RecordBatch,
}

/// The messages of one stream, as they come. Dropping it ends the stream.
pub struct Messages {
    decoder: FlightDataDecoder,
    schema: SchemaRef,
}

impl Messages {
    pub(super) async fn open(stream: Streaming<FlightData>) -> Result<Self, EngineError> {
        let mut decoder = FlightDataDecoder::new(stream.map_err(FlightError::from));
        match receive(&mut decoder).await?.map(|first| first.payload) {
            Some(DecodedPayload::Schema(schema)) => Ok(Messages { decoder, schema }),
            _ => Err(foreign("the stream does not begin with a schema")),
        }
    }

    /// The columns: `_tick`, `_diff`, `_key` and the view's own.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next message; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Message>, EngineError> {
        let Some(received) = receive(&mut self.decoder).await? else { return Ok(None) };
        let DecodedPayload::RecordBatch(batch) = received.payload else {
            return Err(foreign("a message has no rows"));
        };
        let metadata: Metadata =
            serde_json::from_slice(&received.inner.app_metadata).map_err(|error| foreign(&error.to_string()))?;
        if metadata.v != VERSION {
            return Err(foreign(&format!(
                "it speaks version {} of the conventions, and this client version {VERSION}",
                metadata.v
            )));
        }
        Ok(Some(Message { metadata, batch }))
    }
}

async fn receive(decoder: &mut FlightDataDecoder) -> Result<Option<DecodedFlightData>, EngineError> {
    decoder.next().await.transpose().map_err(|error| match error {
        FlightError::Tonic(status) => failed(*status),
        error => foreign(&error.to_string()),
    })
}
