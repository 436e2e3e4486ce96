//! `join_days`: two series by day, in blocks, as rows: one for each day on which either has a point.
//!
//! ```text
//!  left  (key → block; difference: 64 days) ─┐
//!  right (key → block; difference: 64 days) ─┴─▶ f(key, day, left, right) ──▶ a row for each day
//! ```
//! Inputs     two arrangements by the same key whose differences are [`DayBlock`]s, of one type of number or of two. A pure
//!            function from key, day, and what either side has of that day with its count, to a row, or to none.
//! Output     what the function gives for each day on which either side has a point.
//! Update     of the blocks that changed the days that did are read on both sides, and the function is called for them,
//!            before and after: only these rows are given again.
//! Order      independent of arrival order; both sides may change in one tick.
//! Bounds     no state but the two arrangements, so none on history.
//!
//! # Example
//! ```
//! use operators::{day_blocks::arrange_days, join_days::join_days, testing};
//! let outputs = testing::run(
//!     vec![vec![(('v', 3, 100), 1), (('v', 4, 110), 1), (('f', 4, 20), 1)], vec![(('f', 3, 5), 1)]],
//!     |input| {
//!         let of = |kind| move |row: (char, i32, i64)| (row.0 == kind).then_some((7u64, row.1, row.2));
//!         let values = arrange_days(input.clone().flat_map(of('v')), "values");
//!         let flows = arrange_days(input.flat_map(of('f')), "flows");
//!         join_days(&values, &flows, "values and flows", |_fund, day, value, flow| {
//!             let (value, _count) = value?;
//!             Some((day, value, flow.map_or(0, |(flow, _count)| flow)))
//!         })
//!     },
//! );
//! assert_eq!(outputs[0], vec![((3, 100, 0), 1), ((4, 110, 20), 1)]);
//! assert_eq!(outputs[1], vec![((3, 100, 0), -1), ((3, 100, 5), 1)]);
//! ```

use crate::arrangement::{Arranged, Collection, Data, Key};
use crate::day_blocks::{BlockAt, DayBlock, Number, day_of, days_of};
use crate::follow::follow_both;

