//! `follow` and `follow_both`: what one arrangement, or two by the same key, mean for each key at each tick.
//!
//! The step that the operators over ordered rows share: for each key that changes, and each tick at which it does, in the
//! order of the ticks, call a function with what changed and with the key's rows before and at the tick. Keys do not
//! touch each other, so a function may keep state by key. What it gives is passed on key by key; where the same comes
//! of many keys, [`gather_both`] has it added up first.

use std::ops::Range;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::difference::Monoid;
use differential_dataflow::trace::TraceReader;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use timely::progress::frontier::AntichainRef;

use crate::arrangement::{Arranged, Batch, Collection, Data, Difference, Key, Tick, compact};
use crate::arrived::{Arrived, first_open};
use crate::series::{Finder, Series};

/// What changed of one key at a tick, rows in their order, and the rows themselves.
pub(crate) struct Side<'a, 'b, V, R = isize> {
    pub(crate) changes: &'b [Change<'a, V, R>],
    pub(crate) rows: &'b Series<'a, V, R>,
}

/// A row and how many times more it is there.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a, V, R = isize> {
    pub(crate) row: &'a V,
    pub(crate) diff: R,
    tick: Tick,
}

/// Calls `turn` for each key and tick at which an arrangement changes; passes on the net rows that it gives.
pub(crate) fn follow<'scope, K: Key, V: Data, R: Difference + Monoid, D: Data>(
    arranged: &Arranged<'scope, K, V, R>,
    name: &str,
    mut turn: impl FnMut(&K, Tick, Side<'_, '_, V, R>, &mut Vec<(D, isize)>) + 'static,
) -> Collection<'scope, D> {
    let mut trace = arranged.trace.clone();
    let stream = arranged.stream.clone();
    stream
        .unary_frontier(Pipeline, name, |_capability, _info| {
            let mut arrived = Arrived::new();
            let mut done = 0;
            let mut rows = Vec::new();
            move |(input, frontier), output| {
                input.for_each(|capability, batches| arrived.add(&capability, batches));
                let upper = first_open(frontier.frontier());
                if upper <= done {
                    return;
                }
                if let Some(capability) = arrived.earliest() {
                    let mut session = output.session(&capability);
                    let (_, storage) = trace.cursor();
                    let mut keys = Keys::new(&arrived, &storage, done..upper);
                    while let Some(key) = keys.next_key() {
                        keys.take(key);
                        for tick in keys.ticks().to_vec() {
                            turn(key, tick, keys.at(tick), &mut rows);
                            consolidate(&mut rows);
                            session.give_iterator(rows.drain(..).map(|(row, diff)| (row, tick, diff)));
                        }
                    }
                }
                arrived.retire(upper);
                compact(&mut trace, AntichainRef::new(&[upper]));
                done = upper;
            }
        })
        .as_collection()
}

/// Where turns put what they give, until it is passed on.
pub(crate) trait Gather: Default + 'static {
    /// What is given.
    type Row: Data;
    /// How many times, or how much of it.
    type Amount: Difference;
    /// Passes on what need not wait, when one key has had its turn at a tick.
    fn end_turn(&mut self, tick: Tick, give: impl FnMut((Self::Row, Tick, Self::Amount)));
    /// Passes on the rest, when all keys have had their turns.
    fn end(&mut self, give: impl FnMut((Self::Row, Tick, Self::Amount)));
}

/// Rows that are passed on at once.
impl<D: Data, O: Difference> Gather for Vec<(D, O)> {
    type Row = D;
    type Amount = O;

    fn end_turn(&mut self, tick: Tick, give: impl FnMut((D, Tick, O))) {
        consolidate(self);
        self.drain(..).map(|(row, amount)| (row, tick, amount)).for_each(give);
    }

    fn end(&mut self, _give: impl FnMut((D, Tick, O))) {}
}

