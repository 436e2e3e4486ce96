//! The binder: closes ticks. It binds what has arrived to a tick, makes that durable, and only then releases it.
//!
//! A tick is closed at once while the workers are idle (low latency), and otherwise as soon as they are, or after a few
//! milliseconds (large batches under load). When the workers are too far behind nothing more is taken, so the sources'
//! bounded channels fill and the sources wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};
use operators::Tick;
use operators::upsert::Upsert;
use tokio::sync::oneshot;

use crate::archive::Archive;
use crate::bindings::{Binding, Bindings, Bound, PushedBatch, RunEvent};
use crate::error::EngineError;
use crate::frontier::Frontier;
use crate::journal::{EntryHead, Journal};
use crate::metrics::Metrics;
use crate::push::{Accepted, PUSHED_PARTITION, Push, Receipt, shifted};
use crate::releaser::Releaser;
use crate::replay::Replay;
use crate::source::{Arrival, Batch, Durable, Event, Positions, SourceSpec};
use crate::status::Status;
use crate::system::{self, Progress, SystemView};
use crate::worker::{Release, SystemRow};

/// How many rows one tick may take.
pub const TICK_ROWS_MAX: usize = 131_072;

/// How many rows may be with the workers before no more are released.
pub const OUTSTANDING_ROWS_MAX: usize = 4 * TICK_ROWS_MAX;

/// How many ticks may be with the workers before no more are released.
pub const OUTSTANDING_TICKS_MAX: usize = 64;

/// How long a tick stays open while the workers are busy.
const TICK_OPEN_MAX: Duration = Duration::from_millis(5);

/// How long nothing may happen before the clock is moved on without data.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How many records a partition may have.
const PARTITION_RECORDS_MAX: u64 = 1 << 44;

/// Where the binder's input comes from, and how it is told to stop.
pub struct Intakes<R> {
    /// From the sources that read by themselves.
    pub arrivals: Receiver<Arrival<R>>,
    /// From clients.
    pub pushes: Receiver<Push<R>>,
    /// Told, or closed, when it is time to stop.
    pub stop: Receiver<()>,
}

/// The clock that ticks are taken from: microseconds since 1970-01-01, UTC.
pub type Clock = Arc<dyn Fn() -> Tick + Send + Sync>;

/// What the binder works on.
pub struct Binder<R> {
    /// The sources, by index. Replay reads from them.
    pub sources: Vec<SourceSpec<R>>,
    /// The durable bindings.
    pub bindings: Bindings,
    /// The durable journal.
    pub journal: Journal,
    /// Kept inputs.
    pub archive: Archive,
    /// The way to the workers.
    pub releaser: Arc<Releaser<R>>,
    /// How far they are.
    pub frontier: Arc<Frontier>,
    /// What is told to the outside.
    pub status: Arc<Status>,
    /// What is measured.
    pub metrics: Metrics,
    /// Where ticks come from.
    pub clock: Clock,
    /// This run, as it will be recorded.
    pub run: RunEvent,
    /// The last tick.
    pub last: Tick,
    /// How far each partition is bound.
    pub progress: BTreeMap<(u16, Arc<str>), Progress>,
    /// Ticks that are with the workers, and their rows.
    pub outstanding: VecDeque<(Tick, usize)>,
    /// The tick that is open, and what it took so far.
    pub open: Option<(Tick, Binding)>,
    /// The sources, by index, for which the open tick waits.
    pub holding: BTreeSet<u16>,
    /// The partitions that the open tick took, in their order.
    pub bands: BTreeMap<(u16, Arc<str>), u64>,
    /// The sources, by index, that are read once.
    pub one_shot: BTreeSet<u16>,
    /// What the running sources, by index, are told of what is durable.
    pub durable: BTreeMap<u16, Durable>,
}

/// What one tick takes.
struct Intake<R> {
    batches: Vec<(u16, Batch<R>)>,
    pushes: Vec<Push<R>>,
    ended: Vec<(u16, Result<(), EngineError>)>,
    rows: usize,
}

impl<R> Default for Intake<R> {
    fn default() -> Self {
        Intake { batches: Vec::new(), pushes: Vec::new(), ended: Vec::new(), rows: 0 }
    }
}

