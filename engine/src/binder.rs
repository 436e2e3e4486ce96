//! The binder: closes ticks. It binds what has arrived to a tick, makes that durable, and only then releases it.
//!
//! A tick is closed at once while the workers are idle (low latency), and otherwise as soon as they are, or after a few
//! milliseconds (large batches under load). When the workers are too far behind nothing more is taken, so the sources'
//! bounded channels fill and the sources wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};
use operators::{Data, Tick};
use tokio::sync::oneshot;

use crate::bindings::{Binding, Bound, Configured, PushedBatch, RunEvent, Unfinished};
use crate::engine::Clock;
use crate::error::EngineError;
use crate::journal::EntryHead;
use crate::line::{BoundPast, Line, TICK_ROWS_MAX};
use crate::push::{Accepted, PUSHED_PARTITION, Push, Receipt, shifted};
use crate::snapshot::Taker;
use crate::source::{Arrival, Batch, Durable, SourceSpec, Stop};

/// How long a tick stays open while the workers are busy.
const TICK_OPEN_MAX: Duration = Duration::from_millis(5);

/// How long nothing may happen before the clock is moved on without data.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Where the binder's input comes from, and how it is told to stop.
pub(crate) struct Intakes<R> {
    /// From the sources that read by themselves.
    pub(crate) arrivals: Receiver<Arrival<R>>,
    /// From clients.
    pub(crate) pushes: Receiver<Push<R>>,
    /// Told, or closed, when it is time to stop.
    pub(crate) stop: Receiver<()>,
}

/// What a run is.
pub(crate) struct Terms {
    /// As it will be recorded.
    pub(crate) run: RunEvent,
    /// The configuration that holds.
    pub(crate) configured: Configured,
    /// What the first tick waits for: sources by index, or what takes the place of all of them.
    pub(crate) one_shot: BTreeSet<u16>,
    /// Tells sources to stop.
    pub(crate) stop: Stop,
}

/// Binds what arrives to ticks.
pub(crate) struct Binder<R> {
    /// The sources, by index. Replay reads from them.
    pub(crate) sources: Vec<SourceSpec<R>>,
    /// The durable record of what was bound.
    past: BoundPast,
    /// The way to the workers.
    pub(crate) line: Line<R>,
    /// Where ticks come from.
    clock: Clock,
    terms: Terms,
    /// Takes snapshots in the background, if any are taken.
    taker: Option<Taker<R>>,
    /// The tick that is open, and what it took so far.
    open: Option<(Tick, Binding)>,
    /// The sources, by index, for which the open tick waits.
    holding: BTreeSet<u16>,
    /// What the running sources, by index, are told of what is durable.
    durable: BTreeMap<u16, Durable>,
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

impl<R: Data + Send + Sync> Binder<R> {
    /// A binder of a run. The past has been replayed along the line.
    pub(crate) fn new(
        sources: Vec<SourceSpec<R>>,
        past: BoundPast,
        line: Line<R>,
        clock: Clock,
        terms: Terms,
        taker: Option<Taker<R>>,
    ) -> Self {
        let (open, holding, durable) = (None, BTreeSet::new(), BTreeMap::new());
        Binder { sources, past, line, clock, terms, taker, open, holding, durable }
    }

    /// Waits with the first tick for all that is read once. Gives what the source with an index is told of what is durable.
    pub(crate) fn start_source(&mut self, source: u16) -> Durable {
        if self.is_one_shot(source) {
            self.holding.insert(source);
        }
        let durable = Durable::new(self.line.positions(source));
        self.durable.insert(source, durable.clone());
        durable
    }

    /// Entries that were appended but not bound when the process died: whole, so they are bound now.
    pub(crate) fn bind_what_the_journal_holds(&mut self) -> Result<(), EngineError> {
        let mut intake = Intake::default();
        for (index, source) in (0..).zip(&self.sources) {
            let Some(decoder) = &source.push else { continue };
            let from = self.line.bound(index, PUSHED_PARTITION);
            for head in self.past.journal.heads(&source.name, from) {
                let Some((head, payload)) = self.past.journal.read(&source.name, head.first_offset)? else { continue };
                let batch = decoder.decode(&payload)?;
                let (reply, _) = oneshot::channel();
                intake.push(Push { source: index, batch_id: head.batch_id, payload, batch, reply });
            }
        }
        if intake.pushes.is_empty() { Ok(()) } else { self.bind(intake, true) }
    }

