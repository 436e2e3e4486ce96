//! `range_tree`: what a range of days says, for any ranges of any series: linked returns, drawdown, moments, extremes.
//!
//! ```text
//!  points ──▶ summaries of 16 days ──▶ of 16² ──▶ of 16³ …   one tree a key: only the path above a point is summed again
//!                      │                  │          │
//!  ranges ─────────────┴──────────────────┴──────────┴──▶ answers, each from the few parts that make up its range
//! ```
//! Inputs     two arrangements by the same key: points `(day, value)` and [`Span`]s of days, each with a question. A pure
//!            function from a point to its summary, and how summaries follow each other: a [`Summary`].
//! Output     one row a range, made by a pure function from key, span, question and the summary of the points in it, in
//!            their order: `None` where there are none.
//! Update     O(log n) for a point, and O(log n) for each range that holds it; the other ranges are not looked at. A range
//!            that is asked for costs O(log n). Points that come in one tick are summed up once, O(1) each. What was
//!            answered is kept, and not worked out again to be taken back.
//! Order      independent of arrival order to the last bit, floats too: how a sum is bracketed is fixed by the days
//!            themselves, and points outside a range do not change it. Several points of a day follow in their own order.
//! Bounds     none on history. Beside the arrangements, a summary for each 16 days that hold points, and a fifteenth more
//!            above them, an entry for each day on which ranges start, and each answer. These follow from the rows: a load
//!            in one tick builds them in one pass. As arrangements, each level would be written anew for every point at every tick.
//!
//! Summaries are computed, not differences: what is taken back is not subtracted but summed up without it. So they need
//! not be exact, and need no opposite.
//!
//! # Example
//! ```
//! use operators::{arrange, range_tree::{Span, Summary, range_tree}, testing};
//! #[derive(Clone)]
//! struct Greatest(i64);
//! impl Summary for Greatest {
//!     fn then(&self, later: &Self) -> Self {
//!         Greatest(self.0.max(later.0))
//!     }
//! }
//! let outputs = testing::run(
//!     vec![
//!         vec![((7u64, Some(100), None), 1), ((7, Some(101), None), 1), ((7, None, Some(Span { from: 99, to: 100 })), 1)],
//!         vec![((7, Some(99), None), 1), ((7, Some(100), None), -1)], // a correction
//!     ],
//!     |input| {
//!         // The point of a day is worth ten times the day.
//!         let points = arrange(input.clone().flat_map(|(key, day, _)| day.map(|day| (key, (day, 10 * day)))), "points");
//!         let ranges = arrange(input.flat_map(|(key, _, span)| span.map(|span| (key, (span, ())))), "ranges");
//!         range_tree(&points, &ranges, "greatest", |_key, _day, value, _count| Greatest(*value as i64), |key, span, _, greatest| {
//!             (*key, *span, greatest.map(|greatest| greatest.0))
//!         })
//!     },
//! );
//! let span = Span { from: 99, to: 100 };
//! assert_eq!(outputs, vec![vec![((7, span, Some(1000)), 1)], vec![((7, span, Some(990)), 1), ((7, span, Some(1000)), -1)]]);
//! ```

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::arrangement::{Arranged, Collection, Data, Key, Tick};
use crate::follow::{Change, Side, follow_both};
use crate::series::{Passed, Series};
pub use crate::tree::Summary;
use crate::tree::{Set, Tree};

/// Days from one to another, both included. There are none if the second is before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first day.
    pub from: i32,
    /// The last day.
    pub to: i32,
}

