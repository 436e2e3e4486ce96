//! Rows of views on standard output: as a table for people, or as CSV, JSON or Arrow for programs.

mod received;
mod table;
mod write;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use engine::{EngineError, Rows, ViewSpec};

use crate::process::Failure;

pub(crate) use received::Received;
pub(crate) use table::table;
pub(crate) use write::{ChangesFormat, ChangesWriter};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// Comma-separated text with a header.
    Csv,
    /// One JSON list of objects.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// A table on a terminal, else a format for programs.
    pub(crate) fn usual() -> Self {
        if io::stdout().is_terminal() { Format::Table } else { Format::Ndjson }
    }
}

/// Writes all rows of a view to standard output.
pub(crate) fn print_rows(spec: &ViewSpec, rows: &Rows, format: Format) -> Result<(), Failure> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    write::rows(spec, rows, format, &mut output).and_then(|()| output.flush()).map_err(Failure::of_output)
}

/// The rows of a view as a file of CSV.
pub(crate) fn csv(spec: &ViewSpec, rows: &Rows) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    write::rows(spec, rows, Format::Csv, &mut text).map_err(Failure::of_output)?;
    Ok(text)
}

/// Writes a text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(Failure::of_output)
}

/// What a client received that does not look like a view.
fn foreign(what: String) -> EngineError {
    let help = "the address may be that of another Flight server, or of another version of tieout";
    EngineError::new(engine::ErrorKind::Damaged, what, help)
}
