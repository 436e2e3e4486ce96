//! A small graph, and what it needs: numbers by key, their totals by remainder, and since when each remainder is there.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use engine::snapshot::{Codec, Snapshots, Store};
use engine::{
    Batch, Cell, Column, ColumnKind, Configuration, Decoder, Engine, EngineConfig, EngineError, Event, Graph, Inputs,
    Kept, Key, NoTexts, Program, Refusal, Request, Revive, Row, Rows, SourceSpec, Tick, ViewSpec, Views,
};
use operators::Sums;
use operators::first_seen::{FirstSeen, first_seen};
use operators::sum_by::sum_by;
use operators::upsert::upsert;

/// Numbers by key, their totals by remainder, and since when a number with each remainder is there.
pub(crate) struct Ages {
    /// What numbers are divided by.
    pub(crate) modulus: i64,
}

/// A number, and the key that it is under.
pub(crate) type Number = (u64, i64);

impl Graph<Number> for Ages {
    fn build(&self, inputs: Inputs<'_, Number>, views: &mut Views) -> Kept<Number> {
        let numbers = upsert(inputs.events, "numbers", |_| 0);
        let modulus = self.modulus;
        let seen = FirstSeen::default();
        let kept = Kept::of(&numbers).and(seen.clone());
        views.derived(spec("numbers", &["key", "value"]), &numbers, |_, group, rows| {
            rows.extend(group.iter().map(|((key, value), count)| (row(&[*key as i64, *value]), *count)));
        });
        let values = numbers.as_collection(|_, (_, value)| *value);
        let totals = sum_by(values.clone(), "totals", move |value| (*value % modulus, Sums::of(0, i128::from(*value))));
        views.sums(spec("totals", &["remainder", "total"]), &totals, |remainder, sums| {
            row(&[*remainder, sums.0[0] as i64])
        });
        let remainders = values.map(move |value| (key((value % modulus) as u64), value));
        let ages = first_seen(remainders, "ages", &seen, |_, value, first| row(&[*value, first as i64]));
        views.rows(spec("ages", &["value", "first"]), ages);
        kept
    }
}

fn spec(name: &str, columns: &[&str]) -> ViewSpec {
    ViewSpec {
        name: name.into(),
        about: String::new(),
        columns: columns.iter().map(|name| Column::new(*name, ColumnKind::Int)).collect(),
        key: vec![0],
    }
}

fn row(cells: &[i64]) -> Row {
    Row::new(cells.iter().map(|cell| Cell::Int(*cell)).collect::<Vec<_>>())
}

fn key(number: u64) -> Key {
    Key::from_bytes(u128::from(number).to_be_bytes())
}

/// Payloads are lines of `key value`, or `key` alone to delete it; other values are refused.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<AtomicUsize>);

impl Lines {
    /// How many payloads have been decoded.
    pub(crate) fn decoded(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Decoder<Number> for Lines {
    fn decode(&self, payload: &[u8]) -> Result<Batch<Number>, EngineError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let text = String::from_utf8_lossy(payload);
        let (mut events, mut refusals) = (Vec::new(), Vec::new());
        for (offset, line) in (0..).zip(text.lines()) {
            let (number, value) = line.split_once(' ').unwrap_or((line, ""));
            let number: u64 = number.parse().unwrap();
            match value.parse::<i64>() {
                Err(_) if !value.is_empty() => refusals.push(Refusal {
                    offset,
                    line: Some(offset + 1),
                    field: None,
                    raw: line.into(),
                    what: format!("`{value}` is no number"),
                    help: String::new(),
                }),
                value => {
                    let record = value.ok().map(|value| (number, value));
                    events.push(Event { key: key(number), member: 0, offset, record });
                }
            }
        }
        let upper = (events.len() + refusals.len()) as u64;
        Ok(Batch { partition: Arc::from(""), upper, events, refusals, continues: false })
    }
}

/// Numbers as columns.
pub(crate) struct Columns;

impl Codec<Number> for Columns {
    fn schema(&self) -> SchemaRef {
        let fields = [Field::new("key", DataType::UInt64, false), Field::new("value", DataType::Int64, false)];
        Arc::new(Schema::new(fields.to_vec()))
    }

    fn encode(&self, records: &[Number]) -> Result<RecordBatch, ArrowError> {
        let keys: UInt64Array = records.iter().map(|(key, _)| Some(*key)).collect();
        let values: Int64Array = records.iter().map(|(_, value)| Some(*value)).collect();
        RecordBatch::try_new(self.schema(), vec![Arc::new(keys), Arc::new(values)])
    }

    fn decode(&self, rows: &RecordBatch) -> Result<Vec<Event<Number>>, String> {
        let keys = rows.column(0).as_primitive::<UInt64Type>();
        let values = rows.column(1).as_primitive::<Int64Type>();
        let event = |(number, value): (&u64, &i64)| Event {
            key: key(*number),
            member: 0,
            offset: 0,
            record: Some((*number, *value)),
        };
        Ok(keys.values().iter().zip(values.values()).map(event).collect())
    }
}

/// The program of a configuration, which is the modulus as a text, and the programs of earlier ones.
pub(crate) struct Programs {
    /// Where snapshots are kept.
    pub(crate) store: Store,
    /// How often one is taken; none are if this is nothing.
    pub(crate) every: Duration,
    /// How much of the past is kept; all of it, if it is not said.
    pub(crate) history: Option<Duration>,
    /// What the source decodes with.
    pub(crate) lines: Lines,
}

impl Programs {
    /// The program of a configuration that also reads the past.
    pub(crate) fn program(self, text: &str) -> Program<Number> {
        let program = self.revive(text).unwrap();
        Program { revive: Some(Arc::new(self)), ..program }
    }
}

impl Revive<Number> for Programs {
    fn revive(&self, text: &str) -> Result<Program<Number>, EngineError> {
        let (store, codec) = (self.store.clone(), Arc::new(Columns));
        let snapshots = Some(Snapshots { store, codec, every: self.every, history: self.history });
        let sources = vec![SourceSpec::push("lines", self.lines.clone())];
        let graph = Ages { modulus: text.parse().unwrap() };
        Ok(Program { snapshots, ..Program::new(graph, sources, Arc::new(NoTexts)) })
    }

