//! How much space is left for the data folder, for Prometheus: told anew each time that it is asked.

use std::path::PathBuf;

use engine::{EngineError, ErrorKind};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Registry};
use rustix::fs::statvfs;

/// The disk that a data folder is on.
struct Disk {
    folder: PathBuf,
    free: IntGauge,
    size: IntGauge,
}

/// Measures the disk of a data folder.
pub(super) fn measure(folder: PathBuf, registry: &Registry) -> Result<(), EngineError> {
    let disk = || {
        let free = IntGauge::new("tieout_data_free_bytes", "What is free on the disk of the data folder")?;
        let size = IntGauge::new("tieout_data_disk_bytes", "The size of the disk of the data folder")?;
        registry.register(Box::new(Disk { folder, free, size }))
    };
    disk().map_err(|error| {
        EngineError::new(ErrorKind::Invalid, format!("the disk of the data folder cannot be measured: {error}"), "")
    })
}

impl Collector for Disk {
    fn desc(&self) -> Vec<&Desc> {
        [self.free.desc(), self.size.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Where it cannot be told, what was told last is old: better nothing.
        let Ok(found) = statvfs(&self.folder) else { return Vec::new() };
        let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(found.f_frsize)).unwrap_or(i64::MAX);
        self.free.set(bytes(found.f_bavail));
        self.size.set(bytes(found.f_blocks));
        [self.free.collect(), self.size.collect()].concat()
    }
}
