//! Takes snapshots in the background: asks the workers for pieces as of a tick, between the ticks that go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use operators::{Data, Tick};

use super::Snapshots;
use super::codec::{EPISODES, encode_episodes, encode_first_seen, encode_system};
use super::manifest::{FORMAT, Manifest, PartitionProgress};
use super::parts::Parts;
use super::removal::remove_older;
use crate::bindings::Configured;
use crate::error::{EngineError, ErrorKind};
use crate::kept::{Piece, PieceRows, Place, Table};
use crate::line::BoundPast;
use crate::metrics::Metrics;
use crate::releaser::Releaser;
use crate::row::{Row, Texts};
use crate::source::Stop;
use crate::system::SystemView;

/// How many rows a worker gives at once: a few hundredths of a millisecond of its time.
const PIECE_ROWS: usize = 256;

/// How many records are encoded at once.
const ENCODE_ROWS: usize = 8192;

/// How the names of tables of when rows first appeared begin, and how many a graph has at most.
const FIRST_SEEN_PREFIX: &str = "first_seen_";
const FIRST_SEEN_TABLES_MAX: usize = 64;

/// How often whoever waits for a worker looks whether the engine stops.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(100);

/// What to take a snapshot of.
pub(crate) struct Order {
    /// The tick: the last that was released, and whole.
    pub(crate) tick: Tick,
    /// The configuration that holds.
    pub(crate) configured: Configured,
    /// How far each partition is bound.
    pub(crate) progress: Vec<PartitionProgress>,
}

/// Takes one snapshot at a time.
pub(crate) struct Taker<R> {
    orders: Sender<Order>,
    releaser: Arc<Releaser<R>>,
    is_busy: Arc<AtomicBool>,
    /// Whether the last one could not be taken: then the next one needs nothing new.
    has_failed: Arc<AtomicBool>,
    every: Duration,
    /// The tick of the last order.
    last: Tick,
    /// The rows that were released since.
    rows: usize,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl<R: Data + Send> Taker<R> {
    /// Starts the thread. `last` is the tick of the newest snapshot, and `rows` were released since.
    pub(crate) fn start(work: Work<R>, last: Tick, rows: usize) -> Result<Self, EngineError> {
        let (orders, received) = bounded::<Order>(1);
        let is_busy = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&is_busy);
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        let (every, releaser) = (work.snapshots.every, Arc::clone(&work.releaser));
        let thread = crate::engine::spawn("snapshots", move || run(&work, &received, &busy, &failed))?;
        Ok(Taker { orders, releaser, is_busy, has_failed, every, last, rows, thread: Some(thread) })
    }

    /// Takes note of what was released.
    pub(crate) fn released(&mut self, rows: usize) {
        self.rows += rows;
    }

    /// Whether it is time for the next one, now that the last tick is whole.
    pub(crate) fn is_due(&self, tick: Tick) -> bool {
        (self.rows > 0 || self.has_failed.load(Ordering::Acquire))
            && u128::from(tick.saturating_sub(self.last)) >= self.every.as_micros()
            && !self.is_busy.load(Ordering::Acquire)
    }

    /// Whether anything was released since the last one, of which one can be taken now.
    pub(crate) fn is_behind(&self) -> bool {
        self.rows > 0 && !self.is_busy.load(Ordering::Acquire)
    }

    /// Waits until the one that was ordered has been taken, or could not be.
    pub(crate) fn wait(&self) {
        while self.is_busy.load(Ordering::Acquire) {
            Stop::default().wait(LIVENESS_INTERVAL / 10);
        }
    }

    /// Orders one, which nobody waits for. Its tick is held from here on: before a later one is released.
    pub(crate) fn order(&mut self, order: Order) {
        self.releaser.hold(Some(order.tick));
        self.last = order.tick;
        self.rows = 0;
        self.is_busy.store(true, Ordering::Release);
        // Nobody takes it any more only when the engine stops.
        let _ = self.orders.try_send(order);
    }
}

impl<R> Drop for Taker<R> {
    fn drop(&mut self) {
        let (closed, _) = bounded(0);
        self.orders = closed;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run<R: Data + Send>(work: &Work<R>, orders: &Receiver<Order>, is_busy: &AtomicBool, has_failed: &AtomicBool) {
    for order in orders {
        let began = Instant::now();
        let taken = guarded(|| work.write(&order));
        work.releaser.hold(None);
        has_failed.store(taken.is_err(), Ordering::Release);
        work.metrics.snapshot_taken(order.tick, began.elapsed(), taken.is_ok());
        if let (Ok(_), Some(history)) = (&taken, work.snapshots.history) {
            match guarded(|| remove_older(&work.snapshots.store, &work.past, order.tick, history)) {
                Ok(Some(tick)) => tracing::info!(tick, "removed the past before a snapshot"),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "could not remove the past; it is tried again after the next snapshot")
                }
            }
        }
        match taken {
            Ok(manifest) => tracing::info!(
                tick = order.tick,
                records = manifest.rows("records"),
                bytes = manifest.size_bytes(),
                seconds = began.elapsed().as_secs_f64(),
                "took a snapshot"
            ),
            Err(error) if error.kind == ErrorKind::Stopped => {}
            Err(error) => {
                tracing::warn!(tick = order.tick, %error, "could not take a snapshot; the next one will be tried")
            }
        }
        is_busy.store(false, Ordering::Release);
    }
}

