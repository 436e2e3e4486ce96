//! The settings at the top of the file: where the engine runs, and how.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::document::Document;
use super::problem::Problem;

/// The keys of the settings.
pub(super) const KEYS: [&str; 4] = ["listen", "data", "workers", "retention_seconds"];

/// How many workers there may be.
const WORKERS_MAX: usize = 256;

/// Where the engine runs, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The address that is listened on, if one is set.
    pub(crate) listen: Option<String>,
    /// The folder of the durable state.
    pub(crate) data: PathBuf,
    /// How many workers share the work.
    pub(crate) workers: usize,
    /// How far back views can be read.
    pub(crate) retention: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    listen: Option<String>,
    #[serde(default = "data_default")]
    data: PathBuf,
    #[serde(default = "one")]
    workers: usize,
    #[serde(default = "a_minute")]
    retention_seconds: u64,
}

fn data_default() -> PathBuf {
    PathBuf::from("tieout-data")
}

fn one() -> usize {
    1
}

fn a_minute() -> u64 {
    60
}

impl Settings {
    pub(super) fn read(document: &Document<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Option<Settings> {
        let written: Written = document.read(&document.only(&KEYS), "", problems)?;
        if let Some(listen) = written.listen.as_deref().filter(|listen| !is_address(listen)) {
            let help = "write an address and a port, such as \"127.0.0.1:8815\"; port 0 takes any free one";
            problems.push(document.problem("listen", &format!("`{listen}` is not an address to listen on"), help));
        }
        if !(1..=WORKERS_MAX).contains(&written.workers) {
            let what = format!("there cannot be {} workers", written.workers);
            problems.push(document.problem("workers", &what, &format!("use 1 to {WORKERS_MAX}, at most one a core")));
        }
        Some(Settings {
            listen: written.listen,
            data: folder.join(written.data),
            workers: written.workers,
            retention: Duration::from_secs(written.retention_seconds),
        })
    }
}

fn is_address(listen: &str) -> bool {
    listen.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
