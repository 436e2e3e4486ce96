//! The spine as a whole, on a graph that knows nothing of finance: numbers by key, and their sums.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{
    Archive, Batch, Cell, Column, ColumnKind, Decoder, Engine, EngineConfig, EngineError, ErrorKind, Event, Graph,
    Inputs, Kept, Key, NoTexts, Program, Request, Row, Rows, Snapshot, Source, SourceContext, SourceReader, SourceSpec,
    Update, ViewSpec, Views,
};
use operators::Sums;
use operators::sum_by::sum_by;
use operators::upsert::upsert;
use parking_lot::Mutex;

struct Numbers;

impl Graph<i64> for Numbers {
    fn build(&self, inputs: Inputs<'_, i64>, views: &mut Views) -> Kept<i64> {
        let numbers = upsert(inputs.events, "numbers", |_| 0);
        let kept = Kept::of(&numbers);
        let spec = |name: &str, columns: &[&str]| ViewSpec {
            name: name.into(),
            about: String::new(),
            columns: columns.iter().map(|name| Column::new(*name, ColumnKind::Int)).collect(),
            key: vec![0],
        };
        views.derived(spec("numbers", &["key", "value"]), &numbers, |key, group, rows| {
            rows.extend(
                group.iter().map(|(value, count)| (Row::new([Cell::Int(low(*key)), Cell::Int(**value)]), *count)),
            );
        });
        let values = numbers.as_collection(|_, value| *value);
        let totals = sum_by(values, "totals", |value| (*value % 10, Sums::of(0, i128::from(*value))));
        views.sums(spec("totals", &["digit", "total"]), &totals, |digit, sums| {
            Row::new([Cell::Int(*digit), Cell::Int(sums.0[0] as i64)])
        });
        kept
    }
}

fn low(key: Key) -> i64 {
    i64::from_be_bytes(key.bytes()[8..].try_into().unwrap())
}

fn key(number: u64) -> Key {
    Key::from_bytes(u128::from(number).to_be_bytes())
}

/// Payloads are lines of `key value`, or `key` alone to delete it.
struct Lines;

impl Decoder<i64> for Lines {
    fn decode(&self, payload: &[u8]) -> Result<Batch<i64>, EngineError> {
        let text = String::from_utf8_lossy(payload);
        let events = (0..).zip(text.lines()).map(|(offset, line)| {
            let mut words = line.split(' ').map(|word| word.parse::<i64>().unwrap());
            Event { key: key(words.next().unwrap() as u64), member: 0, offset, record: words.next() }
        });
        let events: Vec<_> = events.collect();
        Ok(Batch {
            partition: Arc::from(""),
            upper: events.len() as u64,
            events,
            refusals: Vec::new(),
            continues: false,
        })
    }
}

fn start(folder: &std::path::Path, workers: usize) -> Engine {
    let config = EngineConfig { workers, ..EngineConfig::new(folder) };
    Engine::start(config, Program::new(Numbers, vec![SourceSpec::push("lines", Lines)], Arc::new(NoTexts))).unwrap()
}

async fn push(engine: &Engine, id: &str, lines: &str) -> engine::Receipt {
    let receipt = engine.ingest().push("lines", id, lines.as_bytes().to_vec()).await.unwrap();
    engine.reader().reached(receipt.tick).await;
    receipt
}

fn request(view: &str) -> Request {
    Request { view: view.into(), ..Request::default() }
}

async fn read(engine: &Engine, view: &str) -> Snapshot {
    engine.reader().snapshot(&request(view)).await.unwrap()
}

fn ints(snapshot: &Snapshot) -> Vec<(i64, i64)> {
    ints_of(&snapshot.rows)
}

fn ints_of(rows: &Rows) -> Vec<(i64, i64)> {
    let int = |cell: &Cell| if let Cell::Int(value) = cell { *value } else { panic!("not a number") };
    rows.iter().map(|(row, count)| (int(&row.cells()[0]), int(&row.cells()[1]) * *count as i64)).collect()
}

/// A partition whose first offset is 1042, and whose offsets have holes. Its reader gives its start first, with no record.
#[derive(Clone, Default)]
struct Log {
    /// The offset and the value of each record.
    records: Arc<Mutex<Vec<(u64, i64)>>>,
    /// What was durable at each look, of which the last was after everything had been bound.
    seen: Arc<Mutex<Vec<Option<u64>>>>,
}

const LOG_START: u64 = 1042;

impl Log {
    fn batch(&self, from: u64) -> Batch<i64> {
        let records = self.records.lock();
        let event =
            |(offset, value): &(u64, i64)| Event { key: key(1), member: 0, offset: *offset, record: Some(*value) };
        let events: Vec<_> = records.iter().filter(|(offset, _)| *offset >= from).map(event).collect();
        let upper = events.last().map_or(from, |event| event.offset + 1);
        Batch { partition: Arc::from("log/0@1042"), upper, events, refusals: Vec::new(), continues: false }
    }
}

impl Source<i64> for Log {
    fn name(&self) -> &str {
        "log"
    }

