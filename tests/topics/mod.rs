//! What Kafka sinks have written of a view into their topics, and which rows it comes to.
//!
//! Included by several tests, none of which needs all of it.

#![allow(dead_code)]

use std::collections::BTreeMap;

use serde_json::Value;

use crate::broker::Broker;
use crate::outputs::without_clock;

/// The values of a topic, by key.
pub(crate) type Messages = BTreeMap<String, Vec<Option<Value>>>;

/// What a consumer finds in the topics of a server, without what depends on the clock.
pub(crate) fn found(broker: &Broker, name: &str) -> [Messages; 2] {
    ["changes", "upserts"].map(|mode| {
        let values = broker.values(&format!("{name}.{mode}"), "read_committed");
        values.into_iter().map(|(key, values)| (key, values.iter().map(without_clock).collect())).collect()
    })
}

/// The rows that are there when all changes have been added up.
pub(crate) fn added_up(changes: &Messages) -> Vec<Value> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for change in changes.values().flatten() {
        let mut row = change.clone().unwrap();
        let diff = row.as_object_mut().unwrap().remove("_diff").unwrap().as_i64().unwrap();
        *counts.entry(row.to_string()).or_default() += diff;
    }
    assert!(counts.values().all(|count| (0..=1).contains(count)), "{counts:?}");
    let there = counts.into_iter().filter(|(_, count)| *count == 1);
    there.map(|(row, _)| serde_json::from_str(&row).unwrap()).collect()
}

/// The rows that a compacted topic would keep.
pub(crate) fn kept(upserts: &Messages) -> Vec<Value> {
    let mut rows: Vec<Value> = upserts.values().filter_map(|values| values[values.len() - 1].clone()).collect();
    rows.sort_by_key(Value::to_string);
    rows
}
