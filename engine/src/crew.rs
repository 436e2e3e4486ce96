//! The workers as a crew: started together, and noticed when one of them dies.

use std::sync::Arc;
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use operators::{Data, Tick};
use parking_lot::Mutex;
use timely::WorkerConfig;
use timely::communication::AllocatorBuilder;
use timely::communication::allocator::zero_copy::initialize::CommsGuard;
use timely::execute::execute_from;
use timely::worker::Worker as Timely;

use crate::cluster::Peers;
use crate::engine::spawn;
use crate::error::{EngineError, ErrorKind};
use crate::frontier::Backlog;
use crate::hub::Hub;
use crate::row::ViewSpec;
use crate::status::Status;
use crate::view::Change;
use crate::way::Way;
use crate::worker::{Command, Graph, Worker};

/// How often whoever waits for the crew to start looks whether it lives.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(100);

/// What the workers share.
#[derive(Clone)]
pub(crate) struct Around {
    /// Where they report to.
    pub(crate) reports: Arc<dyn Reports>,
    /// Where their death is told.
    pub(crate) status: Arc<Status>,
}

/// Who is told what workers have done.
pub(crate) trait Reports: Send + Sync {
    /// Every tick before `frontier` is complete with a worker, and so much has changed in the views that are followed.
    fn report(&self, worker: usize, frontier: Tick, changes: Vec<Change>);
    /// Rows that were given are taken.
    fn taken(&self, rows: usize);
}

/// The hub and the backlog of this process.
pub(crate) struct Near {
    pub(crate) hub: Hub,
    pub(crate) backlog: Arc<Backlog>,
}

impl Reports for Near {
    fn report(&self, worker: usize, frontier: Tick, changes: Vec<Change>) {
        self.hub.report(worker, frontier, changes);
    }
    fn taken(&self, rows: usize) {
        self.backlog.remove(rows);
    }
}

/// The workers of this process, once they have built their graphs.
pub(crate) struct Crew<R> {
    pub(crate) workers: Vec<Way<R>>,
    pub(crate) specs: Vec<ViewSpec>,
    pub(crate) first_seen_tables: usize,
    pub(crate) thread: JoinHandle<()>,
}

struct Built {
    index: usize,
    thread: Thread,
    specs: Vec<ViewSpec>,
    first_seen_tables: usize,
}

impl<R: Data + Send + Sync> Crew<R> {
    /// Starts the workers, and waits until each has built its graph.
    pub(crate) fn start(
        peers: Peers,
        retention: Duration,
        graph: impl Graph<R>,
        around: Around,
    ) -> Result<Self, EngineError> {
        let workers = peers.workers;
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| unbounded()).unzip();
        let (built, waiting) = unbounded::<Built>();
        let status = Arc::clone(&around.status);
        let thread = spawn("workers", move || {
            let status = Arc::clone(&around.status);
            if let Err(error) = run(peers, retention, graph, receivers, built, around) {
                status.fail(error);
            }
        })?;
        let mut crew: Vec<Built> = Vec::new();
        while crew.len() < workers {
            match waiting.recv_timeout(LIVENESS_INTERVAL) {
                Ok(worker) => crew.push(worker),
                Err(RecvTimeoutError::Timeout) if !status.has_failed() => {}
                Err(_) => return Err(status.failure().unwrap_or_else(EngineError::stopped)),
            }
        }
        crew.sort_by_key(|built| built.index);
        let specs = crew.first().map(|built| built.specs.clone()).unwrap_or_default();
        let first_seen_tables = crew.first().map_or(0, |built| built.first_seen_tables);
        let ways = senders.into_iter().zip(crew).map(|(sender, built)| Way::Here(sender, built.thread));
        Ok(Crew { workers: ways.collect(), specs, first_seen_tables, thread })
    }
}

fn run<R: Data + Send + Sync>(
    peers: Peers,
    retention: Duration,
    graph: impl Graph<R>,
    receivers: Vec<Receiver<Command<R>>>,
    built: Sender<Built>,
    around: Around,
) -> Result<(), EngineError> {
    let built = Mutex::new(built);
    let status = Arc::clone(&around.status);
    let first = peers.first_worker();
    let work = move |timely: &mut Timely| {
        let _watch = Watch(Arc::clone(&around.status));
        let index = timely.index();
        let worker = Worker::build(timely, &graph, receivers[index - first].clone(), around.clone(), retention);
        // Whoever starts the crew waits for every worker, so the receiver is there.
        let _ = built.lock().send(Built {
            index,
            thread: thread::current(),
            specs: worker.views().specs(),
            first_seen_tables: worker.first_seen_tables(),
        });
        worker.run(timely);
        if around.status.has_failed() {
            // Its dataflow waits for what a dead worker will never send.
            for dataflow in timely.installed_dataflows() {
                timely.drop_dataflow(dataflow);
            }
        }
    };
    let (seats, links) = seats(peers)?;
    let guards = execute_from(seats, Box::new(()), WorkerConfig::default(), work);
    let guards = guards.map_err(|error| died(&format!("the workers cannot start: {error}")))?;
    let results = guards.join();
    if status.has_failed() {
        // The threads of the links wait for what a process that is gone will never send.
        std::mem::forget(links);
    }
    results.into_iter().try_for_each(|result| result.map_err(|error| died(&format!("a worker has died: {error}"))))
}

/// The places of the workers of this process among all, and the threads that link them with other processes.
fn seats(peers: Peers) -> Result<(Vec<AllocatorBuilder>, Option<CommsGuard>), EngineError> {
    if !peers.is_alone() {
        return peers.seats().map(|(seats, links)| (seats, Some(links)));
    }
    let alone = if peers.workers == 1 { timely::Config::thread() } else { timely::Config::process(peers.workers) };
    let (seats, _nothing) =
        alone.communication.try_build().map_err(|error| died(&format!("the workers cannot start: {error}")))?;
    Ok((seats, None))
}

/// Tells at once that a worker dies. Those who join the workers would learn of it only when all the others have ended.
struct Watch(Arc<Status>);

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(died("a worker has died; the log says why"));
        }
    }
}

fn died(what: &str) -> EngineError {
    EngineError::new(ErrorKind::Damaged, what, "restart it; if it dies again, keep the data folder and report it")
}
