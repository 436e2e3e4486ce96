//! What the data folder keeps of its inputs: the journal of what was pushed, and the files that were read.

use std::path::Path;

use connectors::SourceConfig;
use engine::inspection::{Inspection, Replayed};

use super::amounts::{bytes, count};
use super::finding::{Check, Finding};
use crate::config::Config;

/// How many missing files are named.
const NAMED_MAX: usize = 3;

/// Reads the journal as a start does.
pub(crate) fn journal(inspection: &Inspection, data: &Path) -> Finding {
    let check = Check::of("journal", data.join("journal").display());
    let contents = match inspection.journal(data) {
        Ok(contents) => contents,
        Err(error) => return check.failed(error),
    };
    let (batches, segments) = (count(contents.entries, "pushed batch"), count(contents.segments, "segment"));
    let what = format!("{batches} in {segments}, {}, all readable", bytes(contents.bytes));
    match contents.torn {
        None => check.ok(what),
        Some(torn) => check.warning(
            format!("{what}; the last {} are torn: the process died while it wrote them", bytes(torn.bytes)),
            "nothing to do: nobody was told that they were taken, and the next start cuts them off",
        ),
    }
}

/// Whether each file that ticks are bound to is kept.
pub(crate) fn files(config: &Config, replayed: &Replayed, data: &Path) -> Finding {
    let check = Check::of("kept files", data.join("files").display());
    let of_files = config.source_configs.iter().filter(|(_, config)| matches!(config, SourceConfig::Files(_)));
    let names: Vec<&str> = of_files.map(|(number, _)| config.scope(*number).name).collect();
    // Where only a part of the past is kept, files that only what was removed was read from are removed too.
    let keeps_all = config.snapshots.history.is_none();
    let is_needed = |place, upper: u64| keeps_all || replayed.from.get(place).is_none_or(|from| upper > *from);
    let of_files = |source: &str| names.contains(&source);
    let bound = replayed.upto.iter().filter(|(place, upper)| of_files(&place.0) && is_needed(place, **upper));
    let (there, missing): (Vec<_>, Vec<_>) =
        bound.map(|(place, _)| place).partition(|(_, hash)| data.join("files").join(&**hash).is_file());
    if missing.is_empty() {
        return check.ok(format!("{}, all there", count(there.len() as u64, "file")));
    }
    let named: Vec<&str> = missing.iter().take(NAMED_MAX).map(|(_, hash)| &**hash).collect();
    check.problem(
        format!("{} of {} are missing: {}", missing.len(), there.len() + missing.len(), named.join(", ")),
        "they were bound to ticks: restore the data folder from a backup",
    )
}
