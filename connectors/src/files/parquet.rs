//! Parquet: a row group at a time, only the columns that are used.

use std::fs::File;

use arrow::array::RecordBatch;
use engine::Batch;
use model::Record;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::layout::{ColumnDecoder, Fault, Layout, guarded};

/// How many rows are decoded at once. They start at multiples of it wherever reading starts, so that the rows that
/// cannot be read of a damaged file are always the same ones.
const ROWS: u64 = 4096;

/// The rows of a Parquet file, in order.
pub(crate) struct ParquetRows {
    reader: ParquetRecordBatchReader,
    decoder: Box<dyn ColumnDecoder>,
    /// How many of the next rows are not asked for.
    unasked: usize,
}

impl ParquetRows {
    /// Opens a file at row `from`.
    pub(crate) fn open(file: File, layout: &Layout, from: u64) -> Result<ParquetRows, Fault> {
        let aligned = from - from % ROWS;
        guarded(|| ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string()))
            .map_err(|reason| not_parquet(&reason))
            .and_then(|builder| {
                let mut decoder = layout.columns(builder.schema())?;
                let used = ProjectionMask::roots(builder.parquet_schema(), decoder.keep_only_used());
                let builder = builder.with_projection(used).with_batch_size(ROWS as usize);
                let builder = if aligned > 0 { builder.with_offset(aligned as usize) } else { builder };
                let reader = guarded(|| builder.build().map_err(|error| error.to_string()));
                Ok(ParquetRows {
                    reader: reader.map_err(|reason| not_parquet(&reason))?,
                    decoder,
                    unasked: (from - aligned) as usize,
                })
            })
    }

    /// Appends the next rows to the batch. False at the end of the file.
    pub(crate) fn read(&mut self, into: &mut Batch<Record>) -> Result<bool, Fault> {
        loop {
            let Some(rows) = self.next_rows().map_err(|reason| damaged(&reason, into.upper))? else { return Ok(false) };
            let unasked = std::mem::take(&mut self.unasked).min(rows.num_rows());
            let rows = rows.slice(unasked, rows.num_rows() - unasked);
            if rows.num_rows() > 0 {
                self.decoder.decode(&rows, into);
                return Ok(true);
            }
        }
    }

    fn next_rows(&mut self) -> Result<Option<RecordBatch>, String> {
        guarded(|| self.reader.next().transpose().map_err(|error| error.to_string()))
    }
}

#[cold]
fn not_parquet(reason: &str) -> Fault {
    let what = format!("the file is not a whole Parquet file: {reason}");
    Fault::new(what, "send the whole file again, or set the format to what it is")
}

#[cold]
fn damaged(reason: &str, records: u64) -> Fault {
    let what = format!("the file is damaged after {records} records: {reason}");
    Fault::new(what, "send the whole file again; the records before the damage are kept")
}
