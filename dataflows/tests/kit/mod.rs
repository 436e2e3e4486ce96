//! A desk for tests: an engine in a folder of its own, with the graphs of a configuration, fed tick by tick and read as
//! text. One push is one tick, whatever sources its events come from.

#![allow(dead_code)]

pub mod lineage;
pub mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dataflows::{DataflowsConfig, Graphs};
use engine::row::Shown;
use engine::{
    Batch, Decoder, Engine, EngineConfig, EngineError, Event, Key, Program, Reader, Refusal, Request, Row, Rows,
    SourceSpec, Subscription, Texts, Tick, Update, ViewSpec,
};
use model::{Dictionary, Record, Symbol};

/// A row of a view as people read it.
pub type TextRow = Vec<String>;

/// The views of the domain; those of the engine itself never become empty.
pub const VIEWS: [&str; 6] = ["trades", "matches", "breaks", "break_summary", "match_rates", "conservation"];

/// One change of the input: the record under a business key, or its deletion.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Change {
    pub key: Symbol,
    pub member: u16,
    pub record: Option<Record>,
}

impl Change {
    pub fn put(record: impl Into<Record>) -> Change {
        let record = record.into();
        Change { key: record.key(), member: record.member(), record: Some(record) }
    }

    pub fn delete(record: &Record) -> Change {
        Change { key: record.key(), member: record.member(), record: None }
    }
}

/// Puts records, one change each.
pub fn put_all<R: Into<Record>>(records: impl IntoIterator<Item = R>) -> Vec<Change> {
    records.into_iter().map(Change::put).collect()
}

/// What is in the input now.
#[derive(Clone, Default)]
pub struct Book(pub BTreeMap<(Symbol, u16), Record>);

impl Book {
    pub fn apply(&mut self, changes: &[Change]) {
        for Change { key, member, record } in changes {
            match record {
                Some(record) => self.0.insert((*key, *member), record.clone()),
                None => self.0.remove(&(*key, *member)),
            };
        }
    }

    pub fn records(&self) -> Vec<Record> {
        self.0.values().cloned().collect()
    }

    /// The changes that take everything away.
    pub fn clear(&self) -> Vec<Change> {
        self.0.values().map(Change::delete).collect()
    }
}

/// Payloads are JSON lists of changes; a payload that is a number refuses so many records.
struct Feed;

impl Decoder<Record> for Feed {
    fn decode(&self, payload: &[u8]) -> Result<Batch<Record>, EngineError> {
        let changes: Vec<Change> = serde_json::from_slice(payload).unwrap_or_default();
        let refused: u64 = serde_json::from_slice(payload).unwrap_or_default();
        let event = |(offset, change): (u64, Change)| Event {
            key: Key::from_bytes(change.key.bytes()),
            member: change.member,
            offset,
            record: change.record,
        };
        let refusal = |offset| Refusal {
            offset,
            line: None,
            field: None,
            raw: Vec::new(),
            what: String::new(),
            help: String::new(),
        };
        Ok(Batch {
            partition: Arc::from(""),
            upper: refused.max(changes.len() as u64),
            events: (0..).zip(changes).map(event).collect(),
            refusals: (0..refused).map(refusal).collect(),
            continues: false,
        })
    }
}

struct TextsOf(Dictionary);

impl Texts for TextsOf {
    fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
        self.0.text(Symbol::from_bytes(symbol))
    }
}

/// An engine with what it takes to feed and read it. Its clock stands still but for the ticks: the tick number `n` is at
/// `n` seconds after it starts, however long the test takes.
pub struct Desk {
    pub engine: Engine,
    pub models: Vec<Record>,
    pub last: Tick,
    runtime: tokio::runtime::Runtime,
    clock: Arc<AtomicU64>,
    pushes: u64,
    _folder: tempfile::TempDir,
}

/// Ticks are a second apart, so that the engine's heartbeats never reach the next one.
const SECOND: Tick = 1_000_000;

pub fn config(toml: &str) -> DataflowsConfig {
    toml::from_str(toml).unwrap()
}