/// What takes a snapshot.
pub(crate) struct Work<R> {
    pub(crate) snapshots: Snapshots<R>,
    pub(crate) releaser: Arc<Releaser<R>>,
    /// Where the texts of symbols are.
    pub(crate) texts: Arc<dyn Texts>,
    pub(crate) metrics: Metrics,
    pub(crate) past: BoundPast,
    pub(crate) stop: Stop,
}

impl<R: Data + Send> Work<R> {
    /// Takes one of the last tick, while no other is released, and waits for it.
    pub(crate) fn take(&self, order: &Order) -> Result<Manifest, EngineError> {
        self.releaser.hold(Some(order.tick));
        let written = self.write(order);
        self.releaser.hold(None);
        written
    }

    fn write(&self, order: &Order) -> Result<Manifest, EngineError> {
        let mut parts = Parts::new(&self.snapshots.store, order.tick);
        for worker in 0..self.releaser.workers() {
            self.records(worker, order.tick, &mut parts)?;
            self.system(worker, order.tick, &mut parts)?;
            self.episodes(worker, order.tick, &mut parts)?;
            for place in 0..self.releaser.first_seen_tables() {
                self.first_seen(worker, order.tick, place, &mut parts)?;
            }
        }
        let manifest = Manifest {
            format: FORMAT,
            tick: order.tick,
            version: env!("CARGO_PKG_VERSION").into(),
            configuration: order.configured.hash.clone(),
            configured_since: order.configured.since,
            progress: order.progress.clone(),
            parts: parts.finish()?,
        };
        crash_point!("snapshot.unfinished");
        self.snapshots.store.put_manifest(&manifest)?;
        crash_point!("snapshot.finished");
        Ok(manifest)
    }

    fn records(&self, worker: usize, tick: Tick, parts: &mut Parts<'_>) -> Result<(), EngineError> {
        let mut waiting = Vec::new();
        let mut write = |records: &mut Vec<R>| {
            let rows = self.snapshots.codec.encode(records).map_err(unencodable)?;
            records.clear();
            parts.add("records", &rows)
        };
        self.each_piece(worker, tick, Table::Records, |rows| {
            if let PieceRows::Records(records) = rows {
                waiting.extend(records);
            }
            if waiting.len() >= ENCODE_ROWS { write(&mut waiting) } else { Ok(()) }
        })?;
        write(&mut waiting)
    }

    fn system(&self, worker: usize, tick: Tick, parts: &mut Parts<'_>) -> Result<(), EngineError> {
        self.each_piece(worker, tick, Table::System, |rows| {
            let PieceRows::System(rows) = rows else { return Ok(()) };
            let mut of_view: BTreeMap<SystemView, Vec<Row>> = BTreeMap::new();
            for (view, row, _source) in rows {
                of_view.entry(view).or_default().push(row);
            }
            for (view, rows) in of_view {
                parts.add(&view.spec().name, &encode_system(view, &rows).map_err(unencodable)?)?;
            }
            Ok(())
        })
    }

    fn episodes(&self, worker: usize, tick: Tick, parts: &mut Parts<'_>) -> Result<(), EngineError> {
        self.each_piece(worker, tick, Table::Episodes, |rows| {
            let PieceRows::Episodes(episodes) = rows else { return Ok(()) };
            parts.add(EPISODES, &encode_episodes(&episodes, &*self.texts).map_err(unencodable)?)
        })
    }

    fn first_seen(&self, worker: usize, tick: Tick, place: usize, parts: &mut Parts<'_>) -> Result<(), EngineError> {
        let table = first_seen_table(place);
        self.each_piece(worker, tick, Table::FirstSeen(place), |rows| {
            let PieceRows::FirstSeen(entries) = rows else { return Ok(()) };
            parts.add(&table, &encode_first_seen(&entries).map_err(unencodable)?)
        })
    }

    fn each_piece(
        &self,
        worker: usize,
        tick: Tick,
        table: Table,
        mut take: impl FnMut(PieceRows<R>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut place = Some(Place::Start);
        while let Some(from) = place {
            let asked = self.releaser.piece(worker, table, tick, from, PIECE_ROWS);
            let piece = self.answer(&asked)?;
            place = piece.next;
            take(piece.rows)?;
        }
        Ok(())
    }

    fn answer(&self, asked: &Receiver<Piece<R>>) -> Result<Piece<R>, EngineError> {
        loop {
            match asked.recv_timeout(LIVENESS_INTERVAL) {
                Ok(piece) => return Ok(piece),
                Err(RecvTimeoutError::Timeout) if !self.stop.is_stopped() => {}
                Err(_) => return Err(EngineError::stopped()),
            }
        }
    }
}

/// A panic of the database, where a page of it is damaged, ends a snapshot and not the taking of snapshots.
fn guarded<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let what = "the thread that takes snapshots has panicked; the log says where";
        Err(EngineError::new(ErrorKind::Damaged, what, "run `tieout doctor`, and report it"))
    })
}

/// The name of a table of when rows first appeared.
fn first_seen_table(place: usize) -> String {
    format!("{FIRST_SEEN_PREFIX}{place}")
}

/// The place of the table with this name, if it is one of when rows first appeared.
pub(super) fn first_seen_place(table: &str) -> Option<usize> {
    table.strip_prefix(FIRST_SEEN_PREFIX)?.parse().ok().filter(|place| *place < FIRST_SEEN_TABLES_MAX)
}

fn unencodable(error: arrow::error::ArrowError) -> EngineError {
    EngineError::new(ErrorKind::Invalid, format!("a snapshot cannot be encoded: {error}"), "report it")
}
