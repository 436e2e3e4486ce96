//! Records as rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringBuilder, TimestampMicrosecondArray, UInt32Array,
};
use arrow::error::ArrowError;
use model::{Dictionary, Field, FieldKind, Quantity, Record, Symbol, Trade, Value};

use super::{StoredRecords, data_type};

/// How many bytes a text has, about.
const TEXT_BYTES: usize = 12;

pub(super) fn encode(stored: &StoredRecords, records: &[Record]) -> Result<RecordBatch, ArrowError> {
    let mut arrays = vec![
        texts(records, |record, builder| builder.append_value(record.kind())),
        texts(records, |record, builder| builder.append_option(source(stored, record))),
    ];
    for (field, _) in stored.fields() {
        arrays.push(column(records, field, &stored.dictionary)?);
    }
    for other in super::OTHERS {
        arrays.push(other_column(records, other, &stored.dictionary));
    }
    RecordBatch::try_new(Arc::clone(&stored.schema), arrays)
}

fn source<'a>(stored: &'a StoredRecords, record: &Record) -> Option<&'a str> {
    stored.sources.get(usize::from(record.source()?.0)).map(String::as_str)
}

fn column(records: &[Record], field: Field, dictionary: &Dictionary) -> Result<ArrayRef, ArrowError> {
    let values = || records.iter().map(|record| value(record, field));
    Ok(match field.kind() {
        FieldKind::Symbol | FieldKind::Code | FieldKind::Text => {
            texts(records, |record, builder| match value(record, field) {
                Value::Symbol(symbol) => append_symbol(builder, symbol, dictionary),
                Value::Text(text) => builder.append_value(text),
                code => builder.append_option(code.code_text()),
            })
        }
        FieldKind::Quantity | FieldKind::Price | FieldKind::Amount => {
            let scaled =
                values().map(|value| if let Value::Number { scaled, .. } = value { Some(scaled) } else { None });
            Arc::new(scaled.collect::<Decimal128Array>().with_data_type(data_type(field)))
        }
        FieldKind::Date => {
            let days = values().map(|value| if let Value::Date(date) = value { date.days() } else { None });
            Arc::new(days.collect::<Date32Array>())
        }
        FieldKind::Time => {
            let micros = values().map(|value| if let Value::Time(time) = value { time.micros() } else { None });
            Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    })
}

/// A field of a trade; of another record, what has the same name.
fn value(record: &Record, field: Field) -> Value {
    let symbol = |symbol: Symbol| if symbol.is_none() { Value::None } else { Value::Symbol(symbol) };
    match (record, field) {
        (Record::Trade(trade), field) => Trade::value(trade, field),
        (record, Field::Id) => symbol(record.key()),
        (Record::Allocation(allocation), Field::Account) => symbol(allocation.account),
        (Record::Allocation(allocation), Field::Quantity) => {
            let scaled = allocation.quantity.scaled();
            scaled.map_or(Value::None, |scaled| Value::Number { scaled, scale: Quantity::SCALE })
        }
        _ => Value::None,
    }
}

fn other_column(records: &[Record], name: &str, dictionary: &Dictionary) -> ArrayRef {
    if name == "version" {
        let version = |record: &Record| if let Record::Model(model) = record { Some(model.version) } else { None };
        return Arc::new(records.iter().map(version).collect::<UInt32Array>());
    }
    texts(records, |record, builder| match (record, name) {
        (Record::Model(model), "text") => builder.append_value(&model.text),
        (Record::Allocation(allocation), "trade") => append_symbol(builder, allocation.trade, dictionary),
        (Record::Confirmation(confirmation), "reconciliation") => {
            append_symbol(builder, confirmation.reconciliation, dictionary);
        }
        (Record::Confirmation(confirmation), "left") => append_symbol(builder, confirmation.left, dictionary),
        (Record::Confirmation(confirmation), "right") => append_symbol(builder, confirmation.right, dictionary),
        (Record::Confirmation(confirmation), "by") => append_symbol(builder, confirmation.by, dictionary),
        _ => builder.append_null(),
    })
}

fn texts(records: &[Record], append: impl Fn(&Record, &mut StringBuilder)) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(records.len(), records.len() * TEXT_BYTES);
    records.iter().for_each(|record| append(record, &mut builder));
    Arc::new(builder.finish())
}

fn append_symbol(builder: &mut StringBuilder, symbol: Symbol, dictionary: &Dictionary) {
    match symbol.inline_text() {
        Some(text) if !symbol.is_none() => builder.append_value(text),
        _ => builder.append_option(dictionary.text(symbol)),
    }
}
