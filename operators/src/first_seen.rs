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
//!     vec![vec![((1u64, "short"), 1)], vec![((1, "short"), -1)], vec![((1, "long"), 1)]],
//!     |input| first_seen(input, "breaks"),
//! );
//! assert_eq!(outputs[2], vec![((1, "long", 1), 1)]); // the harness counts its ticks from 1
//! ```

use std::collections::{BTreeMap, HashMap};

use differential_dataflow::AsCollection;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Collection, Data, Key, Tick};

/// Stamps each row with the tick at which its key first appeared.
pub fn first_seen<'scope, K: Key, D: Data>(
    collection: Collection<'scope, (K, D)>,
    name: &str,
) -> Collection<'scope, (K, D, Tick)> {
    let by_key = Exchange::new(|update: &((K, D), Tick, isize)| update.0.0.hashed());
    collection
        .inner
        .unary_frontier(by_key, name, |_capability, _info| {
            let mut pending: BTreeMap<Tick, (Capability<Tick>, Vec<((K, D), Tick, isize)>)> = BTreeMap::new();
            let mut first: HashMap<K, Tick> = HashMap::new();
            move |(input, frontier), output| {
                input.for_each(|capability, updates| {
                    for update in updates.drain(..) {
                        let waiting = pending.entry(update.1);
                        let hold = || (capability.delayed(&update.1, 0), Vec::new());
                        waiting.or_insert_with(hold).1.push(update);
                    }
                });
                while let Some(entry) = pending.first_entry().filter(|entry| !frontier.less_equal(entry.key())) {
                    let (tick, (capability, updates)) = entry.remove_entry();
                    let mut session = output.session(&capability);
                    for ((key, row), _, diff) in updates {
                        let seen = *first.entry(key.clone()).or_insert(tick);
                        session.give(((key, row, seen), tick, diff));
                    }
                }
            }
        })
        .as_collection()
}
