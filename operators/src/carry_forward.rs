//! `carry_forward`: series by day in blocks, in which each day says what was last observed on or before it.
//!
//! ```text
//!  observations (key → day, value) ──▶ the days of each up to the next ──▶ key → block of 64 days, as [`arrange_days`]
//!  until (key → day)               ──▶ up to the last of all ──────────┘
//! ```
//! Inputs     two arrangements by the same key: observations `(day, value)`, and the days up to which series go. Of several
//!            observations of a day the greatest counts, as in [`as_of`]; of several last days the latest. A value is a
//!            number, or an [`Observation`] of one with what it is compared by.
//! Output     an arrangement `key → block` whose difference is a [`DayBlock`]: from the first observation to the last day,
//!            each with a count of 1. A key without a last day has no series; observations after it do not count yet.
//! Update     O(log n + days that change): a changed observation fills again its own days up to the next one, a last day
//!            that moves those between. One row a block that changes. A load in one tick is one pass.
//! Order      independent of arrival order.
//! Bounds     no state but the arrangements. A series has all blocks from its first observation to its last day, also
//!            where nothing was observed for years: who reads days from outside must refuse those that cannot be.
//!
//! [`arrange_days`]: crate::day_blocks::arrange_days
//! [`as_of`]: crate::as_of::as_of
//!
//! # Example
//! ```
//! use operators::{arrange, carry_forward::carry_forward, day_blocks::days, testing};
//! let outputs = testing::run(
//!     vec![
//!         vec![(('p', 3, 108i64), 1), (('p', 5, 109), 1), (('u', 6, 0), 1)], // prices of days 3 and 5, up to day 6
//!         vec![(('u', 6, 0), -1), (('u', 7, 0), 1)],                         // a day later
//!         vec![(('p', 3, 108), -1), (('p', 3, 107), 1)],                     // a correction
//!     ],
//!     |input| {
//!         let prices = input.clone().flat_map(|(kind, day, price)| (kind == 'p').then_some((7u64, (day, price))));
//!         let until = input.flat_map(|(kind, day, _)| (kind == 'u').then_some((7u64, day)));
//!         days(&carry_forward(&arrange(prices, "prices"), &arrange(until, "until"), "prices"), "prices by day")
//!     },
//! );
//! assert_eq!(outputs[0], vec![((7, 3, 108), 1), ((7, 4, 108), 1), ((7, 5, 109), 1), ((7, 6, 109), 1)]);
//! assert_eq!(outputs[1], vec![((7, 7, 109), 1)]);
//! assert_eq!(outputs[2], vec![((7, 3, 107), 1), ((7, 3, 108), -1), ((7, 4, 107), 1), ((7, 4, 108), -1)]);
//! ```

use differential_dataflow::difference::{IsZero, Monoid};

use crate::arrangement::{Arranged, Data, Key, Tick, arrange};
use crate::day_blocks::{BLOCK_DAYS, DayBlock, Number, block_of, day_in_block, day_of};
use crate::follow::{Side, follow_both};
use crate::series::Series;

/// What is observed on a day.
pub trait Observation: Data {
    /// The type of the number.
    type Number: Number;

    /// The number.
    fn number(&self) -> Self::Number;
}

impl<T: Number> Observation for T {
    type Number = T;

    fn number(&self) -> T {
        *self
    }
}

/// Fills the days from each observation to the next, and from the last one to the last day of the key.
pub fn carry_forward<'scope, K: Key, V: Observation>(
    observations: &Arranged<'scope, K, (i32, V)>,
    until: &Arranged<'scope, K, i32>,
    name: &str,
) -> Arranged<'scope, K, i32, DayBlock<V::Number>> {
    let blocks = follow_both(observations, until, name, |key: &K, tick, observations, until, out| {
        let (last_before, last_now) = last_days(until.rows, tick);
        let mut filled = Filled::new(|block, filled| out.push(((key.clone(), block), filled)));
        fill_changed(tick, &observations, last_before, &mut filled);
        filled.end();
        fill_between(tick, observations.rows, last_before, last_now, &mut filled);
        filled.end();
    });
    arrange(blocks, name)
}

/// The latest of the last days of a key, just before a tick and at it.
fn last_days(until: &Series<'_, i32>, tick: Tick) -> (Option<i32>, Option<i32>) {
    let (mut before, mut now) = (None, None);
    for passed in until.backwards(tick, |_| true) {
        before = before.or((passed.before > 0).then_some(*passed.row));
        now = now.or((passed.now > 0).then_some(*passed.row));
        if before.is_some() && now.is_some() {
            break;
        }
    }
    (before, now)
}