    fn open(&self, _: &str, from: u64, _: &Archive) -> Result<Box<dyn SourceReader<i64>>, EngineError> {
        let from = from.max(LOG_START);
        let (start, rest) = (Batch { events: Vec::new(), upper: from, ..self.batch(from) }, self.batch(from));
        Ok(Box::new(Batches(vec![start, rest].into_iter())))
    }

    fn run(&mut self, context: SourceContext<i64>) -> Result<(), EngineError> {
        let durable = || context.durable.positions().values().next().copied();
        let mut from = context.positions.values().next().copied();
        let mut seen = vec![durable()];
        if from.is_none() {
            context.outlet.send(Batch { events: Vec::new(), upper: LOG_START, ..self.batch(LOG_START) })?;
            from = Some(LOG_START);
        }
        let batch = self.batch(from.unwrap());
        let upper = batch.upper;
        if !batch.events.is_empty() {
            context.outlet.send(batch)?;
        }
        while durable() < Some(upper) && !context.stop.wait(std::time::Duration::from_millis(1)) {}
        seen.push(durable());
        *self.seen.lock() = seen;
        Ok(())
    }
}

struct Batches(std::vec::IntoIter<Batch<i64>>);

impl SourceReader<i64> for Batches {
    fn next(&mut self) -> Result<Option<Batch<i64>>, EngineError> {
        Ok(self.0.next())
    }
}

#[tokio::test]
async fn a_partition_is_bound_at_its_start_before_it_has_a_record_and_its_source_is_told_what_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::default();
    let mut ticks = Vec::new();
    for (records, durable, numbers) in [
        (&[][..], [None, Some(1042)], &[][..]),
        (&[(1042, 11), (1044, 12)], [Some(1042), Some(1045)], &[(1, 12)]),
        (&[], [Some(1045), Some(1045)], &[(1, 12)]),
        (&[(1050, 13)], [Some(1045), Some(1051)], &[(1, 13)]),
    ] {
        log.records.lock().extend(records);
        let config = EngineConfig::new(folder.path());
        let engine =
            Engine::start(config, Program::new(Numbers, vec![SourceSpec::pull(log.clone())], Arc::new(NoTexts)))
                .unwrap();
        let tick = engine.reader().status().complete().await.unwrap();
        engine.reader().reached(tick).await;
        assert_eq!(*log.seen.lock(), durable);
        assert_eq!(ints(&read(&engine, "numbers").await), numbers);
        let progress = read(&engine, "source_progress").await;
        let records = log.records.lock().len() as i64;
        assert_eq!(progress.rows[0].0.cells()[2], Cell::Int(records), "records are counted, not offsets");
        // What an earlier run bound is there at the tick that it had then.
        for (tick, numbers) in &ticks {
            let past = Request { as_of: Some(*tick), ..request("numbers") };
            assert_eq!(ints(&engine.reader().snapshot(&past).await.unwrap()), *numbers);
        }
        ticks.push((tick, numbers));
        engine.shutdown();
    }
}

#[tokio::test]
async fn an_amendment_is_one_retraction_and_one_insertion_in_one_tick() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path(), 1);
    push(&engine, "a", "1 11\n2 21\n3 5").await;
    let mut following = engine.reader().subscribe(&request("totals")).await.unwrap();
    let Some(Update::Snapshot(snapshot)) = following.next().await.unwrap() else { panic!() };
    assert_eq!(ints(&snapshot), [(1, 32), (5, 5)]);
    let receipt = push(&engine, "b", "2 31").await;
    loop {
        match following.next().await.unwrap().unwrap() {
            Update::Progress(tick) => assert!(tick <= receipt.tick, "no progress past a tick before its changes"),
            Update::Changes(tick, rows) => {
                assert_eq!(tick, receipt.tick);
                let diffs: Vec<_> = ints_of(&rows);
                assert_eq!(diffs, [(1, -32), (1, 42)]);
                break;
            }
            Update::Snapshot(_) => panic!("one snapshot only"),
        }
    }
}

#[tokio::test]
async fn restart_gives_the_same_ticks_and_rows_and_knows_pushed_batches() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path(), 1);
    let first = push(&engine, "a", "1 11\n2 21").await;
    let second = push(&engine, "b", "2 99\n1").await;
    let before = (read(&engine, "numbers").await.rows, read(&engine, "source_progress").await.rows);
    engine.shutdown();

    for workers in [1, 2, 4] {
        let engine = start(folder.path(), workers);
        engine.reader().status().ready().await.unwrap();
        assert!(engine.reader().frontier() > second.tick, "ready means that the past has been worked through");
        assert_eq!((read(&engine, "numbers").await.rows, read(&engine, "source_progress").await.rows), before);
        let again = push(&engine, "a", "1 12345").await;
        assert!(again.duplicate);
        assert_eq!(again.tick, first.tick);
        assert_eq!(ints(&read(&engine, "numbers").await), [(2, 99)]);
        let past = Request { as_of: Some(first.tick), ..request("numbers") };
        assert_eq!(ints(&engine.reader().snapshot(&past).await.unwrap()), [(1, 11), (2, 21)]);
        let resumed = Request { from_tick: Some(first.tick), ..request("numbers") };
        let mut resumed = engine.reader().subscribe(&resumed).await.unwrap();
        let Some(Update::Changes(tick, rows)) = resumed.next().await.unwrap() else { panic!("a change comes first") };
        assert_eq!(tick, second.tick);
        assert_eq!(ints_of(&rows), [(1, -11), (2, -21), (2, 99)]);
        engine.shutdown();
    }
}

