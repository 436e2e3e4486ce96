//! A harness for tests and examples: feeds ticks to a small dataflow and collects what comes out of each, and compares
//! that with a naive batch computation.
//!
//! The harness counts its ticks from 1.

use std::fmt::Debug;
use std::sync::mpsc;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::InputSession;
use parking_lot::Mutex;
use timely::dataflow::operators::probe::Handle;
use timely::dataflow::{InputHandle, Stream};
use timely::worker::Worker;

use crate::arrangement::{Arranged, Collection, Data, Key, Tick};
#[cfg(test)]
use crate::day_blocks::{BLOCK_DAYS, DayBlock, Number, day_of};
use crate::derive::derive_rows;
#[cfg(test)]
use crate::follow::follow;
use crate::sums::Sums;
use crate::upsert::Upsert;

/// One tick's changes: rows and their differences.
pub type Changes<D> = Vec<(D, isize)>;

/// How ticks are given to a dataflow. The output must not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// How many workers share the input.
    pub workers: usize,
    /// How many ticks are given before the dataflow may work and closes them.
    pub ticks_at_once: usize,
    /// Whether the changes of a tick are given last first.
    pub reversed: bool,
}

/// One worker, which closes each tick before the next is given.
pub const TICK_BY_TICK: Feed = Feed { workers: 1, ticks_at_once: 1, reversed: false };

/// Feeds that should all give the same output, [`TICK_BY_TICK`] first.
pub const FEEDS: [Feed; 4] = [
    TICK_BY_TICK,
    Feed { workers: 1, ticks_at_once: usize::MAX, reversed: true },
    Feed { workers: 2, ticks_at_once: 3, reversed: false },
    Feed { workers: 4, ticks_at_once: usize::MAX, reversed: true },
];

/// Runs a dataflow tick by tick; gives the consolidated output of each tick, in the order of the rows.
pub fn run<D, O, G>(ticks: Vec<Changes<D>>, graph: G) -> Vec<Changes<O>>
where
    D: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Collection<'s, D>) -> Collection<'s, O> + Send + Sync + 'static,
{
    run_as(TICK_BY_TICK, ticks, graph)
}

/// Runs a dataflow on ticks that are given in a certain way.
pub fn run_as<D, O, G>(feed: Feed, ticks: Vec<Changes<D>>, graph: G) -> Vec<Changes<O>>
where
    D: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Collection<'s, D>) -> Collection<'s, O> + Send + Sync + 'static,
{
    execute(feed, ticks, move |worker, ticks, collected| {
        let mut input = InputSession::<Tick, D, isize>::new();
        let probe = Handle::new();
        worker.dataflow::<Tick, _, _>(|scope| {
            let output = graph(input.to_collection(scope));
            collect(output, &probe, collected);
        });
        for closed_together in ticks.chunks(feed.ticks_at_once) {
            for (tick, changes) in closed_together {
                input.advance_to(*tick);
                changes.iter().for_each(|(row, diff)| input.update(row.clone(), *diff));
                input.advance_to(tick + 1);
            }
            input.flush();
            worker.step_while(|| probe.less_than(input.time()));
        }
    })
}

/// Like [`run`], for upserts. Their ticks are set here.
pub fn run_upserts<K, V, O, G>(ticks: Vec<Vec<Upsert<K, V>>>, graph: G) -> Vec<Changes<O>>
where
    K: Data + Send + Sync,
    V: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Stream<'s, Tick, Vec<Upsert<K, V>>>) -> Collection<'s, O> + Send + Sync + 'static,
{
    run_upserts_as(TICK_BY_TICK, ticks, graph)
}

