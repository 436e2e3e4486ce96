//! `tieout report review`: what a portfolio is worth and how it did.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dataflows::portfolio::review::{MissingColumn, Reads, SECTIONS};
use engine::{EngineError, ErrorKind, Tick};

use super::read::read;
use super::write::{self, Part, Written};
use crate::process::{Failure, Outcome, block_on, tell};
use crate::query::{Server, moment_of};

const EXAMPLES: &str = "\
The sections are overview, allocation, performance, risk, concentration, income, activity, flows, holdings, cost,
realised_gains, transactions and refused_transactions; one whose views the server does not have is left out. All of them
tell of the same tick. Numbers are exact in JSON and CSV; a workbook has 15 digits, as spreadsheets do.

Examples:
  tieout report review --portfolio GROWTH
  tieout report review --portfolio GROWTH --as-of 2026-03-31T17:00:00Z --out growth.xlsx
  tieout report review --portfolio GROWTH --format csv --out growth        a folder with a file for each section";

/// Writes what a portfolio is worth, how it did, and what it is made of
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Review {
    /// The portfolio
    #[arg(long, value_name = "ID")]
    portfolio: String,
    /// Read it as of this tick: a number, or a time such as 2026-03-16T09:31:00Z
    #[arg(long, value_name = "TICK")]
    as_of: Option<String>,
    /// The format; as the name of --out says, else json
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file, or for csv the folder, to write to; without it, JSON goes to standard output
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One object.
    Json,
    /// A folder with a file for each section.
    Csv,
    /// A workbook with a sheet for each section.
    Xlsx,
}

impl Review {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let format = self.format()?;
        let as_of = self.as_of.as_deref();
        let (reads, tick) = block_on(read(&self.server, &self.portfolio, as_of))?;
        let written = self.sections(&reads, tick)?;
        match (format, &self.out) {
            (Format::Json, None) => crate::output::print(&written.json())?,
            (Format::Json, Some(path)) => written.write_json(path)?,
            (Format::Csv, Some(folder)) => written.write_csv(folder)?,
            (Format::Xlsx, Some(path)) => written.write_workbook(path)?,
            // Refused above.
            (Format::Csv | Format::Xlsx, None) => {}
        }
        let to = self.out.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default();
        let sections = written.sections.len();
        tell(format_args!("{sections} sections as of tick {tick}, {}{to}", moment_of(tick)));
        Ok(Outcome::Done)
    }

    fn format(&self) -> Result<Format, Failure> {
        let of_name = self.out.as_ref().and_then(|path| match path.extension()?.to_str()? {
            "xlsx" => Some(Format::Xlsx),
            "json" => Some(Format::Json),
            _ => None,
        });
        let format = match (self.format.or(of_name), &self.out) {
            (Some(format), _) => format,
            (None, None) => Format::Json,
            (None, Some(path)) => {
                let what = format!("the name of {} does not say the format", path.display());
                return Err(usage(&what, "call it .json or .xlsx, or give --format json, csv or xlsx"));
            }
        };
        if format != Format::Json && self.out.is_none() {
            let what = "CSV and workbooks are not written to standard output";
            return Err(usage(what, "give --out: a folder for csv, a file for xlsx"));
        }
        Ok(format)
    }

    fn sections(&self, reads: &Reads, tick: Tick) -> Result<Written, Failure> {
        let made = SECTIONS.iter().filter(|section| section.is_possible(|view| reads.has(view)));
        let sections = made.map(|section| {
            let table = section.make(reads).map_err(|missing| foreign(section.name, &missing))?;
            let (spec, rows) = table.named(section.name, section.about);
            Ok(Part { spec, rows, is_one_row: section.is_one_row })
        });
        Ok(Written {
            portfolio: self.portfolio.clone(),
            tick,
            valuation_date: reads.valuation_date(),
            sections: sections.collect::<Result<_, Failure>>()?,
        })
    }
}

/// The views of the server have other columns than this program knows.
pub(super) fn foreign(section: &str, missing: &MissingColumn) -> Failure {
    let what = format!("the section `{section}` cannot be made: {missing} in the view that it reads");
    write::failed(ErrorKind::Damaged, what, "the server may be of another version of tieout")
}

fn usage(what: &str, help: &str) -> Failure {
    Failure::Usage(EngineError::new(ErrorKind::Invalid, what, help))
}
