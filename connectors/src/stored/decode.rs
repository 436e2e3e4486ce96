//! Rows as records again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, TimestampMicrosecondType, UInt32Type};
use engine::{Event, Key};
use model::{
    Date, Dictionary, Field, FieldKind, Quantity, Record, ScoringModel, SourceId, Symbol, Timestamp, TradeBuilder,
    Value,
};

use super::StoredRecords;
use crate::layout::{FieldDescription, RecordKind, ValueType};

pub(super) fn decode(stored: &StoredRecords, rows: &RecordBatch) -> Result<Vec<Event<Record>>, String> {
    let rows = Rows::new(stored, rows)?;
    let mut records: Vec<Option<Record>> = vec![None; rows.kind.len()];
    for (kind, indices) in rows.by_kind()? {
        for (row, record) in indices.iter().zip(rows.records(kind, &indices)?) {
            records[*row as usize] = Some(record);
        }
    }
    Ok(records.into_iter().flatten().zip(0..).map(|(record, offset)| event(record, offset)).collect())
}

fn event(record: Record, offset: u64) -> Event<Record> {
    Event { key: Key::from_bytes(record.key().bytes()), member: record.member(), offset, record: Some(record) }
}

/// The columns of a batch.
struct Rows<'a> {
    stored: &'a StoredRecords,
    kind: &'a StringArray,
    source: &'a StringArray,
    /// The fields that any row has a value of.
    fields: Vec<(Field, &'a ArrayRef)>,
    rows: &'a RecordBatch,
}

impl<'a> Rows<'a> {
    fn new(stored: &'a StoredRecords, rows: &'a RecordBatch) -> Result<Self, String> {
        let text = |name: &str| {
            let column = rows.column_by_name(name).and_then(|column| column.as_string_opt());
            column.ok_or_else(|| format!("there is no column `{name}` of texts"))
        };
        let mut fields = Vec::new();
        for (field, name) in stored.fields() {
            let Some(column) = rows.column_by_name(&name).filter(|column| column.null_count() < column.len()) else {
                continue;
            };
            if *column.data_type() != data_type(field) {
                return Err(format!("column `{name}` holds {}, not {}", column.data_type(), data_type(field)));
            }
            fields.push((field, column));
        }
        Ok(Rows { stored, kind: text("kind")?, source: text("source")?, fields, rows })
    }

    /// The numbers of the rows of each kind.
    fn by_kind(&self) -> Result<BTreeMap<&'a str, Vec<u32>>, String> {
        let mut by_kind: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for row in 0..self.kind.len() {
            let kind = if self.kind.is_valid(row) { self.kind.value(row) } else { "" };
            let number = u32::try_from(row).map_err(|_| format!("row {row} is one too many"))?;
            match by_kind.get_mut(kind) {
                Some(rows) => rows.push(number),
                None => drop(by_kind.insert(kind, vec![number])),
            }
        }
        Ok(by_kind)
    }

    /// The records of rows of one kind.
    fn records(&self, kind: &str, rows: &[u32]) -> Result<Vec<Record>, String> {
        let numbers = || rows.iter().map(|row| *row as usize);
        match (kind, RecordKind::named(kind)) {
            ("model", _) => numbers().map(|row| self.model(row)).collect(),
            (_, Some(RecordKind::Trade)) => numbers().map(|row| self.trade(row)).collect(),
            (_, Some(kind)) => {
                let sources: Vec<SourceId> = numbers().map(|row| self.source(row)).collect::<Result<_, _>>()?;
                let taken = take_record_batch(self.rows, &UInt32Array::from(rows.to_vec()));
                let taken = taken.map_err(|error| error.to_string())?;
                let name = |field: &FieldDescription| self.stored.columns.name_of(field);
                let restored = (kind.drafting().restore)(&taken, &sources, &self.stored.dictionary, &name);
                restored.map_err(|reason| format!("among the records `{}`: {reason}", kind.name()))
            }
            (kind, None) => {
                Err(format!("row {} is a `{kind}`, which this version does not know", rows.first().unwrap_or(&0)))
            }
        }
    }

    fn trade(&self, row: usize) -> Result<Record, String> {
        let mut builder = TradeBuilder::new(self.source(row)?);
        for (field, column) in &self.fields {
            if column.is_valid(row) {
                let value = value(*field, column, row, &self.stored.dictionary);
                builder.set(*field, value).map_err(|error| format!("row {row}: {error}"))?;
            }
        }
        Ok(builder.finish().into())
    }

    fn model(&self, row: usize) -> Result<Record, String> {
        let version = self.column("version", row).and_then(|column| column.as_primitive_opt::<UInt32Type>());
        let model = ScoringModel {
            id: self.symbol("id", row),
            version: version.map(|column| column.value(row)).ok_or_else(|| format!("row {row} has no version"))?,
            text: Arc::from(self.text("text", row).unwrap_or_default()),
        };
        Ok(model.into())
    }

    fn source(&self, row: usize) -> Result<SourceId, String> {
        let name = if self.source.is_valid(row) { self.source.value(row) } else { "" };
        let index = self.stored.sources.iter().position(|source| source == name);
        let index = index.and_then(|index| u8::try_from(index).ok());
        index.map(SourceId).ok_or_else(|| format!("row {row} is of a source `{name}`, which the configuration has not"))
    }

    fn symbol(&self, name: &str, row: usize) -> Symbol {
        self.text(name, row).map_or(Symbol::NONE, |text| self.stored.dictionary.intern(text))
    }

    fn text(&self, name: &str, row: usize) -> Option<&str> {
        self.column(name, row).and_then(|column| column.as_string_opt::<i32>()).map(|column| column.value(row))
    }

    /// The column, if it has a value in this row.
    fn column(&self, name: &str, row: usize) -> Option<&ArrayRef> {
        self.rows.column_by_name(name).filter(|column| column.is_valid(row))
    }
}

/// A value of a column whose type was checked, where there is one.
fn value(field: Field, column: &ArrayRef, row: usize, dictionary: &Dictionary) -> Value {
    let text = || column.as_string::<i32>().value(row);
    let number = |scale| Value::Number { scaled: column.as_primitive::<Decimal128Type>().value(row), scale };
    match field.kind() {
        FieldKind::Symbol => Value::Symbol(dictionary.intern(text())),
        FieldKind::Code => Value::code(text()),
        FieldKind::Text => Value::Text(Arc::from(text())),
        FieldKind::Quantity => number(Quantity::SCALE),
        FieldKind::Price => number(model::Price::SCALE),
        FieldKind::Amount => number(model::Amount::SCALE),
        FieldKind::Date => Value::Date(Date::from_days(column.as_primitive::<Date32Type>().value(row))),
        FieldKind::Time => {
            Value::Time(Timestamp::from_micros(column.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
    }
}

fn data_type(field: Field) -> DataType {
    match field.kind() {
        FieldKind::Symbol | FieldKind::Code | FieldKind::Text => ValueType::Text,
        FieldKind::Quantity => ValueType::Quantity,
        FieldKind::Price => ValueType::Price,
        FieldKind::Amount => ValueType::Amount,
        FieldKind::Date => ValueType::Date,
        FieldKind::Time => ValueType::Time,
    }
    .data_type()
}
