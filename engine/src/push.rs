//! What clients push: a batch under an id of theirs, and the receipt that they get once it is durable.

use std::sync::Arc;

use operators::Tick;
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::source::Batch;

/// The partition of what is pushed to a source.
pub const PUSHED_PARTITION: &str = "pushed";

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
