//! What each message of a stream says about itself, beside its rows: JSON in the message's `app_metadata`.
//!
//! ```json
//! {"v": 1, "kind": "changes", "tick": 1763712000000000, "last": true, "frontier": 1763712000000001, "resume": 1763712000000000}
//! ```

use engine::Tick;
use serde::{Deserialize, Serialize};

/// The version of these conventions.
pub const VERSION: u32 = 1;

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Rows of the view as of a tick.
    Snapshot,
    /// No rows: the snapshot is whole.
    SnapshotEnd,
    /// What changed at a tick.
    Changes,
    /// No rows: every change before the frontier has been sent.
    Progress,
}

/// What a message says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The version of these conventions.
    pub v: u32,
    /// What the message holds.
    pub kind: Kind,
    /// The tick that its rows are about. Of a progress message: the last complete tick.
    pub tick: Tick,
    /// Whether this is the last message of its tick.
    pub last: bool,
    /// Every change before this tick has been sent; null in a message that does not end its tick.
    pub frontier: Option<Tick>,
    /// The `from_tick` to resume with after this message; null in a message that does not end its tick.
    pub resume: Option<Tick>,
}

impl Metadata {
    /// Of a message that does not end its tick.
    pub fn open(kind: Kind, tick: Tick) -> Self {
        Metadata { v: VERSION, kind, tick, last: false, frontier: None, resume: None }
    }

    /// Of a message that ends its tick.
    pub fn whole(kind: Kind, tick: Tick) -> Self {
        Metadata { last: true, frontier: Some(tick + 1), resume: Some(tick), ..Metadata::open(kind, tick) }
    }

    /// As it is sent.
    pub fn to_json(&self) -> Vec<u8> {
        // Numbers and fixed words: it cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_the_json_that_clients_know() {
        for (metadata, expected) in [
            (
                Metadata::open(Kind::Snapshot, 7),
                r#"{"v":1,"kind":"snapshot","tick":7,"last":false,"frontier":null,"resume":null}"#,
            ),
            (
                Metadata::whole(Kind::SnapshotEnd, 7),
                r#"{"v":1,"kind":"snapshot_end","tick":7,"last":true,"frontier":8,"resume":7}"#,
            ),
            (
                Metadata::whole(Kind::Changes, 9),
                r#"{"v":1,"kind":"changes","tick":9,"last":true,"frontier":10,"resume":9}"#,
            ),
            (
                Metadata::whole(Kind::Progress, 9),
                r#"{"v":1,"kind":"progress","tick":9,"last":true,"frontier":10,"resume":9}"#,
            ),
        ] {
            assert_eq!(String::from_utf8(metadata.to_json()).unwrap(), expected);
            assert_eq!(serde_json::from_str::<Metadata>(expected).unwrap(), metadata);
        }
    }
}
