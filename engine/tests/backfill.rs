//! A replay is one tick: whatever its sources do, also when it is stopped and gone on with, and also of another data folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod toy;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::backfill::Ticks;
use engine::snapshot::Store;
use engine::{
    Archive, Backfill, Batch, Configuration, Decoder, Engine, EngineConfig, EngineError, ErrorKind, NoTexts, Program,
    Request, Rows, Source, SourceContext, SourceReader, SourceSpec, Tick,
};
use toy::{Ages, Lines, Number, Programs};

/// A source that counts: the record at an offset is that number. It gives what it is allowed to, and ends at its end.
#[derive(Clone)]
struct Counting {
    name: &'static str,
    end: u64,
    /// Up to here it gives; then it waits.
    allowed: Arc<AtomicU64>,
    /// Where it fails.
    fails_at: Option<u64>,
}

const BATCH: u64 = 10;

impl Counting {
    fn new(name: &'static str, end: u64) -> Self {
        Counting { name, end, allowed: Arc::new(AtomicU64::new(u64::MAX)), fails_at: None }
    }

    fn batch(from: u64, upto: u64) -> Batch<Number> {
        let lines: String = (from..upto).map(|number| format!("{number} {number}\n")).collect();
        let mut batch = Lines::default().decode(lines.as_bytes()).unwrap();
        batch.events.iter_mut().for_each(|event| event.offset += from);
        Batch { partition: Arc::from("numbers"), upper: upto, ..batch }
    }
}

struct Again(u64, u64);

impl SourceReader<Number> for Again {
    fn next(&mut self) -> Result<Option<Batch<Number>>, EngineError> {
        let from = self.0;
        self.0 = (from + BATCH).min(self.1);
        Ok((from < self.1).then(|| Counting::batch(from, self.0)))
    }
}

impl Source<Number> for Counting {
    fn name(&self) -> &str {
        self.name
    }

    fn open(&self, _: &str, from: u64, _: &Archive) -> Result<Box<dyn SourceReader<Number>>, EngineError> {
        Ok(Box::new(Again(from, self.end)))
    }

    fn run(&mut self, context: SourceContext<Number>) -> Result<(), EngineError> {
        let mut next = context.positions.values().copied().next().unwrap_or(0);
        while next < self.end {
            if self.fails_at.is_some_and(|at| next >= at) {
                return Err(EngineError::new(ErrorKind::Unavailable, "it cannot be read", "read it"));
            }
            if next >= self.allowed.load(Ordering::Relaxed) {
                if context.stop.wait(Duration::from_millis(1)) {
                    return Ok(());
                }
                continue;
            }
            let upto = (next + BATCH).min(self.end);
            if context.outlet.send(Counting::batch(next, upto)).is_err() {
                return Ok(());
            }
            next = upto;
        }
        Ok(())
    }
}

fn backfill(asked: &str) -> Option<Backfill> {
    Some(Backfill { asked: asked.into(), begins: false, ticks: None })
}

fn config(folder: &Path, backfill: Option<Backfill>) -> EngineConfig {
    let configuration = Configuration { hash: "toy".into(), text: "10".into() };
    EngineConfig { backfill, configuration, ..EngineConfig::new(folder) }
}

fn start(folder: &Path, sources: &[Counting], backfill: Option<Backfill>) -> Engine {
    begin(folder, sources, config(folder, backfill)).unwrap()
}

fn begin(_: &Path, sources: &[Counting], config: EngineConfig) -> Result<Engine, EngineError> {
    let mut specs: Vec<_> = sources.iter().cloned().map(SourceSpec::pull).collect();
    specs.push(SourceSpec::push("lines", Lines::default()));
    Engine::start(config, Program::new(Ages { modulus: 10 }, specs, Arc::new(NoTexts)))
}

async fn view(engine: &Engine, view: &str) -> (Tick, Rows) {
    let request = Request { view: view.into(), ..Request::default() };
    let snapshot = engine.reader().snapshot(&request).await.unwrap();
    (snapshot.tick, snapshot.rows)
}

