//! The tables `[sink.*]`, as sinks that run beside the engine.

use std::path::Path;

use sinks::{Runs, Scope, SinkConfig};

use super::catalogue::Catalogue;
use super::document::Document;
use super::kind::Kinded;
use super::problem::Problem;

/// What a sink can be.
const KINDS: &[&str] = &["files", "kafka"];

/// How many sinks there may be: each has a thread, and follows a view.
const SINKS_MAX: usize = 256;

/// Reads the sinks, in the order of their definition.
pub(super) fn read(
    document: &Document<'_>,
    catalogue: &Catalogue,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Vec<Box<dyn Runs>> {
    let mut sinks = Vec::new();
    for (name, table) in document.tables("sink", problems) {
        let path = format!("sink.{name}");
        if sinks.len() == SINKS_MAX {
            problems.push(document.problem(&path, &format!("there are more than {SINKS_MAX} sinks"), "leave some out"));
            break;
        }
        let table = Kinded { document, path: &path, noun: "sink", table };
        let Some(config) = config(&table, problems) else { continue };
        if let Some(view) = catalogue.view(document, &format!("{path}.view"), config.view(), problems) {
            catalogue.check_filter(document, &format!("{path}.filter"), view, config.filter(), problems);
        }
        match config.sink(&Scope { kind: "sink", name: &name, folder }) {
            Ok(sink) => sinks.push(sink),
            Err(error) => problems.push(document.problem(&error.key, &error.what, &error.help)),
        }
    }
    sinks
}

fn config(table: &Kinded<'_, '_>, problems: &mut Vec<Problem>) -> Option<SinkConfig> {
    match table.kind(KINDS).map_err(|problem| problems.push(problem)).ok()? {
        "files" => table.rest(problems).map(SinkConfig::Files),
        _ => table.rest(problems).map(SinkConfig::Kafka),
    }
}
