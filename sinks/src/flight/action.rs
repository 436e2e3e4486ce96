//! Actions: small questions about the server as a whole.

use arrow_flight::{Action, ActionType};
use engine::{EngineError, ErrorKind, Reader, Tick};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The actions, and what each answers.
pub(super) const ACTIONS: [(&str, &str); 2] = [
    (
        "health",
        r#"how the server fares: {"status": "ready", "replaying" or "failed", "frontier": tick, "version": text}"#,
    ),
    ("frontier", r#"how far it is: {"frontier": tick}; every tick before it is complete"#),
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

/// Answers an action.
pub(super) fn answer(action: &Action, reader: &Reader) -> Result<Vec<u8>, EngineError> {
    let answer = match action.r#type.as_str() {
        "health" => json!(Health::of(reader)),
        "frontier" => json!({ "frontier": reader.frontier() }),
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
