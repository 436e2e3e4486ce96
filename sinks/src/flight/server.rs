//! The server: one port for Flight, metrics and health, encrypted if so configured, and guarded.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::middleware;
use engine::journal::ENTRY_BYTES_MAX;
use engine::{EngineError, ErrorKind, Ingest, Reader};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::guard::{self, Guard};
use super::http;
use super::metrics::FlightMetrics;
use super::sink::FlightSink;
use super::stopping::{Stopping, running};
use crate::access::Access;
use crate::tls::{self, Tls};

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

/// Who is served, and how the way to them is encrypted.
#[derive(Clone)]
pub struct Security {
    /// Who may do what.
    pub access: Access,
    /// The encryption, if there is any.
    pub tls: Option<Tls>,
}

impl Security {
    /// Everybody on this machine may do everything, and nothing is encrypted: what holds when nothing is configured.
    pub fn this_machine() -> Self {
        Security { access: Access::this_machine(), tls: None }
    }
}

/// An address that is listened on, and for whom.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    security: Security,
}

impl Listening {
    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens on an address such as `127.0.0.1:8815`. One that other machines reach has to be guarded, or said to be open.
pub async fn bind(listen: &str, security: Security) -> Result<Listening, EngineError> {
    let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, &error))?;
    let address = listener.local_addr().map_err(|error| cannot_listen(listen, &error))?;
    security.access.check_address(address)?;
    if security.access.is_guarded() && security.tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(%address, "tokens come unencrypted: set [tls], unless a proxy before this server encrypts them");
    }
    Ok(Listening { listener, address, security })
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
    listening: Listening,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EngineError> {
    let metrics = FlightMetrics::register(&reader)?;
    let (running, stopping) = running();
    let sink = FlightSink { reader: reader.clone(), ingest, metrics: metrics.clone(), stopping: stopping.clone() };
    let asked = async move {
        shutdown.await;
        drop(running);
    };
    let Listening { listener, security: Security { access, tls }, .. } = listening;
    access.prepare();
    let router = server().add_routes(routes(sink, reader, Guard { access, metrics: metrics.clone() }));
    let serving = async {
        match tls {
            Some(tls) => router.serve_with_incoming_shutdown(tls::incoming(listener, tls), asked).await,
            None => {
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                router.serve_with_incoming_shutdown(incoming, asked).await
            }
        }
    };
    let served = tokio::select! {
        served = serving => served,
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

fn routes(sink: FlightSink, reader: Reader, guard: Guard) -> Routes {
    let flight = FlightServiceServer::new(sink)
        .max_decoding_message_size(DECODED_BYTES_MAX)
        .max_encoding_message_size(ENCODED_BYTES_MAX);
    let routes = Routes::from(http::routes(reader)).add_service(flight).into_axum_router();
    Routes::from(routes.layer(middleware::from_fn_with_state(guard, guard::pass)))
}

/// Ends when the server stops, but some client does not take what it was sent.
async fn drained(mut stopping: Stopping) {
    stopping.stopped().await;
    tokio::time::sleep(DRAIN_MAX).await;
    tracing::warn!("some connections did not end in time, and are left");
}
