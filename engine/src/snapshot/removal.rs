//! Removes what is older than the history that is kept: bindings, journal and snapshots. Kept files stay: that a file has
//! been read is told by its copy.

use std::collections::BTreeMap;
use std::time::Duration;

use operators::Tick;

use super::manifest::Manifest;
use super::store::Store;
use crate::error::{EngineError, ErrorKind};
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
    let is_new = tick > past.bindings.removed()?;
    past.bindings.remove_up_to(tick)?;
    crash_point!("past.unbound");
    let pushed = oldest_kept.progress.iter().filter(|progress| &*progress.partition == PUSHED_PARTITION);
    let bounds: BTreeMap<String, u64> =
        pushed.map(|progress| (progress.source.clone(), progress.progress.upper)).collect();
    past.journal.remove_below(&bounds)?;
    crash_point!("past.unread");
    for older in store.ticks()?.into_iter().filter(|older| *older < tick) {
        if is_removable(store, past, older)? {
            store.remove(older)?;
        }
    }
    Ok(is_new.then_some(tick))
}

/// Whether a snapshot may be removed: one of another data folder, which has its snapshots in the same place, may not. What
/// is not whole is nobody's.
fn is_removable(store: &Store, past: &BoundPast, tick: Tick) -> Result<bool, EngineError> {
    match store.manifest(tick) {
        Ok(manifest) => Ok(past.bindings.configured_at(tick)?.is_some_and(|held| manifest.is_of(&held))),
        Err(error) if error.kind == ErrorKind::Damaged => Ok(true),
        Err(error) => Err(error),
    }
}

/// The newest whole snapshot that is not after the horizon, and from which all configurations since go on: one that has read
/// the whole past needs all of it.
fn oldest_kept(store: &Store, past: &BoundPast, horizon: Tick) -> Result<Option<Manifest>, EngineError> {
    let removed = past.bindings.removed()?;
    for tick in store.ticks()?.into_iter().filter(|tick| (removed..=horizon).contains(tick)) {
        let manifest = match store.whole(tick) {
            Ok(manifest) => manifest,
            Err(error) if error.kind == ErrorKind::Damaged => continue,
            Err(error) => return Err(error),
        };
        let held = past.bindings.configured_at(tick)?;
        if !held.is_some_and(|held| manifest.is_of(&held)) {
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
