//! `derive`: the rows and the sums that a pure function derives from each group.
//!
//! Input      an arrangement; a pure function from one key's contents to rows and to sums.
//! Output     two collections: the rows of all groups, and `(name, Sums)` added up over all groups.
//! Update     the function runs on the group before and after, and only the difference is passed on: O(group).
//!            A group that comes out the same costs nothing downstream.
//! Order      independent of arrival order; the group is shown in the order of its values.
//! Bounds     no output is kept here: what a group gave before is worked out again, not remembered. That halves the
//!            memory of a stock `reduce`, and pays off where groups are small and the function is cheap.
//!
//! # Example
//! ```
//! use operators::{arrange, derive::derive, testing};
//! let outputs = testing::run(
//!     vec![vec![((1u64, 10u64), 1), ((1, 20), 1)], vec![((1, 20), -1)]],
//!     |input| {
//!         let (largest, _count) = derive(&arrange(input, "numbers"), "largest", |key, group, out| {
//!             if let Some((value, _)) = group.last() {
//!                 out.row((*key, **value));
//!                 out.add((), 0, group.len() as i128);
//!             }
//!         });
//!         largest
//!     },
//! );
//! assert_eq!(outputs, vec![vec![((1, 20), 1)], vec![((1, 10), 1), ((1, 20), -1)]]);
//! ```

use std::collections::BTreeMap;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::difference::IsZero;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::arrangement::{Arranged, Collection, Data, Difference, Key, Tick, compact};
use crate::group::{Group, ticks_of, visit_changed};
use crate::sums::Sums;

/// What a group gives: rows and sums.
pub struct Derived<'a, D, S> {
    /// How many times over it is given; below zero, taken away.
    pub(crate) times: isize,
    pub(crate) rows: &'a mut Vec<(D, isize)>,
    pub(crate) sums: &'a mut BTreeMap<S, Sums>,
}

impl<D, S: Ord> Derived<'_, D, S> {
    /// Gives one row.
    pub fn row(&mut self, row: D) {
        self.rows.push((row, self.times));
    }

    /// Adds to one part of the sums kept under a name.
    pub fn add(&mut self, name: S, part: usize, value: i128) {
        self.sums.entry(name).or_default().0[part] += value * self.times as i128;
    }
}

/// Derives rows and sums from each group of `arranged`.
pub fn derive<'scope, K, V, R, D, S, L>(
    arranged: &Arranged<'scope, K, V, R>,
    name: &str,
    mut logic: L,
) -> (Collection<'scope, D>, Collection<'scope, S, Sums>)
where
    K: Key,
    V: Data,
    R: Difference,
    D: Data,
    S: Data,
    L: FnMut(&K, Group<'_, '_, V, R>, &mut Derived<'_, D, S>) + 'static,
{
    let mut builder = OperatorBuilder::new(name.to_owned(), arranged.stream.scope());
    let mut input = builder.new_input(arranged.stream.clone(), Pipeline);
    let (rows_output, rows_stream) = builder.new_output();
    let (sums_output, sums_stream) = builder.new_output();
    let mut rows_output = OutputBuilder::<_, CapacityContainerBuilder<Vec<(D, Tick, isize)>>>::from(rows_output);
    let mut sums_output = OutputBuilder::<_, CapacityContainerBuilder<Vec<(S, Tick, Sums)>>>::from(sums_output);
    let mut trace = arranged.trace.clone();

    builder.build(move |_capabilities| {
        let mut changes = Vec::new();
        move |frontiers| {
            let mut rows_output = rows_output.activate();
            let mut sums_output = sums_output.activate();
            input.for_each(|capability, batches| {
                let rows_capability = capability.retain(0);
                let sums_capability = capability.retain(1);
                for batch in batches.drain(..) {
                    let (lower, last) = ticks_of(&batch);
                    // The batch may claim ticks from before the frontier, where the trace has let ticks run together.
                    let first = lower.max(*rows_capability.time());
                    let mut sums: BTreeMap<Tick, BTreeMap<S, Sums>> = BTreeMap::new();
                    let mut session = rows_output.session(&rows_capability);
                    visit_changed(&mut trace, &batch, |key, history| {
                        let after = first.checked_sub(1);
                        for tick in history.ticks_within(after, last).to_vec() {
                            let sums = sums.entry(tick).or_default();
                            let mut out = Derived { times: -1, rows: &mut changes, sums };
                            let before = history.before(tick);
                            if !before.is_empty() {
                                logic(key, before, &mut out);
                            }
                            out.times = 1;
                            let now = history.at(tick);
                            if !now.is_empty() {
                                logic(key, now, &mut out);
                            }
                            consolidate(&mut changes);
                            session.give_iterator(changes.drain(..).map(|(row, diff)| (row, tick, diff)));
                        }
                    });
                    let mut session = sums_output.session(&sums_capability);
                    for (tick, sums) in sums {
                        let changed = sums.into_iter().filter(|(_, sums)| !sums.is_zero());
                        session.give_iterator(changed.map(|(name, sums)| (name, tick, sums)));
                    }
                }
            });
            compact(&mut trace, frontiers[0].frontier());
        }
    });
    (rows_stream.as_collection(), sums_stream.as_collection())
}

/// Like [`derive()`], where groups give rows only.
pub fn derive_rows<'scope, K: Key, V: Data, R: Difference, D: Data>(
    arranged: &Arranged<'scope, K, V, R>,
    name: &str,
    logic: impl FnMut(&K, Group<'_, '_, V, R>, &mut Derived<'_, D, ()>) + 'static,
) -> Collection<'scope, D> {
    let (rows, _no_sums) = derive(arranged, name, logic);
    rows
}

