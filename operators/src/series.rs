//! One key's rows in their order, read from any place on, forwards or backwards, without reading the rest.
//!
//! A stock cursor goes forwards only, and seeks by a whole value; "the last row on or before this day" needs neither.
//! So this reads the sorted lists of an arrangement's batches themselves: a binary search in each, then a merge.

use std::cmp::Ordering;

use differential_dataflow::difference::Monoid;
use differential_dataflow::trace::implementations::OffsetList;
use differential_dataflow::trace::implementations::ord_neu::Upds;

use crate::arrangement::{Batch, Data, Difference, Key, Tick};

/// Finds the rows of keys that are asked for in their order.
pub(crate) struct Finder<'a, K: Key, V: Data, R: Difference> {
    /// Each batch, and the place of its first key that has not been passed.
    batches: Vec<(&'a Batch<K, V, R>, usize)>,
    series: Series<'a, V, R>,
}

impl<'a, K: Key, V: Data, R: Difference> Finder<'a, K, V, R> {
    pub(crate) fn new(batches: &'a [Batch<K, V, R>]) -> Self {
        Finder { batches: batches.iter().map(|batch| (batch, 0)).collect(), series: Series { runs: Vec::new() } }
    }

    /// Finds the rows of `key`, none where the key is not there.
    pub(crate) fn find(&mut self, key: &K) {
        self.series.runs.clear();
        for (batch, passed) in &mut self.batches {
            let storage = &batch.storage;
            *passed = gallop(&storage.keys, *passed, |other| other < key);
            if storage.keys.get(*passed) == Some(key) {
                let (lower, upper) = storage.vals.bounds(*passed);
                self.series.runs.push(Run { values: &storage.vals.vals[lower..upper], lower, updates: &storage.upds });
            }
        }
    }

    /// The rows of the key that was last asked for.
    pub(crate) fn found(&self) -> &Series<'a, V, R> {
        &self.series
    }
}

/// The first place from `start` on whose item is not before what is sought.
fn gallop<T>(items: &[T], start: usize, is_before: impl Fn(&T) -> bool) -> usize {
    let (mut lower, mut step) = (start, 1);
    while items.get(lower + step - 1).is_some_and(&is_before) {
        lower += step;
        step *= 2;
    }
    let upper = (lower + step).min(items.len());
    lower + items[lower..upper].partition_point(is_before)
}

/// The rows of one key.
pub(crate) struct Series<'a, V, R = isize> {
    runs: Vec<Run<'a, V, R>>,
}

/// What one batch holds of the key.
struct Run<'a, V, R> {
    values: &'a [V],
    /// The place of the first of them in the batch.
    lower: usize,
    updates: &'a Upds<OffsetList, Vec<Tick>, Vec<R>>,
}

/// A row, and how many times it was there just before a tick, and is there at it.
#[derive(Debug)]
pub(crate) struct Passed<'a, V, R = isize> {
    pub(crate) row: &'a V,
    pub(crate) before: R,
    pub(crate) now: R,
}

impl<'a, V: Ord, R> Series<'a, V, R> {
    /// The rows that are there before or at `tick`, in their order, from the first that is not `before` the place sought.
    pub(crate) fn forwards(&self, tick: Tick, is_before: impl Fn(&V) -> bool) -> Forwards<'a, '_, V, R> {
        Forwards { runs: &self.runs, next: self.places(is_before), tick }
    }

    /// The rows that are there before or at `tick`, in reverse, from the last that is `before` the place sought.
    pub(crate) fn backwards(&self, tick: Tick, is_before: impl Fn(&V) -> bool) -> Backwards<'a, '_, V, R> {
        Backwards { runs: &self.runs, end: self.places(is_before), tick }
    }

    /// The first row that is not `before` the place sought, also one that has gone: to look for the next of something.
    pub(crate) fn seek(&self, is_before: impl Fn(&V) -> bool) -> Option<&'a V> {
        let firsts = self.runs.iter().filter_map(|run| run.values.get(run.values.partition_point(&is_before)));
        firsts.min()
    }

    /// Visits the differences of one row, which is sought by an order of the rows, with their ticks.
    pub(crate) fn differences(&self, sought: impl Fn(&V) -> Ordering, mut visit: impl FnMut(Tick, &'a R))
    where
        R: Difference,
    {
        for run in &self.runs {
            if let Ok(place) = run.values.binary_search_by(&sought) {
                run.updates(place).for_each(|(tick, difference)| visit(*tick, difference));
            }
        }
    }

    fn places(&self, is_before: impl Fn(&V) -> bool) -> Vec<usize> {
        self.runs.iter().map(|run| run.values.partition_point(&is_before)).collect()
    }
}

impl<'a, V, R: Difference> Run<'a, V, R> {
    /// What this batch says of the value at `place`.
    fn updates(&self, place: usize) -> impl Iterator<Item = (&'a Tick, &'a R)> + use<'a, V, R> {
        #[cfg(test)]
        crate::group::cost::read(1);
        let (lower, upper) = self.updates.bounds(self.lower + place);
        self.updates.times[lower..upper].iter().zip(&self.updates.diffs[lower..upper])
    }
}

