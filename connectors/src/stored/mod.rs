//! Records as they are stored in snapshots: one row each, in columns that people and other programs can read.
//!
//! ```text
//!  kind        source  id   side  product …  attributes.<name> …  trade  reconciliation  left  right  by  version  text
//!  trade       broker  E17  BUY   EQUITY
//!  allocation  broker  A3                                         E17
//! ```
//! A column is null where nothing is known. Sources and attributes are stored by name, so that they may change their
//! places in the configuration; texts as texts, so that no dictionary has to be kept beside them.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field as Column, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use engine::Event;
use engine::snapshot::Codec;
use model::{Amount, Dictionary, Field, FieldKind, Price, Quantity, Record};

/// The columns that only some kinds of records have, beside the fields of trades.
const OTHERS: [&str; 7] = ["trade", "reconciliation", "left", "right", "by", "version", "text"];

/// How records of a configuration are stored.
pub struct StoredRecords {
    sources: Vec<String>,
    attributes: Vec<String>,
    dictionary: Dictionary,
    schema: SchemaRef,
}

impl StoredRecords {
    /// Records of these sources and with these attributes, both in the order of the configuration.
    pub fn new(sources: &[String], attributes: &[String], dictionary: &Dictionary) -> Self {
        let text = |name: &str| Column::new(name, DataType::Utf8, true);
        let mut columns = vec![text("kind"), text("source")];
        columns.extend(Field::ALL.iter().map(|field| Column::new(field.name(), data_type(*field), true)));
        columns.extend(attributes.iter().map(|name| text(&attribute_column(name))));
        columns.extend(OTHERS.iter().map(|name| match *name {
            "version" => Column::new("version", DataType::UInt32, true),
            name => text(name),
        }));
        StoredRecords {
            sources: sources.to_vec(),
            attributes: attributes.to_vec(),
            dictionary: dictionary.clone(),
            schema: Arc::new(Schema::new(columns)),
        }
    }

    /// The fields of trades, attributes too, with the names of their columns.
    fn fields(&self) -> impl Iterator<Item = (Field, String)> {
        let attributes =
            (0..).zip(&self.attributes).map(|(index, name)| (Field::Attribute(index), attribute_column(name)));
        Field::ALL.iter().map(|field| (*field, field.name().to_owned())).chain(attributes)
    }
}

impl Codec<Record> for StoredRecords {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn encode(&self, records: &[Record]) -> Result<RecordBatch, ArrowError> {
        encode::encode(self, records)
    }

    fn decode(&self, rows: &RecordBatch) -> Result<Vec<Event<Record>>, String> {
        decode::decode(self, rows)
    }
}

fn attribute_column(name: &str) -> String {
    format!("attributes.{name}")
}

fn data_type(field: Field) -> DataType {
    match field.kind() {
        FieldKind::Symbol | FieldKind::Code | FieldKind::Text => DataType::Utf8,
        FieldKind::Quantity => DataType::Decimal128(38, Quantity::SCALE as i8),
        FieldKind::Price => DataType::Decimal128(38, Price::SCALE as i8),
        FieldKind::Amount => DataType::Decimal128(38, Amount::SCALE as i8),
        FieldKind::Date => DataType::Date32,
        FieldKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}
