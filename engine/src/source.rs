//! What a source of records is: batches with offsets, that can be read again.
//!
//! A source has partitions (a file by the hash of its content, a Kafka partition, the journal of pushed batches). Each
//! partition numbers its records, mostly from 0 and without holes: the offset. The engine binds `tick → (source,
//! partition, offset upper bound)`, and after a restart asks the source to read the same records again. So a source must
//! be able to give the records of a partition, from any offset, byte for byte as before, for as long as the engine may
//! replay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use prometheus::Registry;

use crate::archive::Archive;
use crate::error::EngineError;
use crate::row::Key;

/// One record that was decoded: a value under a business key, or its deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<R> {
    /// The record's own id on its source.
    pub key: Key,
    /// Which of the records under that id is meant: its kind and its source.
    pub member: u16,
    /// The place of the record in its partition.
    pub offset: u64,
    /// The record; `None` deletes it.
    pub record: Option<R>,
}

/// One record that could not be used. It becomes a row of `dead_letters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The place of the record in its partition.
    pub offset: u64,
    /// The line of the file, counted from 1, where lines make sense.
    pub line: Option<u64>,
    /// The field at fault, as the file names it.
    pub field: Option<String>,
    /// The record as it came, cut at [`RAW_BYTES_MAX`].
    pub raw: Vec<u8>,
    /// What was wrong, and what was expected.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// How much of a refused record is kept.
pub const RAW_BYTES_MAX: usize = 4096;

/// How many records a batch may hold.
pub const BATCH_ROWS_MAX: usize = 16_384;

/// Records of one partition, in the order of their offsets, with none left out: each offset below `upper` and not below
/// the last batch's `upper` is an event, a refusal or a record that the configuration skips.
#[derive(Clone, Debug)]
pub struct Batch<R> {
    /// The partition.
    pub partition: Arc<str>,
    /// One more than the last offset that the batch covers.
    pub upper: u64,
    /// The records.
    pub events: Vec<Event<R>>,
    /// The records that could not be used.
    pub refusals: Vec<Refusal>,
    /// Whether the next batch belongs to the same tick: more of the same file, say. The tick stays open until then.
    pub continues: bool,
}

/// How far each partition of a source has been bound.
pub type Positions = BTreeMap<Arc<str>, u64>;

/// Where records come from.
pub trait Source<R>: Send + 'static {
    /// The name that the configuration gives it.
    fn name(&self) -> &str;

    /// Whether all that it gives until it ends belongs to one tick: so a one-shot input, and all those started with it,
    /// appear at once, and no break is seen that only says that another file was still being read.
    fn is_one_shot(&self) -> bool {
        false
    }

    /// Whether what it gives follows from the configuration alone: then a replay of other ticks asks it anew.
    fn follows_configuration(&self) -> bool {
        false
    }

    /// Opens a partition that was bound before, to read its records again from offset `from`.
    fn open(&self, partition: &str, from: u64, archive: &Archive) -> Result<Box<dyn SourceReader<R>>, EngineError>;

    /// Where people find the records of a partition at these offsets, which ascend: one place for each. Nowhere better than
    /// where they are in the partition, if it does not know.
    fn places(&self, _partition: &str, offsets: &[u64], _archive: &Archive) -> Result<Vec<Place>, EngineError> {
        Ok(vec![Place::default(); offsets.len()])
    }

    /// Gives new batches to `context.outlet` until there are no more (a one-shot source) or the engine stops. Runs on a
    /// thread of its own, after replay. What was bound before (`context.positions`) is not given again.
    fn run(&mut self, context: SourceContext<R>) -> Result<(), EngineError>;
}

/// Where people find a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The file, if it came from one that is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of the file, counted from 1, where lines make sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// Reads a partition again.
pub trait SourceReader<R>: Send {
    /// The next batch, `None` at the end of the partition.
    fn next(&mut self) -> Result<Option<Batch<R>>, EngineError>;
}

/// Turns what a client pushed into records. The same payload must give the same records in every replay.
pub trait Decoder<R>: Send + Sync + 'static {
    /// Decodes a payload; its records are numbered from 0.
    fn decode(&self, payload: &[u8]) -> Result<Batch<R>, EngineError>;
}

