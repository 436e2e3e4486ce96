//! `tieout doctor`: what is wrong with a set-up, and what to do.
//!
//! ```text
//!  machine, secrets, outputs ─┐
//!  configuration ────┼─▶ folder ─▶ disk, clock, journal, recorded ─▶ snapshots ─▶ what a start replays ─▶ kept files, sources
//!                    └─▶ address, and the server that answers there
//! ```
//! Each check is a file of its own, and gives findings: what it looked at, how that is, and what to do. Nothing is started and
//! nothing is changed: the data folder is read as a start reads it, and what a start would mend is mended in memory only.

mod amounts;
mod clock;
mod configuration;
mod disk;
mod finding;
mod folder;
mod kept;
mod machine;
mod outputs;
mod recorded;
mod report;
mod secrets;
pub(crate) mod server;
mod snapshots;
mod sources;

use std::path::PathBuf;

use clap::Args;
use engine::inspection::Replayed;
use sinks::flight::LISTEN_DEFAULT;

use crate::config::Config;
use crate::output;
use crate::process::{Failure, Outcome};
use crate::run::Overrides;
use finding::{Check, Finding, Status};
use folder::Folder;
use report::ReportFormat;

const EXAMPLES: &str = "\
Looks at the configuration, the data folder, its disk, its journal and snapshots, the sources, what sinks and alerts are written
to, the secrets, the address and the machine. Nothing is started and nothing is changed. A data folder that a server runs on cannot be looked at: then the server is
asked. While the folder is looked at, no server can start on it.

It ends with 0 if there is no problem (warnings are none), and with 1 if there is one.

Examples:
  tieout doctor tieout.toml
  tieout doctor tieout.toml --data /var/lib/tieout -o json";

/// Says what is wrong with a set-up, and what to do
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// The configuration file, or a folder with a tieout.toml
    config: PathBuf,
    /// How to print what was found
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ReportFormat,
    #[command(flatten)]
    overrides: Overrides,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let (config, mut findings) = configuration::check(&self.config);
        findings.extend([machine::versions(), machine::open_files()]);
        findings.extend(secrets::check(&self.config));
        findings.extend(outputs::check(&self.config));
        match config {
            Some(mut config) => {
                self.overrides.apply(&mut config.settings);
                findings.extend(examine(&config));
            }
            None => findings.push(Check::of("the rest", "").warning(
                "not looked at: the data folder, the sources and the address follow from the configuration",
                "mend the configuration, and ask again",
            )),
        }
        output::print(&report::report(&findings, self.output)?)?;
        let is_broken = findings.iter().any(|finding| finding.status == Status::Problem);
        Ok(if is_broken { Outcome::ProblemsFound } else { Outcome::Done })
    }
}

/// All that follows from a configuration.
fn examine(config: &Config) -> Vec<Finding> {
    let (folder, mut findings) = folder::check(&config.settings.data);
    let replayed = examine_folder(config, &folder, &mut findings);
    let is_in_use = matches!(folder, Folder::InUse);
    // From here on a server may start on it.
    drop(folder);
    findings.extend(sources::check(config, replayed.as_ref()));
    let listen = config.settings.listen.as_deref().unwrap_or(LISTEN_DEFAULT);
    findings.extend(server::check(listen, is_in_use));
    findings
}

/// What the data folder holds; gives what a start would replay, if that can be told.
fn examine_folder(config: &Config, folder: &Folder, findings: &mut Vec<Finding>) -> Option<Replayed> {
    let data = &config.settings.data;
    let inspection = if let Folder::Open(inspection) = folder { Some(inspection) } else { None };
    findings.push(disk::check(data, inspection));
    findings.push(clock::check(inspection.and_then(|inspection| inspection.last().ok())));
    // Nothing need be kept anew of time that passes without input.
    let last_bound = inspection.and_then(|inspection| inspection.last_bound().ok().flatten());
    let (store, found) = snapshots::place(config, last_bound);
    findings.extend(found);
    let inspection = inspection?;
    findings.push(kept::journal(inspection, data));
    let recorded = recorded::check(config, inspection);
    findings.push(recorded.finding);
    match snapshots::start(config, inspection, store.as_ref(), recorded.configured.as_ref()) {
        Ok((replayed, found)) => {
            findings.extend(found);
            findings.extend(recorded::gone(config, &replayed));
            findings.push(kept::files(config, &replayed, data));
            Some(replayed)
        }
        Err(error) => {
            findings.push(Check::of("start", "").failed(error));
            None
        }
    }
}