/// Like [`run_as`], for upserts.
pub fn run_upserts_as<K, V, O, G>(feed: Feed, ticks: Vec<Vec<Upsert<K, V>>>, graph: G) -> Vec<Changes<O>>
where
    K: Data + Send + Sync,
    V: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Stream<'s, Tick, Vec<Upsert<K, V>>>) -> Collection<'s, O> + Send + Sync + 'static,
{
    execute(feed, ticks, move |worker, ticks, collected| {
        let mut input = InputHandle::new();
        let probe = Handle::new();
        worker.dataflow::<Tick, _, _>(|scope| {
            use timely::dataflow::operators::vec::Input;
            let output = graph(scope.input_from(&mut input));
            collect(output, &probe, collected);
        });
        for closed_together in ticks.chunks(feed.ticks_at_once) {
            for (tick, upserts) in closed_together {
                upserts.iter().for_each(|upsert| input.send(Upsert { tick: *tick, ..upsert.clone() }));
            }
            input.advance_to(closed_together[closed_together.len() - 1].0 + 1);
            worker.step_while(|| probe.less_than(input.time()));
        }
    })
}

/// Runs a dataflow with two inputs whose ticks close apart: all of the left, three at a time, before the first of the
/// right; then those two at a time.
#[cfg(test)]
pub(crate) fn run_apart<A, B, O, G>(left: Vec<Changes<A>>, right: Vec<Changes<B>>, graph: G) -> Vec<Changes<O>>
where
    A: Data + Send + Sync,
    B: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Collection<'s, A>, Collection<'s, B>) -> Collection<'s, O> + Send + Sync + 'static,
{
    fn give<D: Data>(worker: &mut Worker, input: &mut InputSession<Tick, D, isize>, ticks: &[(Tick, Changes<D>)]) {
        for (tick, changes) in ticks {
            input.advance_to(*tick);
            changes.iter().for_each(|(row, diff)| input.update(row.clone(), *diff));
            input.advance_to(tick + 1);
        }
        input.flush();
        (0..5).for_each(|_| {
            worker.step();
        });
    }
    let count = left.len();
    let (sender, receiver) = mpsc::channel();
    timely::execute_directly(move |worker| {
        let (mut lefts, mut rights) = (InputSession::new(), InputSession::new());
        let probe = Handle::new();
        worker.dataflow::<Tick, _, _>(|scope| {
            collect(graph(lefts.to_collection(scope), rights.to_collection(scope)), &probe, sender);
        });
        let left: Vec<(Tick, Changes<A>)> = (1..).zip(left).collect();
        let right: Vec<(Tick, Changes<B>)> = (1..).zip(right).collect();
        left.chunks(3).for_each(|ticks| give(worker, &mut lefts, ticks));
        right.chunks(2).for_each(|ticks| give(worker, &mut rights, ticks));
        worker.step_while(|| probe.less_than(rights.time()));
    });
    by_tick(count, receiver)
}

/// Asserts that a dataflow gives at each tick the difference that `oracle`, a batch computation from a tick and all
/// rows at that tick, makes: on every one of the [`FEEDS`], and with the input split into ticks in other ways.
pub fn assert_incremental<D, O, G>(ticks: Vec<Changes<D>>, graph: G, oracle: impl Fn(Tick, &[(D, isize)]) -> Changes<O>)
where
    D: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Collection<'s, D>) -> Collection<'s, O> + Copy + Send + Sync + 'static,
{
    let expected = differences(&ticks, &oracle);
    for feed in FEEDS {
        assert_eq!(run_as(feed, ticks.clone(), graph), expected, "output by tick, {feed:?}");
    }
    for ticks_merged in [2, ticks.len().saturating_sub(1).max(1)] {
        let ticks: Vec<Changes<D>> = ticks.chunks(ticks_merged).map(<[_]>::concat).collect();
        let expected = differences(&ticks, &oracle);
        assert_eq!(run(ticks, graph), expected, "output by tick, with {ticks_merged} ticks made one");
    }
}

/// What a batch computation gives for each tick, less what it gave for the tick before.
pub fn differences<D, O>(ticks: &[Changes<D>], oracle: impl Fn(Tick, &[(D, isize)]) -> Changes<O>) -> Vec<Changes<O>>
where
    D: Ord + Clone,
    O: Ord + Clone,
{
    let mut last: Changes<O> = Vec::new();
    let mut outputs = Vec::new();
    for tick in 1..=ticks.len() {
        let now = oracle(tick as Tick, &total(&ticks[..tick]));
        let mut changes = now.clone();
        changes.extend(last.into_iter().map(|(row, diff)| (row, -diff)));
        consolidate(&mut changes);
        outputs.push(changes);
        last = now;
    }
    outputs
}