/// Answers each range with `answer(key, span, question, summary)`, where `summary(key, day, value, count)` is that of one
/// point.
pub fn range_tree<'scope, K: Key, V: Data, Q: Data, M: Summary, O: Data>(
    points: &Arranged<'scope, K, (i32, V)>,
    ranges: &Arranged<'scope, K, (Span, Q)>,
    name: &str,
    summary: impl Fn(&K, i32, &V, isize) -> M + 'static,
    mut answer: impl FnMut(&K, &Span, &Q, Option<&M>) -> O + 'static,
) -> Collection<'scope, O> {
    let mut kept: HashMap<K, Kept<M, Q, O>> = HashMap::new();
    follow_both(points, ranges, name, move |key, tick, points, ranges, out| {
        let mut of_key = kept.remove(key).unwrap_or_else(Kept::new);
        let summary = |point: &(i32, V), count| summary(key, point.0, &point.1, count);
        let sum_of_days = |days| sum_of_days(points.rows, tick, days, &summary);
        let again = of_key.ranges_to_answer_again(tick, &points, ranges.rows);
        of_key.update_blocks(&points, sum_of_days);

        for Passed { row: range, before: count, .. } in again {
            let now = answer(key, &range.0, &range.1, of_key.sum(&range.0, sum_of_days).as_ref());
            let before = of_key.answers.insert(range.clone(), now.clone());
            debug_assert!(before.is_some(), "each range that is there has its answer");
            out.extend(before.map(|before| (before, -count)));
            out.push((now, count));
        }
        for of_span in ranges.changes.chunk_by(|a, b| a.row.0 == b.row.0) {
            let mut sum = None;
            for Change { row: range, diff, .. } in of_span {
                let known = of_key.answers.get(*range).cloned();
                let now = known.unwrap_or_else(|| {
                    let sum = sum.get_or_insert_with(|| of_key.sum(&range.0, sum_of_days));
                    answer(key, &range.0, &range.1, sum.as_ref())
                });
                out.push((now.clone(), *diff));
                let mut rows = ranges.rows.forwards(tick, |other| other < range);
                if rows.next().is_some_and(|passed| passed.row == *range && passed.now != 0) {
                    of_key.answers.insert((*range).clone(), now);
                } else {
                    of_key.answers.remove(range);
                }
            }
        }
        of_key.update_ranges(tick, &ranges);
        debug_assert_eq!(of_key.answers.is_empty(), of_key.ranges.is_empty(), "an answer goes with its range");
        if !of_key.is_empty() {
            kept.insert(key.clone(), of_key);
        }
    })
}

/// What is kept of one key.
struct Kept<M, Q, O> {
    /// By block of 16 days, the summary of the points in it.
    blocks: Tree<M>,
    /// By day, how far the ranges that start on it go.
    ranges: Tree<Latest>,
    /// What was answered: a changed point has it taken back without being worked out again.
    answers: BTreeMap<(Span, Q), O>,
}

/// The last day of several ranges.
#[derive(Clone, Copy)]
struct Latest(i32);

impl Summary for Latest {
    fn then(&self, later: &Self) -> Self {
        Latest(self.0.max(later.0))
    }
}

impl<M: Summary, Q: Data, O: Data> Kept<M, Q, O> {
    fn new() -> Self {
        Kept { blocks: Tree::new(), ranges: Tree::new(), answers: BTreeMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.ranges.is_empty()
    }

    /// The summary of a range, given how to sum up the days of a block of which it takes a part.
    fn sum(&self, span: &Span, sum_of_days: impl Fn(Span) -> Option<M>) -> Option<M> {
        let Span { from, to } = *span;
        let (first, last) = (block(from), block(to));
        if first >= last {
            return sum_of_days(*span);
        }
        let (head, tail) = (days_of(first), days_of(last));
        let (whole_head, whole_tail) = (from == head.from, to == tail.to);
        let start = if whole_head { None } else { sum_of_days(Span { from, to: head.to }) };
        let middle = self.blocks.sum(first + u64::from(!whole_head)..=last - u64::from(!whole_tail));
        let end = if whole_tail { None } else { sum_of_days(Span { from: tail.from, to }) };
        [start, middle, end].into_iter().flatten().reduce(joined)
    }

    /// Sums up again the blocks in which points changed.
    fn update_blocks<V>(&mut self, points: &Side<'_, '_, (i32, V)>, sum_of_days: impl Fn(Span) -> Option<M>) {
        let of_blocks = points.changes.chunk_by(|a, b| block(a.row.0) == block(b.row.0));
        let blocks = of_blocks.map(|changes| block(changes[0].row.0));
        self.blocks.set(&blocks.map(|block| (block, sum_of_days(days_of(block)))).collect::<Vec<Set<M>>>());
    }

    /// The ranges that were there before a tick, and in which a point changes at it, each once.
    fn ranges_to_answer_again<'a, V>(
        &self,
        tick: Tick,
        points: &Side<'_, '_, (i32, V)>,
        ranges: &Series<'a, (Span, Q)>,
    ) -> Vec<Passed<'a, (Span, Q)>> {
        let mut again = Vec::new();
        // Of ranges that hold several of the changed days, each is found at the first that it holds.
        let mut first = 0;
        for changes in points.changes.chunk_by(|a, b| a.row.0 == b.row.0) {
            let day = changes[0].row.0;
            self.ranges.search(first..=position(day), |latest| latest.0 >= day, &mut |start| {
                let from = day_at(start);
                let of_day = ranges.forwards(tick, |range| range.0 < Span { from, to: day });
                let of_day = of_day.take_while(|passed| passed.row.0.from == from);
                again.extend(of_day.filter(|passed| passed.before != 0));
            });
            first = position(day) + 1;
        }
        again
    }

    /// Notes how far the ranges go that start where some have come or gone.
    fn update_ranges(&mut self, tick: Tick, ranges: &Side<'_, '_, (Span, Q)>) {
        let of_days = ranges.changes.chunk_by(|a, b| a.row.0.from == b.row.0.from);
        let latest = |from: i32| {
            let of_day = ranges.rows.backwards(tick, |range| range.0.from <= from);
            let mut of_day = of_day.take_while(|passed| passed.row.0.from == from);
            of_day.find(|passed| passed.now != 0).map(|passed| Latest(passed.row.0.to))
        };
        let sets = of_days.map(|changes| changes[0].row.0.from).map(|from| (position(from), latest(from)));
        self.ranges.set(&sets.collect::<Vec<_>>());
    }
}

