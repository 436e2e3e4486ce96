//! Backfill: a replay whose input is one tick, whatever its size, and also if it is interrupted and gone on with.
//!
//! ```text
//!  sources, up to where they are to end ──┐
//!                                         ├──▶ one tick, open until all of it is there ──▶ views, sinks
//!  the ticks of another data folder ──────┘
//! ```
//! The binding of its tick says what the replay was asked for, until the tick is closed. A start that finds such a binding
//! goes on with the same replay, in the same tick, or is refused.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Sender;
use operators::Tick;
use tokio::sync::oneshot;

use crate::archive::Archive;
use crate::bindings::{Binding, Bound, Unfinished};
use crate::engine::open_data_folder;
use crate::error::{EngineError, ErrorKind};
use crate::line::BoundPast;
use crate::push::{PUSHED_PARTITION, Push, Receipt};
use crate::replay::Replay;
use crate::source::{Arrival, Positions, SourceSpec, Stop};

/// In place of the index of a source: the ticks of another data folder.
pub(crate) const TICKS: u16 = u16::MAX;

/// How many pushed batches may wait to be bound.
const PUSHES_AHEAD_MAX: usize = 64;

/// How many bindings are read at once.
const BINDINGS_AT_ONCE: usize = 1024;

/// A replay that is one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// What it was asked for: only the same replay goes on with one that was interrupted.
    pub asked: String,
    /// Whether it says where reading begins, which only holds for a data folder that is new.
    pub begins: bool,
    /// The ticks that are replayed; if there are none, the sources are read until they end.
    pub ticks: Option<Ticks>,
}

/// Ticks of another data folder, from its first one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// That data folder.
    pub data: PathBuf,
    /// The last tick; `None` for all there are.
    pub upto: Option<Tick>,
}

impl Backfill {
    /// Whether it can be, on a data folder whose last tick is `last`.
    pub(crate) fn check(
        wanted: Option<&Backfill>,
        unfinished: Option<&Unfinished>,
        last: Tick,
    ) -> Result<(), EngineError> {
        let asked = unfinished.map(|unfinished| unfinished.binding.replay.as_deref().unwrap_or_default());
        match (wanted, asked) {
            (Some(wanted), Some(asked)) if wanted.asked == asked => Ok(()),
            (_, Some(asked)) => {
                let what = format!("the data folder holds a replay that was interrupted: `{asked}`");
                Err(EngineError::new(ErrorKind::Invalid, what, "run the same replay again: it goes on where it was"))
            }
            (Some(wanted), None) if wanted.begins && last > 0 => {
                let what = "the data folder is not new, so it is settled already from where its sources are read";
                let help = "leave out where the replay begins, to go on from there; or give it a new data folder";
                Err(EngineError::new(ErrorKind::Invalid, what, help))
            }
            _ => Ok(()),
        }
    }
}

impl Ticks {
    /// Opens the data folder, which is another than that at `own`.
    pub(crate) fn open(&self, own: &Path) -> Result<BoundPast, EngineError> {
        if let (Ok(theirs), Ok(own)) = (self.data.canonicalize(), own.canonicalize())
            && theirs == own
        {
            let what = format!("{} is the data folder that the replay goes to", self.data.display());
            return Err(EngineError::new(ErrorKind::Invalid, what, "give the replay a new data folder"));
        }
        if !self.data.join("bindings.redb").exists() {
            return Err(EngineError::new(
                ErrorKind::NotFound,
                format!("{} is not a data folder: it has no bindings.redb", self.data.display()),
                "name the folder that `data` of its configuration says",
            ));
        }
        let past = open_data_folder(&self.data)?;
        let removed = past.bindings.removed()?;
        if removed > 0 {
            return Err(removed_there(&self.data, removed));
        }
        let first = past.bindings.after(0, 1)?.first().map(|(tick, _)| *tick);
        if first.is_none_or(|first| self.upto.is_some_and(|upto| upto < first)) {
            let what = format!("the data folder {} has no ticks up to then", self.data.display());
            return Err(EngineError::new(
                ErrorKind::NotFound,
                what,
                "name a later tick, or none: then it is all of them",
            ));
        }
        Ok(past)
    }
}

fn removed_there(data: &Path, removed: Tick) -> EngineError {
    let what = format!("the past of the data folder {} up to tick {removed} has been removed", data.display());
    EngineError::new(ErrorKind::Compacted, what, "replay the sources instead, as far as they can be read again")
}

/// Gives the input of ticks to the binder, as if it came now.
pub(crate) struct Rebinding<R> {
    /// What was bound then.
    pub(crate) past: BoundPast,
    /// The last tick.
    pub(crate) upto: Tick,
    pub(crate) sources: Vec<SourceSpec<R>>,
    /// How far the partitions of the sources, by index, are bound here already.
    pub(crate) positions: Vec<Positions>,
    /// Where files are kept here.
    pub(crate) archive: Archive,
    pub(crate) arrivals: Sender<Arrival<R>>,
    pub(crate) pushes: Sender<Push<R>>,
    pub(crate) stop: Stop,
}

