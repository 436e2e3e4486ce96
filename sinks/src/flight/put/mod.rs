//! Pushes: record batches that a client gives to a source, acknowledged once they are durable.
//!
//! A stream is one batch with one id; or, when each of its record batches carries an id of its own, each is pushed by
//! itself and acknowledged by itself, while the next ones are on their way.

mod payload;
mod target;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::decode::{DecodedFlightData, DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, PutResult};
use engine::{EngineError, ErrorKind, Ingest, Submitted};
use futures::future::{BoxFuture, FutureExt, ready};
use futures::stream::{FuturesOrdered, Stream, StreamExt, TryStreamExt, iter, try_unfold};
use serde::{Deserialize, Serialize};
use tonic::{Code, Status, Streaming};

use super::call::Call;
use super::metrics::FlightMetrics;
use super::status::to_status;
use super::stopping::Stopping;
use payload::{Payload, too_large};
pub(super) use target::{PutMetadata, Target};

/// How many batches of one stream may be on their way to be durable.
const UNDERWAY_MAX: usize = 32;

/// What a pusher is told once its batch is durable: JSON in the `app_metadata` of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutReceipt {
    /// The tick that took the batch.
    pub tick: engine::Tick,
    /// Whether it had been pushed before, under the same id: then nothing was done.
    pub duplicate: bool,
    /// How many records it had.
    pub records: u64,
    /// Its id.
    pub batch_id: String,
}

/// Takes what a client pushes; gives a receipt for each batch, in their order.
pub(super) async fn receive(
    mut messages: Streaming<FlightData>,
    ingest: Ingest,
    metrics: FlightMetrics,
    stopping: Stopping,
    call: Call,
) -> Result<impl Stream<Item = Result<PutResult, Status>> + Send, Status> {
    let first = messages.message().await.map_err(unreadable)?.ok_or_else(|| to_status(empty()))?;
    let target = Target::of(&first).map_err(to_status)?;
    call.push(&target.source)?;
    let rest = messages.map_err(unreadable);
    // A message without a batch says nothing more than the descriptor did.
    let messages = iter([Ok(first)]).chain(rest).try_filter(|message| ready(!message.data_header.is_empty()));
    let pushing = Pushing {
        messages: FlightDataDecoder::new(messages.map_err(FlightError::from)),
        target,
        schema: None,
        gathered: Gathered::Nothing,
        underway: FuturesOrdered::new(),
        ended: None,
        ingest,
        metrics,
        stopping,
        call,
    };
    Ok(try_unfold(pushing, |mut pushing| async move {
        let result = pushing.next().await?;
        Ok(result.map(|result| (result, pushing)))
    }))
}

/// One stream of pushes.
struct Pushing {
    messages: FlightDataDecoder,
    target: Target,
    schema: Option<SchemaRef>,
    gathered: Gathered,
    /// Batches on their way to be durable, in the order in which they were taken.
    underway: FuturesOrdered<BoxFuture<'static, Result<PutResult, Status>>>,
    /// Nothing more is read; how the stream ends once what is underway is done.
    ended: Option<Result<(), Status>>,
    ingest: Ingest,
    metrics: FlightMetrics,
    stopping: Stopping,
    call: Call,
}

/// What has come so far.
enum Gathered {
    /// No record batch.
    Nothing,
    /// Parts of the one batch that the stream is.
    Whole(Box<Payload>),
    /// Batches with ids of their own, which were pushed at once.
    Each,
}

impl Pushing {
    async fn next(&mut self) -> Result<Option<PutResult>, Status> {
        while self.ended.is_none() {
            let has_room = self.underway.len() < UNDERWAY_MAX;
            tokio::select! {
                biased;
                Some(result) = self.underway.next(), if !self.underway.is_empty() => return result.map(Some),
                // Arrow's decoder trusts the lengths that a message gives, and panics where they are wrong.
                message = AssertUnwindSafe(self.messages.next()).catch_unwind(), if has_room => {
                    let message = message.unwrap_or_else(|_| Some(Err(torn())));
                    if let Err(error) = self.take(message).await {
                        self.metrics.puts.with_label_values(&["refused"]).inc();
                        tracing::info!(parent: self.call.span(), error = error.message(), "a pushed batch is refused");
                        self.ended = Some(Err(error));
                    }
                }
                () = self.stopping.stopped() => {
                    let help = "push what was not acknowledged again, with the same ids";
                    self.ended = Some(Err(to_status(EngineError::new(ErrorKind::Stopped, "the server is stopping", help))));
                }
            }
        }
        match self.underway.next().await {
            Some(result) => result.map(Some),
            // What was acknowledged stands; only then the client hears of what was not.
            None => self.ended.take().unwrap_or(Ok(())).map(|()| None),
        }
    }

    async fn take(&mut self, message: Option<Result<DecodedFlightData, FlightError>>) -> Result<(), Status> {
        let Some(message) = message else {
            self.ended = Some(Ok(()));
            return self.end().await;
        };
        let message = message.map_err(undecodable)?;
        match message.payload {
            DecodedPayload::Schema(_) if self.schema.is_some() => {
                Err(refused("the stream has a second schema", "push it as a stream of its own"))
            }
            DecodedPayload::Schema(schema) => {
                self.schema = Some(schema);
                Ok(())
            }
            DecodedPayload::RecordBatch(batch) => {
                let batch_id = target::batch_id(&message.inner.app_metadata).map_err(to_status)?;
                self.take_batch(&batch, batch_id).await
            }
            DecodedPayload::None => Ok(()),
        }
    }

