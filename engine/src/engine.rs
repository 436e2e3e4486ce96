//! The engine as a whole: opened, fed, read and stopped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, bounded};
use operators::{Data, Tick};

use crate::archive::Archive;
use crate::assembly::{Assembly, Plan};
use crate::backfill::{Backfill, Rebinding, TICKS};
use crate::binder::{Binder, Intakes, Terms};
use crate::bindings::{Bindings, Configuration, Configured, RunEvent, Unfinished};
use crate::cluster::ClusterConfig;
use crate::error::{EngineError, ErrorKind};
use crate::journal::Journal;
use crate::line::{BoundPast, Line};
use crate::past::{Past, Revived};
use crate::program::{Program, Revive};
use crate::push::{Ingest, PUSHED_PARTITION, Push};
use crate::reader::Reader;
use crate::snapshot::{SnapshotReader, Snapshots, Taker};
use crate::source::{Arrival, Outlet, Source, SourceContext, SourceSpec, Stop};
use crate::status::Status;

/// How many batches of sources may wait to be bound.
const ARRIVALS_MAX: usize = 8;

/// The clock that ticks are taken from: microseconds since 1970-01-01, UTC.
pub type Clock = Arc<dyn Fn() -> Tick + Send + Sync>;

/// How an engine runs.
#[derive(Clone)]
pub struct EngineConfig {
    /// Where its durable state is.
    pub data: PathBuf,
    /// How many workers share the work.
    pub workers: usize,
    /// How far back views can be read and readers can resume.
    pub retention: Duration,
    /// What it is configured with.
    pub configuration: Configuration,
    /// Where ticks come from: microseconds since 1970-01-01, UTC.
    pub clock: Clock,
    /// The other processes that share the work, if there are any. Then this is the first of them, and `workers` are those of
    /// each.
    pub cluster: Option<ClusterConfig>,
    /// The replay that it is started for, if it is: then all that is read is one tick.
    pub backfill: Option<Backfill>,
}

impl EngineConfig {
    /// One worker, a minute of the past, the system's clock.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        EngineConfig {
            data: data.into(),
            workers: 1,
            retention: Duration::from_secs(60),
            configuration: Configuration::default(),
            clock: Arc::new(|| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                now.as_micros() as Tick
            }),
            cluster: None,
            backfill: None,
        }
    }
}

/// A running engine.
pub struct Engine {
    reader: Reader,
    ingest: Ingest,
    stop: Stop,
    stop_binder: Sender<()>,
    binder: Option<JoinHandle<()>>,
}

impl Engine {
    /// Opens the data folder, starts the workers and, once the past has been replayed, the sources.
    ///
    /// Returns as soon as views can be asked for; [`Status::ready`] tells when replay is done.
    pub fn start<R: Data + Send + Sync>(config: EngineConfig, program: Program<R>) -> Result<Engine, EngineError> {
        let past = open_data_folder(&config.data)?;
        let ticks = config.backfill.as_ref().and_then(|backfill| backfill.ticks.as_ref());
        let rebound = ticks.map(|ticks| ticks.open(&config.data)).transpose()?;
        let Program { graph, sources, texts, snapshots, revive } = program;
        let status = Arc::new(Status::new(running(&sources, rebound.is_some())));
        let plan = Plan {
            workers: config.workers,
            cluster: config.cluster.clone(),
            retention: config.retention,
            graph,
            names: sources.iter().map(|source| source.name.clone()).collect(),
            texts,
            status: Arc::clone(&status),
            past: revive.clone().map(|revive| Past::reads(past.clone(), revive, config.workers)),
        };
        let Assembly { reader, line, mut ending } = Assembly::start(plan)?;
        let (ingest, pushes) = Ingest::of(&sources);
        let stop = Stop::default();
        let (stop_binder, stopped) = bounded(1);
        let snapshots = snapshots.map(|snapshots| snapshots.until(stop.clone()));
        let history = History { config, past, rebound, sources, snapshots, revive, line, stop: stop.clone() };
        let binder = spawn("binder", move || {
            let result = history.go_on().and_then(|run| bind_until_stopped(run, pushes, stopped));
            if let Err(error) = &result {
                status.fail(error.clone());
            }
            ending.end(result.err().as_ref());
        })?;
        Ok(Engine { reader, ingest, stop, stop_binder, binder: Some(binder) })
    }

    /// Reads its views.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Takes pushed batches.
    pub fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// Stops in order: no more input, what was taken is worked through, readers are told, threads end.
    pub fn shutdown(mut self) {
        self.stop_all();
    }

