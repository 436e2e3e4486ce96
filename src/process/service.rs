//! An engine that runs and is served.

use std::net::SocketAddr;
use std::sync::Arc;

use engine::cluster::ClusterConfig;
use engine::{Engine, EngineConfig, EngineError, Reader};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::process::SymbolTexts;

/// An engine that runs, and the server that serves it.
pub(crate) struct Service {
    engine: Engine,
    server: Option<Server>,
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EngineError>>,
}

impl Service {
    /// Starts an engine, as the head of a cluster where there is one; serves it where there is an address to listen on.
    pub(crate) async fn start(
        config: Config,
        listen: Option<&str>,
        cluster: Option<ClusterConfig>,
    ) -> Result<Self, EngineError> {
        // The address first: where it is taken, nothing has been started.
        let listener = match listen {
            Some(listen) => Some(sinks::bind(listen).await?),
            None => None,
        };
        let engine_config = EngineConfig {
            workers: config.settings.workers,
            retention: config.settings.retention,
            configuration: config.hash,
            cluster,
            ..EngineConfig::new(config.settings.data)
        };
        let texts = Arc::new(SymbolTexts(config.dictionary));
        let start = move || Engine::start(engine_config, config.graphs, config.sources, texts);
        // It waits for the other processes of a cluster.
        let engine = tokio::task::spawn_blocking(start).await.map_err(|_| EngineError::stopped())??;
        let server = listener.map(|listener| {
            let address =
                listener.local_addr().map_err(|error| EngineError::io("listen on", "the address".as_ref(), &error))?;
            let (stop, stopped) = oneshot::channel();
            let stopped = async { drop(stopped.await) };
            let task = tokio::spawn(sinks::serve(engine.reader().clone(), engine.ingest().clone(), listener, stopped));
            Ok(Server { address, stop, task })
        });
        Ok(Service { server: server.transpose()?, engine })
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

    /// Stops in order: the server acknowledges what it has taken and tells its readers; then the engine works through it.
    pub(crate) async fn stop(self) -> Result<(), EngineError> {
        if let Some(Server { stop, task, .. }) = self.server {
            // Nobody to tell: the server has stopped already.
            let _ = stop.send(());
            task.await.unwrap_or_else(|_| Err(EngineError::stopped()))?;
        }
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
