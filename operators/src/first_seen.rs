//! `first_seen`: rows with the tick at which their key first appeared.
//!
//! Input      `(key, row)`: several rows may share a key.
//! Output     what a pure function makes of key, row and `first`: the earliest tick at which any row had the key, kept
//!            when the key goes and comes back. So a break that returns after a clear keeps its age.
//! Update     O(1).
//! Order      the tick is the engine's: two runs with the same bindings give the same answer.
//! Bounds     one entry for each key ever seen on the worker; a replay rebuilds it.
//!
//! # Example
//! ```
//! use operators::{first_seen::first_seen, testing};
//! let outputs = testing::run(
//!     vec![vec![((1u64, 's'), 1)], vec![((1, 's'), -1)], vec![((1, 'l'), 1)]],
//!     |input| first_seen(input, "breaks", |key, row, first| (*key, *row, first)),
//! );
//! assert_eq!(outputs[2], vec![((1, 'l', 1), 1)]); // the harness counts its ticks from 1
//! ```

use std::collections::HashMap;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Collection, Data, Key, Tick};
use crate::pending::Pending;

/// Stamps each row with the tick at which its key first appeared.
pub fn first_seen<'scope, K: Key, D: Data, O: Data>(
    collection: Collection<'scope, (K, D)>,
    name: &str,
    stamped: impl Fn(&K, &D, Tick) -> O + 'static,
) -> Collection<'scope, O> {
    let by_key = Exchange::new(|update: &((K, D), Tick, isize)| update.0.0.hashed());
    collection
        .inner
        .unary_frontier(by_key, name, move |_capability, _info| {
            let mut pending = Pending::<Vec<_>>::new();
            let mut first: HashMap<K, Tick> = HashMap::new();
            move |(input, frontier), output| {
                input.for_each(|capability, updates| {
                    for (row, tick, diff) in updates.drain(..) {
                        pending.at(&capability, tick).push((row, diff));
                    }
                });
                while let Some((tick, capability, mut updates)) = pending.next_closed(frontier) {
                    let mut session = output.session(&capability);
                    consolidate(&mut updates); // a key that came and went within the tick was not seen
                    for ((key, row), diff) in updates {
                        let seen = *first.entry(key.clone()).or_insert(tick);
                        session.give((stamped(&key, &row, seen), tick, diff));
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
        first_seen(rows, "rows", |key, row, first| (*key, *row, first))
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
    fn a_row_gives_one_row() {
        let load = (0..100u8).map(|key| ((key, 0), 1)).collect();
        let outputs = run(vec![load, vec![((7, 1), 1)]], stamped);
        assert_eq!(outputs[1], vec![((7, 1, 1), 1)]);
    }
}
