//! Any past tick: what is no longer retained is computed again, from the nearest snapshot, the bindings after it, and the
//! configuration that held then.
//!
//! A view at a tick is a pure function of the input that was bound up to it and of the configuration that held at it. So
//! the same program gives the same rows as were served then, for as long as the input can be read again.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use differential_dataflow::consolidation::consolidate;
use operators::{Data, Tick};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::assembly::{Assembly, Plan};
use crate::bindings::Configured;
use crate::error::{EngineError, ErrorKind};
use crate::line::BoundPast;
use crate::origins::{self, Origin};
use crate::program::{Program, Revive};
use crate::reader::{Request, Snapshot, in_background};
use crate::row::{Key, ViewSpec};
use crate::snapshot::{SnapshotReader, Snapshots};
use crate::source::{SourceSpec, Stop};
use crate::status::Status;
use crate::view::Rows;

/// How many readers may wait for the past; one is answered at a time, since each takes the memory of a whole engine.
const WAITING_MAX: usize = 16;

/// How long an engine of the past is kept for those who ask for more of it.
const KEPT: Duration = Duration::from_secs(30);

/// How many changed rows of the past are given to a reader that resumes.
const CHANGED_ROWS_MAX: usize = 2_000_000;

/// How many ticks an engine of the past retains: all of them.
const RETAINED: Duration = Duration::from_secs(u32::MAX as u64);

/// What comes when it is there.
pub(crate) type Coming<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// The changes of a view, tick by tick.
pub(crate) type TickChanges = BTreeMap<Tick, Rows>;

/// Reads what is no longer retained. Hides what the records are.
pub(crate) trait PastReads: Send + Sync {
    /// A view as of `request.as_of`.
    fn snapshot(&self, request: Request, at: Tick) -> Coming<'_, Snapshot>;

    /// Where the records came from that stand under these keys as of a tick.
    fn origins(&self, keys: BTreeSet<Key>, at: Tick) -> Coming<'_, Vec<Origin>>;

    /// The changes within `(after, upto]` of a view that has these columns.
    fn changes(&self, request: Request, spec: ViewSpec, after: Tick, upto: Tick) -> Coming<'_, TickChanges>;
}

/// Engines of the past, one at a time.
pub(crate) struct Past<R> {
    bound: BoundPast,
    revive: Arc<dyn Revive<R>>,
    workers: usize,
    revived: Arc<Mutex<Option<Revived<R>>>>,
    waiting: Arc<AtomicUsize>,
}

/// An engine of the past.
pub(crate) struct Revived<R> {
    configured: Configured,
    /// The oldest tick that it can show: that of a snapshot, or 0.
    since: Tick,
    /// Whether the snapshot is of the configuration before.
    continues: bool,
    assembly: Assembly<R>,
    sources: Vec<SourceSpec<R>>,
    snapshots: Option<Snapshots<R>>,
    used: Instant,
}

impl<R: Data + Send + Sync> Past<R> {
    /// Reads the past of a data folder.
    pub(crate) fn reads(bound: BoundPast, revive: Arc<dyn Revive<R>>, workers: usize) -> Arc<dyn PastReads> {
        Arc::new(Past { bound, revive, workers, revived: Arc::default(), waiting: Arc::default() })
    }

    /// The configuration that held at a tick, and from when.
    fn configured(&self, tick: Tick) -> Result<Configured, EngineError> {
        let removed = self.bound.bindings.removed()?;
        if tick < removed {
            let what = format!("tick {tick} is before tick {removed}, up to which the past has been removed");
            let help = "ask for a later tick; `snapshots.history_seconds` says how much of the past is kept";
            return Err(EngineError::new(ErrorKind::Compacted, what, help));
        }
        self.bound.bindings.configured_at(tick)?.ok_or_else(|| {
            let what = format!("tick {tick} is before the first of which the configuration was recorded");
            EngineError::new(ErrorKind::Compacted, what, "ask for a later tick, or for the present")
        })
    }

