//! One key's rows, read from an arrangement, before and after a tick.
//!
//! This is the step that [`derive`](crate::derive), views and their subscribers share: for each key that a batch
//! touches, read its updates once from the trace and show its contents before and at each tick of the batch.

use std::collections::BTreeSet;
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
        #[cfg(test)]
        cost::read(self.updates.len());
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
    if is_whole(trace, batch) {
        return visit_keys(&mut batch.cursor(), batch, visit);
    }
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

/// Whether the batch is all that the trace holds: as after a first load, which is then read without a detour.
fn is_whole<K: Key, V: Data, R: Difference>(trace: &Trace<K, V, R>, batch: &Batch<K, V, R>) -> bool {
    let (mut others, mut found) = (0, false);
    trace.map_batches(|other| {
        let is_same = other.len() == batch.len() && other.upper() == batch.upper();
        found |= is_same;
        others += usize::from(!is_same && !other.is_empty());
    });
    found && others == 0
}

fn visit_keys<'a, K: Key, V: Data, R: Difference, C>(
    cursor: &mut C,
    storage: &'a C::Storage,
    mut visit: impl FnMut(&K, &mut History<'a, V, R>),
) where
    C: for<'b> Cursor<Key<'b> = &'b K, Val<'b> = &'b V, Time = Tick, Diff = R>,
{
    let mut history = History::new();
    while let Some(key) = cursor.get_key(storage) {
        history.read(cursor, storage);
        visit(key, &mut history);
        cursor.step_key(storage);
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

/// Visits the updates of a batch, without reading the trace.
pub(crate) fn visit_updates<K: Key, V: Data, R: Difference>(
    batch: &Batch<K, V, R>,
    mut visit: impl FnMut(&V, Tick, R),
) {
    let mut cursor = batch.cursor();
    while cursor.key_valid(batch) {
        while let Some(value) = cursor.get_val(batch) {
            cursor.map_times(batch, |tick, diff| visit(value, *tick, diff.clone()));
            cursor.step_val(batch);
        }
        cursor.step_key(batch);
    }
}

/// Visits every key of an arrangement with its history.
pub fn visit_all<K: Key, V: Data, R: Difference>(
    trace: &mut Trace<K, V, R>,
    visit: impl FnMut(&K, &mut History<'_, V, R>),
) {
    let (mut cursor, storage) = trace.cursor();
    visit_keys(&mut cursor, &storage, visit);
}

/// Visits the keys after `after` with their histories, as long as `visit` says to go on.
pub fn visit_after<K: Key, V: Data, R: Difference>(
    trace: &mut Trace<K, V, R>,
    after: Option<&K>,
    mut visit: impl FnMut(&K, &mut History<'_, V, R>) -> bool,
) {
    let (mut cursor, storage) = trace.cursor();
    if let Some(after) = after {
        cursor.seek_key(&storage, after);
        if cursor.get_key(&storage) == Some(after) {
            cursor.step_key(&storage);
        }
    }
    let mut history = History::new();
    while let Some(key) = cursor.get_key(&storage) {
        history.read(&mut cursor, &storage);
        if !visit(key, &mut history) {
            return;
        }
        cursor.step_key(&storage);
    }
}

/// Visits keys with their histories in two arrangements: those that are asked for, in their order, or all keys of the
/// left one. The right one may have nothing of a key.
pub fn visit_both<K: Key, V: Data, R: Difference, W: Data, S: Difference>(
    left: &mut Trace<K, V, R>,
    right: &mut Trace<K, W, S>,
    keys: Option<&BTreeSet<K>>,
    mut visit: impl FnMut(&K, &mut History<'_, V, R>, &mut History<'_, W, S>),
) {
    let (mut left_cursor, left_storage) = left.cursor();
    let (mut right_cursor, right_storage) = right.cursor();
    let (mut of_left, mut of_right) = (History::new(), History::new());
    if let Some(keys) = keys {
        for key in keys {
            of_left.seek(&mut left_cursor, &left_storage, key);
            of_right.seek(&mut right_cursor, &right_storage, key);
            visit(key, &mut of_left, &mut of_right);
        }
        return;
    }
    while let Some(key) = left_cursor.get_key(&left_storage) {
        of_left.read(&mut left_cursor, &left_storage);
        of_right.seek(&mut right_cursor, &right_storage, key);
        visit(key, &mut of_left, &mut of_right);
        left_cursor.step_key(&left_storage);
    }
}

/// The keys that a batch touches.
pub fn keys_of<K: Key, V: Data, R: Difference>(batch: &Batch<K, V, R>) -> Vec<K> {
    let (mut cursor, mut keys) = (batch.cursor(), Vec::new());
    while let Some(key) = cursor.get_key(batch) {
        keys.push(key.clone());
        cursor.step_key(batch);
    }
    keys
}

/// The first and the last tick that a batch can hold.
pub fn ticks_of<B: BatchReader<Time = Tick>>(batch: &B) -> (Tick, Tick) {
    let lower = batch.lower().elements().first().copied().unwrap_or(Tick::MAX);
    let upper = batch.upper().elements().first().copied().unwrap_or(Tick::MAX);
    (lower, upper.saturating_sub(1))
}

/// What reading costs, for tests that assert it.
#[cfg(test)]
pub(crate) mod cost {
    use std::cell::Cell;

    use differential_dataflow::input::InputSession;
    use timely::dataflow::operators::probe::Handle;

    use crate::arrangement::{Collection, Data, Tick};
    use crate::testing::{Changes, by_tick, collect};

    thread_local! {
        static UPDATES_READ: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts updates that were read.
    pub(crate) fn read(count: usize) {
        UPDATES_READ.with(|read| read.set(read.get() + count));
    }

    /// How many updates this thread has read since it was last asked.
    pub(crate) fn updates_read() -> usize {
        UPDATES_READ.with(|read| read.replace(0))
    }

    /// Runs a dataflow tick by tick; gives the output of each tick and how many updates were read for it.
    pub(crate) fn by_tick_of<D: Data + Sync, O: Data + Send>(
        ticks: Vec<Changes<D>>,
        graph: impl for<'s> Fn(Collection<'s, D>) -> Collection<'s, O> + Send + Sync + 'static,
    ) -> Vec<(Changes<O>, usize)> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let count = ticks.len();
        let read = timely::execute_directly(move |worker| {
            let mut input = InputSession::<Tick, D, isize>::new();
            let probe = Handle::new();
            worker.dataflow(|scope| collect(graph(input.to_collection(scope)), &probe, sender));
            let mut feed = |(tick, changes): (Tick, Changes<D>)| {
                input.advance_to(tick);
                changes.into_iter().for_each(|(row, diff)| input.update(row, diff));
                input.advance_to(tick + 1);
                input.flush();
                updates_read();
                worker.step_while(|| probe.less_than(input.time()));
                updates_read()
            };
            (1..).zip(ticks).map(&mut feed).collect::<Vec<_>>()
        });
        by_tick(count, receiver).into_iter().zip(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use differential_dataflow::input::InputSession;
    use proptest::prelude::*;
    use timely::dataflow::channels::pact::Pipeline;
    use timely::dataflow::operators::generic::Operator;
    use timely::dataflow::operators::probe::Probe;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::testing::{Changes, total};

    type Row = (u8, u8);

    /// Runs `check` on the trace of an arrangement whose past is all kept, and on the batches that led to it.
    fn with_history(
        ticks: Vec<Changes<Row>>,
        check: impl FnOnce(&mut Trace<u8, u8>, &[Batch<u8, u8>]) + Send + Sync + 'static,
    ) {
        timely::execute_directly(move |worker| {
            let batches = Rc::new(RefCell::new(Vec::new()));
            let seen = Rc::clone(&batches);
            let mut input = InputSession::<Tick, Row, isize>::new();
            let (mut trace, probe) = worker.dataflow(|scope| {
                let arranged = arrange(input.to_collection(scope), "rows");
                let sink = arranged.stream.unary::<timely::container::CapacityContainerBuilder<Vec<()>>, _, _, _>(
                    Pipeline,
                    "batches",
                    |_, _| move |input, _output| input.for_each(|_, batches| seen.borrow_mut().append(batches)),
                );
                (arranged.trace, sink.probe().0)
            });
            for (tick, changes) in (1..).zip(&ticks) {
                input.advance_to(tick);
                changes.iter().for_each(|(row, diff)| input.update(*row, *diff));
                input.advance_to(tick + 1);
                input.flush();
                worker.step_while(|| probe.less_than(input.time()));
            }
            check(&mut trace, &batches.borrow());
        });
    }

    fn rows_at(
        trace: &mut Trace<u8, u8>,
        contents: impl Fn(&mut History<'_, u8, isize>) -> Vec<(u8, isize)>,
    ) -> Changes<Row> {
        let mut rows = Vec::new();
        visit_all(trace, |key, history| {
            rows.extend(contents(history).into_iter().map(|(value, count)| ((*key, value), count)))
        });
        rows
    }

    fn owned(group: Group<'_, '_, u8, isize>) -> Vec<(u8, isize)> {
        group.iter().map(|(value, count)| (**value, *count)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn a_history_shows_each_key_before_and_at_every_tick(ticks in churn::churn((0..4u8, 0..4u8))) {
            with_history(ticks.clone(), move |trace, batches| {
                for tick in 1..=ticks.len() {
                    let expected = total(&ticks[..tick]);
                    assert_eq!(rows_at(trace, |history| owned(history.at(tick as Tick))), expected);
                    assert_eq!(rows_at(trace, |history| owned(history.before(tick as Tick + 1))), expected);
                    let changed = total(&ticks[tick - 1..tick]);
                    assert_eq!(rows_at(trace, |history| owned(history.changes_at(tick as Tick))), changed);
                }
                for batch in batches {
                    let (_, tick) = ticks_of(batch);
                    let mut keys: Vec<u8> = total(&ticks[tick as usize - 1..tick as usize]).iter().map(|((key, _), _)| *key).collect();
                    keys.dedup();
                    let mut visited = Vec::new();
                    visit_changed(trace, batch, |key, history| {
                        assert_eq!(history.ticks_within(Some(tick - 1), tick), [tick]);
                        visited.push(*key);
                    });
                    assert_eq!(visited, keys, "only the keys that changed");
                }
            });
        }
    }
}
