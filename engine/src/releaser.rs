//! Gives commands to the workers: all of them the same ones, in the same order.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use operators::Tick;
use operators::upsert::Upsert;
use parking_lot::Mutex;

use crate::error::EngineError;
use crate::frontier::Backlog;
use crate::kept::{Piece, Place, Restored, Table};
use crate::mailbox::RowFilter;
use crate::row::Key;
use crate::way::Way;
use crate::worker::{Answer, AskedPiece, Command, Read, ReadWhat, Release, Reply};

/// Smaller batches are not split.
const SHARED_ROWS_MIN: usize = 256;

/// The way to the workers.
pub(crate) struct Releaser<R> {
    state: Mutex<State<R>>,
    backlog: Arc<Backlog>,
    first_seen_tables: usize,
}

struct State<R> {
    workers: Vec<Way<R>>,
    released: Tick,
    next_worker: usize,
    followers: Vec<usize>,
}

/// What a reader asks for.
pub(crate) struct Question {
    pub view: usize,
    pub what: Wanted,
    pub follow: bool,
    pub filter: Option<RowFilter>,
}

/// What to read, before it is known how far the engine is.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    Now,
    AsOf(Tick),
    ChangesAfter(Tick),
    ChangesFromNow,
}

/// The answers to come, and the tick that they are about.
pub(crate) struct Asked {
    pub at: Tick,
    pub answers: Receiver<Result<Answer, EngineError>>,
}

impl<R> Releaser<R> {
    /// The way to these workers, which hold `views` views.
    pub(crate) fn new(workers: Vec<Way<R>>, views: usize, first_seen_tables: usize, backlog: Arc<Backlog>) -> Self {
        let state = State { workers, released: 0, next_worker: 0, followers: vec![0; views] };
        Releaser { state: Mutex::new(state), backlog, first_seen_tables }
    }

    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        self.state.lock().workers.len()
    }

    /// How many parts of the graph keep when their rows first appeared.
    pub(crate) fn first_seen_tables(&self) -> usize {
        self.first_seen_tables
    }

    /// Has the workers keep what there was at a tick, until told otherwise.
    pub(crate) fn hold(&self, tick: Option<Tick>) {
        self.state.lock().send_all(|| Command::Hold(tick));
    }

    /// Gives back what a snapshot held.
    pub(crate) fn restore(&self, restored: Restored) {
        let restored = Arc::new(restored);
        self.state.lock().send_all(|| Command::Restore(Arc::clone(&restored)));
    }

    /// Says that nothing before a tick can be read.
    pub(crate) fn begin(&self, tick: Tick) {
        self.state.lock().send_all(|| Command::Begin(tick));
    }

    /// Asks one worker for a piece of what it keeps.
    pub(crate) fn piece(&self, worker: usize, table: Table, at: Tick, from: Place, limit: usize) -> Receiver<Piece<R>>
    where
        R: Send + 'static,
    {
        let (reply, piece) = crossbeam_channel::bounded(1);
        let state = self.state.lock();
        if let Some(worker) = state.workers.get(worker) {
            // Who asked has gone when the engine stops.
            let reply = Arc::new(move |piece| drop(reply.send(piece)));
            worker.send(Command::Piece(AskedPiece { table, at, from, limit, reply }));
        }
        piece
    }

    /// What the workers have not taken yet.
    pub(crate) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// Gives a tick its input, or a part of it, spread over the workers.
    pub(crate) fn release(&self, release: Release<R>) {
        self.backlog.add(release.events.iter().map(Vec::len).sum());
        let mut state = self.state.lock();
        let Release { tick, events, system, closes } = release;
        let mut shares: Vec<_> =
            state.workers.iter().map(|_| Release { tick, events: Vec::new(), system: Vec::new(), closes }).collect();
        let count = shares.len();
        for events in events {
            share_out(events, &mut shares, state.next_worker);
            state.next_worker = (state.next_worker + 1) % count;
        }
        shares[0].system = system;
        for (worker, share) in state.workers.iter().zip(shares) {
            worker.send(Command::Release(share));
        }
        if closes {
            state.released = tick;
        }
    }

    /// Says that nothing comes up to and including `tick` any more.
    pub(crate) fn advance(&self, tick: Tick) {
        let mut state = self.state.lock();
        state.send_all(|| Command::Advance(tick + 1));
        state.released = state.released.max(tick);
    }

    /// Stops the workers.
    pub(crate) fn stop(&self) {
        self.state.lock().send_all(|| Command::Stop);
    }

    /// Asks all workers about a view, between two ticks.
    pub(crate) fn ask(&self, question: &Question) -> Asked {
        let (answered, answers) = crossbeam_channel::unbounded();
        let reply: Reply = Arc::new(move |answer| drop(answered.send(answer)));
        let mut state = self.state.lock();
        let released = state.released;
        let (what, at) = match question.what {
            Wanted::Now => (ReadWhat::Snapshot(released), released),
            Wanted::AsOf(tick) => (ReadWhat::Snapshot(tick), tick),
            Wanted::ChangesAfter(after) => (ReadWhat::Changes { after, upto: released }, released),
            Wanted::ChangesFromNow => (ReadWhat::Changes { after: released, upto: released }, released),
        };
        if question.follow {
            state.followers[question.view] += 1;
        }
        state.send_all(|| {
            Command::Read(Read {
                view: question.view,
                what,
                follow: question.follow,
                filter: question.filter.clone(),
                reply: reply.clone(),
            })
        });
        Asked { at, answers }
    }

    /// One reader fewer follows a view.
    pub(crate) fn unfollow(&self, view: usize) {
        let mut state = self.state.lock();
        state.followers[view] = state.followers[view].saturating_sub(1);
        if state.followers[view] == 0 {
            state.send_all(|| Command::Unfollow(view));
        }
    }

    /// The last tick that was released.
    pub(crate) fn released(&self) -> Tick {
        self.state.lock().released
    }
}

/// Splits a batch evenly; a small one goes to one worker, each time to the next.
fn share_out<R>(mut events: Vec<Upsert<Key, R>>, shares: &mut [Release<R>], first: usize) {
    let count = shares.len();
    if count == 1 || events.len() < SHARED_ROWS_MIN {
        shares[first % count].events.push(events);
        return;
    }
    let size = events.len().div_ceil(count);
    for share in shares.iter_mut().rev() {
        let part = events.split_off(events.len() - size.min(events.len()));
        share.events.push(part);
    }
}

impl<R> State<R> {
    fn send_all(&self, command: impl Fn() -> Command<R>) {
        self.workers.iter().for_each(|worker| worker.send(command()));
    }
}
