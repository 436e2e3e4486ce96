//! `episodes`: when each key was there, since when and until when, and what it was at its worst.
//!
//! Input      `(key, row)`, one a key at most, `None` where it is not known whether it is there: that neither begins nor ends
//!            anything. And the episodes that are remembered, as they were given earlier.
//! Output     an [`Episode`] for each time that a key was there, whether it is over or not. One that goes on carries the
//!            worst row that it has had so far. A row that is not worse changes nothing.
//! Update     O(log n) of the keys that are there.
//! Order      ticks are the engine's: two runs with the same bindings give the same answer.
//! Bounds     the keys that are there. Episodes do not follow from the rows of one tick: a replay makes them again, or they
//!            are kept and given back as remembered, at the tick at which the rows that are there come back. One that went on
//!            and whose key does not come back is over at that tick.
//!
//! # Example
//! ```
//! use differential_dataflow::VecCollection;
//! use operators::episodes::{Episode, episodes};
//! use operators::testing;
//! let outputs = testing::run(vec![vec![(('b', 7), 1)], vec![(('b', 7), -1)]], |input| {
//!     let none = input.clone().filter(|_| false).map(|(key, row)| (key, Episode { first: 0, last: None, worst: row }));
//!     episodes(input.map(|(key, row)| (key, Some(row))), none, "breaches", |worst, row| row > worst)
//! });
//! let over = Episode { first: 1, last: Some(2), worst: 7 };
//! assert_eq!(outputs[1], vec![(('b', Episode { last: None, ..over.clone() }), -1), (('b', over), 1)]);
//! ```

use std::collections::BTreeMap;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use serde::{Deserialize, Serialize};
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Collection, Data, Key, Tick};
use crate::pending::Pending;

/// A time during which a key was there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Episode<D> {
    /// The tick at which it came.
    pub first: Tick,
    /// The tick at which it went; `None` while it is there.
    pub last: Option<Tick>,
    /// The worst row that it had.
    pub worst: D,
}

/// What is told of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Told<D> {
    Remembered(Episode<D>),
    There(Option<D>),
}

/// What is known of a key that is there.
struct Open<D> {
    rows: Vec<(Option<D>, isize)>,
    /// What has been given of it; nothing, as long as it is only remembered.
    given: Option<Episode<D>>,
    remembered: Option<Episode<D>>,
}

/// Gives the episodes of all keys; `is_worse` says whether the second row is worse than the first.
pub fn episodes<'scope, K: Key, D: Data>(
    there: Collection<'scope, (K, Option<D>)>,
    remembered: Collection<'scope, (K, Episode<D>)>,
    name: &str,
    is_worse: impl Fn(&D, &D) -> bool + 'static,
) -> Collection<'scope, (K, Episode<D>)> {
    let there = there.map(|(key, row)| (key, Told::There(row)));
    let told = there.concat(remembered.map(|(key, episode)| (key, Told::Remembered(episode))));
    let by_key = Exchange::new(|update: &((K, Told<D>), Tick, isize)| update.0.0.hashed());
    told.inner
        .unary_frontier(by_key, name, move |_capability, _info| {
            let mut pending = Pending::<Vec<_>>::new();
            let mut open: BTreeMap<K, Open<D>> = BTreeMap::new();
            move |(input, frontier), output| {
                input.for_each(|capability, updates| pending.add(&capability, updates));
                while let Some((tick, capability, mut updates)) = pending.next_closed(frontier) {
                    let mut session = output.session(&capability);
                    consolidate(&mut updates); // a key that came and went within the tick was not there
                    let mut updates = updates.into_iter().peekable();
                    while let Some(((key, told), diff)) = updates.next() {
                        let mut own = open.remove(&key).unwrap_or_default();
                        let mut give = |episode, diff| session.give(((key.clone(), episode), tick, diff));
                        own.take(told, diff, &mut give);
                        while let Some(((_, told), diff)) = updates.next_if(|((next, _), _)| *next == key) {
                            own.take(told, diff, &mut give);
                        }
                        if own.is_there_after(tick, &is_worse, &mut give) {
                            open.insert(key, own);
                        }
                    }
                }
            }
        })
        .as_collection()
}

impl<D> Default for Open<D> {
    fn default() -> Self {
        Open { rows: Vec::new(), given: None, remembered: None }
    }
}

impl<D: Data> Open<D> {
    /// Takes note of what is told; what was over before is given as it is.
    fn take(&mut self, told: Told<D>, diff: isize, give: &mut impl FnMut(Episode<D>, isize)) {
        match told {
            Told::There(row) => self.rows.push((row, diff)),
            Told::Remembered(episode) if episode.last.is_some() => give(episode, diff),
            Told::Remembered(episode) => {
                debug_assert!(diff == 1, "what is remembered comes once");
                self.remembered = Some(episode);
            }
        }
    }

