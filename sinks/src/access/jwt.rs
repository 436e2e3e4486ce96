//! Signed tokens of an identity provider (JWT).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use engine::{EngineError, ErrorKind};
use jsonwebtoken::errors::ErrorKind as JwtErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::caller::Caller;
use super::config::JwtConfig;
use super::keys::Keys;
use super::role::Role;
use super::signature;
use crate::setting::SettingError;

/// How much the clocks may differ.
const LEEWAY_SECONDS_MAX: u64 = 3600;

/// How many values of the roles' claim are looked at.
const VALUES_MAX: usize = 1000;

/// The algorithms that tokens may be signed with.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Checks the tokens of one issuer.
pub(super) struct Jwt {
    keys: Keys,
    issuer: String,
    audience: String,
    leeway_seconds: u64,
    roles_claim: String,
    roles: BTreeMap<String, Role>,
}

impl Jwt {
    /// As it is configured; relative paths start in `folder`.
    pub(super) fn new(config: &JwtConfig, folder: &Path) -> Result<Self, SettingError> {
        signature::install();
        for (name, value) in
            [("issuer", &config.issuer), ("audience", &config.audience), ("roles_claim", &config.roles_claim)]
        {
            if value.is_empty() {
                let key = format!("access.jwt.{name}");
                return Err(SettingError::new(key, "this is empty", "write what the issuer puts into its tokens"));
            }
        }
        if config.roles.is_empty() {
            let help = "add [access.jwt.roles] with lines such as `\"reconciliation-desk\" = \"analyst\"`";
            return Err(SettingError::new("access.jwt", "no value of its tokens stands for a role", help));
        }
        if config.leeway_seconds > LEEWAY_SECONDS_MAX {
            let what = format!("{} seconds are too many", config.leeway_seconds);
            let help = format!("use at most {LEEWAY_SECONDS_MAX}");
            return Err(SettingError::new("access.jwt.leeway_seconds", what, help));
        }
        Ok(Jwt {
            keys: Keys::new(config, folder)?,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway_seconds: config.leeway_seconds,
            roles_claim: config.roles_claim.clone(),
            roles: config.roles.clone(),
        })
    }

    /// Whether a text can be such a token: three parts.
    pub(super) fn is_like(text: &str) -> bool {
        text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Fetches the keys, if they are published.
    pub(super) fn fetch_early(&self) {
        self.keys.fetch_early();
    }

    /// Whose token this is, if it is genuine and holds now.
    pub(super) async fn caller(&self, token: &str) -> Result<Caller, EngineError> {
        let header = decode_header(token).map_err(|error| refused(error.kind()))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused(&JwtErrorKind::InvalidAlgorithm));
        }
        // What must be understood is not.
        if header.crit.is_some() {
            return Err(refused(&JwtErrorKind::InvalidToken));
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let claims: Map<String, Value> =
            decode(token, &key, &self.validation(header.alg)).map_err(|error| refused(error.kind()))?.claims;
        let name = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        let expires = claims.get("exp").and_then(Value::as_f64).unwrap_or_default();
        let seconds = (expires as u64).saturating_add(self.leeway_seconds);
        let caller = Caller::new(name, &self.roles_of(&claims));
        // A time that the clock cannot show is as good as never.
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let caller = expires.map_or(caller.clone(), |expires| caller.until(expires));
        // The library lets a token live for a second longer than it says.
        caller.check_expiry()?;
        Ok(caller)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.validate_nbf = true;
        validation.leeway = self.leeway_seconds;
        validation
    }

    fn roles_of(&self, claims: &Map<String, Value>) -> Vec<Role> {
        let values: Vec<&str> = match claim(claims, &self.roles_claim) {
            // As in `scope`: words.
            Some(Value::String(text)) => text.split_whitespace().take(VALUES_MAX).collect(),
            Some(Value::Array(values)) => values.iter().take(VALUES_MAX).filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut roles: Vec<Role> = Vec::new();
        for role in values.iter().filter_map(|value| self.roles.get(*value)) {
            if !roles.contains(role) {
                roles.push(*role);
            }
        }
        roles
    }
}

/// The claim at a dotted path. Names of claims may have dots of their own: `https://example.com/roles`.
fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        path.match_indices('.').find_map(|(dot, _)| match claims.get(&path[..dot]) {
            Some(Value::Object(inner)) => claim(inner, &path[dot + 1..]),
            _ => None,
        })
    })
}

/// Why a token is refused. What it says is not repeated.
fn refused(kind: &JwtErrorKind) -> EngineError {
    let (what, help) = match kind {
        JwtErrorKind::ExpiredSignature => ("the token has expired", "get a new one"),
        JwtErrorKind::ImmatureSignature => ("the token does not hold yet", "compare the clocks"),
        JwtErrorKind::InvalidIssuer => ("the token is of another issuer", "get one from the issuer of [access.jwt]"),
        JwtErrorKind::InvalidAudience => {
            ("the token is for another audience", "get one for the audience of [access.jwt]")
        }
        JwtErrorKind::MissingRequiredClaim(_) | JwtErrorKind::InvalidClaimFormat(_) => {
            ("the token does not say what it has to", "it needs exp, iss, aud and sub")
        }
        JwtErrorKind::InvalidSignature => ("the signature of the token is wrong", "get a token from the issuer"),
        JwtErrorKind::InvalidAlgorithm | JwtErrorKind::UnsupportedAlgorithm => {
            ("the token is signed in a way that is not accepted", "sign it with RS256, ES256 or EdDSA")
        }
        _ => ("the token cannot be read", "send a token of the server, or a JWT signed with RS256, ES256 or EdDSA"),
    };
    EngineError::new(ErrorKind::Unauthenticated, what, help)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_its_path_also_where_names_have_dots() {
        let claims = json!({
            "roles": ["a"],
            "realm_access": {"roles": ["b"]},
            "https://example.com/roles": ["c"],
            "resource": {"tie.out": {"roles": ["d"]}},
        });
        let claims = claims.as_object().unwrap();
        for (path, expected) in [
            ("roles", Some("a")),
            ("realm_access.roles", Some("b")),
            ("https://example.com/roles", Some("c")),
            ("resource.tie.out.roles", Some("d")),
            ("realm_access", None),
            ("roles.x", None),
            ("nothing", None),
        ] {
            let found = claim(claims, path).and_then(|value| value.get(0)).and_then(Value::as_str);
            assert_eq!(found, expected, "{path}");
        }
    }
}
