//! `first_seen`: rows with the tick at which their key first appeared.
//!
//! Input      `(key, row)`: several rows may share a key.
//! Output     what a pure function makes of key, row and `first`: the earliest tick at which any row had the key, kept
//!            when the key goes and comes back. So a break that returns after a clear keeps its age.
//! Update     O(1).
//! Order      the tick is the engine's: two runs with the same bindings give the same answer.
//! Bounds     one entry for each key ever seen on the worker. It does not follow from the rows of one tick: a replay
//!            rebuilds it, or it is kept ([`FirstSeen::read`]) and given back ([`FirstSeen::restore`]).
//!
//! # Example
//! ```
//! use operators::{first_seen::{FirstSeen, first_seen}, testing};
//! let outputs = testing::run(
//!     vec![vec![((1u64, 's'), 1)], vec![((1, 's'), -1)], vec![((1, 'l'), 1)]],
//!     |input| first_seen(input, "breaks", &FirstSeen::default(), |key, row, first| (*key, *row, first)),
//! );
//! assert_eq!(outputs[2], vec![((1, 'l', 1), 1)]); // the harness counts its ticks from 1
//! ```

use std::sync::Arc;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use indexmap::IndexMap;
use parking_lot::Mutex;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Collection, Data, Key, Tick};
use crate::pending::Pending;

/// When each key first appeared on this worker. Cloning shares it.
///
/// Entries are added and never changed, so they stand in the order of their ticks, and those of a tick can be read while
/// later ones are added.
#[derive(Clone)]
pub struct FirstSeen<K>(Arc<Mutex<IndexMap<K, Tick>>>);

impl<K> Default for FirstSeen<K> {
    fn default() -> Self {
        FirstSeen(Arc::new(Mutex::new(IndexMap::new())))
    }
}

impl<K: Key> FirstSeen<K> {
    /// At most `limit` entries from place `from` on, of those that had appeared by `upto`.
    pub fn read(&self, from: usize, upto: Tick, limit: usize) -> Vec<(K, Tick)> {
        let first = self.0.lock();
        let upper = from.saturating_add(limit).min(first.len());
        let Some(entries) = first.get_range(from..upper) else { return Vec::new() };
        entries.iter().take_while(|(_, tick)| **tick <= upto).map(|(key, tick)| (key.clone(), *tick)).collect()
    }

    /// Gives back what was read, in that order and before any row comes. Those of other workers are left out.
    pub fn restore(&self, entries: impl IntoIterator<Item = (K, Tick)>, worker: usize, workers: usize) {
        let own = entries.into_iter().filter(|(key, _)| key.hashed() as usize % workers == worker);
        self.0.lock().extend(own);
    }
}

/// Stamps each row with the tick at which its key first appeared, which is kept in `seen`.
pub fn first_seen<'scope, K: Key, D: Data, O: Data>(
    collection: Collection<'scope, (K, D)>,
    name: &str,
    seen: &FirstSeen<K>,
    stamped: impl Fn(&K, &D, Tick) -> O + 'static,
) -> Collection<'scope, O> {
    let by_key = Exchange::new(|update: &((K, D), Tick, isize)| update.0.0.hashed());
    let seen = seen.clone();
    collection
        .inner
        .unary_frontier(by_key, name, move |_capability, _info| {
            let mut pending = Pending::<Vec<_>>::new();
            move |(input, frontier), output| {
                input.for_each(|capability, updates| pending.add(&capability, updates));
                while let Some((tick, capability, mut updates)) = pending.next_closed(frontier) {
                    let mut session = output.session(&capability);
                    let mut first = seen.0.lock();
                    consolidate(&mut updates); // a key that came and went within the tick was not seen
                    for ((key, row), diff) in updates {
                        let first = *first.entry(key.clone()).or_insert(tick);
                        session.give((stamped(&key, &row, first), tick, diff));
                    }
                }
            }
        })
        .as_collection()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::testing::{Changes, FEEDS, run, run_as, total};

    type Row = (u8, u8);

    fn stamped<'s>(rows: Collection<'s, Row>) -> Collection<'s, (u8, u8, Tick)> {
        first_seen(rows, "rows", &FirstSeen::default(), |key, row, first| (*key, *row, first))
    }

    /// Each tick's net changes, with the first tick at whose end a row had the key.
    fn stamped_of(ticks: &[Changes<Row>]) -> Vec<Changes<(u8, u8, Tick)>> {
        let mut first: BTreeMap<u8, Tick> = BTreeMap::new();
        let mut outputs = Vec::new();
        for tick in 1..=ticks.len() {
            for ((key, _), _) in total(&ticks[..tick]) {
                first.entry(key).or_insert(tick as Tick);
            }
            let changes = total(&ticks[tick - 1..tick]).into_iter();
            outputs.push(changes.map(|((key, row), diff)| ((key, row, first[&key]), diff)).collect());
        }
        outputs.iter_mut().for_each(consolidate);
        outputs
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn every_row_carries_the_first_tick_of_its_key(ticks in churn::churn((0..4u8, 0..3u8))) {
            for feed in FEEDS {
                assert_eq!(run_as(feed, ticks.clone(), stamped), stamped_of(&ticks), "{feed:?}");
            }
        }
    }

    #[test]
    fn a_key_that_came_and_went_within_a_tick_was_not_seen() {
        let ticks = vec![vec![((1, 1), 1), ((1, 1), -1)], vec![((1, 1), 1)]];
        assert_eq!(run(ticks, stamped), vec![vec![], vec![((1, 1, 2), 1)]]);
    }

    #[test]
    fn what_is_read_and_given_back_goes_on_as_if_it_had_always_run() {
        let kept = FirstSeen::default();
        let first = kept.clone();
        run(vec![vec![((1, 1), 1)], vec![((1, 1), -1), ((2, 1), 1)], vec![((3, 1), 1)]], move |rows| {
            first_seen(rows, "rows", &first, |key, row, first| (*key, *row, first))
        });
        assert_eq!(kept.read(0, 2, 9), [(1, 1), (2, 2)], "and not what came later");
        assert_eq!(
            (kept.read(0, 9, 1), kept.read(1, 9, 2), kept.read(3, 9, 1)),
            (vec![(1, 1)], vec![(2, 2), (3, 3)], vec![])
        );
        let restored = FirstSeen::default();
        restored.restore(kept.read(0, 2, 9).into_iter().map(|(key, tick)| (key, tick + 100)), 0, 1);
        let outputs = run(vec![vec![((1, 5), 1), ((4, 5), 1)]], move |rows| {
            first_seen(rows, "rows", &restored, |key, row, first| (*key, *row, first))
        });
        assert_eq!(outputs, vec![vec![((1, 5, 101), 1), ((4, 5, 1), 1)]]);
    }

    #[test]
    fn each_worker_takes_its_own() {
        let parts = [0, 1].map(|worker| {
            let part = FirstSeen::default();
            part.restore((0..100u8).map(|key| (key, 1)), worker, 2);
            part.read(0, 1, 1000).len()
        });
        assert_eq!(parts.iter().sum::<usize>(), 100);
        assert!(parts.iter().all(|count| *count > 0), "{parts:?}");
    }

    #[test]
    fn a_row_gives_one_row() {
        let load = (0..100u8).map(|key| ((key, 0), 1)).collect();
        let outputs = run(vec![load, vec![((7, 1), 1)]], stamped);
        assert_eq!(outputs[1], vec![((7, 1, 1), 1)]);
    }
}
