//! `lookup`: rows with what a reference says about their key.
//!
//! Input      two arrangements by the same key: the rows, and the reference (at most a few values a key). The difference of
//!            rows is a count, or what they add up, as [`Sums`](crate::Sums).
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

use std::ops::Range;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::difference::{Abelian, Multiply};
use differential_dataflow::trace::TraceReader;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::progress::frontier::AntichainRef;

use crate::arrangement::{Arranged, Batch, Collection, Data, Difference, Key, Tick, Trace, compact};
use crate::arrived::{Arrived, first_open};
use crate::group::{Group, History, visit_batch};

/// The difference of rows: so much of it as there are values.
pub trait Counted: Difference + Abelian + Multiply<isize, Output = Self> {}
impl<R: Difference + Abelian + Multiply<isize, Output = Self>> Counted for R {}

/// Rows that have a reference, with each value found: `logic(key, row, value)`.
pub fn lookup<'scope, K: Key, D: Data, R: Counted, V: Data, O: Data>(
    rows: &Arranged<'scope, K, D, R>,
    reference: &Arranged<'scope, K, V>,
    name: &str,
    mut logic: impl FnMut(&K, &D, &V) -> O + 'static,
) -> Collection<'scope, O, R> {
    answer(rows, reference, name, move |key, row, count, values, out| {
        out.extend(values.iter().map(|(value, times)| (logic(key, row, value), count.clone().multiply(times))));
    })
}

/// Like [`lookup`], and rows that have no reference once, with `None`.
pub fn lookup_left<'scope, K: Key, D: Data, R: Counted, V: Data, O: Data>(
    rows: &Arranged<'scope, K, D, R>,
    reference: &Arranged<'scope, K, V>,
    name: &str,
    mut logic: impl FnMut(&K, &D, Option<&V>) -> O + 'static,
) -> Collection<'scope, O, R> {
    answer(rows, reference, name, move |key, row, count, values, out| {
        if values.is_empty() {
            out.push((logic(key, row, None), count.clone()));
        }
        out.extend(values.iter().map(|(value, times)| (logic(key, row, Some(value)), count.clone().multiply(times))));
    })
}

