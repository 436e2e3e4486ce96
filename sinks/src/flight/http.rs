//! What is served beside Flight, over plain HTTP on the same port: metrics for Prometheus, and health for supervisors.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use engine::Reader;
use prometheus::{Encoder, TextEncoder};

use super::action::Health;

/// The routes. Each is in the table of what is served: [`crate::access::permissions`].
pub(super) fn routes(reader: Reader) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .with_state(reader)
}

async fn index() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "Tieout {version}\n\nArrow Flight is served on this port.\n\n/metrics  for Prometheus\n/livez    whether the process should live\n/readyz   whether views can be read\n"
    )
}

async fn metrics(State(reader): State<Reader>) -> impl IntoResponse {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&reader.metrics().registry().gather(), &mut text) {
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, encoder.format_type().to_owned())], text),
        Err(error) => {
            let plain = [(header::CONTENT_TYPE, "text/plain".to_owned())];
            (StatusCode::INTERNAL_SERVER_ERROR, plain, error.to_string().into_bytes())
        }
    }
}

/// A failed engine does not mend itself: its supervisor should start it again.
async fn alive(State(reader): State<Reader>) -> (StatusCode, String) {
    match reader.status().failure() {
        None => (StatusCode::OK, "alive\n".to_owned()),
        Some(failure) => (StatusCode::SERVICE_UNAVAILABLE, format!("failed: {failure}\n")),
    }
}

async fn ready(State(reader): State<Reader>) -> (StatusCode, String) {
    match Health::check(&reader) {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")),
    }
}
