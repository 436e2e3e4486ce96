//! `add_up`: the changes of a tick, added up before they are sent on.
//!
//! Input      rows; a function from a row to what it adds to each of its groups.
//! Output     what each group gained in the tick, once, when the tick is whole.
//! Update     O(1) for each addition. What adds up to nothing is not sent.
//! Order      of no order: an arrangement sorts what is given.
//! Bounds     the groups that the open ticks change, so few where many rows have the same.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use ahash::AHashMap;
use differential_dataflow::AsCollection;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Collection, Data, Difference, Tick};
use crate::arrived::first_open;

/// Adds up by groups: `adds(row, difference, add)`, with a call of `add` for each group.
pub(crate) fn add_up<'scope, D: Data, R: Difference, G: Data, S: Difference>(
    collection: Collection<'scope, D, R>,
    name: &str,
    mut adds: impl FnMut(D, R, &mut dyn FnMut(G, S)) + 'static,
) -> Collection<'scope, G, S> {
    let sums = collection.inner.unary_frontier(Pipeline, name, |_capability, _info| {
        let mut open: BTreeMap<Tick, (Capability<Tick>, AHashMap<G, S>)> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, rows| {
                for (row, tick, diff) in rows.drain(..) {
                    let (_, groups) =
                        open.entry(tick).or_insert_with(|| (capability.delayed(&tick, 0), AHashMap::default()));
                    adds(row, diff, &mut |group, more| match groups.entry(group) {
                        Entry::Occupied(mut sum) => sum.get_mut().plus_equals(&more),
                        Entry::Vacant(empty) => drop(empty.insert(more)),
                    });
                }
            });
            let still_open = open.split_off(&first_open(frontier.frontier()));
            for (tick, (capability, groups)) in std::mem::replace(&mut open, still_open) {
                let changed = groups.into_iter().filter(|(_, sum)| !sum.is_zero());
                output.session(&capability).give_iterator(changed.map(|(group, sum)| (group, tick, sum)));
            }
        }
    });
    sums.as_collection()
}