/// The summary of the points of some days.
fn sum_of_days<V: Ord, M: Summary>(
    points: &Series<'_, (i32, V)>,
    tick: Tick,
    days: Span,
    summary: &impl Fn(&(i32, V), isize) -> M,
) -> Option<M> {
    let passed = points.forwards(tick, |point| point.0 < days.from).take_while(|passed| passed.row.0 <= days.to);
    let summaries = passed.filter(|passed| passed.now != 0).map(|passed| summary(passed.row, passed.now));
    summaries.reduce(joined)
}

fn joined<M: Summary>(mut sum: M, later: M) -> M {
    sum.extend(&later);
    sum
}

/// How many bits of a day say where it is in its block.
const BLOCK_BITS: u32 = 4;

/// The place of a day among all days.
fn position(day: i32) -> u64 {
    u64::from(day.cast_unsigned() ^ (1 << 31))
}

fn day_at(position: u64) -> i32 {
    ((position as u32) ^ (1 << 31)).cast_signed()
}

fn block(day: i32) -> u64 {
    position(day) >> BLOCK_BITS
}

fn days_of(block: u64) -> Span {
    let first = block << BLOCK_BITS;
    Span { from: day_at(first), to: day_at(first | ((1 << BLOCK_BITS) - 1)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, run, total};

    /// A point, or a question about a range.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    enum Input {
        Point(u8, i32, i8),
        Range(u8, Span, u8),
    }

    /// Linked returns as floats: how they are bracketed shows in their last bits. And which points there are, in order.
    #[derive(Clone)]
    struct Linked(f64, Vec<(i32, i8, isize)>);

    impl Summary for Linked {
        fn then(&self, later: &Self) -> Self {
            Linked(self.0 * later.0, [self.1.as_slice(), &later.1].concat())
        }
    }

    fn linked(_key: &u8, day: i32, value: &i8, count: isize) -> Linked {
        Linked(1.0 + f64::from(*value) / 977.0, vec![(day, *value, count)])
    }

    /// Key, span, question, the bits of the linked return, and the points.
    type Answer = (u8, Span, u8, Option<(u64, Vec<(i32, i8, isize)>)>);

    type Sides<'s> = (Arranged<'s, u8, (i32, i8)>, Arranged<'s, u8, (Span, u8)>);

    fn sides<'s>(input: Collection<'s, Input>) -> Sides<'s> {
        let point = |row| if let Input::Point(key, day, value) = row { Some((key, (day, value))) } else { None };
        let range =
            |row| if let Input::Range(key, span, question) = row { Some((key, (span, question))) } else { None };
        (arrange(input.clone().flat_map(point), "points"), arrange(input.flat_map(range), "ranges"))
    }

    fn answers<'s>(input: Collection<'s, Input>) -> Collection<'s, Answer> {
        let (points, ranges) = sides(input);
        let answer = |key: &u8, span: &Span, question: &u8, sum: Option<&Linked>| {
            (*key, *span, *question, sum.map(|sum| (sum.0.to_bits(), sum.1.clone())))
        };
        range_tree(&points, &ranges, "linked", linked, answer)
    }

    type Points = [(i32, i8, isize)];

    /// The points of some blocks in which days are not looked at.
    fn sum_of_points<'a>(points: impl Iterator<Item = &'a (i32, i8, isize)>) -> Option<Linked> {
        let points = points.map(|(day, value, count)| linked(&0, *day, value, *count));
        points.reduce(|sum, point| sum.then(&point))
    }

    /// The summary of the 16 to the power of `level` blocks from `first` on: that of its sixteenths, in their order.
    fn whole(points: &Points, level: u32, first: u64) -> Option<Linked> {
        let size = 16u64.pow(level);
        let mut inside = points.iter().filter(|point| (first..first + size).contains(&block(point.0))).peekable();
        inside.peek()?;
        if level == 0 {
            return sum_of_points(inside);
        }
        let parts = (0..16).filter_map(|part| whole(points, level - 1, first + part * size / 16));
        parts.reduce(|sum, part| sum.then(&part))
    }

    /// Adds the summaries of the largest parts that are within a range of blocks.
    fn add_largest(points: &Points, level: u32, first: u64, blocks: (u64, u64), sum: &mut Option<Linked>) {
        let last = first + 16u64.pow(level) - 1;
        if last < blocks.0 || blocks.1 < first || whole(points, level, first).is_none() {
            return;
        }
        if blocks.0 <= first && last <= blocks.1 {
            let part = whole(points, level, first);
            *sum = sum.take().into_iter().chain(part).reduce(|sum, part| sum.then(&part));
            return;
        }
        (0..16).for_each(|part| add_largest(points, level - 1, first + part * 16u64.pow(level - 1), blocks, sum));
    }

    /// The summary of a range by its definition: what is left of the first block, the largest parts, what there is of the
    /// last block.
    fn defined(points: &Points, span: &Span) -> Option<Linked> {
        let inside: Vec<_> =
            points.iter().filter(|point| span.from <= point.0 && point.0 <= span.to).copied().collect();
        let (first, last) = (block(span.from), block(span.to));
        if first >= last {
            return sum_of_points(inside.iter());
        }
        let of = |wanted| inside.iter().filter(move |point| block(point.0) == wanted);
        let cut = (days_of(first).from < span.from, span.to < days_of(last).to);
        let start = if cut.0 { sum_of_points(of(first)) } else { None };
        let mut middle = None;
        add_largest(&inside, 7, 0, (first + u64::from(cut.0), last - u64::from(cut.1)), &mut middle);
        let end = if cut.1 { sum_of_points(of(last)) } else { None };
        start.into_iter().chain(middle).chain(end).reduce(|sum, part| sum.then(&part))
    }

    fn answers_of(input: &[(Input, isize)]) -> Changes<Answer> {
        let mut answers = Vec::new();
        for (row, count) in input {
            let Input::Range(key, span, question) = *row else { continue };
            let points = input.iter().filter_map(|(row, count)| match row {
                Input::Point(other, day, value) if *other == key => Some((*day, *value, *count)),
                _ => None,
            });
            let sum = defined(&points.collect::<Vec<_>>(), &span);
            answers.push(((key, span, question, sum.map(|sum| (sum.0.to_bits(), sum.1))), *count));
        }
        answers
    }

    fn inputs(day: impl Strategy<Value = i32> + Clone) -> impl Strategy<Value = Input> {
        let span = (day.clone(), day.clone()).prop_map(|(from, to)| Span { from, to });
        prop_oneof![
            3 => (0..2u8, day, -3..4i8).prop_map(|(key, day, value)| Input::Point(key, day, value)),
            1 => (0..2u8, span, 0..2u8).prop_map(|(key, span, question)| Input::Range(key, span, question)),
        ]
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn ranges_of_a_few_days_are_answered_to_the_last_bit(ticks in churn::churn(inputs(-3..40i32))) {
            assert_incremental(ticks, answers, |_, input| answers_of(input));
        }

        #[test]
        fn ranges_of_many_days_are_answered_to_the_last_bit(
            ticks in churn::churn(inputs(prop_oneof![-3..20i32, 0..9_000i32, any::<i32>(), Just(i32::MIN), Just(i32::MAX)]))
        ) {
            assert_incremental(ticks, answers, |_, input| answers_of(input));
        }
    }

    /// All points, by way of their summary, and the days on which ranges start.
    type WhatIsKept = (Vec<(i32, i8, isize)>, Vec<i32>);

    fn kept<'s>(input: Collection<'s, Input>) -> Collection<'s, WhatIsKept> {
        let (points, ranges) = sides(input);
        let mut kept = Kept::<Linked, u8, Answer>::new();
        follow_both(&points, &ranges, "kept", move |key, tick, points, ranges, out| {
            let summary = |point: &(i32, i8), count| linked(key, point.0, &point.1, count);
            kept.update_blocks(&points, |days| sum_of_days(points.rows, tick, days, &summary));
            kept.update_ranges(tick, &ranges);
            let mut starts = Vec::new();
            kept.ranges.search(0..=u64::MAX, |_| true, &mut |start| starts.push(day_at(start)));
            out.push(((kept.blocks.total().map(|sum| sum.1.clone()).unwrap_or_default(), starts), 1));
        })
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn what_is_kept_follows_from_the_rows(ticks in churn::churn(inputs(-3..40i32))) {
            let of_key = |changes: &Changes<Input>| {
                changes.iter().filter(|(row, _)| matches!(row, Input::Point(0, ..) | Input::Range(0, ..))).copied().collect()
            };
            let ticks: Vec<Changes<Input>> = ticks.iter().map(of_key).collect();
            for (tick, outputs) in (1..).zip(run(ticks.clone(), kept)) {
                let (mut points, mut starts) = (Vec::new(), Vec::new());
                for (row, count) in total(&ticks[..tick]) {
                    match row {
                        Input::Point(_, day, value) => points.push((day, value, count)),
                        Input::Range(_, span, _) => starts.push(span.from),
                    }
                }
                starts.dedup();
                prop_assert!(outputs.iter().all(|(kept, _)| *kept == (points.clone(), starts.clone())), "{outputs:?}");
            }
        }
    }

    #[test]
    fn a_long_series_with_many_ranges_is_answered_to_the_last_bit() {
        let point = |day: i32| Input::Point(1, day, (day % 7) as i8 - 3);
        let range = |number: i32| Input::Range(1, Span { from: number * 37 % 700, to: number * 61 % 1_300 }, 0);
        let load = (0..400).map(|number| point(number * 13 / 5)).collect::<std::collections::BTreeSet<_>>();
        let mut ticks: Vec<Changes<Input>> =
            vec![load.into_iter().chain((0..30).map(range)).map(|row| (row, 1)).collect()];
        for number in 0..5 {
            ticks.push(vec![(point(number * 130), -1), (Input::Point(1, number * 130, 9), 1), (range(number), -1)]);
        }
        assert_incremental(ticks, answers, |_, input| answers_of(input));
    }

    #[derive(Clone)]
    struct Greatest(i8);

    impl Summary for Greatest {
        fn then(&self, later: &Self) -> Self {
            Greatest(self.0.max(later.0))
        }
    }

    fn greatest<'s>(input: Collection<'s, Input>) -> Collection<'s, (Span, Option<i8>)> {
        let (points, ranges) = sides(input);
        let summary = |_: &u8, _, value: &i8, _| Greatest(*value);
        range_tree(&points, &ranges, "greatest", summary, |_, span, _, sum| (*span, sum.map(|sum| sum.0)))
    }

    #[test]
    fn a_point_and_a_range_cost_a_few_parts_a_level() {
        for (days, levels) in [(1_000, 2), (10_000, 3), (100_000, 4)] {
            let range = |from, to| (Input::Range(1, Span { from, to }, 0), 1);
            let points = (0..days).map(|day| (Input::Point(1, day, 0), 1));
            // Ten ranges hold the middle; a thousand on either side do not.
            let holding = (0..10).map(|number| range(number, days - number));
            let others = (0..1_000).flat_map(|number| {
                [range(number % (days / 3), days / 3 + number % 50), range(2 * days / 3 + number, days)]
            });
            let corrected = vec![(Input::Point(1, days / 2, 0), -1), (Input::Point(1, days / 2, 1), 1)];
            let (asked, gone) = (range(days / 7, days / 2), (Input::Range(1, Span { from: 0, to: days }, 0), -1));
            let ticks: Vec<Changes<Input>> =
                vec![points.collect(), holding.chain(others).collect(), corrected, vec![asked], vec![gone]];
            let costs = cost::by_tick_of(ticks, greatest);
            let costs: Vec<_> = costs.into_iter().map(|(rows, read)| (rows.len(), read)).collect();
            let of_sum = 2 * 15 + 2 * 16 * levels;
            assert!(costs[0].1 <= days as usize * 5 / 4, "a load is one pass: {} of {days}", costs[0].1);
            assert_eq!(costs[2].0, 2 * 10);
            assert!(costs[2].1 <= 10 * of_sum + 200, "{} rows and parts for a point of {days}", costs[2].1);
            assert_eq!(costs[3].0, 1);
            assert!(costs[3].1 <= of_sum + 32, "{} rows and parts for a range of {days}", costs[3].1);
            assert_eq!(costs[4].0, 1);
            assert!(costs[4].1 <= 16 * levels + 32, "{} rows and parts for a range that goes", costs[4].1);
        }
    }
}
