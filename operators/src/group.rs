//! One key's rows, read from an arrangement, before and after a tick.
//!
//! This is the step that [`derive`](crate::derive), views and their subscribers share: for each key that a batch
//! touches, read its updates once from the trace and show its contents before and at each tick of the batch.

use std::ops::Range;

use differential_dataflow::trace::{BatchReader, Cursor, Navigable, TraceReader};

use crate::arrangement::{Batch, Data, Difference, Key, Tick, Trace};

/// The contents of one key at one tick: its values and how many times each is there.
pub type Group<'a, 'b, V, R> = &'b [(&'a V, R)];

/// The updates of one key, its values in their order and each value's ticks together.
pub struct History<'a, V, R> {
    updates: Vec<(&'a V, Tick, R)>,
    group: Vec<(&'a V, R)>,
    ticks: Vec<Tick>,
}

impl<'a, V: Data, R: Difference> History<'a, V, R> {
    /// A history to be filled and reused.
    pub fn new() -> Self {
        History { updates: Vec::new(), group: Vec::new(), ticks: Vec::new() }
    }

    /// Reads the history of `key`: empty where the key is not there. Keys are asked for in their order.
    pub(crate) fn seek<K: Key, C>(&mut self, cursor: &mut C, storage: &'a C::Storage, key: &K)
    where
        C: for<'b> Cursor<Key<'b> = &'b K, Val<'b> = &'b V, Time = Tick, Diff = R>,
    {
        self.updates.clear();
        cursor.seek_key(storage, key);
        if cursor.get_key(storage) == Some(key) {
            self.read(cursor, storage);
        }
    }

    /// Reads the history of the key at which the cursor stands.
    pub(crate) fn read<C>(&mut self, cursor: &mut C, storage: &'a C::Storage)
    where
        C: for<'b> Cursor<Val<'b> = &'b V, Time = Tick, Diff = R>,
    {
        self.updates.clear();
        while let Some(value) = cursor.get_val(storage) {
            cursor.map_times(storage, |tick, diff| {
                self.updates.push((value, C::owned_time(tick), C::owned_diff(diff)));
            });
            cursor.step_val(storage);
        }
    }

    /// The key's contents at `tick`, what happened at `tick` included.
    pub fn at(&mut self, tick: Tick) -> Group<'a, '_, V, R> {
        self.accumulate(|time| time <= tick)
    }

    /// The key's contents just before `tick`.
    pub fn before(&mut self, tick: Tick) -> Group<'a, '_, V, R> {
        self.accumulate(|time| time < tick)
    }

    /// What changed at `tick`.
    pub(crate) fn changes_at(&mut self, tick: Tick) -> Group<'a, '_, V, R> {
        self.accumulate(|time| time == tick)
    }

    /// The ticks, in order, at which this key changed within `(after, upto]`.
    pub fn ticks_within(&mut self, after: Option<Tick>, upto: Tick) -> &[Tick] {
        self.ticks.clear();
        let within = |tick: &Tick| after.is_none_or(|after| *tick > after) && *tick <= upto;
        self.ticks.extend(self.updates.iter().map(|(_, tick, _)| *tick).filter(within));
        self.ticks.sort_unstable();
        self.ticks.dedup();
        &self.ticks
    }

    fn accumulate(&mut self, included: impl Fn(Tick) -> bool) -> Group<'a, '_, V, R> {
        self.group.clear();
        for (value, tick, diff) in &self.updates {
            if !included(*tick) {
                continue;
            }
            match self.group.last_mut() {
                Some((last, total)) if std::ptr::eq(*last, *value) || *last == *value => total.plus_equals(diff),
                _ => self.group.push((value, diff.clone())),
            }
        }
        self.group.retain(|(_, total)| !total.is_zero());
        &self.group
    }
}

impl<V: Data, R: Difference> Default for History<'_, V, R> {
    fn default() -> Self {
        Self::new()
    }
}

/// Visits each key that `batch` touches, with its history up to and including the batch.
pub fn visit_changed<K: Key, V: Data, R: Difference>(
    trace: &mut Trace<K, V, R>,
    batch: &Batch<K, V, R>,
    mut visit: impl FnMut(&K, &mut History<'_, V, R>),
) {
    let (mut trace_cursor, storage) = trace.cursor();
    let mut batch_cursor = batch.cursor();
    let mut history = History::new();
    while let Some(key) = batch_cursor.get_key(batch) {
        trace_cursor.seek_key(&storage, key);
        if trace_cursor.get_key(&storage) == Some(key) {
            history.read(&mut trace_cursor, &storage);
            visit(key, &mut history);
        }
        batch_cursor.step_key(batch);
    }
}

/// Visits each key that `batch` touches within some ticks, with the batch's own updates of the key and their ticks.
pub(crate) fn visit_batch<'a, K: Key, V: Data, R: Difference>(
    batch: &'a Batch<K, V, R>,
    within: Range<Tick>,
    mut visit: impl FnMut(&'a K, &mut History<'a, V, R>, &[Tick]),
) {
    let mut cursor = batch.cursor();
    let mut changed = History::new();
    while let Some(key) = cursor.get_key(batch) {
        changed.read(&mut cursor, batch);
        let ticks = changed.ticks_within(within.start.checked_sub(1), within.end.saturating_sub(1)).to_vec();
        if !ticks.is_empty() {
            visit(key, &mut changed, &ticks);
        }
        cursor.step_key(batch);
    }
}

/// Visits every key of an arrangement with its history.
pub fn visit_all<K: Key, V: Data, R: Difference>(
    trace: &mut Trace<K, V, R>,
    mut visit: impl FnMut(&K, &mut History<'_, V, R>),
) {
    let (mut cursor, storage) = trace.cursor();
    let mut history = History::new();
    while let Some(key) = cursor.get_key(&storage) {
        history.read(&mut cursor, &storage);
        visit(key, &mut history);
        cursor.step_key(&storage);
    }
}

/// The first and the last tick that a batch can hold.
pub fn ticks_of<B: BatchReader<Time = Tick>>(batch: &B) -> (Tick, Tick) {
    let lower = batch.lower().elements().first().copied().unwrap_or(Tick::MAX);
    let upper = batch.upper().elements().first().copied().unwrap_or(Tick::MAX);
    (lower, upper.saturating_sub(1))
}