/// Pushes whose receipts have not been looked at.
type Pending = VecDeque<oneshot::Receiver<Result<Receipt, EngineError>>>;

impl<R: 'static> Rebinding<R> {
    /// Gives all of it, then says that it has ended.
    pub(crate) fn run(self) {
        let result = match self.give() {
            Err(error) if error.kind == ErrorKind::Stopped => return,
            result => result,
        };
        // The binder has stopped when nobody receives.
        let _ = self.arrivals.send(Arrival::Ended(TICKS, result));
    }

    fn give(&self) -> Result<(), EngineError> {
        let mut replay = Replay::new(self.past.journal.clone(), self.past.archive.clone());
        let (mut kept, mut pushed, mut pending) = (BTreeSet::new(), BTreeMap::new(), Pending::new());
        let mut last = 0;
        loop {
            let bindings = self.past.bindings.after(last, BINDINGS_AT_ONCE)?;
            let bindings = bindings.into_iter().take_while(|(tick, _)| *tick <= self.upto);
            let before = last;
            for (tick, binding) in bindings {
                last = tick;
                let (journal, others) =
                    binding.bound.into_iter().partition::<Vec<_>, _>(|bound| &*bound.partition == PUSHED_PARTITION);
                for bound in journal {
                    self.push_again(&bound, pushed.entry(bound.source.clone()).or_default(), &mut pending)?;
                }
                others.iter().try_for_each(|bound| self.keep(bound, &mut kept))?;
                let others = Binding { bound: others, ..Binding::default() };
                let position = |source: u16, partition: &str| self.position(source, partition);
                for (source, batch) in replay.batches(&others, &self.sources, position)? {
                    self.arrivals.send(Arrival::Batch(source, batch)).map_err(|_| EngineError::stopped())?;
                }
                if self.stop.is_stopped() {
                    return Err(EngineError::stopped());
                }
            }
            if last == before {
                return pending.into_iter().try_for_each(taken);
            }
        }
    }

    fn position(&self, source: u16, partition: &str) -> u64 {
        self.positions.get(usize::from(source)).and_then(|own| own.get(partition)).copied().unwrap_or(0)
    }

    /// Keeps a file here that was kept there.
    fn keep(&self, bound: &Bound, kept: &mut BTreeSet<Arc<str>>) -> Result<(), EngineError> {
        if kept.insert(Arc::clone(&bound.partition))
            && let Ok(path) = self.past.archive.path_of(&bound.partition)
        {
            self.archive.keep(&path)?;
        }
        Ok(())
    }

    /// Pushes again, under the same ids, what was pushed from `next` up to a bound. What is here already is not taken twice.
    fn push_again(&self, bound: &Bound, next: &mut u64, pending: &mut Pending) -> Result<(), EngineError> {
        while *next < bound.upper {
            let Some((head, payload)) = self.past.journal.read(&bound.source, *next)? else {
                return Err(not_in_the_journal(bound));
            };
            *next = head.first_offset + head.records;
            let (source, decoder) = self.decoder(&bound.source)?;
            let batch = decoder.decode(&payload)?;
            let (reply, receipt) = oneshot::channel();
            let push = Push { source, batch_id: head.batch_id, payload, batch, reply };
            self.pushes.send(push).map_err(|_| EngineError::stopped())?;
            pending.push_back(receipt);
            if pending.len() > PUSHES_AHEAD_MAX {
                pending.pop_front().map_or(Ok(()), taken)?;
            }
        }
        Ok(())
    }

    fn decoder(&self, name: &str) -> Result<(u16, &Arc<dyn crate::source::Decoder<R>>), EngineError> {
        let found = (0..).zip(&self.sources).find(|(_, source)| source.name == name);
        found.and_then(|(index, source)| Some((index, source.push.as_ref()?))).ok_or_else(|| {
            let what = format!("batches were pushed to the source `{name}`, which the configuration does not have");
            EngineError::new(ErrorKind::Invalid, what, "add the source, with kind = \"flight\"")
        })
    }
}

/// Whether a push was taken.
fn taken(receipt: oneshot::Receiver<Result<Receipt, EngineError>>) -> Result<(), EngineError> {
    receipt.blocking_recv().unwrap_or_else(|_| Err(EngineError::stopped())).map(drop)
}

fn not_in_the_journal(bound: &Bound) -> EngineError {
    let what = format!("the journal lacks what was pushed to `{}` below offset {}", bound.source, bound.upper);
    EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup")
}