/// Keeps the answers of all rows, where `answers` gives those of one row, `count` times, from the values of its key.
fn answer<'scope, K: Key, D: Data, R: Counted, V: Data, O: Data>(
    rows: &Arranged<'scope, K, D, R>,
    reference: &Arranged<'scope, K, V>,
    name: &str,
    mut answers: impl FnMut(&K, &D, &R, Group<'_, '_, V, isize>, &mut Vec<(O, R)>) + 'static,
) -> Collection<'scope, O, R> {
    let mut rows_trace = rows.trace.clone();
    let mut values_trace = reference.trace.clone();
    let rows_stream = rows.stream.clone();
    rows_stream
        .binary_frontier(reference.stream.clone(), Pipeline, Pipeline, name, |_capability, _info| {
            let mut rows_arrived = Arrived::new();
            let mut values_arrived = Arrived::new();
            let mut done = 0;
            move |(rows_input, rows_frontier), (values_input, values_frontier), output| {
                rows_input.for_each(|capability, batches| rows_arrived.add(&capability, batches));
                values_input.for_each(|capability, batches| values_arrived.add(&capability, batches));
                // Ticks are taken when they are complete on both sides.
                let upper = first_open(rows_frontier.frontier()).min(first_open(values_frontier.frontier()));
                if upper <= done {
                    return;
                }
                for (capability, batch) in &rows_arrived.batches {
                    let mut session = output.session(capability);
                    let give = |update| session.give(update);
                    changed_rows(batch, done..upper, &mut values_trace, &mut answers, give);
                }
                for (capability, batch) in &values_arrived.batches {
                    let mut session = output.session(capability);
                    let give = |update| session.give(update);
                    changed_values(batch, done..upper, &mut rows_trace, &mut values_trace, &mut answers, give);
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

/// Rows that change, with the values that their key has after the tick.
fn changed_rows<K: Key, D: Data, R: Counted, V: Data, O: Data>(
    batch: &Batch<K, D, R>,
    within: Range<Tick>,
    values_trace: &mut Trace<K, V>,
    answers: &mut impl FnMut(&K, &D, &R, Group<'_, '_, V, isize>, &mut Vec<(O, R)>),
    mut give: impl FnMut((O, Tick, R)),
) {
    let (mut cursor, storage) = values_trace.cursor();
    let mut values = History::new();
    let mut changes = Vec::new();
    visit_batch(batch, within, |key, changed, ticks| {
        values.seek(&mut cursor, &storage, key);
        for tick in ticks {
            let now = values.at(*tick);
            changed.changes_at(*tick).iter().for_each(|(row, diff)| answers(key, row, diff, now, &mut changes));
            consolidate(&mut changes);
            changes.drain(..).for_each(|(row, diff)| give((row, *tick, diff)));
        }
    });
}

/// Values that change, with the rows that their key had before the tick.
fn changed_values<K: Key, D: Data, R: Counted, V: Data, O: Data>(
    batch: &Batch<K, V>,
    within: Range<Tick>,
    rows_trace: &mut Trace<K, D, R>,
    values_trace: &mut Trace<K, V>,
    answers: &mut impl FnMut(&K, &D, &R, Group<'_, '_, V, isize>, &mut Vec<(O, R)>),
    mut give: impl FnMut((O, Tick, R)),
) {
    let (mut rows_cursor, rows_storage) = rows_trace.cursor();
    let (mut values_cursor, values_storage) = values_trace.cursor();
    let (mut rows, mut values) = (History::new(), History::new());
    let mut changes = Vec::new();
    visit_batch(batch, within, |key, _changed, ticks| {
        rows.seek(&mut rows_cursor, &rows_storage, key);
        values.seek(&mut values_cursor, &values_storage, key);
        for tick in ticks {
            let rows = rows.before(*tick);
            let before = values.before(*tick);
            rows.iter().for_each(|(row, count)| answers(key, row, count, before, &mut changes));
            changes.iter_mut().for_each(|(_, diff)| diff.negate());
            let now = values.at(*tick);
            rows.iter().for_each(|(row, count)| answers(key, row, count, now, &mut changes));
            consolidate(&mut changes);
            changes.drain(..).for_each(|(row, diff)| give((row, *tick, diff)));
        }
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::sum_by::sum_by;
    use crate::sums::Sums;
    use crate::testing::{Changes, assert_incremental, differences, run, run_apart, sums_as_rows};

    /// (key, whether it is a reference, row or value)
    type Input = (u8, bool, u8);
    type Sides<'s, D> = (Arranged<'s, u8, D>, Arranged<'s, u8, D>);

    fn sides<'s, D: Data>(input: Collection<'s, (u8, bool, D)>) -> Sides<'s, D> {
        let of = |wanted| move |(key, is_reference, row)| (is_reference == wanted).then_some((key, row));
        (arrange(input.clone().flat_map(of(false)), "rows"), arrange(input.flat_map(of(true)), "reference"))
    }

    fn inner<'s>(input: Collection<'s, Input>) -> Collection<'s, (u8, u8, u8)> {
        let (rows, reference) = sides(input);
        lookup(&rows, &reference, "inner", |key, row, value| (*key, *row, *value))
    }

    fn left<'s>(input: Collection<'s, Input>) -> Collection<'s, (u8, u8, Option<u8>)> {
        let (rows, reference) = sides(input);
        lookup_left(&rows, &reference, "left", |key, row, value| (*key, *row, value.copied()))
    }

    /// Both sides, whose ticks are closed apart.
    fn left_apart(ticks: &[Changes<Input>]) -> Vec<Changes<(u8, u8, Option<u8>)>> {
        let side = |wanted| {
            let of = move |((key, is_reference, row), diff): &(Input, isize)| {
                (*is_reference == wanted).then_some(((*key, *row), *diff))
            };
            ticks.iter().map(|changes| changes.iter().filter_map(of).collect()).collect()
        };
        run_apart(side(false), side(true), |rows: Collection<'_, (u8, u8)>, values: Collection<'_, (u8, u8)>| {
            let (rows, values) = (arrange(rows, "rows"), arrange(values, "values"));
            lookup_left(&rows, &values, "left", |key, row, value| (*key, *row, value.copied()))
        })
    }

    fn left_of(input: &[(Input, isize)]) -> Changes<(u8, u8, Option<u8>)> {
        let mut found = Vec::new();
        for ((key, _, row), count) in input.iter().filter(|((_, is_reference, _), _)| !is_reference) {
            let values = input.iter().filter(|((other, is_reference, _), _)| *is_reference && other == key);
            let before = found.len();
            found.extend(values.map(|((.., value), times)| ((*key, *row, Some(*value)), count * times)));
            if found.len() == before {
                found.push(((*key, *row, None), *count));
            }
        }
        found
    }

    fn inner_of(input: &[(Input, isize)]) -> Changes<(u8, u8, u8)> {
        let found = left_of(input).into_iter();
        found.filter_map(|((key, row, value), count)| Some(((key, row, value?), count))).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn rows_carry_every_value_of_their_key(ticks in churn::churn((0..3u8, any::<bool>(), 0..3u8))) {
            assert_incremental(ticks, inner, |_, input| inner_of(input));
        }

        #[test]
        fn rows_without_a_value_carry_none(ticks in churn::churn((0..3u8, any::<bool>(), 0..3u8))) {
            assert_incremental(ticks, left, |_, input| left_of(input));
        }

        #[test]
        fn the_two_sides_may_close_their_ticks_apart(ticks in churn::churn((0..3u8, any::<bool>(), 0..3u8))) {
            assert_eq!(left_apart(&ticks), differences(&ticks, |_, input| left_of(input)));
        }
    }

    /// What the rows of a key add up to, and how many they are, for each value of the key.
    fn sums<'s>(input: Collection<'s, Input>) -> Collection<'s, (u8, u8, i128, i128)> {
        let (rows, reference) = sides(input);
        let sums = sum_by(rows.as_collection(|key, row| (*key, *row)), "sums", |(key, row)| {
            (*key, Sums([i128::from(*row), 1, 0, 0, 0, 0]))
        });
        let found = lookup(&sums, &reference, "sums", |key, (), value| ((*key, *value), ()));
        sums_as_rows(&arrange(found, "sums"), |(key, value), sums| (*key, *value, sums.0[0], sums.0[1]))
    }

    fn sums_of(input: &[(Input, isize)]) -> Changes<(u8, u8, i128, i128)> {
        let mut sums: BTreeMap<(u8, u8), (i128, i128)> = BTreeMap::new();
        for ((key, row, value), count) in inner_of(input) {
            let (sum, number) = sums.entry((key, value)).or_default();
            *sum += i128::from(row) * count as i128;
            *number += count as i128;
        }
        sums.into_iter().map(|((key, value), (sum, number))| ((key, value, sum, number), 1)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn sums_are_found_with_every_value_of_their_key(ticks in churn::churn((0..3u8, any::<bool>(), 0..3u8))) {
            assert_incremental(ticks, sums, |_, input| sums_of(input));
        }
    }

    #[test]
    fn a_change_answers_the_rows_that_it_matches() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let rows = (0..1000u16).map(|row| (((row % 100) as u8, false, row), 1)).collect();
        let values = (0..100u8).map(|key| ((key, true, 0), 1)).collect();
        let changed_value = vec![((7, true, 0), -1), ((7, true, 1), 1)];
        let changed_row = vec![((7, false, 5000), 1)];
        run(vec![values, rows, changed_value, changed_row], move |input| {
            let counter = Arc::clone(&counter);
            let (rows, reference) = sides(input);
            lookup(&rows, &reference, "counted", move |key, row, value| {
                counter.fetch_add(1, Ordering::Relaxed);
                (*key, *row, *value)
            })
        });
        assert_eq!(calls.load(Ordering::Relaxed), 1000 + 2 * 10 + 1);
    }
}
