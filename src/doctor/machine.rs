//! The program and the machine: versions, and how many files may be open.

use rustix::process::{Resource, getrlimit};

use super::finding::{Check, Finding};

/// Each subscription and each broker is an open file, and there may be 1,024 subscriptions.
const OPEN_FILES_MIN: u64 = 4096;

/// What this program is made of.
pub(crate) fn versions() -> Finding {
    let (program, library) = (env!("CARGO_PKG_VERSION"), connectors::kafka::library_version());
    let (folder, snapshots) = (engine::bindings::FORMAT, engine::snapshot::FORMAT);
    Check::of("versions", "").ok(format!(
        "tieout {program}, librdkafka {library}, data folders up to format {folder}, snapshots up to format {snapshots}"
    ))
}

/// How many files it may have open.
pub(crate) fn open_files() -> Finding {
    let check = Check::of("open files", "");
    match getrlimit(Resource::Nofile).current {
        None => check.ok("no limit"),
        Some(limit) if limit >= OPEN_FILES_MIN => check.ok(format!("up to {limit}")),
        Some(limit) => check.warning(
            format!("up to {limit}: too few for many subscriptions or Kafka partitions"),
            format!("raise it to {OPEN_FILES_MIN} or more where tieout is started (ulimit -n, LimitNOFILE=)"),
        ),
    }
}
