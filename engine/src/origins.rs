//! Origins: where the records came from that stand under business keys as of a tick.
//!
//! No index of them is kept, which would take memory for every record of which nobody asks. They are found by reading what
//! was bound up to the tick again, from the sources, the journal and the archive, as a replay does: which takes as long as
//! reading it took, and holds no more than what is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use operators::Tick;
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, ErrorKind};
use crate::line::BoundPast;
use crate::replay::Replay;
use crate::row::Key;
use crate::snapshot::{SnapshotReader, Snapshots};
use crate::source::{Place, SourceSpec};

/// How many keys may be asked for at once.
pub const KEYS_MAX: usize = 10_000;

/// How many ticks are read of the bindings at once.
const BINDINGS_AT_ONCE: usize = 1024;

/// Where the record came from that stands under a business key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The record's own id on its source.
    pub key: Key,
    /// Which of the records under that id it is.
    pub member: u16,
    /// The source.
    pub source: String,
    /// The partition.
    pub partition: Arc<str>,
    /// Its place in the partition.
    pub offset: u64,
    /// The tick that took it.
    pub tick: Tick,
    /// Where people find it.
    #[serde(flatten)]
    pub place: Place,
}

/// A business key.
type Business = (Key, u16);

/// What a record says that it was taken at: of a tick the later partition wins, and of a partition the later offset.
type Taken = (Tick, usize, u64);

/// What was last said under a business key.
struct Said {
    taken: Taken,
    source: u16,
    partition: Arc<str>,
    is_deleted: bool,
}

/// Finds the origins of all records that stand under `keys` as of a tick, in the order of their keys. Of what came before the
/// past that is kept there is none.
pub(crate) fn find<R: 'static>(
    bound: &BoundPast,
    sources: &[SourceSpec<R>],
    snapshots: Option<&Snapshots<R>>,
    keys: &BTreeSet<Key>,
    at: Tick,
) -> Result<Vec<Origin>, EngineError> {
    if keys.len() > KEYS_MAX {
        let what = format!("the origins of {} records are asked for", keys.len());
        return Err(EngineError::new(ErrorKind::Invalid, what, format!("ask for {KEYS_MAX} at most")));
    }
    let said = read_again(bound, sources, snapshots, keys, at)?;
    let mut origins: Vec<Origin> = said
        .into_iter()
        .filter(|(_, said)| !said.is_deleted)
        .map(|((key, member), said)| Origin {
            key,
            member,
            source: sources[usize::from(said.source)].name.clone(),
            partition: said.partition,
            offset: said.taken.2,
            tick: said.taken.0,
            place: Place::default(),
        })
        .collect();
    find_places(&mut origins, bound, sources)?;
    Ok(origins)
}

fn read_again<R: 'static>(
    bound: &BoundPast,
    sources: &[SourceSpec<R>],
    snapshots: Option<&Snapshots<R>>,
    keys: &BTreeSet<Key>,
    at: Tick,
) -> Result<BTreeMap<Business, Said>, EngineError> {
    let (mut last, mut positions) = beginning(bound, snapshots)?;
    let mut replay = Replay::new(bound.journal.clone(), bound.archive.clone());
    let mut said: BTreeMap<Business, Said> = BTreeMap::new();
    loop {
        let bindings = bound.bindings.after(last, BINDINGS_AT_ONCE)?;
        // Asked after they were read: that the past is removed is durable before anything of it goes.
        if bound.bindings.removed()? > last {
            let what = "the past that is read for the origins of records has been removed meanwhile";
            return Err(EngineError::new(ErrorKind::Unavailable, what, "ask again"));
        }
        let Some((newest, _)) = bindings.last() else { return Ok(said) };
        last = *newest;
        for (tick, binding) in bindings {
            if tick > at {
                return Ok(said);
            }
            // What a source told that is no longer configured stands no longer.
            let is_there = |name: &str| sources.iter().any(|source| source.name == name);
            let taken: Vec<_> = binding.bound.into_iter().filter(|bound| is_there(&bound.source)).collect();
            let place = |source: &str, partition: &Arc<str>| (source.to_owned(), Arc::clone(partition));
            let from: Vec<u64> = taken
                .iter()
                .map(|bound| positions.insert(place(&bound.source, &bound.partition), bound.upper).unwrap_or(0))
                .collect();
            let mut bands: BTreeMap<(u16, Arc<str>), usize> = BTreeMap::new();
            replay.read(&taken, sources, &from, |source, batch| {
                let next = bands.len();
                let band = *bands.entry((source, Arc::clone(&batch.partition))).or_insert(next);
                for event in batch.events.iter().filter(|event| keys.contains(&event.key)) {
                    let now = (tick, band, event.offset);
                    let business = (event.key, event.member);
                    if said.get(&business).is_none_or(|before| before.taken <= now) {
                        let (partition, is_deleted) = (Arc::clone(&batch.partition), event.record.is_none());
                        said.insert(business, Said { taken: now, source, partition, is_deleted });
                    }
                }
                Ok(())
            })?;
        }
    }
}

/// How far each partition of each source is.
type Reached = BTreeMap<(String, Arc<str>), u64>;

/// Before which tick nothing can be read again, and how far each partition was then.
fn beginning<R: 'static>(bound: &BoundPast, snapshots: Option<&Snapshots<R>>) -> Result<(Tick, Reached), EngineError> {
    let removed = bound.bindings.removed()?;
    let Some(snapshots) = snapshots.filter(|_| removed > 0) else { return Ok((removed, Reached::new())) };
    let Some(configured) = bound.bindings.configured_at(removed)? else { return Ok((removed, Reached::new())) };
    let snapshot = SnapshotReader::newest(snapshots, &bound.bindings, removed, removed, &configured)?;
    let progress = snapshot.map(|snapshot| snapshot.manifest.progress).unwrap_or_default();
    let reached = progress.into_iter().map(|own| ((own.source, own.partition), own.progress.upper));
    Ok((removed, reached.collect()))
}

/// Asks each source where people find what came from it, a partition at a time.
fn find_places<R: 'static>(
    origins: &mut [Origin],
    bound: &BoundPast,
    sources: &[SourceSpec<R>],
) -> Result<(), EngineError> {
    // Of each partition of each source: the offsets, and whose they are.
    type Asked<'a> = BTreeMap<(&'a str, &'a Arc<str>), Vec<(u64, usize)>>;
    let mut by_partition = Asked::new();
    for (index, origin) in origins.iter().enumerate() {
        by_partition.entry((&origin.source, &origin.partition)).or_default().push((origin.offset, index));
    }
    let mut found = Vec::new();
    for ((name, partition), mut asked) in by_partition {
        let source = sources.iter().find(|source| source.name == name).and_then(|source| source.pull.as_ref());
        let Some(source) = source else { continue };
        asked.sort_unstable();
        let offsets: Vec<u64> = asked.iter().map(|(offset, _)| *offset).collect();
        let places = source.places(partition, &offsets, &bound.archive)?;
        found.extend(asked.into_iter().map(|(_, index)| index).zip(places));
    }
    for (index, place) in found {
        origins[index].place = place;
    }
    Ok(())
}
