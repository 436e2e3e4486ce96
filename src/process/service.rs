//! An engine that runs and is served, and the sinks that run beside it.

use std::net::SocketAddr;
use std::sync::Arc;

use engine::{Engine, EngineConfig, EngineError, Reader, Texts};
use model::{Dictionary, Symbol};
use sinks::Sinks;
use sinks::running::Reached;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Config;

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
    /// Starts an engine; serves it where there is an address to listen on.
    pub(crate) async fn start(config: Config, listen: Option<&str>) -> Result<Self, EngineError> {
        // The address first: where it is taken, nothing has been started.
        let listener = match listen {
            Some(listen) => Some(sinks::bind(listen).await?),
            None => None,
        };
        let engine_config = EngineConfig {
            workers: config.settings.workers,
            retention: config.settings.retention,
            configuration: config.hash,
            ..EngineConfig::new(&config.settings.data)
        };
        let texts = Arc::new(SymbolTexts(config.dictionary));
        let engine = Engine::start(engine_config, config.graphs, config.sources, texts)?;
        let server = listener.map(|listener| {
            let address =
                listener.local_addr().map_err(|error| EngineError::io("listen on", "the address".as_ref(), &error))?;
            let (stop, stopped) = oneshot::channel();
            let stopped = async { drop(stopped.await) };
            let task = tokio::spawn(sinks::serve(engine.reader().clone(), engine.ingest().clone(), listener, stopped));
            Ok(Server { address, stop, task })
        });
        let sinks = Sinks::start(config.outputs.runs(&config.settings.data)?, engine.reader(), &config.settings.data)?;
        Ok(Service { server: server.transpose()?, engine, sinks })
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
        tokio::task::spawn_blocking(move || self.engine.shutdown()).await.map_err(|_| EngineError::stopped())
    }

    /// Leaves it as it is, because the process is about to end: what has failed may never stop in order.
    pub(crate) fn abandon(self) {
        std::mem::forget(self);
    }
}

/// The texts of symbols, for views.
struct SymbolTexts(Dictionary);

impl Texts for SymbolTexts {
    fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
        self.0.text(Symbol::from_bytes(symbol))
    }
}
