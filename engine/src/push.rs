//! What clients push: a batch under an id of theirs, and the receipt that they get once it is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use operators::Tick;
use tokio::sync::oneshot;

use crate::error::{EngineError, ErrorKind};
use crate::source::{Batch, Decoder, SourceSpec};

/// The partition of what is pushed to a source.
pub const PUSHED_PARTITION: &str = "pushed";

/// How many pushed batches may wait to be bound.
const PUSHES_MAX: usize = 1024;

/// Gives pushed batches to an engine. Cheap to clone.
#[derive(Clone)]
pub struct Ingest(Arc<dyn Pushes>);

trait Pushes: Send + Sync {
    fn push(
        &self,
        source: &str,
        batch_id: &str,
        payload: Vec<u8>,
    ) -> Result<oneshot::Receiver<Result<Receipt, EngineError>>, EngineError>;
}

struct Pusher<R> {
    decoders: BTreeMap<String, (u16, Arc<dyn Decoder<R>>)>,
    pushes: Sender<Push<R>>,
}

impl<R: Send + 'static> Pushes for Pusher<R> {
    fn push(
        &self,
        source: &str,
        batch_id: &str,
        payload: Vec<u8>,
    ) -> Result<oneshot::Receiver<Result<Receipt, EngineError>>, EngineError> {
        let Some((index, decoder)) = self.decoders.get(source) else {
            let names: Vec<&str> = self.decoders.keys().map(String::as_str).collect();
            let what = format!("no source `{source}` takes pushed batches");
            let help = if names.is_empty() {
                "configure one with kind = \"flight\"".into()
            } else {
                format!("those that do are {}", names.join(", "))
            };
            return Err(EngineError::new(ErrorKind::NotFound, what, help));
        };
        let batch = decoder.decode(&payload)?;
        let (reply, receipt) = oneshot::channel();
        let push = Push { source: *index, batch_id: batch_id.to_owned(), payload, batch, reply };
        self.pushes.try_send(push).map_err(|error| match error {
            crossbeam_channel::TrySendError::Full(_) => {
                let what = format!("{PUSHES_MAX} pushed batches wait already");
                EngineError::new(ErrorKind::Exhausted, what, "push again a little later, with the same batch id")
            }
            crossbeam_channel::TrySendError::Disconnected(_) => EngineError::stopped(),
        })?;
        Ok(receipt)
    }
}

impl Ingest {
    /// The way in for those of the sources that are pushed to, and its other end.
    pub(crate) fn of<R: Send + 'static>(sources: &[SourceSpec<R>]) -> (Ingest, Receiver<Push<R>>) {
        let (pushes, pushed) = bounded(PUSHES_MAX);
        let decoders = (0..).zip(sources).filter_map(|(index, source)| {
            source.push.as_ref().map(|decoder| (source.name.clone(), (index, Arc::clone(decoder))))
        });
        (Ingest(Arc::new(Pusher { decoders: decoders.collect(), pushes })), pushed)
    }

    /// Pushes a batch, and returns once it is durable. Pushing it again under the same id changes nothing.
    pub async fn push(&self, source: &str, batch_id: &str, payload: Vec<u8>) -> Result<Receipt, EngineError> {
        self.submit(source, batch_id, payload)?.receipt().await
    }

    /// Decodes a batch and puts it in line. Batches are taken in the order of these calls, so that many can be on their
    /// way at once. Decoding takes a while: for a large batch, call it where that disturbs no one.
    pub fn submit(&self, source: &str, batch_id: &str, payload: Vec<u8>) -> Result<Submitted, EngineError> {
        self.0.push(source, batch_id, payload).map(Submitted)
    }
}

/// A batch that is on its way to be durable.
pub struct Submitted(oneshot::Receiver<Result<Receipt, EngineError>>);

impl Submitted {
    /// Waits until the batch is durable.
    pub async fn receipt(self) -> Result<Receipt, EngineError> {
        self.0.await.unwrap_or_else(|_| Err(EngineError::stopped()))
    }
}

/// A batch that a client pushed.
pub struct Push<R> {
    /// The source, by index.
    pub source: u16,
    /// The client's id for it.
    pub batch_id: String,
    /// What was pushed, as it is kept.
    pub payload: Vec<u8>,
    /// The same, decoded, its records numbered from 0.
    pub batch: Batch<R>,
    /// Where the receipt goes.
    pub reply: oneshot::Sender<Result<Receipt, EngineError>>,
}

/// What a pusher is told once its batch is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The tick that took the batch.
    pub tick: Tick,
    /// Whether it had been pushed before, under the same id: then nothing was done.
    pub duplicate: bool,
}

/// A push that is in the journal and waits for its tick.
pub(crate) struct Accepted {
    pub source: String,
    pub batch_id: String,
    pub reply: oneshot::Sender<Result<Receipt, EngineError>>,
    pub twins: Vec<oneshot::Sender<Result<Receipt, EngineError>>>,
}

impl Accepted {
    // A client that has gone needs no receipt; it will ask again.
    pub(crate) fn answer(self, result: Result<Receipt, EngineError>) {
        let again = result.clone().map(|receipt| Receipt { duplicate: true, ..receipt });
        let _ = self.reply.send(result);
        self.twins.into_iter().for_each(|twin| {
            let _ = twin.send(again.clone());
        });
    }
}

/// A pushed batch whose records are numbered from `first_offset`.
pub(crate) fn shifted<R>(mut batch: Batch<R>, first_offset: u64) -> Batch<R> {
    batch.partition = Arc::from(PUSHED_PARTITION);
    batch.upper += first_offset;
    batch.events.iter_mut().for_each(|event| event.offset += first_offset);
    batch.refusals.iter_mut().for_each(|refusal| refusal.offset += first_offset);
    batch
}
