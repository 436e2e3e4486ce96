//! The connection.

use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use engine::journal::ENTRY_BYTES_MAX;
use engine::{EngineError, ErrorKind};
use tonic::transport::{Channel, Endpoint};

const CONNECT_MAX: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How much the server may send ahead, on one stream and on one connection.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// Connects to `host:port`, with or without `grpc://`, `grpc+tcp://` or `http://` before it.
pub(super) async fn connect(address: &str) -> Result<FlightServiceClient<Channel>, EngineError> {
    let plain =
        ["grpc+tcp://", "grpc://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme)).unwrap_or(address);
    let endpoint = Endpoint::from_shared(format!("http://{plain}")).map_err(|error| {
        let what = format!("`{address}` is not an address: {error}");
        EngineError::new(ErrorKind::Invalid, what, "write a host and a port, such as 127.0.0.1:8815")
    })?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_MAX)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true);
    let channel = endpoint.connect().await.map_err(|error| unreachable_at(plain, &error))?;
    Ok(FlightServiceClient::new(channel)
        .max_decoding_message_size(ENTRY_BYTES_MAX)
        .max_encoding_message_size(ENTRY_BYTES_MAX))
}

fn unreachable_at(address: &str, error: &tonic::transport::Error) -> EngineError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = format!("cannot reach a server at {address}: {cause}");
    EngineError::new(
        ErrorKind::Unavailable,
        what,
        "start one with `tieout run`, or give the address that it listens on",
    )
}
