//! The table `[access]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::role::Role;

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessConfig {
    /// Everybody may do everything, from wherever they reach the server.
    #[serde(default)]
    pub open: bool,
    /// The role of a caller who shows nothing; refused if it is not given.
    #[serde(default)]
    pub anonymous: Option<Role>,
    /// Fixed tokens, by the name of whoever has them.
    #[serde(default)]
    pub tokens: BTreeMap<String, TokenConfig>,
    /// Signed tokens of an identity provider.
    #[serde(default)]
    pub jwt: Option<JwtConfig>,
}

/// The table `[access.tokens.<name>]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The role of whoever shows it.
    pub role: Role,
    /// The file whose one line is the secret.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The environment variable that is the secret.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// The only sources that may be pushed to with it.
    #[serde(default)]
    pub sources: Option<Vec<String>>,
}

/// The table `[access.jwt]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// Who must have issued a token (`iss`).
    pub issuer: String,
    /// Whom it must be for (`aud`).
    pub audience: String,
    /// A file with the public keys of the issuer (a JWK set).
    #[serde(default)]
    pub keys_file: Option<PathBuf>,
    /// Where the issuer publishes them.
    #[serde(default)]
    pub keys_url: Option<String>,
    /// Where in a token the roles are: a dotted path.
    #[serde(default = "roles_claim_default")]
    pub roles_claim: String,
    /// The role that each of the issuer's values stands for.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// How much the clocks of the issuer and of this machine may differ.
    #[serde(default = "leeway_seconds_default")]
    pub leeway_seconds: u64,
}

fn roles_claim_default() -> String {
    "roles".to_owned()
}

fn leeway_seconds_default() -> u64 {
    60
}
