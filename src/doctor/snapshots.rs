//! The snapshots: can their place be reached, how old is the newest, is it whole, and what would be replayed after it?

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use engine::bindings::Configured;
use engine::inspection::{Inspection, Replayed};
use engine::snapshot::{Manifest, Store};
use engine::{EngineError, ErrorKind, Tick};

use super::amounts::{bytes, count, duration};
use super::finding::{Check, Finding};
use super::folder::unusable;
use crate::config::Config;

/// How long an object store has for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The newest is late if it is older than so many times the time between two.
const LATE_FACTOR: u32 = 3;

/// The place of the snapshots, if there is one yet, and what was found.
pub(crate) fn place(config: &Config, last: Option<Tick>) -> (Option<Store>, Vec<Finding>) {
    let data = &config.settings.data;
    let folder = config.snapshots.folder(data);
    let every = config.snapshots.every;
    let often = if every.is_zero() { "none are taken".to_owned() } else { format!("one every {}", duration(every)) };
    if let Some(folder) = folder.as_deref() {
        let check = Check::of("snapshots", folder.display());
        if let Some(finding) = unusable(folder, &check) {
            return (None, vec![finding]);
        }
        if !folder.exists() {
            return (None, vec![check.ok(format!("there are none yet; {often}"))]);
        }
    }
    let (store, ticks) = match listed(config, data) {
        Ok(found) => found,
        Err(error) => return (None, vec![Check::of("snapshots", "").failed(error)]),
    };
    let check = Check::of("snapshots", store.name());
    let Some(newest) = ticks.first() else {
        return (Some(store), vec![check.ok(format!("there are none yet; {often}"))]);
    };
    // Ticks alone tell whether one is overdue: while no server runs none is taken.
    let behind = last.map(|last| Duration::from_micros(last.saturating_sub(*newest)));
    let what = format!("{}, the newest of tick {newest}; {often}", ticks.len());
    let finding = match behind.filter(|behind| !every.is_zero() && *behind > every * LATE_FACTOR) {
        None => check.ok(what),
        Some(behind) => check.warning(
            format!("{what}; the last tick is {} later", duration(behind)),
            "see the log and `tieout_snapshot_failures_total` for why none was taken since",
        ),
    };
    (Some(store), vec![finding])
}

/// What is there, as long as that is told in time.
fn listed(config: &Config, data: &Path) -> Result<(Store, Vec<Tick>), EngineError> {
    let (settings, data) = (config.snapshots.clone(), data.to_owned());
    within(move || {
        let store = settings.store(&data)?;
        let ticks = store.ticks()?;
        Ok((store, ticks))
    })
}

/// Runs what waits for an object store: that tries again for minutes.
fn within<T: Send + 'static>(work: impl FnOnce() -> Result<T, EngineError> + Send + 'static) -> Result<T, EngineError> {
    let (done, waiting) = channel();
    let work = move || {
        // Nobody may be waiting any more.
        let _ = done.send(work());
    };
    let started = thread::Builder::new().name("snapshots".to_owned()).spawn(work);
    let answer = started.ok().and_then(|_| waiting.recv_timeout(ANSWER_TIMEOUT).ok());
    answer.unwrap_or_else(|| {
        let what = format!("the place of the snapshots gives no answer within {}", duration(ANSWER_TIMEOUT));
        let help = "check `url` of [snapshots], the network, and the environment variables of its cloud (AWS_*, AZURE_*, GOOGLE_*)";
        Err(EngineError::new(ErrorKind::Unavailable, what, help))
    })
}

/// From where a start would go on, what it would replay, and what was found.
pub(crate) fn start(
    config: &Config,
    inspection: &Inspection,
    store: Option<&Store>,
    configured: Option<&Configured>,
) -> Result<(Replayed, Vec<Finding>), EngineError> {
    let mut findings = Vec::new();
    let mut snapshot = None;
    if let Some((store, configured)) = store.zip(configured) {
        let retention = config.settings.retention.as_micros() as Tick;
        let start = inspection.start(store, configured, retention)?;
        let told = |error: EngineError| Check::of("snapshots", store.name()).warning(error.what, error.help);
        findings.extend(start.left_out.into_iter().map(told));
        snapshot = start.manifest;
    }
    let base = configured.and_then(|configured| configured.base).filter(|_| store.is_none());
    if let Some(base) = base {
        let what = format!("the configuration goes on from the snapshot of tick {base}, and there are none");
        findings.push(
            Check::of("start", "").problem(what, "restore the snapshots from a backup, or set `snapshots.url` back"),
        );
        return Ok((inspection.replayed(None)?, findings));
    }
    let replayed = inspection.replayed(snapshot.as_ref())?;
    let check = Check::of("start", "");
    findings.push(check.ok(format!("{} replays {}", goes_on_from(snapshot.as_ref()), amount(&replayed))));
    Ok((replayed, findings))
}

fn goes_on_from(snapshot: Option<&Manifest>) -> String {
    match snapshot {
        Some(manifest) => {
            let (tick, size) = (manifest.tick, bytes(manifest.size_bytes()));
            format!(
                "it goes on from the snapshot of tick {tick}, which is whole ({} records, {size}), and",
                manifest.rows("records")
            )
        }
        None => "it reads the past from its beginning, and".to_owned(),
    }
}

fn amount(replayed: &Replayed) -> String {
    let from = |place| replayed.from.get(place).copied().unwrap_or(0);
    let offsets: u64 = replayed.upto.iter().map(|(place, upper)| upper.saturating_sub(from(place))).sum();
    format!("{}, up to {}", count(replayed.ticks, "tick"), count(offsets, "offset"))
}