    async fn take_batch(&mut self, batch: &RecordBatch, batch_id: Option<String>) -> Result<(), Status> {
        match (&mut self.gathered, batch_id) {
            (Gathered::Nothing, Some(_)) if self.target.batch_id.is_some() => Err(refused(
                "both the stream and its record batches have batch ids",
                "give the id of the stream, or one to each record batch",
            )),
            (Gathered::Nothing | Gathered::Each, Some(batch_id)) => {
                self.gathered = Gathered::Each;
                let mut payload = Payload::new(&batch.schema()).map_err(to_status)?;
                payload.add(batch).map_err(to_status)?;
                self.submit(payload, batch_id).await
            }
            (Gathered::Nothing, None) => {
                let mut payload = Payload::new(&batch.schema()).map_err(to_status)?;
                payload.add(batch).map_err(to_status)?;
                self.gathered = Gathered::Whole(Box::new(payload));
                Ok(())
            }
            (Gathered::Whole(payload), None) => payload.add(batch).map_err(to_status),
            (Gathered::Whole(_), Some(_)) | (Gathered::Each, None) => Err(refused(
                "some record batches of the stream have batch ids and some have not",
                "give one to each, or to none",
            )),
        }
    }

    /// All messages have come: a stream that is one batch is pushed now.
    async fn end(&mut self) -> Result<(), Status> {
        let payload = match (std::mem::replace(&mut self.gathered, Gathered::Each), &self.schema) {
            (Gathered::Each, _) => return Ok(()),
            (Gathered::Whole(payload), _) => *payload,
            (Gathered::Nothing, Some(schema)) => Payload::new(schema).map_err(to_status)?,
            (Gathered::Nothing, None) => return Err(to_status(empty())),
        };
        let batch_id = self.target.batch_id.clone().unwrap_or_else(target::made_up_id);
        self.submit(payload, batch_id).await
    }

    /// Puts a batch in line. Decoding it may take a while, and must not hold up other clients.
    async fn submit(&mut self, payload: Payload, batch_id: String) -> Result<(), Status> {
        let started = Instant::now();
        self.call.check_expiry().map_err(to_status)?;
        let (bytes, records) = payload.finish().map_err(to_status)?;
        let arrived = Arrived { batch_id, records, started, call: self.call.clone() };
        arrived.tell(bytes.len());
        let (ingest, source, id) = (self.ingest.clone(), self.target.source.clone(), arrived.batch_id.clone());
        let submitted = tokio::task::spawn_blocking(move || ingest.submit(&source, &id, bytes)).await;
        let submitted = submitted
            .unwrap_or_else(|_| Err(undecoded()))
            .map_err(|error| to_status(of_batch(&arrived.batch_id, error)))?;
        self.underway.push_back(acknowledge(submitted, arrived, self.metrics.clone()).boxed());
        Ok(())
    }
}

/// A batch that has come whole.
struct Arrived {
    batch_id: String,
    records: u64,
    started: Instant,
    call: Call,
}

impl Arrived {
    fn tell(&self, size_bytes: usize) {
        let (span, batch_id, records) = (self.call.span(), self.batch_id.as_str(), self.records);
        tracing::debug!(parent: span, batch_id, records, size_bytes, "a pushed batch has arrived");
    }

    fn tell_result(&self, result: &'static str, receipt: &Result<engine::Receipt, EngineError>) {
        tracing::info!(
            parent: self.call.span(),
            batch_id = self.batch_id,
            records = self.records,
            tick = receipt.as_ref().ok().map(|receipt| receipt.tick),
            error = receipt.as_ref().err().map(tracing::field::display),
            duration_seconds = self.started.elapsed().as_secs_f64(),
            "a pushed batch is {result}"
        );
    }
}

async fn acknowledge(submitted: Submitted, arrived: Arrived, metrics: FlightMetrics) -> Result<PutResult, Status> {
    let receipt = submitted.receipt().await;
    let result = match &receipt {
        Ok(receipt) if receipt.duplicate => "duplicate",
        Ok(_) => "accepted",
        Err(_) => "refused",
    };
    metrics.puts.with_label_values(&[result]).inc();
    metrics.put_duration.observe(arrived.started.elapsed().as_secs_f64());
    arrived.tell_result(result, &receipt);
    let Arrived { batch_id, records, .. } = arrived;
    let receipt = receipt.map_err(|error| to_status(of_batch(&batch_id, error)))?;
    let receipt = PutReceipt { tick: receipt.tick, duplicate: receipt.duplicate, records, batch_id };
    // Numbers and a text: it cannot fail.
    Ok(PutResult { app_metadata: serde_json::to_vec(&receipt).unwrap_or_default().into() })
}

fn of_batch(batch_id: &str, error: EngineError) -> EngineError {
    EngineError { what: format!("batch `{batch_id}`: {}", error.what), ..error }
}

fn empty() -> EngineError {
    EngineError::new(ErrorKind::Invalid, "the stream has no schema", "send a schema, and then record batches")
}

fn undecoded() -> EngineError {
    EngineError::new(
        ErrorKind::Damaged,
        "the batch could not be decoded",
        "report it: no batch should make decoding fail like this",
    )
}

fn refused(what: &str, help: &str) -> Status {
    to_status(EngineError::new(ErrorKind::Invalid, what, help))
}

/// A message that is larger than the server reads is told like a batch that is too large.
fn unreadable(status: Status) -> Status {
    if status.code() == Code::OutOfRange { to_status(too_large()) } else { status }
}

fn torn() -> FlightError {
    FlightError::DecodeError("a message is shorter than it says".to_owned())
}

fn undecodable(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        error => refused(
            &format!("the pushed messages cannot be read: {error}"),
            "send plain Arrow record batches of one schema, without compression",
        ),
    }
}
