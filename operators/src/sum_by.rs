//! `sum_by`: exact sums by group, carried in the difference. `sum_by_each`: the same, of rows that are in several groups.
//!
//! Input      a collection of rows; a function from a row to its group and what the row adds to the group's sums.
//! Output     an arrangement `group → ()` whose difference is the group's [`Sums`].
//! Update     O(1) + log: no group is ever read back. [`sum_by_each`] adds up the changes of a tick before it sends them on:
//!            a row in 20 groups of which all others are in too costs 20 additions, not 20 updates.
//! Order      independent of arrival order: addition of integers.
//! Bounds     a group whose sums are all zero is gone. [`sum_by_each`] holds the groups that the open ticks change.
//!
//! # Example
//! ```
//! use operators::{Sums, sum_by::sum_by, testing};
//! let outputs = testing::run(vec![vec![(('a', 5i128), 1), (('a', 7), 1), (('b', 1), 1)], vec![(('a', 5), -1)]], |input| {
//!     let totals = sum_by(input, "quantity", |(product, quantity)| (*product, Sums::of(0, *quantity)));
//!     testing::sums_as_rows(&totals, |product, sums| (*product, sums.0[0]))
//! });
//! assert_eq!(outputs[0], vec![(('a', 12), 1), (('b', 1), 1)]);
//! assert_eq!(outputs[1], vec![(('a', 7), 1), (('a', 12), -1)]);
//! ```

use std::collections::BTreeMap;

use differential_dataflow::AsCollection;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::vec::Map;

use crate::arrangement::{Arranged, Collection, Data, Key, Tick, arrange};
use crate::group::visit_updates;
use crate::shared::Shared;
use crate::sums::Sums;

/// Sums what each row adds to its group.
pub fn sum_by<'scope, D: Data, G: Key>(
    collection: Collection<'scope, D>,
    name: &str,
    mut adds: impl FnMut(&D) -> (G, Sums) + 'static,
) -> Arranged<'scope, G, (), Sums> {
    let sums = collection.inner.map(move |(row, tick, diff)| {
        let (group, sums) = adds(&row);
        ((group, ()), tick, sums.times(diff as i128))
    });
    arrange(sums.as_collection(), name)
}

/// Takes what is added to a group.
pub type Add<'a, G> = dyn FnMut(G, Sums) + 'a;

/// Sums what each row adds to each of its groups, a key and a value: `adds(row, add)`, with a call of `add` for each.
pub fn sum_by_each<'scope, D: Data, K: Key, V: Data>(
    rows: &Shared<'scope, D>,
    name: &str,
    adds: impl Fn(&D, &mut Add<'_, (K, V)>) + 'static,
) -> Arranged<'scope, K, V, Sums> {
    let sums = rows.add_up(name, move |row, diff, add| {
        adds(row, &mut |group, sums| add(group, sums.times(*diff as i128)));
    });
    arrange(sums, name)
}

/// Arranges sums that are already named, under the group that each name belongs to.
pub fn arrange_sums<'scope, S: Data, G: Key>(
    sums: Collection<'scope, S, Sums>,
    name: &str,
    mut group: impl FnMut(&S) -> G + 'static,
) -> Arranged<'scope, G, (), Sums> {
    arrange(sums.map(move |name| (group(&name), ())), name)
}

/// Counts the values of an arrangement without reading it: what each update adds, `times` over, to one part of the sums
/// under a name.
pub fn tally<'scope, K: Key, V: Data, S: Data>(
    arranged: &Arranged<'scope, K, V>,
    name: &str,
    adds: impl Fn(&V) -> Option<(S, usize)> + 'static,
) -> Collection<'scope, S, Sums> {
    let sums = arranged.stream.clone().unary(Pipeline, name, move |_capability, _info| {
        move |input, output| {
            input.for_each(|capability, batches| {
                let mut sums: BTreeMap<(Tick, S), Sums> = BTreeMap::new();
                for batch in batches.drain(..) {
                    visit_updates(&batch, |value, tick, diff| {
                        if let Some((name, part)) = adds(value) {
                            sums.entry((tick, name)).or_default().0[part] += diff as i128;
                        }
                    });
                }
                let mut session = output.session(&capability);
                session.give_iterator(sums.into_iter().map(|((tick, name), sums)| (name, tick, sums)));
            });
        }
    });
    sums.as_collection()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, run, sums_as_rows};

    fn sums<'s>(rows: Collection<'s, (u8, i128)>) -> Collection<'s, (u8, i128, i128)> {
        let sums = sum_by(rows, "sums", |(group, value)| (*group, Sums([*value, 1, 0, 0, 0, 0])));
        sums_as_rows(&sums, |group, sums| (*group, sums.0[0], sums.0[1]))
    }

    fn sums_of_own_and_all<'s>(rows: Collection<'s, (u8, i128)>) -> Collection<'s, (u8, i128, i128)> {
        let sums = sum_by_each(&Shared::of(rows), "sums", |(group, value), add| {
            [*group, 9].into_iter().for_each(|group| add((group, ()), Sums([*value, 1, 0, 0, 0, 0])));
        });
        sums_as_rows(&sums, |group, sums| (*group, sums.0[0], sums.0[1]))
    }

    fn sums_of(rows: &[((u8, i128), isize)]) -> Changes<(u8, i128, i128)> {
        let mut sums: BTreeMap<u8, (i128, i128)> = BTreeMap::new();
        for ((group, value), count) in rows {
            let (sum, number) = sums.entry(*group).or_default();
            *sum += value * *count as i128;
            *number += *count as i128;
        }
        sums.into_iter().map(|(group, (sum, number))| ((group, sum, number), 1)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn sums_of_rows_in_several_groups_are_exact(ticks in churn::churn((0..4u8, -3..4i128))) {
            assert_incremental(ticks, sums_of_own_and_all, |_, rows| {
                let all = rows.iter().map(|((_, value), count)| ((9, *value), *count));
                sums_of(&rows.iter().copied().chain(all).collect::<Vec<_>>())
            });
        }

        #[test]
        fn sums_are_exact(ticks in churn::churn((0..4u8, prop_oneof![-3..4i128, Just(i64::MAX as i128 * 3)]))) {
            assert_incremental(ticks, sums, |_, rows| sums_of(rows));
        }
    }

    #[test]
    fn a_row_is_added_without_reading_its_group() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let load = (0..1000i128).map(|value| ((1u8, value), 1)).collect();
        cost::updates_read();
        let outputs = run(vec![load, vec![((1, 7), -1)]], move |input| {
            let counter = Arc::clone(&counter);
            let sums = sum_by(input, "sums", move |(group, value)| {
                counter.fetch_add(1, Ordering::Relaxed);
                (*group, Sums::of(0, *value))
            });
            sums_as_rows(&sums, |group, sums| (*group, sums.0[0]))
        });
        assert_eq!(outputs[1], vec![((1, 499_493), 1), ((1, 499_500), -1)]);
        assert_eq!(calls.load(Ordering::Relaxed), 1001);
        assert_eq!(cost::updates_read(), 1 + 2, "the sums themselves");
    }
}