    fn stop_all(&mut self) {
        self.stop.stop();
        // Closed or full: the binder stops already.
        let _ = self.stop_binder.try_send(());
        if let Some(binder) = self.binder.take()
            && binder.join().is_err()
        {
            tracing::error!("the binder has panicked");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop_all();
    }
}

/// Opens the durable state.
pub(crate) fn open_data_folder(path: &Path) -> Result<BoundPast, EngineError> {
    std::fs::create_dir_all(path).map_err(|error| EngineError::io("make the data folder", path, &error))?;
    // The bindings first: they hold the lock that keeps a second process out.
    let bindings = Bindings::open(&path.join("bindings.redb"))?;
    let (journal, torn) = Journal::open(&path.join("journal"), || bindings.bound_in(PUSHED_PARTITION))?;
    if let Some(torn) = torn {
        tracing::warn!(
            path = %torn.path.display(), position = torn.position, bytes = torn.bytes,
            "cut a torn entry at the end of the journal: the process died while it wrote it, and nobody was told it was taken"
        );
    }
    let archive = Archive::open(path.join("files"))?;
    // The start of the first run is bound before anything is kept.
    if bindings.last()? == 0 && !(journal.is_empty() && archive.is_empty()) {
        return Err(unbound(path));
    }
    Ok(BoundPast { archive, journal, bindings })
}

fn unbound(path: &Path) -> EngineError {
    let what = format!(
        "the data folder {} holds input, but nothing is bound in its bindings.redb: it is gone, or was made anew",
        path.display()
    );
    EngineError::new(ErrorKind::Damaged, what, "restore the data folder from a backup, or start with a new one")
}

/// What a run goes on from.
struct History<R> {
    config: EngineConfig,
    past: BoundPast,
    /// The data folder whose ticks are replayed, if any are.
    rebound: Option<BoundPast>,
    sources: Vec<SourceSpec<R>>,
    snapshots: Option<Snapshots<R>>,
    revive: Option<Arc<dyn Revive<R>>>,
    line: Line<R>,
    stop: Stop,
}

/// A run that has caught up with its past.
struct Run<R> {
    binder: Binder<R>,
    archive: Archive,
    registry: prometheus::Registry,
    /// The data folder whose ticks are replayed, and the last of them, if any are.
    rebound: Option<(BoundPast, Tick)>,
    stop: Stop,
}

impl<R: Data + Send + Sync> History<R> {
    /// Gives the workers the past: a snapshot, if there is one, and the ticks after it. Then begins the run.
    fn go_on(mut self) -> Result<Run<R>, EngineError> {
        let last = self.past.bindings.last()?;
        let begins_at = (self.config.clock)().max(last + 1);
        let unfinished = self.may_start(last)?;
        let (configured, is_new) = self.configured(last, begins_at)?;
        let restored = self.restore(last, &configured)?;
        self.line.replay(&self.past, &self.sources, last)?;
        let replayed = usize::from(self.line.last() > restored);
        let run = RunEvent {
            started: begins_at,
            version: env!("CARGO_PKG_VERSION").into(),
            configuration: configured.hash.clone(),
            workers: (self.config.workers * self.config.cluster.as_ref().map_or(1, ClusterConfig::processes)) as u64,
            ended: false,
            replay: self.config.backfill.as_ref().map(|backfill| backfill.asked.clone()),
        };
        let registry = self.line.registry();
        let archive = self.past.archive.clone();
        let work = self
            .snapshots
            .take()
            .filter(Snapshots::are_taken)
            .map(|snapshots| self.line.snapshots(snapshots, self.past.clone(), self.stop.clone()));
        let taker = work.map(|work| Taker::start(work, restored.max(configured.since), replayed)).transpose()?;
        let clock = Arc::clone(&self.config.clock);
        let terms = Terms { run, configured, one_shot: self.one_shot(), stop: self.stop.clone() };
        let upto = self.config.backfill.and_then(|backfill| backfill.ticks).and_then(|ticks| ticks.upto);
        let rebound = self.rebound.map(|rebound| (rebound, upto.unwrap_or(Tick::MAX)));
        let mut binder = Binder::new(self.sources, self.past, self.line, clock, terms, taker);
        match unfinished {
            Some(unfinished) => binder.go_on_with(unfinished),
            None => binder.begin(begins_at, is_new.then_some(&self.config.configuration.text))?,
        }
        binder.bind_what_the_journal_holds()?;
        binder.catch_up();
        Ok(Run { binder, archive, registry, rebound, stop: self.stop })
    }

