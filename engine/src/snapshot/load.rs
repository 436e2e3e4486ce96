//! Finds the snapshot to start from, and reads it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use operators::Tick;

use super::Snapshots;
use super::codec::{Codec, EPISODES, decode_episodes, decode_first_seen};
use super::manifest::{Manifest, Part};
use super::parts;
use super::store::Store;
use super::take::first_seen_place;
use crate::bindings::{Bindings, Configured};
use crate::episode::Remembered;
use crate::error::{EngineError, ErrorKind};
use crate::row::{Key, Row};
use crate::source::Event;
use crate::system::SystemView;

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
    /// Episodes, and the texts that they name.
    Episodes(Vec<Remembered>, Vec<Arc<str>>),
    /// When rows of a part of the graph first appeared.
    FirstSeen(usize, Vec<(Key, Tick)>),
}

/// From what a start goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The snapshot, if there is one that can be used.
    pub manifest: Option<Manifest>,
    /// Whether it is of the configuration before, whose records the present one goes on from.
    pub continues: bool,
    /// Why newer ones cannot be used.
    pub left_out: Vec<EngineError>,
}

impl Start {
    /// The newest snapshot that is not after `wanted`, is whole and was taken while this configuration held; else the one
    /// that it goes on from. Where the past has been removed and that leaves none, the oldest whole one up to `last`.
    pub(crate) fn find(
        store: &Store,
        bindings: &Bindings,
        wanted: Tick,
        last: Tick,
        configured: &Configured,
    ) -> Result<Self, EngineError> {
        let removed = bindings.removed()?;
        let mut ticks = store.ticks()?;
        // Those after the last tick are of another time line, which a backup has taken the place of.
        ticks.retain(|tick| (configured.since.max(removed)..=last).contains(tick));
        let (later, wanted): (Vec<Tick>, Vec<Tick>) = ticks.into_iter().partition(|tick| *tick > wanted);
        let mut left_out = Vec::new();
        if let Some(manifest) = first_whole(store, wanted, configured, &mut left_out)? {
            return Ok(Start { manifest: Some(manifest), continues: false, left_out });
        }
        if removed == 0 && configured.base.is_none() {
            return Ok(Start { manifest: None, continues: false, left_out });
        }
        let why_none = match configured.base.filter(|base| *base >= removed).map(|base| store.whole(base)) {
            Some(Ok(manifest)) => return Ok(Start { manifest: Some(manifest), continues: true, left_out }),
            Some(Err(error)) => needed(&error, configured),
            None => nothing_to_go_on_from(removed, store.name()),
        };
        match first_whole(store, later.into_iter().rev(), configured, &mut left_out)? {
            Some(manifest) => Ok(Start { manifest: Some(manifest), continues: false, left_out }),
            None => Err(why_none),
        }
    }
}

impl<R: 'static> SnapshotReader<R> {
    /// The snapshot that [`Start::find`] finds. Those that are not whole are told of.
    pub(crate) fn newest(
        snapshots: &Snapshots<R>,
        bindings: &Bindings,
        wanted: Tick,
        last: Tick,
        configured: &Configured,
    ) -> Result<Option<Self>, EngineError> {
        let Start { manifest, continues, left_out } =
            Start::find(&snapshots.store, bindings, wanted, last, configured)?;
        for error in left_out {
            tracing::warn!(%error, "a snapshot is left out");
        }
        let (store, codec) = (snapshots.store.clone(), Arc::clone(&snapshots.codec));
        Ok(manifest.map(|manifest| {
            let given_at = if continues { configured.since } else { manifest.tick };
            SnapshotReader { store, codec, given_at, manifest, continues }
        }))
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
        if table == EPISODES {
            return decode_episodes(rows).map(|(episodes, texts)| Some(Content::Episodes(episodes, texts)));
        }
        match first_seen_place(table) {
            Some(place) => decode_first_seen(rows).map(|entries| Some(Content::FirstSeen(place, entries))),
            None => Err("this version does not know the table".into()),
        }
    }

    fn unreadable(&self, part: &Part, error: &str) -> EngineError {
        self.store.damaged(self.manifest.tick, &format!("{}: {error}", part.name))
    }
}

/// The first of these snapshots that was taken while a configuration held and is whole; others of it are left out.
fn first_whole(
    store: &Store,
    ticks: impl IntoIterator<Item = Tick>,
    configured: &Configured,
    left_out: &mut Vec<EngineError>,
) -> Result<Option<Manifest>, EngineError> {
    for tick in ticks {
        let read = store.manifest(tick).and_then(|manifest| {
            if manifest.is_of(configured) { store.check(&manifest).map(|()| Some(manifest)) } else { Ok(None) }
        });
        match read {
            Ok(Some(manifest)) => return Ok(Some(manifest)),
            Ok(None) => {}
            Err(error) if error.kind == ErrorKind::Damaged => left_out.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A configuration that goes on from a snapshot has nothing else to go on from.
fn needed(error: &EngineError, configured: &Configured) -> EngineError {
    let what = format!("{}; the configuration since tick {} goes on from it", error.what, configured.since);
    EngineError::new(error.kind, what, "restore the snapshots from a backup")
}

fn nothing_to_go_on_from(removed: Tick, place: &str) -> EngineError {
    let what =
        format!("the past up to tick {removed} has been removed, and there is no whole snapshot of it in {place}");
    EngineError::new(ErrorKind::Damaged, what, "restore the snapshots from a backup, or start with a new data folder")
}
