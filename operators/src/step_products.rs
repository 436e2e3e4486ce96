//! `step_products`: what targets hold of each key, which changes in steps, times the series of the key, added up by target.
//!
//! ```text
//!  steps  (key → target, day; difference: amount, count) ──▶ what the target holds of the key on each day ─┐
//!  series (key → block; difference: 64 days) ──────────────────────────────────────────────────────────────┴─▶ × ──▶ Σ
//!                                                                        target → block; difference: 64 days ◀─────────┘
//! ```
//! Inputs     two arrangements by the same key: steps `(target, day)` whose difference is a [`Step`], and series of
//!            [`DayBlock`]s. From the day of a step on, its target holds `amount` more of the key, and `count` more things.
//! Output     an arrangement `target → block` whose difference is a [`DayBlock`]. A day of a target has as its value the sum
//!            over keys of what is held times the value of the series, and as its count the sum over keys of the things
//!            held times the points of the series. Where a series has no point nothing is added.
//! Update     a new step costs the blocks of its key from its day on, a changed block one pass over the steps of its key
//!            and the days that changed, for each target that holds the key. Neither reads the other side's history again.
//!            One row a target and block that changes, however many keys it changes in.
//! Order      independent of arrival order: products and sums of integers, which are bilinear.
//! Bounds     no state but the arrangements. What changes at ticks that close together is added up in memory: 1,280 bytes a
//!            target and block. What an `i64` holds is the limit of the amounts of one target and day of a key, and of the
//!            points of one day, also in between; what is held may be more. Counts are exact up to 2,147,483,647.
//!
//! # Example
//! ```
//! use operators::{arrange, day_blocks::{arrange_days, days}, step_products::{Step, step_products}, testing};
//! let outputs = testing::run(
//!     vec![
//!         // From day 3 on fund 1 holds 5 of share 7, which costs 100 and then 110.
//!         vec![(('h', 3, 5i64), 1), (('p', 3, 100), 1), (('p', 4, 110), 1)],
//!         vec![(('h', 4, -3), 1)], // of which it sold 3 on day 4, as is heard later
//!     ],
//!     |input| {
//!         let steps = input.clone().filter(|(kind, _, _)| *kind == 'h');
//!         // It starts to hold a thing, or holds more or less of it.
//!         let steps = steps.explode(|(_, day, amount)| Some(((7u64, (1u64, day)), Step { amount, count: (amount > 0).into() })));
//!         let prices = input.flat_map(|(kind, day, price)| (kind == 'p').then_some((7u64, day, price)));
//!         days(&step_products(&arrange(steps, "steps"), &arrange_days(prices, "prices"), "values"), "values by day")
//!     },
//! );
//! assert_eq!(outputs[0], vec![((1, 3, 500), 1), ((1, 4, 550), 1)]);
//! assert_eq!(outputs[1], vec![((1, 4, 220), 1), ((1, 4, 550), -1)]);
//! ```

use std::ops::Range;

use differential_dataflow::difference::{Abelian, IsZero, Monoid, Multiply, Semigroup};
use serde::{Deserialize, Serialize};

use crate::arrangement::{Arranged, Key, Tick, arrange};
use crate::block_sums::{BlockSums, Blocks};
use crate::day_blocks::{BLOCK_DAYS, DayBlock, block_of, day_in_block, days_of};
use crate::follow::gather_both;
use crate::series::Series;

/// By how much more is held from a day on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Step {
    /// How much more of it.
    pub amount: i64,
    /// How many more things: 1 where one starts to be held, -1 where it ends, 0 where there is more or less of it.
    pub count: i64,
}

impl IsZero for Step {
    fn is_zero(&self) -> bool {
        *self == Step::default()
    }
}

impl Semigroup for Step {
    fn plus_equals(&mut self, other: &Self) {
        self.amount = self.amount.wrapping_add(other.amount);
        self.count = self.count.wrapping_add(other.count);
    }
}

impl Monoid for Step {
    fn zero() -> Self {
        Step::default()
    }
}

impl Abelian for Step {
    fn negate(&mut self) {
        *self = self.multiply(&-1);
    }
}

impl Multiply<isize> for Step {
    type Output = Step;

    fn multiply(self, times: &isize) -> Step {
        Step { amount: self.amount.wrapping_mul(*times as i64), count: self.count.wrapping_mul(*times as i64) }
    }
}

