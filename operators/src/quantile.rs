//! `quantile`: order statistics of the values of each key, with the counts and sums of their tails (value at risk,
//! expected shortfall).
//!
//! Inputs     two arrangements by the same key: values (integers or fixed point, as often as they are there), and
//!            [`Quantile`]s with a question.
//! Output     one row a question, made by a pure function from key, quantile, question and [`OrderStatistic`]: `None` where
//!            there is no such value.
//! Update     O(log n) for a value, and O(log n) for each quantile asked of its key: any value moves all the ranks above
//!            it. A quantile whose answer stays gives nothing.
//! Order      independent of arrival order: counts and sums are integers.
//! Bounds     none on the values of a key. Beside the arrangements, a count and a sum for each distinct value, and for each
//!            node of a 16-way tree above them, of which there are some four to ten values. It follows from the rows: a
//!            load in one tick builds it in one pass. As an arrangement each level of it would be written at every tick.
//!
//! # Example
//! ```
//! use operators::{arrange, quantile::{Quantile, quantile}, testing};
//! let median = Quantile::Fraction { numerator: 1, denominator: 2 };
//! let outputs = testing::run(
//!     vec![vec![((7u64, Some(30)), 1), ((7, Some(10)), 1), ((7, None), 1)], vec![((7, Some(20)), 1)]],
//!     move |input| {
//!         let values = arrange(input.clone().flat_map(|(key, value)| value.map(|value| (key, value))), "returns");
//!         let asked = input.filter(|(_, value)| value.is_none()).map(move |(key, _)| (key, (median, ())));
//!         quantile(&values, &arrange(asked, "asked"), "median", |_key, _quantile, _question, found| {
//!             found.map(|found| (found.value, found.next, found.sum_of_lowest()))
//!         })
//!     },
//! );
//! assert_eq!(outputs[0], vec![(Some((10, 30, 10)), 1)]); // half way from 10 to 30
//! assert_eq!(outputs[1], vec![(Some((10, 30, 10)), -1), (Some((20, 30, 30)), 1)]);
//! ```

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::arrangement::{Arranged, Collection, Data, Key, Tick};
use crate::follow::{Side, follow_both};
use crate::tree::{Set, Summary, Tree};

/// Which value is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Quantile {
    /// That with so many before it, the least first.
    Rank(u64),
    /// That at a fraction of the way from the least to the greatest: of `n` values, rank `(n - 1) · fraction`, between two
    /// values if it is no whole number. There is none if the fraction is more than one or has no denominator.
    Fraction {
        /// Above the line.
        numerator: u32,
        /// Below the line.
        denominator: u32,
    },
}

/// A value by its rank, with what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderStatistic {
    /// How many values there are in all.
    pub count: u64,
    /// How many come before this one, the least first and equal ones in no order.
    pub rank: u64,
    /// How much further the quantile is towards the next rank, in parts of its denominator.
    pub remainder: u32,
    /// The value at the rank.
    pub value: i64,
    /// The value at the next rank; the same for the last.
    pub next: i64,
    /// The values that are less.
    pub less: Tally,
    /// The values that are less or equal.
    pub upto: Tally,
}

impl OrderStatistic {
    /// The sum of the values up to this rank: of equal values as many as that takes.
    pub fn sum_of_lowest(&self) -> i128 {
        self.less.sum + i128::from(self.rank + 1 - self.less.count) * i128::from(self.value)
    }
}

/// How many values there are and what they sum to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: i128,
}

impl Summary for Tally {
    fn then(&self, later: &Self) -> Self {
        Tally { count: self.count + later.count, sum: self.sum + later.sum }
    }
}

/// Answers each quantile with `answer(key, quantile, question, statistic)`.
pub fn quantile<'scope, K: Key, Q: Data, O: Data>(
    values: &Arranged<'scope, K, i64>,
    quantiles: &Arranged<'scope, K, (Quantile, Q)>,
    name: &str,
    mut answer: impl FnMut(&K, &Quantile, &Q, Option<&OrderStatistic>) -> O + 'static,
) -> Collection<'scope, O> {
    let mut kept: HashMap<K, Tree<Tally>> = HashMap::new();
    follow_both(values, quantiles, name, move |key, tick, values, quantiles, out| {
        let mut tallies = kept.remove(key).unwrap_or_else(Tree::new);
        let mut answer = |(quantile, question): &(Quantile, Q), tallies: &Tree<Tally>, count: isize| {
            (answer(key, quantile, question, find(tallies, quantile).as_ref()), count)
        };
        if !values.changes.is_empty() {
            let asked: Vec<_> = quantiles.rows.forwards(tick, |_| false).filter(|asked| asked.before != 0).collect();
            out.extend(asked.iter().map(|asked| answer(asked.row, &tallies, -asked.before)));
            tallies.set(&tally(tick, &values));
            out.extend(asked.iter().map(|asked| answer(asked.row, &tallies, asked.before)));
        }
        out.extend(quantiles.changes.iter().map(|change| answer(change.row, &tallies, change.diff)));
        if !tallies.is_empty() {
            kept.insert(key.clone(), tallies);
        }
    })
}

