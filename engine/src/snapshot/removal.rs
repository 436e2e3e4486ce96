//! Removes what is older than the history that is kept: bindings, journal, kept files and snapshots.

use std::collections::BTreeMap;
use std::time::Duration;

use operators::Tick;

use super::manifest::Manifest;
use super::store::Store;
use crate::error::EngineError;
use crate::line::BoundPast;
use crate::push::PUSHED_PARTITION;

/// Removes the past before the newest snapshot that is older than the history, if everything since can be reached from it.
/// Whatever is interrupted is done the next time.
pub(super) fn remove_older(
    store: &Store,
    past: &BoundPast,
    now: Tick,
    history: Duration,
) -> Result<Option<Tick>, EngineError> {
    let horizon = now.saturating_sub(Tick::try_from(history.as_micros()).unwrap_or(Tick::MAX));
    let Some(oldest_kept) = oldest_kept(store, past, horizon)? else { return Ok(None) };
    let tick = oldest_kept.tick;
    past.bindings.remove_up_to(tick)?;
    crash_point!("past.unbound");
    let pushed = oldest_kept.progress.iter().filter(|progress| &*progress.partition == PUSHED_PARTITION);
    let bounds: BTreeMap<String, u64> =
        pushed.map(|progress| (progress.source.clone(), progress.progress.upper)).collect();
    past.journal.remove_below(&bounds)?;
    remove_files(past, &oldest_kept)?;
    crash_point!("past.unread");
    for older in store.ticks()?.into_iter().filter(|older| *older < tick) {
        store.remove(older)?;
    }
    Ok(Some(tick))
}

/// The newest whole snapshot that is not after the horizon, and from which all configurations since go on: one that has read
/// the whole past needs all of it.
fn oldest_kept(store: &Store, past: &BoundPast, horizon: Tick) -> Result<Option<Manifest>, EngineError> {
    for tick in store.ticks()?.into_iter().filter(|tick| *tick <= horizon) {
        let Ok(manifest) = store.manifest(tick) else { continue };
        let is_whole = manifest.parts.iter().all(|part| store.part(tick, part).is_ok());
        if !is_whole {
            continue;
        }
        let mut later = past.bindings.configured_after(tick)?;
        while let Some(configured) = later {
            if configured.base.is_none() {
                return Ok(None);
            }
            later = past.bindings.configured_after(configured.since)?;
        }
        return Ok(Some(manifest));
    }
    Ok(None)
}

/// Removes kept files that were read before the snapshot, and not since. A partition of a file is named by its hash.
fn remove_files(past: &BoundPast, oldest_kept: &Manifest) -> Result<(), EngineError> {
    let later = past.bindings.partitions_after(oldest_kept.tick)?;
    for hash in past.archive.hashes()? {
        let was_read = oldest_kept.progress.iter().any(|progress| progress.partition.ends_with(&hash));
        if was_read && !later.iter().any(|partition| partition.ends_with(&hash)) {
            past.archive.remove(&hash)?;
        }
    }
    Ok(())
}
