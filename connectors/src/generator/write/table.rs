//! `TableFile`: a table written row by row as CSV, JSON lines or Parquet, all of the same cells.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use engine::EngineError;
use model::{Dictionary, Value};
use parquet::errors::ParquetError;

use super::atomic_file::AtomicFile;
use super::columns::{Column, Dialect};
use super::parquet_table::ParquetTable;
use super::text::{push_csv_line, push_csv_texts, push_value};
use crate::files::Format;

/// A table that is written row by row.
pub(super) struct TableFile {
    path: PathBuf,
    columns: Vec<Column>,
    dialect: Dialect,
    rows: u64,
    line: String,
    writer: Writer,
}

/// By format.
enum Writer {
    Csv(BufWriter<AtomicFile>),
    JsonLines(BufWriter<AtomicFile>),
    Parquet(Box<ParquetTable>),
}

impl TableFile {
    /// Starts the file `name` with the extension of the format.
    pub(super) fn create(
        folder: &Path,
        name: &str,
        columns: Vec<Column>,
        dialect: Dialect,
        format: Format,
    ) -> Result<TableFile, EngineError> {
        let path = folder.join(format!("{name}.{}", extension(format)));
        let file = AtomicFile::create(path.clone())?;
        let writer = match format {
            Format::Csv => csv_with_header(file, &columns),
            Format::Jsonl => Ok(Writer::JsonLines(BufWriter::new(file))),
            Format::Parquet => ParquetTable::new(file, &columns).map(Box::new).map(Writer::Parquet).map_err(io_error),
        };
        let writer = writer.map_err(|error| EngineError::io("write", &path, &error))?;
        Ok(TableFile { path, columns, dialect, rows: 0, line: String::new(), writer })
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Writes a row: one value for each column.
    pub(super) fn write(&mut self, row: &[Value], dictionary: &Dictionary) -> Result<(), EngineError> {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows += 1;
        self.line.clear();
        let written = match &mut self.writer {
            Writer::Csv(file) => {
                push_csv_line(&mut self.line, row, |line, value| push_value(line, value, self.dialect, dictionary));
                file.write_all(self.line.as_bytes())
            }
            Writer::JsonLines(file) => {
                let cells = self.columns.iter().map(|column| column.name).zip(row);
                push_json_line(&mut self.line, cells, |line, value| push_value(line, value, self.dialect, dictionary));
                file.write_all(self.line.as_bytes())
            }
            Writer::Parquet(table) => table.write(row, dictionary).map_err(io_error),
        };
        written.map_err(|error| EngineError::io("write", &self.path, &error))
    }

    /// Completes the file, and gives it with its number of rows. It has its name from now on.
    pub(super) fn finish(self) -> Result<(PathBuf, u64), EngineError> {
        let file = match self.writer {
            Writer::Csv(file) | Writer::JsonLines(file) => file.into_inner().map_err(|error| error.into_error()),
            Writer::Parquet(table) => table.finish().map_err(io_error),
        };
        let file = file.map_err(|error| EngineError::io("write", &self.path, &error))?;
        Ok((file.keep()?, self.rows))
    }
}

/// The extension of a format's files.
pub(super) fn extension(format: Format) -> &'static str {
    match format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
        Format::Parquet => "parquet",
    }
}

fn io_error(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

fn csv_with_header(file: AtomicFile, columns: &[Column]) -> io::Result<Writer> {
    let mut header = String::new();
    push_csv_texts(&mut header, columns.iter().map(|column| column.name));
    let mut file = BufWriter::new(file);
    file.write_all(header.as_bytes())?;
    Ok(Writer::Csv(file))
}

/// Adds an object. Numbers are written as JSON numbers with all their digits; what is not known is left out.
pub(in crate::generator) fn push_json_line<'a>(
    line: &mut String,
    cells: impl Iterator<Item = (&'a str, &'a Value)>,
    mut push: impl FnMut(&mut String, &Value),
) {
    line.push('{');
    for (name, value) in cells.filter(|(_, value)| !value.is_none()) {
        if line.len() > 1 {
            line.push(',');
        }
        line.extend(["\"", name, "\":"]);
        if matches!(value, Value::Number { .. }) {
            push(line, value);
            continue;
        }
        let start = line.len();
        push(line, value);
        let quoted = serde_json::Value::from(&line[start..]).to_string();
        line.truncate(start);
        line.push_str(&quoted);
    }
    line.push_str("}\n");
}
