//! The line along which ticks go to the workers: in their order, counted, and not too many at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use operators::Tick;
use operators::upsert::Upsert;
use prometheus::Registry;

use crate::archive::Archive;
use crate::bindings::{Bindings, Bound, Configured, RunEvent};
use crate::error::{EngineError, ErrorKind};
use crate::frontier::Frontier;
use crate::journal::Journal;
use crate::kept::Restored;
use crate::metrics::Metrics;
use crate::releaser::Releaser;
use crate::replay::Replay;
use crate::row::Texts;
use crate::snapshot::{Content, Order, PartitionProgress, SnapshotReader, Snapshots, Work};
use crate::source::{Batch, Event, Positions, SourceSpec, Stop};
use crate::status::Status;
use crate::system::{self, Progress, SystemView};
use crate::worker::{Release, SystemRow};

/// How many rows one tick may take.
pub(crate) const TICK_ROWS_MAX: usize = 131_072;

/// How many rows may be with the workers before no more are released.
pub(crate) const OUTSTANDING_ROWS_MAX: usize = 4 * TICK_ROWS_MAX;

/// How many ticks may be with the workers before no more are released.
pub(crate) const OUTSTANDING_TICKS_MAX: usize = 64;

/// How many records a partition may have.
const PARTITION_RECORDS_MAX: u64 = 1 << 44;

/// How many bindings are read at once.
const BINDINGS_AT_ONCE: usize = 1024;

/// How many pieces of a snapshot may be read ahead.
const PIECES_AHEAD_MAX: usize = 4;

/// What a line is laid between.
pub(crate) struct Ends<R> {
    /// The way to the workers.
    pub(crate) releaser: Arc<Releaser<R>>,
    /// How far they are.
    pub(crate) frontier: Arc<Frontier>,
    /// Where the texts of symbols are.
    pub(crate) texts: Arc<dyn Texts>,
    /// What is told to the outside.
    pub(crate) status: Arc<Status>,
    /// What is measured.
    pub(crate) metrics: Metrics,
}

/// The line to the workers.
pub(crate) struct Line<R> {
    ends: Ends<R>,
    /// The names of the sources, by index.
    names: Vec<String>,
    /// The last tick that was released.
    last: Tick,
    /// How far each partition is.
    progress: BTreeMap<(u16, Arc<str>), Progress>,
    /// Ticks that are with the workers, and their rows.
    outstanding: VecDeque<(Tick, usize)>,
    /// The partitions that the open tick took, in their order.
    bands: BTreeMap<(u16, Arc<str>), u64>,
}

