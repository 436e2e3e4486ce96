//! What every request passes: it is given a correlation id and a line of the log, its caller is known, and may ask.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::{EngineError, ErrorKind};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use tonic::{Code, Status};
use tracing::{Instrument, Span, field, info_span};

use super::correlation::{self, CorrelationId};
use super::metrics::FlightMetrics;
use super::status::to_status;
use crate::access::permissions::{self, Needs};
use crate::access::{Access, Caller};

/// What requests are judged by.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) access: Access,
    pub(super) metrics: FlightMetrics,
}

/// Lets a request through, or answers it.
pub(super) async fn pass(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = CorrelationId::of(request.headers());
    let is_grpc = is_grpc(request.headers());
    let span = info_span!(
        "request",
        correlation_id = id.as_str(),
        caller = field::Empty,
        method = method(request.uri().path()),
        view = field::Empty,
        source = field::Empty,
    );
    let mut response = async {
        match guard.admit(&mut request).await {
            Ok(()) => next.run(request).await,
            Err(Refusal::NotServed) => not_served(is_grpc),
            Err(Refusal::NotAllowed(error)) => {
                tracing::info!(peer = peer(&request), %error, "refused");
                refused(error, is_grpc)
            }
        }
    }
    .instrument(span.clone())
    .await;
    if let Some(reason) = refusal_of(&response) {
        guard.metrics.refused.with_label_values(&[reason]).inc();
    }
    tracing::debug!(
        parent: &span,
        status = response.status().as_u16(),
        grpc_status = response.headers().get("grpc-status").and_then(|code| code.to_str().ok()),
        duration_seconds = started.elapsed().as_secs_f64(),
        "answered"
    );
    if let Some(id) = id.to_header() {
        response.headers_mut().insert(correlation::HEADER, id);
    }
    response
}

enum Refusal {
    /// There is nothing there.
    NotServed,
    /// The caller is not known, or may not.
    NotAllowed(EngineError),
}

impl Guard {
    /// Puts the [`Caller`] into the request, if it may ask.
    async fn admit(&self, request: &mut Request) -> Result<(), Refusal> {
        let path = request.uri().path();
        let needs = permissions::of_path(path).ok_or(Refusal::NotServed)?;
        if needs == Needs::Nothing {
            return Ok(());
        }
        let caller = self.access.authenticate(request.headers()).await.map_err(Refusal::NotAllowed)?;
        Span::current().record("caller", caller.name());
        if let Needs::Permission(permission) = needs {
            caller.authorise(permission, &format!("use {}", method(path))).map_err(Refusal::NotAllowed)?;
        }
        if let Some(shown) = request.headers_mut().get_mut(header::AUTHORIZATION) {
            // From here on it is not printed with the others.
            shown.set_sensitive(true);
        }
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

/// The caller of a request that has passed.
pub(super) fn caller_of<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    // It is there; if it were not, nobody should be let in.
    request.extensions().get::<Caller>().cloned().ok_or_else(|| Status::unauthenticated("the caller is not known"))
}

/// What is logged of a path: the method of Flight, or the path of another. What is not served is not repeated.
fn method(path: &str) -> &str {
    match permissions::of_path(path) {
        Some(_) => path.strip_prefix(permissions::FLIGHT).unwrap_or(path),
        None => "unknown",
    }
}

fn peer(request: &Request) -> Option<String> {
    let extensions = request.extensions();
    let plain = extensions.get::<TcpConnectInfo>();
    let connection = plain.or_else(|| extensions.get::<TlsConnectInfo<TcpConnectInfo>>().map(TlsConnectInfo::get_ref));
    connection.and_then(TcpConnectInfo::remote_addr).map(|address| address.to_string())
}

/// Why a request was refused, by its answer: here, or by the one who was asked.
fn refusal_of(response: &Response) -> Option<&'static str> {
    let grpc_status = Status::from_header_map(response.headers()).map(|status| status.code());
    match (response.status(), grpc_status) {
        (StatusCode::UNAUTHORIZED, _) | (_, Some(Code::Unauthenticated)) => Some("unauthenticated"),
        (StatusCode::FORBIDDEN, _) | (_, Some(Code::PermissionDenied)) => Some("denied"),
        _ => None,
    }
}

/// A client of gRPC understands only its own kind of answer.
fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| content_type.starts_with("application/grpc"))
}

fn refused(error: EngineError, is_grpc: bool) -> Response {
    if is_grpc {
        return to_status(error).into_http();
    }
    let text = format!("{error}\n");
    match error.kind {
        ErrorKind::Denied => (StatusCode::FORBIDDEN, text).into_response(),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, text).into_response(),
        _ => {
            let how = [(header::WWW_AUTHENTICATE, "Bearer realm=\"tieout\", Basic realm=\"tieout\"")];
            (StatusCode::UNAUTHORIZED, how, text).into_response()
        }
    }
}

fn not_served(is_grpc: bool) -> Response {
    if is_grpc {
        let help = "this server speaks Arrow Flight: arrow.flight.protocol.FlightService";
        return Status::unimplemented(format!("there is no such service (help: {help})")).into_http();
    }
    (StatusCode::NOT_FOUND, "not found; see / for what is served\n").into_response()
}
