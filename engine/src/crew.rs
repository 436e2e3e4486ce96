//! The workers as a crew: started together, and noticed when one of them dies.

use std::sync::Arc;
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use operators::Data;
use parking_lot::Mutex;

use crate::engine::spawn;
use crate::error::{EngineError, ErrorKind};
use crate::frontier::Backlog;
use crate::hub::Hub;
use crate::row::ViewSpec;
use crate::status::Status;
use crate::worker::{Command, Graph, Worker};

/// How often whoever waits for the crew to start looks whether it lives.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(100);

/// What the workers share.
#[derive(Clone)]
pub(crate) struct Around {
    /// Where they report to.
    pub(crate) hub: Arc<Hub>,
    /// What waits for them.
    pub(crate) backlog: Arc<Backlog>,
    /// Where their death is told.
    pub(crate) status: Arc<Status>,
}

/// The workers, once they have built their graphs.
pub(crate) struct Crew<R> {
    pub(crate) workers: Vec<(Sender<Command<R>>, Thread)>,
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
        workers: usize,
        retention: Duration,
        graph: impl Graph<R>,
        around: Around,
    ) -> Result<Self, EngineError> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| unbounded()).unzip();
        let (built, waiting) = unbounded::<Built>();
        let status = Arc::clone(&around.status);
        let thread = spawn("workers", move || {
            let status = Arc::clone(&around.status);
            if let Err(error) = run(retention, graph, receivers, built, around) {
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
        let threads = crew.into_iter().map(|built| built.thread);
        Ok(Crew { workers: senders.into_iter().zip(threads).collect(), specs, first_seen_tables, thread })
    }
}

fn run<R: Data + Send + Sync>(
    retention: Duration,
    graph: impl Graph<R>,
    receivers: Vec<Receiver<Command<R>>>,
    built: Sender<Built>,
    around: Around,
) -> Result<(), EngineError> {
    let timely_config =
        if receivers.len() == 1 { timely::Config::thread() } else { timely::Config::process(receivers.len()) };
    let built = Mutex::new(built);
    let guards = timely::execute(timely_config, move |timely| {
        let _watch = Watch(Arc::clone(&around.status));
        let index = timely.index();
        let worker = Worker::build(timely, &graph, receivers[index].clone(), around.clone(), retention);
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
    });
    let guards = guards.map_err(|error| died(&format!("the workers cannot start: {error}")))?;
    for result in guards.join() {
        result.map_err(|error| died(&format!("a worker has died: {error}")))?;
    }
    Ok(())
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
