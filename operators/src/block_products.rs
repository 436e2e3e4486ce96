//! `convert`: blocks of values by target, each day of them by the rate of that day, with a function that may round.
//!
//! ```text
//!  values (key → target, block; difference: 64 days) ─┐
//!  rates  (key → block; difference: 64 days) ─────────┴─▶ f(value, rate) day by day ──▶ Σ target → block
//! ```
//! Inputs     two arrangements by the same key, such as a pair of currencies: values `(target, block)` and rates, whose
//!            differences are [`DayBlock`]s. A pure function from a value and the rate of its day, which may give nothing.
//! Output     an arrangement `target → block` whose difference is a [`DayBlock`]: for each day of a target that has a value
//!            and a rate what the function gives, with the count of the value; nothing for the others, nor where the
//!            function gives nothing. What a target has under several keys is added up.
//! Update     of a changed block of values the days that changed are read, and of a changed block of rates those of each
//!            target under the key, found by search. The function is called for them, before and after.
//! Order      independent of arrival order. A function that rounds is not linear, so what it gave is taken back as a whole.
//! Bounds     no state but the arrangements. What changes at ticks that close together is added up in memory: 1,280 bytes a
//!            target and block. At most one rate a day: more are taken as their sum.
//!
//! # Example
//! ```
//! use operators::{arrange, block_products::convert, day_blocks::{DayBlock, arrange_days, block_of, days}, testing};
//! let outputs = testing::run(
//!     vec![
//!         vec![(('v', 3, 15i64), 1), (('v', 4, 25), 1), (('r', 3, 11), 1)], // in tenths; no rate of day 4 yet
//!         vec![(('r', 4, 11), 1)],
//!         vec![(('r', 3, 11), -1), (('r', 3, 13), 1)],
//!     ],
//!     |input| {
//!         let values = input.clone().filter(|(kind, ..)| *kind == 'v');
//!         let values = values.explode(|(_, day, value)| {
//!             Some(((*b"EURUSD", (1u64, block_of(day))), DayBlock::of(day, i128::from(value), 1)))
//!         });
//!         let rates = input.flat_map(|(kind, day, rate)| (kind == 'r').then_some((*b"EURUSD", day, rate)));
//!         let rates = arrange_days(rates, "rates");
//!         let converted = convert(&arrange(values, "values"), &rates, "in dollars", |value, rate| {
//!             Some(value * i128::from(rate) / 10)
//!         });
//!         days(&converted, "in dollars by day")
//!     },
//! );
//! assert_eq!(outputs[0], vec![((1, 3, 16), 1)]);
//! assert_eq!(outputs[1], vec![((1, 4, 27), 1)]);
//! assert_eq!(outputs[2], vec![((1, 3, 16), -1), ((1, 3, 19), 1)]);
//! ```

use std::collections::BTreeMap;

use differential_dataflow::difference::{IsZero, Monoid, Semigroup};

use crate::arrangement::{Arranged, Key, arrange};
use crate::block_sums::BlockSums;
use crate::day_blocks::{BlockAt, DayBlock, Number, days_of};
use crate::follow::{Change, Side, gather_both};

/// Converts each value by the rate of its day with `convert_day(value, rate)`, and adds up by target.
pub fn convert<'scope, K: Key, G: Key, T: Number>(
    values: &Arranged<'scope, K, (G, i32), DayBlock<i128>>,
    rates: &Arranged<'scope, K, i32, DayBlock<T>>,
    name: &str,
    convert_day: impl Fn(i128, T) -> Option<i128> + 'static,
) -> Arranged<'scope, G, i32, DayBlock<i128>> {
    let converted = gather_both(values, rates, name, move |_key: &K, tick, values, rates, sums: &mut BlockSums<G>| {
        let mut rates_read = BTreeMap::new();
        for_each_changed(&values, &rates, |target, block| {
            let values = BlockAt::find(values.rows, tick, |row| (&row.0, row.1).cmp(&(target, block)));
            let find_rates = || BlockAt::find(rates.rows, tick, |other| other.cmp(&block));
            let rates = rates_read.entry(block).or_insert_with(find_rates);
            let change = change_of_block(&values, rates, &convert_day);
            if !change.is_zero() {
                sums.of(tick, target).block(block).plus_equals(&change);
            }
        });
    });
    arrange(converted, name)
}

