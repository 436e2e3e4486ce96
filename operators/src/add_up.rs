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
use timely::Container;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Collection, Data, Difference, Tick};
use crate::arrived::first_open;

/// Adds up by groups: `read(rows, add)`, with a call of `add` for each tick, group and what it gains.
pub(crate) fn add_up<'scope, C: Container, G: Data, S: Difference>(
    rows: Stream<'scope, Tick, C>,
    name: &str,
    read: impl Fn(&mut C, &mut dyn FnMut(Tick, G, S)) + 'static,
) -> Collection<'scope, G, S> {
    let sums = rows.unary_frontier(Pipeline, name, |_capability, _info| {
        let mut open: BTreeMap<Tick, (Capability<Tick>, AHashMap<G, S>)> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, rows| {
                read(rows, &mut |tick, group, more| {
                    let (_, groups) =
                        open.entry(tick).or_insert_with(|| (capability.delayed(&tick, 0), AHashMap::default()));
                    match groups.entry(group) {
                        Entry::Occupied(mut sum) => sum.get_mut().plus_equals(&more),
                        Entry::Vacant(empty) => drop(empty.insert(more)),
                    }
                });
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::shared::Shared;
    use crate::testing::{assert_incremental, run, run_apart};

    type Row = (u8, u8);

    /// Each row in the group of its first number and in that of all.
    fn groups<'s>(rows: Collection<'s, Row>) -> Collection<'s, u8> {
        Shared::of(rows).add_up("groups", |(group, _), diff, add| {
            add(*group, *diff);
            add(u8::MAX, *diff);
        })
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn groups_gain_what_their_rows_add(ticks in churn::churn((0..3u8, 0..3u8))) {
            assert_incremental(ticks, groups, |_, rows| {
                rows.iter().flat_map(|((group, _), count)| [(*group, *count), (u8::MAX, *count)]).collect()
            });
        }
    }

    #[test]
    fn what_adds_up_to_nothing_is_not_sent_and_the_rest_once() {
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        let tick = vec![((1, 0), 1), ((1, 1), 1), ((1, 2), -2), ((2, 0), 1), ((2, 1), 1)];
        let outputs = run(vec![tick], move |rows| {
            let counter = Arc::clone(&counter);
            groups(rows).inspect(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
            })
        });
        assert_eq!(outputs, vec![vec![(2, 2), (u8::MAX, 2)]]);
        assert_eq!(sent.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_tick_is_sent_when_it_is_whole_though_a_later_one_is_open() {
        let early = vec![vec![((1, 0), 1)], vec![], vec![]];
        let late = vec![vec![], vec![((1, 1), 1)], vec![((1, 1), -1)]];
        let outputs = run_apart(early, late, |one: Collection<'_, Row>, other| groups(one.concat(other)));
        assert_eq!(outputs, vec![vec![(1, 1), (u8::MAX, 1)], vec![(1, 1), (u8::MAX, 1)], vec![(1, -1), (u8::MAX, -1)]]);
    }
}
