//! A harness for tests and examples: feeds ticks to a small dataflow and collects what comes out of each.
//!
//! The harness counts its ticks from 1, and closes each before it gives the next.

use std::sync::mpsc;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::InputSession;
use timely::dataflow::operators::probe::Handle;
use timely::dataflow::{InputHandle, Stream};
use timely::worker::Worker;

use crate::arrangement::{Arranged, Collection, Data, Key, Tick};
use crate::derive::derive;
use crate::sums::Sums;
use crate::upsert::Upsert;

/// One tick's changes: rows and their differences.
pub type Changes<D> = Vec<(D, isize)>;

/// Runs a dataflow on one worker; gives the consolidated output of each tick, in the order of the rows.
pub fn run<D, O, G>(ticks: Vec<Changes<D>>, graph: G) -> Vec<Changes<O>>
where
    D: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Collection<'s, D>) -> Collection<'s, O> + Send + Sync + 'static,
{
    run_on(1, ticks, graph)
}

/// Runs a dataflow on several workers, each of which is given a part of the input.
pub fn run_on<D, O, G>(workers: usize, ticks: Vec<Changes<D>>, graph: G) -> Vec<Changes<O>>
where
    D: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Collection<'s, D>) -> Collection<'s, O> + Send + Sync + 'static,
{
    let count = ticks.len();
    let (sender, receiver) = mpsc::channel();
    execute(workers, sender, move |worker, collected| {
        let mut input = InputSession::<Tick, D, isize>::new();
        let probe = Handle::new();
        worker.dataflow::<Tick, _, _>(|scope| {
            let output = graph(input.to_collection(scope));
            collect(output, &probe, collected.clone());
        });
        let (index, peers) = (worker.index(), worker.peers());
        for (tick, changes) in (1..).zip(&ticks) {
            input.advance_to(tick);
            for (row, diff) in changes.iter().skip(index).step_by(peers) {
                input.update(row.clone(), *diff);
            }
            input.advance_to(tick + 1);
            input.flush();
            worker.step_while(|| probe.less_than(&(tick + 1)));
        }
    });
    by_tick(count, receiver)
}

/// Like [`run`], for upserts.
pub fn run_upserts<K, V, O, G>(ticks: Vec<Vec<Upsert<K, V>>>, graph: G) -> Vec<Changes<O>>
where
    K: Data + Send + Sync,
    V: Data + Send + Sync,
    O: Data + Send,
    G: for<'s> Fn(Stream<'s, Tick, Vec<Upsert<K, V>>>) -> Collection<'s, O> + Send + Sync + 'static,
{
    let count = ticks.len();
    let (sender, receiver) = mpsc::channel();
    execute(1, sender, move |worker, collected| {
        let mut input = InputHandle::new();
        let probe = Handle::new();
        worker.dataflow::<Tick, _, _>(|scope| {
            use timely::dataflow::operators::vec::Input;
            let output = graph(scope.input_from(&mut input));
            collect(output, &probe, collected.clone());
        });
        for (tick, upserts) in (1..).zip(&ticks) {
            input.advance_to(tick);
            upserts.iter().for_each(|upsert| input.send(upsert.clone()));
            input.advance_to(tick + 1);
            worker.step_while(|| probe.less_than(&(tick + 1)));
        }
    });
    by_tick(count, receiver)
}

/// The groups of a [`sum_by`](crate::sum_by::sum_by) as rows.
pub fn sums_as_rows<'scope, G: Key, O: Data>(
    sums: &Arranged<'scope, G, (), Sums>,
    row: impl Fn(&G, &Sums) -> O + 'static,
) -> Collection<'scope, O> {
    let (rows, _) = derive::<_, _, _, _, (), _>(sums, "sums as rows", move |group, contents, out| {
        contents.iter().for_each(|(_, sums)| out.row(row(group, sums)));
    });
    rows
}

/// What a list of changes leaves when they are all added up.
pub fn total<D: Ord + Clone>(ticks: &[Changes<D>]) -> Changes<D> {
    let mut all: Changes<D> = ticks.iter().flatten().cloned().collect();
    consolidate(&mut all);
    all
}

type Collected<O> = mpsc::Sender<(O, Tick, isize)>;

// The harness is for tests: a worker that fails must fail the test.
#[allow(clippy::expect_used)]
fn execute<O, F>(workers: usize, sender: Collected<O>, run: F)
where
    O: Data + Send,
    F: Fn(&mut Worker, Collected<O>) + Send + Sync + 'static,
{
    let config = if workers == 1 { timely::Config::thread() } else { timely::Config::process(workers) };
    let sender = std::sync::Mutex::new(sender);
    let guards = timely::execute(config, move |worker| {
        let sender = sender.lock().expect("no worker has failed").clone();
        run(worker, sender)
    });
    for result in guards.expect("workers start").join() {
        result.expect("a worker ends well");
    }
}

fn collect<O: Data + Send>(output: Collection<'_, O>, probe: &Handle<Tick>, collected: Collected<O>) {
    let inspected = output.inspect(move |update| {
        // The receiver lives until all workers have ended.
        let _ = collected.send(update.clone());
    });
    inspected.probe_with(probe);
}

fn by_tick<O: Ord>(count: usize, receiver: mpsc::Receiver<(O, Tick, isize)>) -> Vec<Changes<O>> {
    let mut outputs: Vec<Changes<O>> = (0..count).map(|_| Vec::new()).collect();
    for (row, tick, diff) in receiver {
        if let Some(changes) = outputs.get_mut(tick as usize - 1) {
            changes.push((row, diff));
        }
    }
    outputs.iter_mut().for_each(consolidate);
    outputs
}
