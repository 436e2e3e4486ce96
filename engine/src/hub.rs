//! The hub: joins what the workers report, and hands each complete tick to those who follow a view.
//!
//! A tick is complete when every worker's frontier has passed it. Its changes are consolidated then, once, so that what
//! readers get does not depend on how the work was spread. The worker that completes a tick hands it over: a thread for
//! that alone would be one more to wake for each tick.

use std::collections::BTreeMap;
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use operators::Tick;
use parking_lot::Mutex;

use crate::frontier::Frontier;
use crate::mailbox::Mailboxes;
use crate::metrics::Metrics;
use crate::view::{Change, Rows};

/// Where workers report to.
pub struct Hub {
    state: Mutex<State>,
    /// Held by the worker that hands over. Taken before `state` is let go, so that ticks are handed over in their order.
    turn: Mutex<()>,
    frontier: Arc<Frontier>,
    mailboxes: Arc<Mailboxes>,
    metrics: Metrics,
}

struct State {
    frontiers: Vec<Tick>,
    complete: Tick,
    pending: BTreeMap<(Tick, usize), Rows>,
}

impl Hub {
    /// A hub of this many workers.
    pub fn new(workers: usize, frontier: Arc<Frontier>, mailboxes: Arc<Mailboxes>, metrics: Metrics) -> Self {
        let state = State { frontiers: vec![0; workers], complete: 0, pending: BTreeMap::new() };
        Hub { state: Mutex::new(state), turn: Mutex::new(()), frontier, mailboxes, metrics }
    }

    /// A worker says that every tick before `frontier` is complete with it, and what has changed in the views that are
    /// followed.
    pub fn report(&self, worker: usize, frontier: Tick, changes: Vec<Change>) {
        let mut state = self.state.lock();
        state.frontiers[worker] = frontier;
        for change in changes {
            state.pending.entry((change.tick, change.view)).or_default().push((change.row, change.diff));
        }
        let complete = state.frontiers.iter().copied().min().unwrap_or(0);
        if complete <= state.complete {
            return;
        }
        state.complete = complete;
        let later = state.pending.split_off(&(complete, 0));
        let completed = std::mem::replace(&mut state.pending, later);
        let _turn = self.turn.lock();
        drop(state);
        for ((tick, view), mut rows) in completed {
            consolidate(&mut rows);
            self.mailboxes.deliver(view, tick, rows);
        }
        self.metrics.ticks_end(complete);
        self.mailboxes.progress(complete);
        self.frontier.set(complete);
    }
}
