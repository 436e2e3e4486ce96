//! An engine that runs and is served, and the sinks that run beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use connectors::StoredRecords;
use engine::cluster::ClusterConfig;
use engine::snapshot::{Snapshots, Store};
use engine::{Backfill, Engine, EngineConfig, EngineError, Program, Reader, Revive};
use model::{Dictionary, Record};
use sinks::Sinks;
use sinks::running::Reached;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::disk;
use crate::config::{self, Config};
use crate::process::SymbolTexts;

/// An engine that runs, the server that serves it, and the sinks that write what changes in it.
pub(crate) struct Service {
    engine: Engine,
    server: Option<Server>,
    sinks: Sinks,
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EngineError>>,
}

impl Service {
    /// Starts an engine, as the head of a cluster where there is one, and for a replay if it is one; serves it where there is
    /// an address to listen on.
    pub(crate) async fn start(
        mut config: Config,
        listen: Option<&str>,
        cluster: Option<ClusterConfig>,
        backfill: Option<Backfill>,
    ) -> Result<Self, EngineError> {
        // The address first: where it is taken, nothing has been started.
        let listening = match listen {
            Some(listen) => Some(sinks::bind(listen, config.security.clone()).await?),
            None => None,
        };
        let engine_config = EngineConfig {
            workers: config.settings.workers,
            retention: config.settings.retention,
            configuration: config.configuration.clone(),
            cluster,
            backfill,
            ..EngineConfig::new(&config.settings.data)
        };
        let (data, outputs) = (config.settings.data.clone(), std::mem::take(&mut config.outputs));
        let program = program_of(config)?;
        // It waits for the other processes of a cluster.
        let start = tokio::task::spawn_blocking(move || Engine::start(engine_config, program));
        let engine = start.await.map_err(|_| EngineError::stopped())??;
        disk::measure(data.clone(), engine.reader().metrics().registry())?;
        let server = listening.map(|listening| {
            let address = listening.address();
            let (stop, stopped) = oneshot::channel();
            let stopped = async { drop(stopped.await) };
            let task = tokio::spawn(sinks::serve(engine.reader().clone(), engine.ingest().clone(), listening, stopped));
            Server { address, stop, task }
        });
        let sinks = Sinks::start(outputs.runs(&data)?, engine.reader(), &data)?;
        Ok(Service { server, engine, sinks })
    }

    /// Reads the engine's views.
    pub(crate) fn reader(&self) -> &Reader {
        self.engine.reader()
    }

    /// Where it is served.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(|server| server.address)
    }

    /// Waits until the engine or the server has failed; says why.
    pub(crate) async fn failed(&mut self) -> EngineError {
        let status = self.engine.reader().status();
        let Some(server) = &mut self.server else { return status.failed().await };
        tokio::select! {
            error = status.failed() => error,
            ended = &mut server.task => match ended {
                Ok(Err(error)) => error,
                Ok(Ok(())) | Err(_) => EngineError::stopped(),
            },
        }
    }

    /// The sinks.
    pub(crate) fn sinks(&self) -> Reached {
        self.sinks.watched()
    }

    /// Stops in order: the server acknowledges what it has taken and tells its readers; the sinks leave what they have not
    /// begun for the next time; then the engine works through what it was given.
    pub(crate) async fn stop(self) -> Result<(), EngineError> {
        if let Some(Server { stop, task, .. }) = self.server {
            // Nobody to tell: the server has stopped already.
            let _ = stop.send(());
            task.await.unwrap_or_else(|_| Err(EngineError::stopped()))?;
        }
        self.sinks.stop().await;
        let reader = self.engine.reader().clone();
        let shutdown = tokio::task::spawn_blocking(move || self.engine.shutdown());
        tokio::select! {
            ended = shutdown => ended.map_err(|_| EngineError::stopped()),
            // What has failed may never end in order.
            error = reader.status().failed() => Err(error),
        }
    }

    /// Leaves it as it is, because the process is about to end: what has failed may never stop in order.
    pub(crate) fn abandon(self) {
        std::mem::forget(self);
    }
}

/// What the engine runs.
fn program_of(config: Config) -> Result<Program<Record>, EngineError> {
    let store = config.snapshots.store(&config.settings.data)?;
    let dictionary = config.dictionary.clone();
    let (every, history) = (config.snapshots.every, config.snapshots.history);
    let revival = Revival { store, every, history, dictionary };
    let program = revival.program(config);
    Ok(Program { revive: Some(Arc::new(revival)), ..program })
}

/// Makes programs of configurations that were recorded. Their snapshots are in the same place, and their texts in the same
/// dictionary, so that what is read of the past is shown like the present.
struct Revival {
    store: Store,
    every: Duration,
    history: Option<Duration>,
    dictionary: Dictionary,
}

impl Revival {
    fn program(&self, config: Config) -> Program<Record> {
        let codec = StoredRecords::new(&config.source_names, &config.dataflows.attributes, &self.dictionary);
        let (store, codec) = (self.store.clone(), Arc::new(codec));
        let snapshots = Snapshots { store, codec, every: self.every, history: self.history };
        let texts = Arc::new(SymbolTexts(self.dictionary.clone()));
        Program { snapshots: Some(snapshots), ..Program::new(config.graphs, config.sources, texts) }
    }
}

impl Revive<Record> for Revival {
    fn revive(&self, text: &str) -> Result<Program<Record>, EngineError> {
        Ok(self.program(Config::recorded(text, &self.dictionary)?))
    }

    fn read_otherwise(&self, old: &str, new: &str) -> Option<String> {
        config::read_otherwise(old, new)
    }
}
