//! One view, followed through everything that happens to the server: ticks go forward, whole, each once; a row is there once
//! and goes once; and who comes back holds what the view held at the tick it goes on from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use engine::{EngineError, ErrorKind};
use sinks::flight::client::{Client, Message};
use sinks::flight::{Kind, Ticket};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::{Cells, Habit, Held, PATIENCE, Place, Sight, WATCHED};
use crate::live::{Random, cells, seed};

/// How long to wait for a server that is away.
const PAUSE: Duration = Duration::from_millis(20);

/// After so many messages a wandering observer goes, and how long it is away at most.
const MESSAGES_MAX: u64 = 12;
const AWAY_MS_MAX: u64 = 400;

/// What became of a follower.
#[derive(Default)]
pub(super) struct Followed {
    pub(super) view: usize,
    pub(super) resumed: usize,
    pub(super) compared: usize,
    pub(super) anew: usize,
    /// The hash of what the view held since each tick.
    shown: BTreeMap<u64, blake3::Hash>,
    /// Up to these ticks, and not just before, something may have been missed.
    begun: Vec<u64>,
}

impl Followed {
    /// A tick at which another saw something else, if there is one.
    pub(super) fn differs_from(&self, other: &Followed) -> Option<u64> {
        let begun = self.begun.iter().chain(&other.begun).max().copied().unwrap_or(0);
        let later = |followed: &Followed| followed.shown.clone().split_off(&(begun + 1));
        let (one, another) = (later(self), later(other));
        one.keys().chain(another.keys()).copied().find(|tick| one.get(tick) != another.get(tick))
    }
}

/// Why a connection is let go.
enum End {
    /// Everything there is has been seen.
    Done,
    /// It was cut, or the reader has gone.
    Gone,
}

/// Follows one view.
pub(super) struct Follower {
    view: usize,
    habit: Habit,
    place: watch::Receiver<Place>,
    sights: mpsc::Sender<Sight>,
    random: Random,
    held: Held,
    /// The last whole tick.
    resume: Option<u64>,
    followed: Followed,
}

impl Follower {
    pub(super) fn new(view: usize, habit: Habit, place: watch::Receiver<Place>, sights: mpsc::Sender<Sight>) -> Self {
        let random = Random(seed() + view as u64);
        Follower {
            view,
            habit,
            place,
            sights,
            random,
            held: Held::new(),
            resume: None,
            followed: Followed { view, ..Followed::default() },
        }
    }

    fn name(&self) -> String {
        format!("{:?}, `{}`", self.habit, WATCHED[self.view])
    }

