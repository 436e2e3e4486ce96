//! `arrange_days` and `days`: series of numbers by day, in blocks of 64 days whose numbers are the difference.
//!
//! ```text
//!  (key, day, value) ──▶ one [`DayBlock`] a key and block ──▶ key → block, difference: 64 values and 64 counts
//!                                                                │
//!  (key, day, value) ◀── the days of the blocks that change ─────┘
//! ```
//! Input      `(key, day, value)`, at most one a key and day.
//! Output     [`arrange_days`]: an arrangement `key → block` whose difference is a [`DayBlock`]: values are added day by
//!            day, so a joined or summed series needs no row for each day. [`days`]: such blocks as rows again. Where a
//!            day has more than one point, their sum stands, as many times as there are points: it does not go unseen.
//! Update     O(1) a point, in one row a block that changes; `days` reads that block, and gives the days that changed.
//! Order      independent of arrival order: addition of integers, which wraps, so that sums which pass the greatest number
//!            and come back are right.
//! Bounds     a block is a row of 768 bytes (`i64`) or 1,280 (`i128`; of an array, as many times its 1,024), however few of its days hold a point: this is for
//!            series with a point on most days. A block of which nothing is left is gone; one whose points are all zero
//!            is not. Counts are exact up to 2,147,483,647 points a day. Points wait for their tick to close, and are put into
//!            blocks before they go to other workers: a message holds a dozen blocks, which should not be of a point each.
//!
//! # Example
//! ```
//! use operators::{day_blocks::{arrange_days, days}, testing};
//! let outputs = testing::run(
//!     vec![vec![((7u64, 63, 100i64), 1), ((7, 64, 0), 1)], vec![((7, 63, 100), -1), ((7, 63, 101), 1)]],
//!     |input| days(&arrange_days(input, "prices"), "prices by day"),
//! );
//! assert_eq!(outputs[0], vec![((7, 63, 100), 1), ((7, 64, 0), 1)]);
//! assert_eq!(outputs[1], vec![((7, 63, 100), -1), ((7, 63, 101), 1)]);
//! ```

use std::cmp::Ordering;
use std::fmt::Debug;
use std::hash::Hash;

use differential_dataflow::AsCollection;
use differential_dataflow::difference::{Abelian, IsZero, Monoid, Multiply, Semigroup};
use serde::{Deserialize, Serialize};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Arranged, Collection, Data, Key, Tick, arrange};
use crate::follow::follow;
use crate::pending::Pending;
use crate::series::Series;

/// How many days are in a block.
pub const BLOCK_DAYS: usize = 64;

/// Which block a day is in.
pub fn block_of(day: i32) -> i32 {
    day.div_euclid(BLOCK_DAYS as i32)
}

/// Which of the days of its block a day is.
pub fn day_in_block(day: i32) -> usize {
    day.rem_euclid(BLOCK_DAYS as i32) as usize
}

/// A day of a block.
pub fn day_of(block: i32, day_in_block: usize) -> i32 {
    block * BLOCK_DAYS as i32 + day_in_block as i32
}

/// A number that can stand in a block: an integer, or fixed point.
pub trait Number: Data + Copy + Default {
    /// Adds, modulo the size of the type.
    fn plus(self, other: Self) -> Self;
    /// The same number, `times` over, modulo the size of the type.
    fn times(self, times: isize) -> Self;
}

impl Number for i64 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn times(self, times: isize) -> Self {
        self.wrapping_mul(times as i64)
    }
}

impl Number for i128 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn times(self, times: isize) -> Self {
        self.wrapping_mul(times as i128)
    }
}

/// Several numbers of one day travel in one block.
impl<const N: usize> Number for [i128; N]
where
    [i128; N]: Data + Default,
{
    fn plus(mut self, other: Self) -> Self {
        self.iter_mut().zip(other).for_each(|(sum, more)| *sum = sum.wrapping_add(more));
        self
    }

    fn times(self, times: isize) -> Self {
        self.map(|number| number.wrapping_mul(times as i128))
    }
}

