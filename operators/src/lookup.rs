//! `lookup`: rows with what a reference says about their key.
//!
//! Input      two arrangements by the same key: the rows, and the reference (at most a few values a key).
//! Output     [`lookup`]: a row for each value found. [`lookup_left`]: the same, and a row whose key has no reference
//!            once, with `None`, until a reference comes.
//! Update     O(matches): a changed row looks up its key, a changed reference visits the rows of its key.
//! Order      independent of arrival order; a row and its reference may come in either order or in the same tick.
//! Bounds     no state but the two arrangements. Rows of one key are on one worker, however many they are.
//!
//! # Example
//! ```
//! use operators::{arrange, lookup::lookup_left, testing};
//! let outputs = testing::run(
//!     vec![
//!         vec![((*b"ES", 't', 1), 1)],  // a trade of one contract, and no multiplier known
//!         vec![((*b"ES", 'm', 50), 1)],
//!     ],
//!     |input| {
//!         let of = |kind| move |row: ([u8; 2], char, i64)| (row.1 == kind).then_some((row.0, row.2));
//!         let trades = arrange(input.clone().flat_map(of('t')), "trades");
//!         let multipliers = arrange(input.flat_map(of('m')), "multipliers");
//!         lookup_left(&trades, &multipliers, "multiplied", |key, count, by| (*key, by.map(|by| by * count)))
//!     },
//! );
//! assert_eq!(outputs, vec![vec![((*b"ES", None), 1)], vec![((*b"ES", None), -1), ((*b"ES", Some(50)), 1)]]);
//! ```

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::trace::{Cursor, TraceReader};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::dataflow::operators::generic::Operator;
use timely::progress::frontier::AntichainRef;

use crate::arrangement::{Arranged, Batch, Collection, Data, Key, Tick, compact};
use crate::group::{Group, History, ticks_of, visit_batch};

/// Rows that have a reference, with each value found: `logic(key, row, value)`.
pub fn lookup<'scope, K: Key, D: Data, V: Data, O: Data>(
    rows: &Arranged<'scope, K, D>,
    reference: &Arranged<'scope, K, V>,
    name: &str,
    mut logic: impl FnMut(&K, &D, &V) -> O + 'static,
) -> Collection<'scope, O> {
    answer(rows, reference, name, move |key, row, count, values, out| {
        out.extend(values.iter().map(|(value, times)| (logic(key, row, value), count * times)));
    })
}

/// Like [`lookup`], and rows that have no reference once, with `None`.
pub fn lookup_left<'scope, K: Key, D: Data, V: Data, O: Data>(
    rows: &Arranged<'scope, K, D>,
    reference: &Arranged<'scope, K, V>,
    name: &str,
    mut logic: impl FnMut(&K, &D, Option<&V>) -> O + 'static,
) -> Collection<'scope, O> {
    answer(rows, reference, name, move |key, row, count, values, out| {
        if values.is_empty() {
            out.push((logic(key, row, None), count));
        }
        out.extend(values.iter().map(|(value, times)| (logic(key, row, Some(value)), count * times)));
    })
}

/// Keeps the answers of all rows, where `answers` gives those of one row, `count` times, from the values of its key.
fn answer<'scope, K: Key, D: Data, V: Data, O: Data>(
    rows: &Arranged<'scope, K, D>,
    reference: &Arranged<'scope, K, V>,
    name: &str,
    mut answers: impl FnMut(&K, &D, isize, Group<'_, '_, V, isize>, &mut Vec<(O, isize)>) + 'static,
) -> Collection<'scope, O> {
    let mut rows_trace = rows.trace.clone();
    let mut values_trace = reference.trace.clone();
    let rows_stream = rows.stream.clone();
    rows_stream
        .binary_frontier(reference.stream.clone(), Pipeline, Pipeline, name, |_capability, _info| {
            let mut rows_arrived = Arrived::new();
            let mut values_arrived = Arrived::new();
            let mut done = 0;
            let mut changes = Vec::new();
            move |(rows_input, rows_frontier), (values_input, values_frontier), output| {
                rows_input.for_each(|capability, batches| rows_arrived.add(&capability, batches));
                values_input.for_each(|capability, batches| values_arrived.add(&capability, batches));
                // Ticks that are complete on both sides.
                let upper = first_open(rows_frontier.frontier()).min(first_open(values_frontier.frontier()));
                if upper <= done {
                    return;
                }
                let (mut rows_cursor, rows_storage) = rows_trace.cursor();
                let (mut values_cursor, values_storage) = values_trace.cursor();
                let (mut rows, mut values) = (History::new(), History::new());

                // A row that changes, with the values that its key has after the tick ...
                for (capability, batch) in &rows_arrived.batches {
                    let mut session = output.session(capability);
                    visit_batch(batch, done..upper, |key, changed, ticks| {
                        values.seek(&mut values_cursor, &values_storage, key);
                        for tick in ticks {
                            let now = values.at(*tick);
                            for (row, diff) in changed.changes_at(*tick) {
                                answers(key, row, *diff, now, &mut changes);
                            }
                            consolidate(&mut changes);
                            session.give_iterator(changes.drain(..).map(|(row, diff)| (row, *tick, diff)));
                        }
                    });
                    values_cursor.rewind_keys(&values_storage);
                }
                // ... and values that change, with the rows that their key had before it.
                for (capability, batch) in &values_arrived.batches {
                    let mut session = output.session(capability);
                    visit_batch(batch, done..upper, |key, _changed, ticks| {
                        rows.seek(&mut rows_cursor, &rows_storage, key);
                        values.seek(&mut values_cursor, &values_storage, key);
                        for tick in ticks {
                            let rows = rows.before(*tick);
                            let before = values.before(*tick);
                            rows.iter().for_each(|(row, count)| answers(key, row, -count, before, &mut changes));
                            let now = values.at(*tick);
                            rows.iter().for_each(|(row, count)| answers(key, row, *count, now, &mut changes));
                            consolidate(&mut changes);
                            session.give_iterator(changes.drain(..).map(|(row, diff)| (row, *tick, diff)));
                        }
                    });
                    rows_cursor.rewind_keys(&rows_storage);
                    values_cursor.rewind_keys(&values_storage);
                }

                rows_arrived.retire(upper);
                values_arrived.retire(upper);
                compact(&mut rows_trace, AntichainRef::new(&[upper]));
                compact(&mut values_trace, AntichainRef::new(&[upper]));
                done = upper;
            }
        })
        .as_collection()
}

/// Batches that have arrived and are not done with, each with the right to send what follows from it.
struct Arrived<K: Key, V: Data> {
    batches: Vec<(Capability<Tick>, Batch<K, V>)>,
}

impl<K: Key, V: Data> Arrived<K, V> {
    fn new() -> Self {
        Arrived { batches: Vec::new() }
    }

    fn add(&mut self, capability: &InputCapability<Tick>, batches: &mut Vec<Batch<K, V>>) {
        self.batches.extend(batches.drain(..).map(|batch| (capability.retain(0), batch)));
    }

    /// Lets go of the batches that end before `upper`, and of the right to send before it.
    fn retire(&mut self, upper: Tick) {
        self.batches.retain_mut(|(capability, batch)| {
            let open = ticks_of(batch).1 >= upper;
            if open {
                capability.downgrade(&upper.max(*capability.time()));
            }
            open
        });
    }
}

/// The first tick at which something may still come.
fn first_open(frontier: AntichainRef<'_, Tick>) -> Tick {
    frontier.first().copied().unwrap_or(Tick::MAX)
}
