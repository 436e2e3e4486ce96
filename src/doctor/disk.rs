//! Is there space for what the data folder grows by?

use std::fs;
use std::path::Path;
use std::time::Duration;

use engine::inspection::Inspection;
use rustix::fs::statvfs;

use super::amounts::{bytes, duration};
use super::finding::{Check, Finding};
use super::folder::nearest;

/// Less than so much free is too little.
const FREE_BYTES_MIN: u64 = 1 << 30;
const FREE_PERCENT_MIN: u64 = 10;

/// A pace is told only if it was kept for so long.
const PACE_OVER_MIN: Duration = Duration::from_secs(3600);

/// Free space against the size of the folder and how fast it grew.
pub(crate) fn check(data: &Path, inspection: Option<&Inspection>) -> Finding {
    let (nearest, is_whole) = nearest(data);
    let check = Check::of("disk", nearest.display());
    let found = match statvfs(&nearest) {
        Ok(found) => found,
        Err(error) => {
            return check.warning(format!("cannot tell how much is free: {error}"), "look at the disk with df");
        }
    };
    let (free, whole) = (found.f_bavail * found.f_frsize, (found.f_blocks * found.f_frsize).max(1));
    let percent = (u128::from(free) * 100 / u128::from(whole)) as u64;
    let size = if is_whole { size_of(&nearest) } else { 0 };
    let mut what = format!("{} of {} free ({percent} %); the folder has {}", bytes(free), bytes(whole), bytes(size));
    if let Some(left) = inspection.and_then(|inspection| full_in(inspection, size, free)) {
        what.push_str(&format!("; at the pace so far the disk is full in {}", duration(left)));
    }
    if free < FREE_BYTES_MIN || percent < FREE_PERCENT_MIN {
        let help = "free some space, or move the folder to a larger disk: a full disk ends the run; nothing that was acknowledged is lost";
        return check.warning(what, help);
    }
    check.ok(what)
}

/// How long the free space lasts if the folder grows as it has grown since its first tick.
fn full_in(inspection: &Inspection, size: u64, free: u64) -> Option<Duration> {
    let (first, last) = (inspection.first().ok()??, inspection.last().ok()?);
    let grown_for = Duration::from_micros(last.saturating_sub(first));
    if grown_for < PACE_OVER_MIN || size == 0 {
        return None;
    }
    let seconds = u128::from(free) * u128::from(grown_for.as_secs()) / u128::from(size);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
}

/// The bytes of all files in a folder and below. Links are not followed.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
