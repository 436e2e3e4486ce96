//! What a graph keeps: the state from which it can go on at a tick without its past.
//!
//! It is read in pieces, between ticks and as of one tick, while later ticks go on: so a snapshot holds up nobody.

use operators::first_seen::FirstSeen;
use operators::group::visit_after;
use operators::{Arranged, Data, Tick, Trace};

use crate::episode::Remembered;
use crate::row::Key;
use crate::view::let_go;
use crate::worker::SystemRow;

/// What a graph keeps. Everything else that its views show follows from it.
pub struct Kept<R: Data> {
    records: KeptTrace<R>,
    first_seen: Vec<FirstSeen<Key>>,
    episodes: Option<KeptTrace<Remembered>>,
}

impl<R: Data> Kept<R> {
    /// The current record of each business key.
    pub fn of(records: &Arranged<'_, Key, R>) -> Self {
        Kept { records: KeptTrace::new(records), first_seen: Vec::new(), episodes: None }
    }

    /// And when the rows of a part of the graph first appeared, which no later state tells.
    pub fn and(mut self, first_seen: FirstSeen<Key>) -> Self {
        self.first_seen.push(first_seen);
        self
    }

    /// And its [episodes](crate::episode::arrange_episodes). They come back as [remembered](crate::worker::Inputs::remembered).
    pub fn with_episodes(self, episodes: &Arranged<'_, Key, Remembered>) -> Self {
        debug_assert!(self.episodes.is_none(), "there is one collection of them");
        Kept { episodes: Some(KeptTrace::new(episodes)), ..self }
    }
}

/// A part of what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Table {
    /// The current records.
    Records,
    /// The rows of the engine's own views.
    System,
    /// The episodes of the graph.
    Episodes,
    /// When rows first appeared, by the place among [`Kept::and`].
    FirstSeen(usize),
}

/// Where in a table to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Place {
    /// At its start.
    Start,
    /// After this key.
    After(Key),
    /// At this entry.
    At(usize),
}

/// A piece of what one worker keeps.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Piece<R> {
    /// Its rows.
    pub rows: PieceRows<R>,
    /// Where the next one begins, if there may be one.
    pub next: Option<Place>,
}

/// The rows of a piece, by its table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PieceRows<R> {
    /// Records.
    Records(Vec<R>),
    /// Rows of the engine's own views.
    System(Vec<SystemRow>),
    /// Episodes; of a graph without any, nothing.
    Episodes(Vec<Remembered>),
    /// Keys and when they first appeared; of a graph without this part, nothing.
    FirstSeen(Vec<(Key, Tick)>),
}

/// What a snapshot gives back that does not come as records.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub enum Restored {
    /// When rows of a part of the graph first appeared.
    FirstSeen(usize, Vec<(Key, Tick)>),
    /// Episodes, at the tick at which the records come.
    Episodes(Tick, Vec<Remembered>),
}

/// All that one worker keeps.
pub(crate) struct KeptState<R: Data> {
    pub(crate) graph: Kept<R>,
    pub(crate) system: KeptTrace<SystemRow>,
    pub(crate) refused: KeptTrace<SystemRow>,
    /// The tick as of which it is read just now, and which is not let go of.
    held: Option<Tick>,
    /// What is before this has been let go of.
    since: Tick,
}

impl<R: Data> KeptState<R> {
    pub(crate) fn new(graph: Kept<R>, system: KeptTrace<SystemRow>, refused: KeptTrace<SystemRow>) -> Self {
        KeptState { graph, system, refused, held: None, since: 0 }
    }

    /// Keeps what there was at a tick until told otherwise.
    pub(crate) fn hold(&mut self, tick: Option<Tick>) {
        self.held = tick;
    }

    pub(crate) fn first_seen_tables(&self) -> usize {
        self.graph.first_seen.len()
    }

    /// A piece of a table as of a tick, of about `limit` rows.
    pub(crate) fn piece(&mut self, table: Table, at: Tick, from: Place, limit: usize) -> Piece<R> {
        debug_assert!(self.since <= at, "tick {at} is held, but what is before {} is gone", self.since);
        match table {
            Table::Records => {
                let (records, next) = self.graph.records.piece(at, from, limit);
                Piece { rows: PieceRows::Records(records), next }
            }
            // The few rows that change with each tick come first, whole; then those that were refused.
            Table::System if from == Place::Start => {
                let (rows, _) = self.system.piece(at, from, usize::MAX);
                Piece { rows: PieceRows::System(rows), next: Some(Place::At(0)) }
            }
            Table::System => {
                let (rows, next) = self.refused.piece(at, from, limit);
                Piece { rows: PieceRows::System(rows), next }
            }
            Table::Episodes => {
                let episodes = self.graph.episodes.as_mut();
                let (rows, next) = episodes.map(|episodes| episodes.piece(at, from, limit)).unwrap_or_default();
                Piece { rows: PieceRows::Episodes(rows), next }
            }
            Table::FirstSeen(part) => {
                let place = if let Place::At(place) = from { place } else { 0 };
                let part = self.graph.first_seen.get(part);
                let entries = part.map(|part| part.read(place, at, limit)).unwrap_or_default();
                let next = (entries.len() == limit).then_some(Place::At(place + entries.len()));
                Piece { rows: PieceRows::FirstSeen(entries), next }
            }
        }
    }

    /// Gives back when rows first appeared.
    pub(crate) fn restore_first_seen(&self, part: usize, entries: &[(Key, Tick)], worker: usize, workers: usize) {
        if let Some(part) = self.graph.first_seen.get(part) {
            part.restore(entries.iter().copied(), worker, workers);
        }
    }

    /// Lets one arrangement go of what is before `since`; says whether there was one left for which that was not done.
    pub(crate) fn compact_next(&mut self, since: Tick, frontier: Tick) -> bool {
        let since = self.held.map_or(since, |held| held.min(since));
        self.since = self.since.max(since);
        self.graph.records.compact(since, frontier)
            || self.graph.episodes.as_mut().is_some_and(|episodes| episodes.compact(since, frontier))
            || self.system.compact(since, frontier)
            || self.refused.compact(since, frontier)
    }
}

/// An arrangement that is kept.
pub(crate) struct KeptTrace<V: Data> {
    trace: Trace<Key, V>,
    compacted: Tick,
}

impl<V: Data> KeptTrace<V> {
    pub(crate) fn new(arranged: &Arranged<'_, Key, V>) -> Self {
        KeptTrace { trace: arranged.trace.clone(), compacted: 0 }
    }

    /// The values of the keys that follow, until there are `limit`; a key's values stay together.
    fn piece(&mut self, at: Tick, from: Place, limit: usize) -> (Vec<V>, Option<Place>) {
        let after = if let Place::After(key) = from { Some(key) } else { None };
        let (mut values, mut next) = (Vec::new(), None);
        visit_after(&mut self.trace, after.as_ref(), |key, history| {
            for (value, count) in history.at(at) {
                values.extend(std::iter::repeat_n((*value).clone(), usize::try_from(*count).unwrap_or(0)));
            }
            next = (values.len() >= limit).then_some(Place::After(*key));
            next.is_none()
        });
        (values, next)
    }

    fn compact(&mut self, since: Tick, frontier: Tick) -> bool {
        let_go(&mut self.trace, &mut self.compacted, since, frontier)
    }
}
