//! An engine that knows nothing of finance, for tests and the example: numbers by key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use engine::{
    Archive, Batch, Cell, Column, ColumnKind, Decoder, Engine, EngineConfig, EngineError, ErrorKind, Event, Graph,
    Inputs, Kept, Key, Program, Row, Source, SourceContext, SourceReader, SourceSpec, Texts, ViewSpec, Views,
};
use operators::Sums;
use operators::sum_by::sum_by;
use operators::upsert::upsert;
use parking_lot::{Condvar, Mutex};

/// The columns that are pushed: a value by key; without a value the key is deleted.
pub(crate) fn pushed_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("key", DataType::Int64, false), Field::new("value", DataType::Int64, true)]))
}

/// Rows to push.
pub(crate) fn pushed(rows: impl IntoIterator<Item = (i64, Option<i64>)>) -> RecordBatch {
    let (keys, values): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    RecordBatch::try_new(pushed_schema(), vec![Arc::new(Int64Array::from(keys)), Arc::new(Int64Array::from(values))])
        .unwrap()
}

/// Starts an engine with the source `numbers` and the views `numbers`, `totals`, `digits` and `facts`.
pub(crate) fn start(folder: &Path) -> Engine {
    start_with(EngineConfig::new(folder), &Gate::default())
}

/// Starts an engine as `config` says, which decodes nothing while the gate is closed.
pub(crate) fn start_with(config: EngineConfig, gate: &Gate) -> Engine {
    Engine::start(
        config,
        Program::new(Numbers, vec![SourceSpec::push("numbers", Payloads(gate.clone()))], Arc::new(Names)),
    )
    .unwrap()
}

/// Starts an engine with one source more, which gives nothing, and holds the tick open until the gate opens.
pub(crate) fn start_held(folder: &Path, gate: &Gate) -> Engine {
    let sources = vec![SourceSpec::push("numbers", Payloads(Gate::default())), SourceSpec::pull(Holds(gate.clone()))];
    Engine::start(EngineConfig::new(folder), Program::new(Numbers, sources, Arc::new(Names))).unwrap()
}

struct Holds(Gate);

impl Source<i64> for Holds {
    fn name(&self) -> &str {
        "holds"
    }
    fn is_one_shot(&self) -> bool {
        true
    }
    fn open(&self, _: &str, _: u64, _: &Archive) -> Result<Box<dyn SourceReader<i64>>, EngineError> {
        Err(EngineError::stopped())
    }
    fn run(&mut self, _: SourceContext<i64>) -> Result<(), EngineError> {
        self.0.pass();
        Ok(())
    }
}

/// Holds up decoding, and with it replay.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Closes or opens it.
    pub(crate) fn close(&self, is_closed: bool) {
        *self.0.0.lock() = is_closed;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        // Not for ever: a test that fails must end.
        self.0.1.wait_while_for(&mut self.0.0.lock(), |is_closed| *is_closed, Duration::from_secs(30));
    }
}

struct Numbers;

impl Graph<i64> for Numbers {
    fn build(&self, inputs: Inputs<'_, i64>, views: &mut Views) -> Kept<i64> {
        let numbers = upsert(inputs.events, "numbers", |_| 0);
        let kept = Kept::of(&numbers);
        views.derived(
            spec("numbers", &[("key", ColumnKind::Int), ("value", ColumnKind::Int)]),
            &numbers,
            |key, group, rows| {
                rows.extend(
                    group.iter().map(|(value, count)| (Row::new([Cell::Int(low(*key)), Cell::Int(**value)]), *count)),
                );
            },
        );
        views.derived(facts(), &numbers, |key, group, rows| {
            rows.extend(group.iter().map(|(value, count)| (fact(low(*key), **value), *count)));
        });
        let values = numbers.as_collection(|_, value| *value);
        let digits = values.clone().map(|value| Row::new([Cell::Int(value % 10)]));
        views.rows(spec("digits", &[("digit", ColumnKind::Int)]), digits);
        let totals = sum_by(values, "totals", |value| (*value % 10, Sums::of(0, i128::from(*value))));
        views.sums(
            spec("totals", &[("digit", ColumnKind::Int), ("total", ColumnKind::Int)]),
            &totals,
            |digit, sums| Row::new([Cell::Int(*digit), Cell::Int(sums.0[0] as i64)]),
        );
        kept
    }
}

fn spec(name: &str, columns: &[(&str, ColumnKind)]) -> ViewSpec {
    ViewSpec {
        name: name.into(),
        about: format!("The {name}."),
        columns: columns.iter().map(|(name, kind)| Column::new(*name, *kind)).collect(),
        key: vec![0],
    }
}

/// A view with a column of every kind.
fn facts() -> ViewSpec {
    use ColumnKind::{Bool, Date, Fixed, Int, Text, Time};
    let columns = [
        ("name", Text),
        ("key", Int),
        ("amount", Fixed(8)),
        ("day", Date),
        ("moment", Time),
        ("is_odd", Bool),
        ("note", Text),
    ];
    ViewSpec { key: vec![0, 1], ..spec("facts", &columns) }
}

/// What is known of a value. The note says something only of odd values.
fn fact(key: i64, value: i64) -> Row {
    let mut symbol = [0; 16];
    symbol[..8].copy_from_slice(&value.to_be_bytes());
    Row::new([
        Cell::Symbol(symbol),
        Cell::Int(key),
        Cell::fixed(i128::from(value)),
        Cell::Date(value as i32),
        Cell::Time(value * 1_000_001),
        Cell::Bool(value % 2 == 1),
        if value % 2 == 1 { Cell::text("odd, and \"quoted\"") } else { Cell::Null },
    ])
}

/// Symbols are numbers, and their texts say so.
struct Names;

impl Texts for Names {
    fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
        let value = i64::from_be_bytes(symbol[..8].try_into().unwrap());
        Some(Arc::from(format!("n|{value}")))
    }
}

fn low(key: Key) -> i64 {
    i64::from_be_bytes(key.bytes()[8..].try_into().unwrap())
}

struct Payloads(Gate);

impl Decoder<i64> for Payloads {
    fn decode(&self, payload: &[u8]) -> Result<Batch<i64>, EngineError> {
        self.0.pass();
        let reader = StreamReader::try_new(payload, None).map_err(|error| invalid(&error.to_string()))?;
        if reader.schema().fields() != pushed_schema().fields() {
            return Err(invalid("the columns are not key and value"));
        }
        let mut events = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| invalid(&error.to_string()))?;
            let (keys, values) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
            for row in 0..batch.num_rows() {
                let key = Key::from_bytes((keys.value(row) as u128).to_be_bytes());
                let record = values.is_valid(row).then(|| values.value(row));
                events.push(Event { key, member: 0, offset: events.len() as u64, record });
            }
        }
        Ok(Batch {
            partition: Arc::from(""),
            upper: events.len() as u64,
            events,
            refusals: Vec::new(),
            continues: false,
        })
    }
}

fn invalid(what: &str) -> EngineError {
    EngineError::new(ErrorKind::Invalid, what, "push the columns key and value, both Int64")
}