    /// What the first tick waits for: by index the sources that are read once, in a replay all that read by themselves.
    fn one_shot(&self) -> BTreeSet<u16> {
        if self.config.backfill.is_some() {
            return running(&self.sources, self.rebound.is_some()).into_iter().collect();
        }
        let pulling = (0..).zip(&self.sources).filter_map(|(index, source)| Some((index, source.pull.as_deref()?)));
        pulling.filter(|(_, source)| source.is_one_shot()).map(|(index, _)| index).collect()
    }

    /// Whether the start can go on with what there is; gives the replay that it goes on with, if there is one.
    fn may_start(&self, last: Tick) -> Result<Option<Unfinished>, EngineError> {
        let (bindings, backfill) = (&self.past.bindings, self.config.backfill.as_ref());
        let unfinished = bindings.unfinished()?;
        Backfill::check(backfill, unfinished.as_ref(), bindings)?;
        let held = bindings.configured_at(last)?;
        if let Some(unfinished) = &unfinished
            && held.is_none_or(|held| held.hash != self.config.configuration.hash)
        {
            return Err(changed_meanwhile(unfinished));
        }
        if let Some((rebound, ticks)) = self.rebound.as_ref().zip(backfill.and_then(|backfill| backfill.ticks.as_ref()))
        {
            ticks.check_sources(rebound, &self.sources)?;
        }
        Ok(unfinished)
    }

    /// What holds in this run, and whether that is new.
    fn configured(&self, last: Tick, begins_at: Tick) -> Result<(Configured, bool), EngineError> {
        let Configuration { hash, text } = &self.config.configuration;
        let held = match self.past.bindings.configured_at(last)? {
            Some(held) if held.hash == *hash => return Ok((held, false)),
            held => held,
        };
        let base = held.map(|held| self.carry_over(held, text, last)).transpose()?.flatten();
        Ok((Configured { since: begins_at, hash: hash.clone(), base }, true))
    }

    /// Where a configuration has changed that does not change how the past is read: takes a snapshot of what the one before
    /// had come to, and gives its tick.
    fn carry_over(&self, held: Configured, text: &str, last: Tick) -> Result<Option<Tick>, EngineError> {
        let takes_snapshots = self.snapshots.as_ref().is_some_and(Snapshots::are_taken);
        let removed = self.past.bindings.removed()?;
        let Some(revive) = self.revive.as_ref().filter(|_| takes_snapshots) else {
            return if removed == 0 { Ok(None) } else { Err(no_snapshot_to_go_on_from(removed)) };
        };
        let old = self.past.bindings.configuration(&held.hash)?;
        if let Some(otherwise) = revive.read_otherwise(&old, text) {
            if removed > 0 {
                return Err(unreadable_again(&otherwise, removed));
            }
            tracing::info!("the configuration reads {otherwise} otherwise than before: the whole past is read again");
            return Ok(None);
        }
        tracing::info!(tick = last, "the configuration has changed: it goes on from the records of the one before");
        let mut before = Revived::open(&self.past, revive.as_ref(), self.config.workers, held, last)?;
        before.go_on(&self.past, last)?;
        before.take_snapshot(&self.past, &self.stop)
    }

