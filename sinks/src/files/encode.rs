//! A view as CSV, Parquet or Arrow.
//!
//! The first column is `_key`; a row that the view holds twice is written twice. In CSV numbers are exact, dates and times
//! are ISO 8601 (UTC), and a missing value is an empty field.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use engine::row::Shown;
use engine::{Row, Snapshot, Texts, Tick};
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::config::{Compression, Format};

/// How many rows are encoded at once.
const BATCH_ROWS_MAX: usize = 8192;

/// A view as of a tick, ready to be written.
pub(super) struct Content {
    /// The view and its rows.
    pub(super) snapshot: Snapshot,
    /// Where texts are found.
    pub(super) texts: Arc<dyn Texts>,
}

impl Content {
    /// Writes it, and gives the file back with everything handed to the system.
    pub(super) fn write(&self, file: File, format: Format, compression: Option<Compression>) -> io::Result<File> {
        let file = BufWriter::new(file);
        let file = match (format, compression) {
            (Format::Parquet, _) => self.write_parquet(file),
            (Format::Arrow, _) => self.write_arrow(file),
            (Format::Csv, None) => self.write_csv(file),
            (Format::Csv, Some(Compression::Gzip)) => {
                let encoder = GzEncoder::new(file, flate2::Compression::default());
                self.write_csv(encoder)?.finish()
            }
            (Format::Csv, Some(Compression::Zstd)) => self.write_csv(zstd::Encoder::new(file, 0)?)?.finish(),
        }?;
        file.into_inner().map_err(io::IntoInnerError::into_error)
    }

    /// How many rows are written.
    pub(super) fn count(&self) -> u64 {
        self.snapshot.rows.iter().map(|(_, count)| *count as u64).sum()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.snapshot.rows.iter().flat_map(|(row, count)| std::iter::repeat_n(row, (*count).max(0) as usize))
    }

    fn write_csv<W: Write>(&self, output: W) -> io::Result<W> {
        let mut writer = csv::Writer::from_writer(output);
        let names = self.snapshot.spec.columns.iter().map(|column| column.name.as_str());
        writer.write_record(std::iter::once("_key").chain(names)).map_err(io::Error::from)?;
        for row in self.rows() {
            let cells = row.cells().iter().zip(&self.snapshot.spec.columns);
            let texts =
                cells.map(|(cell, column)| Shown { cell, kind: column.kind, texts: self.texts.as_ref() }.to_string());
            let key = self.snapshot.spec.key_text(row, self.texts.as_ref());
            writer.write_record(std::iter::once(key).chain(texts)).map_err(io::Error::from)?;
        }
        writer.into_inner().map_err(|error| error.into_error())
    }

    fn write_parquet<W: Write + Send>(&self, output: W) -> io::Result<W> {
        let pairs = self.metadata().map(|(key, value)| KeyValue::new(key.to_owned(), value));
        let properties = WriterProperties::builder()
            .set_compression(Codec::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("tieout {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(pairs.to_vec()))
            .build();
        let mut writer = ArrowWriter::try_new(output, self.schema(), Some(properties)).map_err(of_parquet)?;
        self.batches().try_for_each(|batch| writer.write(&batch.map_err(of_arrow)?).map_err(of_parquet))?;
        writer.into_inner().map_err(of_parquet)
    }

    fn write_arrow<W: Write>(&self, output: W) -> io::Result<W> {
        let metadata = self.metadata().map(|(key, value)| (key.to_owned(), value));
        let schema = Schema::clone(&self.schema()).with_metadata(metadata.into_iter().collect());
        let mut writer = FileWriter::try_new(output, &schema).map_err(of_arrow)?;
        self.batches().try_for_each(|batch| writer.write(&batch?)).map_err(of_arrow)?;
        writer.into_inner().map_err(of_arrow)
    }

    /// What a file says about itself.
    fn metadata(&self) -> [(&'static str, String); 3] {
        let tick: Tick = self.snapshot.tick;
        [
            ("tieout.view", self.snapshot.spec.name.clone()),
            ("tieout.tick", tick.to_string()),
            ("tieout.version", env!("CARGO_PKG_VERSION").to_owned()),
        ]
    }

    fn schema(&self) -> SchemaRef {
        let own = self.snapshot.spec.schema();
        let key: FieldRef = Arc::new(Field::new("_key", DataType::Utf8, false));
        Arc::new(Schema::new(std::iter::once(key).chain(own.fields().iter().cloned()).collect::<Vec<_>>()))
    }

    fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> {
        let schema = self.schema();
        let mut rows = self.rows();
        std::iter::from_fn(move || {
            let rows: Vec<&Row> = rows.by_ref().take(BATCH_ROWS_MAX).collect();
            (!rows.is_empty()).then(|| self.batch(&schema, &rows))
        })
    }

    fn batch(&self, schema: &SchemaRef, rows: &[&Row]) -> Result<RecordBatch, ArrowError> {
        let keys = rows.iter().map(|row| self.snapshot.spec.key_text(row, self.texts.as_ref()));
        let key: ArrayRef = Arc::new(StringArray::from_iter_values(keys));
        let own = self.snapshot.spec.arrays(rows, self.texts.as_ref());
        RecordBatch::try_new(Arc::clone(schema), std::iter::once(key).chain(own).collect())
    }
}

fn of_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}

fn of_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => error.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error),
        error => io::Error::other(error),
    }
}
