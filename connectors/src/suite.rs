//! What every connector is run through: the specification of `connectors/README.md` as tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, unbounded};
use engine::source::{Arrival, BATCH_ROWS_MAX};
use engine::{Archive, Batch, Event, Outlet, Positions, Refusal, Source, SourceContext, SourceReader, Stop};
use model::Record;

/// How long anything here may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of one record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Event(Event<Record>),
    Refusal(Refusal),
}

/// What became of every record of each partition, by its offset.
pub(crate) type Outcomes = BTreeMap<Arc<str>, BTreeMap<u64, Outcome>>;

/// Runs a source that stops by itself through all that a source must do.
pub(crate) fn satisfies_the_specification(source: impl Fn() -> Box<dyn Source<Record>>, archive: &Archive) {
    let batches = run(source(), Positions::new(), archive);
    let all = outcomes(&batches, &Positions::new());
    assert!(!all.is_empty(), "a source under test must have records");
    seeks_to_any_offset(&*source(), &all, archive);
    gives_nothing_twice(&source, &all, archive);
    stops_before_the_first_batch(source(), archive);
    stops_when_nobody_takes_its_batches(source(), archive);
}

/// All batches of a source that stops by itself.
pub(crate) fn run(mut source: Box<dyn Source<Record>>, positions: Positions, archive: &Archive) -> Vec<Batch<Record>> {
    let (sender, receiver) = unbounded();
    let context =
        SourceContext { positions, outlet: Outlet::new(0, sender), archive: archive.clone(), stop: Stop::default() };
    source.run(context).unwrap();
    receiver.into_iter().map(batch).collect()
}

fn batch(arrival: Arrival<Record>) -> Batch<Record> {
    match arrival {
        Arrival::Batch(_, batch) => batch,
        Arrival::Ended(..) => panic!("a source does not say itself that it ended"),
    }
}

/// What became of each record, having checked that none is left out, given twice or out of order.
pub(crate) fn outcomes(batches: &[Batch<Record>], begun: &Positions) -> Outcomes {
    let mut uppers = begun.clone();
    let mut all = Outcomes::new();
    for batch in batches {
        let lower = uppers.insert(batch.partition.clone(), batch.upper).unwrap_or(0);
        let found = outcomes_of(batch);
        assert_eq!(found.len() as u64, batch.upper - lower, "every offset is an event or a refusal");
        assert!(found.keys().copied().eq(lower..batch.upper), "offsets are contiguous");
        assert!(found.len() <= BATCH_ROWS_MAX, "batches are bounded");
        all.entry(batch.partition.clone()).or_default().extend(found);
    }
    all
}

fn outcomes_of(batch: &Batch<Record>) -> BTreeMap<u64, Outcome> {
    assert!(batch.events.is_sorted_by_key(|event| event.offset), "events come by offset");
    assert!(batch.refusals.is_sorted_by_key(|refusal| refusal.offset), "refusals come by offset");
    let events = batch.events.iter().map(|event| (event.offset, Outcome::Event(event.clone())));
    let refusals = batch.refusals.iter().map(|refusal| (refusal.offset, Outcome::Refusal(refusal.clone())));
    let found: BTreeMap<u64, Outcome> = events.chain(refusals).collect();
    assert_eq!(found.len(), batch.events.len() + batch.refusals.len(), "an offset has one outcome");
    for refusal in &batch.refusals {
        assert!(!refusal.what.is_empty(), "a refusal says what was wrong");
        assert!(!refusal.help.is_empty(), "a refusal says what to do: {}", refusal.what);
    }
    found
}

fn seeks_to_any_offset(source: &dyn Source<Record>, all: &Outcomes, archive: &Archive) {
    for (partition, expected) in all {
        let upper = expected.len() as u64;
        for from in [0, 1, upper / 3, upper / 2, upper.saturating_sub(1), upper] {
            let read = read_again(&mut *source.open(partition, from, archive).unwrap());
            let begun = Positions::from([(partition.clone(), from)]);
            let found = outcomes(&read, &begun).remove(partition).unwrap_or_default();
            let rest: BTreeMap<u64, Outcome> =
                expected.range(from..).map(|(offset, outcome)| (*offset, outcome.clone())).collect();
            assert!(found == rest, "records from {from} of {upper} of {partition} are the same when read again");
        }
    }
}

fn read_again(reader: &mut dyn SourceReader<Record>) -> Vec<Batch<Record>> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

fn gives_nothing_twice(source: &impl Fn() -> Box<dyn Source<Record>>, all: &Outcomes, archive: &Archive) {
    let bound_to = |share: fn(u64) -> u64| -> Positions {
        all.iter().map(|(partition, outcomes)| (partition.clone(), share(outcomes.len() as u64))).collect()
    };
    let everything = bound_to(|upper| upper);
    assert!(run(source(), everything.clone(), archive).is_empty(), "what is bound is not given again");
    let half = bound_to(|upper| upper / 2);
    let rest = outcomes(&run(source(), half.clone(), archive), &half);
    for (partition, expected) in all {
        let expected = expected.range(half[partition]..);
        let found = rest.get(partition).cloned().unwrap_or_default();
        assert!(expected.eq(&found), "reading goes on where it was interrupted");
    }
}

fn stops_before_the_first_batch(mut source: Box<dyn Source<Record>>, archive: &Archive) {
    let (sender, receiver) = unbounded();
    let stop = Stop::default();
    stop.stop();
    let context =
        SourceContext { positions: Positions::new(), outlet: Outlet::new(0, sender), archive: archive.clone(), stop };
    source.run(context).unwrap();
    assert!(receiver.into_iter().next().is_none(), "a source that was stopped gives nothing");
}

fn stops_when_nobody_takes_its_batches(mut source: Box<dyn Source<Record>>, archive: &Archive) {
    let (sender, receiver) = bounded(1);
    let archive = archive.clone();
    let running = thread::spawn(move || {
        let outlet = Outlet::new(0, sender);
        source.run(SourceContext { positions: Positions::new(), outlet, archive, stop: Stop::default() })
    });
    receiver.recv_timeout(PATIENCE).unwrap();
    drop(receiver);
    running.join().unwrap().unwrap();
}

/// A source that runs until it is stopped.
pub(crate) struct Running {
    batches: Receiver<Arrival<Record>>,
    stop: Stop,
    thread: thread::JoinHandle<Result<(), engine::EngineError>>,
}

impl Running {
    pub(crate) fn start(mut source: Box<dyn Source<Record>>, positions: Positions, archive: &Archive) -> Running {
        let (sender, batches) = unbounded();
        let stop = Stop::default();
        let context =
            SourceContext { positions, outlet: Outlet::new(0, sender), archive: archive.clone(), stop: stop.clone() };
        Running { batches, stop, thread: thread::spawn(move || source.run(context)) }
    }

    /// The next batch.
    pub(crate) fn next(&self) -> Batch<Record> {
        batch(self.batches.recv_timeout(PATIENCE).unwrap())
    }

    /// Whether nothing comes for a while.
    pub(crate) fn is_quiet_for(&self, time: Duration) -> bool {
        matches!(self.batches.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    /// Stops the source, and waits for it.
    pub(crate) fn stop(self) {
        self.stop.stop();
        self.thread.join().unwrap().unwrap();
    }
}
