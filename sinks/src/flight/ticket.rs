//! What a reader asks for: the JSON of a Flight ticket, or a view's plain name.

use arrow::array::types::TimestampMicrosecondType;
use arrow::compute::kernels::cast_utils::Parser;
use engine::{EngineError, ErrorKind, Request, Tick};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The keys of a ticket.
const KEYS: [&str; 6] = ["view", "as_of", "up_to", "subscribe", "from_tick", "filter"];

/// What a reader asks for. Ticks are given as numbers or as times (`"2026-11-21T09:31:00Z"`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The view.
    pub view: String,
    /// Read it as of this tick (inclusive); now if not given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "tick")]
    pub as_of: Option<Tick>,
    /// End a subscription before this tick (exclusive).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "tick")]
    pub up_to: Option<Tick>,
    /// Go on with the changes after the snapshot.
    #[serde(default, skip_serializing_if = "is_false")]
    pub subscribe: bool,
    /// Send only the changes after this tick: a subscription without a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "tick")]
    pub from_tick: Option<Tick>,
    /// Which rows; see [`engine::filter`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
}

impl Ticket {
    /// A snapshot of `view`, now.
    pub fn snapshot(view: impl Into<String>) -> Self {
        Ticket { view: view.into(), ..Ticket::default() }
    }

    /// A snapshot of `view`, and then its changes.
    pub fn subscription(view: impl Into<String>) -> Self {
        Ticket { subscribe: true, ..Ticket::snapshot(view) }
    }

    /// Reads a ticket.
    pub fn parse(bytes: &[u8]) -> Result<Self, EngineError> {
        let text = std::str::from_utf8(bytes).map_err(|_| invalid("the ticket is not UTF-8 text", example()))?.trim();
        if text.is_empty() {
            return Err(invalid("the ticket is empty", example()));
        }
        if !text.starts_with('{') {
            return Ok(Ticket::snapshot(text));
        }
        let keys: Map<String, Value> = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        keys.keys().try_for_each(|key| check_key(key))?;
        let ticket: Ticket = serde_json::from_value(Value::Object(keys)).map_err(|error| malformed(&error))?;
        ticket.check()?;
        Ok(ticket)
    }

    /// As it is sent.
    pub fn to_json(&self) -> Vec<u8> {
        // Texts, numbers and JSON: it cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether it asks for changes.
    pub fn follows(&self) -> bool {
        self.subscribe || self.from_tick.is_some()
    }

    /// What the engine is asked.
    pub fn request(&self) -> Request {
        Request {
            view: self.view.clone(),
            as_of: self.as_of,
            up_to: self.up_to,
            from_tick: self.from_tick,
            filter: self.filter.clone(),
            each_tick: false,
        }
    }

    fn check(&self) -> Result<(), EngineError> {
        if self.as_of.is_some() && self.from_tick.is_some() {
            return Err(invalid(
                "the ticket has both `as_of` and `from_tick`",
                "as_of asks for a snapshot, from_tick for changes without one: leave one out",
            ));
        }
        if self.up_to.is_some() && !self.follows() {
            return Err(invalid(
                "the ticket has `up_to`, but does not subscribe",
                "add \"subscribe\": true, or use as_of",
            ));
        }
        let start = self.as_of.or(self.from_tick);
        if let (Some(start), Some(up_to)) = (start, self.up_to)
            && up_to <= start
        {
            return Err(invalid(
                &format!("`up_to` ({up_to}) is not after the start ({start})"),
                "up_to is exclusive: give a later tick",
            ));
        }
        Ok(())
    }
}

fn check_key(key: &str) -> Result<(), EngineError> {
    if KEYS.contains(&key) {
        return Ok(());
    }
    let near = KEYS.iter().max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)));
    let near = near.filter(|near| strsim::jaro_winkler(key, near) > 0.8);
    let help =
        near.map_or_else(|| format!("its keys are {}", KEYS.join(", ")), |near| format!("did you mean `{near}`?"));
    Err(invalid(&format!("the ticket has an unknown key `{key}`"), &help))
}

fn malformed(error: &serde_json::Error) -> EngineError {
    invalid(&format!("the ticket cannot be read: {error}"), example())
}

fn example() -> &'static str {
    r#"write a view's name, or JSON such as {"view": "breaks", "subscribe": true}"#
}

fn invalid(what: &str, help: &str) -> EngineError {
    EngineError::new(ErrorKind::Invalid, what, help)
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Tick(Tick),
    Time(String),
    Other(Value),
}

fn tick<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tick>, D::Error> {
    let wrong = |given: String| {
        serde::de::Error::custom(format!("{given} is neither a tick (microseconds since 1970-01-01) nor a time"))
    };
    match Moment::deserialize(deserializer)? {
        Moment::Tick(tick) => Ok(Some(tick)),
        Moment::Time(text) => {
            let micros = TimestampMicrosecondType::parse(&text).and_then(|micros| Tick::try_from(micros).ok());
            micros.map(Some).ok_or_else(|| wrong(format!("`{text}`")))
        }
        Moment::Other(Value::Null) => Ok(None),
        Moment::Other(value) => Err(wrong(value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_ticket_is_a_name_or_json() {
        for (text, expected) in [
            ("breaks", Ticket::snapshot("breaks")),
            (" breaks\n", Ticket::snapshot("breaks")),
            (r#"{"view": "breaks"}"#, Ticket::snapshot("breaks")),
            (r#"{"view": "breaks", "as_of": null, "subscribe": true}"#, Ticket::subscription("breaks")),
            (r#"{"view": "breaks", "as_of": 17}"#, Ticket { as_of: Some(17), ..Ticket::snapshot("breaks") }),
            (
                r#"{"view": "breaks", "from_tick": "1970-01-01T00:00:01.5Z", "up_to": "1970-01-01T01:00:02+01:00"}"#,
                Ticket { from_tick: Some(1_500_000), up_to: Some(2_000_000), ..Ticket::snapshot("breaks") },
            ),
            (
                r#"{"view": "breaks", "filter": {"severity": ["high"]}}"#,
                Ticket { filter: Some(json!({"severity": ["high"]})), ..Ticket::snapshot("breaks") },
            ),
        ] {
            let ticket = Ticket::parse(text.as_bytes()).unwrap();
            assert_eq!(ticket, expected, "{text}");
            assert_eq!(Ticket::parse(&ticket.to_json()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_ticket_that_makes_no_sense_is_refused_with_what_to_write() {
        for (text, words) in [
            ("", "is empty"),
            ("{", "cannot be read"),
            ("{}", "missing field `view`"),
            (r#"{"view": 1}"#, "expected a string"),
            (r#"{"veiw": "breaks"}"#, "did you mean `view`?"),
            (r#"{"view": "breaks", "asof": 1}"#, "did you mean `as_of`?"),
            (r#"{"view": "breaks", "where": {}}"#, "its keys are view, as_of"),
            (r#"{"view": "breaks", "as_of": -1}"#, "-1 is neither a tick"),
            (r#"{"view": "breaks", "as_of": "noon"}"#, "`noon` is neither a tick"),
            (r#"{"view": "breaks", "as_of": "1969-01-01"}"#, "is neither a tick"),
            (r#"{"view": "breaks", "as_of": 1, "from_tick": 1}"#, "leave one out"),
            (r#"{"view": "breaks", "up_to": 1}"#, "does not subscribe"),
            (r#"{"view": "breaks", "from_tick": 2, "up_to": 2}"#, "give a later tick"),
        ] {
            let error = Ticket::parse(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
        assert!(Ticket::parse(&[0xff]).is_err());
    }
}
