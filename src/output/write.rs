//! Rows as text or Arrow.
//!
//! In every format but Arrow, values are as people read them: numbers are exact, dates and times are ISO 8601 (UTC). JSON
//! numbers have all their digits; read them as decimals. A missing value is an empty field, or null.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use clap::ValueEnum;
use engine::row::Shown;
use engine::{ColumnKind, NoTexts, Row, Rows, Tick, ViewSpec};

use super::{Format, table as aligned};

/// How many rows are in a batch of Arrow.
const BATCH_ROWS_MAX: usize = 8192;

/// Writes rows; one that is there twice is written twice.
pub(super) fn rows(spec: &ViewSpec, rows: &Rows, format: Format, output: &mut impl Write) -> io::Result<()> {
    let rows = rows.iter().flat_map(|(row, count)| std::iter::repeat_n(row, (*count).max(0) as usize));
    match format {
        Format::Table => table(spec, rows, output),
        Format::Csv => csv(spec, rows, output),
        Format::Json => json(spec, rows, output),
        Format::Ndjson => rows.into_iter().try_for_each(|row| writeln!(output, "{{{}}}", members(spec, row))),
        Format::Arrow => arrow_stream(spec, &rows.collect::<Vec<_>>(), output),
    }
}

fn table<'a>(spec: &ViewSpec, rows: impl Iterator<Item = &'a Row>, output: &mut impl Write) -> io::Result<()> {
    let header: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
    let is_number: Vec<bool> =
        spec.columns.iter().map(|column| matches!(column.kind, ColumnKind::Int | ColumnKind::Fixed(_))).collect();
    output.write_all(aligned(&header, &is_number, rows.map(|row| texts(spec, row))).as_bytes())
}

fn csv<'a>(spec: &ViewSpec, mut rows: impl Iterator<Item = &'a Row>, output: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(spec.columns.iter().map(|column| &column.name)).map_err(of_csv)?;
    rows.try_for_each(|row| writer.write_record(texts(spec, row))).map_err(of_csv)?;
    writer.flush()
}

fn json<'a>(spec: &ViewSpec, rows: impl Iterator<Item = &'a Row>, output: &mut impl Write) -> io::Result<()> {
    output.write_all(b"[")?;
    for (index, row) in rows.enumerate() {
        let separator = if index == 0 { "\n" } else { ",\n" };
        write!(output, "{separator}{{{}}}", members(spec, row))?;
    }
    output.write_all(b"\n]\n")
}

fn arrow_stream(spec: &ViewSpec, rows: &[&Row], output: &mut impl Write) -> io::Result<()> {
    let schema = spec.schema();
    let mut writer = StreamWriter::try_new(output, &schema).map_err(of_arrow)?;
    for rows in rows.chunks(BATCH_ROWS_MAX) {
        let batch = RecordBatch::try_new(Arc::clone(&schema), spec.arrays(rows, &NoTexts)).map_err(of_arrow)?;
        writer.write(&batch).map_err(of_arrow)?;
    }
    writer.finish().map_err(of_arrow)
}

/// The error as it was, so that a closed pipe is still known as one.
fn of_csv(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

fn of_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}

fn texts(spec: &ViewSpec, row: &Row) -> Vec<String> {
    let cells = row.cells().iter().zip(&spec.columns);
    cells.map(|(cell, column)| Shown { cell, kind: column.kind, texts: &NoTexts }.to_string()).collect()
}

/// The members of a JSON object.
fn members(spec: &ViewSpec, row: &Row) -> String {
    sinks::json::members(spec, row, &NoTexts)
}

/// How changes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChangesFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated text with a header.
    Csv,
    /// An Arrow IPC stream, as the server sends it.
    Arrow,
}

/// Writes the changes of a view as they come.
pub(crate) enum ChangesWriter<W: Write> {
    /// One JSON object a line.
    Ndjson(W),
    /// Comma-separated text.
    Csv(W),
    /// Arrow.
    Arrow(Box<StreamWriter<W>>),
}

impl<W: Write> ChangesWriter<W> {
    /// Begins.
    pub(crate) fn new(format: ChangesFormat, spec: &ViewSpec, sent: &Schema, mut output: W) -> io::Result<Self> {
        match format {
            ChangesFormat::Ndjson => Ok(ChangesWriter::Ndjson(output)),
            ChangesFormat::Csv => {
                let names = spec.columns.iter().map(|column| column.name.clone());
                csv_line(&mut output, ["_tick".to_owned(), "_diff".to_owned()].into_iter().chain(names))?;
                Ok(ChangesWriter::Csv(output))
            }
            ChangesFormat::Arrow => {
                Ok(ChangesWriter::Arrow(Box::new(StreamWriter::try_new(output, sent).map_err(of_arrow)?)))
            }
        }
    }

