//! Backfill: a replay whose input is one tick, whatever its size, and also if it is interrupted and gone on with.
//!
//! ```text
//!  sources, up to where they are to end ──┐
//!                                         ├──▶ one tick, open until all of it is there ──▶ views, sinks
//!  the ticks of another data folder ──────┘
//! ```
//! Its run says what it was asked for, and the binding of its tick that it is open. A start that finds a replay that has not
//! come to its end goes on with the same one, in the same tick, or is refused.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Sender;
use operators::Tick;
use tokio::sync::oneshot;

use crate::archive::Archive;
use crate::bindings::{Bindings, Bound, RunEvent, Unfinished};
use crate::engine::open_data_folder;
use crate::error::{EngineError, ErrorKind};
use crate::line::BoundPast;
use crate::push::{PUSHED_PARTITION, Push, Receipt};
use crate::replay::{Replay, gone};
use crate::source::{Arrival, Batch, Positions, SourceSpec, Stop};

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
    /// Whether it can be, after what has run on a data folder.
    pub(crate) fn check(
        wanted: Option<&Backfill>,
        unfinished: Option<&Unfinished>,
        bindings: &Bindings,
    ) -> Result<(), EngineError> {
        match (wanted, unfinished.map(Unfinished::asked)) {
            (Some(wanted), Some(asked)) if wanted.asked == asked => Ok(()),
            (_, Some(asked)) => {
                let what = format!("the data folder holds a replay that was interrupted: `{asked}`");
                Err(EngineError::new(ErrorKind::Invalid, what, "run the same replay again: it goes on where it was"))
            }
            (Some(wanted), None) if wanted.begins => wanted.check_new(bindings.last_run()?.as_ref()),
            _ => Ok(()),
        }
    }

    /// Whether nothing has run; or only it: whoever asks once more for what is done, after a crash at its end, is told so.
    fn check_new(&self, last_run: Option<&RunEvent>) -> Result<(), EngineError> {
        if last_run.is_none_or(|run| run.replay.as_ref() == Some(&self.asked)) {
            return Ok(());
        }
        let what = "the data folder is not new, so it is settled already from where its sources are read";
        let help = "leave out where the replay begins, to go on from there; or give it a new data folder";
        Err(EngineError::new(ErrorKind::Invalid, what, help))
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
        let unfinished = past.bindings.unfinished()?;
        if let Some(unfinished) =
            unfinished.filter(|unfinished| self.upto.is_none_or(|upto| upto >= unfinished.since()))
        {
            let what = format!(
                "the data folder {} holds a replay that was interrupted: `{}`",
                self.data.display(),
                unfinished.asked()
            );
            return Err(EngineError::new(ErrorKind::Invalid, what, "finish that one first, or name an earlier tick"));
        }
        Ok(past)
    }

    /// Checks that each source that the ticks took from is there.
    pub(crate) fn check_sources<R>(&self, past: &BoundPast, sources: &[SourceSpec<R>]) -> Result<(), EngineError> {
        let mut last = 0;
        loop {
            let bindings = past.bindings.after(last, BINDINGS_AT_ONCE)?;
            let Some((tick, _)) = bindings.last() else { return Ok(()) };
            last = *tick;
            let within = bindings.iter().filter(|(tick, _)| self.upto.is_none_or(|upto| *tick <= upto));
            for bound in within.flat_map(|(_, binding)| &binding.bound) {
                let found =
                    sources.iter().find(|source| source.name == bound.source).ok_or_else(|| gone(&bound.source))?;
                if &*bound.partition == PUSHED_PARTITION && found.push.is_none() {
                    return Err(takes_no_pushes(&bound.source));
                }
            }
        }
    }
}

fn takes_no_pushes(source: &str) -> EngineError {
    let what = format!("batches were pushed to the source `{source}`, which takes none in this configuration");
    EngineError::new(ErrorKind::Invalid, what, "give it `kind = \"flight\"`")
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
    /// The names of those that follow the configuration, and run themselves.
    pub(crate) anew: Vec<String>,
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
    /// Gives all of it.
    pub(crate) fn give(&self) -> Result<(), EngineError> {
        // Files, and all else that a source has kept to read them again.
        self.archive.take_over(&self.past.archive)?;
        let mut replay = Replay::new(self.past.journal.clone(), self.archive.clone());
        let (mut pushed, mut pending) = (BTreeMap::new(), Pending::new());
        let mut last = 0;
        loop {
            let bindings = self.past.bindings.after(last, BINDINGS_AT_ONCE)?;
            let bindings = bindings.into_iter().take_while(|(tick, _)| *tick <= self.upto);
            let before = last;
            for (tick, binding) in bindings {
                last = tick;
                let bounds = binding.bound.into_iter().filter(|bound| !self.is_read_anew(&bound.source));
                let (journal, others) = bounds.partition::<Vec<_>, _>(|bound| &*bound.partition == PUSHED_PARTITION);
                for bound in journal {
                    self.push_again(&bound, pushed.entry(bound.source.clone()).or_default(), &mut pending)?;
                }
                let from: Vec<u64> = others.iter().map(|bound| self.position(bound)).collect();
                replay.read(&others, &self.sources, &from, |source, batch| {
                    // Where a file ends does not matter any more: all of it is one tick.
                    let batch = Batch { continues: false, ..batch };
                    self.arrivals.send(Arrival::Batch(source, batch)).map_err(|_| EngineError::stopped())
                })?;
                if self.stop.is_stopped() {
                    return Err(EngineError::stopped());
                }
            }
            if last == before {
                return pending.into_iter().try_for_each(taken);
            }
        }
    }

    /// How far a partition is bound here already.
    fn position(&self, bound: &Bound) -> u64 {
        let index = self.sources.iter().position(|source| source.name == bound.source);
        index.and_then(|index| self.positions.get(index)?.get(&bound.partition)).copied().unwrap_or(0)
    }

    /// Whether a source says itself what it has, now as it did then.
    fn is_read_anew(&self, name: &str) -> bool {
        self.anew.iter().any(|anew| anew == name)
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
        found.and_then(|(index, source)| Some((index, source.push.as_ref()?))).ok_or_else(|| takes_no_pushes(name))
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
