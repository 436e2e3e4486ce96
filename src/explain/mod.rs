//! `tieout explain`: on what a row rests, down to the records and where they came from.
//!
//! ```text
//!  key ──▶ row ──▶ steps of its view ──▶ rows ──▶ … ──▶ records ──▶ origins: source, partition, offset, file, line
//! ```
//! Which steps there are is in [`dataflows::lineage`]. All is read at one tick.

mod follow;
mod key;
mod tell;

use clap::{Args, ValueEnum};

use crate::output;
use crate::process::{Failure, Outcome, block_on, tell as say};
use crate::query::{Server, moment_of};

const EXAMPLES: &str = "\
The key is the row's key columns, joined by `|`: `tieout views` says which they are, and `tieout query VIEW -o json` what is
in them. A key column that is not known is left empty. The last ones may be left out: then one row has to fit.

The records come with their source, their partition and their offset in it; those of a file with the file, if it is still
where its source looks for it, and the line. To tell that, the server reads its past again, which takes as long as reading it
took; --no-origins leaves it out.

Examples:
  tieout explain positions 'GROWTH|ACME|USD'
  tieout explain performance 'GROWTH|ytd' --as-of 2026-03-31T17:00:00Z
  tieout explain breaks 0b4cf1e2a5d84c6f9e3d7b1a08c25f64 --format json";

/// Tells on which rows and records a row rests, and where these came from
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Explain {
    /// The view; `tieout views` lists them
    view: String,
    /// The key of the row
    key: String,
    /// Read it as of this tick: a number, or a time such as 2026-03-16T09:31:00Z
    #[arg(long, value_name = "TICK")]
    as_of: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
    /// Do not look where records came from
    #[arg(long)]
    no_origins: bool,
    #[command(flatten)]
    server: Server,
}

/// How a lineage is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A tree for people.
    Tree,
    /// One object.
    Json,
}

impl Explain {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let explained = block_on(self.follow())?;
        match self.format {
            Format::Tree => output::print(&tell::tree(&explained))?,
            Format::Json => output::print(&tell::json(&explained))?,
        }
        let records = explained.records();
        let cut = if explained.is_cut { "; not all rows are told of" } else { "" };
        say(format_args!(
            "rests on {records} records, as of tick {}, {}{cut}",
            explained.tick,
            moment_of(explained.tick)
        ));
        Ok(Outcome::Done)
    }
}