impl<R> Intake<R> {
    fn arrive(&mut self, arrival: Arrival<R>) {
        match arrival {
            Arrival::Batch(source, batch) => {
                self.rows += batch.events.len() + batch.refusals.len();
                self.batches.push((source, batch));
            }
            Arrival::Ended(source, result) => self.ended.push((source, result)),
        }
    }

    fn push(&mut self, push: Push<R>) {
        self.rows += push.batch.events.len() + push.batch.refusals.len();
        self.pushes.push(push);
    }
}

enum Next<R> {
    Take(Intake<R>),
    Quiet,
    Stop,
}

impl<R: Send + 'static> Binder<R> {
    /// Gives the workers every tick that was ever bound, with the same input as then.
    pub fn replay(&mut self) -> Result<(), EngineError> {
        let mut replay = Replay::new(self.journal.clone(), self.archive.clone());
        let mut replayed = 0;
        loop {
            let bindings = self.bindings.after(replayed, 1024)?;
            if bindings.is_empty() {
                break;
            }
            for (tick, binding) in bindings {
                let batches = replay.batches(&binding, &self.sources)?;
                self.release(tick, batches, binding.run.as_ref(), true);
                replayed = tick;
            }
        }
        self.last = self.last.max(replayed);
        Ok(())
    }

    /// Entries that were appended but not bound when the process died: whole, so they are bound now.
    pub fn bind_what_the_journal_holds(&mut self) -> Result<(), EngineError> {
        let mut intake = Intake::default();
        for (index, source) in (0..).zip(&self.sources) {
            let Some(decoder) = &source.push else { continue };
            let from = self.bound(index, PUSHED_PARTITION);
            for head in self.journal.heads(&source.name, from) {
                let Some((head, payload)) = self.journal.read(&source.name, head.first_offset)? else { continue };
                let batch = decoder.decode(&payload)?;
                let (reply, _) = oneshot::channel();
                intake.push(Push { source: index, batch_id: head.batch_id, payload, batch, reply });
            }
        }
        if intake.pushes.is_empty() { Ok(()) } else { self.bind(intake, true) }
    }

    /// Binds the start of this run.
    pub fn begin(&mut self) -> Result<(), EngineError> {
        let tick = self.next_tick();
        self.run.started = tick;
        self.bind_run(tick, false)
    }

    fn bind_run(&mut self, tick: Tick, ended: bool) -> Result<(), EngineError> {
        let run = RunEvent { ended, ..self.run.clone() };
        let binding = Binding { run: Some(run), ..Binding::default() };
        self.bindings.bind(tick, &binding, &[])?;
        self.release(tick, Vec::new(), binding.run.as_ref(), true);
        Ok(())
    }

    /// Closes ticks until told to stop.
    pub fn run(&mut self, intakes: &Intakes<R>) -> Result<(), EngineError> {
        while !self.status.has_failed() {
            match self.gather(intakes) {
                Next::Take(intake) => self.bind(intake, false)?,
                Next::Quiet => self.heartbeat()?,
                Next::Stop => break,
            }
        }
        self.holding.clear();
        self.close()?;
        let tick = self.next_tick();
        self.bind_run(tick, true)?;
        self.catch_up();
        Ok(())
    }

    /// Waits until the workers have dealt with all that was released.
    pub fn catch_up(&self) {
        while self.frontier.wait_for(self.last + 1, Duration::from_secs(1)) <= self.last && !self.status.has_failed() {}
    }

    fn gather(&mut self, intakes: &Intakes<R>) -> Next<R> {
        let mut intake = Intake::default();
        select! {
            recv(intakes.arrivals) -> arrival => if let Ok(arrival) = arrival { intake.arrive(arrival) },
            recv(intakes.pushes) -> push => if let Ok(push) = push { intake.push(push) },
            recv(intakes.stop) -> _ => return Next::Stop,
            default(HEARTBEAT) => return Next::Quiet,
        }
        let opened = Instant::now();
        while intake.rows < TICK_ROWS_MAX {
            if let Ok(push) = intakes.pushes.try_recv() {
                intake.push(push);
            } else if let Ok(arrival) = intakes.arrivals.try_recv() {
                intake.arrive(arrival);
            } else if self.is_idle() || opened.elapsed() > TICK_OPEN_MAX {
                break;
            } else {
                self.frontier.wait_for(self.last + 1, Duration::from_micros(200));
            }
        }
        Next::Take(intake)
    }

    fn is_idle(&self) -> bool {
        self.open.is_some() || self.frontier.get() > self.last
    }

    fn next_tick(&self) -> Tick {
        (self.clock)().max(self.last + 1)
    }

    fn heartbeat(&mut self) -> Result<(), EngineError> {
        if self.open.is_some() {
            return Ok(());
        }
        let tick = self.next_tick();
        self.bindings.reach(tick)?;
        self.last = tick;
        self.releaser.advance(tick);
        Ok(())
    }

    /// Makes a tick of an intake: journal, binding, release, receipts, in this order. While a source holds the tick open,
    /// later intakes join it: its binding grows, and nothing of it is seen before it is closed.
    fn bind(&mut self, mut intake: Intake<R>, in_journal: bool) -> Result<(), EngineError> {
        let accepted = self.accept(&mut intake, in_journal)?;
        for (source, batch) in &intake.batches {
            if batch.continues {
                self.holding.insert(*source);
            } else if !self.is_one_shot(*source) {
                self.holding.remove(source);
            }
        }
        for (source, _) in &intake.ended {
            self.holding.remove(source);
        }
        if !intake.batches.is_empty() {
            let (tick, mut binding) = self.open.take().unwrap_or_else(|| (self.next_tick(), Binding::default()));
            self.extend_binding(&mut binding, &mut intake.batches);
            let pushed = accepted.iter().map(|push| PushedBatch { source: &push.source, batch_id: &push.batch_id });
            if let Err(error) = self.bindings.bind(tick, &binding, &pushed.collect::<Vec<_>>()) {
                accepted.into_iter().for_each(|push| push.answer(Err(error.clone())));
                return Err(error);
            }
            for (source, batch) in &intake.batches {
                if let Some(durable) = self.durable.get(source) {
                    durable.reach(&batch.partition, batch.upper);
                }
            }
            self.release(tick, intake.batches, None, self.holding.is_empty());
            crash_point!("tick.unacknowledged");
            accepted.into_iter().for_each(|push| push.answer(Ok(Receipt { tick, duplicate: false })));
            self.open = (!self.holding.is_empty()).then_some((tick, binding));
            crash_point!("tick.acknowledged");
        }
        self.close()?;
        for (source, result) in intake.ended {
            self.status.source_ended(source, self.last, result);
        }
        Ok(())
    }

    /// Closes the open tick, if nothing holds it open any more.
    fn close(&mut self) -> Result<(), EngineError> {
        if self.holding.is_empty()
            && let Some((tick, _)) = self.open.take()
        {
            self.release(tick, Vec::new(), None, true);
        }
        Ok(())
    }

    fn is_one_shot(&self, source: u16) -> bool {
        self.one_shot.contains(&source)
    }

    /// Puts new pushes in the journal and among the batches; answers those that were pushed before.
    fn accept(&mut self, intake: &mut Intake<R>, in_journal: bool) -> Result<Vec<Accepted>, EngineError> {
        let mut accepted: Vec<Accepted> = Vec::new();
        for push in std::mem::take(&mut intake.pushes) {
            let source = self.sources[usize::from(push.source)].name.clone();
            let twin = accepted.iter_mut().find(|other| other.source == source && other.batch_id == push.batch_id);
            if let Some(twin) = twin {
                twin.twins.push(push.reply);
                continue;
            }
            match self.bindings.pushed_at(&source, &push.batch_id) {
                Ok(None) => {}
                Ok(Some(tick)) => {
                    let _ = push.reply.send(Ok(Receipt { tick, duplicate: true }));
                    continue;
                }
                Err(error) => {
                    let _ = push.reply.send(Err(error));
                    continue;
                }
            }
            let waiting =
                intake.batches.iter().filter(|(other, _)| *other == push.source).map(|(_, batch)| batch.upper).max();
            let first_offset = waiting.unwrap_or(self.bound(push.source, PUSHED_PARTITION));
            let head = EntryHead {
                source: source.clone(),
                batch_id: push.batch_id.clone(),
                first_offset,
                records: push.batch.upper,
            };
            if !in_journal && let Err(error) = self.journal.append(head, &push.payload) {
                let _ = push.reply.send(Err(error));
                continue;
            }
            intake.batches.push((push.source, shifted(push.batch, first_offset)));
            accepted.push(Accepted { source, batch_id: push.batch_id, reply: push.reply, twins: Vec::new() });
        }
        if !accepted.is_empty()
            && let Err(error) = self.journal.sync()
        {
            // What the disk holds of it is not known, and later entries must not be written behind it: the engine stops.
            // The next start binds what is whole.
            accepted.drain(..).for_each(|push| push.answer(Err(error.clone())));
            return Err(error);
        }
        Ok(accepted)
    }

    /// Adds batches to what a tick takes. Partitions stand in the order of their arrival, and the batches are brought into
    /// that order too: so a replay of the binding sees the same records in the same order.
    fn extend_binding(&self, binding: &mut Binding, batches: &mut [(u16, Batch<R>)]) {
        let bound = &mut binding.bound;
        let place_of = |bound: &[Bound], source: u16, batch: &Batch<R>| {
            let name = &self.sources[usize::from(source)].name;
            bound.iter().position(|other| other.source == *name && other.partition == batch.partition)
        };
        for (source, batch) in batches.iter() {
            match place_of(bound, *source, batch) {
                Some(place) => bound[place].upper = bound[place].upper.max(batch.upper),
                None => bound.push(Bound {
                    source: self.sources[usize::from(*source)].name.clone(),
                    partition: Arc::clone(&batch.partition),
                    upper: batch.upper,
                }),
            }
        }
        batches.sort_by_key(|(source, batch)| place_of(bound, *source, batch));
    }

    /// Gives a bound tick to the workers; waits first while they are too far behind.
    fn release(&mut self, tick: Tick, batches: Vec<(u16, Batch<R>)>, run: Option<&RunEvent>, closes: bool) {
        self.wait_for_room();
        let mut system = Vec::new();
        let mut events = Vec::with_capacity(batches.len());
        let mut rows = 0;
        for (source, batch) in batches {
            self.count(tick, source, &batch, &mut system);
            rows += batch.events.len();
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
        if closes {
            self.outstanding.push_back((tick, rows + system.len()));
            self.bands.clear();
        }
        self.metrics.tick_released(rows);
        if closes {
            self.metrics.tick_begins(tick);
        }
        self.releaser.release(Release { tick, events, system, closes });
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
        while !self.releaser.backlog().wait_for(TICK_ROWS_MAX, Duration::from_millis(100)) && !self.status.has_failed()
        {
        }
        loop {
            let frontier = self.frontier.get();
            while self.outstanding.front().is_some_and(|(tick, _)| *tick < frontier) {
                self.outstanding.pop_front();
            }
            let rows: usize = self.outstanding.iter().map(|(_, rows)| rows).sum();
            let has_room = rows < OUTSTANDING_ROWS_MAX && self.outstanding.len() < OUTSTANDING_TICKS_MAX;
            if has_room || self.status.has_failed() {
                return;
            }
            self.frontier.wait_for(frontier + 1, Duration::from_millis(100));
        }
    }

    /// Counts a batch, and says so in the engine's own views.
    fn count(&mut self, tick: Tick, source: u16, batch: &Batch<R>, system: &mut Vec<(SystemRow, isize)>) {
        let name = &self.sources[usize::from(source)].name;
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
        self.metrics.batch_bound(name, batch.events.len(), batch.refusals.len());
    }

    fn bound(&self, source: u16, partition: &str) -> u64 {
        self.progress.get(&(source, Arc::from(partition))).map_or(0, |progress| progress.upper)
    }

    /// How far the partitions of a source are bound.
    pub fn positions(&self, source: u16) -> Positions {
        let own = self.progress.iter().filter(|((of, _), _)| *of == source);
        own.map(|((_, partition), progress)| (Arc::clone(partition), progress.upper)).collect()
    }
}