    /// An engine that shows all ticks of a configuration within `[oldest, newest]`.
    async fn revived(
        &self,
        configured: Configured,
        oldest: Tick,
        newest: Tick,
    ) -> Result<OwnedMutexGuard<Option<Revived<R>>>, EngineError> {
        let place = Place::take(&self.waiting)?;
        let mut slot = Arc::clone(&self.revived).lock_owned().await;
        let (bound, revive, workers) = (self.bound.clone(), Arc::clone(&self.revive), self.workers);
        // The place and the turn go along: whoever asked may go away before it is done.
        let revived = in_background(move || {
            let _place = place;
            let removed = bound.bindings.removed()?;
            let is_of_use = |kept: &Revived<R>| {
                kept.configured == configured && kept.since <= oldest && kept.assembly.line.last() >= removed
            };
            let kept = slot.take().filter(is_of_use);
            let mut revived = match kept {
                Some(kept) => kept,
                None => Revived::open(&bound, revive.as_ref(), workers, configured, oldest)?,
            };
            revived.go_on(&bound, newest)?;
            *slot = Some(revived);
            Ok::<_, EngineError>(slot)
        });
        match revived.await.and_then(|slot| slot) {
            Ok(slot) => {
                self.forget_later();
                Ok(slot)
            }
            // It may have been removed since it was asked for: then nothing else is wrong.
            Err(error) => Err(self.configured(oldest).err().unwrap_or_else(|| of_the_past(error))),
        }
    }

    /// Lets go of the engine of the past once nobody has asked for a while.
    fn forget_later(&self) {
        let revived = Arc::downgrade(&self.revived);
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            let Some(revived) = revived.upgrade() else { return };
            let unused = revived.lock().await.take_if(|revived| revived.used.elapsed() >= KEPT);
            // Its threads are waited for.
            let _ = in_background(move || drop(unused)).await;
        });
    }

    /// The sources of the configuration of then read again what they gave up to a tick.
    async fn find_origins(&self, keys: BTreeSet<Key>, at: Tick) -> Result<Vec<Origin>, EngineError> {
        let configured = self.configured(at)?;
        let place = Place::take(&self.waiting)?;
        // One at a time: each reads the whole past.
        let turn = Arc::clone(&self.revived).lock_owned().await;
        let (bound, revive) = (self.bound.clone(), Arc::clone(&self.revive));
        in_background(move || {
            let (_place, _turn) = (place, turn);
            let program = revive.revive(&bound.bindings.configuration(&configured.hash)?)?;
            origins::find(&bound, &program.sources, program.snapshots.as_ref(), &keys, at)
        })
        .await?
    }

    async fn read_snapshot(&self, request: Request, at: Tick) -> Result<Snapshot, EngineError> {
        let revived = self.revived(self.configured(at)?, at, at).await?;
        let Some(revived) = revived.as_ref() else { return Err(EngineError::stopped()) };
        revived.assembly.reader.snapshot(&Request { as_of: Some(at), ..request }).await.map_err(of_the_past)
    }

    /// The changes, configuration by configuration. Where one took the place of another, its first tick changes whatever
    /// it shows otherwise.
    async fn read_changes(
        &self,
        request: Request,
        spec: ViewSpec,
        mut after: Tick,
        upto: Tick,
    ) -> Result<TickChanges, EngineError> {
        let mut changes = TickChanges::new();
        while after < upto {
            let configured = self.configured(after)?;
            let next = self.bound.bindings.configured_after(after)?.map_or(Tick::MAX, |next| next.since);
            let last = upto.min(next - 1);
            let revived = self.revived(configured, after, last).await?;
            let Some(engine) = revived.as_ref() else { return Err(EngineError::stopped()) };
            check_columns(engine.assembly.reader.view(&request.view)?, &spec, last)?;
            changes.extend(engine.assembly.reader.changes(&request, after, last).await.map_err(of_the_past)?);
            drop(revived);
            after = last;
            if next <= upto {
                let changed = self.reconfigured(&request, &spec, last, next).await?;
                changes.insert(next, changed);
                after = next;
            }
            check_size(&changes, &request.view)?;
        }
        changes.retain(|_, rows| !rows.is_empty());
        Ok(changes)
    }

    /// What a view shows otherwise once another configuration holds.
    async fn reconfigured(
        &self,
        request: &Request,
        spec: &ViewSpec,
        last: Tick,
        next: Tick,
    ) -> Result<Rows, EngineError> {
        let before = self.read_snapshot(request.clone(), last).await?;
        let now = self.read_snapshot(request.clone(), next).await?;
        check_columns(&now.spec, spec, next)?;
        let mut rows = now.rows;
        rows.extend(before.rows.into_iter().map(|(row, count)| (row, -count)));
        consolidate(&mut rows);
        Ok(rows)
    }
}

