//! `arrange`: a collection indexed by key, the state that operators and views share.
//!
//! Input      updates `((key, value), tick, difference)`.
//! Output     an [`Arranged`]: batches as they are sealed, and a trace to read from.
//! Update     one sort of the tick's own updates, then the spine's merging: O(log n) amortised.
//! Order      independent of arrival order within a tick.
//! Bounds     memory follows the live rows once every reader has let go of the past ([`compact`]).
//!
//! The stock batcher merges its input from chunks of a few kilobytes, which for wide records costs more than all the
//! rest. Ticks arrive whole, so one sort per tick is enough: [`TickBatcher`].

use std::fmt::Debug;
use std::hash::Hash;

use differential_dataflow::consolidation::consolidate_updates;
use differential_dataflow::difference::Semigroup;
use differential_dataflow::logging::Logger;
use differential_dataflow::operators::arrange::arrangement::arrange_core;
use differential_dataflow::operators::arrange::{Arranged as DifferentialArranged, TraceAgent};
use differential_dataflow::trace::implementations::ord_neu::{OrdValSpine, RcOrdValBuilder};
use differential_dataflow::trace::{Batcher, Description, TraceReader};
use differential_dataflow::{AsCollection, ExchangeData, Hashable, VecCollection};
use timely::container::{ContainerBuilder, PushInto};
use timely::dataflow::Scope;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::empty;
use timely::progress::Antichain;
use timely::progress::frontier::AntichainRef;

/// Engine time: microseconds since the Unix epoch, strictly increasing from one tick to the next.
pub type Tick = u64;

/// A changing multiset of `D`; differences are integers unless said otherwise.
pub type Collection<'scope, D, R = isize> = VecCollection<'scope, Tick, D, R>;

/// A handle by which an arrangement is read.
pub type Trace<K, V, R = isize> = TraceAgent<OrdValSpine<K, V, Tick, R>>;

/// A collection indexed by key.
pub type Arranged<'scope, K, V, R = isize> = DifferentialArranged<'scope, Trace<K, V, R>>;

/// The batches of an arrangement.
pub type Batch<K, V, R = isize> = <Trace<K, V, R> as TraceReader>::Batch;

/// What can be carried by a collection.
pub trait Data: ExchangeData + Hash + Debug {}
impl<T: ExchangeData + Hash + Debug> Data for T {}

/// What a collection can be indexed by.
pub trait Key: Data + Hashable<Output = u64> {}
impl<T: Data + Hashable<Output = u64>> Key for T {}

/// What a difference can be: an element of an exact group.
pub trait Difference: ExchangeData + Semigroup + Debug {}
impl<T: ExchangeData + Semigroup + Debug> Difference for T {}

/// A collection without rows, in the place of one that nothing is configured for: no tick costs what is made from it.
pub fn nothing<'scope, D: Data, R: Difference>(scope: Scope<'scope, Tick>) -> Collection<'scope, D, R> {
    empty(scope).as_collection()
}

/// Indexes a collection of pairs by their first part.
pub fn arrange<'scope, K: Key, V: Data, R: Difference>(
    collection: Collection<'scope, (K, V), R>,
    name: &str,
) -> Arranged<'scope, K, V, R> {
    let by_key = Exchange::new(|update: &((K, V), Tick, R)| update.0.0.hashed());
    // This is the room in which it may be called.
    #[allow(clippy::disallowed_methods)]
    arrange_core::<_, _, Passthrough<_>, TickBatcher<K, V, R>, RcOrdValBuilder<K, V, Tick, R>, _>(
        collection.inner,
        by_key,
        name,
    )
}

/// Lets a trace forget the difference between ticks before `frontier`.
///
/// Both frontiers move, else memory grows. The logical one stays a tick behind: what happened before `frontier` must
/// never share a time with what happens at it.
pub fn compact<K: Key, V: Data, R: Difference>(trace: &mut Trace<K, V, R>, frontier: AntichainRef<Tick>) {
    let logical: Antichain<Tick> = frontier.iter().map(|tick| tick.saturating_sub(1)).collect();
    trace.set_logical_compaction(logical.borrow());
    trace.set_physical_compaction(frontier);
}

/// Hands containers on as they are: the batcher sorts once, when the tick is sealed.
pub struct Passthrough<C> {
    ready: std::collections::VecDeque<C>,
    current: Option<C>,
}

impl<C> Default for Passthrough<C> {
    fn default() -> Self {
        Passthrough { ready: Default::default(), current: None }
    }
}

impl<T> PushInto<&mut Vec<T>> for Passthrough<Vec<T>> {
    fn push_into(&mut self, container: &mut Vec<T>) {
        self.ready.push_back(std::mem::take(container));
    }
}

impl<T: 'static> ContainerBuilder for Passthrough<Vec<T>> {
    type Container = Vec<T>;

    fn extract(&mut self) -> Option<&mut Vec<T>> {
        self.current = self.ready.pop_front();
        self.current.as_mut()
    }

    fn finish(&mut self) -> Option<&mut Vec<T>> {
        self.extract()
    }
}

/// Updates as they came.
type Updates<K, V, R> = Vec<((K, V), Tick, R)>;

