//! `upsert`: the latest value by business key.
//!
//! Input      [`Upsert`]s: `(key, member, tick, order, Some(value) | None)`. `(key, member)` is the business key; `None`,
//!            a tombstone, deletes. `member` says which of the values under `key` is meant (which source, which kind).
//! Output     an arrangement by `key` of the current values, at most one per member.
//! Update     O(group + log n). An amendment's retraction and insertion share one tick; a repeated value changes nothing.
//! Order      within a tick the greatest `order` (the offset in the source) wins, never the greater value; a later tick
//!            wins over an earlier one.
//! Bounds     no state but the arrangement itself.
//!
//! # Example
//! ```
//! use operators::{testing, upsert::{Upsert, upsert}};
//! let put = |key, order, value| Upsert { key, member: 0, tick: 0, order, value }; // the harness sets the ticks
//! let outputs = testing::run_upserts(
//!     vec![vec![put(7u64, 1, Some(200)), put(7, 2, Some(100))], vec![put(7, 3, None)]],
//!     |input| upsert(input, "names", |_value| 0).as_collection(|key, value| (*key, *value)),
//! );
//! assert_eq!(outputs, vec![vec![((7, 100), 1)], vec![((7, 100), -1)]]);
//! ```

use differential_dataflow::operators::arrange::TraceAgent;
use differential_dataflow::trace::implementations::ord_neu::RcOrdValBuilder;
use differential_dataflow::trace::{Builder, Cursor, Description, Trace as _, TraceReader};
use serde::{Deserialize, Serialize};
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;
use timely::progress::Antichain;

use crate::arrangement::{Arranged, Batch, Data, Key, Tick, Trace, compact};
use crate::pending::Pending;
use crate::runs::{Keyed, Runs};

/// How many updates are handed to a batch builder at once.
const BUILD_ROWS: usize = 1024;

/// One assertion about the value under a business key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upsert<K, V> {
    /// The key by which values are grouped.
    pub key: K,
    /// Which value of the group is meant.
    pub member: u16,
    /// When it is asserted. It may be sent by the right to send at an earlier tick.
    pub tick: Tick,
    /// The place in the source: of one tick, the greater wins.
    pub order: u64,
    /// The new value, or a tombstone.
    pub value: Option<V>,
}

/// Keeps the latest value of each business key. `member_of` must give the member under which a value was put.
pub fn upsert<'scope, K: Key, V: Data>(
    stream: Stream<'scope, Tick, Vec<Upsert<K, V>>>,
    name: &str,
    member_of: impl Fn(&V) -> u16 + 'static,
) -> Arranged<'scope, K, V> {
    let mut reader = None;
    let reader_slot = &mut reader;
    let by_key = Exchange::new(|upsert: &Upsert<K, V>| upsert.key.hashed());
    let scope = stream.scope();
    let stream = stream.unary_frontier(by_key, name, move |_capability, info| {
        let activator = Some(scope.activator_for(std::rc::Rc::clone(&info.address)));
        let spine =
            differential_dataflow::trace::implementations::ord_neu::OrdValSpine::new(info.clone(), None, activator);
        let (mut trace, mut writer) = TraceAgent::new(spine, info, None);
        *reader_slot = Some(trace.clone());
        let mut pending: Pending<Runs<Upsert<K, V>>> = Pending::new();
        let mut sealed = Antichain::from_elem(0);

        move |(input, frontier), output| {
            input.for_each(|capability, upserts| {
                while let Some(tick) = upserts.first().map(|upsert| upsert.tick) {
                    let of_tick = pending.at(&capability, tick);
                    // As a rule they are all of one tick, and are not moved.
                    if upserts.iter().all(|upsert| upsert.tick == tick) {
                        of_tick.append(upserts);
                    } else {
                        of_tick.append(&mut upserts.extract_if(.., |upsert| upsert.tick == tick).collect());
                    }
                }
            });
            // One batch a tick: the same bytes whether ticks come one by one or many at once.
            while let Some((tick, capability, upserts)) = pending.next_closed(frontier) {
                let upper = Antichain::from_elem(tick + 1);
                let description = Description::new(sealed.clone(), upper.clone(), Antichain::from_elem(0));
                let batch = resolve(&mut trace, tick, upserts, description, &member_of);
                writer.insert(batch.clone(), Some(*capability.time()));
                output.session(&capability).give(batch);
                sealed = upper;
            }
            if sealed.borrow() != frontier.frontier() {
                sealed = frontier.frontier().to_owned();
                writer.seal(sealed.clone());
            }
            compact(&mut trace, sealed.borrow());
            writer.exert();
        }
    });
    // The closure above ran while the operator was built.
    #[allow(clippy::expect_used)]
    let trace = reader.expect("the operator's constructor has run");
    Arranged { stream, trace }
}

impl<K: Key, V> Keyed for Upsert<K, V> {
    type Key = K;
    fn key(&self) -> &K {
        &self.key
    }
}

