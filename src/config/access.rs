//! The table `[access]`: who may do what.

use std::path::Path;

use sinks::{Access, AccessConfig};

use super::document::Document;
use super::problem::{Problem, did_you_mean};

/// Reads it, and the secrets that it names. Without the table everybody on this machine may do everything.
pub(super) fn read(
    document: &Document<'_>,
    folder: &Path,
    sources: &[String],
    problems: &mut Vec<Problem>,
) -> Option<Access> {
    let Some(table) = document.get("access") else { return Some(Access::this_machine()) };
    let config: AccessConfig = document.read(table, "access", problems)?;
    refuse_unknown_sources(&config, document, sources, problems);
    let access = Access::new(&config, folder);
    access.map_err(|error| problems.push(document.problem(&error.key, &error.what, &error.help))).ok()
}

fn refuse_unknown_sources(
    config: &AccessConfig,
    document: &Document<'_>,
    sources: &[String],
    problems: &mut Vec<Problem>,
) {
    let known: Vec<&str> = sources.iter().map(String::as_str).collect();
    for (name, token) in &config.tokens {
        for (index, source) in token.sources.iter().flatten().enumerate() {
            if !known.contains(&source.as_str()) {
                let path = format!("access.tokens.{name}.sources[{index}]");
                let what = format!("there is no source `{source}`");
                problems.push(document.problem(&path, &what, &did_you_mean(source, &known)));
            }
        }
    }
}
