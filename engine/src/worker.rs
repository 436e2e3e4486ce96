//! One worker: a timely thread that is given ticks and asked for rows.
//!
//! Commands are carried out in the order in which they are given, and every worker is given the same ones: so a read
//! between two ticks sees the same tick everywhere.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError};
use differential_dataflow::{AsCollection, Hashable};
use operators::upsert::Upsert;
use operators::{Collection, Data, Tick, arrange};
use serde::{Deserialize, Serialize};
use timely::communication::Allocator;
use timely::communication::allocator::Thread;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::vec::Input as _;
use timely::dataflow::{InputHandle, Stream};
use timely::worker::Worker as Timely;

use crate::crew::Around;
use crate::episode::Remembered;
use crate::error::{EngineError, ErrorKind};
use crate::kept::{Kept, KeptState, KeptTrace, Piece, Place, Restored, Table};
use crate::mailbox::RowFilter;
use crate::row::{Key, Row, ViewSpec};
use crate::system::SystemView;
use crate::view::{Rows, Views};

/// What a graph is built from.
pub struct Inputs<'scope, R: Data> {
    /// The records, as assertions about business keys. They come by the right to send at the end of the last tick: the
    /// tick of an update is in the update, and is not the time of the capability that it comes with.
    pub events: Stream<'scope, Tick, Vec<Upsert<Key, R>>>,
    /// For each refused record, the index of its source.
    pub refusals: Collection<'scope, u16>,
    /// The episodes that a snapshot held, at the tick at which its records come.
    pub remembered: Collection<'scope, Remembered>,
}

/// The dataflow that turns records into views.
pub trait Graph<R: Data>: Send + Sync + 'static {
    /// Builds the dataflow of one worker and registers its views; gives what must be kept of it to go on without its
    /// past. Every worker builds the same.
    fn build(&self, inputs: Inputs<'_, R>, views: &mut Views) -> Kept<R>;
}

/// A row of one of the engine's own views; and, for a refusal, the source's index.
pub type SystemRow = (SystemView, Row, u16);

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
    /// Keep what there was at this tick, to be asked for in pieces; or no longer.
    Hold(Option<Tick>),
    /// Give a piece of what is kept.
    Piece(AskedPiece<R>),
    /// Take back what a snapshot held, before the tick at which its records come is closed.
    Restore(Arc<Restored>),
    /// Nothing before this tick can be read here.
    Begin(Tick),
    /// Stop.
    Stop,
}

/// Which piece of what is kept, and where it goes.
pub struct AskedPiece<R> {
    /// The table.
    pub table: Table,
    /// As of which tick: one that is held.
    pub at: Tick,
    /// Where it begins.
    pub from: Place,
    /// About how many rows.
    pub limit: usize,
    /// What is done with it.
    pub reply: Arc<dyn Fn(Piece<R>) + Send + Sync>,
}

/// A tick's input, or a part of it.
pub struct Release<R> {
    /// The tick.
    pub tick: Tick,
    /// Records, in the order in which the later one wins.
    pub events: Vec<Vec<Upsert<Key, R>>>,
    /// Changes of the engine's own views.
    pub system: Vec<(SystemRow, isize)>,
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
    /// What is done with the answer: one from each worker.
    pub reply: Reply,
}

/// Takes a worker's answer. A reader that has gone needs none.
pub type Reply = Arc<dyn Fn(Result<Answer, EngineError>) + Send + Sync>;

/// What to read of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Rows.
    Rows(Rows),
    /// Rows with their ticks.
    Changes(Vec<(Tick, Row, isize)>),
}

/// How long a worker sleeps while others still work on a tick.
const STEP_PARK_MAX: Duration = Duration::from_millis(1);

/// Where a worker puts what it is given.
type Input<D> = InputHandle<Tick, CapacityContainerBuilder<Vec<D>>>;

/// One worker's state.
pub struct Worker<R: Data> {
    commands: Receiver<Command<R>>,
    around: Around,
    retention: Duration,
    built: Built<R>,
    index: usize,
    workers: usize,
    /// Every tick before this has been given whole.
    given: Tick,
    /// Every tick before this has been reported as complete.
    reported: Tick,
    since: Tick,
}

