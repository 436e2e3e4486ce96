//! The configuration against the one that was recorded: would a start go on, or read the whole past again?

use engine::bindings::Configured;
use engine::inspection::{Inspection, Replayed};

use super::finding::{Check, Finding};
use crate::config::{Config, read_otherwise};

/// What a start would make of what was recorded.
pub(crate) struct Recorded {
    /// What a start goes on from; nothing if it reads the whole past again.
    pub(crate) configured: Option<Configured>,
    /// What there is to say about it.
    pub(crate) finding: Finding,
}

/// Compares them.
pub(crate) fn check(config: &Config, inspection: &Inspection) -> Recorded {
    let check = Check::of("recorded", "");
    let recorded = match inspection.configured() {
        Ok(recorded) => recorded,
        Err(error) => return Recorded { configured: None, finding: check.failed(error) },
    };
    let Some((configured, text)) = recorded else {
        let finding =
            check.ok("no configuration is recorded yet: a start reads the whole past again, and records this one");
        return Recorded { configured: None, finding };
    };
    if configured.hash == config.configuration.hash {
        let finding = check.ok("the configuration is the one that was recorded");
        return Recorded { configured: Some(configured), finding };
    }
    if let Some(otherwise) = read_otherwise(&text, &config.configuration.text) {
        let what = format!("{otherwise} is not as recorded: a start reads the whole past again");
        let help =
            "nothing, if that is meant and what was read is still there; else put the sources and attributes back";
        return Recorded { configured: None, finding: check.warning(what, help) };
    }
    if config.snapshots.every.is_zero() {
        let what = "it has changed since it was recorded, and without snapshots a start reads the whole past again";
        let help = "set `every_seconds` of [snapshots] to go on from the records that there are";
        return Recorded { configured: None, finding: check.warning(what, help) };
    }
    let finding = check.ok("it has changed since it was recorded: a start goes on from the records that there are");
    Recorded { configured: Some(configured), finding }
}

/// Sources that ticks are bound to and that are gone.
pub(crate) fn gone(config: &Config, replayed: &Replayed) -> Vec<Finding> {
    let is_there = |name: &str| config.sources.iter().any(|source| source.name == name);
    let mut gone: Vec<&str> =
        replayed.upto.keys().map(|(source, _)| source.as_str()).filter(|source| !is_there(source)).collect();
    gone.dedup();
    let told = |source: &str| {
        let what = "ticks are bound to it, and the configuration no longer has it";
        Check::of("source", source).problem(what, "put the source back, or start with a new data folder")
    };
    gone.into_iter().map(told).collect()
}
