//! Snapshots: what a graph keeps, as of a tick, in Parquet files of an object store.
//!
//! ```text
//!  snapshots/
//!    00001764120000000000/             the tick, as 20 digits
//!      records-000000.parquet          the current records, in parts
//!      first_seen_0-000000.parquet     when the rows of a part of the graph first appeared
//!      episodes-000000.parquet         the rows of a view that follow from no later state
//!      source_progress-000000.parquet  the rows of the engine's own views
//!      …
//!      manifest.json                   written last: without it there is no snapshot
//! ```
//! A snapshot holds inputs, not the state of the dataflow, whose layout changes with each release of its libraries. It
//! follows from the bindings up to its tick and from the configuration that held then, so it only saves time: a start
//! takes the newest one that is whole and of its own configuration, and replays the bindings after it. One that is
//! incomplete or damaged is told of, and the one before it taken.
//!
//! Where only some of the past is to be kept, what is older is removed once there is a snapshot to go on from.

mod codec;
mod load;
mod manifest;
mod parts;
mod removal;
mod store;
mod take;

pub use codec::Codec;
pub use load::Start;
pub use manifest::{FORMAT, Manifest, Part, PartitionProgress};
pub use store::Store;

pub(crate) use load::{Content, SnapshotReader};
pub(crate) use take::{Order, Taker, Work};

use std::sync::Arc;
use std::time::Duration;

use crate::source::Stop;

/// How an engine takes snapshots.
pub struct Snapshots<R> {
    /// Where they are.
    pub store: Store,
    /// How records become columns.
    pub codec: Arc<dyn Codec<R>>,
    /// How much engine time passes between two of them. None are taken if it is nothing: then those that there are are
    /// read all the same.
    pub every: Duration,
    /// How much of the past is kept; all of it, if this is nothing.
    pub history: Option<Duration>,
}

impl<R> Snapshots<R> {
    /// Whether any are taken.
    pub fn are_taken(&self) -> bool {
        !self.every.is_zero()
    }

    /// The same, for which nobody waits when it is time to stop.
    pub(crate) fn until(self, stop: Stop) -> Self {
        Snapshots { store: self.store.until(stop), ..self }
    }
}

impl<R> Clone for Snapshots<R> {
    fn clone(&self) -> Self {
        let Snapshots { store, codec, every, history } = self;
        Snapshots { store: store.clone(), codec: Arc::clone(codec), every: *every, history: *history }
    }
}