    fn read_otherwise(&self, old: &str, new: &str) -> Option<String> {
        // Which configurations read alike is told by the tests: those that are written with as many digits.
        (old.len() != new.len()).then(|| "the source `lines`".to_owned())
    }
}

/// A clock of which a microsecond passes with each look, and which a test moves on.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    /// Moves it on.
    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// Sets it back.
    pub(crate) fn set_back(&self, time: Duration) {
        self.0.fetch_sub(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// Another one that shows the same.
    pub(crate) fn copy(&self) -> Clock {
        Clock(Arc::new(AtomicU64::new(self.0.load(Ordering::Relaxed))))
    }

    /// It, as an engine looks at it.
    pub(crate) fn ticking(&self) -> engine::Clock {
        let clock = self.clone();
        Arc::new(move || clock.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// An engine of the toy graph that retains nothing.
pub(crate) struct Run {
    /// The engine.
    pub(crate) engine: Engine,
    /// Its clock.
    pub(crate) clock: Clock,
    /// What its source decodes with.
    pub(crate) lines: Lines,
    folder: PathBuf,
}

/// The views of the toy graph, and the engine's own, the runs last.
pub(crate) const VIEWS: [&str; 6] = ["numbers", "totals", "ages", "source_progress", "dead_letters", "runs"];

/// How often a snapshot is taken.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

impl Run {
    /// Starts one, and waits until it is ready. Takes snapshots [`EVERY`] so often, if it takes any.
    pub(crate) async fn start(
        folder: &Path,
        clock: &Clock,
        workers: usize,
        modulus: &str,
        takes_snapshots: bool,
    ) -> Run {
        let every = if takes_snapshots { EVERY } else { Duration::ZERO };
        let run = Run::begin(folder, clock, workers, modulus, (every, None)).unwrap();
        run.engine.reader().status().ready().await.unwrap();
        run
    }

    /// Starts one that takes snapshots so often, and keeps so much of the past.
    pub(crate) fn begin(
        folder: &Path,
        clock: &Clock,
        workers: usize,
        modulus: &str,
        (every, history): (Duration, Option<Duration>),
    ) -> Result<Run, EngineError> {
        Run::retaining(Duration::ZERO, folder, clock, workers, modulus, (every, history))
    }

    /// And retains so much of it in memory.
    pub(crate) fn retaining(
        retention: Duration,
        folder: &Path,
        clock: &Clock,
        workers: usize,
        modulus: &str,
        (every, history): (Duration, Option<Duration>),
    ) -> Result<Run, EngineError> {
        let config = EngineConfig {
            workers,
            retention,
            configuration: Configuration { hash: format!("hash of {modulus}"), text: modulus.into() },
            clock: clock.ticking(),
            ..EngineConfig::new(folder)
        };
        let lines = Lines::default();
        let store = Store::local(&folder.join("snapshots")).unwrap();
        let program = Programs { store, every, history, lines: lines.clone() }.program(modulus);
        let engine = Engine::start(config, program)?;
        Ok(Run { engine, clock: clock.clone(), lines, folder: folder.to_owned() })
    }

    /// Pushes lines; gives their tick.
    pub(crate) async fn push(&self, id: &str, lines: &str) -> Tick {
        let receipt = self.engine.ingest().push("lines", id, lines.as_bytes().to_vec()).await.unwrap();
        receipt.tick
    }

    /// A view now.
    pub(crate) async fn view(&self, view: &str) -> Rows {
        self.engine.reader().snapshot(&Request { view: view.into(), ..Request::default() }).await.unwrap().rows
    }

    /// A view as of a tick.
    pub(crate) async fn view_at(&self, view: &str, tick: Tick) -> Rows {
        let request = Request { view: view.into(), as_of: Some(tick), ..Request::default() };
        let snapshot = self.engine.reader().snapshot(&request).await.unwrap();
        assert_eq!(snapshot.tick, tick);
        snapshot.rows
    }

    /// All views now.
    pub(crate) async fn all(&self) -> Vec<Rows> {
        let mut views = Vec::new();
        for view in VIEWS {
            views.push(self.view(view).await);
        }
        views
    }

    /// Moves the clock on so far that a snapshot is due, has one taken by a push, and waits for it.
    pub(crate) async fn snapshot(&self, id: &str, lines: &str) -> Tick {
        self.clock.pass(EVERY);
        let newest = || manifests(&self.folder).last().cloned();
        let before = newest();
        let tick = self.push(id, lines).await;
        for _ in 0..3000 {
            if newest() > before {
                return tick;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no snapshot was taken");
    }
}

/// The manifests of the snapshots of a data folder, in the order of their ticks.
pub(crate) fn manifests(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("snapshots")).into_iter().flatten();
    let manifests = entries.map(|entry| entry.unwrap().path().join("manifest.json")).filter(|path| path.exists());
    let mut manifests: Vec<PathBuf> = manifests.collect();
    manifests.sort();
    manifests
}