    /// Follows until everything has been seen.
    pub(super) async fn follow(mut self) -> Followed {
        let mut troubled_since = None;
        loop {
            let before = self.resume;
            match self.connect().await {
                Ok(End::Done) => return self.followed,
                Ok(End::Gone) => {}
                Err(error) if error.kind == ErrorKind::Compacted => {
                    self.followed.anew += 1;
                    self.resume = None;
                }
                Err(error) => {
                    let may_pass =
                        matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Stopped | ErrorKind::Exhausted);
                    assert!(may_pass, "{} from {:?}: {error}", self.name(), self.resume);
                }
            }
            if self.resume > before {
                troubled_since = None;
            }
            let since = *troubled_since.get_or_insert_with(std::time::Instant::now);
            assert!(since.elapsed() < PATIENCE, "{} gets no further than {:?}", self.name(), self.resume);
            let away = match self.habit {
                Habit::Faithful => PAUSE,
                Habit::Wandering => PAUSE + Duration::from_millis(self.random.below(AWAY_MS_MAX)),
            };
            sleep(away).await;
        }
    }

    /// Follows over one connection.
    async fn connect(&mut self) -> Result<End, EngineError> {
        let address = self.place.borrow().address.clone();
        let client = Client::connect(&address).await?;
        let ticket = Ticket { from_tick: self.resume, ..Ticket::subscription(WATCHED[self.view]) };
        let mut messages = client.read(&ticket).await?;
        if self.resume.is_some() {
            self.followed.resumed += 1;
            self.compare(&client).await?;
        }
        let count_max = match self.habit {
            Habit::Faithful => u64::MAX,
            Habit::Wandering => 1 + self.random.below(MESSAGES_MAX),
        };
        let (mut count, mut partial) = (0, Vec::new());
        loop {
            // A wanderer does not go in the middle of its first tick: else it might never get any further.
            if count > count_max && partial.is_empty() {
                return Ok(End::Gone);
            }
            let message = tokio::select! {
                message = messages.next() => message?,
                end = self.is_over(&address) => return Ok(end),
            };
            let Some(message) = message else { return Ok(End::Gone) };
            count += 1;
            let is_whole = message.metadata.last;
            assert_eq!(is_whole, message.metadata.resume.is_some(), "{}: {:?}", self.name(), message.metadata);
            partial.push(message);
            if is_whole {
                self.take(std::mem::take(&mut partial)).await;
            }
        }
    }

    /// Waits until nothing more is to be seen, or the server has moved.
    async fn is_over(&self, address: &str) -> End {
        let (mut place, resume) = (self.place.clone(), self.resume);
        let is_over = |place: &Place| place.until.is_some_and(|until| resume >= Some(until));
        let changed = place.wait_for(|place| place.address != address || is_over(place)).await;
        match changed {
            Ok(place) if is_over(&place) => End::Done,
            _ => End::Gone,
        }
    }

    /// What is held is what the view held at the tick that is gone on from.
    async fn compare(&mut self, client: &Client) -> Result<(), EngineError> {
        let ticket = Ticket { as_of: self.resume, ..Ticket::snapshot(WATCHED[self.view]) };
        let (tick, batches) = client.snapshot(&ticket).await?;
        assert_eq!(Some(tick), self.resume, "{}", self.name());
        let mut there = Held::new();
        for (key, _, cells) in batches.iter().flat_map(rows) {
            assert!(there.insert(key, cells).is_none(), "{} as of {tick}: a row is there twice", self.name());
        }
        assert_eq!(self.held, there, "{}: what is held is not what was there as of {tick}", self.name());
        self.followed.compared += 1;
        Ok(())
    }

    /// Takes the messages of one tick.
    async fn take(&mut self, messages: Vec<Message>) {
        let last = messages[messages.len() - 1].metadata;
        let (tick, kind, name) = (last.tick, last.kind, self.name());
        let ticks = messages.iter().map(|message| message.metadata.tick);
        assert!(ticks.clone().all(|each| each == tick), "{name}: a tick is whole before the next: {ticks:?}");
        assert_eq!((last.resume, last.frontier), (Some(tick), Some(tick + 1)), "{name}: {last:?}");
        let is_snapshot = kind == Kind::SnapshotEnd;
        match (kind, self.resume) {
            (Kind::Changes, Some(resume)) => assert!(tick > resume, "{name}: tick {tick} comes after {resume}"),
            (Kind::Progress, Some(resume)) => assert!(tick >= resume, "{name}: {resume} goes back to {tick}"),
            (Kind::SnapshotEnd, None) => self.held.clear(),
            (_, resume) => panic!("{name}: {last:?} comes after {resume:?}"),
        }
        let rows: Vec<_> = messages.iter().flat_map(|message| rows(&message.batch)).collect();
        let may_have_rows = [kind != Kind::Changes, kind != Kind::Progress];
        assert!(may_have_rows[usize::from(!rows.is_empty())], "{name}: {last:?} has {} rows", rows.len());
        self.apply(tick, rows);
        self.resume = Some(tick);
        let changed = (kind != Kind::Progress).then(|| (tick, Arc::new(self.held.clone())));
        if changed.is_some() {
            self.followed.shown.insert(tick, blake3::hash(format!("{:?}", self.held).as_bytes()));
        }
        if is_snapshot {
            self.followed.begun.push(tick);
        }
        let sight = Sight { view: self.view, frontier: tick + 1, changed, is_anew: is_snapshot };
        timeout(PATIENCE, self.sights.send(sight)).await.expect("someone looks").expect("someone looks");
    }

    /// Applies the changes of a tick: first what goes, then what comes.
    fn apply(&mut self, tick: u64, mut rows: Vec<(String, i64, Cells)>) {
        rows.sort_by_key(|(_, diff, _)| *diff);
        for (key, diff, cells) in rows {
            let (before, expected) = match diff {
                -1 => (self.held.remove(&key), Some(&cells)),
                1 => (self.held.insert(key, cells.clone()), None),
                _ => panic!("{} at {tick}: {diff} times {cells:?}", self.name()),
            };
            assert_eq!(before.as_ref(), expected, "{} at {tick}: {diff} {cells:?}", self.name());
        }
    }
}

/// The rows of a message: their keys, how many times they come or go, and what they are.
fn rows(batch: &RecordBatch) -> Vec<(String, i64, Cells)> {
    let diffs = batch.column_by_name("_diff").expect("each message has it");
    let diffs = cast(diffs, &DataType::Int64).unwrap();
    let diffs = diffs.as_primitive::<Int64Type>().values().to_vec();
    let cells = cells(batch, |name| !["_tick", "_diff"].contains(&name));
    let row = |(cells, diff): (Vec<(String, String)>, i64)| {
        let mut cells: Cells = cells.into_iter().collect();
        (cells.remove("_key").expect("each row has it"), diff, cells)
    };
    cells.into_iter().zip(diffs).map(row).collect()
}