/// How often each value that changed is there now. More retractions than insertions count as none.
fn tally(tick: Tick, values: &Side<'_, '_, i64>) -> Vec<Set<Tally>> {
    let tally = |value: i64| {
        let passed = values.rows.forwards(tick, |other| *other < value).next();
        let count = passed.filter(|passed| *passed.row == value && passed.now > 0)?.now.unsigned_abs() as u64;
        Some(Tally { count, sum: i128::from(count) * i128::from(value) })
    };
    values.changes.iter().map(|change| (position(*change.row), tally(*change.row))).collect()
}

fn find(tallies: &Tree<Tally>, quantile: &Quantile) -> Option<OrderStatistic> {
    let count = tallies.total()?.count;
    let (rank, remainder) = match *quantile {
        Quantile::Rank(rank) => (rank, 0),
        Quantile::Fraction { numerator, denominator } => {
            let parts = u128::from(count - 1) * u128::from(numerator);
            let denominator = u128::from(denominator);
            (u64::try_from(parts.checked_div(denominator)?).ok()?, (parts % denominator) as u32)
        }
    };
    let (value, less, upto) = at_rank(tallies, rank)?;
    let next = if rank + 1 < upto.count { value } else { at_rank(tallies, rank + 1).map_or(value, |(next, ..)| next) };
    Some(OrderStatistic { count, rank, remainder, value, next, less, upto })
}

/// The value at a rank, and the tallies of what is less, and less or equal.
fn at_rank(tallies: &Tree<Tally>, rank: u64) -> Option<(i64, Tally, Tally)> {
    let mut less = Tally::default();
    let (position, equal) = tallies.descend(|part| {
        let passes = less.count + part.count <= rank;
        if passes {
            less = less.then(part);
        }
        passes
    })?;
    Some((value_at(position), less, less.then(equal)))
}

