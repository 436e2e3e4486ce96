//! Pushes.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::{FlightData, FlightDescriptor, PutResult, SchemaAsIpc};
use engine::{EngineError, ErrorKind};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::super::PutReceipt;
use super::super::put::{PutMetadata, Target};
use super::channel::Service;
use super::{failed, foreign};

/// How many batches wait to be sent.
const WAITING_MAX: usize = 8;

/// Pushes batches as one batch.
pub(super) async fn put(
    mut service: Service,
    source: &str,
    batch_id: Option<&str>,
    batches: &[RecordBatch],
) -> Result<PutReceipt, EngineError> {
    let schema = batches.first().map(RecordBatch::schema).ok_or_else(|| {
        EngineError::new(
            ErrorKind::Invalid,
            "there is nothing to push",
            "give at least one record batch; it may be empty",
        )
    })?;
    let encoder =
        FlightDataEncoderBuilder::new().with_schema(schema).with_flight_descriptor(Some(descriptor(source, batch_id)));
    let batches: Vec<_> = batches.iter().cloned().map(Ok).collect();
    let messages: Vec<_> = encoder.build(stream::iter(batches)).collect().await;
    let messages = messages.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| unsendable(&error))?;
    let results = service.do_put(stream::iter(messages)).await.map_err(failed)?.into_inner();
    let receipt = Receipts { results }.next().await?;
    receipt.ok_or_else(|| foreign("the batch was not acknowledged"))
}

/// Opens a stream of pushes.
pub(super) async fn open(
    mut service: Service,
    source: &str,
    schema: &Schema,
) -> Result<(Pusher, Receipts), EngineError> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let first = FlightData::from(SchemaAsIpc::new(schema, &IpcWriteOptions::default()))
        .with_descriptor(descriptor(source, None));
    let messages = stream::iter([first]).chain(ReceiverStream::new(receiver));
    let results = service.do_put(messages).await.map_err(failed)?.into_inner();
    Ok((
        Pusher { sender, tracker: DictionaryTracker::new(false), context: IpcWriteContext::default() },
        Receipts { results },
    ))
}

fn descriptor(source: &str, batch_id: Option<&str>) -> FlightDescriptor {
    let target = Target { source: source.to_owned(), batch_id: batch_id.map(str::to_owned) };
    // Texts only: it cannot fail.
    FlightDescriptor::new_cmd(serde_json::to_vec(&target).unwrap_or_default())
}

/// Pushes batches one after the other. Dropping it ends the stream once they are durable.
pub struct Pusher {
    sender: mpsc::Sender<FlightData>,
    tracker: DictionaryTracker,
    context: IpcWriteContext,
}

impl Pusher {
    /// Sends a batch under its id; waits while the server is behind. Take the [`Receipts`] meanwhile: a server whose
    /// receipts are not taken takes no more batches.
    pub async fn send(&mut self, batch_id: &str, batch: &RecordBatch) -> Result<(), EngineError> {
        let options = IpcWriteOptions::default();
        let encoded = IpcDataGenerator::default().encode(batch, &mut self.tracker, &options, &mut self.context);
        let (dictionaries, rows) = encoded.map_err(|error| unsendable(&error))?;
        let metadata = PutMetadata { batch_id: batch_id.to_owned() };
        // A text only: it cannot fail.
        let rows = FlightData::from(rows).with_app_metadata(serde_json::to_vec(&metadata).unwrap_or_default());
        for message in dictionaries.into_iter().map(FlightData::from).chain([rows]) {
            self.sender.send(message).await.map_err(|_| ended())?;
        }
        Ok(())
    }
}

/// The receipts of a [`Pusher`], in the order of its batches.
pub struct Receipts {
    results: Streaming<PutResult>,
}

impl Receipts {
    /// The next receipt; `None` once the pusher is dropped and all its batches are durable. An error says why a batch was
    /// refused, and ends the stream.
    pub async fn next(&mut self) -> Result<Option<PutReceipt>, EngineError> {
        let Some(result) = self.results.message().await.map_err(failed)? else { return Ok(None) };
        serde_json::from_slice(&result.app_metadata).map(Some).map_err(|error| foreign(&error.to_string()))
    }
}

fn ended() -> EngineError {
    EngineError::new(ErrorKind::Unavailable, "the server has ended the stream of pushes", "the next receipt says why")
}

fn unsendable(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::new(ErrorKind::Invalid, format!("the batch cannot be sent: {error}"), "")
}
