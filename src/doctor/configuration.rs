//! Is the configuration sound? Every problem at its line, as `tieout check` shows it.

use std::path::Path;

use miette::Diagnostic;

use super::amounts::count;
use super::finding::{Check, Finding};
use crate::config::Config;
use crate::process::Failure;

const NAME: &str = "configuration";

/// The configuration, if it is sound, and what was found.
pub(crate) fn check(path: &Path) -> (Option<Config>, Vec<Finding>) {
    let file = Check::of(NAME, Config::file(path).display());
    match Config::load(path) {
        Ok(config) => {
            let sources = count(config.source_names.len() as u64, "source");
            let reconciliations = count(config.dataflows.reconciliation.len() as u64, "reconciliation");
            let sound = file.ok(format!("{sources}, {reconciliations}"));
            (Some(config), vec![sound])
        }
        Err(Failure::Configuration(problems)) => {
            (None, problems.iter().map(|problem| at_its_line(problem, path)).collect())
        }
        Err(Failure::Usage(error) | Failure::Failed(error)) => (None, vec![file.failed(error)]),
        Err(Failure::ReaderGone) => (None, Vec::new()),
    }
}

fn at_its_line(problem: &dyn Diagnostic, path: &Path) -> Finding {
    let file = Config::file(path).display().to_string();
    let label = problem.labels().and_then(|mut labels| labels.next());
    let place = label.zip(problem.source_code()).and_then(|(label, source)| source.read_span(label.inner(), 0, 0).ok());
    let about = match place {
        Some(place) => format!("{file}:{}:{}", place.line() + 1, place.column() + 1),
        None => file,
    };
    let help = problem.help().map(|help| help.to_string());
    Check::of(NAME, about).problem(problem.to_string(), help.unwrap_or_default())
}
