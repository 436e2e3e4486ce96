//! Alerts: somebody is told when a row of a view comes to satisfy a condition, and again when it no longer does.
//!
//! ```text
//!  ticks ──▶ raise ──▶ ┌ one transaction ────────────────────┐          ┌─▶ webhook
//!                      │ what is to be sent  (the outbox)     │──deliver─┤
//!                      │ every change before tick N is in it  │          └─▶ Kafka topic
//!                      └──────────────────────────────────────┘
//! ```
//!
//! # Gives
//!
//! One JSON object an alert: its `id`, its name, `raised` or `resolved`, the severity and the text, the view, the row's key
//! and columns, and the ticks. A row that changes and goes on to satisfy the condition tells nobody again.
//!
//! # Guarantees
//!
//! - What is to be sent, and how far the view has been followed, become durable in one step. Nothing is left out, whatever
//!   happens to this process.
//! - Each channel is sent its alerts in order, the next one when the one before it was taken or given up.
//! - The `id` is a hash of the alert, the row's key, the tick at which it was raised, and which of the two it is. An alert
//!   that is sent again, because it is not known whether it was taken, has the same id (`Idempotency-Key`). On Kafka it is
//!   there once: messages and how far they reach are written in one transaction.
//! - A webhook that does not take an alert is tried again, later each time, until the alert is too old; then it is dead:
//!   logged, counted, and kept. So is one that it refuses as wrong.
//!
//! # Limits
//!
//! 100,000 alerts may wait; beyond that views are not followed any further until some are sent. Ticks are put in whole. What
//! was sent is kept for a week, and at most 100,000 of a channel.
//!
//! # Example
//!
//! ```
//! # let configuration = r##"
//! [alert.critical_breaks]
//! view = "breaks"
//! when = { severity = ["high", "critical"], reconciliation = "equities" }
//! severity = { column = "severity" }     # or a text: "high"
//! text = "{type} of {trade_id}: {left_value} against {right_value}"
//! to = ["ops"]
//! start = "snapshot"                     # or "now": what there is at the first start tells nobody
//!
//! [alert_channel.ops]
//! kind = "webhook"
//! url = "https://hooks.example.com/tieout"
//! secret = { file = "hook.secret" }      # signs: X-Tieout-Signature: t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>">
//! timeout_seconds = 10
//! give_up_seconds = 3600
//!
//! [alert_channel.audit]
//! kind = "kafka"
//! brokers = "kafka-1:9092"
//! topic = "alerts"
//! # "##;
//! # #[derive(serde::Deserialize)]
//! # struct Configuration {
//! #     alert: std::collections::BTreeMap<String, sinks::alerts::AlertConfig>,
//! #     alert_channel: std::collections::BTreeMap<String, sinks::alerts::ChannelConfig>,
//! # }
//! # let configuration: Configuration = toml::from_str(&configuration.replace("file = \"hook.secret\"", "env = \"PATH\"")).unwrap();
//! # let scope = |name| sinks::Scope { kind: "alert_channel", name, folder: std::path::Path::new("") };
//! # for (name, channel) in &configuration.alert_channel {
//! #     channel.channel(&scope(name)).unwrap();
//! # }
//! # assert_eq!(configuration.alert["critical_breaks"].to, ["ops"]);
//! ```

mod alert;
mod channel;
mod config;
mod deliver;
mod kafka;
mod outbox;
mod plan;
mod raise;
mod template;
#[cfg(test)]
mod tests;
mod webhook;

pub use channel::ChannelPlan;
pub use config::{AlertConfig, ChannelConfig, Severity, WebhookConfig};
pub use plan::{AlertPlan, Alerts};
