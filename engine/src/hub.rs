//! The hub: joins what the workers report, and hands each complete tick to those who follow a view.
//!
//! A tick is complete when every worker's frontier has passed it. Its changes are consolidated then, once, so that what
//! readers get does not depend on how the work was spread.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use differential_dataflow::consolidation::consolidate;
use operators::Tick;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::error::{EngineError, ErrorKind};
use crate::metrics::Metrics;
use crate::row::Row;
use crate::view::Rows;
use crate::worker::Report;

/// Which rows a reader wants.
pub type RowFilter = Arc<dyn Fn(&Row) -> bool + Send + Sync>;

/// The bound on what waits for a slow reader: beyond it the pending ticks are consolidated, and if they are still too
/// many the reader is told to resume.
pub const PENDING_ROWS_MAX: usize = 200_000;

/// How far the engine is: every tick before the frontier is complete on all workers.
#[derive(Default)]
pub struct Frontier {
    tick: Mutex<Tick>,
    moved: Condvar,
    notify: Notify,
}

impl Frontier {
    /// Where it is.
    pub fn get(&self) -> Tick {
        *self.tick.lock()
    }

    /// Waits until it has reached `tick` or `timeout` has passed; gives where it is then.
    pub fn wait_for(&self, tick: Tick, timeout: std::time::Duration) -> Tick {
        let deadline = std::time::Instant::now() + timeout;
        let mut current = self.tick.lock();
        while *current < tick && !self.moved.wait_until(&mut current, deadline).timed_out() {}
        *current
    }

    /// Waits, without holding a thread, until it has reached `tick`.
    pub async fn reached(&self, tick: Tick) {
        loop {
            let moved = self.notify.notified();
            if self.get() >= tick {
                return;
            }
            moved.await;
        }
    }

    fn set(&self, tick: Tick) {
        *self.tick.lock() = tick;
        self.moved.notify_all();
        self.notify.notify_waiters();
    }
}

/// How many rows have been given to the workers and not been taken by them yet: what keeps memory bounded while a tick is
/// open, and no frontier moves.
#[derive(Default)]
pub struct Backlog {
    rows: Mutex<usize>,
    shrunk: Condvar,
}

impl Backlog {
    /// Rows are given.
    pub fn add(&self, rows: usize) {
        *self.rows.lock() += rows;
    }

    /// Rows are taken.
    pub fn remove(&self, rows: usize) {
        let mut waiting = self.rows.lock();
        *waiting = waiting.saturating_sub(rows);
        self.shrunk.notify_all();
    }

    /// Waits until at most `rows` wait, or `timeout` has passed; says whether they do.
    pub fn wait_for(&self, rows: usize, timeout: std::time::Duration) -> bool {
        let mut waiting = self.rows.lock();
        *waiting <= rows || {
            self.shrunk.wait_for(&mut waiting, timeout);
            *waiting <= rows
        }
    }
}

/// What waits for one reader.
pub struct Mailbox {
    pub(crate) view: usize,
    pub(crate) filter: Option<RowFilter>,
    state: Mutex<Pending>,
    arrived: Notify,
}

#[derive(Default)]
struct Pending {
    ticks: VecDeque<(Tick, Rows)>,
    rows: usize,
    frontier: Tick,
    taken: Tick,
    failed: Option<EngineError>,
}

/// What a reader finds in its mailbox.
#[derive(Debug, PartialEq, Eq)]
pub enum Mail {
    /// What changed at a tick.
    Changes(Tick, Rows),
    /// Every tick before this has been given.
    Frontier(Tick),
}

impl Mailbox {
    /// An empty mailbox for the rows of `view` that pass the filter.
    pub fn new(view: usize, filter: Option<RowFilter>) -> Self {
        Mailbox { view, filter, state: Mutex::default(), arrived: Notify::new() }
    }

    /// Says that the reader has everything before `frontier` already.
    pub fn start_at(&self, frontier: Tick) {
        let mut state = self.state.lock();
        state.taken = state.taken.max(frontier);
        while state.ticks.front().is_some_and(|(tick, _)| *tick < frontier) {
            let dropped = state.ticks.pop_front().map_or(0, |(_, rows)| rows.len());
            state.rows -= dropped;
        }
    }

    fn deliver(&self, tick: Tick, rows: Rows) {
        let mut state = self.state.lock();
        if tick < state.taken || state.failed.is_some() {
            return;
        }
        state.rows += rows.len();
        state.ticks.push_back((tick, rows));
        // One large tick that waits alone says nothing about the reader.
        if state.rows > PENDING_ROWS_MAX && state.ticks.len() > 1 {
            state.squeeze();
        }
    }