/// Multiplies what is held of each key by the series of the key, and adds up by target.
pub fn step_products<'scope, K: Key, G: Key>(
    steps: &Arranged<'scope, K, (G, i32), Step>,
    series: &Arranged<'scope, K, i32, DayBlock<i64>>,
    name: &str,
) -> Arranged<'scope, G, i32, DayBlock<i128>> {
    let products = gather_both(steps, series, name, |_key: &K, tick, steps, series, sums: &mut BlockSums<G>| {
        // (steps + new steps) x (series + new points) - steps x series, in two products.
        let new_steps: Vec<_> = steps.changes.iter().map(|new| (&new.row.0, new.row.1, new.diff)).collect();
        if let Some(first) = new_steps.iter().map(|(_, day, _)| block_of(*day)).min() {
            add_products(tick, &new_steps, &factors_from(first, series.rows, tick), sums);
        }
        let new_points: Vec<_> = series.changes.iter().map(|new| Factor::of(*new.row, &new.diff)).collect();
        if !new_points.is_empty() {
            add_products(tick, &steps_before(steps.rows, tick), &new_points, sums);
        }
    });
    arrange(products, name)
}

/// Steps in the order of their targets, and for each in the order of their days.
type Steps<'a, G> = Vec<(&'a G, i32, Step)>;

/// All steps that were there before a tick.
fn steps_before<'a, G: Ord>(steps: &Series<'a, (G, i32), Step>, tick: Tick) -> Steps<'a, G> {
    let passed = steps.forwards(tick, |_| false).filter(|passed| !passed.before.is_zero());
    passed.map(|passed| (&passed.row.0, passed.row.1, passed.before)).collect()
}

/// The blocks from one on, as they are at a tick.
fn factors_from(first: i32, series: &Series<'_, i32, DayBlock<i64>>, tick: Tick) -> Vec<Factor> {
    let blocks = series.forwards(tick, |block| *block < first);
    blocks.map(|passed| Factor::of(*passed.row, &passed.now)).filter(|factor| factor.days_set != 0).collect()
}

/// A block to be multiplied.
struct Factor {
    block: i32,
    days: DayBlock<i64>,
    /// A bit for each day that is not zero: of a correction, few are.
    days_set: u64,
}

impl Factor {
    fn of(block: i32, days: &DayBlock<i64>) -> Self {
        Factor { block, days: *days, days_set: days.days_set() }
    }
}

/// Multiplies steps by blocks, which come in their order, and adds the products to the sums of their targets.
fn add_products<G: Key>(tick: Tick, steps: &Steps<'_, G>, factors: &[Factor], sums: &mut BlockSums<G>) {
    for of_target in steps.chunk_by(|(target, ..), (other, ..)| target == other) {
        let first = block_of(of_target[0].1);
        let factors = &factors[factors.partition_point(|factor| factor.block < first)..];
        if !factors.is_empty() {
            add_products_of_target(of_target, factors, sums.of(tick, of_target[0].0));
        }
    }
}

fn add_products_of_target<G>(steps: &[(&G, i32, Step)], factors: &[Factor], sums: &mut Blocks) {
    let mut held = Held::default();
    let mut steps = steps.iter().map(|(_, day, step)| (*day, *step)).peekable();
    for factor in factors {
        while let Some((_, step)) = steps.next_if(|(day, _)| block_of(*day) < factor.block) {
            held.change(step);
        }
        let mut from = 0;
        while let Some((day, step)) = steps.next_if(|(day, _)| block_of(*day) == factor.block) {
            held.add_products(factor, from..day_in_block(day), sums);
            held.change(step);
            from = day_in_block(day);
        }
        held.add_products(factor, from..BLOCK_DAYS, sums);
    }
}

/// What is held on a day: the sum of the steps up to it.
#[derive(Default)]
struct Held {
    amount: i128,
    count: i32,
}

impl Held {
    fn change(&mut self, step: Step) {
        self.amount += i128::from(step.amount);
        self.count = self.count.wrapping_add(step.count as i32);
    }