/// A source as it is given to the engine.
pub struct SourceSpec<R> {
    /// The name that the configuration gives it.
    pub name: String,
    /// Reads by itself.
    pub pull: Option<Box<dyn Source<R>>>,
    /// Decodes what clients push to it; what they push is kept in the journal.
    pub push: Option<Arc<dyn Decoder<R>>>,
}

impl<R> SourceSpec<R> {
    /// A source that reads by itself.
    pub fn pull(source: impl Source<R>) -> Self {
        SourceSpec { name: source.name().to_owned(), pull: Some(Box::new(source)), push: None }
    }

    /// A source that clients push to.
    pub fn push(name: impl Into<String>, decoder: impl Decoder<R>) -> Self {
        SourceSpec { name: name.into(), pull: None, push: Some(Arc::new(decoder)) }
    }
}

/// What a running source is given.
pub struct SourceContext<R> {
    /// How far its partitions are bound already.
    pub positions: Positions,
    /// Where its batches go.
    pub outlet: Outlet<R>,
    /// Where content that may vanish is kept for replay.
    pub archive: Archive,
    /// Says when to stop.
    pub stop: Stop,
    /// How far its partitions are durable, while it runs.
    pub durable: Durable,
    /// Where it registers metrics of its own.
    pub registry: Registry,
}

impl<R> SourceContext<R> {
    /// What a source is given that stands alone: with a registry of its own, and nothing more durable than `positions`.
    pub fn new(positions: Positions, outlet: Outlet<R>, archive: Archive, stop: Stop) -> Self {
        let durable = Durable::new(positions.clone());
        SourceContext { positions, outlet, archive, stop, durable, registry: Registry::new() }
    }
}

/// How far each partition of a source is durable: what the engine gives again after a crash, and a source may tell the
/// place it reads from. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Durable(Arc<Mutex<Positions>>);

impl Durable {
    /// Durable up to these positions.
    pub fn new(positions: Positions) -> Self {
        Durable(Arc::new(Mutex::new(positions)))
    }

    /// How far each partition is durable now.
    pub fn positions(&self) -> Positions {
        self.0.lock().clone()
    }

    /// Takes note that the records of a partition below `upper` are durable.
    pub fn reach(&self, partition: &Arc<str>, upper: u64) {
        let mut positions = self.0.lock();
        match positions.get_mut(partition) {
            Some(reached) => *reached = upper.max(*reached),
            None => drop(positions.insert(Arc::clone(partition), upper)),
        }
    }
}

/// Where a source puts its batches. Bounded: a source that is faster than the workers waits here.
pub struct Outlet<R> {
    source: u16,
    sender: crossbeam_channel::Sender<Arrival<R>>,
}

/// What arrives from a source.
pub enum Arrival<R> {
    /// A batch of the source with this index.
    Batch(u16, Batch<R>),
    /// The source with this index has ended.
    Ended(u16, Result<(), EngineError>),
}

impl<R> Clone for Outlet<R> {
    fn clone(&self) -> Self {
        Outlet { source: self.source, sender: self.sender.clone() }
    }
}

impl<R> Outlet<R> {
    /// An outlet for the source with this index.
    pub fn new(source: u16, sender: crossbeam_channel::Sender<Arrival<R>>) -> Self {
        Outlet { source, sender }
    }

    /// Gives a batch, and waits while the engine is behind. Fails when the engine stops.
    pub fn send(&self, batch: Batch<R>) -> Result<(), EngineError> {
        self.sender.send(Arrival::Batch(self.source, batch)).map_err(|_| EngineError::stopped())
    }
}

/// How often those who wait for something else look whether it is time to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Says when to stop.
#[derive(Clone, Default)]
pub struct Stop(Arc<Stopping>);

#[derive(Default)]
struct Stopping {
    is_stopped: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    /// Asks everyone who holds this to stop.
    pub fn stop(&self) {
        *self.0.is_stopped.lock() = true;
        self.0.told.notify_all();
    }

    /// Whether it is time to stop.
    pub fn is_stopped(&self) -> bool {
        *self.0.is_stopped.lock()
    }

    /// Is done soon after it is time to stop.
    pub(crate) async fn asked(&self) {
        while !self.is_stopped() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Waits until it is time to stop, or `timeout` has passed; says whether it is.
    pub fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut is_stopped = self.0.is_stopped.lock();
        while !*is_stopped && !self.0.told.wait_until(&mut is_stopped, deadline).timed_out() {}
        *is_stopped
    }
}
