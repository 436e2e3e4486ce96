//! What is told: an alert, and its identity.

use engine::Tick;
use serde::{Deserialize, Serialize};

use crate::json::quoted;

/// The version of what is sent.
const VERSION: u32 = 1;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It came to satisfy the condition.
    Raised,
    /// It no longer does.
    Resolved,
}

impl Event {
    pub(super) fn name(self) -> &'static str {
        match self {
            Event::Raised => "raised",
            Event::Resolved => "resolved",
        }
    }
}

/// A row that satisfies the condition, as it was last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// Since when.
    pub(super) raised: Tick,
    /// How many rows of the key do.
    pub(super) count: i64,
    /// Whether somebody was told.
    pub(super) is_told: bool,
    pub(super) severity: String,
    pub(super) text: String,
    /// The columns, as the members of a JSON object.
    pub(super) row: String,
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    /// What tells it from all others: the same whenever it is sent again.
    pub(super) id: String,
    /// What keeps letters about one row in order where there are several lines.
    pub(super) key: String,
    /// What is sent.
    pub(super) body: String,
    /// When it was put in the outbox: seconds since 1970-01-01.
    pub(super) put_seconds: u64,
}

/// What is told of a row.
pub(super) struct Told<'a> {
    pub(super) alert: &'a str,
    pub(super) view: &'a str,
    pub(super) key: &'a str,
    pub(super) event: Event,
    pub(super) tick: Tick,
    pub(super) standing: &'a Standing,
}

impl Told<'_> {
    /// The letter that tells it. Nothing in it but the time it is put depends on when that is done.
    pub(super) fn letter(&self, put_seconds: u64) -> Letter {
        let id = self.id();
        let Told { alert, view, key, event, tick, standing } = self;
        let Standing { raised, severity, text, row, .. } = standing;
        let texts = [("id", id.as_str()), ("alert", alert), ("event", event.name()), ("severity", severity)];
        let texts = texts.into_iter().chain([("text", text.as_str()), ("view", view), ("key", key)]);
        let texts: String = texts.map(|(name, text)| format!("\"{name}\":{},", quoted(text))).collect();
        let body = format!("{{\"v\":{VERSION},{texts}\"tick\":{tick},\"raised_tick\":{raised},\"row\":{{{row}}}}}");
        Letter { id, key: format!("{alert}|{key}"), body, put_seconds }
    }

    fn id(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        // Each part with its length: no two different lists of parts are the same bytes.
        for part in [self.alert, self.key, self.event.name()] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part.as_bytes());
        }
        hasher.update(&self.standing.raised.to_be_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_json_and_its_id_tells_it_from_others_only() {
        let standing = Standing {
            raised: 7,
            count: 1,
            is_told: true,
            severity: "high".into(),
            text: "say \"no\"".into(),
            row: "\"a\":1.50".into(),
        };
        let told = |alert, key, event, tick, raised| {
            let standing = Standing { raised, ..standing.clone() };
            Told { alert, view: "v", key, event, tick, standing: &standing }.letter(0)
        };
        let letter = told("big", "k", Event::Resolved, 9, 7);
        let body: serde_json::Value = serde_json::from_str(&letter.body).unwrap();
        let expected = serde_json::json!({
            "v": 1, "id": letter.id, "alert": "big", "event": "resolved", "severity": "high", "text": "say \"no\"",
            "view": "v", "key": "k", "tick": 9, "raised_tick": 7, "row": {"a": 1.5},
        });
        assert_eq!(body, expected);
        assert_eq!(told("big", "k", Event::Resolved, 10, 7).id, letter.id);
        for other in [
            told("big", "k", Event::Raised, 9, 7),
            told("bi", "gk", Event::Resolved, 9, 7),
            told("big", "k", Event::Resolved, 9, 8),
        ] {
            assert_ne!(other.id, letter.id);
        }
    }
}
