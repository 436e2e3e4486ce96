//! The server: one port for Flight, metrics and health.

use std::future::Future;
use std::io;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use engine::journal::ENTRY_BYTES_MAX;
use engine::{EngineError, ErrorKind, Ingest, Reader};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::http;
use super::metrics::FlightMetrics;
use super::sink::FlightSink;
use crate::stopping::{Stopping, running};

/// How large a message may be that a client sends.
const DECODED_BYTES_MAX: usize = ENTRY_BYTES_MAX;

/// How large a message may be that is sent: only a single row that is larger than usual comes near.
const ENCODED_BYTES_MAX: usize = ENTRY_BYTES_MAX;

/// How much a client may send ahead, on one stream and on one connection.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// How often a silent connection is asked whether it still lives, and how long it may take to answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long connections may take to end once the server stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Listens on an address such as `127.0.0.1:8815`.
pub async fn bind(listen: &str) -> Result<TcpListener, EngineError> {
    TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, &error))
}

fn cannot_listen(listen: &str, error: &io::Error) -> EngineError {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another process, perhaps another tieout, listens there: stop it, or set another port with `listen = \"127.0.0.1:8816\"`"
        }
        io::ErrorKind::AddrNotAvailable => {
            "the address is not one of this machine's: set one that is, or 0.0.0.0 for all, with `listen = \"...\"`"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 are for the system: set a higher one with `listen = \"127.0.0.1:8815\"`"
        }
        _ => "write `listen` as an address and a port, such as \"127.0.0.1:8815\"",
    };
    EngineError::new(ErrorKind::Unavailable, format!("cannot listen on {listen}: {error}"), help)
}

/// Serves Flight, metrics and health on one port until `shutdown`; then ends what is open, and returns.
///
/// Stop the server before the engine: what clients have pushed is acknowledged then, and readers are told to come back.
pub async fn serve(
    reader: Reader,
    ingest: Ingest,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EngineError> {
    let metrics = FlightMetrics::register(&reader)?;
    let (running, stopping) = running();
    let sink = FlightSink { reader: reader.clone(), ingest, metrics: metrics.clone(), stopping: stopping.clone() };
    let asked = async move {
        shutdown.await;
        drop(running);
    };
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = tokio::select! {
        served = server().add_routes(routes(sink, reader)).serve_with_incoming_shutdown(incoming, asked) => served,
        () = drained(stopping) => Ok(()),
    };
    metrics.unregister();
    served.map_err(|error| {
        EngineError::new(
            ErrorKind::Unavailable,
            format!("the server has failed: {error}"),
            "see the log, and start it again",
        )
    })
}

fn server() -> Server {
    Server::builder()
        .accept_http1(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}

fn routes(sink: FlightSink, reader: Reader) -> Routes {
    let flight = FlightServiceServer::new(sink)
        .max_decoding_message_size(DECODED_BYTES_MAX)
        .max_encoding_message_size(ENCODED_BYTES_MAX);
    Routes::from(http::routes(reader)).add_service(flight)
}

/// Ends when the server stops, but some client does not take what it was sent.
async fn drained(mut stopping: Stopping) {
    stopping.stopped().await;
    tokio::time::sleep(DRAIN_MAX).await;
    tracing::warn!("some connections did not end in time, and are left");
}
