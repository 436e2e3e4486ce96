//! `top_n`: the greatest rows of each key, and what the rest of them add up to.
//!
//! Input      an arrangement, whose rows are compared by their own order: first what they are ranked by, then what decides
//!            between equals. How many are wanted; a pure function from a row to its measure, which the rest are summed by.
//! Output     what a pure function makes of each key's [`Top`]: rows. A key without rows gives none.
//! Update     O(log rows + n): the greatest are read from the end, before and after, and the rest are never read. Rows are
//!            given only where what the function makes of the key has changed.
//! Order      independent of arrival order: equal rows are one row, and there is no other tie.
//! Bounds     none on the rows of a key. A row that is there twice takes two of the places. Beside the arrangement one
//!            count and one sum a key are kept, which follow from the rows: each change adds to them.
//!
//! # Example
//! ```
//! use operators::{arrange, testing, top_n::top_n};
//! let outputs = testing::run(
//!     vec![vec![((7u64, (50, 'a')), 1), ((7, (20, 'b')), 1), ((7, (30, 'c')), 1)], vec![((7, (50, 'a')), -1)]],
//!     |input| {
//!         let positions = arrange(input, "positions");
//!         top_n(&positions, 2, "two largest", |(size, _name)| *size, |_key, top, out| {
//!             out.extend(top.greatest.iter().map(|((_size, name), _count)| *name));
//!             out.push(if top.rest.count > 0 { '…' } else { '.' });
//!         })
//!     },
//! );
//! assert_eq!(outputs[0], vec![('a', 1), ('c', 1), ('…', 1)]);
//! assert_eq!(outputs[1], vec![('.', 1), ('a', -1), ('b', 1), ('…', -1)]);
//! ```

use std::collections::HashMap;

use crate::arrangement::{Arranged, Collection, Data, Key};
use crate::follow::follow;

/// The greatest rows of a key, and the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top<'a, V> {
    /// The greatest, from the greatest on, each as often as it is there and among them.
    pub greatest: Vec<(&'a V, isize)>,
    /// All others.
    pub rest: Rest,
}

/// How many rows there are, and what their measures add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// How many.
    pub count: isize,
    /// The sum of their measures.
    pub sum: i128,
}

impl Rest {
    fn add(&mut self, measure: i128, count: isize) {
        self.count += count;
        self.sum += measure * count as i128;
    }
}

/// Gives `rows(key, top, out)` for the `n` greatest of each key.
pub fn top_n<'scope, K: Key, V: Data, O: Data>(
    arranged: &Arranged<'scope, K, V>,
    n: usize,
    name: &str,
    measure: impl Fn(&V) -> i128 + 'static,
    mut rows: impl FnMut(&K, &Top<'_, V>, &mut Vec<O>) + 'static,
) -> Collection<'scope, O> {
    let mut kept: HashMap<K, Rest> = HashMap::new();
    let mut given = Vec::new();
    follow(arranged, name, move |key, tick, changed, out| {
        let all_before = kept.remove(key).unwrap_or_default();
        let mut all_now = all_before;
        changed.changes.iter().for_each(|change| all_now.add(measure(change.row), change.diff));

        let (mut before, mut now) = (Top::of(all_before), Top::of(all_now));
        let places = |all: Rest| all.count.clamp(0, isize::try_from(n).unwrap_or(isize::MAX));
        let (mut places_before, mut places_now) = (places(all_before), places(all_now));
        for passed in changed.rows.backwards(tick, |_| true) {
            before.take(passed.row, passed.before, &mut places_before, &measure);
            now.take(passed.row, passed.now, &mut places_now, &measure);
            if places_before == 0 && places_now == 0 {
                break;
            }
        }
        if before != now {
            for (top, all, sign) in [(before, all_before, -1), (now, all_now, 1)] {
                if all.count > 0 {
                    rows(key, &top, &mut given);
                    out.extend(given.drain(..).map(|row| (row, sign)));
                }
            }
        }
        if all_now != Rest::default() {
            kept.insert(key.clone(), all_now);
        }
    })
}

