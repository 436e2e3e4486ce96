//! `scan`: an ordered fold over the rows of each key, such as lots or a running balance.
//!
//! Input      an arrangement of `(place, row)`: rows are folded in the order of their places, such as `(day, sequence)`,
//!            and those of one place in their own order. A step: a pure function from key, state, place, row and how often
//!            the row is there to the next state and to outputs. The state starts at its default.
//! Output     the outputs of all steps. What stands at the end, such as open lots, is a sum of them: lots opened, less lots
//!            disposed of.
//! Update     O(rows whose state changes + checkpoint gap): a late row is folded in from the checkpoint before it, beside
//!            the fold as it was, and this ends as soon as the two states agree. Only rows whose output changed are given.
//! Order      independent of arrival order: the output is that of one fold over all rows in their order.
//! Bounds     none on the rows of a key. Beside the arrangement, one state in about `checkpoint_rows` rows is kept, and
//!            nothing for most keys with fewer. What is kept follows from the rows: a load in one tick builds it in the
//!            one pass that it makes, and a row that goes takes its checkpoint with it.
//!
//! A row is a checkpoint if a hash of its place says so. That needs no bookkeeping when rows come in between or go, and
//! the same rows have the same checkpoints, however they came. An arrangement of states instead would be written at each
//! tick with every state that changed, which nobody reads.
//!
//! # Example
//! ```
//! use operators::{arrange, scan::scan, testing};
//! let outputs = testing::run(
//!     vec![vec![((7u64, (1, 100i64)), 1), ((7, (3, -30)), 1)], vec![((7, (2, 5)), 1)]], // the last one is late
//!     |input| {
//!         scan(&arrange(input, "transactions"), 64, "balances", |_account, balance: &mut i64, day, amount, count, out| {
//!             *balance += amount * count as i64;
//!             out.push((*day, *balance));
//!         })
//!     },
//! );
//! assert_eq!(outputs[0], vec![((1, 100), 1), ((3, 70), 1)]);
//! assert_eq!(outputs[1], vec![((2, 105), 1), ((3, 70), -1), ((3, 75), 1)]);
//! ```

use std::collections::{BTreeMap, HashMap};

use crate::arrangement::{Arranged, Collection, Data, Key, Tick};
use crate::follow::{Side, follow};
use crate::series::Passed;

/// Folds the rows of each key with `step(key, state, place, row, count, outputs)`, keeping about one state in
/// `checkpoint_rows` rows.
pub fn scan<'scope, K: Key, P: Key, V: Data, S: Default + Clone + Eq + 'static, O: Data>(
    rows: &Arranged<'scope, K, (P, V)>,
    checkpoint_rows: u64,
    name: &str,
    mut step: impl FnMut(&K, &mut S, &P, &V, isize, &mut Vec<O>) + 'static,
) -> Collection<'scope, O> {
    let mut kept: HashMap<K, Checkpoints<P, S>> = HashMap::new();
    follow(rows, name, move |key, tick, rows, out| {
        let mut checkpoints = kept.remove(key).unwrap_or(Checkpoints { states: BTreeMap::new(), gap: checkpoint_rows });
        refold(
            tick,
            rows,
            &mut checkpoints,
            |state, row, count, out| step(key, state, &row.0, &row.1, count, out),
            out,
        );
        if !checkpoints.states.is_empty() {
            kept.insert(key.clone(), checkpoints);
        }
    })
}

/// States of one key's fold, each as it is before the rows of a place.
struct Checkpoints<P, S> {
    states: BTreeMap<P, S>,
    gap: u64,
}

impl<P: Key, S: Default + Clone> Checkpoints<P, S> {
    /// The last checkpoint on or before a place, where there is one, and the state there.
    fn before(&self, place: &P) -> (Option<P>, S) {
        let checkpoint = self.states.range(..=place).next_back();
        checkpoint.map_or((None, S::default()), |(place, state)| (Some(place.clone()), state.clone()))
    }

    fn is_between(&self, after: &P, upto: &P) -> bool {
        after < upto && self.states.range(..=upto).next_back().is_some_and(|(place, _)| place > after)
    }

    /// Whether a place is one for a checkpoint.
    fn is_at(&self, place: &P) -> bool {
        mixed(place.hashed()).is_multiple_of(self.gap.max(1))
    }
}