pub fn source_names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Desk {
    pub fn start(toml: &str, sources: &[&str], dictionary: &Dictionary, workers: usize) -> Desk {
        let no_file = |path: &str| Err(format!("no file {path}"));
        Desk::start_reading(toml, sources, dictionary, workers, &no_file)
    }

    /// Starts with another retention than all of the past.
    pub fn start_keeping(toml: &str, sources: &[&str], dictionary: &Dictionary, retention: Duration) -> Desk {
        let no_file = |path: &str| Err(format!("no file {path}"));
        Desk::start_as(toml, sources, dictionary, (1, retention, 0), &no_file)
    }

    /// Starts with the files of scoring models as `read_model` gives them. The models are put at the first tick.
    pub fn start_reading(
        toml: &str,
        sources: &[&str],
        dictionary: &Dictionary,
        workers: usize,
        read_model: &dyn Fn(&str) -> Result<String, String>,
    ) -> Desk {
        Desk::start_as(toml, sources, dictionary, (workers, Duration::from_secs(1_000_000), 0), read_model)
    }

    /// Starts at a tick later than 1970: for records whose days must have come.
    pub fn start_at(toml: &str, sources: &[&str], dictionary: &Dictionary, workers: usize, starts: Tick) -> Desk {
        let no_file = |path: &str| Err(format!("no file {path}"));
        Desk::start_as(toml, sources, dictionary, (workers, Duration::from_secs(1_000_000), starts), &no_file)
    }

    fn start_as(
        toml: &str,
        sources: &[&str],
        dictionary: &Dictionary,
        (workers, retention, starts): (usize, Duration, Tick),
        read_model: &dyn Fn(&str) -> Result<String, String>,
    ) -> Desk {
        let graphs = Graphs::new(&config(toml), &source_names(sources), dictionary, read_model).unwrap();
        let models: Vec<Record> = graphs.models().iter().cloned().map(Record::Model).collect();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(starts + SECOND));
        let now = Arc::clone(&clock);
        let config = EngineConfig {
            workers,
            retention,
            clock: Arc::new(move || now.load(Ordering::Relaxed)),
            ..EngineConfig::new(folder.path())
        };
        // The one source has index 0, so what it refuses counts for the first name.
        let feed = vec![SourceSpec::push("feed", Feed)];
        let engine = Engine::start(config, Program::new(graphs, feed, Arc::new(TextsOf(dictionary.clone())))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(engine.reader().status().ready()).unwrap();
        let mut desk = Desk { engine, models, last: 0, runtime, clock, pushes: 0, _folder: folder };
        if !desk.models.is_empty() {
            desk.tick(&put_all(desk.models.clone()));
        }
        desk
    }

    pub fn reader(&self) -> &Reader {
        self.engine.reader()
    }

    /// Gives the changes as one tick, and waits until it is worked through.
    pub fn tick(&mut self, changes: &[Change]) -> Tick {
        self.push(serde_json::to_vec(changes).unwrap())
    }

    /// Lets the clock pass to a later tick with no input, and waits until whatever is due by then is worked through.
    pub fn pass_to(&mut self, tick: Tick) {
        self.clock.fetch_max(tick, Ordering::Relaxed);
        self.runtime.block_on(self.engine.reader().reached(tick));
        self.last = tick;
    }

    /// Refuses some records of the first source.
    pub fn refuse(&mut self, records: u64) -> Tick {
        self.push(records.to_string().into_bytes())
    }

    fn push(&mut self, payload: Vec<u8>) -> Tick {
        self.pushes += 1;
        self.clock.fetch_add(SECOND, Ordering::Relaxed);
        let (ingest, id) = (self.engine.ingest(), self.pushes.to_string());
        let receipt = self.runtime.block_on(ingest.push("feed", &id, payload)).unwrap();
        self.runtime.block_on(self.engine.reader().reached(receipt.tick));
        self.last = receipt.tick;
        receipt.tick
    }

    pub fn spec(&self, view: &str) -> &ViewSpec {
        self.reader().view(view).unwrap()
    }

    /// All rows of a view, in the order of their text. Asserts that keys tell rows apart.
    pub fn read(&self, view: &str) -> Vec<TextRow> {
        self.read_at(view, None)
    }

    /// All rows of a view as readers get them.
    pub fn snapshot(&self, view: &str, as_of: Option<Tick>) -> Rows {
        let request = Request { view: view.into(), as_of, ..Request::default() };
        self.runtime.block_on(self.reader().snapshot(&request)).unwrap().rows
    }

    pub fn read_at(&self, view: &str, as_of: Option<Tick>) -> Vec<TextRow> {
        let snapshot = self.snapshot(view, as_of);
        let mut keys = BTreeSet::new();
        for (row, count) in &snapshot {
            let key = self.spec(view).key_text(row, self.reader().texts().as_ref());
            assert_eq!(*count, 1, "{view}: {:?} is there {count} times", self.text(view, row));
            assert!(keys.insert(key.clone()), "{view}: the key {key} is there twice: {:?}", self.text(view, row));
        }
        let mut rows: Vec<TextRow> = snapshot.iter().map(|(row, _)| self.text(view, row)).collect();
        rows.sort();
        rows
    }

    /// All views of the domain.
    pub fn read_all(&self) -> BTreeMap<&'static str, Vec<TextRow>> {
        VIEWS.into_iter().map(|view| (view, self.read(view))).collect()
    }

    /// The cells of one column, in order.
    pub fn column(&self, view: &str, column: &str) -> Vec<String> {
        let index = self.spec(view).column(column).unwrap();
        let mut cells: Vec<String> = self.read(view).into_iter().map(|row| row[index].clone()).collect();
        cells.sort();
        cells
    }

    /// Some columns of all rows, joined by blanks.
    pub fn columns(&self, view: &str, columns: &[&str]) -> Vec<String> {
        let indexes: Vec<usize> = columns.iter().map(|column| self.spec(view).column(column).unwrap()).collect();
        let text = |row: TextRow| indexes.iter().map(|index| row[*index].clone()).collect::<Vec<_>>().join(" ");
        let mut rows: Vec<String> = self.read(view).into_iter().map(text).collect();
        rows.sort();
        rows
    }

    pub fn text(&self, view: &str, row: &Row) -> TextRow {
        let texts = self.reader().texts().as_ref();
        let cells = self.spec(view).columns.iter().zip(row.cells());
        cells.map(|(column, cell)| Shown { cell, kind: column.kind, texts }.to_string()).collect()
    }

    /// Follows a view from now on.
    pub fn follow(&self, view: &str) -> Following {
        let request = Request { view: view.into(), ..Request::default() };
        let subscription = self.runtime.block_on(self.reader().subscribe(&request)).unwrap();
        Following { view: view.to_owned(), subscription, rows: BTreeMap::new(), changes: Vec::new() }
    }

    /// Takes all updates up to the last tick.
    pub fn catch_up(&self, following: &mut Following) {
        following.changes.clear();
        loop {
            match self.runtime.block_on(following.subscription.next()).unwrap().unwrap() {
                Update::Snapshot(snapshot) => following.add(snapshot.rows),
                Update::Changes(tick, rows) => {
                    following
                        .changes
                        .extend(rows.iter().map(|(row, diff)| (tick, self.text(&following.view, row), *diff)));
                    following.add(rows);
                    // A tick is never split, so these were all. Word of progress may come much later.
                    if tick == self.last {
                        return;
                    }
                }
                Update::Progress(tick) if tick > self.last => return,
                Update::Progress(_) => {}
            }
        }
    }

    /// What the changes of a followed view add up to.
    pub fn added_up(&self, following: &Following) -> Vec<TextRow> {
        let text = |(row, count): (&Row, &isize)| {
            assert_eq!(*count, 1, "{}: {row:?}", following.view);
            self.text(&following.view, row)
        };
        let mut rows: Vec<TextRow> = following.rows.iter().map(text).collect();
        rows.sort();
        rows
    }
}

/// A view that is followed, and what its changes have added up to.
pub struct Following {
    pub view: String,
    subscription: Subscription,
    rows: BTreeMap<Row, isize>,
    /// The changes since the last catching up.
    pub changes: Vec<(Tick, TextRow, isize)>,
}

impl Following {
    fn add(&mut self, rows: Rows) {
        for (row, diff) in rows {
            let count = self.rows.entry(row.clone()).or_default();
            *count += diff;
            if *count == 0 {
                self.rows.remove(&row);
            }
        }
    }
}

/// A tick as views show it.
pub fn time_text(tick: Tick) -> String {
    let cell = engine::Cell::tick(tick);
    Shown { cell: &cell, kind: engine::ColumnKind::Time, texts: &TextsOf(Dictionary::new()) }.to_string()
}
