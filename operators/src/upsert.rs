//! `upsert`: the latest value by business key.
//!
//! Input      [`Upsert`]s: `(key, member, order, Some(value) | None)`. `(key, member)` is the business key; `None`, a
//!            tombstone, deletes. `member` says which of the values under `key` is meant (which source, which kind).
//! Output     an arrangement by `key` of the current values, at most one per member.
//! Update     O(group + log n). An amendment's retraction and insertion share one tick; a repeated value changes nothing.
//! Order      within a tick the greatest `order` (the offset in the source) wins, never the greater value; a later tick
//!            wins over an earlier one.
//! Bounds     no state but the arrangement itself.
//!
//! # Example
//! ```
//! use operators::{testing, upsert::{Upsert, upsert}};
//! let put = |key, order, value| Upsert { key, member: 0, order, value };
//! let outputs = testing::run_upserts(
//!     vec![vec![put(7u64, 1, Some(200)), put(7, 2, Some(100))], vec![put(7, 3, None)]],
//!     |input| upsert(input, "names", |_value| 0).as_collection(|key, value| (*key, *value)),
//! );
//! assert_eq!(outputs, vec![vec![((7, 100), 1)], vec![((7, 100), -1)]]);
//! ```

use std::collections::BTreeMap;

use differential_dataflow::operators::arrange::TraceAgent;
use differential_dataflow::trace::implementations::ord_neu::RcOrdValBuilder;
use differential_dataflow::trace::{Builder, Cursor, Description, Trace as _, TraceReader};
use serde::{Deserialize, Serialize};
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use timely::progress::Antichain;

use crate::arrangement::{Arranged, Data, Key, Tick, Trace, compact};

/// One assertion about the value under a business key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upsert<K, V> {
    /// The key by which values are grouped.
    pub key: K,
    /// Which value of the group is meant.
    pub member: u16,
    /// The place in the source: the greater wins.
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
        let spine = differential_dataflow::trace::implementations::ord_neu::OrdValSpine::new(info.clone(), None, activator);
        let (mut trace, mut writer) = TraceAgent::new(spine, info, None);
        *reader_slot = Some(trace.clone());
        let mut pending: BTreeMap<Tick, (Capability<Tick>, Vec<Upsert<K, V>>)> = BTreeMap::new();
        let mut sealed = Antichain::from_elem(0);

        move |(input, frontier), output| {
            input.for_each(|capability, upserts| {
                let tick = *capability.time();
                let (_, waiting) = pending.entry(tick).or_insert_with(|| (capability.retain(0), Vec::new()));
                waiting.append(upserts);
            });
            // One batch a tick: the same bytes whether ticks come one by one or many at once.
            while let Some(entry) = pending.first_entry().filter(|entry| !frontier.less_equal(entry.key())) {
                let (tick, (capability, upserts)) = entry.remove_entry();
                let upper = Antichain::from_elem(tick + 1);
                let updates = resolve(&mut trace, tick, upserts, &member_of);
                let description = Description::new(sealed.clone(), upper.clone(), Antichain::from_elem(0));
                let batch = build(updates, description);
                writer.insert(batch.clone(), Some(tick));
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

/// The updates by which the trace comes to agree with `upserts`, sorted as a batch builder wants them.
fn resolve<K: Key, V: Data>(
    trace: &mut Trace<K, V>,
    tick: Tick,
    mut upserts: Vec<Upsert<K, V>>,
    member_of: &impl Fn(&V) -> u16,
) -> Vec<((K, V), Tick, isize)> {
    upserts.sort_unstable_by(|a, b| (&a.key, a.member, b.order).cmp(&(&b.key, b.member, a.order)));
    upserts.dedup_by(|later, kept| later.key == kept.key && later.member == kept.member);
    let (mut cursor, storage) = trace.cursor();
    let mut updates = Vec::with_capacity(upserts.len());
    let mut upserts = upserts.into_iter().peekable();
    let mut current: Vec<&V> = Vec::new();
    while let Some(first) = upserts.peek() {
        let key = first.key.clone();
        let start = updates.len();
        read_current(&mut cursor, &storage, &key, &mut current);
        while let Some(Upsert { member, value, .. }) = upserts.next_if(|upsert| upsert.key == key) {
            let old = current.iter().find(|old| member_of(old) == member);
            if value.as_ref() == old.copied() {
                continue;
            }
            updates.extend(old.map(|old| ((key.clone(), (*old).clone()), tick, -1)));
            updates.extend(value.map(|new| ((key.clone(), new), tick, 1)));
        }
        if updates.len() > start + 1 {
            updates[start..].sort_unstable();
        }
    }
    updates
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

fn build<K: Key, V: Data>(
    mut updates: Vec<((K, V), Tick, isize)>,
    description: Description<Tick>,
) -> crate::arrangement::Batch<K, V> {
    let mut builder = RcOrdValBuilder::<K, V, Tick, isize>::with_capacity(updates.len(), updates.len(), updates.len());
    builder.push(&mut updates);
    builder.done(description)
}