    /// Adds what is held, times the values of some days of a block.
    fn add_products(&self, factor: &Factor, days: Range<usize>, sums: &mut Blocks) {
        let wanted = days_between(&days);
        let left = factor.days_set & wanted;
        if left == 0 || (self.amount == 0 && self.count == 0) {
            return;
        }
        #[cfg(test)]
        crate::group::cost::read(left.count_ones() as usize);
        let sum = sums.block(factor.block);
        if left == wanted {
            let values = sum.values[days.clone()].iter_mut().zip(&factor.days.values[days.clone()]);
            values.for_each(|(sum, value)| *sum = sum.wrapping_add(self.times(*value)));
            let counts = sum.counts[days.clone()].iter_mut().zip(&factor.days.counts[days]);
            counts.for_each(|(sum, count)| *sum = sum.wrapping_add(self.count.wrapping_mul(*count)));
            return;
        }
        for day in days_of(left) {
            sum.values[day] = sum.values[day].wrapping_add(self.times(factor.days.values[day]));
            sum.counts[day] = sum.counts[day].wrapping_add(self.count.wrapping_mul(factor.days.counts[day]));
        }
    }

    fn times(&self, value: i64) -> i128 {
        self.amount.wrapping_mul(i128::from(value))
    }
}

/// A bit for each of some days of a block.
fn days_between(days: &Range<usize>) -> u64 {
    let below = |day: usize| 1u64.checked_shl(day as u32).map_or(u64::MAX, |bit| bit - 1);
    below(days.end) & !below(days.start)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::Collection;
    use crate::churn;
    use crate::day_blocks::{arrange_days, days};
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, days_as_rows, differences, run_apart};

    /// A step or a point of a key.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    enum Input {
        /// Key, target, day.
        Step(u8, u32, i32, Step),
        /// Key, day, value.
        Point(u8, i32, i64),
    }

    type Sides<'s> = (Arranged<'s, u8, (u32, i32), Step>, Arranged<'s, u8, i32, DayBlock<i64>>);

    fn sides<'s>(input: Collection<'s, Input>) -> Sides<'s> {
        let step =
            |row| if let Input::Step(key, target, day, step) = row { Some(((key, (target, day)), step)) } else { None };
        let point = |row| if let Input::Point(key, day, value) = row { Some((key, day, value)) } else { None };
        (arrange(input.clone().explode(step), "steps"), arrange_days(input.flat_map(point), "series"))
    }

    fn products<'s>(input: Collection<'s, Input>) -> Collection<'s, (u32, i32, i128, i32)> {
        let (steps, series) = sides(input);
        days_as_rows(&step_products(&steps, &series, "products"))
    }

    /// By target and day, over all keys, what is held times the points.
    fn products_of(input: &[(Input, isize)]) -> Changes<(u32, i32, i128, i32)> {
        let mut sums: BTreeMap<(u32, i32), (i128, i32)> = BTreeMap::new();
        for (step, step_count) in input {
            let Input::Step(key, target, from, step) = *step else { continue };
            for (point, point_count) in input {
                let Input::Point(other, day, value) = *point else { continue };
                if other == key && from <= day {
                    let times = step_count * point_count;
                    let (sum, count) = sums.entry((target, day)).or_default();
                    *sum += i128::from(step.amount) * i128::from(value) * times as i128;
                    *count += (step.count * times as i64) as i32;
                }
            }
        }
        let sums = sums.into_iter().map(|((target, day), (sum, count))| ((target, day, sum, count), 1));
        sums.filter(|((_, _, sum, count), _)| *sum != 0 || *count != 0).collect()
    }

    fn inputs(day: impl Strategy<Value = i32> + Clone) -> impl Strategy<Value = Input> {
        let amount = prop_oneof![-2..3i64, Just(1 << 56)];
        let step = (0..3u8, 0..2u32, day.clone(), amount, -1..2i64)
            .prop_map(|(key, target, day, amount, count)| Input::Step(key, target, day, Step { amount, count }));
        let value = prop_oneof![-2..3i64, Just(1 << 56)];
        prop_oneof![step, (0..3u8, day, value).prop_map(|(key, day, value)| Input::Point(key, day, value))]
    }

    fn wide_days() -> impl Strategy<Value = i32> + Clone {
        prop_oneof![-70..200i32, 60..68i32, Just(i32::MIN), Just(i32::MAX)]
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn products_of_a_few_days_are_exact(ticks in churn::churn(inputs(-3..4i32))) {
            assert_incremental(ticks, products, |_, input| products_of(input));
        }

        #[test]
        fn products_of_many_blocks_are_exact(ticks in churn::churn(inputs(wide_days()))) {
            assert_incremental(ticks, products, |_, input| products_of(input));
        }

        #[test]
        fn whole_blocks_are_multiplied_like_single_days(
            steps in prop::collection::vec((0..2u8, 0..2u32, -70..140i32, -3..4i64, -1..2i64), 0..12),
            spans in prop::collection::vec((0..2u8, -70..140i32, 1..130i32), 1..4),
            steps_first: bool,
        ) {
            let step = |(key, target, day, amount, count)| (Input::Step(key, target, day, Step { amount, count }), 1);
            let points = spans.into_iter().flat_map(|(key, from, days)| (from..from + days).map(move |day| (key, day)));
            let points: BTreeSet<(u8, i32)> = points.collect();
            let points: Changes<Input> = points.into_iter().map(|(key, day)| (Input::Point(key, day, day.into()), 1)).collect();
            let steps: Changes<Input> = steps.into_iter().map(step).collect();
            let gone = [&steps, &points].into_iter().flatten().map(|(row, diff)| (*row, -diff)).collect();
            let ticks = if steps_first { vec![steps, points, gone] } else { vec![points, steps, gone] };
            assert_incremental(ticks, products, |_, input| products_of(input));
        }

        #[test]
        fn the_two_sides_may_close_their_ticks_apart(ticks in churn::churn(inputs(-3..4i32))) {
            let side = |steps| {
                let of_side = move |(row, _): &&(Input, isize)| matches!(row, Input::Step(..)) == steps;
                ticks.iter().map(|changes: &Changes<Input>| changes.iter().filter(of_side).copied().collect()).collect()
            };
            let outputs = run_apart(side(true), side(false), |steps: Collection<'_, Input>, points| {
                let (steps, series) = (sides(steps).0, sides(points).1);
                days_as_rows(&step_products(&steps, &series, "products"))
            });
            assert_eq!(outputs, differences(&ticks, |_, input| products_of(input)));
        }
    }

    fn values<'s>(input: Collection<'s, Input>) -> Collection<'s, (u32, i32, i128)> {
        let (steps, series) = sides(input);
        days(&step_products(&steps, &series, "products"), "days")
    }

    #[test]
    fn what_is_held_may_be_more_than_a_step() {
        let step = |day| (Input::Step(1, 1, day, Step { amount: i64::MAX, count: 0 }), 1);
        let point = |day| (Input::Point(1, day, 1_000), 1);
        let ticks = vec![vec![step(1), step(2), point(1), point(2)], vec![point(3)], vec![step(3), (point(1).0, -1)]];
        assert_incremental(ticks, products, |_, input| products_of(input));
    }

    #[test]
    fn a_change_costs_the_other_side_from_its_day_on() {
        for length in [1_000, 10_000, 100_000] {
            // Ten targets hold key 1 from the first day on; a thousand others hold other keys.
            let step = |key, target, day, amount, count| (Input::Step(key, target, day, Step { amount, count }), 1);
            let held = (0..10).map(|target| step(1, target, 0, 1, 1));
            let others = (0..1_000).map(|target| step(2, 100 + target, 0, 1, 1));
            let points = (0..length).map(|day| (Input::Point(1, day, 5), 1));
            let corrected = vec![(Input::Point(1, length / 2, 5), -1), (Input::Point(1, length / 2, 6), 1)];
            let traded = vec![step(1, 3, length - 100, 7, 0)];
            let ticks = vec![held.chain(others).chain(points).collect(), corrected, traded];
            let costs = cost::by_tick_of(ticks, values);
            let costs: Vec<_> = costs.iter().map(|(rows, read)| (rows.len(), *read)).collect();
            let (length, blocks) = (length as usize, (length as usize).div_ceil(BLOCK_DAYS));
            assert_eq!(costs[0].0, 10 * length);
            let load = 10 * length + blocks + 2 * 1_010 + 10 * blocks;
            assert!(costs[0].1 <= load, "{} rows and products for a load of {load}", costs[0].1);
            assert_eq!(costs[1].0, 10 * 2);
            // The steps of the key, a product and a block of what is given for each; the rows of two batches.
            assert!(costs[1].1 <= 10 + 10 + 10 * 2, "{} rows and products for a correction", costs[1].1);
            assert_eq!(costs[2].0, 100 * 2);
            assert!(costs[2].1 <= 100 + 2 * 3 + 3 * 3, "{} rows and products for a late step", costs[2].1);
        }
    }
}
