//! A lineage as a tree for people, and as JSON for programs.

use dataflows::lineage;
use serde_json::{Value, json};

use super::follow::{Explained, Found, Node};

/// The tree.
pub(super) fn tree(explained: &Explained) -> String {
    let mut text = format!("{}\n", line(explained, &explained.root));
    branches(explained, &explained.root.steps, "", &mut text);
    text
}

fn branches(explained: &Explained, steps: &[Found], indent: &str, text: &mut String) {
    for (index, found) in steps.iter().enumerate() {
        let (branch, inner) = if index + 1 == steps.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let counted = match (found.count, found.rows.len()) {
            (count, told) if count == told => String::new(),
            (count, 0) => format!(": {count} in `{}`", found.view),
            (count, told) => format!(": {told} of {count}"),
        };
        text.push_str(&format!("{indent}{branch}{}{counted}\n", found.what));
        let indent = format!("{indent}{inner}");
        for (index, node) in found.rows.iter().enumerate() {
            let (branch, inner) = if index + 1 == found.rows.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            text.push_str(&format!("{indent}{branch}{}\n", line(explained, node)));
            branches(explained, &node.steps, &format!("{indent}{inner}"), text);
        }
    }
}

/// A row in one line: its view and key, what tells most of it, and where it came from.
fn line(explained: &Explained, node: &Node) -> String {
    let mut line = format!("{} {}", node.view, node.key);
    let tells = lineage::of_view(&node.view).map_or(&[][..], |lineage| lineage.tells);
    let told: Vec<String> =
        tells.iter().filter_map(|column| Some(format!("{column} {}", plain(node.row.get(*column)?)))).collect();
    if !told.is_empty() {
        line.push_str(&format!("  ({})", told.join(", ")));
    }
    if node.is_above {
        line.push_str("  as above");
    }
    if node.record.is_some() && explained.has_origins {
        line.push_str(&format!("  ◀ {}", origin(explained, node)));
    }
    line
}

fn origin(explained: &Explained, node: &Node) -> String {
    let Some(origin) = explained.origin_of(node) else {
        return "from before the past that is kept".to_owned();
    };
    match (&origin.place.file, origin.place.line) {
        (Some(file), Some(line)) => format!("{}, {file} line {line}", origin.source),
        (Some(file), None) => format!("{}, {file} record {}", origin.source, origin.offset),
        (None, line) => {
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            format!("{}, {} offset {}{line}", origin.source, origin.partition, origin.offset)
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One object.
pub(super) fn json(explained: &Explained) -> String {
    let object = json!({
        "tick": explained.tick,
        "is_cut": explained.is_cut,
        "row": node(explained, &explained.root),
    });
    format!("{object:#}\n")
}

fn node(explained: &Explained, node_at: &Node) -> Value {
    let mut object = json!({ "view": node_at.view, "key": node_at.key, "columns": node_at.row });
    if let Some(record) = &node_at.record {
        object["record"] = json!({ "kind": record.kind });
        if explained.has_origins {
            object["origin"] = explained.origin_of(node_at).map_or(Value::Null, |origin| {
                let mut origin = json!(origin);
                if let Some(members) = origin.as_object_mut() {
                    // They tell programs of the engine what the rest tells everybody.
                    members.remove("member");
                    members.remove("key");
                }
                origin
            });
        }
    }
    if node_at.is_above {
        object["is_above"] = true.into();
    }
    if !node_at.steps.is_empty() {
        let step = |found: &Found| {
            let rows: Vec<Value> = found.rows.iter().map(|row| node(explained, row)).collect();
            json!({ "what": found.what, "view": found.view, "count": found.count, "rows": rows })
        };
        object["rests_on"] = node_at.steps.iter().map(step).collect();
    }
    object
}