impl<R: Data + Send + Sync> PastReads for Past<R> {
    fn snapshot(&self, request: Request, at: Tick) -> Coming<'_, Snapshot> {
        Box::pin(self.read_snapshot(request, at))
    }

    fn origins(&self, keys: BTreeSet<Key>, at: Tick) -> Coming<'_, Vec<Origin>> {
        Box::pin(self.find_origins(keys, at))
    }

    fn changes(&self, request: Request, spec: ViewSpec, after: Tick, upto: Tick) -> Coming<'_, TickChanges> {
        Box::pin(self.read_changes(request, spec, after, upto))
    }
}

impl<R: Data + Send + Sync> Revived<R> {
    /// An engine of a configuration, as of a snapshot that is not after `oldest`, or of the beginning.
    pub(crate) fn open(
        bound: &BoundPast,
        revive: &dyn Revive<R>,
        workers: usize,
        configured: Configured,
        oldest: Tick,
    ) -> Result<Self, EngineError> {
        let program = revive.revive(&bound.bindings.configuration(&configured.hash)?)?;
        let names = program.sources.iter().map(|source| source.name.clone()).collect();
        let status = Arc::new(Status::new(Vec::new()));
        let Program { graph, sources, texts, snapshots, .. } = program;
        let plan = Plan { workers, cluster: None, retention: RETAINED, graph, names, texts, status, past: None };
        let mut assembly = Assembly::start(plan)?;
        let (mut since, mut continues) = (0, false);
        if let Some(snapshots) = &snapshots
            && let Some(snapshot) = SnapshotReader::newest(snapshots, &bound.bindings, oldest, oldest, &configured)?
        {
            assembly.line.restore(&snapshot)?;
            (since, continues) = (snapshot.given_at, snapshot.continues);
        }
        Ok(Revived { configured, since, continues, assembly, sources, snapshots, used: Instant::now() })
    }

    /// Takes a snapshot of the last tick that it has replayed; gives that tick.
    pub(crate) fn take_snapshot(&self, bound: &BoundPast, stop: &Stop) -> Result<Option<Tick>, EngineError> {
        let Some(snapshots) = self.snapshots.clone() else { return Ok(None) };
        let line = &self.assembly.line;
        if self.since == line.last() && !self.continues {
            return Ok(Some(self.since));
        }
        let order = line.order(self.configured.clone());
        line.snapshots(snapshots, bound.clone(), stop.clone()).take(&order)?;
        Ok(Some(order.tick))
    }

    /// Replays up to a tick.
    pub(crate) fn go_on(&mut self, bound: &BoundPast, upto: Tick) -> Result<(), EngineError> {
        let line = &mut self.assembly.line;
        if upto > line.last() {
            line.replay(bound, &self.sources, upto)?;
            if upto > line.last() {
                line.advance(upto);
            }
            line.catch_up();
        }
        self.used = Instant::now();
        self.assembly.reader.status().failure().map_or(Ok(()), Err)
    }
}

/// A place among those who wait.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, EngineError> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            waiting.fetch_sub(1, Ordering::Relaxed);
            let what = format!("{WAITING_MAX} readers wait for the past already");
            return Err(EngineError::new(ErrorKind::Exhausted, what, "ask again a little later"));
        }
        Ok(Place(Arc::clone(waiting)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// That an engine of the past has ended does not mean that this one stops.
fn of_the_past(error: EngineError) -> EngineError {
    match error.kind {
        ErrorKind::Stopped => {
            let what = "the engine that computed the past has ended; the log says why";
            EngineError::new(ErrorKind::Unavailable, what, "ask again")
        }
        _ => error,
    }
}

fn check_columns(then: &ViewSpec, wanted: &ViewSpec, tick: Tick) -> Result<(), EngineError> {
    if (&then.columns, &then.key) == (&wanted.columns, &wanted.key) {
        return Ok(());
    }
    let what = format!("the view `{}` had other columns at tick {tick} than it has now", wanted.name);
    Err(EngineError::new(ErrorKind::Compacted, what, "take a snapshot again"))
}

fn check_size(changes: &TickChanges, view: &str) -> Result<(), EngineError> {
    let rows: usize = changes.values().map(Vec::len).sum();
    if rows <= CHANGED_ROWS_MAX {
        return Ok(());
    }
    let what = format!("the view `{view}` has changed by more than {CHANGED_ROWS_MAX} rows since then");
    Err(EngineError::new(ErrorKind::Compacted, what, "take a snapshot again"))
}