impl<R: Send + Sync + 'static> Line<R> {
    /// A line for sources of these names, along which nothing has gone yet.
    pub(crate) fn new(ends: Ends<R>, names: Vec<String>) -> Self {
        let (progress, outstanding, bands) = (BTreeMap::new(), VecDeque::new(), BTreeMap::new());
        Line { ends, names, last: 0, progress, outstanding, bands }
    }

    /// The last tick that was released.
    pub(crate) fn last(&self) -> Tick {
        self.last
    }

    /// The name of the source with this index.
    pub(crate) fn name(&self, source: u16) -> &str {
        &self.names[usize::from(source)]
    }

    pub(crate) fn status(&self) -> &Status {
        &self.ends.status
    }

    /// Where metrics are registered.
    pub(crate) fn registry(&self) -> Registry {
        self.ends.metrics.registry().clone()
    }

    /// Takes snapshots of what has gone along it.
    pub(crate) fn snapshots(&self, snapshots: Snapshots<R>, past: BoundPast, stop: Stop) -> Work<R> {
        let Ends { releaser, texts, metrics, .. } = &self.ends;
        let (releaser, texts, metrics) = (Arc::clone(releaser), Arc::clone(texts), metrics.clone());
        Work { snapshots, releaser, texts, metrics, past, stop }
    }

    /// Whether the workers have dealt with all that was released.
    pub(crate) fn is_idle(&self) -> bool {
        self.ends.frontier.get() > self.last
    }

    /// Waits until they have, or `timeout` has passed.
    pub(crate) fn wait_until_idle(&self, timeout: Duration) {
        self.ends.frontier.wait_for(self.last + 1, timeout);
    }

    /// Waits until the workers have dealt with all that was released, or the engine has failed.
    pub(crate) fn catch_up(&self) {
        while !self.is_idle() && !self.ends.status.has_failed() {
            self.wait_until_idle(Duration::from_secs(1));
        }
    }

    /// Says that nothing comes up to and including a tick, which is after the last, any more.
    pub(crate) fn advance(&mut self, tick: Tick) {
        self.last = tick;
        self.ends.releaser.advance(tick);
    }

    /// Says that nothing before a tick can be read.
    pub(crate) fn begin_at(&self, tick: Tick) {
        self.ends.releaser.begin(tick);
    }

    /// Gives the workers what a snapshot holds, as one tick or the beginning of one. Nothing before it can be read then.
    pub(crate) fn restore(&mut self, snapshot: &SnapshotReader<R>) -> Result<(), EngineError> {
        let tick = snapshot.given_at;
        let (give, given) = bounded(PIECES_AHEAD_MAX);
        thread::scope(|scope| {
            let reading =
                scope.spawn(move || snapshot.read(|content| give.send(content).map_err(|_| EngineError::stopped())));
            let mut order = 0;
            for content in given {
                self.release_kept(tick, content, &mut order);
            }
            reading.join().unwrap_or_else(|_| Err(unreadable(tick)))
        })?;
        for PartitionProgress { source, partition, progress } in &snapshot.manifest.progress {
            let index = self.index_of(source).ok_or_else(|| gone(source))?;
            self.progress.insert((index, Arc::clone(partition)), *progress);
        }
        if snapshot.continues {
            self.last = tick - 1;
        } else {
            self.give(tick, Vec::new(), Vec::new(), true);
            self.begin_at(tick);
        }
        Ok(())
    }

    fn release_kept(&mut self, tick: Tick, content: Content<R>, order: &mut u64) {
        self.wait_for_room();
        match content {
            Content::Records(records) => {
                let upsert = |event: Event<R>| {
                    *order += 1;
                    Upsert { key: event.key, member: event.member, tick, order: *order, value: event.record }
                };
                self.give(tick, vec![records.into_iter().map(upsert).collect()], Vec::new(), false);
            }
            Content::System(view, rows) => {
                let rows = rows.into_iter().map(|row| {
                    let source = system::source_of(&row).and_then(|name| self.index_of(name)).unwrap_or(0);
                    ((view, row, source), 1)
                });
                let rows = rows.collect();
                self.give(tick, Vec::new(), rows, false);
            }
            Content::Episodes(episodes, texts) => {
                texts.iter().for_each(|text| self.ends.texts.keep(text));
                self.ends.releaser.restore(Restored::Episodes(tick, episodes));
            }
            Content::FirstSeen(part, entries) => self.ends.releaser.restore(Restored::FirstSeen(part, entries)),
        }
    }

    /// Gives the workers every tick after the last that was bound, up to and including `upto`, with the same input as then.
    /// That of a replay that was interrupted stays open.
    pub(crate) fn replay(
        &mut self,
        past: &BoundPast,
        sources: &[SourceSpec<R>],
        upto: Tick,
    ) -> Result<(), EngineError> {
        let mut replay = Replay::new(past.journal.clone(), past.archive.clone());
        loop {
            let bindings = past.bindings.after(self.last, BINDINGS_AT_ONCE)?;
            // Asked after they were read: that the past is removed is durable before anything of it goes.
            let removed = past.bindings.removed()?;
            if removed > self.last {
                return Err(gone_meanwhile(self.last, removed));
            }
            let Some((first, _)) = bindings.first() else { return Ok(()) };
            if *first > upto || self.ends.status.has_failed() {
                return Ok(());
            }
            for (tick, binding) in bindings.into_iter().take_while(|(tick, _)| *tick <= upto) {
                let index = |bound: &Bound| self.index_of(&bound.source).unwrap_or(u16::MAX);
                let from: Vec<u64> =
                    binding.bound.iter().map(|bound| self.bound(index(bound), &bound.partition)).collect();
                // A tick may be larger than memory: it is given in parts.
                let (mut part, mut rows) = (Vec::new(), 0);
                replay.read(&binding.bound, sources, &from, |source, batch| {
                    rows += batch.events.len() + batch.refusals.len();
                    part.push((source, batch));
                    if rows >= TICK_ROWS_MAX {
                        rows = 0;
                        self.release(tick, std::mem::take(&mut part), None, false);
                    }
                    Ok(())
                })?;
                self.release(tick, part, binding.run.as_ref(), !binding.open);
            }
        }
    }

    /// Gives a bound tick to the workers; waits first while they are too far behind.
    pub(crate) fn release(&mut self, tick: Tick, batches: Vec<(u16, Batch<R>)>, run: Option<&RunEvent>, closes: bool) {
        self.wait_for_room();
        let mut system = Vec::new();
        let mut events = Vec::with_capacity(batches.len());
        for (source, batch) in batches {
            self.count(tick, source, &batch, &mut system);
            // A partition has its own band of orders, so that what is added to an open tick keeps the order of a replay.
            let band = self.band(tick, source, &batch.partition);
            let upsert = |event: Event<R>| Upsert {
                key: event.key,
                member: event.member,
                tick,
                order: band + event.offset,
                value: event.record,
            };
            events.push(batch.events.into_iter().map(upsert).collect());
        }
        for (row, diff) in run.map(|run| system::run_changes(tick, run)).unwrap_or_default() {
            system.push(((SystemView::Runs, row, 0), diff));
        }
        self.give(tick, events, system, closes);
    }

    fn give(
        &mut self,
        tick: Tick,
        events: Vec<Vec<Upsert<crate::row::Key, R>>>,
        system: Vec<(SystemRow, isize)>,
        closes: bool,
    ) {
        let rows = events.iter().map(Vec::len).sum();
        self.ends.metrics.tick_released(rows);
        if closes {
            self.outstanding.push_back((tick, rows + system.len()));
            self.bands.clear();
            self.ends.metrics.tick_begins(tick);
        }
        self.ends.releaser.release(Release { tick, events, system, closes });
        self.last = tick;
    }

    /// The first of the orders that a partition's records take within a tick: partitions win in the order in which the
    /// tick took them, and records of a partition in the order of their offsets.
    fn band(&mut self, tick: Tick, source: u16, partition: &Arc<str>) -> u64 {
        debug_assert!(tick >= self.last, "ticks are released in order");
        let next = self.bands.len() as u64;
        *self.bands.entry((source, Arc::clone(partition))).or_insert(next) * PARTITION_RECORDS_MAX
    }

    fn wait_for_room(&mut self) {
        let Ends { releaser, status, frontier, .. } = &self.ends;
        while !releaser.backlog().wait_for(TICK_ROWS_MAX, Duration::from_millis(100)) && !status.has_failed() {}
        loop {
            let reached = frontier.get();
            while self.outstanding.front().is_some_and(|(tick, _)| *tick < reached) {
                self.outstanding.pop_front();
            }
            let rows: usize = self.outstanding.iter().map(|(_, rows)| rows).sum();
            let has_room = rows < OUTSTANDING_ROWS_MAX && self.outstanding.len() < OUTSTANDING_TICKS_MAX;
            if has_room || status.has_failed() {
                return;
            }
            frontier.wait_for(reached + 1, Duration::from_millis(100));
        }
    }

    /// Counts a batch, and says so in the engine's own views.
    fn count(&mut self, tick: Tick, source: u16, batch: &Batch<R>, system: &mut Vec<(SystemRow, isize)>) {
        let name = &self.names[usize::from(source)];
        let progress = self.progress.entry((source, Arc::clone(&batch.partition))).or_default();
        if progress.last_tick > 0 {
            system.push(((SystemView::SourceProgress, system::progress(name, &batch.partition, progress), source), -1));
        }
        *progress = Progress {
            upper: progress.upper.max(batch.upper),
            records: progress.records + (batch.events.len() + batch.refusals.len()) as u64,
            refused: progress.refused + batch.refusals.len() as u64,
            last_tick: tick,
        };
        system.push(((SystemView::SourceProgress, system::progress(name, &batch.partition, progress), source), 1));
        for refusal in &batch.refusals {
            system.push(((SystemView::DeadLetters, system::dead_letter(name, &batch.partition, refusal), source), 1));
        }
        self.ends.metrics.batch_bound(name, batch.events.len(), batch.refusals.len());
    }

    /// How far a partition is.
    pub(crate) fn bound(&self, source: u16, partition: &str) -> u64 {
        self.progress.get(&(source, Arc::from(partition))).map_or(0, |progress| progress.upper)
    }

    /// How far the partitions of a source are.
    pub(crate) fn positions(&self, source: u16) -> Positions {
        let own = self.progress.iter().filter(|((of, _), _)| *of == source);
        own.map(|((_, partition), progress)| (Arc::clone(partition), progress.upper)).collect()
    }

    /// A snapshot of the last tick, under the configuration that holds, to be ordered.
    pub(crate) fn order(&self, configured: Configured) -> Order {
        Order { tick: self.last, configured, progress: self.progress() }
    }

    /// How far all partitions are, as a snapshot says it.
    fn progress(&self) -> Vec<PartitionProgress> {
        let said = |((source, partition), progress): (&(u16, Arc<str>), &Progress)| PartitionProgress {
            source: self.name(*source).to_owned(),
            partition: Arc::clone(partition),
            progress: *progress,
        };
        self.progress.iter().map(said).collect()
    }

    fn index_of(&self, source: &str) -> Option<u16> {
        self.names.iter().position(|name| name == source).map(|index| index as u16)
    }
}

/// What was bound, and where its input is read again. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BoundPast {
    /// The durable bindings.
    pub(crate) bindings: Bindings,
    /// The durable journal.
    pub(crate) journal: Journal,
    /// Kept inputs.
    pub(crate) archive: Archive,
}

fn gone(source: &str) -> EngineError {
    let what = format!("a snapshot holds records of the source `{source}`, which the configuration no longer has");
    EngineError::new(ErrorKind::Invalid, what, "put the source back, or start with a new data folder")
}

fn gone_meanwhile(last: Tick, removed: Tick) -> EngineError {
    let what =
        format!("what came after tick {last} cannot be replayed: the past up to tick {removed} has been removed");
    EngineError::new(ErrorKind::Compacted, what, "ask for a later tick, or take a snapshot again")
}

fn unreadable(tick: Tick) -> EngineError {
    let what = format!("the snapshot of tick {tick} cannot be read: its decoder has panicked");
    EngineError::new(ErrorKind::Damaged, what, "remove the snapshot, and report it")
}
