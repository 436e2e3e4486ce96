//! Encryption: the one port, served over TLS.
//!
//! Guarantees: TLS 1.2 and 1.3, with rustls and ring. Both HTTP/2 and HTTP/1.1 are offered (ALPN). The files are read anew
//! when they change, and hold for new connections; when they cannot be used, what was read before stays. Limits: 256
//! handshakes at once, ten seconds each.
//!
//! ```toml
//! [tls]
//! certificate = "server.pem"     # the server's certificate, and those between it and its authority
//! key = "server.key"
//! client_ca = "clients.pem"      # clients need a certificate of this authority (mutual TLS); leave it out to have none
//! ```

mod config;
mod incoming;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

pub use config::TlsConfig;
pub(crate) use incoming::incoming;

use crate::reloaded::Reloaded;
use crate::setting::SettingError;

/// How the port is encrypted. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Reloaded<Arc<ServerConfig>>>);

impl Tls {
    /// As it is configured; relative paths start in `folder`.
    pub fn new(config: &TlsConfig, folder: &Path) -> Result<Self, SettingError> {
        let files = Files {
            certificate: folder.join(&config.certificate),
            key: folder.join(&config.key),
            client_ca: config.client_ca.as_ref().map(|path| folder.join(path)),
        };
        let paths = [&files.certificate, &files.key].into_iter().chain(&files.client_ca).cloned().collect();
        let read = move || files.read().map(Arc::new);
        Reloaded::new("the certificate of the server", paths, read).map(|reloaded| Tls(Arc::new(reloaded)))
    }

    /// How a new connection is encrypted.
    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.get())
    }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Files {
    fn read(&self) -> Result<ServerConfig, SettingError> {
        let chain = certificates("tls.certificate", &self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| {
            unusable("tls.key", &self.key, &error, "a private key in PEM (PKCS #8, PKCS #1 or SEC1)")
        })?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| SettingError::new("tls", format!("TLS cannot be used: {error}"), ""))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let refused = |error: &dyn std::fmt::Display| {
                    let what = format!("{}: clients cannot be checked with this: {error}", path.display());
                    SettingError::new("tls.client_ca", what, "give the certificates of authorities, in PEM")
                };
                let mut authorities = RootCertStore::empty();
                for certificate in certificates("tls.client_ca", path)? {
                    authorities.add(certificate).map_err(|error| refused(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(authorities.into(), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|error| refused(&error))?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            let what = format!("this certificate and the key {} cannot be used: {error}", self.key.display());
            SettingError::new("tls.certificate", what, "give the certificate first, and the key that belongs to it")
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, SettingError> {
    let expected = "certificates in PEM: -----BEGIN CERTIFICATE-----";
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(unusable(key, path, &pem::Error::NoItemsFound, expected)),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unusable(key, path, &error, expected)),
    }
}

/// What is in the file is not repeated: it may be a secret.
fn unusable(key: &str, path: &Path, error: &pem::Error, expected: &str) -> SettingError {
    match error {
        pem::Error::Io(error) => SettingError::unreadable(key, path, error),
        _ => SettingError::new(key, format!("{} cannot be used", path.display()), format!("it should hold {expected}")),
    }
}
