//! The secret that all processes of a cluster know. It is proved, never sent.

use std::path::Path;

use crate::error::{EngineError, ErrorKind};

/// The length of the shortest secret.
const BYTES_MIN: usize = 16;

/// The size of the largest file of a secret.
const FILE_BYTES_MAX: u64 = 4096;

/// A random number that is used once.
pub(super) type Nonce = [u8; 16];

/// The secret, as a key. It is not shown: there is no `Debug`.
#[derive(Clone)]
pub struct Secret([u8; blake3::KEY_LEN]);

impl Secret {
    /// The secret that is this text; white space around it is no part of it.
    pub fn new(text: &str) -> Result<Self, EngineError> {
        let text = text.trim();
        if text.len() < BYTES_MIN {
            let what = format!("the secret of the cluster has fewer than {BYTES_MIN} bytes");
            return Err(EngineError::new(ErrorKind::Invalid, what, "make one with: openssl rand -hex 32"));
        }
        Ok(Secret::of(text))
    }

    /// The secret in a file.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let failed = |error| EngineError::io("read the secret of the cluster in", path, &error);
        if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
            let what = format!("the secret of the cluster in {} has more than {FILE_BYTES_MAX} bytes", path.display());
            return Err(EngineError::new(
                ErrorKind::Invalid,
                what,
                "give a file that holds the secret and nothing else",
            ));
        }
        Secret::new(&std::fs::read_to_string(path).map_err(failed)?)
    }

    /// No secret: for processes that only this machine can reach.
    pub(super) fn none() -> Self {
        Secret::of("")
    }

    fn of(text: &str) -> Self {
        Secret(blake3::derive_key("tieout 2026-11-26 cluster secret", text.as_bytes()))
    }

    /// Proves, by who says it, that one knows the secret. Bound to the greeting and to both sides' random numbers, so a
    /// proof that was overheard is of no use.
    pub(super) fn proof(&self, by: By, greeting: &[u8], nonces: [&Nonce; 2]) -> Proof {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(by.label()).update(nonces[0]).update(nonces[1]).update(greeting);
        Proof(*hasher.finalize().as_bytes())
    }
}

/// Who proves something. One's proof must not serve as that of the other.
#[derive(Clone, Copy)]
pub(super) enum By {
    Caller,
    Called,
}

impl By {
    fn label(self) -> &'static [u8; 6] {
        match self {
            By::Caller => b"caller",
            By::Called => b"called",
        }
    }
}

/// That one knows the secret.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Proof([u8; blake3::OUT_LEN]);

impl Proof {
    /// Whether it is the one that was expected; takes the same time whatever differs.
    pub(super) fn is(&self, expected: &Proof) -> bool {
        blake3::Hash::from_bytes(self.0) == blake3::Hash::from_bytes(expected.0)
    }
}

/// A random number that nobody can guess.
pub(super) fn nonce() -> Result<Nonce, EngineError> {
    let mut nonce = Nonce::default();
    getrandom::fill(&mut nonce).map_err(|error| {
        EngineError::new(ErrorKind::Unavailable, format!("the system gives no random numbers: {error}"), "")
    })?;
    Ok(nonce)
}
