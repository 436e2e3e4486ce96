//! `tieout export`: a view as of a tick, as a file.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use engine::{NoTexts, Snapshot};
use sinks::files::{ExportOptions, Format, write_snapshot};

use crate::process::{Failure, Outcome, block_on, tell};
use crate::query::{Asked, Server, moment_of, snapshot};

const EXAMPLES: &str = "\
The file appears whole or not at all, and takes the place of what was there.

Examples:
  tieout export breaks --out breaks.csv
  tieout export trades --out trades.parquet --as-of 2026-03-16T17:00:00Z
  tieout export matches --out matches.csv.zst";

/// Writes a view as of a tick to a file
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Export {
    #[command(flatten)]
    asked: Asked,
    /// The file: .csv, .csv.gz, .csv.zst, .parquet or .arrow
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The format, where the file's name does not tell it
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    #[command(flatten)]
    server: Server,
}

/// The formats of files.
#[derive(Clone, Copy, ValueEnum)]
enum FileFormat {
    Csv,
    Parquet,
    Arrow,
}

impl Export {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let ticket = self.asked.ticket(&[])?;
        let format = self.format.map(|format| match format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Parquet => Format::Parquet,
            FileFormat::Arrow => Format::Arrow,
        });
        let (received, tick, rows) = block_on(snapshot(&self.server, &ticket))?;
        let options = ExportOptions { format, compression: None };
        let snapshot = Snapshot { spec: Arc::new(received.spec), tick, rows };
        let exported = write_snapshot(snapshot, Arc::new(NoTexts), &self.out, &options).map_err(Failure::of_request)?;
        tell(format_args!(
            "{} rows as of tick {tick}, {}, in {} ({} bytes)",
            exported.rows,
            moment_of(tick),
            exported.path.display(),
            exported.size_bytes
        ));
        Ok(Outcome::Done)
    }
}
