//! What every connector is run through: the specification of `connectors/README.md` as tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, unbounded};
use engine::source::{Arrival, BATCH_ROWS_MAX};
use engine::{Archive, Batch, Durable, Event, Outlet, Positions, Refusal, Source, SourceContext, SourceReader, Stop};
use model::Record;
use prometheus::Registry;

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

/// How a run of a source ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// By itself.
    ByItself,
    /// Never: it is stopped when it has given all of this many records, and nothing more comes for a while.
    CaughtUp(u64),
}

/// Runs a source that stops by itself through all that a source must do.
pub(crate) fn satisfies_the_specification(source: impl Fn() -> Box<dyn Source<Record>>, archive: &Archive) {
    satisfies(source, archive, End::ByItself);
}

/// Runs a source that goes on until it is stopped, and has this many records to give, through all that a source must do.
pub(crate) fn endless_satisfies_the_specification(
    source: impl Fn() -> Box<dyn Source<Record>>,
    archive: &Archive,
    records: u64,
) {
    satisfies(source, archive, End::CaughtUp(records));
}

fn satisfies(source: impl Fn() -> Box<dyn Source<Record>>, archive: &Archive, end: End) {
    let batches = run_to_the_end(source(), Positions::new(), archive, end);
    let all = outcomes(&batches, &Positions::new());
    assert!(!all.is_empty(), "a source under test must have records");
    seeks_to_any_offset(&*source(), &all, archive);
    gives_nothing_twice(&source, &all, archive, end);
    stops_before_the_first_batch(source(), archive);
    stops_when_nobody_takes_its_batches(source(), archive);
}

/// All batches of a source that stops by itself.
pub(crate) fn run(mut source: Box<dyn Source<Record>>, positions: Positions, archive: &Archive) -> Vec<Batch<Record>> {
    let (sender, receiver) = unbounded();
    let context = SourceContext::new(positions, Outlet::new(0, sender), archive.clone(), Stop::default());
    source.run(context).unwrap();
    receiver.into_iter().map(batch).collect()
}

fn run_to_the_end(
    source: Box<dyn Source<Record>>,
    positions: Positions,
    archive: &Archive,
    end: End,
) -> Vec<Batch<Record>> {
    let End::CaughtUp(records) = end else { return run(source, positions, archive) };
    let bound: u64 = positions.values().sum();
    let running = Running::start(source, positions, archive);
    let batches = running.next_records((records - bound) as usize);
    assert!(running.is_quiet_for(Duration::from_millis(500)), "no more is given than there is");
    running.stop();
    batches
}

fn batch(arrival: Arrival<Record>) -> Batch<Record> {
    match arrival {
        Arrival::Batch(_, batch) => batch,
        Arrival::Ended(..) => panic!("a source does not say itself that it ended"),
    }
}

/// Whether a batch is a mark that a source sets for itself: of a partition in parentheses, which never has a record.
fn is_mark(batch: &Batch<Record>) -> bool {
    let is_mark = batch.partition.starts_with('(');
    assert!(!is_mark || batch.events.is_empty() && batch.refusals.is_empty(), "a mark has no records");
    is_mark
}

/// What became of each record, having checked that none is left out, given twice or out of order.
pub(crate) fn outcomes(batches: &[Batch<Record>], begun: &Positions) -> Outcomes {
    let mut uppers = begun.clone();
    let mut all = Outcomes::new();
    for batch in batches.iter().filter(|batch| !is_mark(batch)) {
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

fn gives_nothing_twice(source: &impl Fn() -> Box<dyn Source<Record>>, all: &Outcomes, archive: &Archive, end: End) {
    let bound_to = |share: fn(u64) -> u64| -> Positions {
        all.iter().map(|(partition, outcomes)| (partition.clone(), share(outcomes.len() as u64))).collect()
    };
    let everything = bound_to(|upper| upper);
    let again = run_to_the_end(source(), everything, archive, end);
    assert!(again.iter().all(is_mark), "what is bound is not given again");
    let half = bound_to(|upper| upper / 2);
    let rest = outcomes(&run_to_the_end(source(), half.clone(), archive, end), &half);
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
    let context = SourceContext::new(Positions::new(), Outlet::new(0, sender), archive.clone(), stop);
    source.run(context).unwrap();
    assert!(receiver.into_iter().next().is_none(), "a source that was stopped gives nothing");
}

fn stops_when_nobody_takes_its_batches(mut source: Box<dyn Source<Record>>, archive: &Archive) {
    let (sender, receiver) = bounded(1);
    let archive = archive.clone();
    let running = thread::spawn(move || {
        let outlet = Outlet::new(0, sender);
        source.run(SourceContext::new(Positions::new(), outlet, archive, Stop::default()))
    });
    receiver.recv_timeout(PATIENCE).unwrap();
    drop(receiver);
    running.join().unwrap().unwrap();
}

/// A source that runs until it is stopped.
pub(crate) struct Running {
    batches: Receiver<Arrival<Record>>,
    stop: Stop,
    durable: Durable,
    registry: Registry,
    thread: thread::JoinHandle<Result<(), engine::EngineError>>,
}

impl Running {
    pub(crate) fn start(mut source: Box<dyn Source<Record>>, positions: Positions, archive: &Archive) -> Running {
        let (sender, batches) = unbounded();
        let stop = Stop::default();
        let context = SourceContext::new(positions, Outlet::new(0, sender), archive.clone(), stop.clone());
        let (durable, registry) = (context.durable.clone(), context.registry.clone());
        Running { batches, stop, durable, registry, thread: thread::spawn(move || source.run(context)) }
    }

    /// The next batches, until they hold this many records.
    pub(crate) fn next_records(&self, count: usize) -> Vec<Batch<Record>> {
        let (mut batches, mut found) = (Vec::new(), 0);
        while found < count {
            let batch = self.next();
            found += batch.events.len() + batch.refusals.len();
            batches.push(batch);
        }
        batches
    }

    /// What the engine tells the source of what is durable.
    pub(crate) fn durable(&self) -> &Durable {
        &self.durable
    }

    /// Where the source registers its metrics.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Waits for the error that the source ends with.
    pub(crate) fn error(self) -> engine::EngineError {
        while self.batches.recv_timeout(PATIENCE).is_ok() {}
        self.thread.join().unwrap().unwrap_err()
    }

    /// The next batch.
    pub(crate) fn next(&self) -> Batch<Record> {
        loop {
            let next = batch(self.batches.recv_timeout(PATIENCE).unwrap());
            if !is_mark(&next) {
                return next;
            }
        }
    }

    /// Whether nothing but marks comes for a while.
    pub(crate) fn is_quiet_for(&self, time: Duration) -> bool {
        loop {
            match self.batches.recv_timeout(time).map(batch) {
                Ok(batch) if is_mark(&batch) => {}
                Ok(_) => return false,
                Err(error) => return error == RecvTimeoutError::Timeout,
            }
        }
    }

    /// Stops the source, and waits for it.
    pub(crate) fn stop(self) {
        self.stop.stop();
        self.thread.join().unwrap().unwrap();
    }
}