    /// Binds the start of this run at a tick; and what holds from then on, if that is new, by the text of its configuration.
    pub(crate) fn begin(&mut self, tick: Tick, new: Option<&str>) -> Result<(), EngineError> {
        self.terms.run.started = tick;
        let configured = new.map(|text| (&self.terms.configured, text));
        let binding = self.past.bindings.begin(tick, &self.terms.run, configured)?;
        self.line.release(tick, Vec::new(), binding.run.as_ref(), true);
        // What was shown before this configuration held is the past's to read. Not said earlier: who asks for what there is
        // now would be refused while nothing later has been released.
        self.line.begin_at(self.terms.configured.since);
        Ok(())
    }

    /// Goes on with the run, and the tick, of a replay that was interrupted. What there is of it has been replayed.
    pub(crate) fn go_on_with(&mut self, unfinished: Unfinished) {
        self.terms.run = unfinished.run;
        self.holding.clone_from(&self.terms.one_shot);
        self.open = unfinished.open;
        self.line.begin_at(self.terms.configured.since);
    }

    /// Waits until the workers have dealt with all that can be shown.
    pub(crate) fn catch_up(&self) {
        if self.open.is_none() {
            self.line.catch_up();
        }
    }

    fn end(&mut self) -> Result<(), EngineError> {
        let tick = self.next_tick();
        let run = RunEvent { ended: true, ..self.terms.run.clone() };
        let binding = Binding { run: Some(run), ..Binding::default() };
        self.past.bindings.bind(tick, &binding, &[])?;
        self.line.release(tick, Vec::new(), binding.run.as_ref(), true);
        Ok(())
    }