/// The place of a value among all numbers.
fn position(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

fn value_at(position: u64) -> i64 {
    (position ^ (1 << 63)).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, differences, run, run_apart};

    /// A value, or a question.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    enum Input {
        Value(u8, i64),
        Asked(u8, Quantile, u8),
    }

    type Answer = (u8, Quantile, u8, Option<OrderStatistic>);

    fn value(row: Input) -> Option<(u8, i64)> {
        if let Input::Value(key, value) = row { Some((key, value)) } else { None }
    }

    fn asked(row: Input) -> Option<(u8, (Quantile, u8))> {
        if let Input::Asked(key, quantile, question) = row { Some((key, (quantile, question))) } else { None }
    }

    fn answers<'s>(input: Collection<'s, Input>) -> Collection<'s, Answer> {
        answers_apart(input.clone().flat_map(value), input.flat_map(asked))
    }

    fn answers_apart<'s>(
        values: Collection<'s, (u8, i64)>,
        quantiles: Collection<'s, (u8, (Quantile, u8))>,
    ) -> Collection<'s, Answer> {
        let (values, quantiles) = (arrange(values, "values"), arrange(quantiles, "quantiles"));
        quantile(&values, &quantiles, "quantiles", |key, quantile, question, found| {
            (*key, *quantile, *question, found.copied())
        })
    }

    /// The statistic of a sorted list, by its definition.
    fn statistic(sorted: &[i64], quantile: Quantile) -> Option<OrderStatistic> {
        let (rank, remainder) = match quantile {
            Quantile::Rank(rank) => (rank as usize, 0),
            Quantile::Fraction { denominator: 0, .. } => return None,
            Quantile::Fraction { numerator, denominator } => {
                let parts = sorted.len().checked_sub(1)? * numerator as usize;
                (parts / denominator as usize, (parts % denominator as usize) as u32)
            }
        };
        let value = *sorted.get(rank)?;
        let tally = |values: Vec<i64>| Tally {
            count: values.len() as u64,
            sum: values.iter().map(|value| *value as i128).sum(),
        };
        let below = |limit: &dyn Fn(i64) -> bool| tally(sorted.iter().copied().filter(|value| limit(*value)).collect());
        Some(OrderStatistic {
            count: sorted.len() as u64,
            rank: rank as u64,
            remainder,
            value,
            next: *sorted.get(rank + 1).unwrap_or(&value),
            less: below(&|other| other < value),
            upto: below(&|other| other <= value),
        })
    }

    fn answers_of(input: &[(Input, isize)]) -> Changes<Answer> {
        let values_of = |wanted| {
            let values = input.iter().filter_map(|(row, count)| value(*row).map(|(key, value)| (key, value, *count)));
            let values = values.filter(move |(key, ..)| *key == wanted);
            let mut values: Vec<i64> =
                values.flat_map(|(_, value, count)| std::iter::repeat_n(value, count as usize)).collect();
            values.sort_unstable();
            values
        };
        let asked = input.iter().filter_map(|(row, count)| asked(*row).map(|asked| (asked, *count)));
        asked
            .map(|((key, (quantile, question)), count)| {
                ((key, quantile, question, statistic(&values_of(key), quantile)), count)
            })
            .collect()
    }

    fn inputs() -> impl Strategy<Value = Input> {
        let value = prop_oneof![-3..4i64, -300..300i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)];
        let quantile = prop_oneof![
            (0..6u64).prop_map(Quantile::Rank),
            (0..5u32, 0..4u32).prop_map(|(numerator, denominator)| Quantile::Fraction { numerator, denominator }),
        ];
        prop_oneof![
            3 => (0..2u8, value).prop_map(|(key, value)| Input::Value(key, value)),
            1 => (0..2u8, quantile, 0..2u8).prop_map(|(key, quantile, question)| Input::Asked(key, quantile, question)),
        ]
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn answers_are_those_of_the_sorted_values(ticks in churn::churn(inputs())) {
            assert_incremental(ticks, answers, |_, input| answers_of(input));
        }

        #[test]
        fn the_two_sides_may_close_their_ticks_apart(ticks in churn::churn(inputs())) {
            let values = ticks.iter().map(|changes| changes.iter().filter_map(|(row, diff)| Some((value(*row)?, *diff))).collect());
            let quantiles = ticks.iter().map(|changes| changes.iter().filter_map(|(row, diff)| Some((asked(*row)?, *diff))).collect());
            let outputs = run_apart(values.collect(), quantiles.collect(), answers_apart);
            assert_eq!(outputs, differences(&ticks, |_, input| answers_of(input)));
        }
    }

    #[test]
    fn the_tail_of_a_fraction_is_summed_by_rank() {
        let fraction = Quantile::Fraction { numerator: 1, denominator: 20 };
        // Of 41 values the fraction is at rank 2; the three lowest are -9, -4 and one of two -2.
        let values = [-9, -4, -2, -2].into_iter().chain(0..37).map(|value| (Input::Value(1, value), 1));
        let outputs = run(vec![values.chain([(Input::Asked(1, fraction, 0), 1)]).collect()], answers);
        let found = outputs[0][0].0.3.unwrap();
        assert_eq!((found.value, found.next, found.remainder, found.sum_of_lowest()), (-2, -2, 0, -15));
        assert_eq!((found.less, found.upto), (Tally { count: 2, sum: -13 }, Tally { count: 4, sum: -17 }));
    }

    #[test]
    fn a_value_costs_a_few_parts_a_level() {
        for (count, levels) in [(1_000, 4), (10_000, 5), (100_000, 6u64)] {
            let spread = |number: i64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) >> 20;
            let values = (0..count).map(|number| (Input::Value(1, spread(number)), 1));
            let fraction = |numerator| Quantile::Fraction { numerator, denominator: 100 };
            let quantiles = (1..=10).map(|numerator| (Input::Asked(1, fraction(numerator), 0), 1));
            let more = vec![(Input::Value(1, spread(count)), 1)];
            let asked = vec![(Input::Asked(1, fraction(99), 0), 1)];
            let ticks: Vec<Changes<Input>> = vec![values.collect(), quantiles.collect(), more, asked];
            let read: Vec<_> = cost::by_tick_of(ticks, answers).into_iter().map(|(_, read)| read as u64).collect();
            let of_quantile = 2 * 16 * levels;
            assert!(read[0] <= count as u64 * 5 / 2, "a load is one pass: {} of {count}", read[0]);
            assert!(read[1] <= 10 * of_quantile);
            assert!(read[2] <= 2 * 10 * of_quantile + 16 * levels + 11, "{} parts for a value of {count}", read[2]);
            assert!(read[3] <= of_quantile, "{} parts for a quantile of {count}", read[3]);
        }
    }
}