/// The values of 64 days, and how many points each is the sum of. Added and subtracted day by day: an exact group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct DayBlock<T> {
    /// The values by day.
    #[serde(with = "by_day")]
    pub values: [T; BLOCK_DAYS],
    /// How many points there are by day, so that a value of zero is told from none.
    #[serde(with = "by_day")]
    pub counts: [i32; BLOCK_DAYS],
}

impl<T: Number> DayBlock<T> {
    /// A block with one point, `times` over.
    pub fn of(day: i32, value: T, times: isize) -> Self {
        let mut block = Self::zero();
        block.add(day, value, times);
        block
    }

    /// Adds a point, `times` over; which block the day is in does not matter here.
    pub fn add(&mut self, day: i32, value: T, times: isize) {
        let day = day_in_block(day);
        self.values[day] = self.values[day].plus(value.times(times));
        self.counts[day] = self.counts[day].wrapping_add(times as i32);
    }

    /// What there is of a day of the block, and how many points that is.
    pub fn on(&self, day_in_block: usize) -> Option<(T, i32)> {
        let count = self.counts[day_in_block];
        (count != 0).then_some((self.values[day_in_block], count))
    }

    /// A bit for each day of which there is anything.
    pub(crate) fn days_set(&self) -> u64 {
        let is_set = |day: usize| self.values[day] != T::default() || self.counts[day] != 0;
        (0..BLOCK_DAYS).fold(0, |set, day| set | u64::from(is_set(day)) << day)
    }

    /// The block with each value made into another. The function must be linear, where the block is a difference.
    pub fn map<U: Number>(&self, function: impl Fn(T) -> U) -> DayBlock<U> {
        DayBlock { values: self.values.map(function), counts: self.counts }
    }
}

impl<T: Number> IsZero for DayBlock<T> {
    fn is_zero(&self) -> bool {
        self.counts == [0; BLOCK_DAYS] && self.values == [T::default(); BLOCK_DAYS]
    }
}

impl<T: Number> Semigroup for DayBlock<T> {
    fn plus_equals(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(value, more)| *value = value.plus(*more));
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count = count.wrapping_add(*more));
    }
}

impl<T: Number> Monoid for DayBlock<T> {
    fn zero() -> Self {
        DayBlock { values: [T::default(); BLOCK_DAYS], counts: [0; BLOCK_DAYS] }
    }
}

impl<T: Number> Abelian for DayBlock<T> {
    fn negate(&mut self) {
        *self = self.multiply(&-1);
    }
}

/// So that rows can be made into blocks by `explode`.
impl<T: Number> Multiply<isize> for DayBlock<T> {
    type Output = Self;

    fn multiply(mut self, times: &isize) -> Self {
        self.values.iter_mut().for_each(|value| *value = value.times(*times));
        self.counts.iter_mut().for_each(|count| *count = count.wrapping_mul(*times as i32));
        self
    }
}

/// Arrays of 64, which serde does not know.
mod by_day {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::BLOCK_DAYS;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        days: &[T; BLOCK_DAYS],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        days.as_slice().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[T; BLOCK_DAYS], D::Error> {
        let days = Vec::deserialize(deserializer)?;
        days.try_into().map_err(|days: Vec<T>| D::Error::invalid_length(days.len(), &"64 days"))
    }
}

/// Puts points into blocks, and indexes these by key.
pub fn arrange_days<'scope, K: Key, T: Number>(
    points: Collection<'scope, (K, i32, T)>,
    name: &str,
) -> Arranged<'scope, K, i32, DayBlock<T>> {
    let blocks = points.inner.unary_frontier(Pipeline, "days to blocks", |_capability, _info| {
        let mut pending = Pending::<Vec<_>>::new();
        move |(input, frontier), output| {
            input.for_each(|capability, updates| pending.add(&capability, updates));
            while let Some((tick, capability, mut points)) = pending.next_closed(frontier) {
                points.sort_unstable_by(|((key, day, _), _), ((other, other_day, _), _)| {
                    (key, day).cmp(&(other, other_day))
                });
                let of_blocks = points.chunk_by(|((key, day, _), _), ((other, other_day, _), _)| {
                    (key, block_of(*day)) == (other, block_of(*other_day))
                });
                let blocks = of_blocks.map(|points| {
                    let mut block = DayBlock::zero();
                    points.iter().for_each(|((_, day, value), diff)| block.add(*day, *value, *diff));
                    let (key, day, _) = &points[0].0;
                    ((key.clone(), block_of(*day)), tick, block)
                });
                output.session(&capability).give_iterator(blocks.filter(|(_, _, block)| !block.is_zero()));
            }
        }
    });
    arrange(blocks.as_collection(), name)
}

