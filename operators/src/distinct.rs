//! `distinct`: each row once, however often it is there. `distinct_each`: the same, of what shared rows are made into.
//!
//! Input      rows; for [`distinct_each`] a function from a row to others.
//! Output     each row that is there, once.
//! Update     O(1) + log: a row is given or taken away only when the first comes or the last goes. Rows of a tick are
//!            counted before they are sorted: a million of the same are one.
//! Order      independent of arrival order.
//! Bounds     one count for each distinct row, and those of the open ticks once more.
//!
//! # Example
//! ```
//! use operators::{distinct::distinct, testing};
//! let outputs = testing::run(
//!     vec![vec![('a', 2), ('b', 1)], vec![('a', -1)], vec![('a', -1)]],
//!     |input| distinct(input, "currencies"),
//! );
//! assert_eq!(outputs, vec![vec![('a', 1), ('b', 1)], vec![], vec![('a', -1)]]);
//! ```

use crate::add_up::add_up;
use crate::arrangement::{Collection, Data, Key, Tick, arrange};
use crate::derive::derive_rows;
use crate::shared::Shared;

/// Gives each row once.
pub fn distinct<'scope, D: Key>(rows: Collection<'scope, D>, name: &str) -> Collection<'scope, D> {
    let counts = add_up(rows.inner, name, |rows, add| {
        rows.drain(..).for_each(|(row, tick, diff): (D, Tick, isize)| add(tick, (row, ()), diff));
    });
    once(counts, name)
}

/// Gives each of what all rows are made into once.
pub fn distinct_each<'scope, D: Data, I>(
    rows: &Shared<'scope, D>,
    name: &str,
    each: impl Fn(&D) -> I + 'static,
) -> Collection<'scope, I::Item>
where
    I: IntoIterator<Item: Key>,
{
    let counts = rows.add_up(name, move |row, diff, add| each(row).into_iter().for_each(|made| add((made, ()), *diff)));
    once(counts, name)
}

/// Gives what all rows are made into as often as it is there, each worker and tick once: to be concatenated to others, before
/// they are [`distinct`].
pub fn count_each<'scope, D: Data, I>(
    rows: &Shared<'scope, D>,
    name: &str,
    each: impl Fn(&D) -> I + 'static,
) -> Collection<'scope, I::Item>
where
    I: IntoIterator<Item: Key>,
{
    rows.add_up(name, move |row, diff, add| each(row).into_iter().for_each(|made| add(made, *diff)))
}

fn once<'scope, D: Key>(counts: Collection<'scope, (D, ())>, name: &str) -> Collection<'scope, D> {
    derive_rows(&arrange(counts, name), name, |row: &D, _count, out| out.row(row.clone()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental};

    fn of_row<'s>(rows: Collection<'s, (u8, u8)>) -> Collection<'s, (u8, u8)> {
        distinct(rows, "rows")
    }

    /// The parts of rows, each with how many there are of it.
    fn of_parts<'s>(rows: Collection<'s, (u8, u8)>) -> Collection<'s, u8> {
        let shared = Shared::of(rows);
        let each = distinct_each(&shared, "each", |(one, other)| [*one, *other]);
        let counted = count_each(&shared, "counted", |(one, other)| (one != other).then_some(100 + *other));
        each.concat(counted)
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn each_part_of_rows_is_there_once_and_counted_as_often_as_it_is(ticks in churn::churn((0..3u8, 0..3u8))) {
            assert_incremental(ticks, of_parts, |_, rows| {
                let parts: BTreeSet<u8> = rows.iter().flat_map(|((one, other), _)| [*one, *other]).collect();
                let counted = rows.iter().filter(|((one, other), _)| one != other);
                let counted = counted.map(|((_, other), count)| (100 + *other, *count));
                parts.into_iter().map(|part| (part, 1)).chain(counted).collect()
            });
        }

        #[test]
        fn each_row_is_there_once(ticks in churn::churn((0..3u8, 0..3u8))) {
            assert_incremental(ticks, of_row, |_, rows| rows.iter().map(|(row, _)| (*row, 1)).collect::<Changes<_>>());
        }
    }

    #[test]
    fn one_more_of_a_row_gives_nothing_and_reads_its_count() {
        let load = (0..100u8).map(|row| ((row, row), 1)).collect();
        let costs = cost::by_tick_of(vec![load, vec![((7, 7), 1)], vec![((7, 7), -2)]], of_row);
        assert_eq!(costs[0].0.len(), 100);
        assert_eq!(costs[1].0, Changes::new());
        assert_eq!(costs[2].0, vec![((7, 7), -1)]);
        assert!(costs[1].1 <= 2 && costs[2].1 <= 3, "{costs:?}");
    }
}