    /// Closes ticks until told to stop.
    pub(crate) fn run(&mut self, intakes: &Intakes<R>) -> Result<(), EngineError> {
        while !self.line.status().has_failed() {
            match self.gather(intakes) {
                Next::Take(intake) => self.bind(intake, false)?,
                Next::Quiet => self.heartbeat()?,
                Next::Stop => break,
            }
        }
        if self.is_replay() && !self.holding.is_empty() {
            // It is not shown before all of it is there: the next start goes on with it.
            return Ok(());
        }
        self.holding.clear();
        self.close()?;
        self.end()?;
        self.line.catch_up();
        Ok(())
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
                self.line.wait_until_idle(Duration::from_micros(200));
            }
        }
        Next::Take(intake)
    }

    fn is_idle(&self) -> bool {
        self.open.is_some() || self.line.is_idle()
    }

    fn next_tick(&self) -> Tick {
        (self.clock)().max(self.line.last() + 1)
    }

    fn heartbeat(&mut self) -> Result<(), EngineError> {
        if self.open.is_some() {
            return Ok(());
        }
        let tick = self.next_tick();
        self.past.bindings.reach(tick)?;
        self.line.advance(tick);
        self.order_snapshot();
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
        for (source, result) in &intake.ended {
            // A replay without all that a source has is none. One that was told to stop has not come to its end.
            let is_at_its_end = result.is_ok() && !self.terms.stop.is_stopped();
            if is_at_its_end || !self.is_replay() {
                self.holding.remove(source);
            }
        }
        if !intake.batches.is_empty() {
            let (tick, mut binding) = self.open.take().unwrap_or_else(|| (self.next_tick(), Binding::default()));
            self.extend_binding(&mut binding, &mut intake.batches);
            binding.open = self.is_replay() && !self.holding.is_empty();
            let pushed = accepted.iter().map(|push| PushedBatch { source: &push.source, batch_id: &push.batch_id });
            if let Err(error) = self.past.bindings.bind(tick, &binding, &pushed.collect::<Vec<_>>()) {
                accepted.into_iter().for_each(|push| push.answer(Err(error.clone())));
                return Err(error);
            }
            for (source, batch) in &intake.batches {
                if let Some(durable) = self.durable.get(source) {
                    durable.reach(&batch.partition, batch.upper);
                }
            }
            self.line.release(tick, intake.batches, None, self.holding.is_empty());
            self.taker.iter_mut().for_each(|taker| taker.released(intake.rows));
            crash_point!("tick.unacknowledged");
            accepted.into_iter().for_each(|push| push.answer(Ok(Receipt { tick, duplicate: false })));
            self.open = (!self.holding.is_empty()).then_some((tick, binding));
            crash_point!("tick.acknowledged");
        }
        self.close()?;
        self.order_snapshot();
        if self.is_replay() && self.open.is_none() {
            // So that what goes on from here need not read all of it again.
            self.taker.iter().for_each(Taker::wait);
        }
        for (source, result) in intake.ended {
            self.line.status().source_ended(source, self.line.last(), result);
        }
        Ok(())
    }

    fn is_replay(&self) -> bool {
        self.terms.run.replay.is_some()
    }

    /// Orders a snapshot as of the last tick, if that is whole and it is time.
    fn order_snapshot(&mut self) {
        let (tick, is_replay) = (self.line.last(), self.is_replay());
        if self.open.is_none()
            && let Some(taker) =
                self.taker.as_mut().filter(|taker| taker.is_due(tick) || is_replay && taker.is_behind())
        {
            taker.order(self.line.order(self.terms.configured.clone()));
        }
    }

    /// Closes the open tick, if nothing holds it open any more.
    fn close(&mut self) -> Result<(), EngineError> {
        if self.holding.is_empty()
            && let Some((tick, mut binding)) = self.open.take()
        {
            if std::mem::take(&mut binding.open) {
                self.past.bindings.bind(tick, &binding, &[])?;
            }
            self.line.release(tick, Vec::new(), None, true);
        }
        Ok(())
    }

    fn is_one_shot(&self, source: u16) -> bool {
        self.terms.one_shot.contains(&source)
    }

    /// Puts new pushes in the journal and among the batches; answers those that were pushed before.
    fn accept(&mut self, intake: &mut Intake<R>, in_journal: bool) -> Result<Vec<Accepted>, EngineError> {
        let mut accepted: Vec<Accepted> = Vec::new();
        for push in std::mem::take(&mut intake.pushes) {
            let source = self.line.name(push.source).to_owned();
            let twin = accepted.iter_mut().find(|other| other.source == source && other.batch_id == push.batch_id);
            if let Some(twin) = twin {
                twin.twins.push(push.reply);
                continue;
            }
            match self.past.bindings.pushed_at(&source, &push.batch_id) {
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
            let first_offset = waiting.unwrap_or(self.line.bound(push.source, PUSHED_PARTITION));
            let head = EntryHead {
                source: source.clone(),
                batch_id: push.batch_id.clone(),
                first_offset,
                records: push.batch.upper,
            };
            if !in_journal && let Err(error) = self.past.journal.append(head, &push.payload) {
                let _ = push.reply.send(Err(error));
                continue;
            }
            intake.batches.push((push.source, shifted(push.batch, first_offset)));
            accepted.push(Accepted { source, batch_id: push.batch_id, reply: push.reply, twins: Vec::new() });
        }
        if !accepted.is_empty()
            && let Err(error) = self.past.journal.sync()
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
            let name = self.line.name(source);
            bound.iter().position(|other| other.source == name && other.partition == batch.partition)
        };
        for (source, batch) in batches.iter() {
            match place_of(bound, *source, batch) {
                Some(place) => bound[place].upper = bound[place].upper.max(batch.upper),
                None => bound.push(Bound {
                    source: self.line.name(*source).to_owned(),
                    partition: Arc::clone(&batch.partition),
                    upper: batch.upper,
                }),
            }
        }
        batches.sort_by_key(|(source, batch)| place_of(bound, *source, batch));
    }
}