/// The groups of a [`sum_by`](crate::sum_by::sum_by) as rows.
pub fn sums_as_rows<'scope, G: Key, O: Data>(
    sums: &Arranged<'scope, G, (), Sums>,
    row: impl Fn(&G, &Sums) -> O + 'static,
) -> Collection<'scope, O> {
    derive_rows(sums, "sums as rows", move |group, contents, out| {
        contents.iter().for_each(|(_, sums)| out.row(row(group, sums)));
    })
}

/// Blocks as a row for each day of which anything is left, with its count, also where that is 0.
#[cfg(test)]
pub(crate) fn days_as_rows<'scope, K: Key, T: Number>(
    blocks: &Arranged<'scope, K, i32, DayBlock<T>>,
) -> Collection<'scope, (K, i32, T, i32)> {
    follow(blocks, "days as rows", |key: &K, tick, blocks, out| {
        for block in blocks.rows.forwards(tick, |_| false) {
            for (DayBlock { values, counts }, times) in [(block.before, -1), (block.now, 1)] {
                let days = (0..BLOCK_DAYS).filter(|day| values[*day] != T::default() || counts[*day] != 0);
                let row = |day| (key.clone(), day_of(*block.row, day), values[day], counts[day]);
                out.extend(days.map(|day| (row(day), times)));
            }
        }
    })
}

/// What a list of changes leaves when they are all added up.
pub fn total<D: Ord + Clone>(ticks: &[Changes<D>]) -> Changes<D> {
    let mut all: Changes<D> = ticks.iter().flatten().cloned().collect();
    consolidate(&mut all);
    all
}

pub(crate) type Collected<O> = mpsc::Sender<(O, Tick, isize)>;

// The harness is for tests: a worker that fails must fail the test.
#[allow(clippy::expect_used)]
fn execute<I, O, F>(feed: Feed, ticks: Vec<Vec<I>>, run: F) -> Vec<Changes<O>>
where
    I: Clone + Debug + Send + Sync + 'static,
    O: Data + Send,
    F: Fn(&mut Worker, &[(Tick, Vec<I>)], Collected<O>) + Send + Sync + 'static,
{
    let count = ticks.len();
    let (sender, receiver) = mpsc::channel();
    if feed.workers == 1 {
        timely::execute_directly(move |worker| run(worker, &share(feed, &ticks, 0), sender));
    } else {
        let sender = Mutex::new(sender);
        let guards = timely::execute(timely::Config::process(feed.workers), move |worker| {
            let sender = sender.lock().clone();
            run(worker, &share(feed, &ticks, worker.index()), sender);
        });
        for result in guards.expect("workers start").join() {
            result.expect("a worker ends well");
        }
    }
    by_tick(count, receiver)
}

/// One worker's share of each tick, in the order in which it is given.
fn share<I: Clone>(feed: Feed, ticks: &[Vec<I>], worker: usize) -> Vec<(Tick, Vec<I>)> {
    let share_of = |changes: &Vec<I>| {
        let mut share: Vec<I> = changes.iter().skip(worker).step_by(feed.workers).cloned().collect();
        if feed.reversed {
            share.reverse();
        }
        share
    };
    (1..).zip(ticks.iter().map(share_of)).collect()
}

pub(crate) fn collect<O: Data + Send>(output: Collection<'_, O>, probe: &Handle<Tick>, collected: Collected<O>) {
    let inspected = output.inspect(move |update| {
        // The receiver lives until all workers have ended.
        let _ = collected.send(update.clone());
    });
    inspected.probe_with(probe);
}

pub(crate) fn by_tick<O: Ord>(count: usize, receiver: mpsc::Receiver<(O, Tick, isize)>) -> Vec<Changes<O>> {
    let mut outputs: Vec<Changes<O>> = (0..count).map(|_| Vec::new()).collect();
    for (row, tick, diff) in receiver {
        // What is scheduled for a tick beyond the last is not shown.
        if let Some(changes) = (tick as usize).checked_sub(1).and_then(|index| outputs.get_mut(index)) {
            changes.push((row, diff));
        }
    }
    outputs.iter_mut().for_each(consolidate);
    outputs
}
