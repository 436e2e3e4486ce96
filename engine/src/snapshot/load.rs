//! Finds the snapshot to start from, and reads it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use operators::Tick;

use super::Snapshots;
use super::codec::{Codec, decode_first_seen};
use super::manifest::{Manifest, Part};
use super::parts;
use super::store::Store;
use super::take::first_seen_table;
use crate::bindings::Configured;
use crate::error::EngineError;
use crate::row::{Key, Row};
use crate::source::Event;
use crate::system::SystemView;

/// How many first-seen tables a graph has at most.
const FIRST_SEEN_TABLES_MAX: usize = 64;

/// A snapshot that is whole, to be read.
pub(crate) struct SnapshotReader<R> {
    store: Store,
    codec: Arc<dyn Codec<R>>,
    pub(crate) manifest: Manifest,
    /// The tick at which what it holds is given to the workers.
    pub(crate) given_at: Tick,
    /// Whether more of that tick comes after it: the start of the first run of a configuration that goes on from it.
    pub(crate) continues: bool,
}

/// A piece of what a snapshot holds.
pub(crate) enum Content<R> {
    /// Records under their keys.
    Records(Vec<Event<R>>),
    /// Rows of one of the engine's own views.
    System(SystemView, Vec<Row>),
    /// When rows of a part of the graph first appeared.
    FirstSeen(usize, Vec<(Key, Tick)>),
}

impl<R: 'static> SnapshotReader<R> {
    /// The newest snapshot that is not after `upto`, is whole and was taken while this configuration held; else the one
    /// that it goes on from. Those that are not whole are told of.
    pub(crate) fn newest(
        snapshots: &Snapshots<R>,
        upto: Tick,
        configured: &Configured,
    ) -> Result<Option<Self>, EngineError> {
        let store = &snapshots.store;
        for tick in store.ticks()?.into_iter().filter(|tick| (configured.since..=upto).contains(tick)) {
            match store.manifest(tick).and_then(|manifest| whole(store, manifest, Some(configured))) {
                Ok(Some(manifest)) => return Ok(Some(Self::of(snapshots, manifest))),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a snapshot is left out"),
            }
        }
        let Some(base) = configured.base else { return Ok(None) };
        let base = store.manifest(base).and_then(|manifest| whole(store, manifest, None));
        let base = base.map_err(|error| needed(&error, configured))?;
        let given_at = configured.since;
        Ok(base.map(|manifest| SnapshotReader { given_at, continues: true, ..Self::of(snapshots, manifest) }))
    }

    fn of(snapshots: &Snapshots<R>, manifest: Manifest) -> Self {
        let (store, codec) = (snapshots.store.clone(), Arc::clone(&snapshots.codec));
        SnapshotReader { store, codec, given_at: manifest.tick, manifest, continues: false }
    }

    /// Gives all that it holds, piece by piece.
    pub(crate) fn read(&self, mut give: impl FnMut(Content<R>) -> Result<(), EngineError>) -> Result<(), EngineError> {
        for part in &self.manifest.parts {
            let bytes = self.store.part(self.manifest.tick, part)?;
            let unreadable = |error: String| self.unreadable(part, &error);
            for rows in parts::read(bytes).map_err(unreadable)? {
                if let Some(content) = self.content(&part.table, &rows.map_err(unreadable)?).map_err(unreadable)? {
                    give(content)?;
                }
            }
        }
        Ok(())
    }

    fn content(&self, table: &str, rows: &RecordBatch) -> Result<Option<Content<R>>, String> {
        if table == "records" {
            return self.codec.decode(rows).map(Content::Records).map(Some);
        }
        if let Some(view) = SystemView::ALL.into_iter().find(|view| view.spec().name == table) {
            return view.spec().rows_of(rows).map(|rows| Some(Content::System(view, rows)));
        }
        match (0..FIRST_SEEN_TABLES_MAX).find(|place| first_seen_table(*place) == table) {
            Some(place) => decode_first_seen(rows).map(|entries| Some(Content::FirstSeen(place, entries))),
            None => Err("this version does not know the table".into()),
        }
    }

    fn unreadable(&self, part: &Part, error: &str) -> EngineError {
        self.store.damaged(self.manifest.tick, &format!("{}: {error}", part.name))
    }
}

/// The manifest, if the snapshot was taken while this configuration held; an error if a part is missing or damaged.
fn whole(store: &Store, manifest: Manifest, configured: Option<&Configured>) -> Result<Option<Manifest>, EngineError> {
    let of = (&manifest.configuration, manifest.configured_since);
    if configured.is_some_and(|configured| (&configured.hash, configured.since) != of) {
        return Ok(None);
    }
    for part in &manifest.parts {
        store.part(manifest.tick, part)?;
    }
    Ok(Some(manifest))
}

/// A configuration that goes on from a snapshot has nothing else to go on from.
fn needed(error: &EngineError, configured: &Configured) -> EngineError {
    let what = format!("{}; the configuration since tick {} goes on from it", error.what, configured.since);
    EngineError::new(error.kind, what, "restore the snapshots from a backup")
}