/// Fills again the days of the observations that changed, up to the last day as it was before the tick.
fn fill_changed<V: Observation>(
    tick: Tick,
    observations: &Side<'_, '_, (i32, V)>,
    last: Option<i32>,
    filled: &mut Filled<V::Number, impl FnMut(i32, DayBlock<V::Number>)>,
) {
    let Some(last) = last else { return };
    let of_days = observations.changes.chunk_by(|a, b| a.row.0 == b.row.0);
    let mut changed = of_days.map(|of_day| of_day[0].row.0).take_while(|day| *day <= last).peekable();
    'runs: while let Some(first) = changed.next() {
        let Carried { mut before, mut now } = Carried::into(observations.rows, tick, first);
        let mut from = first;
        for passed in observations.rows.forwards(tick, |observation| observation.0 < first) {
            let (day, value) = (passed.row.0, passed.row.1.number());
            if day != from {
                filled.replace(from, last.min(day - 1), before, now);
                // Where the next one changed too its days follow at once; where it did not, they stand.
                if changed.next_if_eq(&day).is_none() {
                    continue 'runs;
                }
                from = day;
            }
            before = if passed.before > 0 { Some(value) } else { before };
            now = if passed.now > 0 { Some(value) } else { now };
        }
        filled.replace(from, last, before, now);
    }
}

/// Fills the days between the last day as it was and as it is, or takes them back if it is the earlier one.
fn fill_between<V: Observation>(
    tick: Tick,
    observations: &Series<'_, (i32, V)>,
    last_before: Option<i32>,
    last_now: Option<i32>,
    filled: &mut Filled<V::Number, impl FnMut(i32, DayBlock<V::Number>)>,
) {
    let (Some(last), times) = (last_before.max(last_now), if last_before < last_now { 1 } else { -1 }) else { return };
    let filled_upto = last_before.min(last_now);
    if filled_upto == Some(last) {
        return;
    }
    let mut from = filled_upto.map_or(i32::MIN, |day| day + 1);
    let mut value = Carried::into(observations, tick, from).now;
    let passed = observations.forwards(tick, |observation| observation.0 < from).filter(|passed| passed.now > 0);
    for (day, observed) in
        passed.map(|passed| (passed.row.0, passed.row.1.number())).take_while(|(day, _)| *day <= last)
    {
        if day != from {
            filled.fill(from, day - 1, value, times);
            from = day;
        }
        value = Some(observed);
    }
    filled.fill(from, last, value, times);
}

/// What is carried into a day from those before it, just before a tick and at it.
struct Carried<T> {
    before: Option<T>,
    now: Option<T>,
}

impl<T: Number> Carried<T> {
    fn into(observations: &Series<'_, (i32, impl Observation<Number = T>)>, tick: Tick, day: i32) -> Self {
        let (mut before, mut now) = (None, None);
        for passed in observations.backwards(tick, |observation| observation.0 < day) {
            before = before.or((passed.before > 0).then_some(passed.row.1.number()));
            now = now.or((passed.now > 0).then_some(passed.row.1.number()));
            if before.is_some() && now.is_some() {
                break;
            }
        }
        Carried { before, now }
    }
}

/// The block that is being filled. Days come in their order.
struct Filled<T, G> {
    block: i32,
    days: DayBlock<T>,
    give: G,
}

impl<T: Number, G: FnMut(i32, DayBlock<T>)> Filled<T, G> {
    fn new(give: G) -> Self {
        Filled { block: 0, days: DayBlock::zero(), give }
    }

    /// Has one value instead of another on the days from one to another, both included.
    fn replace(&mut self, from: i32, to: i32, before: Option<T>, now: Option<T>) {
        if before != now {
            self.fill(from, to, before, -1);
            self.fill(from, to, now, 1);
        }
    }

    fn fill(&mut self, mut from: i32, to: i32, value: Option<T>, times: isize) {
        let Some(value) = value.map(|value| value.times(times)) else { return };
        while from <= to {
            let block = block_of(from);
            if block != self.block {
                self.end();
                self.block = block;
            }
            let last = to.min(day_of(block, BLOCK_DAYS - 1));
            let days = day_in_block(from)..=day_in_block(last);
            self.days.values[days.clone()].iter_mut().for_each(|sum| *sum = sum.plus(value));
            self.days.counts[days].iter_mut().for_each(|count| *count = count.wrapping_add(times as i32));
            if last == to {
                break;
            }
            from = last + 1;
        }
    }

