//! The key of a row, as people write it.

use engine::{EngineError, ErrorKind};
use serde_json::{Map, Value};
use sinks::client::ViewInfo;

use crate::process::Failure;

/// The parts of a key that is joined by `|`, with `\` before a `|` or `\` of their own.
fn parts(key: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = key.chars();
    while let Some(char) = chars.next() {
        match (char, parts.last_mut()) {
            ('|', _) => parts.push(String::new()),
            ('\\', Some(part)) => part.extend(chars.next()),
            (char, Some(part)) => part.push(char),
            (_, None) => {}
        }
    }
    parts
}

/// The filter that finds the rows whose key begins so.
pub(super) fn filter(view: &ViewInfo, key: &str) -> Result<Map<String, Value>, Failure> {
    let parts = parts(key);
    if parts.len() > view.key.len() {
        let what =
            format!("the key `{key}` has {} parts, but rows of `{}` have {}", parts.len(), view.name, view.key.len());
        let help =
            format!("its key columns are {}; write `\\|` for a `|` that belongs to a value", view.key.join(", "));
        return Err(Failure::Usage(EngineError::new(ErrorKind::Invalid, what, help)));
    }
    let value = |part: String| if part.is_empty() { Value::Null } else { Value::String(part) };
    Ok(view.key.iter().cloned().zip(parts.into_iter().map(value)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_names_its_columns_in_their_order() {
        let view = ViewInfo {
            name: "positions".into(),
            about: String::new(),
            key: ["portfolio", "security", "currency"].map(str::to_owned).to_vec(),
            schema: Arc::new(arrow::datatypes::Schema::empty()),
        };
        let filter = |key| filter(&view, key).map(Value::Object);
        assert_eq!(filter("P|A|USD").unwrap(), json!({"portfolio": "P", "security": "A", "currency": "USD"}));
        assert_eq!(filter(r"P\|1|A\\B").unwrap(), json!({"portfolio": "P|1", "security": r"A\B"}));
        assert_eq!(filter("P||USD").unwrap(), json!({"portfolio": "P", "security": null, "currency": "USD"}));
        assert!(matches!(filter("P|A|USD|1"), Err(Failure::Usage(error)) if error.what.contains("has 4 parts")));
    }
}
