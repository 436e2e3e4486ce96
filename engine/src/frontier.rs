//! How far the workers are, and how much still waits for them.

use operators::Tick;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

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

    pub(crate) fn set(&self, tick: Tick) {
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