/// Collects a tick's updates and sorts them once. They stay in the containers that they came in until then: a vector that
/// grows would copy them again and again.
pub struct TickBatcher<K, V, R> {
    pending: Vec<Updates<K, V, R>>,
    lower: Antichain<Tick>,
    frontier: Antichain<Tick>,
}

impl<K, V, R> PushInto<Vec<((K, V), Tick, R)>> for TickBatcher<K, V, R> {
    fn push_into(&mut self, updates: Vec<((K, V), Tick, R)>) {
        self.pending.push(updates);
    }
}

impl<K: Key, V: Data, R: Difference> Batcher for TickBatcher<K, V, R> {
    type Output = Vec<((K, V), Tick, R)>;
    type Time = Tick;

    fn new(_logger: Option<Logger>, _operator_id: usize) -> Self {
        TickBatcher { pending: Vec::new(), lower: Antichain::from_elem(0), frontier: Antichain::new() }
    }

    fn seal(&mut self, upper: Antichain<Tick>) -> (Vec<Self::Output>, Description<Tick>) {
        let mut ready = joined(std::mem::take(&mut self.pending));
        self.frontier = Antichain::new();
        if ready.iter().any(|(_, tick, _)| upper.less_equal(tick)) {
            let later: Updates<K, V, R> = ready.extract_if(.., |(_, tick, _)| upper.less_equal(tick)).collect();
            self.frontier = later.iter().map(|(_, tick, _)| *tick).min().into_iter().collect();
            self.pending.push(later);
        }
        consolidate_updates(&mut ready);
        let since = Antichain::from_elem(0);
        let description = Description::new(self.lower.clone(), upper.clone(), since);
        self.lower = upper;
        let chain = if ready.is_empty() { Vec::new() } else { vec![ready] };
        (chain, description)
    }

    fn frontier(&mut self) -> AntichainRef<'_, Tick> {
        self.frontier.borrow()
    }
}

/// All in one vector, of the size that it needs.
fn joined<T>(containers: Vec<Vec<T>>) -> Vec<T> {
    let mut left = containers.iter().map(Vec::len).sum::<usize>();
    let mut containers = containers.into_iter();
    let mut joined = containers.next().unwrap_or_default();
    left -= joined.len();
    joined.reserve_exact(left);
    containers.for_each(|mut container| joined.append(&mut container));
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use timely::dataflow::operators::probe::Probe;

    use super::*;
    use crate::churn;
    use crate::testing::assert_incremental;
    use differential_dataflow::input::InputSession;
    use differential_dataflow::trace::BatchReader;

    type Row = (u8, u8);

    fn arranged<'s>(rows: Collection<'s, Row>) -> Collection<'s, Row> {
        arrange(rows, "rows").as_collection(|key, value| (*key, *value))
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn an_arrangement_holds_the_collection(ticks in churn::churn((0..4u8, 0..4u8))) {
            assert_incremental(ticks, arranged, |_, rows| rows.to_vec());
        }
    }

    #[test]
    fn a_sealed_tick_is_sorted_and_later_ticks_wait() {
        let mut batcher = TickBatcher::<u8, u8, isize>::new(None, 0);
        batcher.push_into(vec![((2, 0), 5, 1), ((1, 0), 5, 1), ((1, 0), 7, 1), ((2, 0), 5, 1), ((3, 0), 5, 1)]);
        batcher.push_into(vec![((3, 0), 5, -1)]);
        let (chain, description) = batcher.seal(Antichain::from_elem(6));
        assert_eq!(chain, vec![vec![((1, 0), 5, 1), ((2, 0), 5, 2)]]);
        assert_eq!((description.lower(), description.upper()), (&Antichain::from_elem(0), &Antichain::from_elem(6)));
        assert_eq!(batcher.frontier().to_owned(), Antichain::from_elem(7));
        let (chain, description) = batcher.seal(Antichain::new());
        assert_eq!(chain, vec![vec![((1, 0), 7, 1)]]);
        assert_eq!(description.lower(), &Antichain::from_elem(6));
        assert!(batcher.frontier().is_empty());
    }

    #[test]
    fn memory_follows_the_live_rows_once_readers_let_go() {
        let held = timely::execute_directly(|worker| {
            let mut input = InputSession::<Tick, Row, isize>::new();
            let (mut trace, probe) = worker.dataflow(|scope| {
                let arranged = arrange(input.to_collection(scope), "rows");
                (arranged.trace, arranged.stream.probe().0)
            });
            let keys = 10;
            for tick in 0..1000 {
                input.advance_to(tick);
                let key = tick as u8 % keys;
                input.update((key, key), if (tick / keys as u64).is_multiple_of(2) { 1 } else { -1 });
                input.advance_to(tick + 1);
                input.flush();
                worker.step_while(|| probe.less_than(input.time()));
                compact(&mut trace, AntichainRef::new(&[tick + 1]));
            }
            let mut held = 0;
            trace.map_batches(|batch| held += batch.len());
            held
        });
        assert!(held < 100, "1000 updates of at most 10 live rows, {held} held");
    }
}
