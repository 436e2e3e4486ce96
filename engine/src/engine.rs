//! The engine as a whole: opened, fed, read and stopped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, bounded};
use operators::{Data, Tick};

use crate::archive::Archive;
use crate::binder::{Binder, Clock, Intakes};
use crate::bindings::{Bindings, RunEvent};
use crate::cluster::{ClusterConfig, Joined, Peers, head};
use crate::crew::{Around, Crew, Near};
use crate::error::{EngineError, ErrorKind};
use crate::frontier::{Backlog, Frontier};
use crate::hub::Hub;
use crate::journal::Journal;
use crate::mailbox::Mailboxes;
use crate::metrics::Metrics;
use crate::push::{Ingest, PUSHED_PARTITION, Push};
use crate::reader::Reader;
use crate::releaser::Releaser;
use crate::row::Texts;
use crate::source::{Arrival, Durable, Outlet, Source, SourceContext, SourceSpec, Stop};
use crate::status::Status;
use crate::worker::Graph;

/// How many batches of sources may wait to be bound.
const ARRIVALS_MAX: usize = 8;

/// How an engine runs.
#[derive(Clone)]
pub struct EngineConfig {
    /// Where its durable state is.
    pub data: PathBuf,
    /// How many workers share the work.
    pub workers: usize,
    /// How far back views can be read and readers can resume.
    pub retention: Duration,
    /// The hash of the configuration, for the view `runs`.
    pub configuration: String,
    /// Where ticks come from: microseconds since 1970-01-01, UTC.
    pub clock: Clock,
    /// The other processes that share the work, if there are any. Then this is the first of them, and `workers` are those of
    /// each.
    pub cluster: Option<ClusterConfig>,
}

impl EngineConfig {
    /// One worker, a minute of the past, the system's clock.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        EngineConfig {
            data: data.into(),
            workers: 1,
            retention: Duration::from_secs(60),
            configuration: String::new(),
            clock: Arc::new(|| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                now.as_micros() as Tick
            }),
            cluster: None,
        }
    }
}

