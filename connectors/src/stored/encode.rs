//! Records as rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringBuilder, TimestampMicrosecondArray, UInt32Array,
    new_null_array,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use model::{Dictionary, Record, Symbol, Trade, Value};

use super::StoredRecords;

/// How many bytes a text has, about.
const TEXT_BYTES: usize = 12;

pub(super) fn encode(stored: &StoredRecords, records: &[Record]) -> Result<RecordBatch, ArrowError> {
    let dictionary = &stored.dictionary;
    let mut arrays = vec![
        texts(records, |record, builder| builder.append_value(record.kind())),
        texts(records, |record, builder| builder.append_option(source(stored, record))),
    ];
    let kinds: BTreeSet<u16> = records.iter().map(Record::number).collect();
    for column in stored.columns.iter() {
        arrays.push(match column.is_of(&kinds) {
            true => array(records, &column.data_type, dictionary, |record| column.value(record, dictionary)),
            false => new_null_array(&column.data_type, records.len()),
        });
    }
    for (attribute, _) in stored.attributes() {
        let value = |record: &Record| match record {
            Record::Trade(trade) => Trade::value(trade, attribute),
            _ => Value::None,
        };
        arrays.push(array(records, &DataType::Utf8, dictionary, value));
    }
    let version = |record: &Record| if let Record::Model(model) = record { Some(model.version) } else { None };
    arrays.push(Arc::new(records.iter().map(version).collect::<UInt32Array>()));
    RecordBatch::try_new(Arc::clone(&stored.schema), arrays)
}

fn source<'a>(stored: &'a StoredRecords, record: &Record) -> Option<&'a str> {
    stored.sources.get(usize::from(record.source()?.0)).map(String::as_str)
}

/// The values of the records as a column of this type.
fn array(
    records: &[Record],
    data_type: &DataType,
    dictionary: &Dictionary,
    value: impl Fn(&Record) -> Value,
) -> ArrayRef {
    let values = || records.iter().map(&value);
    match data_type {
        DataType::Decimal128(..) => {
            let scaled =
                values().map(|value| if let Value::Number { scaled, .. } = value { Some(scaled) } else { None });
            Arc::new(scaled.collect::<Decimal128Array>().with_data_type(data_type.clone()))
        }
        DataType::Date32 => {
            let days = values().map(|value| if let Value::Date(date) = value { date.days() } else { None });
            Arc::new(days.collect::<Date32Array>())
        }
        DataType::Timestamp(..) => {
            let micros = values().map(|value| if let Value::Time(time) = value { time.micros() } else { None });
            Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        _ => texts(records, |record, builder| match value(record) {
            Value::Symbol(symbol) => append_symbol(builder, symbol, dictionary),
            Value::Text(text) => builder.append_value(text),
            code => builder.append_option(code.code_text()),
        }),
    }
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