/// The points of all blocks as rows.
pub fn days<'scope, K: Key, T: Number>(
    blocks: &Arranged<'scope, K, i32, DayBlock<T>>,
    name: &str,
) -> Collection<'scope, (K, i32, T)> {
    follow(blocks, name, |key, tick, blocks, out| {
        for block in blocks.changes.iter().map(|change| *change.row) {
            let at = BlockAt::find(blocks.rows, tick, |other| other.cmp(&block));
            for day in days_of(at.changed()) {
                let (before, now) = (at.before(day), at.now(day));
                if before != now {
                    let point = |value| (key.clone(), day_of(block, day), value);
                    out.extend(before.map(|(value, count)| (point(value), -(count as isize))));
                    out.extend(now.map(|(value, count)| (point(value), count as isize)));
                }
            }
        }
    })
}

/// A block just before a tick and at it, as the differences that it is the sum of. Days are added up when they are asked
/// for: a correction changes one of 64.
pub(crate) struct BlockAt<'a, T> {
    earlier: Vec<&'a DayBlock<T>>,
    /// Those of the tick itself.
    own: Vec<&'a DayBlock<T>>,
}

impl<'a, T: Number> BlockAt<'a, T> {
    /// Reads the block of the row that is sought: nothing where there is none.
    pub(crate) fn find<V: Ord>(
        rows: &Series<'a, V, DayBlock<T>>,
        tick: Tick,
        sought: impl Fn(&V) -> Ordering,
    ) -> BlockAt<'a, T> {
        let (mut earlier, mut own) = (Vec::new(), Vec::new());
        rows.differences(sought, |time, block| match time.cmp(&tick) {
            Ordering::Less => earlier.push(block),
            Ordering::Equal => own.push(block),
            Ordering::Greater => {}
        });
        BlockAt { earlier, own }
    }

    /// A bit for each day that may have changed at the tick.
    pub(crate) fn changed(&self) -> u64 {
        self.own.iter().fold(0, |set, block| set | block.days_set())
    }

    /// What there was of a day before the tick, and how many points that were.
    pub(crate) fn before(&self, day_in_block: usize) -> Option<(T, i32)> {
        point(sum_of_day(self.earlier.iter(), day_in_block))
    }

    /// What there is of a day at the tick.
    pub(crate) fn now(&self, day_in_block: usize) -> Option<(T, i32)> {
        point(sum_of_day(self.earlier.iter().chain(&self.own), day_in_block))
    }
}

fn sum_of_day<'a, T: Number>(blocks: impl Iterator<Item = &'a &'a DayBlock<T>>, day: usize) -> (T, i32) {
    blocks.fold((T::default(), 0i32), |(value, count), block| {
        (value.plus(block.values[day]), count.wrapping_add(block.counts[day]))
    })
}

fn point<T>((value, count): (T, i32)) -> Option<(T, i32)> {
    (count != 0).then_some((value, count))
}