/// A running engine.
pub struct Engine {
    reader: Reader,
    ingest: Ingest,
    stop: Stop,
    stop_binder: Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Opens the data folder, starts the workers and, once the past has been replayed, the sources.
    ///
    /// Returns as soon as views can be asked for; [`Status::ready`] tells when replay is done.
    pub fn start<R: Data + Send + Sync>(
        config: EngineConfig,
        graph: impl Graph<R>,
        sources: Vec<SourceSpec<R>>,
        texts: Arc<dyn Texts>,
    ) -> Result<Engine, EngineError> {
        let folder = DataFolder::open(&config.data)?;
        let metrics = Metrics::new().map_err(|error| EngineError::new(ErrorKind::Invalid, error.to_string(), ""))?;
        let pulling = (0..).zip(&sources).filter(|(_, source)| source.pull.is_some()).map(|(index, _)| index);
        let status = Arc::new(Status::new(pulling.collect()));
        let mut threads = Vec::new();

        let joined = config.cluster.as_ref().map(|cluster| cluster.join(config.workers)).transpose()?;
        let workers = config.workers * config.cluster.as_ref().map_or(1, ClusterConfig::processes);
        let frontier = Arc::new(Frontier::default());
        let mailboxes = Arc::new(Mailboxes::default());
        let hub = Hub::new(workers, Arc::clone(&frontier), Arc::clone(&mailboxes), metrics.clone());
        let backlog = Arc::new(Backlog::default());
        let reports = Arc::new(Near { hub, backlog: Arc::clone(&backlog) });
        let around = Around { reports, status: Arc::clone(&status) };
        let Joined { peers, members, .. } = joined.unwrap_or_else(|| Joined::alone(config.workers));
        let far = head::link(members, config.workers, &around, &texts)?;
        let peers = Peers { status: Some(Arc::clone(&status)), ..peers };
        let mut crew = Crew::start(peers, config.retention, graph, around)?;
        crew.workers.extend(far.workers);
        let releaser = Arc::new(Releaser::new(crew.workers, crew.specs.len(), backlog));
        threads.extend(far.threads);
        threads.push(crew.thread);

        let (ingest, pushed) = Ingest::of(&sources);
        let reader = Reader::new(
            crew.specs,
            workers,
            Arc::clone(&releaser),
            Arc::clone(&mailboxes),
            Arc::clone(&frontier),
            Arc::clone(&status),
            texts,
            metrics.clone(),
        );

        let is_one_shot = |source: &SourceSpec<R>| source.pull.as_ref().is_some_and(|source| source.is_one_shot());
        let one_shot: BTreeSet<u16> =
            (0..).zip(&sources).filter(|(_, source)| is_one_shot(source)).map(|(index, _)| index).collect();
        let binder = Binder {
            last: folder.bindings.last()?,
            sources,
            bindings: folder.bindings,
            journal: folder.journal,
            archive: folder.archive,
            releaser: Arc::clone(&releaser),
            frontier,
            status: Arc::clone(&status),
            metrics,
            clock: Arc::clone(&config.clock),
            run: RunEvent {
                started: 0,
                version: env!("CARGO_PKG_VERSION").into(),
                configuration: config.configuration.clone(),
                workers: workers as u64,
                ended: false,
            },
            progress: BTreeMap::new(),
            outstanding: VecDeque::new(),
            open: None,
            holding: BTreeSet::new(),
            bands: BTreeMap::new(),
            one_shot,
            durable: BTreeMap::new(),
        };
        let stop = Stop::default();
        let (stop_binder, binder_stopped) = bounded(1);
        threads.push(spawn("binder", {
            let stop = stop.clone();
            move || {
                if let Err(error) = bind_until_stopped(binder, pushed, binder_stopped, &stop) {
                    mailboxes.fail_all(&error);
                    status.fail(error);
                }
                mailboxes.fail_all(&EngineError::stopped());
                releaser.stop();
            }
        })?);
        Ok(Engine { reader, ingest, stop, stop_binder, threads })
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
        for thread in self.threads.drain(..).rev() {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine has panicked");
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop_all();
    }
}

/// The durable state, open.
struct DataFolder {
    archive: Archive,
    journal: Journal,
    bindings: Bindings,
}

impl DataFolder {
    fn open(path: &Path) -> Result<Self, EngineError> {
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
        Ok(DataFolder { archive: Archive::open(path.join("files"))?, journal, bindings })
    }
}

fn bind_until_stopped<R: Send + 'static>(
    mut binder: Binder<R>,
    pushes: Receiver<Push<R>>,
    stopped: Receiver<()>,
    stop: &Stop,
) -> Result<(), EngineError> {
    binder.replay()?;
    binder.begin()?;
    binder.bind_what_the_journal_holds()?;
    binder.catch_up();
    binder.holding = binder.one_shot.clone();
    let (arriving, arrivals) = bounded(ARRIVALS_MAX);
    let mut running = Vec::new();
    for index in 0..binder.sources.len() {
        let Some(source) = binder.sources[index].pull.take() else { continue };
        let positions = binder.positions(index as u16);
        let durable = Durable::new(positions.clone());
        binder.durable.insert(index as u16, durable.clone());
        let context = SourceContext {
            positions,
            outlet: Outlet::new(index as u16, arriving.clone()),
            archive: binder.archive.clone(),
            stop: stop.clone(),
            durable,
            registry: binder.metrics.registry().clone(),
        };
        running.push(run_source(index as u16, source, context, arriving.clone())?);
    }
    binder.status.set_ready();
    let intakes = Intakes { arrivals, pushes, stop: stopped };
    let result = binder.run(&intakes);
    // Closes the channels: sources that wait to give a batch are told to stop.
    stop.stop();
    drop((intakes, arriving));
    for source in running {
        let _ = source.join();
    }
    result
}

fn run_source<R: Send + 'static>(
    index: u16,
    mut source: Box<dyn Source<R>>,
    context: SourceContext<R>,
    arriving: Sender<Arrival<R>>,
) -> Result<JoinHandle<()>, EngineError> {
    spawn(&format!("source {}", source.name()), move || {
        let result = source.run(context);
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
