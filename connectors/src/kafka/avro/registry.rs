//! A schema registry, asked over HTTP as Confluent's is.
//!
//! Two kinds of requests are all that is needed of it. Its answers are kept by `schemas`, and that it does not know an id must be
//! told from an address that leads nowhere: see docs/decisions/0022 for why no library does this.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use engine::setting::ConfigError;
use engine::{EngineError, ErrorKind};
use parking_lot::Mutex;
use serde::Deserialize;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use url::Url;

use super::config::AvroConfig;
use super::prepared::SchemaTexts;
use crate::layout::Scope;

/// How long the registry has for an answer. Then it is asked again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before it is asked again.
pub(super) const RETRY: Duration = Duration::from_millis(500);

/// How often a warning is logged at most.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// How long an answer may be.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// How many schemas one may refer to, through others too.
const REFERENCES_MAX: usize = 256;

/// What the registry says where there is no such subject, version or schema, as opposed to an address that leads nowhere.
const NOT_FOUND: [u32; 3] = [40401, 40402, 40403];

/// A registry.
pub(crate) struct Registry {
    source: String,
    url: Url,
    agent: Agent,
    /// A secret.
    authorization: Option<String>,
    warned: Mutex<Option<Instant>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// To be tried again.
    Later(String),
    Fatal(EngineError),
}

/// A schema as the registry tells it.
#[derive(Deserialize)]
struct Told {
    schema: String,
    #[serde(default, rename = "schemaType")]
    kind: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: u32,
}

/// What it says when it has none.
#[derive(Deserialize)]
struct Refused {
    error_code: u32,
}

