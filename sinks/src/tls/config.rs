//! The table `[tls]`.

use std::path::PathBuf;

use serde::Deserialize;

/// How the port is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate, and those between it and its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// The authorities whose certificates clients need; without it they need none.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}
