//! `tieout generate`: a market day as files, with the truth about it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use connectors::files::Format;
use connectors::generator::{DaySpec, Summary, write_files};
use model::Date;

use crate::output;
use crate::process::{Failure, Outcome, tell};

const EXAMPLES: &str = "\
Writes for each side its trades and allocations, as it would send them: with late, corrected, cancelled, duplicated and
one-sided trades; truth.csv, which says what a perfect reconciliation finds; and a tieout.toml that is ready to run.
Equal options give equal files. All companies, people and securities are invented.

Examples:
  tieout generate --out day
  tieout generate --out day --trades 1000000 --format parquet --sides 3
  tieout run day --until-complete";

/// Writes an invented market day to files, with the truth about it
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Generate {
    /// The folder to write to; it is made if it is not there
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Another seed gives other trades
    #[arg(long, default_value_t = DaySpec::default().seed)]
    seed: u64,
    /// How many trades are agreed
    #[arg(long, default_value_t = DaySpec::default().trades)]
    trades: u64,
    /// The trade date, a business day
    #[arg(long, default_value_t = DaySpec::default().date, value_parser = parse_date, value_name = "YYYY-MM-DD")]
    date: Date,
    /// The format of the files
    #[arg(long, value_enum, default_value_t = FileFormat::Csv)]
    format: FileFormat,
    /// 2: our books and the broker; 3: the custodian as well
    #[arg(long, default_value_t = 2)]
    sides: u8,
}

/// The formats of generated files.
#[derive(Clone, Copy, ValueEnum)]
enum FileFormat {
    Csv,
    Jsonl,
    Parquet,
}

fn parse_date(text: &str) -> Result<Date, String> {
    Date::parse(text, "%Y-%m-%d").map_err(|error| error.to_string())
}

impl Generate {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let day =
            DaySpec { seed: self.seed, trades: self.trades, date: self.date, sides: self.sides, ..DaySpec::default() };
        let format = match self.format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Jsonl => Format::Jsonl,
            FileFormat::Parquet => Format::Parquet,
        };
        let summary = write_files(&day, &self.out, format).map_err(Failure::of_request)?;
        output::print(&text(&summary))?;
        tell(format_args!("try: tieout run {} --until-complete", summary.configuration.display()));
        Ok(Outcome::Done)
    }
}

fn text(summary: &Summary) -> String {
    let row = |name: String, count: &u64| vec![name, count.to_string()];
    let files = summary.files.iter().map(|(path, rows)| row(path.display().to_string(), rows));
    let outcomes = summary.outcomes.iter().map(|(outcome, count)| row(outcome.clone(), count));
    let table = |header: [&str; 2], rows: Vec<Vec<String>>| output::table(&header, &[false, true], rows.into_iter());
    format!("{}\n{}", table(["file", "rows"], files.collect()), table(["truth", "records"], outcomes.collect()))
}