impl Registry {
    /// The registry of a configuration, if it has one.
    pub(super) fn new(config: &AvroConfig, key: &str, scope: &Scope<'_>) -> Result<Option<Registry>, ConfigError> {
        let error = |setting: &str, what: &str, help: &str| ConfigError::new(format!("{key}.{setting}"), what, help);
        let Some(address) = &config.registry else {
            let settings = [
                ("username", config.username.is_some()),
                ("password", config.password.is_some()),
                ("token", config.token.is_some()),
                ("ca_file", config.ca_file.is_some()),
            ];
            return match settings.into_iter().find(|(_, is_set)| *is_set) {
                None => Ok(None),
                Some((setting, _)) => {
                    Err(error(setting, "is for a registry, and there is none", "set avro.registry, or take it out"))
                }
            };
        };
        let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            return Err(error("registry", "is not the address of a registry", "write it as http://host:8081"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            let help = "write the user in avro.username, and where the password is in avro.password";
            return Err(error("registry", "a secret does not belong in a configuration", help));
        }
        let mut tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
        if let Some(path) = &config.ca_file {
            let found = certificates(&scope.folder.join(path));
            tls = tls.root_certs(found.map_err(|what| error("ca_file", &what, "give a file of certificates in PEM"))?);
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER_TIMEOUT))
            .http_status_as_error(false)
            .user_agent(concat!("tieout/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build()
            .new_agent();
        let authorization = authorization(config, key, scope.folder)?;
        Ok(Some(Registry { source: scope.name.to_owned(), url, agent, authorization, warned: Mutex::default() }))
    }

    /// The schema with an id, and those that it refers to; `None` if the registry does not know it.
    pub(super) fn schema(&self, id: u32) -> Result<Option<SchemaTexts>, Trouble> {
        let Some(told) = self.get(&["schemas", "ids", &id.to_string()])? else { return Ok(None) };
        let mut references = Vec::new();
        self.collect(told.references, &mut references, &mut Vec::new())?;
        let references = references.into_iter().map(|(_, text)| text).collect();
        Ok(Some(SchemaTexts { kind: told.kind, text: told.schema, references }))
    }

    /// Collects what is referred to, each after what it refers to itself.
    fn collect(
        &self,
        wanted: Vec<Reference>,
        found: &mut Vec<((String, u32), String)>,
        inside: &mut Vec<(String, u32)>,
    ) -> Result<(), Trouble> {
        for Reference { subject, version } in wanted {
            let place = (subject, version);
            if inside.contains(&place) || found.iter().any(|(known, _)| *known == place) {
                continue;
            }
            if found.len() + inside.len() >= REFERENCES_MAX {
                return Err(self.later(&format!("a schema refers to more than {REFERENCES_MAX} others")));
            }
            let told = self.get(&["subjects", &place.0, "versions", &place.1.to_string()])?;
            let Some(told) = told else {
                return Err(
                    self.later(&format!("it has no version {} of `{}`, which a schema refers to", place.1, place.0))
                );
            };
            inside.push(place.clone());
            self.collect(told.references, found, inside)?;
            inside.pop();
            found.push((place, told.schema));
        }
        Ok(())
    }

    /// Asks for a schema; `None` if there is no such schema.
    fn get(&self, path: &[&str]) -> Result<Option<Told>, Trouble> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request = self.agent.get(url.as_str());
        request = request.header("Accept", "application/vnd.schemaregistry.v1+json, application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut answer = request.call().map_err(|error| self.later(&error.to_string()))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| self.later(&error.to_string()))?;
        match status.as_u16() {
            200 => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| self.later(&format!("its answer is not that of a schema registry: {error}"))),
            404 if serde_json::from_slice(&body)
                .is_ok_and(|refused: Refused| NOT_FOUND.contains(&refused.error_code)) =>
            {
                Ok(None)
            }
            404 => {
                Err(self.later("it answers 404 Not Found, and not as a schema registry does: is the address right?"))
            }
            401 | 403 => Err(Trouble::Fatal(self.refuses(&status.to_string()))),
            _ => Err(self.later(&format!("it answers {status}"))),
        }
    }

    fn later(&self, reason: &str) -> Trouble {
        Trouble::Later(reason.to_owned())
    }

    fn refuses(&self, status: &str) -> EngineError {
        let what = format!("the schema registry of source `{}` refuses to answer: {status}", self.source);
        let help =
            "check the user and the secret in `avro` of the source, and that they may read schemas; then start again";
        EngineError::new(ErrorKind::Unavailable, what, help)
    }

    /// That there is no answer, as an error.
    pub(super) fn unreachable(&self, reason: &str) -> EngineError {
        let what = format!("the schema registry {} of source `{}` gives no schema: {reason}", self.url, self.source);
        let help = "check `avro.registry` of the source, and that this machine reaches it";
        EngineError::new(ErrorKind::Unavailable, what, help)
    }

    /// Warns that there is no answer, unless that was done a moment ago.
    pub(super) fn warn(&self, reason: &str) {
        let mut warned = self.warned.lock();
        if warned.is_none_or(|warned| warned.elapsed() > WARNING_INTERVAL) {
            *warned = Some(Instant::now());
            let (source, registry) = (&self.source, self.url.as_str());
            tracing::warn!(source, registry, reason, "the schema registry gives no schema; it is tried again");
        }
    }

    /// Asks for a schema that may or may not be there: gives the address if there is an answer.
    pub(crate) fn look(&self) -> Result<String, EngineError> {
        match self.schema(1) {
            Ok(_) => Ok(self.url.to_string()),
            Err(Trouble::Later(reason)) => Err(self.unreachable(&reason)),
            Err(Trouble::Fatal(error)) => Err(error),
        }
    }
}

fn authorization(config: &AvroConfig, key: &str, folder: &Path) -> Result<Option<String>, ConfigError> {
    let error = |setting: &str, what: &str, help: &str| ConfigError::new(format!("{key}.{setting}"), what, help);
    match (&config.username, &config.password, &config.token) {
        (None, None, None) => Ok(None),
        (None, None, Some(token)) => Ok(Some(format!("Bearer {}", token.secret(&format!("{key}.token"), folder)?))),
        (Some(username), Some(password), None) => {
            if username.contains(':') {
                return Err(error("username", "has a colon", "a user has none"));
            }
            let password = password.secret(&format!("{key}.password"), folder)?;
            Ok(Some(format!("Basic {}", BASE64.encode(format!("{username}:{password}")))))
        }
        (Some(_), None, _) => Err(error("username", "has no password", "set avro.password to where it is")),
        (None, Some(_), _) => Err(error("password", "is nobody's", "set avro.username")),
        (Some(_), Some(_), Some(_)) => {
            Err(error("token", "is there beside a user and a password", "take one of them out"))
        }
    }
}

fn certificates(path: &Path) -> Result<RootCerts, String> {
    let pem = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| format!("{}: {error}", path.display()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(format!("{} has no certificate", path.display()));
    }
    Ok(RootCerts::new_with_certs(&found))
}