/// The views of a graph, which is built to see them and not run.
pub fn catalogue<R: Data>(graph: &dyn Graph<R>) -> Vec<ViewSpec> {
    let allocator = Allocator::Thread(Thread::default());
    let mut timely = Timely::new(timely::WorkerConfig::default(), allocator, None);
    let specs = built(&mut timely, graph).views.specs();
    timely.installed_dataflows().into_iter().for_each(|dataflow| timely.drop_dataflow(dataflow));
    specs
}

/// The dataflow of one worker: its inputs, its views, and what is kept of it.
struct Built<R: Data> {
    events: Input<Upsert<Key, R>>,
    system: Input<((Key, SystemRow), Tick, isize)>,
    remembered: Input<(Remembered, Tick, isize)>,
    views: Views,
    kept: KeptState<R>,
}

fn built<R: Data>(timely: &mut Timely, graph: &dyn Graph<R>) -> Built<R> {
    let mut events = InputHandle::new();
    let mut system = InputHandle::new();
    let mut remembered = InputHandle::new();
    let mut views = Views::default();
    let kept = timely.dataflow::<Tick, _, _>(|scope| {
        let rows: Collection<'_, (Key, SystemRow)> = scope.input_from(&mut system).as_collection();
        let dead_letters = rows.clone().filter(|(_key, (of, ..))| *of == SystemView::DeadLetters);
        // Few rows each, and each tick changes one of them: they share an arrangement, since one to which nothing
        // happens takes its share of the tick all the same.
        let others = arrange(rows.filter(|(_key, (of, ..))| *of != SystemView::DeadLetters), "progress and runs");
        let refused = arrange(dead_letters.clone(), "dead letters");
        for view in SystemView::ALL {
            let arranged = if view == SystemView::DeadLetters { &refused } else { &others };
            views.derived(view.spec(), arranged, move |_key, group, rows| {
                let own = group.iter().filter(|((of, ..), _)| *of == view);
                rows.extend(own.map(|((_, row, _), count)| (row.clone(), *count)));
            });
        }
        let refusals = dead_letters.map(|(_key, (_, _, source))| source);
        let events = scope.input_from(&mut events);
        let remembered = scope.input_from(&mut remembered).as_collection();
        let kept = graph.build(Inputs { events, refusals, remembered }, &mut views);
        KeptState::new(kept, KeptTrace::new(&others), KeptTrace::new(&refused))
    });
    Built { events, system, remembered, views, kept }
}

impl<R: Data> Worker<R> {
    /// Builds the graph on this worker. The engine's own views come first in the catalogue.
    pub(crate) fn build(
        timely: &mut Timely,
        graph: &dyn Graph<R>,
        commands: Receiver<Command<R>>,
        around: Around,
        retention: Duration,
    ) -> Self {
        let built = built(timely, graph);
        let (index, workers) = (timely.index(), timely.peers());
        Worker { commands, around, retention, built, index, workers, given: 0, reported: 0, since: 0 }
    }
    /// The catalogue.
    pub fn views(&self) -> &Views {
        &self.built.views
    }

    /// How many parts of the graph keep when their rows first appeared.
    pub(crate) fn first_seen_tables(&self) -> usize {
        self.built.kept.first_seen_tables()
    }

