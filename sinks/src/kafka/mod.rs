//! Kafka: what changes in a view, as the messages of a topic, each exactly once.
//!
//! ```text
//!  ticks ──▶ encode ──▶ ┌ one transaction ───────────────────────────────┐
//!                       │ the messages of whole ticks  ──▶ topic          │
//!                       │ every change before tick N   ──▶ frontier topic │
//!                       └────────────────────────────────────────────────┘
//! ```
//!
//! # Gives
//!
//! One JSON object a message, under the row's key as its key. With `mode = "changes"` each change is a message, with `_tick`
//! and `_diff` beside the view's columns. With `mode = "upserts"` a message is the row that is there from then on, with
//! `_tick`; one without a value says that the key is gone.
//!
//! # Guarantees
//!
//! - The messages of a tick, and how far the topic is written, come into being in one transaction. A consumer that reads
//!   `read_committed` sees each change once, whatever happens to this process.
//! - How far it is written stands in a compacted topic of its own, one message a sink. It is read back after every older
//!   process under the same transactional id has been fenced.
//! - A process that was fenced stops, and says so. A frontier that another data folder has written is not gone on with.
//! - Brokers that cannot be reached are tried again, for ever.
//!
//! # Limits
//!
//! A tick is one transaction however large it is; up to 32 MiB of it wait for the brokers at a time
//! (`queue.buffering.max.kbytes`). It must be through within `transaction.timeout.ms`, a minute unless set. A message has
//! at most 1 MB (`message.max.bytes`). Upserts need a view with one row a key; a key with several is an error. Messages of
//! one key are in order; between keys, and partitions, the order is that of the ticks only.
//!
//! # Example
//!
//! ```
//! # let configuration = r##"
//! [sink.breaks]
//! kind = "kafka"
//! view = "breaks"
//! filter = { severity = ["high", "critical"] }
//! brokers = "kafka-1:9092,kafka-2:9092"
//! topic = "breaks"
//! mode = "upserts"                       # or "changes"
//! format = "json"
//! start = "snapshot"                     # or "now": only what changes after the first start
//! frontier_topic = "breaks.frontier"
//! properties = { "security.protocol" = "SSL" }
//! # "##;
//! # #[derive(serde::Deserialize)]
//! # struct Configuration { sink: std::collections::BTreeMap<String, sinks::SinkConfig> }
//! # let configuration: Configuration = toml::from_str(configuration).unwrap();
//! # let scope = sinks::Scope { kind: "sink", name: "breaks", folder: std::path::Path::new("") };
//! # configuration.sink["breaks"].sink(&scope).unwrap();
//! ```

mod client;
mod config;
mod encode;
mod frontier;
mod sink;
#[cfg(test)]
pub(crate) mod tests;
mod transactions;

pub(crate) use config::{Connection, connection};
pub use config::{KafkaSinkConfig, MessageFormat, Mode};
pub(crate) use frontier::Writer;
pub use sink::KafkaTarget;
pub(crate) use sink::Message;
pub(crate) use transactions::Transactions;