    /// Writes the rows of one message.
    pub(crate) fn write(&mut self, spec: &ViewSpec, tick: Tick, rows: &Rows, batch: &RecordBatch) -> io::Result<()> {
        match self {
            ChangesWriter::Ndjson(output) => {
                rows.iter().try_for_each(|(row, diff)| {
                    writeln!(output, "{{\"_tick\":{tick},\"_diff\":{diff},{}}}", members(spec, row))
                })?;
                output.flush()
            }
            ChangesWriter::Csv(output) => {
                let line = |(row, diff): &(Row, isize)| {
                    [tick.to_string(), diff.to_string()].into_iter().chain(texts(spec, row))
                };
                rows.iter().try_for_each(|row| csv_line(&mut *output, line(row)))?;
                output.flush()
            }
            ChangesWriter::Arrow(writer) => writer.write(batch).and_then(|()| writer.flush()).map_err(of_arrow),
        }
    }

    /// Tells that every change before a tick has been written.
    pub(crate) fn progress(&mut self, frontier: Tick) -> io::Result<()> {
        if let ChangesWriter::Ndjson(output) = self {
            writeln!(output, "{{\"_progress\":{frontier}}}")?;
            output.flush()?;
        }
        Ok(())
    }
}

fn csv_line(output: &mut impl Write, fields: impl Iterator<Item = String>) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(fields).map_err(of_csv)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Cell, Column};

    fn view() -> (ViewSpec, Rows) {
        let columns = [("name", ColumnKind::Text), ("price", ColumnKind::Fixed(8)), ("date", ColumnKind::Date)];
        let columns = columns.map(|(name, kind)| Column::new(name, kind)).to_vec();
        let spec = ViewSpec { name: "v".into(), about: String::new(), columns, key: vec![0] };
        let rows = vec![
            (Row::new([Cell::text("a \"b\", c"), Cell::fixed(12_345_678_901_234_567_890), Cell::Date(0)]), 1),
            (Row::new([Cell::text("twice"), Cell::Null, Cell::Null]), 2),
        ];
        (spec, rows)
    }

    fn written(format: Format) -> String {
        let (spec, view_rows) = view();
        let mut output = Vec::new();
        rows(&spec, &view_rows, format, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn values_are_exact_in_every_text_format() {
        let twice = r#"{"name":"twice","price":null,"date":null}"#;
        let first = r#"{"name":"a \"b\", c","price":123456789012.3456789,"date":"1970-01-01"}"#;
        assert_eq!(written(Format::Ndjson), format!("{first}\n{twice}\n{twice}\n"));
        assert_eq!(written(Format::Json), format!("[\n{first},\n{twice},\n{twice}\n]\n"));
        assert_eq!(
            written(Format::Csv),
            "name,price,date\n\"a \"\"b\"\", c\",123456789012.3456789,1970-01-01\ntwice,,\ntwice,,\n"
        );
        assert!(written(Format::Table).contains("123456789012.3456789"));
    }

    /// A pipe that nobody reads from any more.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_known_as_one_in_every_format() {
        let (spec, view_rows) = view();
        let many: Rows = (0..1000).flat_map(|_| view_rows.clone()).collect();
        for format in Format::value_variants() {
            let error = rows(&spec, &many, *format, &mut Closed).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format:?}");
        }
        let changes = ChangesWriter::new(ChangesFormat::Csv, &spec, &spec.schema(), Closed);
        assert_eq!(changes.err().map(|error| error.kind()), Some(io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn a_change_is_written_with_its_tick_and_difference() {
        let (spec, rows) = view();
        let mut output = Vec::new();
        let schema = spec.schema();
        let batch = RecordBatch::new_empty(Arc::clone(&schema));
        let mut writer = ChangesWriter::new(ChangesFormat::Ndjson, &spec, &schema, &mut output).unwrap();
        writer.write(&spec, 7, &vec![(rows[1].0.clone(), -1)], &batch).unwrap();
        writer.progress(8).unwrap();
        let expected =
            "{\"_tick\":7,\"_diff\":-1,\"name\":\"twice\",\"price\":null,\"date\":null}\n{\"_progress\":8}\n";
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }
}
