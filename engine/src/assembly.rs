//! Workers, the line to them, and the reader of what they hold: an engine without a binder.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use operators::Data;

use crate::cluster::{ClusterConfig, Joined, Peers, head};
use crate::crew::{Around, Crew, Near};
use crate::error::{EngineError, ErrorKind};
use crate::frontier::{Backlog, Frontier};
use crate::hub::Hub;
use crate::line::{Ends, Line};
use crate::mailbox::Mailboxes;
use crate::metrics::Metrics;
use crate::past::PastReads;
use crate::reader::{Reader, Sight};
use crate::releaser::Releaser;
use crate::row::Texts;
use crate::status::Status;
use crate::worker::Graph;

/// What an assembly is made from.
pub(crate) struct Plan<R> {
    pub(crate) workers: usize,
    /// The other processes, if there are any; the workers are those of each.
    pub(crate) cluster: Option<ClusterConfig>,
    /// How far back views can be read from the workers.
    pub(crate) retention: Duration,
    pub(crate) graph: Box<dyn Graph<R>>,
    /// The names of the sources, by index.
    pub(crate) names: Vec<String>,
    pub(crate) texts: Arc<dyn Texts>,
    pub(crate) status: Arc<Status>,
    /// Where what is not retained is read, if anywhere.
    pub(crate) past: Option<Arc<dyn PastReads>>,
}

/// Workers that run, and the ways to and from them.
pub(crate) struct Assembly<R> {
    pub(crate) reader: Reader,
    pub(crate) line: Line<R>,
    pub(crate) ending: Ending<R>,
}

/// What ends an assembly.
pub(crate) struct Ending<R> {
    releaser: Arc<Releaser<R>>,
    mailboxes: Arc<Mailboxes>,
    threads: Vec<JoinHandle<()>>,
}

impl<R: Data + Send + Sync> Assembly<R> {
    pub(crate) fn start(plan: Plan<R>) -> Result<Self, EngineError> {
        let Plan { workers, cluster, retention, graph, names, texts, status, past } = plan;
        let metrics = Metrics::new().map_err(|error| EngineError::new(ErrorKind::Invalid, error.to_string(), ""))?;
        let frontier = Arc::new(Frontier::default());
        let mailboxes = Arc::new(Mailboxes::default());
        let joined = cluster.as_ref().map_or_else(|| Ok(Joined::alone(workers)), |cluster| cluster.join(workers))?;
        let all_workers = workers * cluster.as_ref().map_or(1, ClusterConfig::processes);
        let hub = Hub::new(all_workers, Arc::clone(&frontier), Arc::clone(&mailboxes), metrics.clone());
        let backlog = Arc::new(Backlog::default());
        let reports = Arc::new(Near { hub, backlog: Arc::clone(&backlog) });
        let around = Around { reports, status: Arc::clone(&status) };
        let far = head::link(joined.members, workers, &around, &texts)?;
        let peers = Peers { status: Some(Arc::clone(&status)), ..joined.peers };
        let mut crew = Crew::start(peers, retention, graph, around)?;
        crew.workers.extend(far.workers);
        let releaser = Releaser::new(crew.workers, crew.specs.len(), crew.first_seen_tables, backlog);
        let releaser = Arc::new(releaser);
        let sight = Sight {
            mailboxes: Arc::clone(&mailboxes),
            frontier: Arc::clone(&frontier),
            status: Arc::clone(&status),
            texts: Arc::clone(&texts),
            metrics: metrics.clone(),
            past,
        };
        let reader = Reader::new(crew.specs, all_workers, Arc::clone(&releaser), sight);
        let line = Line::new(Ends { releaser: Arc::clone(&releaser), frontier, texts, status, metrics }, names);
        let threads = std::iter::once(crew.thread).chain(far.threads).collect();
        Ok(Assembly { reader, line, ending: Ending { releaser, mailboxes, threads } })
    }
}

impl<R> Ending<R> {
    /// Tells readers why, if it is a failure, and that it is the end; stops the workers.
    pub(crate) fn end(&mut self, failure: Option<&EngineError>) {
        if let Some(error) = failure {
            self.mailboxes.fail_all(error);
        }
        self.mailboxes.fail_all(&EngineError::stopped());
        self.releaser.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the workers has panicked");
            }
        }
    }
}

impl<R> Drop for Ending<R> {
    fn drop(&mut self) {
        self.end(None);
    }
}