    /// Gives what has become of it at the end of a tick; says whether it is there.
    fn is_there_after(
        &mut self,
        tick: Tick,
        is_worse: &impl Fn(&D, &D) -> bool,
        give: &mut impl FnMut(Episode<D>, isize),
    ) -> bool {
        consolidate(&mut self.rows);
        let row = self.rows.last().map(|(row, _)| row.as_ref());
        let before = self.remembered.take().or_else(|| self.given.clone());
        let now = match (before, row) {
            (None, None | Some(None)) => None,
            (None, Some(Some(row))) => Some(Episode { first: tick, last: None, worst: row.clone() }),
            (Some(before), None) => Some(Episode { last: Some(tick), ..before }),
            (Some(before), Some(Some(row))) if is_worse(&before.worst, row) => {
                Some(Episode { worst: row.clone(), ..before })
            }
            (before, Some(_)) => before,
        };
        if now != self.given {
            self.given.take().into_iter().for_each(|given| give(given, -1));
            now.iter().for_each(|now| give(now.clone(), 1));
            self.given = now;
        }
        !self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::testing::{Changes, FEEDS, run, run_as, total};

    /// Of those with the row 0 it is not known whether they are there.
    type Row = (u8, u8);

    /// What a harness is fed with: rows, and episodes that are remembered.
    type Fed = (u8, Told<u8>);

    fn fed(rows: Collection<'_, Fed>) -> Collection<'_, (u8, Episode<u8>)> {
        let there =
            rows.clone().flat_map(|(key, told)| if let Told::There(row) = told { Some((key, row)) } else { None });
        let remembered =
            rows.flat_map(|(key, told)| if let Told::Remembered(own) = told { Some((key, own)) } else { None });
        episodes(there, remembered, "episodes", |worst, row| row > worst)
    }

    fn there(ticks: &[Changes<Row>]) -> Vec<Changes<Fed>> {
        let told = |((key, row), diff): &(Row, isize)| ((*key, Told::There((*row > 0).then_some(*row))), *diff);
        ticks.iter().map(|changes| changes.iter().map(told).collect()).collect()
    }

    /// All episodes after some ticks, from what was there at each.
    fn episodes_of(ticks: &[Changes<Row>]) -> Vec<(u8, Episode<u8>)> {
        let mut all: Vec<(u8, Episode<u8>)> = Vec::new();
        for tick in 1..=ticks.len() {
            let rows = total(&ticks[..tick]);
            for key in 0..4 {
                let row = rows.iter().filter(|((own, _), _)| *own == key).map(|((_, row), _)| *row).max();
                let going_on = all.iter_mut().find(|(own, episode)| *own == key && episode.last.is_none());
                match (going_on, row) {
                    (Some((_, episode)), Some(row)) => episode.worst = episode.worst.max(row),
                    (Some((_, episode)), None) => episode.last = Some(tick as Tick),
                    (None, Some(row)) if row > 0 => {
                        all.push((key, Episode { first: tick as Tick, last: None, worst: row }))
                    }
                    (None, _) => {}
                }
            }
        }
        all.sort();
        all
    }

    fn one_each(episodes: Vec<(u8, Episode<u8>)>) -> Changes<(u8, Episode<u8>)> {
        episodes.into_iter().map(|episode| (episode, 1)).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn each_time_that_a_key_is_there_is_an_episode(ticks in churn::churn((0..4u8, 0..3u8))) {
            for feed in FEEDS {
                let outputs = run_as(feed, there(&ticks), fed);
                for upto in 0..=ticks.len() {
                    let expected = one_each(episodes_of(&ticks[..upto]));
                    assert_eq!(total(&outputs[..upto.min(outputs.len())]), expected, "{feed:?}, {upto}");
                }
            }
        }

        #[test]
        fn who_goes_on_from_what_was_remembered_gives_what_a_whole_run_gives(
            ticks in churn::churn((0..4u8, 0..3u8)),
            cut in 0..8usize,
        ) {
            // The tick at which it goes on is the last one before the cut, as of a snapshot.
            let cut = cut.min(ticks.len());
            let remembered = episodes_of(&ticks[..cut]);
            let mut resumed: Vec<Changes<Fed>> = vec![Vec::new(); cut.saturating_sub(1)];
            if cut > 0 {
                let mut given = there(&[total(&ticks[..cut])]).remove(0);
                given.extend(remembered.into_iter().map(|(key, episode)| ((key, Told::Remembered(episode)), 1)));
                resumed.push(given);
            }
            resumed.extend(there(&ticks[cut..]));
            assert_eq!(total(&run(resumed, fed)), one_each(episodes_of(&ticks)));
        }
    }

    #[test]
    fn what_was_remembered_and_does_not_come_back_is_over() {
        let going_on = Episode { first: 0, last: None, worst: 3 };
        let outputs = run(vec![vec![((1, Told::Remembered(going_on.clone())), 1)]], fed);
        assert_eq!(outputs[0], vec![((1, Episode { last: Some(1), ..going_on }), 1)]);
    }

    #[test]
    fn what_is_not_known_to_be_there_neither_begins_nor_ends_anything() {
        let ticks =
            [vec![((1, 0), 1)], vec![((1, 0), -1), ((1, 5), 1)], vec![((1, 5), -1), ((1, 0), 1)], vec![((1, 0), -1)]];
        let outputs = run(there(&ticks), fed);
        assert_eq!((&outputs[0], &outputs[2]), (&vec![], &vec![]));
        let over = Episode { first: 2, last: Some(4), worst: 5 };
        assert_eq!(total(&outputs), vec![((1, over), 1)]);
    }

    #[test]
    fn a_row_that_is_not_worse_changes_nothing() {
        let ticks = [vec![((1, 5), 1)], vec![((1, 5), -1), ((1, 4), 1)]];
        assert_eq!(run(there(&ticks), fed)[1], vec![]);
    }
}