async fn finish(engine: &Engine) -> Tick {
    let tick = engine.reader().status().complete().await.unwrap();
    engine.reader().reached(tick).await;
    tick
}

/// Why a start is refused.
async fn refusal(engine: Engine) -> EngineError {
    let refused = tokio::time::timeout(Duration::from_secs(60), engine.reader().status().failed());
    let error = refused.await.expect("it is refused");
    engine.shutdown();
    error
}

/// Checks that all rows of `numbers` came with one tick.
async fn assert_appeared_at(engine: &Engine, tick: Tick, rows: usize) {
    for (as_of, expected) in [(tick - 1, 0), (tick, rows)] {
        let request = Request { view: "numbers".into(), as_of: Some(as_of), ..Request::default() };
        let shown = engine.reader().snapshot(&request).await.unwrap().rows;
        assert_eq!(shown.len(), expected, "as of {as_of}, where it appears at {tick}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_one_tick_of_which_nothing_is_seen_before_all_of_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Counting::new("first", 500), Counting::new("second", 700));
    second.allowed.store(600, Ordering::Relaxed);
    let engine = start(folder.path(), &[first, second.clone()], backfill("all"));
    engine.reader().status().ready().await.unwrap();
    while bound(&engine) < 1100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(view(&engine, "numbers").await.1, Rows::new(), "all but the last hundred are bound");
    second.allowed.store(u64::MAX, Ordering::Relaxed);
    let tick = finish(&engine).await;
    assert_appeared_at(&engine, tick, 700).await;
    engine.shutdown();
    // And what runs afterwards goes on from there.
    let engine = start(folder.path(), &[Counting::new("first", 510), Counting::new("second", 700)], None);
    finish(&engine).await;
    assert_eq!(view(&engine, "source_progress").await.1.len(), 2);
    assert_eq!(records(&engine).await, 1210);
    engine.shutdown();
}

/// How many records have been bound so far.
fn bound(engine: &Engine) -> u64 {
    let families = engine.reader().metrics().registry().gather();
    let family = families.iter().find(|family| family.name() == "tieout_source_records_total");
    family.map_or(0, |family| family.get_metric().iter().map(|metric| metric.get_counter().get_value() as u64).sum())
}

async fn records(engine: &Engine) -> i64 {
    let rows = view(engine, "source_progress").await.1;
    let count = |row: &engine::Row| if let engine::Cell::Int(count) = row.cells()[2] { count } else { 0 };
    rows.iter().map(|(row, _)| count(row)).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_stopped_goes_on_in_the_same_tick_and_keeps_everything_else_out() {
    let folder = tempfile::tempdir().unwrap();
    let source = Counting::new("first", 500);
    for stops_at in [200, 200, 350] {
        source.allowed.store(stops_at, Ordering::Relaxed);
        let engine = start(folder.path(), std::slice::from_ref(&source), backfill("all"));
        engine.reader().status().ready().await.unwrap();
        while bound(&engine) < stops_at {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        engine.shutdown();
        let error = refusal(start(folder.path(), std::slice::from_ref(&source), None)).await;
        assert!(error.to_string().contains("a replay that was interrupted: `all`"), "{error}");
        let error = refusal(start(folder.path(), std::slice::from_ref(&source), backfill("less"))).await;
        assert!(error.to_string().contains("`all`"), "{error}");
        let mut changed = config(folder.path(), backfill("all"));
        changed.configuration.hash = "another".into();
        let error = refusal(begin(folder.path(), std::slice::from_ref(&source), changed).unwrap()).await;
        assert!(error.to_string().contains("the configuration has changed"), "{error}");
    }
    source.allowed.store(u64::MAX, Ordering::Relaxed);
    let engine = start(folder.path(), std::slice::from_ref(&source), backfill("all"));
    let tick = finish(&engine).await;
    assert_appeared_at(&engine, tick, 500).await;
    assert_eq!(view(&engine, "runs").await.1.len(), 1, "it is one run");
    engine.shutdown();
    let engine = start(folder.path(), &[source], None);
    finish(&engine).await;
    assert_eq!(view(&engine, "numbers").await.1.len(), 500);
    let runs = view(&engine, "runs").await.1;
    let has_ended = |row: &engine::Row| row.cells()[1] != engine::Cell::Null;
    assert_eq!(runs.iter().filter(|(row, _)| has_ended(row)).count(), 1, "the replay has ended: {runs:?}");
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_which_a_source_fails_is_not_taken_for_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Counting::new("first", 500);
    let failing = Counting { fails_at: Some(300), ..whole.clone() };
    let engine = start(folder.path(), &[failing], backfill("all"));
    let error = engine.reader().status().complete().await.unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    engine.shutdown();
    let engine = start(folder.path(), &[whole], backfill("all"));
    let tick = finish(&engine).await;
    assert_appeared_at(&engine, tick, 500).await;
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_to_begin_can_only_be_said_of_a_data_folder_that_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let source = Counting::new("first", 50);
    let from = |asked| backfill(asked).map(|backfill| Backfill { begins: true, ..backfill });
    let engine = start(folder.path(), std::slice::from_ref(&source), from("from 7"));
    finish(&engine).await;
    engine.shutdown();
    let error = refusal(start(folder.path(), &[source], from("from 8"))).await;
    assert!(error.to_string().contains("is not new"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticks_of_another_data_folder_become_one_with_their_pushes_and_the_ids_of_these() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let source = Counting::new("first", 50);
    let engine = start(&old, std::slice::from_ref(&source), None);
    finish(&engine).await;
    let push = async |engine: &Engine, id: &str, lines: &str| {
        engine.ingest().push("lines", id, lines.as_bytes().to_vec()).await.unwrap()
    };
    push(&engine, "a", "1000 7\n1001 x\n3 33").await;
    let last = push(&engine, "b", "1000 8\n4").await.tick;
    engine.reader().reached(last).await;
    let expected = [view(&engine, "numbers").await.1, view(&engine, "dead_letters").await.1];
    push(&engine, "c", "1000 9").await;
    engine.shutdown();

    let of =
        |upto| Some(Backfill { asked: "of old".into(), begins: true, ticks: Some(Ticks { data: old.clone(), upto }) });
    for _ in 0..3 {
        // Stopped at some moment, and gone on with; or asked again for what is done.
        let engine = start(&new, std::slice::from_ref(&source), of(Some(last)));
        engine.reader().status().ready().await.unwrap();
        engine.shutdown();
    }
    let engine = start(&new, std::slice::from_ref(&source), of(Some(last)));
    let tick = finish(&engine).await;
    assert_appeared_at(&engine, tick, expected[0].len()).await;
    assert_eq!([view(&engine, "numbers").await.1, view(&engine, "dead_letters").await.1], expected);
    engine.shutdown();

    // What was pushed is known by its id, what came after is not there.
    let engine = start(&new, &[source], None);
    finish(&engine).await;
    assert!(push(&engine, "b", "1000 8\n4").await.duplicate);
    let after = push(&engine, "c", "1000 9").await;
    assert!(!after.duplicate);
    engine.reader().reached(after.tick).await;
    assert_eq!(records(&engine).await, 50 + 6);
    engine.shutdown();
}

/// A replay that died before its first batch used to be refused as one of a data folder that is not new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_has_read_nothing_yet_is_gone_on_with_and_nothing_else_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let source = Counting::new("first", 50);
    source.allowed.store(0, Ordering::Relaxed);
    let from = || backfill("from 7").map(|backfill| Backfill { begins: true, ..backfill });
    for _ in 0..2 {
        let engine = start(folder.path(), std::slice::from_ref(&source), from());
        engine.reader().status().ready().await.unwrap();
        engine.shutdown();
        let error = refusal(start(folder.path(), std::slice::from_ref(&source), None)).await;
        assert!(error.to_string().contains("`from 7`"), "{error}");
    }
    source.allowed.store(u64::MAX, Ordering::Relaxed);
    let engine = start(folder.path(), std::slice::from_ref(&source), from());
    let tick = finish(&engine).await;
    assert_appeared_at(&engine, tick, 50).await;
    engine.shutdown();
    let engine = start(folder.path(), &[source], from());
    finish(&engine).await;
    assert_eq!(records(&engine).await, 50, "asked once more for what is done, it does nothing");
    engine.shutdown();
}

/// A configuration that changed meanwhile used to wait for ever for the tick that is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_configuration_is_refused_at_once_while_a_replay_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let source = Counting::new("first", 50);
    source.allowed.store(20, Ordering::Relaxed);
    let begun = |modulus: &str, backfill| {
        let config = EngineConfig {
            configuration: Configuration { hash: modulus.into(), text: modulus.into() },
            backfill,
            ..EngineConfig::new(folder.path())
        };
        let store = Store::local(&folder.path().join("snapshots")).unwrap();
        let programs = Programs { store, every: toy::EVERY, history: None, lines: Lines::default() };
        let mut program = programs.program(modulus);
        program.sources.push(SourceSpec::pull(source.clone()));
        Engine::start(config, program).unwrap()
    };
    let engine = begun("10", backfill("all"));
    while bound(&engine) < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.shutdown();
    let error = refusal(begun("07", backfill("all"))).await;
    assert!(error.to_string().contains("the configuration has changed"), "{error}");
    source.allowed.store(u64::MAX, Ordering::Relaxed);
    let engine = begun("10", backfill("all"));
    finish(&engine).await;
    assert_eq!(toy::manifests(folder.path()).len(), 1, "what goes on from here need not read it again");
    engine.shutdown();
}

/// The next start would read anew what the old folder had kept, and not find it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticks_of_a_data_folder_with_an_open_replay_or_of_a_source_that_is_gone_are_refused_before_anything_is_bound() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let source = Counting::new("first", 50);
    source.allowed.store(20, Ordering::Relaxed);
    let engine = start(&old, std::slice::from_ref(&source), backfill("all"));
    while bound(&engine) < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.shutdown();
    let of =
        || Some(Backfill { asked: "of".into(), begins: true, ticks: Some(Ticks { data: old.clone(), upto: None }) });
    let error = begin(&new, std::slice::from_ref(&source), config(&new, of())).err().unwrap();
    assert!(error.to_string().contains("a replay that was interrupted: `all`"), "{error}");
    source.allowed.store(u64::MAX, Ordering::Relaxed);
    let engine = start(&old, std::slice::from_ref(&source), backfill("all"));
    finish(&engine).await;
    engine.shutdown();
    let error = refusal(start(&new, &[], of())).await;
    assert!(error.to_string().contains("the source `first`, which the configuration no longer has"), "{error}");
    let engine = start(&new, &[source], of());
    finish(&engine).await;
    assert_eq!(records(&engine).await, 50, "with the source put back, it can be done");
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticks_that_cannot_be_replayed_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let source = Counting::new("first", 50);
    let engine = start(&old, std::slice::from_ref(&source), None);
    finish(&engine).await;
    let begun = |data: &Path, upto| {
        let ticks = Some(Ticks { data: data.into(), upto });
        let asked = Some(Backfill { asked: "of".into(), begins: true, ticks });
        begin(&new, std::slice::from_ref(&source), config(&new, asked)).err().map(|error| error.to_string())
    };
    assert!(begun(&old, None).unwrap().contains("in use by another process"));
    engine.shutdown();
    assert!(begun(&folder.path().join("nowhere"), None).unwrap().contains("is not a data folder"));
    assert!(begun(&new, None).unwrap().contains("that the replay goes to"));
    assert!(begun(&old, Some(3)).unwrap().contains("has no ticks up to then"));
}