    /// Works until told to stop.
    pub fn run(mut self, timely: &mut Timely) {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Release(release)) => {
                    let rows = release.events.iter().map(Vec::len).sum();
                    self.release(release);
                    timely.step();
                    self.around.reports.taken(rows);
                }
                Ok(Command::Advance(tick)) => self.advance(tick),
                Ok(Command::Read(read)) => self.answer(timely, &read),
                Ok(Command::Unfollow(view)) => self.built.views.follow(view, false),
                Ok(Command::Hold(tick)) => self.built.kept.hold(tick),
                Ok(Command::Piece(asked)) => self.give_piece(timely, &asked),
                Ok(Command::Restore(restored)) => self.restore(&restored),
                Ok(Command::Begin(tick)) => self.since = self.since.max(tick),
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) if self.reported < self.given => {
                    timely.step_or_park(Some(STEP_PARK_MAX));
                }
                Err(TryRecvError::Empty) => {
                    // Letting go of the past merges batches: a tick or a reader waits for one view's at most.
                    if self.let_go() {
                        continue;
                    }
                    timely.step_or_park(None);
                }
            }
            timely.step();
            self.report();
        }
    }

    fn release(&mut self, mut release: Release<R>) {
        let tick = release.tick;
        debug_assert!(release.events.iter().flatten().all(|upsert| upsert.tick == tick), "of this tick, and no other");
        // Sent by the right to send at the end of the last tick: the frontier moves once, when this one closes.
        release.events.iter_mut().for_each(|events| self.built.events.send_batch(events));
        let keyed = |(row, diff): (SystemRow, isize)| ((row.0.key_of(&row.1), row), tick, diff);
        let mut system: Vec<_> = release.system.into_iter().map(keyed).collect();
        self.built.system.send_batch(&mut system);
        if release.closes {
            self.advance(tick + 1);
        }
    }

    fn restore(&mut self, restored: &Restored) {
        match restored {
            Restored::FirstSeen(part, entries) => {
                self.built.kept.restore_first_seen(*part, entries, self.index, self.workers);
            }
            Restored::Episodes(tick, episodes) => {
                // Every worker is given all of them.
                let is_own = |(key, _): &&Remembered| key.hashed() as usize % self.workers == self.index;
                let own = episodes.iter().filter(is_own).map(|episode| (episode.clone(), *tick, 1));
                self.built.remembered.send_batch(&mut own.collect());
            }
        }
    }

    fn advance(&mut self, tick: Tick) {
        if tick > *self.built.events.time() {
            self.built.events.advance_to(tick);
            self.built.system.advance_to(tick);
            self.built.remembered.advance_to(tick);
            self.given = tick;
        }
    }

    /// Tells how far this worker is, and what has changed. A worker that is never idle lets go of the past here.
    fn report(&mut self) {
        let frontier = self.built.views.frontier();
        if frontier <= self.reported {
            return;
        }
        self.reported = frontier;
        let changes = self.built.views.take_changes();
        self.around.reports.report(self.index, frontier, changes);
        self.let_go();
    }

    /// Lets one view, in turn, go of what is older than the retention; says whether there was one left.
    fn let_go(&mut self) -> bool {
        let retained = self.reported.saturating_sub(self.retention.as_micros() as Tick).saturating_sub(1);
        self.since = self.since.max(retained);
        self.built.views.compact_next(self.since, self.reported)
            || self.built.kept.compact_next(self.since, self.reported)
    }

    /// Waits until the tick that it is of is complete, and gives it.
    fn give_piece(&mut self, timely: &mut Timely, asked: &AskedPiece<R>) {
        self.catch_up(timely, asked.at + 1);
        if self.around.status.has_failed() {
            return;
        }
        (asked.reply)(self.built.kept.piece(asked.table, asked.at, asked.from, asked.limit));
    }

    fn catch_up(&mut self, timely: &mut Timely, tick: Tick) {
        while self.built.views.frontier() < tick && !self.around.status.has_failed() {
            timely.step_or_park(Some(STEP_PARK_MAX));
        }
    }

    /// Answers once all that was released is complete, and before anything else is taken: the changes that are published
    /// from here on are those after the answer.
    fn answer(&mut self, timely: &mut Timely, read: &Read) {
        self.catch_up(timely, self.given);
        self.report();
        let answer = self.read(read);
        if read.follow && answer.is_ok() {
            self.built.views.follow(read.view, true);
        }
        (read.reply)(answer);
    }

    fn read(&mut self, read: &Read) -> Result<Answer, EngineError> {
        let wanted = |row: &Row| read.filter.as_ref().is_none_or(|filter| filter.wants(row));
        let (ReadWhat::Snapshot(oldest) | ReadWhat::Changes { after: oldest, .. }) = read.what;
        if oldest < self.since {
            return Err(self.compacted(oldest));
        }
        Ok(match read.what {
            ReadWhat::Snapshot(at) => {
                let mut rows = Rows::new();
                self.built.views.snapshot(read.view, at, &mut |row, count| {
                    if wanted(&row) {
                        rows.push((row, count));
                    }
                });
                Answer::Rows(rows)
            }
            ReadWhat::Changes { after, upto } => {
                let mut changes = Vec::new();
                self.built.views.changes(read.view, after, upto, &mut |tick, row, diff| {
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