/// Visits the target and block of all values that changed, or whose rates did, each once.
fn for_each_changed<'a, G: Ord, T: Number>(
    values: &Side<'a, '_, (G, i32), DayBlock<i128>>,
    rates: &Side<'a, '_, i32, DayBlock<T>>,
    mut visit: impl FnMut(&'a G, i32),
) {
    for changed in values.changes {
        visit(&changed.row.0, changed.row.1);
    }
    if rates.changes.is_empty() {
        return;
    }
    let mut next = values.rows.seek(|_| false);
    while let Some((target, _)) = next {
        for block in rates.changes.iter().map(|change| *change.row) {
            let of_change = |change: &Change<'_, (G, i32), _>| (&change.row.0, change.row.1).cmp(&(target, block));
            if values.changes.binary_search_by(of_change).is_err() {
                visit(target, block);
            }
        }
        next = values.rows.seek(|row| row.0 <= *target);
    }
}

/// What is given for a block, less what was given before.
fn change_of_block<T: Number>(
    values: &BlockAt<'_, i128>,
    rates: &BlockAt<'_, T>,
    convert_day: &impl Fn(i128, T) -> Option<i128>,
) -> DayBlock<i128> {
    let mut change = DayBlock::<i128>::zero();
    for day in days_of(values.changed() | rates.changed()) {
        let before = values.before(day).zip(rates.before(day).map(|(rate, _)| rate));
        let now = values.now(day).zip(rates.now(day).map(|(rate, _)| rate));
        if before == now {
            continue;
        }
        for (of_day, times) in [(before, -1), (now, 1)] {
            let Some(((value, count), rate)) = of_day else { continue };
            let Some(converted) = convert_day(value, rate) else { continue };
            change.values[day] = change.values[day].plus(converted.times(times));
            change.counts[day] = change.counts[day].wrapping_add(count.wrapping_mul(times as i32));
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use differential_dataflow::AsCollection;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use timely::dataflow::operators::vec::Map;

    use super::*;
    use crate::arrangement::Collection;
    use crate::churn;
    use crate::day_blocks::{BLOCK_DAYS, arrange_days};
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, days_as_rows, differences, run_apart};

    /// A value of a target under a key, or a rate of a key.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    enum Input {
        /// Key, target, day, value.
        Value(u8, u32, i32, i128),
        /// Key, day, rate.
        Rate(u8, i32, i64),
    }

    type Sides<'s> = (Arranged<'s, u8, (u32, i32), DayBlock<i128>>, Arranged<'s, u8, i32, DayBlock<i64>>);

    fn sides<'s>(input: Collection<'s, Input>) -> Sides<'s> {
        let value = |row| {
            if let Input::Value(key, target, day, value) = row { Some(((key, target), day, value)) } else { None }
        };
        let rate = |row| if let Input::Rate(key, day, rate) = row { Some((key, day, rate)) } else { None };
        let values = arrange_days(input.clone().flat_map(value), "values by day");
        let values = values.as_collection(|(key, target), block| (*key, (*target, *block)));
        (arrange(values, "values"), arrange_days(input.flat_map(rate), "rates"))
    }

    /// Not linear in either, and nothing for some.
    fn rounded(value: i128, rate: i64) -> Option<i128> {
        let product = value * i128::from(rate);
        (product != 4).then(|| (product + 1).div_euclid(3))
    }

    type Output = (u32, i32, i128, i32);

    fn converted<'s>(input: Collection<'s, Input>) -> Collection<'s, Output> {
        let (values, rates) = sides(input);
        days_as_rows(&convert(&values, &rates, "converted", rounded))
    }

    fn converted_of(input: &[(Input, isize)]) -> Changes<Output> {
        let mut values: BTreeMap<(u8, u32, i32), (i128, isize)> = BTreeMap::new();
        let mut rates: BTreeMap<(u8, i32), i64> = BTreeMap::new();
        for (row, count) in input {
            match *row {
                Input::Value(key, target, day, value) => {
                    let (sum, number) = values.entry((key, target, day)).or_default();
                    (*sum, *number) = (*sum + value * *count as i128, *number + count);
                }
                Input::Rate(key, day, rate) => *rates.entry((key, day)).or_default() += rate * *count as i64,
            }
        }
        let mut sums: BTreeMap<(u32, i32), (i128, i32)> = BTreeMap::new();
        for ((key, target, day), (value, number)) in values {
            if let Some(converted) = rates.get(&(key, day)).and_then(|rate| rounded(value, *rate)) {
                let (sum, count) = sums.entry((target, day)).or_default();
                (*sum, *count) = (*sum + converted, *count + number as i32);
            }
        }
        sums.into_iter().map(|((target, day), (sum, count))| ((target, day, sum, count), 1)).collect()
    }

    fn inputs(day: impl Strategy<Value = i32> + Clone) -> impl Strategy<Value = Input> {
        let value = (0..2u8, 0..3u32, day.clone(), -5..6i128)
            .prop_map(|(key, target, day, value)| Input::Value(key, target, day, value));
        prop_oneof![value, (0..2u8, day, -2..3i64).prop_map(|(key, day, rate)| Input::Rate(key, day, rate))]
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn each_day_is_converted_by_its_rate(ticks in churn::churn(inputs(-1..2i32))) {
            assert_incremental(ticks, converted, |_, input| converted_of(input));
        }

        #[test]
        fn many_blocks_are_converted_the_same(ticks in churn::churn(inputs(prop_oneof![Just(-64), -1..2i32, 63..65i32, Just(i32::MAX)]))) {
            assert_incremental(ticks, converted, |_, input| converted_of(input));
        }

        #[test]
        fn the_two_sides_may_close_their_ticks_apart(ticks in churn::churn(inputs(-1..2i32))) {
            let side = |values| {
                let of_side = move |(row, _): &&(Input, isize)| matches!(row, Input::Value(..)) == values;
                ticks.iter().map(|changes: &Changes<Input>| changes.iter().filter(of_side).copied().collect()).collect()
            };
            let outputs = run_apart(side(true), side(false), |values: Collection<'_, Input>, rates| {
                days_as_rows(&convert(&sides(values).0, &sides(rates).1, "converted", rounded))
            });
            assert_eq!(outputs, differences(&ticks, |_, input| converted_of(input)));
        }
    }

    #[test]
    fn a_rate_converts_its_day_of_each_target() {
        for days in [1_000, 10_000, 100_000] {
            let calls = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&calls);
            // Ten targets under key 1, a thousand others under key 2.
            let values = (0..days).flat_map(|day| (0..10).map(move |target| (Input::Value(1, target, day, 7), 1)));
            let others = (0..1_000).map(|target| (Input::Value(2, target, 0, 7), 1));
            let rates = (0..days).map(|day| (Input::Rate(1, day, 3), 1));
            let corrected = vec![(Input::Rate(1, days / 2, 3), -1), (Input::Rate(1, days / 2, 6), 1)];
            let revalued = vec![(Input::Value(1, 4, days / 2, 2), 1)];
            let mut costs = cost::by_tick_of(
                vec![values.chain(others).chain(rates).collect(), corrected, revalued],
                move |input| {
                    let (values, rates) = sides(input);
                    let counter = Arc::clone(&counter);
                    let converted = convert(&values, &rates, "converted", move |value, rate| {
                        counter.fetch_add(1, Ordering::Relaxed);
                        rounded(value, rate)
                    });
                    arranged_blocks(&converted)
                },
            );
            let costs: Vec<_> = costs.drain(..).map(|(rows, read)| (rows.len(), read)).collect();
            let blocks = (days as usize).div_ceil(BLOCK_DAYS);
            assert_eq!(calls.load(Ordering::Relaxed), 10 * days as usize + 2 * 10 + 2);
            assert!(costs[0].1 <= 11 * blocks + 2_000, "{} blocks read for a load of {blocks}", costs[0].1);
            assert_eq!(costs[1], (10, 10 + 2), "the block of each target, and of the rates in both batches");
            assert_eq!(costs[2], (1, 2 + 2), "the block in both batches, and of the rates");
        }
    }

    /// Which blocks change.
    fn arranged_blocks<'s>(blocks: &Arranged<'s, u32, i32, DayBlock<i128>>) -> Collection<'s, (u32, i32)> {
        let blocks = blocks.clone().as_collection(|target, block| (*target, *block));
        blocks.inner.map(|(row, tick, _)| (row, tick, 1)).as_collection()
    }
}
