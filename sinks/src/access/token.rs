//! Fixed tokens: a secret each, of which only the hash is kept.

use std::path::{Path, PathBuf};

use blake3::Hash;

use super::caller::Caller;
use super::config::TokenConfig;
use crate::reloaded::Reloaded;
use crate::setting::SettingError;

/// How long a secret is at least: 16 random bytes in hexadecimal digits have 32.
const SECRET_BYTES_MIN: usize = 16;
const SECRET_BYTES_MAX: usize = 4096;

/// How many tokens there may be: each is compared with what a caller shows.
const TOKENS_MAX: usize = 1000;

/// The fixed tokens. Those in files are read anew when the files change.
pub(super) struct Tokens(Reloaded<Vec<Token>>);

struct Token {
    caller: Caller,
    hash: Hash,
}

impl Tokens {
    /// Reads the secrets; relative paths start in `folder`.
    pub(super) fn new<'a>(
        configs: impl ExactSizeIterator<Item = (&'a String, &'a TokenConfig)>,
        folder: &Path,
    ) -> Result<Self, SettingError> {
        if configs.len() > TOKENS_MAX {
            let what = format!("there are {} tokens", configs.len());
            return Err(SettingError::new("access.tokens", what, format!("use at most {TOKENS_MAX}")));
        }
        let places =
            configs.map(|(name, config)| Place::of(name, config, folder)).collect::<Result<Vec<_>, SettingError>>()?;
        let paths = places.iter().filter_map(|place| place.path().cloned()).collect();
        let read = move || {
            let tokens = places.iter().map(Place::token).collect::<Result<Vec<_>, _>>()?;
            refuse_twins(&tokens)?;
            Ok(tokens)
        };
        Reloaded::new("the secrets of tokens", paths, read).map(Tokens)
    }

    /// Whose secret this is. Every token is compared, each in constant time, so that the time says nothing of them.
    pub(super) fn caller(&self, name: Option<&str>, secret: &str) -> Option<Caller> {
        let hash = blake3::hash(secret.as_bytes());
        let mut found = None;
        for token in self.0.get().iter() {
            // The comparison of hashes takes the same time whatever they are.
            if token.hash == hash && name.is_none_or(|name| name == token.caller.name()) {
                found = Some(token.caller.clone());
            }
        }
        found
    }
}

/// Where the secret of a token is.
struct Place {
    key: String,
    caller: Caller,
    secret: Secret,
}

enum Secret {
    File(PathBuf),
    Env(String),
}

impl Place {
    fn of(name: &str, config: &TokenConfig, folder: &Path) -> Result<Self, SettingError> {
        let key = format!("access.tokens.{name}");
        if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
            return Err(SettingError::new(key, "this cannot be the name of a token", "use letters, digits, - and _"));
        }
        let secret = match (&config.secret_file, &config.secret_env) {
            (Some(path), None) => Secret::File(folder.join(path)),
            (None, Some(variable)) => Secret::Env(variable.clone()),
            (Some(_), Some(_)) => {
                return Err(SettingError::new(key, "its secret is in two places", "give secret_file or secret_env"));
            }
            (None, None) => {
                let help = "give `secret_file = \"path\"` or `secret_env = \"NAME\"`";
                return Err(SettingError::new(key, "it does not say where its secret is", help));
            }
        };
        let caller = Caller::new(name, &[config.role]).with_sources(config.sources.as_deref());
        Ok(Place { key, caller, secret })
    }

    fn path(&self) -> Option<&PathBuf> {
        match &self.secret {
            Secret::File(path) => Some(path),
            Secret::Env(_) => None,
        }
    }

    fn token(&self) -> Result<Token, SettingError> {
        let (key, text) = match &self.secret {
            Secret::File(path) => {
                let key = format!("{}.secret_file", self.key);
                let text = std::fs::read_to_string(path);
                (key.clone(), text.map_err(|error| SettingError::unreadable(key, path, &error))?)
            }
            Secret::Env(variable) => {
                let key = format!("{}.secret_env", self.key);
                let missing = |_| {
                    let what = format!("the environment variable `{variable}` is not set, or is not text");
                    SettingError::new(key.clone(), what, "set it where tieout is started")
                };
                (key.clone(), std::env::var(variable).map_err(missing)?)
            }
        };
        let secret = text.trim_end_matches(['\r', '\n']);
        let help = "make one with `openssl rand -hex 32`";
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
            let what = format!("the secret has {} letters", secret.len());
            return Err(SettingError::new(key, what, format!("use {SECRET_BYTES_MIN} to 4096: {help}")));
        }
        // It travels in a header.
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SettingError::new(key, "the secret has letters that a header cannot have", help));
        }
        Ok(Token { caller: self.caller.clone(), hash: blake3::hash(secret.as_bytes()) })
    }
}

/// Of two tokens with one secret, nobody could say whose it is.
fn refuse_twins(tokens: &[Token]) -> Result<(), SettingError> {
    for (index, token) in tokens.iter().enumerate() {
        if let Some(twin) = tokens[..index].iter().find(|other| other.hash == token.hash) {
            let what = format!("it has the secret of the token `{}`", twin.caller.name());
            let key = format!("access.tokens.{}", token.caller.name());
            return Err(SettingError::new(key, what, "give each token a secret of its own"));
        }
    }
    Ok(())
}
