//! A kept file as batches of records, from any of them on.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{Batch, EngineError, Refusal, SourceReader};
use model::Record;

use super::config::{FileLayout, Format};
use super::input::Input;
use super::parquet::ParquetRows;
use super::text::{TextRecords, Unreadable};

/// How many records a batch of a text file has at most.
const BATCH_ROWS: usize = 8192;

/// Reads the records of one file.
pub(crate) struct FileReader {
    path: PathBuf,
    partition: Arc<str>,
    offset: u64,
    content: Content,
    /// The batch after the one that was given last: only who has read it knows whether there is one.
    ahead: Option<Batch<Record>>,
}

enum Content {
    Text(TextRecords),
    Parquet(ParquetRows),
    Refused(Box<Refusal>),
    Ended,
}

impl FileReader {
    /// Opens the file at `path` at record `from`.
    pub(crate) fn open(
        path: &Path,
        partition: &str,
        from: u64,
        layout: &FileLayout,
    ) -> Result<FileReader, EngineError> {
        let content = match open(path, from, layout) {
            Ok(content) => content,
            Err(Unreadable::Disk(error)) => return Err(EngineError::io("read", path, &error)),
            // The file is one record, and that is refused.
            Err(Unreadable::Refused(refusal)) if from == 0 => Content::Refused(refusal),
            Err(Unreadable::Refused(_)) => Content::Ended,
        };
        let (path, partition) = (path.to_owned(), Arc::from(partition));
        let mut reader = FileReader { path, partition, offset: from, content, ahead: None };
        reader.ahead = reader.read_batch()?;
        Ok(reader)
    }

    fn read_batch(&mut self) -> Result<Option<Batch<Record>>, EngineError> {
        let (events, refusals) = (Vec::new(), Vec::new());
        let mut batch =
            Batch { partition: self.partition.clone(), upper: self.offset, events, refusals, continues: false };
        self.read(&mut batch).map_err(|error| EngineError::io("read", &self.path, &error))?;
        let is_empty = batch.upper == self.offset;
        self.offset = batch.upper;
        Ok((!is_empty).then_some(batch))
    }

    fn read(&mut self, batch: &mut Batch<Record>) -> io::Result<()> {
        let goes_on = match &mut self.content {
            Content::Text(records) => records.read(batch, BATCH_ROWS)?,
            Content::Parquet(rows) => rows.read(batch).unwrap_or_else(|fault| {
                batch.refusals.push(fault.refuse(batch.upper, None, &[]));
                batch.upper += 1;
                false
            }),
            Content::Refused(refusal) => {
                batch.refusals.push((**refusal).clone());
                batch.upper += 1;
                false
            }
            Content::Ended => false,
        };
        if !goes_on {
            self.content = Content::Ended;
        }
        Ok(())
    }
}

impl SourceReader<Record> for FileReader {
    fn next(&mut self) -> Result<Option<Batch<Record>>, EngineError> {
        let Some(mut batch) = self.ahead.take() else { return Ok(None) };
        self.ahead = self.read_batch()?;
        batch.continues = self.ahead.is_some();
        Ok(Some(batch))
    }
}

/// The lines on which the records at these offsets begin, which ascend; of a file without lines there are none.
pub(crate) fn lines(path: &Path, offsets: &[u64], layout: &FileLayout) -> Result<Vec<Option<u64>>, EngineError> {
    let failed = |error: io::Error| EngineError::io("read", path, &error);
    let mut records = match open(path, 0, layout) {
        Ok(Content::Text(records)) => records,
        Ok(_) | Err(Unreadable::Refused(_)) => return Ok(vec![None; offsets.len()]),
        Err(Unreadable::Disk(error)) => return Err(failed(error)),
    };
    let mut next = 0;
    let mut lines = Vec::with_capacity(offsets.len());
    for offset in offsets {
        let is_there = records.skip((offset + 1).saturating_sub(next)).map_err(failed)?;
        next = offset + 1;
        lines.push(is_there.then(|| records.line()));
    }
    Ok(lines)
}

fn open(path: &Path, from: u64, layout: &FileLayout) -> Result<Content, Unreadable> {
    let mut file = File::open(path)?;
    let format = match layout.format {
        None if is_parquet(&mut file)? => Some(Format::Parquet),
        format => format,
    };
    if format == Some(Format::Parquet) {
        return match ParquetRows::open(file, &layout.layout, from) {
            Ok(rows) => Ok(Content::Parquet(rows)),
            Err(fault) => Err(Unreadable::refused(fault, None, &[])),
        };
    }
    let mut input = Input::open(file, layout.encoding)?;
    let format = match format {
        Some(format) => format,
        None if matches!(input.first_byte()?, Some(b'{' | b'[')) => Format::Jsonl,
        None => Format::Csv,
    };
    let mut records = TextRecords::open(input, format, layout)?;
    Ok(if records.skip(from)? { Content::Text(records) } else { Content::Ended })
}

fn is_parquet(file: &mut File) -> io::Result<bool> {
    const MAGIC: &[u8] = b"PAR1";
    let mut magic = Vec::with_capacity(MAGIC.len());
    file.take(MAGIC.len() as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == MAGIC)
}
