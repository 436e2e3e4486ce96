//! One worker: a timely thread that is given ticks and asked for rows.
//!
//! Commands are carried out in the order in which they are given, and every worker is given the same ones: so a read
//! between two ticks sees the same tick everywhere.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use differential_dataflow::AsCollection;
use operators::upsert::Upsert;
use operators::{Collection, Data, Tick};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::vec::{Input as _, Map};
use timely::dataflow::{InputHandle, Stream};
use timely::worker::Worker as Timely;

use crate::error::{EngineError, ErrorKind};
use crate::frontier::Backlog;
use crate::mailbox::RowFilter;
use crate::row::{Key, Row};
use crate::system::SystemView;
use crate::view::{Change, Rows, Views};

/// What a graph is built from.
pub struct Inputs<'scope, R: Data> {
    /// The records, as assertions about business keys.
    pub events: Stream<'scope, Tick, Vec<Upsert<Key, R>>>,
    /// For each refused record, the index of its source.
    pub refusals: Collection<'scope, u16>,
}

/// The dataflow that turns records into views.
pub trait Graph<R: Data>: Send + Sync + 'static {
    /// Builds the dataflow of one worker and registers its views. Every worker builds the same.
    fn build(&self, inputs: Inputs<'_, R>, views: &mut Views);
}

/// A row of one of the engine's own views, with its difference; and, for a refusal, the source's index.
pub type SystemRow = (SystemView, Row, u16, isize);

/// What a worker is told.
pub enum Command<R> {
    /// Take these at this tick.
    Release(Release<R>),
    /// Nothing comes before this tick any more.
    Advance(Tick),
    /// Read a view.
    Read(Read),
    /// Nobody follows this view any more.
    Unfollow(usize),
    /// Stop.
    Stop,
}

/// A tick's input, or a part of it.
pub struct Release<R> {
    /// The tick.
    pub tick: Tick,
    /// Records, in the order in which the later one wins.
    pub events: Vec<Vec<Upsert<Key, R>>>,
    /// Rows of the engine's own views.
    pub system: Vec<SystemRow>,
    /// Whether the tick is complete with this.
    pub closes: bool,
}

/// What is asked of every worker about a view.
#[derive(Clone)]
pub struct Read {
    /// The view.
    pub view: usize,
    /// What to read.
    pub what: ReadWhat,
    /// Whether its changes after this point are to be published.
    pub follow: bool,
    /// Which rows are wanted.
    pub filter: Option<RowFilter>,
    /// Where the answer goes: one from each worker.
    pub reply: Sender<Result<Answer, EngineError>>,
}

/// What to read of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadWhat {
    /// All rows as of a tick.
    Snapshot(Tick),
    /// The changes within `(after, upto]`.
    Changes {
        /// The tick that the reader has.
        after: Tick,
        /// The last tick wanted.
        upto: Tick,
    },
}

/// What a worker answers.
pub enum Answer {
    /// Rows.
    Rows(Rows),
    /// Rows with their ticks.
    Changes(Vec<(Tick, Row, isize)>),
}

/// What a worker reports when its frontier has moved.
pub struct Report {
    /// Which worker.
    pub worker: usize,
    /// Every tick before this is complete here.
    pub frontier: Tick,
    /// What changed in the views that are followed.
    pub changes: Vec<Change>,
}

/// How long a worker sleeps while others still work on a tick.
const STEP_PARK_MAX: Duration = Duration::from_millis(1);

/// Where a worker puts what it is given.
type Input<D> = InputHandle<Tick, CapacityContainerBuilder<Vec<D>>>;

/// One worker's state.
pub struct Worker<R: Data> {
    commands: Receiver<Command<R>>,
    reports: Sender<Report>,
    backlog: Arc<Backlog>,
    retention: Duration,
    events: Input<Upsert<Key, R>>,
    system: Input<(SystemRow, Tick, isize)>,
    views: Views,
    index: usize,
    released: Tick,
    reported: Tick,
    since: Tick,
}