/// The days whose bits are set, in their order.
pub(crate) fn days_of(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let day = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (day < u64::BITS).then_some(day as usize)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use timely::dataflow::channels::ContainerBytes;

    use super::*;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, run};

    fn there_and_back<'s, T: Number>(points: Collection<'s, (u8, i32, T)>) -> Collection<'s, (u8, i32, T)> {
        days(&arrange_days(points, "blocks"), "days")
    }

    /// By key and day the sum of the points, as many times as there are points.
    fn summed(points: &[((u8, i32, i64), isize)]) -> Changes<(u8, i32, i64)> {
        let mut days: BTreeMap<(u8, i32), (i64, isize)> = BTreeMap::new();
        for ((key, day, value), count) in points {
            let (sum, number) = days.entry((*key, *day)).or_default();
            *sum = sum.wrapping_add(value.wrapping_mul(*count as i64));
            *number += count;
        }
        days.into_iter().map(|((key, day), (sum, number))| ((key, day, sum), number)).collect()
    }

    fn day() -> impl Strategy<Value = i32> {
        prop_oneof![-3..3i32, 60..68i32, Just(i32::MIN), Just(i32::MAX)]
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn days_are_those_of_the_points(ticks in churn::churn((0..3u8, day(), prop_oneof![-2..3i64, Just(i64::MAX)]))) {
            assert_incremental(ticks, there_and_back::<i64>, |_, points| summed(points));
        }

        #[test]
        fn wide_numbers_are_kept(day in day(), value: i128) {
            assert_incremental(vec![vec![((1, day, value), 1)], vec![((1, day, value), -1)]], there_and_back::<i128>, |_, points| points.to_vec());
        }

        #[test]
        fn several_numbers_of_a_day_are_kept(day in day(), value: [i128; 3]) {
            assert_incremental(vec![vec![((1, day, value), 1)], vec![((1, day, value), -1)]], there_and_back::<[i128; 3]>, |_, points| points.to_vec());
        }

        #[test]
        fn blocks_form_a_group(points in prop::collection::vec((day(), any::<i64>(), -2..3isize), 0..20), at in any::<prop::sample::Index>()) {
            let sum = |points: &[(i32, i64, isize)]| {
                let mut sum = DayBlock::zero();
                points.iter().for_each(|(day, value, times)| sum.plus_equals(&DayBlock::of(*day, *value, *times)));
                sum
            };
            let (some, others) = points.split_at(at.index(points.len() + 1));
            let (mut left, mut right) = (sum(others), sum(&points));
            left.plus_equals(&sum(some));
            prop_assert_eq!(left, right);
            right.negate();
            left.plus_equals(&right);
            prop_assert!(left.is_zero());
        }
    }

    #[test]
    fn a_block_comes_back_from_another_process_as_it_was() {
        let block = DayBlock::of(-1, i64::MIN, 3);
        let updates: Vec<((u64, i32), Tick, DayBlock<i64>)> = vec![((7, block_of(-1)), 5, block)];
        let mut bytes = Vec::new();
        updates.into_bytes(&mut bytes);
        let bytes = timely::bytes::arc::BytesMut::from(bytes).freeze();
        assert_eq!(<Vec<((u64, i32), Tick, DayBlock<i64>)>>::from_bytes(bytes), updates);
        assert_eq!((block.on(63), block.on(0)), (Some((i64::MIN.wrapping_mul(3), 3)), None));
    }

    #[test]
    fn a_zero_is_a_point_and_an_empty_block_is_not_there() {
        let points = |diff| vec![((1, 5, 0), diff), ((1, 70, 3), diff)];
        let outputs = run(vec![points(1), points(-1), vec![((1, 5, 0), 1), ((1, 5, 0), -1)]], |points| {
            let blocks = arrange_days(points, "blocks");
            follow(&blocks, "live blocks", |_key: &u8, tick, blocks, out| {
                let live = blocks.rows.forwards(tick, |_| false).filter(|passed| !passed.now.is_zero());
                out.push((live.map(|passed| (*passed.row, passed.now.on(5))).collect::<Vec<_>>(), 1));
            })
        });
        assert_eq!(outputs, vec![vec![(vec![(0, Some((0i64, 1))), (1, None)], 1)], vec![(vec![], 1)], vec![]]);
    }

    #[test]
    fn a_point_reads_its_block_and_gives_its_day() {
        for days in [1_000, 10_000, 100_000] {
            let load = (0..days).map(|day| ((1, day, 5i64), 1)).collect();
            let corrected = vec![((1, days / 2, 5), -1), ((1, days / 2, 6), 1)];
            let costs = cost::by_tick_of(vec![load, corrected], there_and_back::<i64>);
            assert_eq!((costs[0].0.len(), costs[0].1), (days as usize, (days as usize).div_ceil(64)));
            assert_eq!(
                costs[1],
                (vec![((1, days / 2, 5), -1), ((1, days / 2, 6), 1)], 2),
                "the block, in both batches"
            );
        }
    }
}