#[tokio::test]
async fn a_tick_that_was_compacted_is_refused_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicU64::new(1_000_000_000));
    let clock = Arc::clone(&now);
    let config =
        EngineConfig { clock: Arc::new(move || clock.load(Ordering::Relaxed)), ..EngineConfig::new(folder.path()) };
    let engine =
        Engine::start(config, Program::new(Numbers, vec![SourceSpec::push("lines", Lines)], Arc::new(NoTexts)))
            .unwrap();
    let first = push(&engine, "a", "1 11").await;
    now.fetch_add(3_600_000_000, Ordering::Relaxed);
    push(&engine, "b", "1 12").await;
    push(&engine, "c", "1 13").await;
    for request in [Request { as_of: Some(first.tick), ..request("numbers") }] {
        let error = engine.reader().snapshot(&request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Compacted);
    }
    let resumed = Request { from_tick: Some(first.tick), ..request("numbers") };
    let error = engine.reader().subscribe(&resumed).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Compacted);
}

#[tokio::test]
async fn a_reader_that_is_refused_does_not_end_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = EngineConfig { retention: std::time::Duration::ZERO, ..EngineConfig::new(folder.path()) };
    let engine =
        Engine::start(config, Program::new(Numbers, vec![SourceSpec::push("lines", Lines)], Arc::new(NoTexts)))
            .unwrap();
    let first = push(&engine, "a", "1 11").await;
    push(&engine, "b", "1 12").await;
    let mut following = engine.reader().subscribe(&request("numbers")).await.unwrap();
    let refused = Request { as_of: Some(first.tick), ..request("numbers") };
    assert_eq!(engine.reader().subscribe(&refused).await.err().unwrap().kind, ErrorKind::Compacted);
    let receipt = push(&engine, "c", "1 13").await;
    loop {
        match following.next().await.unwrap().unwrap() {
            Update::Changes(tick, _) => break assert_eq!(tick, receipt.tick),
            Update::Progress(tick) => assert!(tick <= receipt.tick, "the change was missed"),
            Update::Snapshot(_) => {}
        }
    }
}

#[tokio::test]
async fn one_large_tick_does_not_make_a_reader_slow() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path(), 1);
    let lines = |value: u64| (0..110_000).map(|key| format!("{key} {value}\n")).collect::<String>();
    push(&engine, "a", &lines(1)).await;
    let mut following = engine.reader().subscribe(&request("numbers")).await.unwrap();
    let receipt = push(&engine, "b", &lines(2)).await;
    loop {
        if let Update::Changes(tick, rows) = following.next().await.unwrap().unwrap() {
            assert_eq!((tick, rows.len()), (receipt.tick, 220_000));
            break;
        }
    }
}

#[tokio::test]
async fn an_end_before_the_start_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path(), 1);
    let receipt = push(&engine, "a", "1 11").await;
    let ended = Request { up_to: Some(receipt.tick), ..request("numbers") };
    let error = engine.reader().subscribe(&ended).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn submitted_batches_are_taken_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path(), 1);
    let submit =
        |value: u64| engine.ingest().submit("lines", &value.to_string(), format!("1 {value}").into_bytes()).unwrap();
    let submitted: Vec<_> = (0..100).map(submit).collect();
    let mut last = 0;
    for submitted in submitted {
        let receipt = submitted.receipt().await.unwrap();
        assert!(receipt.tick >= last);
        last = receipt.tick;
    }
    engine.reader().reached(last).await;
    assert_eq!(ints(&read(&engine, "numbers").await), [(1, 99)]);
}

#[tokio::test]
async fn a_second_process_is_kept_out_of_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path(), 1);
    let config = EngineConfig::new(folder.path());
    let second = Engine::start(config, Program::new(Numbers, vec![], Arc::new(NoTexts))).err().unwrap();
    assert!(second.what.contains("in use by another process"), "{second}");
    drop(engine);
}

#[tokio::test]
async fn a_push_without_records_that_comes_last_does_not_stop_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path(), 1);
    push(&engine, "a", "1 11").await;
    let empty = push(&engine, "empty", "").await;
    let before = read(&engine, "numbers").await.rows;
    engine.shutdown();
    for _ in 0..2 {
        let engine = start(folder.path(), 1);
        engine.reader().status().ready().await.unwrap();
        assert_eq!(read(&engine, "numbers").await.rows, before);
        let again = push(&engine, "empty", "").await;
        assert_eq!((again.tick, again.duplicate), (empty.tick, true));
        engine.shutdown();
    }
}
