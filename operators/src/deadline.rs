//! `deadline`: rows that become true when the clock passes.
//!
//! Input      `(row, due)`.
//! Output     the row, from the tick `due` on, or from the tick it came if that is later. A row retracted before it was
//!            due never shows; one retracted afterwards goes with its retraction.
//! Update     O(log n), and nothing until the row is due.
//! Order      a row that is due shows at exactly `due`, whether or not anything else happens then, so a replay gives it
//!            at the same tick.
//! Bounds     one entry for each row that is not due yet. A row shows when the frontier passes its tick: at the end of
//!            all input, a dataflow gives what is left at ticks that the clock never reached.
//!
//! # Example
//! ```
//! use operators::{deadline::deadline, testing};
//! let outputs = testing::run(
//!     vec![vec![(('a', 3), 1), (('b', 3), 1)], vec![(('b', 3), -1)], vec![], vec![(('c', 2), 1)]],
//!     |input| deadline(input, "settlement"), // the harness counts its ticks from 1
//! );
//! assert_eq!(outputs, vec![vec![], vec![], vec![('a', 1)], vec![('c', 1)]]);
//! ```

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use differential_dataflow::AsCollection;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Collection, Key, Tick};

/// Shows each row from the tick it is due, or at once if that has passed.
pub fn deadline<'scope, D: Key>(rows: Collection<'scope, (D, Tick)>, name: &str) -> Collection<'scope, D> {
    // By row, so that a retraction meets what it retracts.
    let by_row = Exchange::new(|update: &((D, Tick), Tick, isize)| update.0.0.hashed());
    rows.inner
        .unary_frontier(by_row, name, |_capability, _info| {
            let mut waiting: BTreeMap<Tick, BTreeMap<D, isize>> = BTreeMap::new();
            // One for all that wait, at or before the first of them.
            let mut held: Option<Capability<Tick>> = None;
            move |(input, frontier), output| {
                input.for_each(|capability, updates| {
                    let mut session = output.session(&capability);
                    for ((row, due), tick, diff) in updates.drain(..) {
                        if due <= tick {
                            session.give((row, tick, diff));
                            continue;
                        }
                        wait(&mut waiting, due, row, diff);
                        if held.as_ref().is_none_or(|held| due < *held.time()) {
                            held = Some(capability.delayed(&due, 0));
                        }
                    }
                });
                while let Some(entry) = waiting.first_entry().filter(|entry| !frontier.less_equal(entry.key())) {
                    let (due, rows) = entry.remove_entry();
                    if let Some(capability) = held.as_mut() {
                        capability.downgrade(&due);
                        output
                            .session(&*capability)
                            .give_iterator(rows.into_iter().map(|(row, diff)| (row, due, diff)));
                    }
                }
                match (waiting.first_key_value(), held.as_mut()) {
                    (Some((due, _)), Some(capability)) => capability.downgrade(due),
                    _ => held = None,
                }
            }
        })
        .as_collection()
}

fn wait<D: Ord>(waiting: &mut BTreeMap<Tick, BTreeMap<D, isize>>, due: Tick, row: D, diff: isize) {
    let rows = waiting.entry(due).or_default();
    match rows.entry(row) {
        Entry::Vacant(entry) => {
            entry.insert(diff);
        }
        Entry::Occupied(mut entry) => {
            *entry.get_mut() += diff;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
    if rows.is_empty() {
        waiting.remove(&due);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::testing::{assert_incremental, run};

    fn due<'s>(rows: Collection<'s, (u8, Tick)>) -> Collection<'s, u8> {
        deadline(rows, "rows")
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn rows_show_from_the_tick_they_are_due(ticks in churn::churn((0..4u8, 0..10u64))) {
            assert_incremental(ticks, due, |tick, rows| {
                rows.iter().filter(|((_, due), _)| *due <= tick).map(|((row, _), count)| (*row, *count)).collect()
            });
        }
    }

    #[test]
    fn a_row_retracted_before_it_is_due_never_shows() {
        let updates = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&updates);
        let ticks = vec![vec![((1, 4), 1), ((2, 4), 1)], vec![((1, 4), -1)], vec![], vec![], vec![]];
        let outputs = run(ticks, move |rows: Collection<'_, (u8, Tick)>| {
            let counter = std::sync::Arc::clone(&counter);
            deadline(rows, "rows").inspect(move |_| {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            })
        });
        assert_eq!(outputs, vec![vec![], vec![], vec![], vec![(2, 1)], vec![]]);
        assert_eq!(updates.load(std::sync::atomic::Ordering::Relaxed), 1, "and costs nothing downstream");
    }
}
