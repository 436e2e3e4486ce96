//! A client, for the command line and for tests.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use engine::{EngineError, Tick};
use serde::{Deserialize, Serialize};

use super::{Metadata, Ticket};

/// A connection to a server. Cheap to clone.
#[derive(Clone)]
pub struct Client {}

/// A view of the catalogue.
#[derive(Clone, Debug)]
pub struct ViewInfo {
    /// Its name.
    pub name: String,
    /// One sentence about it.
    pub about: String,
    /// The columns that make its key.
    pub key: Vec<String>,
    /// What is sent: `_tick`, `_diff`, `_key` and its own columns.
    pub schema: SchemaRef,
}

/// How the server fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ready`, `replaying` or `failed`.
    pub status: String,
    /// Every tick before this is complete.
    pub frontier: Tick,
    /// The version of the server.
    pub version: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What a pusher is told once its batch is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutReceipt {
    /// The tick that took the batch.
    pub tick: Tick,
    /// Whether it had been pushed before, under the same id: then nothing was done.
    pub duplicate: bool,
    /// How many records it had.
    pub records: u64,
    /// Its id.
    pub batch_id: String,
}

/// One message of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it says about itself.
    pub metadata: Metadata,
    /// Its rows.
    pub batch: RecordBatch,
}

/// The messages of one stream, as they come.
pub struct Messages {}

impl Messages {
    /// The next message; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Message>, EngineError> {
        Err(EngineError::stopped())
    }
}

/// A subscription that outlives its connection: whole ticks only, none missing and none twice.
pub struct Follow {}

impl Follow {
    /// The next message; `None` once `up_to` is reached.
    pub async fn next(&mut self) -> Result<Option<Message>, EngineError> {
        Err(EngineError::stopped())
    }
}

/// Pushes batches one after the other, each acknowledged by its own receipt.
pub struct Pusher {}

impl Pusher {
    /// Sends a batch under its id; waits while the server is behind.
    pub async fn send(&mut self, batch_id: &str, batch: &RecordBatch) -> Result<(), EngineError> {
        let _ = (batch_id, batch);
        Err(EngineError::stopped())
    }
}

/// The receipts of a [`Pusher`], in the order of its batches.
pub struct Receipts {}

impl Receipts {
    /// The next receipt; `None` once the pusher is dropped and all its batches are durable.
    pub async fn next(&mut self) -> Result<Option<PutReceipt>, EngineError> {
        Err(EngineError::stopped())
    }
}

impl Client {
    /// Connects to an address such as `127.0.0.1:8815`.
    pub async fn connect(address: &str) -> Result<Client, EngineError> {
        let _ = address;
        Err(EngineError::stopped())
    }

    /// The catalogue.
    pub async fn views(&self) -> Result<Vec<ViewInfo>, EngineError> {
        Err(EngineError::stopped())
    }

    /// One view of the catalogue.
    pub async fn view(&self, name: &str) -> Result<ViewInfo, EngineError> {
        let _ = name;
        Err(EngineError::stopped())
    }

    /// How the server fares.
    pub async fn health(&self) -> Result<Health, EngineError> {
        Err(EngineError::stopped())
    }

    /// Reads what a ticket asks for, as it comes.
    pub async fn read(&self, ticket: &Ticket) -> Result<Messages, EngineError> {
        let _ = ticket;
        Err(EngineError::stopped())
    }

    /// Reads a view whole: its tick and its rows.
    pub async fn snapshot(&self, ticket: &Ticket) -> Result<(Tick, Vec<RecordBatch>), EngineError> {
        let _ = ticket;
        Err(EngineError::stopped())
    }

    /// Follows a view, over as many connections as it takes.
    pub fn follow(&self, ticket: Ticket) -> Follow {
        let _ = ticket;
        Follow {}
    }

    /// Pushes batches as one batch with one id; without one the server makes one up, and a repetition is not noticed.
    pub async fn put(&self, source: &str, batch_id: Option<&str>, batches: &[RecordBatch]) -> Result<PutReceipt, EngineError> {
        let _ = (source, batch_id, batches);
        Err(EngineError::stopped())
    }

    /// Opens a stream of pushes, for low latency.
    pub async fn pusher(&self, source: &str, schema: SchemaRef) -> Result<(Pusher, Receipts), EngineError> {
        let _ = (source, schema);
        Err(EngineError::stopped())
    }
}
