//! Actions: small questions about the server as a whole.

use arrow_flight::{Action, ActionType};
use engine::{EngineError, ErrorKind, Key, Origin, Place, Reader, Tick};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The actions, and what each answers.
pub(super) const ACTIONS: [(&str, &str); 3] = [
    (
        "health",
        r#"how the server fares: {"status": "ready", "replaying" or "failed", "frontier": tick, "version": text}"#,
    ),
    ("frontier", r#"how far it is: {"frontier": tick}; every tick before it is complete"#),
    (
        "origins",
        r#"where records came from: asked with {"keys": [32 hexadecimal digits, ...], "as_of"?: tick}, a list of {"key", "member", "source", "partition", "offset", "tick", "file"?, "line"?}; it reads the past again"#,
    ),
];

/// How the server fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ready`, `replaying` or `failed`.
    pub status: String,
    /// Every tick before this is complete.
    pub frontier: Tick,
    /// The version of the server.
    pub version: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Health {
    /// How an engine fares.
    pub(super) fn of(reader: &Reader) -> Self {
        let failure = reader.status().failure();
        let status = match (&failure, reader.status().is_ready()) {
            (Some(_), _) => "failed",
            (None, true) => "ready",
            (None, false) => "replaying",
        };
        Health {
            status: status.to_owned(),
            frontier: reader.frontier(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            failure: failure.map(|failure| failure.to_string()),
        }
    }

    /// Refuses to go on while views do not yet, or no longer, tell the present.
    pub(super) fn check(reader: &Reader) -> Result<(), EngineError> {
        if let Some(failure) = reader.status().failure() {
            let what = format!("the engine has failed: {}", failure.what);
            return Err(EngineError::new(ErrorKind::Unavailable, what, failure.help));
        }
        if !reader.status().is_ready() {
            let help = "try again when /readyz or the action `health` says that it is ready";
            return Err(EngineError::new(ErrorKind::Unavailable, "the engine is still replaying its past", help));
        }
        Ok(())
    }
}

/// Which records are asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginsAsked {
    /// Their keys, each as 32 hexadecimal digits.
    pub keys: Vec<String>,
    /// As of which tick; now if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Tick>,
}

/// Where a record came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginTold {
    /// The key of the record, as 32 hexadecimal digits.
    pub key: String,
    /// Which of the records under that key: its kind and its source.
    pub member: u16,
    /// The source.
    pub source: String,
    /// The partition.
    pub partition: String,
    /// Its place in the partition.
    pub offset: u64,
    /// The tick that took it.
    pub tick: Tick,
    /// The file and the line.
    #[serde(flatten)]
    pub place: Place,
}

impl OriginTold {
    fn new(origin: Origin) -> Self {
        let Origin { key, member, source, partition, offset, tick, place } = origin;
        let key = format!("{:032x}", u128::from_be_bytes(key.bytes()));
        OriginTold { key, member, source, partition: partition.to_string(), offset, tick, place }
    }
}

/// Where the records came from that are asked about.
async fn origins(asked: &[u8], reader: &Reader) -> Result<Vec<OriginTold>, EngineError> {
    Health::check(reader)?;
    let asked: OriginsAsked = serde_json::from_slice(asked).map_err(|error| not_keys(&error.to_string()))?;
    let keys = asked.keys.iter().map(|text| key_of(text)).collect::<Result<_, _>>()?;
    Ok(reader.origins(keys, asked.as_of).await?.into_iter().map(OriginTold::new).collect())
}

fn key_of(text: &str) -> Result<Key, EngineError> {
    let number = Some(text).filter(|text| text.len() == 32).and_then(|text| u128::from_str_radix(text, 16).ok());
    number.map(|number| Key::from_bytes(number.to_be_bytes())).ok_or_else(|| not_keys(&format!("`{text}` is no key")))
}

fn not_keys(what: &str) -> EngineError {
    let help = r#"ask with {"keys": ["0123456789abcdef0123456789abcdef"]}: 32 hexadecimal digits each"#;
    EngineError::new(ErrorKind::Invalid, format!("the action `origins` cannot be read: {what}"), help)
}

/// Answers an action.
pub(super) async fn answer(action: &Action, reader: &Reader) -> Result<Vec<u8>, EngineError> {
    let answer = match action.r#type.as_str() {
        "health" => json!(Health::of(reader)),
        "frontier" => json!({ "frontier": reader.frontier() }),
        "origins" => json!(origins(&action.body, reader).await?),
        other => return Err(unknown(other)),
    };
    Ok(answer.to_string().into_bytes())
}

/// There is no such action.
pub(super) fn unknown(action: &str) -> EngineError {
    let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
    let help = format!("the actions are {}", names.join(", "));
    EngineError::new(ErrorKind::NotFound, format!("there is no action `{action}`"), help)
}

/// The actions, as they are listed.
pub(super) fn list() -> impl Iterator<Item = ActionType> {
    ACTIONS.iter().map(|(name, about)| ActionType { r#type: (*name).to_owned(), description: (*about).to_owned() })
}