impl<'a, V> Top<'a, V> {
    fn of(all: Rest) -> Self {
        Top { greatest: Vec::new(), rest: all }
    }

    /// Takes a row from the rest, as often as it is there and there are places.
    fn take(&mut self, row: &'a V, count: isize, places: &mut isize, measure: &impl Fn(&V) -> i128) {
        let taken = count.min(*places);
        if taken > 0 {
            self.greatest.push((row, taken));
            self.rest.add(measure(row), -taken);
            *places -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::arrange;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, run};

    /// (key, (size, name))
    type Row = (u8, (i64, u8));

    /// Key, the greatest with their counts, and how many the rest are and what they add up to.
    type Answer = (u8, Vec<((i64, u8), isize)>, (isize, i128));

    fn three_greatest<'s>(rows: Collection<'s, Row>) -> Collection<'s, Answer> {
        top_n(
            &arrange(rows, "rows"),
            3,
            "greatest",
            |row| row.0 as i128,
            |key, top, out| {
                let greatest = top.greatest.iter().map(|(row, count)| (**row, *count)).collect();
                out.push((*key, greatest, (top.rest.count, top.rest.sum)));
            },
        )
    }

    fn three_greatest_of(rows: &[(Row, isize)]) -> Changes<Answer> {
        let of_key = |rows: &[(Row, isize)]| {
            let mut each: Vec<(i64, u8)> =
                rows.iter().flat_map(|((_, row), count)| std::iter::repeat_n(*row, *count as usize)).collect();
            each.reverse();
            let (greatest, rest) = each.split_at(each.len().min(3));
            let greatest = greatest.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as isize)).collect();
            let sum = rest.iter().map(|(size, _)| *size as i128).sum();
            ((rows[0].0.0, greatest, (rest.len() as isize, sum)), 1)
        };
        rows.chunk_by(|a, b| a.0.0 == b.0.0).map(of_key).collect()
    }

    fn rows() -> impl Strategy<Value = Row> {
        (0..3u8, (prop_oneof![-2..5i64, Just(i64::MAX), Just(i64::MIN)], 0..3u8))
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn the_greatest_stand_and_the_rest_add_up(ticks in churn::churn(rows())) {
            assert_incremental(ticks, three_greatest, |_, rows| three_greatest_of(rows));
        }

        #[test]
        fn a_crowded_key_has_the_same_greatest(ticks in churn::churn((Just(0u8), (0..40i64, 0..2u8)))) {
            assert_incremental(ticks, three_greatest, |_, rows| three_greatest_of(rows));
        }
    }

    #[test]
    fn rows_that_only_pass_below_the_greatest_give_nothing_but_the_rest() {
        let load = vec![((1, (9, 0)), 1), ((1, (8, 0)), 1), ((1, (7, 0)), 1), ((1, (3, 0)), 1)];
        let outputs =
            run(vec![load, vec![((1, (3, 0)), -1), ((1, (3, 1)), 1)], vec![((1, (2, 0)), 1)]], three_greatest);
        let greatest = vec![((9, 0), 1), ((8, 0), 1), ((7, 0), 1)];
        assert!(outputs[1].is_empty(), "another row, and the same sum");
        assert_eq!(outputs[2], vec![((1, greatest.clone(), (1, 3)), -1), ((1, greatest, (2, 5)), 1)]);
    }

    #[test]
    fn a_change_reads_the_greatest_and_not_the_rest() {
        for count in [1_000, 10_000, 100_000i64] {
            let load = (0..count).map(|number| ((1, (number, 0)), 1)).collect();
            let below = vec![((1, (count / 2, 1)), 1)];
            let above = vec![((1, (count, 0)), 1)];
            let gone = vec![((1, (count, 0)), -1)];
            let costs = cost::by_tick_of(vec![load, below, above, gone], three_greatest);
            let read: Vec<usize> = costs.iter().map(|(_, read)| *read).collect();
            assert_eq!(read[..3], [3, 3, 4], "of {count} rows");
            assert!(read[3] <= 5, "one that came and went, and four: {} of {count}", read[3]);
        }
    }
}
