//! A small graph, and what it needs: numbers by key, their totals by last digit, and since when each digit is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use engine::snapshot::Codec;
use engine::{
    Batch, Cell, Column, ColumnKind, Decoder, EngineError, Event, Graph, Inputs, Kept, Key, Refusal, Row, Texts,
    ViewSpec, Views,
};
use operators::Sums;
use operators::first_seen::{FirstSeen, first_seen};
use operators::sum_by::sum_by;
use operators::upsert::upsert;

/// Numbers by key, and since when a number with each last digit is there.
pub struct Ages;

/// A number, and the key that it is under.
pub type Number = (u64, i64);

impl Graph<Number> for Ages {
    fn build(&self, inputs: Inputs<'_, Number>, views: &mut Views) -> Kept<Number> {
        let numbers = upsert(inputs.events, "numbers", |_| 0);
        let seen = FirstSeen::default();
        let kept = Kept::of(&numbers).and(seen.clone());
        views.derived(spec("numbers", &["key", "value"]), &numbers, |_, group, rows| {
            rows.extend(group.iter().map(|((key, value), count)| (row(&[*key as i64, *value]), *count)));
        });
        let values = numbers.as_collection(|_, (_, value)| *value);
        let totals = sum_by(values.clone(), "totals", |value| (*value % 10, Sums::of(0, i128::from(*value))));
        views.sums(spec("totals", &["digit", "total"]), &totals, |digit, sums| row(&[*digit, sums.0[0] as i64]));
        let digits = values.map(|value| (key(value as u64 % 10), value));
        let ages = first_seen(digits, "ages", &seen, |_, value, first| row(&[*value, first as i64]));
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
pub struct Lines(Arc<AtomicUsize>);

impl Lines {
    /// How many payloads have been decoded.
    pub fn decoded(&self) -> usize {
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
pub struct Digits;

impl Codec<Number> for Digits {
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

/// Numbers need no texts.
pub struct NoTexts;

impl Texts for NoTexts {
    fn text(&self, _: [u8; 16]) -> Option<Arc<str>> {
        None
    }
}