impl<R: Data> Worker<R> {
    /// Builds the graph on this worker. The engine's own views come first in the catalogue.
    pub fn build(
        timely: &mut Timely,
        graph: &dyn Graph<R>,
        commands: Receiver<Command<R>>,
        reports: Sender<Report>,
        backlog: Arc<Backlog>,
        retention: Duration,
    ) -> Self {
        let mut events = InputHandle::new();
        let mut system = InputHandle::new();
        let mut views = Views::default();
        timely.dataflow::<Tick, _, _>(|scope| {
            let rows: Collection<'_, SystemRow> = scope.input_from(&mut system).as_collection();
            for view in SystemView::ALL {
                let own = rows
                    .clone()
                    .inner
                    .flat_map(move |((of, row, _, diff), tick, _)| (of == view).then_some((row, tick, diff)));
                views.rows(view.spec(), own.as_collection());
            }
            let refusals = rows.inner.flat_map(|((of, _, source, diff), tick, _)| {
                (of == SystemView::DeadLetters).then_some((source, tick, diff))
            });
            let events = scope.input_from(&mut events);
            graph.build(Inputs { events, refusals: refusals.as_collection() }, &mut views);
        });
        let index = timely.index();
        Worker {
            commands,
            reports,
            backlog,
            retention,
            events,
            system,
            views,
            index,
            released: 0,
            reported: 0,
            since: 0,
        }
    }

    /// The catalogue.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// Works until told to stop.
    pub fn run(mut self, timely: &mut Timely) {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Release(release)) => {
                    let rows = release.events.iter().map(Vec::len).sum();
                    self.release(release);
                    timely.step();
                    self.backlog.remove(rows);
                }
                Ok(Command::Advance(tick)) => self.advance(tick),
                Ok(Command::Read(read)) => self.answer(timely, &read),
                Ok(Command::Unfollow(view)) => self.views.follow(view, false),
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    let idle = self.reported >= self.released;
                    timely.step_or_park(if idle { None } else { Some(STEP_PARK_MAX) });
                }
            }
            timely.step();
            self.report();
        }
    }

    fn release(&mut self, mut release: Release<R>) {
        let tick = release.tick;
        self.advance(tick);
        release.events.iter_mut().for_each(|events| self.events.send_batch(events));
        let mut system: Vec<_> = release.system.into_iter().map(|row| (row, tick, 1)).collect();
        self.system.send_batch(&mut system);
        if release.closes {
            self.advance(tick + 1);
        }
    }

    fn advance(&mut self, tick: Tick) {
        if tick > *self.events.time() {
            self.events.advance_to(tick);
            self.system.advance_to(tick);
            self.released = tick;
        }
    }

    fn frontier(&self) -> Tick {
        self.views.frontier()
    }

    fn report(&mut self) {
        let frontier = self.frontier();
        if frontier <= self.reported {
            return;
        }
        self.reported = frontier;
        let changes = self.views.take_live();
        // Without a hub the engine is stopping, and a command to stop is on its way.
        let _ = self.reports.send(Report { worker: self.index, frontier, changes });
        // Letting go of the past merges batches: readers need not wait for that.
        let retained = frontier.saturating_sub(self.retention.as_micros() as Tick).saturating_sub(1);
        self.since = self.since.max(retained);
        self.views.compact(self.since, frontier);
    }

    /// Answers once all that was released is complete, and before anything else is taken: the changes that are published
    /// from here on are those after the answer.
    fn answer(&mut self, timely: &mut Timely, read: &Read) {
        while self.frontier() < self.released {
            timely.step_or_park(Some(STEP_PARK_MAX));
        }
        self.report();
        let answer = self.read(read);
        if read.follow && answer.is_ok() {
            self.views.follow(read.view, true);
        }
        // A reader that has gone needs no answer.
        let _ = read.reply.send(answer);
    }

    fn read(&mut self, read: &Read) -> Result<Answer, EngineError> {
        let wanted = |row: &Row| read.filter.as_ref().is_none_or(|filter| filter(row));
        let (ReadWhat::Snapshot(oldest) | ReadWhat::Changes { after: oldest, .. }) = read.what;
        if oldest < self.since {
            return Err(self.compacted(oldest));
        }
        Ok(match read.what {
            ReadWhat::Snapshot(at) => {
                let mut rows = Rows::new();
                self.views.snapshot(read.view, at, &mut |row, count| {
                    if wanted(&row) {
                        rows.push((row, count));
                    }
                });
                Answer::Rows(rows)
            }
            ReadWhat::Changes { after, upto } => {
                let mut changes = Vec::new();
                self.views.changes(read.view, after, upto, &mut |tick, row, diff| {
                    if wanted(&row) {
                        changes.push((tick, row, diff));
                    }
                });
                Answer::Changes(changes)
            }
        })
    }

    fn compacted(&self, tick: Tick) -> EngineError {
        let what = format!("tick {tick} has been compacted; the oldest that can be read is {}", self.since);
        let help = "take a snapshot again, or keep more of the past with `retention_seconds`";
        EngineError::new(ErrorKind::Compacted, what, help)
    }
}
