//! The parts of a snapshot as Parquet.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use bytes::Bytes;
use operators::Tick;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::manifest::Part;
use super::store::Store;
use crate::error::{EngineError, ErrorKind};

/// How many rows a part has.
const PART_ROWS: usize = 131_072;

/// How many rows are read from a part at once.
const READ_ROWS: usize = 16_384;

/// Writes the tables of one snapshot.
pub(super) struct Parts<'a> {
    store: &'a Store,
    tick: Tick,
    open: BTreeMap<String, Open>,
    written: Vec<Part>,
}

struct Open {
    writer: ArrowWriter<Vec<u8>>,
    rows: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn new(store: &'a Store, tick: Tick) -> Self {
        Parts { store, tick, open: BTreeMap::new(), written: Vec::new() }
    }

    /// Adds rows to a table.
    pub(super) fn add(&mut self, table: &str, rows: &RecordBatch) -> Result<(), EngineError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        if !self.open.contains_key(table) {
            let writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties())).map_err(unencodable)?;
            self.open.insert(table.to_owned(), Open { writer, rows: 0 });
        }
        if let Some(open) = self.open.get_mut(table) {
            open.writer.write(rows).map_err(unencodable)?;
            open.rows += rows.num_rows();
            if open.rows >= PART_ROWS {
                self.close(table)?;
            }
        }
        Ok(())
    }

    /// Writes what is open; gives all parts.
    pub(super) fn finish(mut self) -> Result<Vec<Part>, EngineError> {
        for table in self.open.keys().cloned().collect::<Vec<_>>() {
            self.close(&table)?;
        }
        Ok(self.written)
    }

    fn close(&mut self, table: &str) -> Result<(), EngineError> {
        let Some(open) = self.open.remove(table) else { return Ok(()) };
        let bytes = open.writer.into_inner().map_err(unencodable)?;
        let number = self.written.iter().filter(|part| part.table == table).count();
        let part = Part {
            table: table.to_owned(),
            name: format!("{table}-{number:06}.parquet"),
            rows: open.rows as u64,
            size_bytes: bytes.len() as u64,
            blake3: blake3::hash(&bytes).to_hex().to_string(),
        };
        self.store.put(self.tick, &part.name, bytes)?;
        self.written.push(part);
        crash_point!("snapshot.part_written");
        Ok(())
    }
}

fn properties() -> WriterProperties {
    // The fastest level: most of the bytes are identifiers, which no level makes small.
    let compression = Compression::ZSTD(ZstdLevel::default());
    WriterProperties::builder().set_compression(compression).build()
}

fn unencodable(error: ParquetError) -> EngineError {
    EngineError::new(ErrorKind::Invalid, format!("a snapshot cannot be encoded: {error}"), "report it")
}

/// The rows of a part, some at a time.
pub(super) fn read(bytes: Bytes) -> Result<impl Iterator<Item = Result<RecordBatch, String>>, String> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|reader| reader.with_batch_size(READ_ROWS).build());
    let reader = reader.map_err(|error| error.to_string())?;
    Ok(reader.map(|rows| rows.map_err(|error| error.to_string())))
}
