//! The public keys of an identity provider: a JWK set, from a file or from where the provider publishes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{EngineError, ErrorKind};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::RwLock;
use serde::Deserialize;

use super::config::JwtConfig;
use super::fetch::Fetcher;
use crate::reloaded::Reloaded;
use crate::setting::SettingError;

/// How many keys a set may have.
const KEYS_MAX: usize = 64;

/// How old a fetched set is before it is fetched again, and how old it may become when that does not succeed.
const AGE_USUAL: Duration = Duration::from_secs(300);
const AGE_MAX: Duration = Duration::from_secs(3600);

/// How long at least from one attempt to fetch to the next, whatever is asked for.
const ATTEMPT_INTERVAL_MIN: Duration = Duration::from_secs(10);

/// The keys of a provider.
pub(super) enum Keys {
    /// In a file, which may be replaced.
    File(Reloaded<KeySet>),
    /// Published.
    Published(Arc<Published>),
}

impl Keys {
    /// The keys that a configuration names; relative paths start in `folder`.
    pub(super) fn new(config: &JwtConfig, folder: &Path) -> Result<Self, SettingError> {
        match (&config.keys_file, &config.keys_url) {
            (Some(path), None) => Keys::in_file(folder.join(path)),
            (None, Some(url)) => {
                let fetcher =
                    Fetcher::new(url).map_err(|(what, help)| SettingError::new("access.jwt.keys_url", what, help))?;
                let (fetched, attempted) = (RwLock::new(None), tokio::sync::Mutex::new(None));
                Ok(Keys::Published(Arc::new(Published { fetcher, fetched, attempted })))
            }
            (Some(_), Some(_)) => {
                Err(SettingError::new("access.jwt", "the keys are in two places", "give keys_file or keys_url"))
            }
            (None, None) => Err(SettingError::new(
                "access.jwt",
                "it does not say where the keys of the issuer are",
                "give `keys_url = \"https://...\"` or `keys_file = \"path\"`",
            )),
        }
    }

    fn in_file(path: PathBuf) -> Result<Self, SettingError> {
        let key = "access.jwt.keys_file";
        let paths = vec![path.clone()];
        let read = move || {
            let bytes = std::fs::read(&path).map_err(|error| SettingError::unreadable(key, &path, &error))?;
            KeySet::parse(&bytes).map_err(|what| {
                let help = "give a JWK set, as an identity provider publishes it: {\"keys\": [...]}";
                SettingError::new(key, format!("{}: {what}", path.display()), help)
            })
        };
        Reloaded::new("the keys of the issuer", paths, read).map(Keys::File)
    }

    /// The key that a token says it is signed with.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, EngineError> {
        let found = match self {
            Keys::File(set) => set.get().find(id, algorithm),
            Keys::Published(published) => published.find(id, algorithm).await?,
        };
        found.ok_or_else(|| {
            EngineError::new(
                ErrorKind::Unauthenticated,
                "the token is signed with a key that is not one of the issuer's",
                "get a token from the issuer that the server trusts",
            )
        })
    }

    /// Fetches what is published, so that the first caller need not wait, and a mistake is seen early.
    pub(super) fn fetch_early(&self) {
        if let Keys::Published(published) = self {
            let published = Arc::clone(published);
            tokio::spawn(async move { published.fetch().await });
        }
    }
}

/// Keys that are published. What was fetched is used while it is fresh; a token with a key that is not known has it
/// fetched again, but not often.
pub(super) struct Published {
    fetcher: Fetcher,
    fetched: RwLock<Option<(Arc<KeySet>, Instant)>>,
    attempted: tokio::sync::Mutex<Option<Instant>>,
}

