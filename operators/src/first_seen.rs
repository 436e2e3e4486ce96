//! `first_seen`: rows with the tick at which their key first appeared.
//!
//! Input      `(key, row)`: several rows may share a key.
//! Output     `(key, row, first)`: `first` is the earliest tick at which any row had the key, kept when the key goes and
//!            comes back. So a break that returns after a clear keeps its age.
//! Update     O(1).
//! Order      the tick is the engine's: two runs with the same bindings give the same answer.
//! Bounds     one entry for each key ever seen on the worker; a replay rebuilds it.
//!
//! # Example
//! ```
//! use operators::{first_seen::first_seen, testing};
//! let outputs = testing::run(
//!     vec![vec![((1u64, 's'), 1)], vec![((1, 's'), -1)], vec![((1, 'l'), 1)]],
//!     |input| first_seen(input, "breaks"),
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
pub fn first_seen<'scope, K: Key, D: Data>(
    collection: Collection<'scope, (K, D)>,
    name: &str,
) -> Collection<'scope, (K, D, Tick)> {
    let by_key = Exchange::new(|update: &((K, D), Tick, isize)| update.0.0.hashed());
    collection
        .inner
        .unary_frontier(by_key, name, |_capability, _info| {
            let mut pending = Pending::new();
            let mut first: HashMap<K, Tick> = HashMap::new();
            move |(input, frontier), output| {
                input.for_each(|capability, updates| {
                    for (row, tick, diff) in updates.drain(..) {
                        pending.at(&capability, tick).push((row, diff));
                    }
                });
                while let Some((capability, mut updates)) = pending.next_closed(frontier) {
                    let tick = *capability.time();
                    let mut session = output.session(&capability);
                    consolidate(&mut updates); // a key that came and went within the tick was not seen
                    for ((key, row), diff) in updates {
                        let seen = *first.entry(key.clone()).or_insert(tick);
                        session.give(((key, row, seen), tick, diff));
                    }
                }
            }
        })
        .as_collection()
}