/// Spreads a hash over all bits: places with even distances must not all be checkpoints, nor none of them.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Folds again what a tick changes of one key.
fn refold<P: Key, V: Data, S: Default + Clone + Eq, O: Eq>(
    tick: Tick,
    rows: Side<'_, '_, (P, V)>,
    checkpoints: &mut Checkpoints<P, S>,
    mut step: impl FnMut(&mut S, &(P, V), isize, &mut Vec<O>),
    out: &mut Vec<(O, isize)>,
) {
    let mut changes = rows.changes.iter().map(|change| change.row).peekable();
    while let Some(changed) = changes.peek() {
        let (checkpoint, state) = checkpoints.before(&changed.0);
        let is_before = |row: &(P, V)| checkpoint.as_ref().is_some_and(|checkpoint| row.0 < *checkpoint);
        let mut folds = Folds { now: state, before: None };
        let (mut place, mut is_checkpoint) = (None, false);
        for passed in rows.rows.forwards(tick, is_before) {
            if place != Some(&passed.row.0) {
                match changes.peek() {
                    _ if folds.before.is_some() => {}
                    None => return,
                    Some(changed) if checkpoints.is_between(&passed.row.0, &changed.0) => break,
                    Some(_) => {}
                }
                place = Some(&passed.row.0);
                is_checkpoint = checkpoints.is_at(&passed.row.0);
                if is_checkpoint {
                    checkpoints.states.remove(&passed.row.0);
                }
            }
            if is_checkpoint && passed.now != 0 {
                checkpoints.states.entry(passed.row.0.clone()).or_insert_with(|| folds.now.clone());
            }
            changes.next_if(|changed| *changed == passed.row);
            folds.pass(passed, &mut step, out);
        }
    }
}

/// Two folds side by side: as it is at a tick, and as it was before.
struct Folds<S> {
    now: S,
    /// The state as it was, where that is another one.
    before: Option<S>,
}

impl<S: Clone + Eq> Folds<S> {
    fn pass<R, O: Eq>(
        &mut self,
        passed: Passed<'_, R>,
        step: &mut impl FnMut(&mut S, &R, isize, &mut Vec<O>),
        out: &mut Vec<(O, isize)>,
    ) {
        let (mut outputs_before, mut outputs_now) = (Vec::new(), Vec::new());
        if self.before.is_none() && passed.before == passed.now {
            return step(&mut self.now, passed.row, passed.now, &mut outputs_now);
        }
        let mut before = self.before.take().unwrap_or_else(|| self.now.clone());
        if passed.before != 0 {
            step(&mut before, passed.row, passed.before, &mut outputs_before);
        }
        if passed.now != 0 {
            step(&mut self.now, passed.row, passed.now, &mut outputs_now);
        }
        if outputs_before != outputs_now {
            out.extend(outputs_before.into_iter().map(|output| (output, -1)));
            out.extend(outputs_now.into_iter().map(|output| (output, 1)));
        }
        self.before = (before != self.now).then_some(before);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, run, total};

    /// (key, (day, amount))
    type Row = (u8, (u32, i8));
    type Balance = (u8, u32, i8, i64);

    /// A balance that does not go below nothing nor above ten: so it forgets, sooner or later, what came before.
    fn step(key: &u8, balance: &mut i64, day: &u32, amount: &i8, count: isize, out: &mut Vec<Balance>) {
        *balance = (*balance + *amount as i64 * count as i64).clamp(0, 10);
        out.push((*key, *day, *amount, *balance));
    }