    /// Restores the newest snapshot from which everything within the retention can be read; gives its tick.
    fn restore(&mut self, last: Tick, configured: &Configured) -> Result<Tick, EngineError> {
        let Some(snapshots) = &self.snapshots else { return Ok(0) };
        let oldest_read = last.saturating_sub(self.config.retention.as_micros() as Tick);
        let found = SnapshotReader::newest(snapshots, &self.past.bindings, oldest_read, last, configured)?;
        let Some(snapshot) = found else { return Ok(0) };
        self.line.restore(&snapshot)?;
        Ok(snapshot.given_at)
    }
}

fn changed_meanwhile(unfinished: &Unfinished) -> EngineError {
    let what = format!("the configuration has changed since the replay `{}` was interrupted", unfinished.asked());
    let help = "put it back as it was until the replay is done, or start with a new data folder";
    EngineError::new(ErrorKind::Invalid, what, help)
}

fn unreadable_again(otherwise: &str, removed: Tick) -> EngineError {
    let what = format!(
        "the configuration reads {otherwise} otherwise than before, but what was read up to tick {removed} has been removed"
    );
    let help = "put the tables of the sources back as they were (others may be added), or start with a new data folder";
    EngineError::new(ErrorKind::Invalid, what, help)
}

fn no_snapshot_to_go_on_from(removed: Tick) -> EngineError {
    let what = format!(
        "the configuration has changed, and the past up to tick {removed} has been removed: without a snapshot there is nothing to go on from"
    );
    EngineError::new(ErrorKind::Invalid, what, "set `snapshots.every_seconds` to more than 0, at least for this start")
}

fn bind_until_stopped<R: Data + Send + Sync>(
    run: Run<R>,
    pushes: Receiver<Push<R>>,
    stopped: Receiver<()>,
) -> Result<(), EngineError> {
    let Run { mut binder, archive, registry, rebound, stop } = run;
    let (arriving, arrivals) = bounded(ARRIVALS_MAX);
    let (pushing, pushes) = if rebound.is_some() { bounded(ARRIVALS_MAX) } else { (bounded(0).0, pushes) };
    let positions = (0..binder.sources.len()).map(|index| binder.line.positions(index as u16)).collect();
    let mut sources = std::mem::take(&mut binder.sources);
    let (mut threads, mut anew) = (Vec::new(), Vec::new());
    for (index, spec) in (0..).zip(&mut sources) {
        let is_to_run = |source: &mut Box<dyn Source<R>>| rebound.is_none() || source.follows_configuration();
        let Some(mut source) = spec.pull.take_if(is_to_run) else { continue };
        anew.push(spec.name.clone());
        let durable = binder.start_source(index);
        let context = SourceContext {
            positions: durable.positions(),
            outlet: Outlet::new(index, arriving.clone()),
            archive: archive.clone(),
            stop: stop.clone(),
            durable,
            registry: registry.clone(),
        };
        let name = format!("source {}", spec.name);
        threads.push(spawn_giving(&name, index, arriving.clone(), move || source.run(context))?);
    }
    if let Some((past, upto)) = rebound {
        binder.start_source(TICKS);
        let (arrivals, pushes, stop) = (arriving.clone(), pushing.clone(), stop.clone());
        let rebinding = Rebinding { past, upto, sources, anew, positions, archive, arrivals, pushes, stop };
        threads.push(spawn_giving("replay", TICKS, arriving.clone(), move || rebinding.give())?);
    }
    binder.line.status().set_ready();
    let intakes = Intakes { arrivals, pushes, stop: stopped };
    let result = binder.run(&intakes);
    // Those who wait to give something, or for a receipt, are told to stop.
    stop.stop();
    let Intakes { arrivals, pushes, .. } = intakes;
    drop(arrivals);
    for thread in threads {
        while !thread.is_finished() {
            // Who has pushed is told so when the push is let go of.
            drop(pushes.recv_timeout(Duration::from_millis(1)));
        }
        let _ = thread.join();
    }
    drop((arriving, pushing));
    result
}

/// By index, what runs: the sources that read by themselves, or what takes their place and those that follow the configuration.
fn running<R: 'static>(sources: &[SourceSpec<R>], is_rebound: bool) -> Vec<u16> {
    let pulling = (0..).zip(sources).filter_map(|(index, source)| Some((index, source.pull.as_deref()?)));
    let running = pulling.filter(|(_, source)| !is_rebound || source.follows_configuration()).map(|(index, _)| index);
    running.chain(is_rebound.then_some(TICKS)).collect()
}

/// Starts a thread that gives batches, and says how it has ended.
fn spawn_giving<R: Send + 'static>(
    name: &str,
    index: u16,
    arriving: Sender<Arrival<R>>,
    give: impl FnOnce() -> Result<(), EngineError> + Send + 'static,
) -> Result<JoinHandle<()>, EngineError> {
    let who = name.to_owned();
    spawn(name, move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(give)).unwrap_or_else(|_| {
            let what = format!("the thread of {who} has panicked; the log says where");
            Err(EngineError::new(ErrorKind::Damaged, what, "start again, and report it"))
        });
        let result = result.or_else(|error| if error.kind == ErrorKind::Stopped { Ok(()) } else { Err(error) });
        // The binder has stopped when nobody receives.
        let _ = arriving.send(Arrival::Ended(index, result));
    })
}

pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, EngineError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|error| {
        EngineError::new(
            ErrorKind::Unavailable,
            format!("cannot start a thread: {error}"),
            "raise the limit on threads",
        )
    })
}
