//! `ParquetTable`: typed columns, exact decimals, compressed.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Builder, Decimal128Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use model::{Amount, Dictionary, FieldKind, Price, Quantity, Value};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::atomic_file::AtomicFile;
use super::columns::{Column, Dialect};
use super::text::push_value;

/// How many rows are kept before they are encoded.
const BATCH_ROWS: usize = 65_536;
/// How many rows a row group has: what a reader takes at a time, and what is kept, encoded, until it is written.
const GROUP_ROWS: usize = 4 * BATCH_ROWS;

/// A Parquet file in the making: typed columns, exact decimals.
pub(super) struct ParquetTable {
    writer: ArrowWriter<AtomicFile>,
    schema: Arc<Schema>,
    cells: Vec<Cells>,
    /// How many rows the cells hold.
    rows: usize,
    text: String,
}

/// The cells of one column that are not written yet.
enum Cells {
    Texts(StringBuilder),
    Numbers(Decimal128Builder),
    Dates(Date32Builder),
    Times(TimestampMicrosecondBuilder),
}

impl ParquetTable {
    pub(super) fn new(file: AtomicFile, columns: &[Column]) -> Result<ParquetTable, ParquetError> {
        let fields = columns.iter().map(|column| Field::new(column.name, arrow_type(column.source.kind()), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        // The writer's own version is left out: a file depends on nothing but the specification.
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_created_by("tieout".to_owned())
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))?;
        let cells = schema.fields().iter().map(|field| Cells::new(field.data_type())).collect();
        Ok(ParquetTable { writer, schema, cells, rows: 0, text: String::new() })
    }

    pub(super) fn write(&mut self, row: &[Value], dictionary: &Dictionary) -> Result<(), ParquetError> {
        for (cells, value) in self.cells.iter_mut().zip(row) {
            cells.push(value, dictionary, &mut self.text);
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> Result<(), ParquetError> {
        self.rows = 0;
        let arrays = self.cells.iter_mut().map(Cells::take).collect::<Result<Vec<_>, _>>()?;
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), arrays)?)
    }

    pub(super) fn finish(mut self) -> Result<AtomicFile, ParquetError> {
        self.write_batch()?;
        self.writer.into_inner()
    }
}

/// Decimals have the scale of their field, and as many digits as its integers.
fn arrow_type(kind: FieldKind) -> DataType {
    match kind {
        FieldKind::Symbol | FieldKind::Code | FieldKind::Text => DataType::Utf8,
        FieldKind::Quantity => DataType::Decimal128(19, Quantity::SCALE as i8),
        FieldKind::Price => DataType::Decimal128(19, Price::SCALE as i8),
        FieldKind::Amount => DataType::Decimal128(38, Amount::SCALE as i8),
        FieldKind::Date => DataType::Date32,
        FieldKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

impl Cells {
    fn new(data_type: &DataType) -> Cells {
        match data_type {
            DataType::Decimal128(..) => Cells::Numbers(Decimal128Builder::new().with_data_type(data_type.clone())),
            DataType::Date32 => Cells::Dates(Date32Builder::new()),
            DataType::Timestamp(..) => {
                Cells::Times(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()))
            }
            _ => Cells::Texts(StringBuilder::new()),
        }
    }

    fn push(&mut self, value: &Value, dictionary: &Dictionary, text: &mut String) {
        match (self, value) {
            (Cells::Texts(cells), Value::None) => cells.append_null(),
            (Cells::Texts(cells), value) => {
                text.clear();
                push_value(text, value, Dialect::Ours, dictionary);
                cells.append_value(&text);
            }
            (Cells::Numbers(cells), Value::Number { scaled, .. }) => cells.append_value(*scaled),
            (Cells::Dates(cells), Value::Date(date)) => cells.append_option(date.days()),
            (Cells::Times(cells), Value::Time(time)) => cells.append_option(time.micros()),
            (Cells::Numbers(cells), _) => cells.append_null(),
            (Cells::Dates(cells), _) => cells.append_null(),
            (Cells::Times(cells), _) => cells.append_null(),
        }
    }

    fn take(&mut self) -> Result<ArrayRef, arrow::error::ArrowError> {
        Ok(match self {
            Cells::Texts(cells) => Arc::new(cells.finish()),
            Cells::Dates(cells) => Arc::new(cells.finish()),
            Cells::Times(cells) => Arc::new(cells.finish()),
            Cells::Numbers(cells) => Arc::new(cells.finish()),
        })
    }
}