/// Like [`follow`], for two arrangements: at each tick that is complete on both sides, if either changes.
pub(crate) fn follow_both<'scope, K: Key, A, R, B, S, D: Data, O: Difference>(
    left: &Arranged<'scope, K, A, R>,
    right: &Arranged<'scope, K, B, S>,
    name: &str,
    turn: impl FnMut(&K, Tick, Side<'_, '_, A, R>, Side<'_, '_, B, S>, &mut Vec<(D, O)>) + 'static,
) -> Collection<'scope, D, O>
where
    A: Data,
    R: Difference + Monoid,
    B: Data,
    S: Difference + Monoid,
{
    gather_both(left, right, name, turn)
}

/// Like [`follow_both`], where turns give to whatever gathers it.
pub(crate) fn gather_both<'scope, K: Key, A, R, B, S, G: Gather>(
    left: &Arranged<'scope, K, A, R>,
    right: &Arranged<'scope, K, B, S>,
    name: &str,
    mut turn: impl FnMut(&K, Tick, Side<'_, '_, A, R>, Side<'_, '_, B, S>, &mut G) + 'static,
) -> Collection<'scope, G::Row, G::Amount>
where
    A: Data,
    R: Difference + Monoid,
    B: Data,
    S: Difference + Monoid,
{
    let (mut left_trace, mut right_trace) = (left.trace.clone(), right.trace.clone());
    let left_stream = left.stream.clone();
    left_stream
        .binary_frontier(right.stream.clone(), Pipeline, Pipeline, name, |_capability, _info| {
            let (mut left_arrived, mut right_arrived) = (Arrived::new(), Arrived::new());
            let mut done = 0;
            let mut gathered = G::default();
            move |(left_input, left_frontier), (right_input, right_frontier), output| {
                left_input.for_each(|capability, batches| left_arrived.add(&capability, batches));
                right_input.for_each(|capability, batches| right_arrived.add(&capability, batches));
                let upper = first_open(left_frontier.frontier()).min(first_open(right_frontier.frontier()));
                if upper <= done {
                    return;
                }
                if let Some(capability) = earlier(left_arrived.earliest(), right_arrived.earliest()) {
                    let mut session = output.session(&capability);
                    let ((_, left_storage), (_, right_storage)) = (left_trace.cursor(), right_trace.cursor());
                    let mut lefts = Keys::new(&left_arrived, &left_storage, done..upper);
                    let mut rights = Keys::new(&right_arrived, &right_storage, done..upper);
                    while let Some(key) = lefts.next_key().into_iter().chain(rights.next_key()).min() {
                        lefts.take(key);
                        rights.take(key);
                        let mut ticks = [lefts.ticks(), rights.ticks()].concat();
                        ticks.sort_unstable();
                        ticks.dedup();
                        for tick in ticks {
                            turn(key, tick, lefts.at(tick), rights.at(tick), &mut gathered);
                            gathered.end_turn(tick, |update| session.give(update));
                        }
                    }
                    gathered.end(|update| session.give(update));
                }
                left_arrived.retire(upper);
                right_arrived.retire(upper);
                compact(&mut left_trace, AntichainRef::new(&[upper]));
                compact(&mut right_trace, AntichainRef::new(&[upper]));
                done = upper;
            }
        })
        .as_collection()
}

fn earlier(a: Option<Capability<Tick>>, b: Option<Capability<Tick>>) -> Option<Capability<Tick>> {
    a.into_iter().chain(b).min_by_key(|capability| *capability.time())
}

/// The keys that changed, in their order, with their changes and their rows.
struct Keys<'a, K: Key, V: Data, R: Difference> {
    /// Each batch, and the place of the first key that has not been taken.
    batches: Vec<(&'a Batch<K, V, R>, usize)>,
    within: Range<Tick>,
    finder: Finder<'a, K, V, R>,
    /// Of the key that was taken, ticks in their order, and rows in theirs.
    changes: Vec<Change<'a, V, R>>,
    ticks: Vec<Tick>,
}