impl<V, R: Difference + Monoid> Run<'_, V, R> {
    /// Adds to `passed` what this batch says of the value at `place`.
    fn count(&self, place: usize, tick: Tick, passed: &mut Passed<'_, V, R>) {
        for (time, diff) in self.updates(place) {
            if *time < tick {
                passed.before.plus_equals(diff);
            }
            if *time <= tick {
                passed.now.plus_equals(diff);
            }
        }
    }
}

/// Rows in their order.
pub(crate) struct Forwards<'a, 'b, V, R> {
    runs: &'b [Run<'a, V, R>],
    next: Vec<usize>,
    tick: Tick,
}

impl<'a, V: Ord, R: Difference + Monoid> Iterator for Forwards<'a, '_, V, R> {
    type Item = Passed<'a, V, R>;

    fn next(&mut self) -> Option<Passed<'a, V, R>> {
        loop {
            let heads = self.runs.iter().zip(&self.next).filter_map(|(run, next)| run.values.get(*next));
            let mut passed = Passed { row: heads.min()?, before: R::zero(), now: R::zero() };
            for (run, next) in self.runs.iter().zip(&mut self.next) {
                if run.values.get(*next) == Some(passed.row) {
                    run.count(*next, self.tick, &mut passed);
                    *next += 1;
                }
            }
            if !passed.before.is_zero() || !passed.now.is_zero() {
                return Some(passed);
            }
        }
    }
}

/// Rows in reverse.
pub(crate) struct Backwards<'a, 'b, V, R> {
    runs: &'b [Run<'a, V, R>],
    /// Of each run, how many rows are left.
    end: Vec<usize>,
    tick: Tick,
}

impl<'a, V: Ord, R: Difference + Monoid> Iterator for Backwards<'a, '_, V, R> {
    type Item = Passed<'a, V, R>;

    fn next(&mut self) -> Option<Passed<'a, V, R>> {
        loop {
            let heads = self.runs.iter().zip(&self.end).filter_map(|(run, end)| run.values[..*end].last());
            let mut passed = Passed { row: heads.max()?, before: R::zero(), now: R::zero() };
            for (run, end) in self.runs.iter().zip(&mut self.end) {
                if run.values[..*end].last() == Some(passed.row) {
                    *end -= 1;
                    run.count(*end, self.tick, &mut passed);
                }
            }
            if !passed.before.is_zero() || !passed.now.is_zero() {
                return Some(passed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use differential_dataflow::trace::implementations::ord_neu::RcOrdValBuilder;
    use differential_dataflow::trace::{Builder, Description};
    use proptest::prelude::*;
    use timely::progress::Antichain;

    use super::*;
    use crate::churn;
    use crate::testing::{Changes, total};

    type Row = (u8, u8);

    /// A batch for each tick, which are counted from 1.
    fn batches(ticks: &[Changes<Row>]) -> Vec<Batch<u8, u8>> {
        let batch = |(tick, changes): (Tick, &Changes<Row>)| {
            let net = total(std::slice::from_ref(changes));
            let mut updates: Vec<_> = net.into_iter().map(|(row, diff)| (row, tick, diff)).collect();
            let ends = [tick, tick + 1, 0].map(Antichain::from_elem);
            let [lower, upper, since] = ends;
            let mut builder = RcOrdValBuilder::<u8, u8, Tick, isize>::with_capacity(0, 0, 0);
            builder.push(&mut updates);
            let batch: Batch<u8, u8> = builder.done(Description::new(lower, upper, since));
            Rc::clone(&batch)
        };
        (1..).zip(ticks).map(batch).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..churn::config() })]

        #[test]
        fn rows_are_read_from_any_place_in_both_directions(
            ticks in churn::churn((0..4u8, 0..8u8)),
            place in 0..9u8,
            asked in 0..9 as Tick,
        ) {
            let batches = batches(&ticks);
            let mut finder = Finder::new(&batches);
            let upto = |tick: Tick| total(&ticks[..ticks.len().min(tick as usize)]);
            for key in 0..4 {
                let mut expected: BTreeMap<u8, (isize, isize)> = BTreeMap::new();
                let of_key = |(row, _): &(Row, isize)| row.0 == key;
                let before = asked.saturating_sub(1);
                upto(before).into_iter().filter(of_key).for_each(|((_, row), count)| expected.entry(row).or_default().0 = count);
                upto(asked).into_iter().filter(of_key).for_each(|((_, row), count)| expected.entry(row).or_default().1 = count);
                finder.find(&key);
                let series = finder.found();
                let plain = |passed: Passed<'_, u8>| (*passed.row, (passed.before, passed.now));
                let forwards: Vec<_> = series.forwards(asked, |row| *row < place).map(plain).collect();
                let backwards: Vec<_> = series.backwards(asked, |row| *row < place).map(plain).collect();
                let (lesser, greater): (Vec<_>, Vec<_>) = expected.into_iter().partition(|(row, _)| *row < place);
                prop_assert_eq!(forwards, greater);
                prop_assert_eq!(backwards.into_iter().rev().collect::<Vec<_>>(), lesser);
            }
        }
    }

    #[test]
    fn a_search_that_starts_late_finds_the_same() {
        let items = [1, 3, 3, 5, 8, 8, 9, 12];
        for start in 0..=items.len() {
            for sought in 0..14 {
                let expected = items.partition_point(|item| *item < sought).max(start);
                assert_eq!(gallop(&items, start, |item| *item < sought), expected);
            }
        }
    }
}
