//! `tieout report`: what is made of several views, all read at one tick.
//!
//! ```text
//!  server ──▶ the views of the sections, of one portfolio, at one tick ──▶ sections ──▶ JSON, CSV files or a workbook
//! ```
//! What the sections are is in [`dataflows::portfolio::review`]: a new one needs nothing here.

mod read;
mod review;
mod workbook;
mod write;

use clap::{Args, Subcommand};

use crate::process::{Failure, Outcome};

/// Writes a report, made of several views at one tick
#[derive(Args)]
pub(crate) struct Report {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    Review(review::Review),
}

impl Report {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        match self.which {
            Which::Review(review) => review.run(),
        }
    }
}
