//! `tieout check`: is a configuration sound?

use std::path::PathBuf;

use clap::Args;

use crate::config::Config;
use crate::output;
use crate::process::{Failure, Outcome};

const EXAMPLES: &str = "\
Every problem is shown at its line, with what was expected. Nothing is started, and no source is read.

Examples:
  tieout check tieout.toml
  tieout check examples/two-sides        the folder's tieout.toml";

/// Checks a configuration without running it
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Check {
    /// The configuration file, or a folder with a tieout.toml
    config: PathBuf,
}

impl Check {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let config = Config::load(&self.config)?;
        let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let (sources, reconciliations) = (config.source_names.len(), config.dataflows.reconciliation.len());
        let mut found = vec![count(sources, "source"), count(reconciliations, "reconciliation")];
        let outputs = [(config.outputs.sinks.len(), "sink"), (config.outputs.alerts.alerts.len(), "alert")];
        found.extend(outputs.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(*number, noun)));
        output::print(&format!("ok: {}\n", found.join(", ")))?;
        Ok(Outcome::Done)
    }
}