/// Gives what `row(key, day, left, right)` makes of each day on which either side has a point, with its count.
pub fn join_days<'scope, K: Key, A: Number, B: Number, D: Data>(
    left: &Arranged<'scope, K, i32, DayBlock<A>>,
    right: &Arranged<'scope, K, i32, DayBlock<B>>,
    name: &str,
    row: impl Fn(&K, i32, Option<(A, i32)>, Option<(B, i32)>) -> Option<D> + 'static,
) -> Collection<'scope, D> {
    follow_both(left, right, name, move |key, tick, left, right, out| {
        let (of_left, of_right) = (left.changes.iter().map(|one| *one.row), right.changes.iter().map(|one| *one.row));
        let mut blocks: Vec<i32> = of_left.chain(of_right).collect();
        blocks.sort_unstable();
        blocks.dedup();
        for block in blocks {
            let left = BlockAt::find(left.rows, tick, |other| other.cmp(&block));
            let right = BlockAt::find(right.rows, tick, |other| other.cmp(&block));
            for day in days_of(left.changed() | right.changed()) {
                let (before, now) = ((left.before(day), right.before(day)), (left.now(day), right.now(day)));
                if before != now {
                    let row = |(left, right)| {
                        if (left, right) == (None, None) { None } else { row(key, day_of(block, day), left, right) }
                    };
                    out.extend(row(before).map(|row| (row, -1)));
                    out.extend(row(now).map(|row| (row, 1)));
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::day_blocks::{BLOCK_DAYS, arrange_days};
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, differences, run_apart};

    /// Side, key, day, value.
    type Input = (bool, u8, i32, i64);

    type Flows = [i128; 3];

    /// What there is of a day on either side.
    type Both = (Option<(i64, i32)>, Option<(Flows, i32)>);

    type Output = (u8, i32, Option<(i64, i32)>, Option<(Flows, i32)>);

    type Sides<'s> = (Arranged<'s, u8, i32, DayBlock<i64>>, Arranged<'s, u8, i32, DayBlock<Flows>>);

    /// Several numbers of a day.
    fn flows(value: i64) -> Flows {
        [value.into(), 1, i128::from(value) * i128::from(value)]
    }

    fn sides<'s>(input: Collection<'s, Input>) -> Sides<'s> {
        let left = input.clone().flat_map(|(is_left, key, day, value)| is_left.then_some((key, day, value)));
        let right = input.flat_map(|(is_left, key, day, value)| (!is_left).then_some((key, day, flows(value))));
        (arrange_days(left, "left"), arrange_days(right, "right"))
    }

    /// Not all days are worth a row.
    fn row(key: &u8, day: i32, left: Option<(i64, i32)>, right: Option<(Flows, i32)>) -> Option<Output> {
        assert!(left.is_some() || right.is_some());
        (left != Some((2, 1))).then_some((*key, day, left, right))
    }

    fn joined<'s>(input: Collection<'s, Input>) -> Collection<'s, Output> {
        let (left, right) = sides(input);
        join_days(&left, &right, "joined", row)
    }

    fn joined_of(input: &[(Input, isize)]) -> Changes<Output> {
        let mut days: BTreeMap<(u8, i32), Both> = BTreeMap::new();
        for ((is_left, key, day, value), count) in input {
            let of_day = days.entry((*key, *day)).or_default();
            if *is_left {
                let (sum, number) = of_day.0.get_or_insert_default();
                (*sum, *number) = (*sum + value * *count as i64, *number + *count as i32);
            } else {
                let (sum, number) = of_day.1.get_or_insert_default();
                *number += *count as i32;
                sum.iter_mut().zip(flows(*value)).for_each(|(sum, flow)| *sum += flow * *count as i128);
            }
        }
        days.into_iter().filter_map(|((key, day), (left, right))| Some((row(&key, day, left, right)?, 1))).collect()
    }

    fn inputs() -> impl Strategy<Value = Input> {
        (any::<bool>(), 0..2u8, prop_oneof![-3..3i32, 62..66i32, Just(i32::MIN), Just(i32::MAX)], -2..3i64)
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn rows_are_those_of_the_days(ticks in churn::churn(inputs())) {
            assert_incremental(ticks, joined, |_, input| joined_of(input));
        }

        #[test]
        fn the_two_sides_may_close_their_ticks_apart(ticks in churn::churn(inputs())) {
            let side = |is_left| {
                let of_side = move |(row, _): &&(Input, isize)| row.0 == is_left;
                ticks.iter().map(|changes: &Changes<Input>| changes.iter().filter(of_side).copied().collect()).collect()
            };
            let outputs = run_apart(side(true), side(false), |left: Collection<'_, Input>, right| {
                join_days(&sides(left).0, &sides(right).1, "joined", row)
            });
            assert_eq!(outputs, differences(&ticks, |_, input| joined_of(input)));
        }
    }

    #[test]
    fn a_point_reads_its_block_on_both_sides_and_gives_its_day() {
        for days in [1_000, 10_000, 100_000] {
            let calls = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&calls);
            let load = (0..days).flat_map(|day| [((true, 1, day, 5), 1), ((false, 1, day, 6), 1)]).collect();
            let corrected = vec![((true, 1, days / 2, 5), -1), ((true, 1, days / 2, 6), 1)];
            let costs = cost::by_tick_of(vec![load, corrected], move |input| {
                let (left, right) = sides(input);
                let counter = Arc::clone(&counter);
                join_days(&left, &right, "joined", move |key, day, left, right| {
                    counter.fetch_add(1, Ordering::Relaxed);
                    row(key, day, left, right)
                })
            });
            let blocks = (days as usize).div_ceil(BLOCK_DAYS);
            assert_eq!((costs[0].0.len(), costs[0].1), (days as usize, 2 * blocks));
            assert_eq!((costs[1].0.len(), costs[1].1), (2, 2 + 1), "the left block in both batches, and the right one");
            assert_eq!(calls.load(Ordering::Relaxed), days as usize + 2);
        }
    }
}
