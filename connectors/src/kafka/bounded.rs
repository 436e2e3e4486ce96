//! Reads partitions up to where they are to end, some of them at a time.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use engine::{EngineError, ErrorKind, SourceContext, SourceReader};
use model::Record;
use parking_lot::Mutex;

use super::client::{close, connect, signed};
use super::config::{Settings, Start};
use super::metrics::KafkaMetrics;
use super::partition::{ALL_BEGUN, PartitionName, begun, empty};
use super::reader::KafkaReader;
use super::scout::Scout;

/// How many partitions are read at a time, at most.
const PARTITIONS_AT_ONCE_MAX: usize = 8;

/// What is left to be read of a partition.
struct Rest {
    partition: Arc<str>,
    next: u64,
    end: u64,
}

impl Rest {
    /// Tells how much is left after all before an offset has been read.
    fn measure(&self, metrics: Option<&KafkaMetrics>, next: u64) {
        if let Some(metrics) = metrics {
            metrics.lag_records(&self.partition).set(signed(self.end.saturating_sub(next)));
        }
    }
}

/// Reads to the ends, and then returns.
pub(crate) fn read_to_the_ends(
    settings: &Settings,
    ends: &Start,
    context: &SourceContext<Record>,
) -> Result<(), EngineError> {
    if context.stop.is_stopped() {
        return Ok(());
    }
    let rests = find(settings, ends, context)?;
    let metrics = KafkaMetrics::new(&settings.name, &context.registry).ok();
    rests.iter().for_each(|rest| rest.measure(metrics.as_ref(), rest.next));
    let rests = Mutex::new(rests.into_iter());
    let read_some = || -> Result<(), EngineError> {
        loop {
            // Not in the condition of a loop: the lock would be held while it is read.
            let next = rests.lock().next();
            let Some(rest) = next else { return Ok(()) };
            if let Err(error) = read(settings, &rest, context, metrics.as_ref()) {
                rests.lock().by_ref().for_each(drop);
                return Err(error);
            }
        }
    };
    // What a registry says of an id holds for all partitions: the first answer counts.
    let asks_registry = settings.messages.schemas(&settings.name, &context.archive).is_some();
    let cores = if asks_registry { 1 } else { thread::available_parallelism().map_or(1, NonZero::get) };
    let at_once = cores.min(PARTITIONS_AT_ONCE_MAX);
    thread::scope(|scope| {
        let begin = |number| {
            let thread = thread::Builder::new().name(format!("{} {number}", settings.name));
            thread.spawn_scoped(scope, read_some).map_err(|error| {
                let what = format!("cannot start a thread: {error}");
                EngineError::new(ErrorKind::Unavailable, what, "raise the limit on threads")
            })
        };
        let reading = (0..at_once).map(begin).collect::<Result<Vec<_>, _>>()?;
        let results = reading.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(has_panicked(settings))));
        results.fold(Ok(()), Result::and)
    })
}

fn has_panicked(settings: &Settings) -> EngineError {
    let what = format!("what reads source `{}` has panicked", settings.name);
    EngineError::new(ErrorKind::Damaged, what, "start again, and report it")
}

/// What there is to read.
fn find(settings: &Settings, ends: &Start, context: &SourceContext<Record>) -> Result<Vec<Rest>, EngineError> {
    let begun = begun(settings, &context.positions)?;
    let known: BTreeSet<_> = begun.iter().map(|(name, ..)| (name.topic.clone(), name.number)).collect();
    let is_first_start = !context.positions.contains_key(ALL_BEGUN);
    let consumer = connect(&settings.client.for_replay(), &settings.name, false)?;
    let looked = Scout::new(settings, &consumer, known, is_first_start).look_at_all(ends, &context.stop);
    close(consumer);
    let (new, ends) = looked?;
    let rest = |name: PartitionName, partition: Arc<str>, next: u64| {
        let end = ends.get(&(name.topic, name.number)).copied().unwrap_or(next);
        Rest { partition, next, end }
    };
    let mut rests: Vec<_> = begun.into_iter().map(|(name, partition, next)| rest(name, partition, next)).collect();
    for name in new {
        let (partition, start) = (Arc::from(name.to_string()), name.start);
        context.outlet.send(empty(&partition, start))?;
        rests.push(rest(name, partition, start));
    }
    if is_first_start {
        context.outlet.send(empty(&Arc::from(ALL_BEGUN), 1))?;
    }
    rests.retain(|rest| rest.next < rest.end);
    Ok(rests)
}

fn read(
    settings: &Settings,
    rest: &Rest,
    context: &SourceContext<Record>,
    metrics: Option<&KafkaMetrics>,
) -> Result<(), EngineError> {
    let mut reader =
        KafkaReader::open(settings, &rest.partition, rest.next, &context.archive)?.until(rest.end, &context.stop);
    while let Some(batch) = reader.next()? {
        rest.measure(metrics, batch.upper);
        context.outlet.send(batch)?;
    }
    Ok(())
}
