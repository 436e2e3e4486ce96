//! Fetching what an identity provider publishes: over https, or over http from this machine.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long fetching may take, and how much may come.
const FETCH_MAX: Duration = Duration::from_secs(5);
const FETCHED_BYTES_MAX: usize = 256 << 10;

/// Fetches one address. It follows no redirections: they could lead away from https.
pub(super) struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    url: Uri,
}

impl Fetcher {
    /// Fetches from `url`; else what is wrong with it, and what to do.
    pub(super) fn new(url: &str) -> Result<Self, (String, String)> {
        let help = "write `keys_url = \"https://...\"`; http is for 127.0.0.1 only";
        let refused = |what: String| (what, help.to_owned());
        let url: Uri = url.parse().map_err(|_| refused(format!("`{url}` is not an address")))?;
        let host = url.host().ok_or_else(|| refused(format!("`{url}` names no host")))?;
        let connector = match url.scheme_str() {
            Some("https") => {
                let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider());
                let rootless = |error| refused(format!("the certificates of this system cannot be read: {error}"));
                builder.map_err(rootless)?.https_only().enable_http1().build()
            }
            Some("http") if is_this_machine(host) => {
                let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
                let builder = builder.with_safe_default_protocol_versions();
                let builder = builder.map_err(|error| refused(format!("TLS cannot be used: {error}")))?;
                let config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
                HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build()
            }
            _ => return Err(refused(format!("keys from `{url}` could be forged on their way"))),
        };
        Ok(Fetcher { client: Client::builder(TokioExecutor::new()).build(connector), url })
    }

    /// The address.
    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// What is there now.
    pub(super) async fn fetch(&self) -> Result<Bytes, String> {
        tokio::time::timeout(FETCH_MAX, self.fetch_patiently())
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} seconds", FETCH_MAX.as_secs())))
    }

    async fn fetch_patiently(&self) -> Result<Bytes, String> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.url.clone();
        let answer = self.client.request(request).await.map_err(|error| with_cause(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the answer is {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), FETCHED_BYTES_MAX);
        Ok(body.collect().await.map_err(|error| error.to_string())?.to_bytes())
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", with_cause(cause)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for url in
            ["https://login.example.com/keys", "http://127.0.0.1:1/keys", "http://localhost/keys", "http://[::1]/"]
        {
            assert!(Fetcher::new(url).is_ok(), "{url}");
        }
        for url in [
            "http://login.example.com/keys",
            "ftp://127.0.0.1/keys",
            "keys",
            "/keys",
            "http://",
            "http://127.0.0.1.example.com/",
        ] {
            assert!(Fetcher::new(url).is_err(), "{url}");
        }
    }
}
