//! Gives commands to the workers: all of them the same ones, in the same order.

use std::sync::Arc;
use std::thread::Thread;

use crossbeam_channel::{Receiver, Sender};
use operators::Tick;
use operators::upsert::Upsert;
use parking_lot::Mutex;

use crate::error::EngineError;
use crate::hub::RowFilter;
use crate::row::Key;
use crate::worker::{Answer, Command, Read, ReadWhat, SystemRow};

/// The way to the workers.
pub struct Releaser<R>(Mutex<State<R>>);

struct State<R> {
    workers: Vec<(Sender<Command<R>>, Thread)>,
    released: Tick,
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
}

/// The answers to come, and the tick that they are about.
pub(crate) struct Asked {
    pub at: Tick,
    pub answers: Receiver<Result<Answer, EngineError>>,
}

impl<R> Releaser<R> {
    /// The way to these workers, which hold `views` views.
    pub fn new(workers: Vec<(Sender<Command<R>>, Thread)>, views: usize) -> Self {
        Releaser(Mutex::new(State { workers, released: 0, followers: vec![0; views] }))
    }

    /// Gives a tick its input, spread over the workers.
    pub fn release(&self, tick: Tick, mut events: Vec<Upsert<Key, R>>, system: Vec<SystemRow>) {
        let mut state = self.0.lock();
        let count = state.workers.len();
        let share = events.len().div_ceil(count);
        let mut system = Some(system);
        for (index, (sender, thread)) in state.workers.iter().enumerate() {
            let part = if index + 1 == count { std::mem::take(&mut events) } else { events.split_off(events.len() - share.min(events.len())) };
            let system = system.take().unwrap_or_default();
            // A worker that has gone is noticed by whoever waits for its frontier.
            let _ = sender.send(Command::Release { tick, events: part, system });
            thread.unpark();
        }
        state.released = tick;
    }

    /// Says that nothing comes up to and including `tick` any more.
    pub fn advance(&self, tick: Tick) {
        let mut state = self.0.lock();
        state.send_all(|| Command::Advance(tick + 1));
        state.released = state.released.max(tick);
    }

    /// Stops the workers.
    pub fn stop(&self) {
        self.0.lock().send_all(|| Command::Stop);
    }

    /// Asks all workers about a view, between two ticks.
    pub(crate) fn ask(&self, question: &Question) -> Asked {
        let (reply, answers) = crossbeam_channel::unbounded();
        let mut state = self.0.lock();
        let released = state.released;
        let (what, at) = match question.what {
            Wanted::Now => (ReadWhat::Snapshot(released), released),
            Wanted::AsOf(tick) => (ReadWhat::Snapshot(tick), tick),
            Wanted::ChangesAfter(after) => (ReadWhat::Changes { after, upto: released }, released),
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
    pub fn unfollow(&self, view: usize) {
        let mut state = self.0.lock();
        state.followers[view] = state.followers[view].saturating_sub(1);
        if state.followers[view] == 0 {
            state.send_all(|| Command::Unfollow(view));
        }
    }

    /// The last tick that was released.
    pub fn released(&self) -> Tick {
        self.0.lock().released
    }
}

impl<R> State<R> {
    fn send_all(&self, command: impl Fn() -> Command<R>) {
        for (sender, thread) in &self.workers {
            let _ = sender.send(command());
            thread.unpark();
        }
    }
}

/// Shared by all who give commands.
pub type SharedReleaser<R> = Arc<Releaser<R>>;
