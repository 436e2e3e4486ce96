//! `tieout generate`: a market day as files, with the truth about it; or the books of portfolios.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use connectors::files::Format;
use connectors::generator::books::{BooksSpec, write_books};
use connectors::generator::{DaySpec, Summary, write_files};
use engine::{EngineError, ErrorKind};
use model::Date;

use crate::output;
use crate::process::{Failure, Outcome, tell};

const EXAMPLES: &str = "\
The pack `day`: for each side its trades and allocations, as it would send them, with late, corrected, cancelled,
duplicated and one-sided trades; truth.csv, which says what a perfect reconciliation finds; and a tieout.toml that is
ready to run.
The pack `books`: portfolios with their transactions, instruments, daily prices and exchange rates, benchmarks and rates
without risk; a purchase that is told late and a price that is corrected, in files of their own; and a books.toml.
Equal options give equal files. All companies, people and securities are invented.

Examples:
  tieout generate --out day
  tieout generate --out day --trades 1000000 --format parquet --sides 3
  tieout run day --until-complete
  tieout generate --pack books --days 750 --portfolios 100 --out books";

/// Writes an invented market day, or the books of portfolios, to files
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Generate {
    /// What to write
    #[arg(long, value_enum, default_value_t = Pack::Day)]
    pack: Pack,
    /// The folder to write to; it is made if it is not there
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Another seed gives other records
    #[arg(long, default_value_t = DaySpec::default().seed)]
    seed: u64,
    /// Of a day: how many trades are agreed [default: 10000]
    #[arg(long, help_heading = "A day")]
    trades: Option<u64>,
    /// Of a day: the trade date, a business day [default: 2026-03-16]
    #[arg(long, value_parser = parse_date, value_name = "YYYY-MM-DD", help_heading = "A day")]
    date: Option<Date>,
    /// Of a day: the format of the files [default: csv]
    #[arg(long, value_enum, help_heading = "A day")]
    format: Option<FileFormat>,
    /// Of a day: 2, our books and the broker, or 3, the custodian as well [default: 2]
    #[arg(long, help_heading = "A day")]
    sides: Option<u8>,
    /// Of books: how many business days, from 2025-01-02 on [default: 280]
    #[arg(long, help_heading = "Books")]
    days: Option<u32>,
    /// Of books: how many portfolios [default: 3]
    #[arg(long, help_heading = "Books")]
    portfolios: Option<u32>,
}

/// What can be generated.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pack {
    /// A market day as two or three sides tell it
    Day,
    /// Portfolios, and what to value them by
    Books,
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
        self.check().map_err(Failure::of_request)?;
        match self.pack {
            Pack::Day => self.day(),
            Pack::Books => self.books(),
        }
    }

    /// Refuses what the pack has not.
    fn check(&self) -> Result<(), EngineError> {
        let of_day = [
            ("--trades", self.trades.is_some()),
            ("--date", self.date.is_some()),
            ("--format", self.format.is_some()),
            ("--sides", self.sides.is_some()),
        ];
        let of_books = [("--days", self.days.is_some()), ("--portfolios", self.portfolios.is_some())];
        let (given, pack, other) = match self.pack {
            Pack::Day => (of_books.into_iter().find(|(_, is_given)| *is_given), "day", "books"),
            Pack::Books => (of_day.into_iter().find(|(_, is_given)| *is_given), "books", "day"),
        };
        let Some((option, _)) = given else { return Ok(()) };
        let what = format!("the pack `{pack}` has no {option}");
        Err(EngineError::new(ErrorKind::Invalid, what, format!("leave it out, or use --pack {other}")))
    }

    fn day(self) -> Result<Outcome, Failure> {
        let default = DaySpec::default();
        let day = DaySpec {
            seed: self.seed,
            trades: self.trades.unwrap_or(default.trades),
            date: self.date.unwrap_or(default.date),
            sides: self.sides.unwrap_or(default.sides),
            ..default
        };
        let format = match self.format.unwrap_or(FileFormat::Csv) {
            FileFormat::Csv => Format::Csv,
            FileFormat::Jsonl => Format::Jsonl,
            FileFormat::Parquet => Format::Parquet,
        };
        let summary = write_files(&day, &self.out, format).map_err(Failure::of_request)?;
        output::print(&text(&summary))?;
        tell(format_args!("try: tieout run {} --until-complete", summary.configuration.display()));
        Ok(Outcome::Done)
    }

    fn books(self) -> Result<Outcome, Failure> {
        let default = BooksSpec::default();
        let spec = BooksSpec {
            seed: self.seed,
            days: self.days.unwrap_or(default.days),
            portfolios: self.portfolios.unwrap_or(default.portfolios),
        };
        let summary = write_books(&spec, &self.out).map_err(Failure::of_request)?;
        output::print(&files(&summary))?;
        tell(format_args!("try: tieout check {}", summary.configuration.display()));
        Ok(Outcome::Done)
    }
}

fn files(summary: &Summary) -> String {
    let files = summary.files.iter().map(|(path, rows)| vec![path.display().to_string(), rows.to_string()]);
    output::table(&["file", "rows"], &[false, true], files)
}

fn text(summary: &Summary) -> String {
    let outcomes = summary.outcomes.iter().map(|(outcome, count)| vec![outcome.clone(), count.to_string()]);
    format!("{}\n{}", files(summary), output::table(&["truth", "records"], &[false, true], outcomes))
}
