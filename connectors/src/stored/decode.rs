//! Rows as records again.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Decimal128Type, TimestampMicrosecondType, UInt32Type};
use engine::{Event, Key};
use model::{
    Allocation, Confirmation, Date, Dictionary, Field, FieldKind, Quantity, Record, ScoringModel, SourceId, Symbol,
    Timestamp, TradeBuilder, Value,
};

use super::{StoredRecords, data_type};

pub(super) fn decode(stored: &StoredRecords, rows: &RecordBatch) -> Result<Vec<Event<Record>>, String> {
    let rows = Rows::new(stored, rows)?;
    (0..rows.kind.len()).map(|row| rows.event(row)).collect()
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

    fn event(&self, row: usize) -> Result<Event<Record>, String> {
        let record = match self.kind.value(row) {
            "trade" => self.trade(row)?,
            "allocation" => self.allocation(row)?,
            "confirmation" => self.confirmation(row)?,
            "model" => self.model(row)?,
            other => return Err(format!("row {row} is a `{other}`, which this version does not know")),
        };
        Ok(Event {
            key: Key::from_bytes(record.key().bytes()),
            member: record.member(),
            offset: row as u64,
            record: Some(record),
        })
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

    fn allocation(&self, row: usize) -> Result<Record, String> {
        let quantity = self.column("quantity", row).and_then(|column| column.as_primitive_opt::<Decimal128Type>());
        let quantity = quantity.map(|column| Quantity::from_rescaled(column.value(row), Quantity::SCALE as i8));
        let allocation = Allocation {
            source: self.source(row)?,
            id: self.symbol("id", row),
            trade: self.symbol("trade", row),
            account: self.symbol("account", row),
            quantity: quantity.transpose().map_err(|error| format!("row {row}: {error}"))?.unwrap_or(Quantity::NONE),
        };
        Ok(allocation.into())
    }

    fn confirmation(&self, row: usize) -> Result<Record, String> {
        let confirmation = Confirmation {
            source: self.source(row)?,
            id: self.symbol("id", row),
            reconciliation: self.symbol("reconciliation", row),
            left: self.symbol("left", row),
            right: self.symbol("right", row),
            by: self.symbol("by", row),
        };
        Ok(confirmation.into())
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