impl<'a, K: Key, V: Data, R: Difference> Keys<'a, K, V, R> {
    fn new(arrived: &'a Arrived<K, V, R>, storage: &'a [Batch<K, V, R>], within: Range<Tick>) -> Self {
        let batches = arrived.batches.iter().map(|(_, batch)| (batch, 0)).collect();
        Keys { batches, within, finder: Finder::new(storage), changes: Vec::new(), ticks: Vec::new() }
    }

    fn next_key(&self) -> Option<&'a K> {
        self.batches.iter().filter_map(|(batch, next)| batch.storage.keys.get(*next)).min()
    }

    /// Takes what changed of `key`, the least of those that are left.
    fn take(&mut self, key: &'a K) {
        self.changes.clear();
        self.finder.find(key);
        for (batch, next) in &mut self.batches {
            let storage = &batch.storage;
            if storage.keys.get(*next) != Some(key) {
                continue;
            }
            let (lower, upper) = storage.vals.bounds(*next);
            for place in lower..upper {
                let (first, end) = storage.upds.bounds(place);
                let updates = storage.upds.times[first..end].iter().zip(&storage.upds.diffs[first..end]);
                let updates = updates.filter(|(tick, _)| self.within.contains(tick));
                let row = &storage.vals.vals[place];
                self.changes.extend(updates.map(|(tick, diff)| Change { row, diff: diff.clone(), tick: *tick }));
            }
            *next += 1;
        }
        // A tick is in one batch only, so its rows stay in their order. Differences may be wide: most are sorted already.
        if !self.changes.is_sorted_by_key(|change| change.tick) {
            self.changes.sort_by_key(|change| change.tick);
        }
        self.ticks.clear();
        self.ticks.extend(self.changes.chunk_by(|a, b| a.tick == b.tick).map(|of_tick| of_tick[0].tick));
    }

    /// The ticks at which the key changed.
    fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    fn at(&self, tick: Tick) -> Side<'a, '_, V, R> {
        let start = self.changes.partition_point(|change| change.tick < tick);
        let end = self.changes.partition_point(|change| change.tick <= tick);
        Side { changes: &self.changes[start..end], rows: self.finder.found() }
    }
}

#[cfg(test)]
mod tests {
    use differential_dataflow::input::InputSession;
    use differential_dataflow::trace::BatchReader;
    use timely::dataflow::operators::probe::Handle;

    use super::*;
    use crate::arrangement::arrange;

    type Row = (u8, u8);

    #[test]
    fn memory_follows_the_live_rows_of_what_is_followed() {
        let held = timely::execute_directly(|worker| {
            let mut input = InputSession::<Tick, Row, isize>::new();
            let probe = Handle::new();
            let mut traces = worker.dataflow(|scope| {
                let rows = input.to_collection(scope);
                let arranged = [arrange(rows.clone(), "one"), arrange(rows.clone(), "left"), arrange(rows, "right")];
                let one = follow(&arranged[0], "one", |key, _, _, out| out.push((*key, 1)));
                let both = follow_both(&arranged[1], &arranged[2], "both", |key, _, _, _, out| out.push((*key, 1)));
                one.concat(both).probe_with(&probe);
                arranged.map(|arranged| arranged.trace)
            });
            let keys = 10;
            for tick in 0..1000 {
                input.advance_to(tick);
                let key = tick as u8 % keys;
                input.update((key, key), if (tick / Tick::from(keys)).is_multiple_of(2) { 1 } else { -1 });
                input.advance_to(tick + 1);
                input.flush();
                worker.step_while(|| probe.less_than(input.time()));
                traces.iter_mut().for_each(|trace| compact(trace, AntichainRef::new(&[tick + 1])));
            }
            let mut held = [0; 3];
            traces.iter().zip(&mut held).for_each(|(trace, held)| trace.map_batches(|batch| *held += batch.len()));
            held
        });
        assert!(held.iter().all(|held| *held < 100), "1000 updates of at most 10 live rows, {held:?} held");
    }
}