impl Published {
    async fn find(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Option<DecodingKey>, EngineError> {
        if let Some((key, age)) = self.known(id, algorithm) {
            if age > AGE_USUAL {
                let published = Arc::clone(self);
                tokio::spawn(async move { published.fetch().await });
            }
            return Ok(Some(key));
        }
        self.refresh().await;
        if let Some((key, _)) = self.known(id, algorithm) {
            return Ok(Some(key));
        }
        let is_fresh = self.fetched.read().as_ref().is_some_and(|(_, at)| at.elapsed() < AGE_MAX);
        if is_fresh {
            return Ok(None);
        }
        let what = "the keys of the issuer cannot be fetched, so no token of its can be checked";
        Err(EngineError::new(ErrorKind::Unavailable, what, "try again later; the server's log says why"))
    }

    /// A key that is not too old to be used, and its age.
    fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Option<(DecodingKey, Duration)> {
        let fetched = self.fetched.read();
        let (set, at) = fetched.as_ref()?;
        let age = at.elapsed();
        (age < AGE_MAX).then(|| set.find(id, algorithm)).flatten().map(|key| (key, age))
    }

    /// Fetches them, unless that was tried a moment ago; and to the end, also if the one who asks does not wait for it.
    async fn refresh(self: &Arc<Self>) {
        let published = Arc::clone(self);
        // It does not panic; if it did, the keys would not be there.
        let _ = tokio::spawn(async move { published.fetch().await }).await;
    }

    /// One at a time; whoever comes meanwhile waits for it.
    async fn fetch(&self) {
        let mut attempted = self.attempted.lock().await;
        if attempted.is_some_and(|at| at.elapsed() < ATTEMPT_INTERVAL_MIN) {
            return;
        }
        *attempted = Some(Instant::now());
        let fetched = self.fetcher.fetch().await.and_then(|bytes| KeySet::parse(&bytes));
        match fetched {
            Ok(set) => *self.fetched.write() = Some((Arc::new(set), Instant::now())),
            Err(error) => {
                tracing::warn!(url = %self.fetcher.url(), error, "the keys of the issuer of tokens cannot be fetched");
            }
        }
    }
}

/// The keys of a set that tokens can be checked with.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Written {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a JWK set. Keys for other purposes, or of other kinds, are passed over.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(bytes).map_err(|_| "this is not a JWK set in JSON".to_owned())?;
        if written.keys.len() > KEYS_MAX {
            return Err(format!("the set has {} keys, and at most {KEYS_MAX} are read", written.keys.len()));
        }
        let keys: Vec<Key> = written.keys.into_iter().filter_map(Key::of).collect();
        if keys.is_empty() {
            return Err("the set has no public key for RS256, ES256 or EdDSA (Ed25519)".to_owned());
        }
        Ok(KeySet(keys))
    }

    /// The key with this id, or, where a token names none, the only one for its algorithm.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let mut fitting =
            self.0.iter().filter(|key| key.algorithm == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id)));
        let first = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then(|| first.key.clone())
    }
}

impl Key {
    fn of(written: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(written).ok()?;
        // The kind of the key decides how it is used, whatever a token says.
        let (algorithm, same) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let is_for_signatures =
            jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let is_for_algorithm = jwk.common.key_algorithm.is_none_or(|named| named == same);
        (is_for_signatures && is_for_algorithm).then_some(())?;
        Some(Key { algorithm, key: DecodingKey::from_jwk(&jwk).ok()?, id: jwk.common.key_id })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(keys: serde_json::Value) -> Result<KeySet, String> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn keys_of_other_kinds_and_purposes_are_passed_over() {
        let ed = |id: &str| json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": id});
        let mut encrypting = ed("encrypts");
        encrypting["use"] = "enc".into();
        let set = parse(json!([
            ed("signs"),
            encrypting,
            {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS512", "kid": "other algorithm"},
            {"kty": "EC", "crv": "P-384", "x": X, "y": X, "kid": "other curve"},
            {"kty": "something new"},
            "nonsense",
        ]))
        .unwrap();
        assert_eq!(set.0.iter().map(|key| key.id.as_deref().unwrap()).collect::<Vec<_>>(), ["signs"]);
    }

    #[test]
    fn a_token_without_the_id_of_its_key_is_checked_with_the_only_key_there_is() {
        let ed = |id: &str| json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": id});
        let one = parse(json!([ed("a")])).unwrap();
        assert!(one.find(None, Algorithm::EdDSA).is_some() && one.find(Some("a"), Algorithm::EdDSA).is_some());
        assert!(one.find(Some("b"), Algorithm::EdDSA).is_none() && one.find(None, Algorithm::RS256).is_none());
        let two = parse(json!([ed("a"), ed("b")])).unwrap();
        assert!(two.find(None, Algorithm::EdDSA).is_none() && two.find(Some("b"), Algorithm::EdDSA).is_some());
    }

    #[test]
    fn a_set_of_no_use_is_refused() {
        assert!(KeySet::parse(b"<html>").unwrap_err().contains("not a JWK set"));
        assert!(parse(json!([])).unwrap_err().contains("no public key"));
        assert!(parse(json!([{"kty": "oct", "k": "c2VjcmV0"}])).unwrap_err().contains("no public key"));
        assert!(parse(json!(vec!["x"; KEYS_MAX + 1])).unwrap_err().contains("at most 64"));
    }
}
