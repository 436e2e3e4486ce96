//! The connection.

use std::fmt;
use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use engine::journal::ENTRY_BYTES_MAX;
use engine::{EngineError, ErrorKind};
use tonic::metadata::{AsciiMetadataValue, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

const CONNECT_MAX: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(20);

/// How much the server may send ahead, on one stream and on one connection.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// How an address begins that is connected to with encryption, and without.
const ENCRYPTED: [&str; 2] = ["grpc+tls://", "https://"];
const PLAIN: [&str; 3] = ["grpc+tcp://", "grpc://", "http://"];

/// The methods of Flight, each with the token of the client.
pub(super) type Service = FlightServiceClient<InterceptedService<Channel, Shows>>;

/// What a client shows, and whom it trusts. It cannot be printed: it holds secrets.
#[derive(Clone, Default)]
pub struct Identification {
    /// The token, if the server wants one.
    pub token: Option<String>,
    /// The authorities whose certificates are trusted, in PEM; those of the system if none are given.
    pub authorities: Option<Vec<u8>>,
    /// The certificate of the client and its key, in PEM, if the server wants them.
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for Identification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identification").field("has_token", &self.token.is_some()).finish_non_exhaustive()
    }
}

/// Shows the token with each request.
#[derive(Clone, Debug)]
pub(super) struct Shows(Option<AsciiMetadataValue>);

impl Shows {
    fn new(token: Option<&str>) -> Result<Self, EngineError> {
        let Some(token) = token else { return Ok(Shows(None)) };
        let value = MetadataValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_| {
            let help =
                "it is one line of letters, digits and signs: look for other letters in the file or the variable";
            EngineError::new(ErrorKind::Invalid, "the token cannot be sent", help)
        })?;
        value.set_sensitive(true);
        Ok(Shows(Some(value)))
    }
}

impl Interceptor for Shows {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// Connects to `host:port`. `grpc+tls://` or `https://` before it asks for encryption; `grpc://`, `grpc+tcp://`, `http://`
/// or nothing for none.
pub(super) async fn connect(address: &str, identification: &Identification) -> Result<Service, EngineError> {
    let without = |schemes: &[&str]| schemes.iter().find_map(|scheme| address.strip_prefix(scheme));
    let (is_encrypted, place) = match (without(&ENCRYPTED), without(&PLAIN)) {
        (Some(place), _) => (true, place),
        (None, place) => (false, place.unwrap_or(address)),
    };
    if !is_encrypted && (identification.authorities.is_some() || identification.certificate.is_some()) {
        let what = format!("certificates are given, and the connection to `{address}` is not encrypted");
        return Err(EngineError::new(ErrorKind::Invalid, what, format!("write the address as grpc+tls://{place}")));
    }
    let invalid = |error: &dyn fmt::Display| {
        let what = format!("`{address}` is not an address: {error}");
        EngineError::new(ErrorKind::Invalid, what, "write a host and a port, such as 127.0.0.1:8815")
    };
    let scheme = if is_encrypted { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{place}")).map_err(|error| invalid(&error))?;
    let mut endpoint = endpoint
        .connect_timeout(CONNECT_MAX)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true);
    if is_encrypted {
        endpoint = endpoint.tls_config(encryption(identification)).map_err(|error| unusable(&error))?;
    }
    if identification.token.is_some() && !is_encrypted && !is_this_machine(place) {
        tracing::warn!("the token is sent unencrypted; grpc+tls:// encrypts it");
    }
    let shows = Shows::new(identification.token.as_deref())?;
    let channel = endpoint.connect().await.map_err(|error| unreachable_at(place, is_encrypted, &error))?;
    Ok(FlightServiceClient::with_interceptor(channel, shows)
        .max_decoding_message_size(ENTRY_BYTES_MAX)
        .max_encoding_message_size(ENTRY_BYTES_MAX))
}

/// Whether an address is plainly one of this machine.
fn is_this_machine(place: &str) -> bool {
    ["127.", "localhost:", "[::1]:"].iter().any(|near| place.starts_with(near))
}

fn encryption(identification: &Identification) -> ClientTlsConfig {
    let config = match &identification.authorities {
        Some(authorities) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authorities)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match &identification.certificate {
        Some((certificate, key)) => config.identity(Identity::from_pem(certificate, key)),
        None => config,
    }
}

fn unusable(error: &tonic::transport::Error) -> EngineError {
    let what = format!("the certificates cannot be used: {}", cause_of(error));
    EngineError::new(ErrorKind::Invalid, what, "give certificates and keys in PEM")
}

fn unreachable_at(address: &str, is_encrypted: bool, error: &tonic::transport::Error) -> EngineError {
    let what = format!("cannot reach a server at {address}: {}", cause_of(error));
    let help = if is_encrypted {
        "look whether the server has [tls], whether its certificate is for this name, and whether its authority is trusted (--ca)"
    } else {
        "start one with `tieout run`, or give the address that it listens on (grpc+tls://host:port, if it has [tls])"
    };
    EngineError::new(ErrorKind::Unavailable, what, help)
}

fn cause_of(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
