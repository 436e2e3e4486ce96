//! Sinks that run beside the engine: each on a thread of its own, from where it was durably written, until it is stopped.
//!
//! ```text
//!  engine::Reader ──whole ticks──▶ follow ──a portion, and how far it reaches──▶ target (in one step, or not at all)
//!                                    ▲                                              │
//!                                    └──────────── how far it is written ───────────┘
//! ```
//!
//! How far a target is written is asked of the target alone. So a process that was killed at any moment goes on with the
//! first change that the target has not: nothing is left out, and nothing is written twice.

mod backoff;
mod follow;
mod metrics;
#[cfg(test)]
pub(crate) mod suite;
mod target;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use engine::{EngineError, ErrorKind, Reader, Tick};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::stopping;

pub use crate::stopping::Stopping;
pub(crate) use backoff::Backoff;
pub use follow::{Follow, Start};
pub(crate) use metrics::SinkMetrics;
pub use target::{Portion, Target, Trouble};

/// What runs beside the engine until it is stopped.
pub trait Runs: Send {
    /// Its name, for metrics and messages.
    fn name(&self) -> &str;

    /// Runs. It ends when it is told to stop, or with the reason why it cannot go on.
    fn run(self: Box<Self>, around: Around) -> Result<(), EngineError>;
}

/// What a sink has around it while it runs.
pub struct Around {
    pub(crate) reader: Reader,
    pub(crate) stopping: Stopping,
    pub(crate) runtime: Handle,
    pub(crate) metrics: SinkMetrics,
    /// The folder of the durable state.
    pub(crate) data: PathBuf,
    complete: watch::Sender<Tick>,
}

impl Around {
    /// Says that everything before a tick is written.
    pub(crate) fn complete_before(&self, frontier: Tick) {
        self.complete.send_replace(frontier);
    }

    /// Waits until it is time to stop, or a while has passed; says whether it is.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let mut stopping = self.stopping.clone();
        self.runtime.block_on(async { timeout(patience, stopping.stopped()).await.is_ok() })
    }

    /// Something failed, and is tried again.
    pub(crate) fn failed(&self, name: &str, error: &EngineError) {
        self.metrics.failures.with_label_values(&[name]).inc();
        tracing::warn!(sink = name, %error, "a sink cannot write; it is tried again");
    }
}

/// The sinks that run.
pub struct Sinks {
    running: stopping::Running,
    sinks: Vec<Sink>,
    metrics: SinkMetrics,
    reader: Reader,
}

struct Sink {
    name: String,
    thread: JoinHandle<()>,
    complete: watch::Receiver<Tick>,
}

impl Sinks {
    /// Starts sinks, which write once the engine has replayed the past. `data` is the folder of its durable state. One that
    /// cannot go on is told to the engine's status.
    pub fn start(sinks: Vec<Box<dyn Runs>>, reader: &Reader, data: &Path) -> Result<Sinks, EngineError> {
        let (running, stopping) = stopping::running();
        let metrics = SinkMetrics::register(reader)?;
        let mut started = Vec::new();
        for sink in sinks {
            let name = sink.name().to_owned();
            let (sender, complete) = watch::channel(0);
            metrics.watch(&name, complete.clone());
            let around = Around {
                reader: reader.clone(),
                stopping: stopping.clone(),
                runtime: Handle::current(),
                metrics: metrics.clone(),
                data: data.to_owned(),
                complete: sender,
            };
            started.push(Sink { thread: spawn(sink, around)?, name, complete });
        }
        Ok(Sinks { running, sinks: started, metrics, reader: reader.clone() })
    }

    /// How far they are.
    pub fn watched(&self) -> Reached {
        let sinks = self.sinks.iter().map(|sink| sink.complete.clone()).collect();
        Reached { sinks, reader: self.reader.clone() }
    }

    /// Stops them: each leaves what it has not begun, and goes on with that the next time.
    pub async fn stop(self) {
        drop(self.running);
        let sinks = self.sinks;
        let join = move || {
            for sink in sinks {
                if sink.thread.join().is_err() {
                    tracing::error!(sink = sink.name, "the thread of a sink has panicked");
                }
            }
        };
        if tokio::task::spawn_blocking(join).await.is_err() {
            tracing::error!("sinks were not waited for");
        }
        self.metrics.unregister();
    }
}

/// How far all sinks are.
#[derive(Clone)]
pub struct Reached {
    sinks: Vec<watch::Receiver<Tick>>,
    reader: Reader,
}

impl Reached {
    /// Waits until everything up to and including a tick is written, or a part of the engine has failed.
    pub async fn reached(&self, tick: Tick) -> Result<(), EngineError> {
        for sink in &self.sinks {
            let mut complete = sink.clone();
            tokio::select! {
                reached = complete.wait_for(|complete| *complete > tick) => {
                    // Its thread has ended, and says why.
                    if reached.is_err() {
                        return Err(self.reader.status().part_failed().await);
                    }
                }
                error = self.reader.status().part_failed() => return Err(error),
            }
        }
        Ok(())
    }
}

fn spawn(sink: Box<dyn Runs>, around: Around) -> Result<JoinHandle<()>, EngineError> {
    let reader = around.reader.clone();
    let run = move || {
        let ready = around.runtime.block_on(async {
            let mut stopping = around.stopping.clone();
            tokio::select! {
                () = stopping.stopped() => false,
                ready = around.reader.status().ready() => ready.is_ok(),
            }
        });
        // An engine that has failed says so itself.
        if ready && let Err(error) = sink.run(around) {
            reader.status().sink_failed(error);
        }
    };
    thread::Builder::new().name("sink".to_owned()).spawn(run).map_err(|error| {
        let what = format!("cannot start a thread: {error}");
        EngineError::new(ErrorKind::Unavailable, what, "raise the limit on threads")
    })
}
