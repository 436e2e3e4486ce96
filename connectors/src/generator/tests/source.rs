//! The source that plays a day.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use engine::source::Arrival;
use engine::{Archive, Batch, Event, Outlet, Positions, Source, SourceContext, SourceReader, Stop};
use model::{Dictionary, Record, SourceId};

use super::oracle::detail;
use super::spec;
use crate::Scope;
use crate::generator::{DaySpec, GeneratorConfig, GeneratorSource};
use crate::layout::RecordKind;
use crate::suite::{run, satisfies_the_specification};

/// A source of a day as the configuration would make it.
pub(super) fn generator(day: DaySpec, side: &str, record: RecordKind, source: SourceId, speed: u32) -> GeneratorSource {
    let dictionary = Dictionary::new();
    let scope = Scope { name: "live", source, attributes: &[], dictionary: &dictionary, folder: Path::new(".") };
    GeneratorSource::new(&GeneratorConfig { side: side.to_owned(), record, speed, day }, &scope).unwrap()
}

pub(super) fn events(batches: Vec<Batch<Record>>) -> Vec<Event<Record>> {
    batches.into_iter().flat_map(|batch| batch.events).collect()
}

fn read_all(mut reader: Box<dyn SourceReader<Record>>) -> Vec<Event<Record>> {
    events(std::iter::from_fn(|| reader.next().unwrap()).collect())
}

#[test]
fn a_generated_day_satisfies_the_specification_of_connectors() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    // Enough for several batches.
    let make = |record| generator(spec(20_000, 2, 21), "broker", record, SourceId(1), 0);
    satisfies_the_specification(|| Box::new(make(RecordKind::Trade)), &archive);
    satisfies_the_specification(|| Box::new(make(RecordKind::Allocation)), &archive);
    let told = events(run(Box::new(make(RecordKind::Trade)), Positions::new(), &archive));
    assert!(told.iter().any(|event| event.record.is_none()), "a cancellation deletes");
}

#[test]
fn a_partition_is_read_by_its_name_alone() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let written = generator(spec(500, 2, 22), "internal", RecordKind::Allocation, SourceId(3), 0);
    let partition = written.partition().clone();
    let told = events(run(Box::new(written), Positions::new(), &archive));
    let other = generator(spec(10, 2, 99), "broker", RecordKind::Trade, SourceId(3), 1);
    assert_eq!(read_all(other.open(&partition, 0, &archive).unwrap()), told);
}

#[test]
fn a_foreign_partition_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let source = generator(spec(10, 2, 1), "broker", RecordKind::Trade, SourceId(1), 0);
    let newer = source.partition().replace("\"generation\":1", "\"generation\":2");
    for (partition, what) in [("pushed", "not that of a generated day"), (newer.as_str(), "under rules 2")] {
        let error = source.open(partition, 0, &archive).err().unwrap();
        assert!(error.what.contains(what), "{error}");
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_what_to_do() {
    let dictionary = Dictionary::new();
    let scope =
        Scope { name: "live", source: SourceId(0), attributes: &[], dictionary: &dictionary, folder: Path::new(".") };
    let cases = [
        ("side = \"brokr\"", "source.live.side", "`broker`"),
        ("side = \"custodian\"", "source.live.side", "`internal`, `broker`"),
        ("side = \"broker\"\nrecord = \"confirmation\"", "source.live.record", "`allocation`"),
        ("side = \"broker\"\nday = { trades = 0 }", "source.live.day", "1 to 1,000,000,000"),
    ];
    for (text, key, help) in cases {
        let config: GeneratorConfig = toml::from_str(text).unwrap();
        let error = GeneratorSource::new(&config, &scope).err().unwrap();
        assert!(error.key == key && error.help.contains(help), "{error}");
    }
}

#[test]
fn messages_are_paced_and_a_stop_is_heeded_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let (sender, receiver) = crossbeam_channel::unbounded();
    let stop = Stop::default();
    let context = SourceContext::new(Positions::new(), Outlet::new(0, sender), archive, stop.clone());
    // A second is an hour of the market.
    let day = spec(20_000, 2, 23);
    let mut source = generator(day.clone(), "internal", RecordKind::Trade, SourceId(0), 3600);
    let started = Instant::now();
    let running = thread::spawn(move || source.run(context));
    while receiver.len() <= 3 && started.elapsed() < Duration::from_secs(60) {
        assert!(!stop.wait(Duration::from_millis(400)));
    }
    let stopped = Instant::now();
    stop.stop();
    running.join().unwrap().unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(5));
    let passed = 8 * 3_600_000_000 + started.elapsed().as_micros() as u64 * 3600;
    let batches: Vec<Arrival<Record>> = receiver.into_iter().collect();
    assert!(batches.len() > 3, "{} batches", batches.len());
    for arrival in batches {
        let Arrival::Batch(_, batch) = arrival else { panic!("ended") };
        let executed = batch.events.iter().filter_map(|event| match &event.record {
            Some(Record::Trade(trade)) => Some(detail(trade).execution_time),
            _ => None,
        });
        assert!(executed.max() <= Some(day.moment(passed)), "told before its time");
    }
}