/// Like [`derive()`], where groups give sums only.
pub fn derive_sums<'scope, K: Key, V: Data, R: Difference, S: Data>(
    arranged: &Arranged<'scope, K, V, R>,
    name: &str,
    logic: impl FnMut(&K, Group<'_, '_, V, R>, &mut Derived<'_, (), S>) + 'static,
) -> Collection<'scope, S, Sums> {
    let (_no_rows, sums) = derive(arranged, name, logic);
    sums
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::group::cost;
    use crate::sum_by::arrange_sums;
    use crate::testing::{Changes, assert_incremental, run, sums_as_rows};

    type Row = (u8, u8);

    /// The greatest value of each key, and how many rows a greatest value stands for.
    fn greatest<'s>(rows: Collection<'s, Row>) -> (Collection<'s, Row>, Collection<'s, u8, Sums>) {
        derive(&arrange(rows, "rows"), "greatest", |key, group, out| {
            let count: isize = group.iter().map(|(_, count)| count).sum();
            if let Some((value, _)) = group.last() {
                out.row((*key, **value));
                out.add(**value, 0, count as i128);
            }
        })
    }

    fn greatest_sums<'s>(rows: Collection<'s, Row>) -> Collection<'s, (u8, i128)> {
        sums_as_rows(&arrange_sums(greatest(rows).1, "sums", |value| *value), |value, sums| (*value, sums.0[0]))
    }

    fn greatest_of(rows: &[(Row, isize)]) -> Vec<(Row, isize)> {
        let of_keys = rows.chunk_by(|a, b| a.0.0 == b.0.0);
        of_keys.map(|rows| (rows[rows.len() - 1].0, rows.iter().map(|(_, count)| count).sum())).collect()
    }

    fn sums_of(rows: &[(Row, isize)]) -> Changes<(u8, i128)> {
        let mut sums = BTreeMap::new();
        greatest_of(rows).into_iter().for_each(|((_, value), count)| *sums.entry(value).or_insert(0) += count as i128);
        sums.into_iter().map(|row| (row, 1)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn rows_follow_the_groups(ticks in churn::churn((0..4u8, 0..4u8))) {
            let rows = |_, rows: &[(Row, isize)]| greatest_of(rows).into_iter().map(|(row, _)| (row, 1)).collect();
            assert_incremental(ticks, |input| greatest(input).0, rows);
        }

        #[test]
        fn sums_follow_the_groups(ticks in churn::churn((0..4u8, 0..4u8))) {
            assert_incremental(ticks, greatest_sums, |_, rows| sums_of(rows));
        }
    }

    #[test]
    fn a_change_costs_its_group_and_not_the_others() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let load = (0..1000u32).map(|row| ((row / 10, row), 1)).collect();
        cost::updates_read();
        run(vec![load, vec![((7, 5000), 1)]], move |input| {
            let counter = Arc::clone(&counter);
            derive_rows(&arrange(input, "rows"), "sizes", move |key, group, out| {
                counter.fetch_add(1, Ordering::Relaxed);
                out.row((*key, group.len()));
            })
        });
        assert_eq!(calls.load(Ordering::Relaxed), 100 + 2, "each group once, then one before and after");
        assert_eq!(cost::updates_read(), 1000 + 11);
    }
}