/// The batch of updates by which the trace comes to agree with `upserts`.
fn resolve<K: Key, V: Data>(
    trace: &mut Trace<K, V>,
    tick: Tick,
    upserts: Runs<Upsert<K, V>>,
    description: Description<Tick>,
    member_of: &impl Fn(&V) -> u16,
) -> Batch<K, V> {
    let rows = upserts.rows();
    let mut builder = RcOrdValBuilder::<K, V, Tick, isize>::with_capacity(rows, rows, 0);
    let mut updates = Vec::with_capacity(rows.min(BUILD_ROWS) + 2);
    let (mut cursor, storage) = trace.cursor();
    let mut current: Vec<&V> = Vec::new();
    let mut merge = upserts.merge();
    let mut group = Vec::new();
    while let Some(key) = merge.next_group(&mut group) {
        keep_the_last(&mut group);
        read_current(&mut cursor, &storage, &key, &mut current);
        let start = updates.len();
        for Upsert { key, member, value, .. } in group.drain(..) {
            let old = current.iter().find(|old| member_of(old) == member);
            if value.as_ref() == old.copied() {
                continue;
            }
            updates.extend(old.map(|old| ((key.clone(), (*old).clone()), tick, -1)));
            updates.extend(value.map(|new| ((key, new), tick, 1)));
        }
        if updates.len() > start + 1 {
            updates[start..].sort_unstable();
        }
        if updates.len() >= BUILD_ROWS {
            builder.push(&mut updates);
            updates.clear();
        }
    }
    builder.push(&mut updates);
    builder.done(description)
}

/// Of each member the last; equal orders, which a source should not give, are decided by value rather than by arrival.
fn keep_the_last<K, V: Ord>(group: &mut Vec<Upsert<K, V>>) {
    if group.len() > 1 {
        group.sort_unstable_by(|a, b| (a.member, b.order, &b.value).cmp(&(b.member, a.order, &a.value)));
        group.dedup_by_key(|upsert| upsert.member);
    }
}

fn read_current<'a, K: Key, V: Data, C>(cursor: &mut C, storage: &'a C::Storage, key: &K, current: &mut Vec<&'a V>)
where
    C: for<'b> Cursor<Key<'b> = &'b K, Val<'b> = &'b V, Time = Tick, Diff = isize>,
{
    current.clear();
    cursor.seek_key(storage, key);
    if cursor.get_key(storage) != Some(key) {
        return;
    }
    while let Some(value) = cursor.get_val(storage) {
        let mut count = 0;
        cursor.map_times(storage, |_, diff| count += C::owned_diff(diff));
        debug_assert!(count == 0 || count == 1, "an upserted value is there once or not at all");
        if count > 0 {
            current.push(value);
        }
        cursor.step_val(storage);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::arrangement::Collection;
    use crate::churn;
    use crate::testing::{Changes, FEEDS, differences, run_upserts, run_upserts_as};

    /// A value that says its member.
    type Value = (u16, u8);
    type Put = Upsert<u8, Value>;

    fn latest<'s>(puts: Stream<'s, Tick, Vec<Put>>) -> Collection<'s, (u8, Value)> {
        upsert(puts, "values", |value: &Value| value.0).as_collection(|key, value| (*key, *value))
    }

    /// Ticks of upserts, their orders shuffled within each tick, and at last a tombstone for every key.
    fn upserts() -> impl Strategy<Value = Vec<Vec<Put>>> {
        let put = (0..4u8, 0..3u16, 0..5u64, prop::option::weighted(0.7, 0..3u8));
        let put = put.prop_map(|(key, member, order, value)| Upsert {
            key,
            member,
            tick: 0,
            order,
            value: value.map(|value| (member, value)),
        });
        prop::collection::vec(prop::collection::vec(put, 0..12), 1..8).prop_map(|mut ticks: Vec<Vec<Put>>| {
            let tombstone = |key, member| Upsert { key, member, tick: 0, order: 9, value: None };
            ticks.push((0..4).flat_map(|key| (0..3).map(move |member| tombstone(key, member))).collect());
            ticks
        })
    }

    /// The current values after all these upserts, ticks in order and offsets in order within each.
    fn latest_of(ticks: &[Vec<Put>]) -> Changes<(u8, Value)> {
        let mut values = BTreeMap::new();
        for tick in ticks {
            let mut tick = tick.clone();
            tick.sort_by_key(|put| (put.order, put.value));
            values.extend(tick.into_iter().map(|put| ((put.key, put.member), put.value)));
        }
        values.into_iter().filter_map(|((key, _), value)| Some(((key, value?), 1))).collect()
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn the_latest_value_stands(ticks in upserts()) {
            let numbers: Vec<Changes<usize>> = (0..ticks.len()).map(|tick| vec![(tick, 1)]).collect();
            let expected = differences(&numbers, |tick, _| latest_of(&ticks[..tick as usize]));
            for feed in FEEDS {
                assert_eq!(run_upserts_as(feed, ticks.clone(), latest), expected, "{feed:?}");
            }
            let at_once = ticks.concat().into_iter().zip(0..).map(|(put, order)| Upsert { order, ..put }).collect::<Vec<_>>();
            prop_assert!(latest_of(std::slice::from_ref(&at_once)).is_empty());
            prop_assert_eq!(run_upserts(vec![at_once], latest), vec![vec![]]);
        }
    }

    #[test]
    fn a_repeated_value_changes_nothing() {
        let put = |order| Upsert { key: 1, member: 0, tick: 0, order, value: Some((0, 5)) };
        assert_eq!(run_upserts(vec![vec![put(1)], vec![put(2)]], latest), vec![vec![((1, (0, 5)), 1)], vec![]]);
    }

    #[test]
    fn an_upsert_reads_its_own_group_only() {
        let reads = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&reads);
        let put =
            |row: u16, order| Upsert { key: row / 3, member: row % 3, tick: 0, order, value: Some((row % 3, order)) };
        let load = (0..300).map(|row| put(row, 1)).collect();
        run_upserts(vec![load, vec![put(7, 2)]], move |puts| {
            let counter = Arc::clone(&counter);
            let member_of = move |value: &(u16, u64)| {
                counter.fetch_add(1, Ordering::Relaxed);
                value.0
            };
            upsert(puts, "values", member_of).as_collection(|key, value| (*key, *value))
        });
        assert!(reads.load(Ordering::Relaxed) <= 3, "one group of three members");
    }
}
