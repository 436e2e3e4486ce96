//! Who may do what: callers are known by tokens, and have roles.
//!
//! ```text
//!  header `authorization` ──▶ credentials ─┬─▶ fixed tokens ──────┐
//!                                          └─▶ signed tokens ─────┼─▶ Caller ──▶ authorise(permission) ──▶ the endpoint
//!  no header ─────────────────────────────────▶ anonymous, if any ┘                  ▲
//!                                              the one table: `permissions.rs` ──────┘
//! ```
//! Guarantees: what is not in the table is not served. Secrets are neither kept (only their hashes are), nor logged, nor
//! put into errors. A stream ends when the token that opened it has expired. Without a table `[access]` everybody may do
//! everything, and only this machine is served.
//!
//! ```toml
//! [access]
//! anonymous = "viewer"
//!
//! [access.tokens.loader]
//! role = "analyst"
//! secret_file = "secrets/loader"
//! sources = ["broker"]
//!
//! [access.jwt]
//! issuer = "https://login.example.com/"
//! audience = "tieout"
//! keys_url = "https://login.example.com/keys"
//! roles = { "reconciliation-desk" = "analyst" }
//! ```

mod caller;
mod config;
mod credentials;
mod fetch;
mod jwt;
mod keys;
pub(crate) mod permissions;
mod role;
mod signature;
#[cfg(test)]
pub(crate) mod tests;
mod token;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::http::HeaderMap;
use engine::{EngineError, ErrorKind};

pub use caller::Caller;
pub use config::{AccessConfig, JwtConfig, TokenConfig};
pub(crate) use credentials::Credentials;
pub use role::{Permission, Role};

use crate::setting::SettingError;
use jwt::Jwt;
use token::Tokens;

/// Who may do what. Cheap to clone.
#[derive(Clone)]
pub struct Access(Policy);

#[derive(Clone)]
enum Policy {
    /// Everybody may do everything. Whether that was asked for; else only this machine is served.
    Open { is_asked_for: bool },
    /// Callers show tokens.
    Guarded(Arc<Known>),
}

/// Who is known, and by what.
struct Known {
    anonymous: Option<Caller>,
    tokens: Tokens,
    jwt: Option<Jwt>,
}

impl Access {
    /// Everybody on this machine may do everything: what holds when nothing is configured.
    pub fn this_machine() -> Self {
        Access(Policy::Open { is_asked_for: false })
    }

    /// As it is configured; relative paths start in `folder`.
    pub fn new(config: &AccessConfig, folder: &Path) -> Result<Self, SettingError> {
        let names_somebody = config.anonymous.is_some() || !config.tokens.is_empty() || config.jwt.is_some();
        match (config.open, names_somebody) {
            (true, false) => return Ok(Access(Policy::Open { is_asked_for: true })),
            (true, true) => {
                let help = "leave out `open`, or everything else of [access]";
                return Err(SettingError::new("access.open", "the server cannot be open and guarded", help));
            }
            (false, false) => {
                let help = "add [access.tokens.<name>], [access.jwt] or `anonymous = \"viewer\"`; or `open = true`";
                return Err(SettingError::new("access", "nobody could do anything", help));
            }
            (false, true) => {}
        }
        Ok(Access(Policy::Guarded(Arc::new(Known {
            anonymous: config.anonymous.map(|role| Caller::new("anonymous", &[role])),
            tokens: Tokens::new(config.tokens.iter(), folder)?,
            jwt: config.jwt.as_ref().map(|jwt| Jwt::new(jwt, folder)).transpose()?,
        }))))
    }

    /// Whether callers show tokens.
    pub(crate) fn is_guarded(&self) -> bool {
        matches!(self.0, Policy::Guarded(_))
    }

    /// Refuses to serve other machines when nobody has said that they may do everything.
    pub(crate) fn check_address(&self, address: SocketAddr) -> Result<(), EngineError> {
        match self.0 {
            Policy::Open { is_asked_for: false } if !address.ip().is_loopback() => Err(EngineError::new(
                ErrorKind::Invalid,
                format!("other machines can reach {address}, and anybody there could do everything"),
                "say in the configuration who may do what ([access]); or that everybody may do everything, with \
                 `open = true` in [access]; or listen on 127.0.0.1",
            )),
            _ => Ok(()),
        }
    }

    /// Fetches what will be needed, if that takes time.
    pub(crate) fn prepare(&self) {
        if let Policy::Guarded(known) = &self.0
            && let Some(jwt) = &known.jwt
        {
            jwt.fetch_early();
        }
    }

    /// Who asks, by what the headers of the request show.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, EngineError> {
        let Known { anonymous, tokens, jwt } = match &self.0 {
            Policy::Open { .. } => return Ok(Caller::new("anonymous", &[Role::Admin])),
            Policy::Guarded(known) => known.as_ref(),
        };
        let known = match Credentials::of(headers)? {
            None => return anonymous.clone().ok_or_else(nothing_shown),
            Some(Credentials::Basic { name, secret }) => tokens.caller(Some(&name), &secret),
            Some(Credentials::Bearer(token)) => match (tokens.caller(None, &token), jwt) {
                (None, Some(jwt)) if Jwt::is_like(&token) => Some(jwt.caller(&token).await?),
                (known, _) => known,
            },
        };
        known.ok_or_else(|| {
            let help = "check the token, or the name and the secret: it may have been replaced";
            EngineError::new(ErrorKind::Unauthenticated, "the token is not known here", help)
        })
    }
}

fn nothing_shown() -> EngineError {
    EngineError::new(
        ErrorKind::Unauthenticated,
        "this server wants to know who asks",
        "send a token, as the header `authorization: Bearer <token>`",
    )
}