    /// Gives the block as it is.
    fn end(&mut self) {
        if !self.days.is_zero() {
            let days = std::mem::replace(&mut self.days, DayBlock::zero());
            (self.give)(self.block, days);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::Collection;
    use crate::churn;
    use crate::day_blocks::days;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, differences, run, run_apart};

    /// Key, day, and the value that is observed on it, or none where it is a last day.
    type Input = (u8, i32, Option<i64>);

    fn carried<'s>(input: Collection<'s, Input>) -> Collection<'s, (u8, i32, i64)> {
        let observations = input.clone().flat_map(|(key, day, value)| value.map(|value| (key, (day, value))));
        let until = input.flat_map(|(key, day, value)| value.is_none().then_some((key, day)));
        days(&carry_forward(&arrange(observations, "observations"), &arrange(until, "until"), "carried"), "days")
    }

    /// The last observation on or before each day.
    fn carried_of(input: &[(Input, isize)]) -> Changes<(u8, i32, i64)> {
        let rows: BTreeSet<Input> = input.iter().map(|(row, _)| *row).collect();
        let mut carried = Vec::new();
        for key in 0..4 {
            let of_key = || rows.iter().filter(|row| row.0 == key);
            let observed: BTreeMap<i32, i64> = of_key().filter_map(|(_, day, value)| Some((*day, (*value)?))).collect();
            let last = of_key().filter(|row| row.2.is_none()).map(|row| row.1).max();
            let (Some(last), Some(first)) = (last, observed.keys().next()) else { continue };
            let on = |day| observed.range(..=day).next_back().map(|(_, value)| ((key, day, *value), 1));
            carried.extend((*first..=last).filter_map(on));
        }
        carried
    }

    fn inputs(day: impl Strategy<Value = i32> + Clone) -> impl Strategy<Value = Input> {
        prop_oneof![3 => (0..2u8, day.clone(), (-1..2i64).prop_map(Some)), 1 => (0..2u8, day, Just(None))]
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn days_say_what_was_last_observed(ticks in churn::churn(inputs(-3..9i32))) {
            assert_incremental(ticks, carried, |_, input| carried_of(input));
        }

        #[test]
        fn series_that_span_blocks_are_filled_the_same(ticks in churn::churn(inputs(prop_oneof![-70..200i32, 60..68i32]))) {
            assert_incremental(ticks, carried, |_, input| carried_of(input));
        }

        #[test]
        fn the_two_sides_may_close_their_ticks_apart(ticks in churn::churn(inputs(-3..9i32))) {
            let side = |observations| {
                let of_side = move |(row, _): &&(Input, isize)| row.2.is_some() == observations;
                ticks.iter().map(|changes: &Changes<Input>| changes.iter().filter(of_side).copied().collect()).collect()
            };
            let outputs = run_apart(side(true), side(false), |observations: Collection<'_, Input>, until| carried(observations.concat(until)));
            assert_eq!(outputs, differences(&ticks, |_, input| carried_of(input)));
        }
    }

    #[test]
    fn the_ends_of_time_are_days() {
        let ticks = vec![
            vec![((1, i32::MAX, None), 1), ((1, i32::MAX - 1, Some(3)), 1), ((2, i32::MIN, Some(4)), 1)],
            vec![((2, i32::MIN, None), 1)],
            vec![((1, i32::MAX, Some(5)), 1), ((2, i32::MIN, None), -1)],
        ];
        let outputs = run(ticks, carried);
        assert_eq!(outputs[0], vec![((1, i32::MAX - 1, 3), 1), ((1, i32::MAX, 3), 1)]);
        assert_eq!(outputs[1], vec![((2, i32::MIN, 4), 1)]);
        assert_eq!(outputs[2], vec![((1, i32::MAX, 3), -1), ((1, i32::MAX, 5), 1), ((2, i32::MIN, 4), -1)]);
    }

    #[test]
    fn what_changes_is_filled_and_no_more() {
        for observed in [1_000, 10_000, 100_000] {
            // An observation each other day.
            let load =
                (0..observed).map(|number| ((1, 2 * number, Some(5)), 1)).chain([((1, 2 * observed - 1, None), 1)]);
            let middle = observed / 2 * 2;
            let corrected = vec![((1, middle, Some(5)), -1), ((1, middle, Some(6)), 1)];
            let a_day_later = vec![((1, 2 * observed - 1, None), -1), ((1, 2 * observed, None), 1)];
            let costs = cost::by_tick_of(vec![load.collect(), corrected, a_day_later], carried);
            let costs: Vec<_> = costs.iter().map(|(rows, read)| (rows.len(), *read)).collect();
            let blocks = (2 * observed as usize).div_ceil(BLOCK_DAYS);
            assert_eq!(costs[0].0, 2 * observed as usize);
            assert!(costs[0].1 <= observed as usize + blocks + 2, "one pass: {} for {observed}", costs[0].1);
            assert_eq!(costs[1].0, 2 * 2);
            assert!(costs[1].1 <= 8, "{} rows read for a correction", costs[1].1);
            assert_eq!(costs[2].0, 1);
            assert!(costs[2].1 <= 8, "{} rows read for another day", costs[2].1);
        }
    }
}
