use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use engine::ErrorKind;
use parking_lot::Mutex;
use serde_json::json;

use super::{Issuer, access, bearer, claims};
use crate::access::Access;

/// A place where keys are published, and how often they were asked for.
struct Place {
    url: String,
    text: Arc<Mutex<(StatusCode, String)>>,
    asked: Arc<AtomicUsize>,
}

impl Place {
    async fn with(status: StatusCode, text: String) -> Self {
        let (text, asked) = (Arc::new(Mutex::new((status, text))), Arc::new(AtomicUsize::new(0)));
        let (given, counted) = (Arc::clone(&text), Arc::clone(&asked));
        let answer = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = given.lock().clone();
            async { answer }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let service = Router::new().route("/keys", get(answer));
        tokio::spawn(async move {
            let mut served = tokio::task::JoinSet::new();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let service = hyper_util::service::TowerToHyperService::new(service.clone());
                served.spawn(async move {
                    let connection = hyper_util::rt::TokioIo::new(connection);
                    let http = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                    let _ = http.serve_connection(connection, service).await;
                });
            }
        });
        Place { url, text, asked }
    }

    fn trusted(&self) -> Access {
        let table = format!(
            "jwt = {{ issuer = \"https://login.example.com/\", audience = \"tieout\", keys_url = \"{}\", roles = {{ desk = \"analyst\" }} }}",
            self.url
        );
        access("".as_ref(), &table).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_then_not_at_the_whim_of_callers() {
    let issuer = Issuer::new("first");
    let place = Place::with(StatusCode::OK, issuer.keys()).await;
    let access = place.trusted();
    let token = issuer.sign("ES256", &claims(json!(["desk"])));
    for _ in 0..3 {
        assert_eq!(bearer(&access, &token).await.unwrap().name(), "ada");
    }
    for number in 0..20 {
        let forged = Issuer::new(&format!("forged-{number}")).sign("ES256", &claims(json!(["desk"])));
        assert_eq!(bearer(&access, &forged).await.unwrap_err().kind, ErrorKind::Unauthenticated);
    }
    assert_eq!(place.asked(), 1);
}

#[tokio::test]
async fn while_keys_cannot_be_fetched_a_client_is_told_to_come_again() {
    let issuer = Issuer::new("first");
    let token = issuer.sign("ES256", &claims(json!(["desk"])));
    // Good, but for its size.
    let large = issuer.keys() + &" ".repeat(1 << 20);
    for (status, text) in [
        (StatusCode::NOT_FOUND, issuer.keys()),
        (StatusCode::FOUND, issuer.keys()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::OK, large),
    ] {
        let place = Place::with(status, text).await;
        let access = place.trusted();
        let error = bearer(&access, &token).await.unwrap_err();
        assert!(error.kind == ErrorKind::Unavailable && error.what.contains("cannot be fetched"), "{error}");
        // Not again at once, even though they are there by now.
        *place.text.lock() = (StatusCode::OK, issuer.keys());
        assert_eq!(bearer(&access, &token).await.unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(place.asked(), 1);
    }
}
