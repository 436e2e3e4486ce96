//! Records as they are stored in snapshots: one row each, in columns that people and other programs can read.
//!
//! ```text
//!  kind          source  id   side  product …  attributes.<name> …  trade  reconciliation …  security  price_date …  version
//!  trade         broker  E17  BUY   EQUITY
//!  allocation    broker  A3                                         E17
//!  market_price  vendor                                                                      ACME      2026-03-16
//! ```
//! A column is null where nothing is known. Sources and attributes are stored by name, so that they may change their
//! places in the configuration; texts as texts, so that no dictionary has to be kept beside them.
//!
//! The columns come from the tables of fields in `layout::RecordKind`: fields of the same name and type share one. A
//! field whose type is not that of the first kind with a field of its name has a column of its own, such as
//! `rate_price`.

mod columns;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field as Column, Schema, SchemaRef};
use arrow::error::ArrowError;
use engine::Event;
use engine::snapshot::Codec;
use model::{Dictionary, Field, Record};

use columns::FieldColumns;

/// How records of a configuration are stored.
pub struct StoredRecords {
    sources: Vec<String>,
    attributes: Vec<String>,
    dictionary: Dictionary,
    columns: FieldColumns,
    schema: SchemaRef,
}

impl StoredRecords {
    /// Records of these sources and with these attributes, both in the order of the configuration.
    pub fn new(sources: &[String], attributes: &[String], dictionary: &Dictionary) -> Self {
        let text = |name: &str| Column::new(name, DataType::Utf8, true);
        let columns = FieldColumns::of_all_kinds();
        let mut all = vec![text("kind"), text("source")];
        all.extend(columns.iter().map(|column| Column::new(&column.name, column.data_type.clone(), true)));
        all.extend(attributes.iter().map(|name| text(&attribute_column(name))));
        all.push(Column::new("version", DataType::UInt32, true));
        StoredRecords {
            sources: sources.to_vec(),
            attributes: attributes.to_vec(),
            dictionary: dictionary.clone(),
            columns,
            schema: Arc::new(Schema::new(all)),
        }
    }

    /// The fields of trades, attributes too, with the names of their columns.
    fn fields(&self) -> impl Iterator<Item = (Field, String)> {
        Field::ALL.iter().map(|field| (*field, field.name().to_owned())).chain(self.attributes())
    }

    /// The attributes with the names of their columns.
    fn attributes(&self) -> impl Iterator<Item = (Field, String)> {
        (0..).zip(&self.attributes).map(|(index, name)| (Field::Attribute(index), attribute_column(name)))
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
