//! Rows as JSON: numbers with all their digits (read them as decimals), dates and times as ISO 8601 (UTC).

use engine::row::Shown;
use engine::{Cell, Row, Texts, ViewSpec};

/// The columns of a row as the members of a JSON object.
pub fn members(spec: &ViewSpec, row: &Row, texts: &dyn Texts) -> String {
    let mut json = String::new();
    for (cell, column) in row.cells().iter().zip(&spec.columns) {
        if !json.is_empty() {
            json.push(',');
        }
        json.push_str(&quoted(&column.name));
        json.push(':');
        let text = Shown { cell, kind: column.kind, texts }.to_string();
        match cell {
            Cell::Null => json.push_str("null"),
            Cell::Bool(_) | Cell::Int(_) | Cell::Fixed(_) => json.push_str(&text),
            _ => json.push_str(&quoted(&text)),
        }
    }
    json
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