    fn progress(&self, frontier: Tick) {
        self.state.lock().frontier = frontier;
        self.arrived.notify_one();
    }

    /// Ends the mailbox: what waits is still given, then the error.
    pub fn fail(&self, error: EngineError) {
        self.state.lock().failed.get_or_insert(error);
        self.arrived.notify_one();
    }

    /// Waits for the next mail.
    pub async fn next(&self) -> Result<Mail, EngineError> {
        loop {
            if let Some(mail) = self.try_next()? {
                return Ok(mail);
            }
            self.arrived.notified().await;
        }
    }

    fn try_next(&self) -> Result<Option<Mail>, EngineError> {
        let mut state = self.state.lock();
        if let Some((tick, rows)) = state.ticks.pop_front() {
            state.rows -= rows.len();
            state.taken = tick + 1;
            return Ok(Some(Mail::Changes(tick, rows)));
        }
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        if state.frontier > state.taken {
            state.taken = state.frontier;
            return Ok(Some(Mail::Frontier(state.frontier)));
        }
        Ok(None)
    }
}

impl Pending {
    /// The reader is slow: gives it the net change up to the last tick instead of each tick's own, and if that is still
    /// too much, ends it with the tick to resume from.
    fn squeeze(&mut self) {
        let Some(last) = self.ticks.back().map(|(tick, _)| *tick) else { return };
        let mut rows: Rows = self.ticks.drain(..).flat_map(|(_, rows)| rows).collect();
        consolidate(&mut rows);
        self.rows = rows.len();
        if self.rows <= PENDING_ROWS_MAX / 2 {
            self.ticks.push_back((last, rows));
            return;
        }
        self.rows = 0;
        let resume = self.taken.saturating_sub(1);
        let what = format!("the reader is too slow: more than {} changed rows wait for it", PENDING_ROWS_MAX / 2);
        let help = format!("resume with from_tick = {resume}, read faster, or set a filter");
        self.failed = Some(EngineError::new(ErrorKind::Exhausted, what, help));
    }
}

/// The mailboxes of all readers, by view.
#[derive(Default)]
pub struct Mailboxes(Mutex<Vec<Arc<Mailbox>>>);

impl Mailboxes {
    /// Adds one.
    pub fn add(&self, mailbox: Arc<Mailbox>) {
        self.0.lock().push(mailbox);
    }

    /// Removes one.
    pub fn remove(&self, mailbox: &Arc<Mailbox>) {
        self.0.lock().retain(|other| !Arc::ptr_eq(other, mailbox));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends all of them.
    pub fn fail_all(&self, error: &EngineError) {
        self.0.lock().iter().for_each(|mailbox| mailbox.fail(error.clone()));
    }

    fn deliver(&self, view: usize, tick: Tick, rows: &Rows) {
        for mailbox in self.0.lock().iter().filter(|mailbox| mailbox.view == view) {
            let wanted = |(row, _): &&(Row, isize)| mailbox.filter.as_ref().is_none_or(|filter| filter(row));
            let wanted: Rows = rows.iter().filter(wanted).cloned().collect();
            if !wanted.is_empty() {
                mailbox.deliver(tick, wanted);
            }
        }
    }

    fn progress(&self, frontier: Tick) {
        self.0.lock().iter().for_each(|mailbox| mailbox.progress(frontier));
    }
}

/// Joins the workers' reports until they end.
pub fn run(workers: usize, reports: &Receiver<Report>, frontier: &Frontier, mailboxes: &Mailboxes, metrics: &Metrics) {
    let mut frontiers = vec![0; workers];
    let mut pending: BTreeMap<(Tick, usize), Rows> = BTreeMap::new();
    for report in reports {
        frontiers[report.worker] = report.frontier;
        for change in report.changes {
            pending.entry((change.tick, change.view)).or_default().push((change.row, change.diff));
        }
        let complete = frontiers.iter().copied().min().unwrap_or(0);
        if complete <= frontier.get() {
            continue;
        }
        while let Some(entry) = pending.first_entry().filter(|entry| entry.key().0 < complete) {
            let ((tick, view), mut rows) = entry.remove_entry();
            consolidate(&mut rows);
            mailboxes.deliver(view, tick, &rows);
        }
        mailboxes.progress(complete);
        frontier.set(complete);
        metrics.ticks_end(complete);
    }
}