    fn balances<'s>(rows: Collection<'s, Row>) -> Collection<'s, Balance> {
        scan(&arrange(rows, "rows"), 2, "balances", step)
    }

    fn balances_of(rows: &[(Row, isize)]) -> Changes<Balance> {
        let mut out = Vec::new();
        for of_key in rows.chunk_by(|a, b| a.0.0 == b.0.0) {
            let mut balance = 0;
            of_key
                .iter()
                .for_each(|((key, (day, amount)), count)| step(key, &mut balance, day, amount, *count, &mut out));
        }
        out.into_iter().map(|row| (row, 1)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn balances_are_those_of_one_fold(ticks in churn::churn((0..3u8, (0..9u32, -3..4i8)))) {
            assert_incremental(ticks, balances, |_, rows| balances_of(rows));
        }

        #[test]
        fn a_crowded_key_is_folded_the_same(ticks in churn::churn((Just(0u8), (0..60u32, prop_oneof![-9..9i8, Just(1i8)])))) {
            assert_incremental(ticks, balances, |_, rows| balances_of(rows));
        }
    }

    /// A story with many rows and checkpoints, in which old rows come and go.
    #[test]
    fn late_rows_in_a_long_series_are_folded_in_where_they_belong() {
        let mut ticks: Vec<Changes<Row>> = vec![(0..500).map(|day| ((1, (2 * day, (day % 7) as i8 - 3)), 1)).collect()];
        for late in 0..40u32 {
            let day = late * 7919 % 1000;
            let there = ((1, (day - day % 2, (day / 2 % 7) as i8 - 3)), -1);
            ticks.push(vec![((1, ((day * 31) % 999, 5)), 1), there]);
            ticks.push(vec![((1, ((day * 31) % 999, 5)), -1), (there.0, 1)]);
        }
        ticks.push(vec![((1, (3, 1)), 1), ((1, (503, 1)), 1), ((1, (903, 1)), 1)]);
        assert_incremental(ticks, balances, |_, rows| balances_of(rows));
    }

    #[test]
    fn a_row_whose_output_stays_gives_nothing() {
        let ticks = vec![vec![((1, (1, 10)), 1), ((1, (5, 10)), 1), ((1, (6, -2)), 1)], vec![((1, (3, -1)), 1)]];
        assert_eq!(run(ticks, balances)[1], vec![((1, 3, -1, 9), 1)]);
    }

    #[test]
    fn a_late_row_is_folded_in_from_the_checkpoint_before_it() {
        for days in [1_000, 10_000, 100_000u32] {
            // The balance is full each tenth day, whatever came before.
            let load = (0..days).map(|day| ((1, (10 * day, if day % 10 == 0 { 10 } else { -1 })), 1)).collect();
            let late = (1..=20).map(|number| vec![((1, (10 * (days / 21 * number) + 5, -1)), 1)]);
            let ticks: Vec<Changes<Row>> = std::iter::once(load).chain(late).collect();
            let costs = cost::by_tick_of(ticks, |rows| scan(&arrange(rows, "rows"), 64, "balances", step));
            assert_eq!(costs[0].1, days as usize, "a load is one pass");
            assert!(costs[1..].iter().all(|(changed, _)| (1..=2 * 10).contains(&changed.len())));
            let read: usize = costs[1..].iter().map(|(_, read)| read).sum();
            assert!(read <= 20 * (64 + 64), "{read} rows read for 20 late ones among {days}");
        }
    }

    #[test]
    fn two_late_rows_cost_no_more_than_each_by_itself() {
        let load = (0..10_000u32).map(|day| ((1, (10 * day, if day % 10 == 0 { 10 } else { -1 })), 1)).collect();
        let ticks: Vec<Changes<Row>> = vec![load, vec![((1, (105, -1)), 1), ((1, (99_005, -1)), 1)]];
        let costs = cost::by_tick_of(ticks, |rows| scan(&arrange(rows, "rows"), 64, "balances", step));
        assert!(costs[1].1 < 1_000, "{} rows read", costs[1].1);
    }

    #[test]
    fn checkpoints_are_spread_whatever_the_distance_of_the_places() {
        let checkpoints = Checkpoints::<u32, i64> { states: BTreeMap::new(), gap: 64 };
        for distance in [1, 2, 64, 100, 1 << 16] {
            let count = (0..64_000u32).filter(|number| checkpoints.is_at(&number.wrapping_mul(distance))).count();
            assert!((800..1_200).contains(&count), "{count} checkpoints in 64,000 rows with distance {distance}");
        }
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn a_key_has_the_checkpoints_that_its_rows_have(ticks in churn::churn((Just(0u8), (0..60u32, -3..4i8)))) {
            let expected = Checkpoints::<u32, i64> { states: BTreeMap::new(), gap: 2 };
            let counts = run(ticks.clone(), |rows| {
                let mut checkpoints = Checkpoints { states: BTreeMap::new(), gap: 2 };
                follow(&arrange(rows, "rows"), "checkpoints", move |key, tick, rows, out| {
                    let step = |state: &mut i64, row: &(u32, i8), count, out: &mut Vec<Balance>| {
                        step(key, state, &row.0, &row.1, count, out)
                    };
                    refold(tick, rows, &mut checkpoints, step, &mut Vec::new());
                    out.push((checkpoints.states.keys().copied().collect::<Vec<u32>>(), 1));
                })
            });
            for (tick, counts) in (1..).zip(counts) {
                let mut days: Vec<u32> = total(&ticks[..tick]).iter().map(|((_, (day, _)), _)| *day).collect();
                days.dedup();
                days.retain(|day| expected.is_at(day));
                prop_assert!(counts.iter().all(|(counted, _)| *counted == days), "{days:?} {counts:?}");
            }
        }
    }
}
