//! Kafka: the messages of topics, followed as they come.
//!
//! ```text
//!  scout ──a partition, and where it begins──▶ follow ──message──▶ decoded ──▶ batches ──▶ engine
//!    ▲                                           │                    ▲                      │
//!  brokers ◀── offsets of what is durable ───────┴──────────────◀─────│──────────────────────┘
//!    ├────────────────── reader: a partition again, from its start ───┤                 replay
//!    └── bounded: partitions up to where they are to end, by readers ─┘
//!                          schemas: kept in the data folder, else asked of a registry (see `avro`)
//! ```
//!
//! # Reads
//!
//! One JSON object a message, one line of separated values, or one value of Avro, by a schema in a file or in a registry.
//! Headers, the key, the time and the place of a message can be columns too. A message without a payload deletes the
//! record whose id is its key, or that a JSON object in it names. Topics are named, or matched by a pattern; partitions
//! and topics that are made later are found.
//!
//! # Guarantees
//!
//! - A partition is called `topic/partition@start`: `start` is the offset at which the data folder began to read it. It is
//!   durable before, or with, its first record, and a replay begins there. An offset is that of Kafka. The marks of
//!   transactions, and what was compacted away, leave holes.
//! - Each message is read once. Where to go on is known from the engine's bindings alone, never from a consumer group.
//! - Of transactions only those that were committed are read, unless `isolation` says otherwise.
//! - A message that cannot be used is refused with its offset and its bytes, and tells its headers.
//! - A schema is kept in the data folder before a message is read with it, and so is that the registry did not know it: a
//!   replay gives the same without the registry. A registry that cannot be reached is waited for, and refuses no message.
//! - Messages that are needed and no longer there end the source, or the start, with an error: nothing is passed over.
//! - Brokers that cannot be reached are tried again, for ever while it runs, for a minute in a replay.
//! - A group, if one is named, is told an offset only when all before it is durable here.
//!
//! # Limits
//!
//! A topic must keep all messages from where the data folder began: a restart reads them again. If it is compacted, or if
//! its retention is shorter, the past cannot be given again as it was: the first shows fewer changes after a restart, the
//! second is an error. A topic that is deleted and made anew under its name needs a new data folder. A message has at most
//! 1 MiB. A registry that is made anew, with other ids, needs a new data folder; while one is waited for, no partition of the
//! source is read. Up to 16 MiB of each partition is fetched ahead, 4 MiB in a replay (`queued.max.messages.kbytes`). In a replay each
//! partition has connections of its own.
//!
//! # Example
//!
//! ```
//! # let configuration = r##"
//! [source.orders]
//! kind = "kafka"
//! brokers = "kafka-1:9092,kafka-2:9092"
//! topics = ["trades"]
//! topic_pattern = "^trades\\..*"        # and every topic that matches
//! from = "earliest"                     # or "latest", a time, { "trades/0" = 1000 }: for a new data folder
//! until = "latest"                      # or a time, or offsets; without it, reading goes on for ever
//! format = "json"                       # or "csv": csv = { delimiter = ";", header = ["id", "price"] }
//! isolation = "read_committed"
//! group = "tieout"                      # is told what is durable here
//! discover_interval_ms = 5000
//! properties = { "security.protocol" = "SASL_SSL", "sasl.mechanism" = "SCRAM-SHA-512", "sasl.username" = "tieout" }
//!
//! [source.orders.columns]               # and all else that `layout` says about records
//! id = "trade_id"
//! isin = "instrument.isin"
//! execution_time = { message = "timestamp" }   # or key, topic, partition, offset
//! desk = { header = "desk" }
//!
//! [source.swaps]
//! kind = "kafka"
//! brokers = "kafka-1:9092"
//! topics = ["swaps"]
//! format = "avro"
//! avro = { registry = "http://schemas:8081" }  # or schema = "swap.avsc"; or both, to read all by that schema
//! # "##;
//! # #[derive(serde::Deserialize)]
//! # struct Configuration { source: std::collections::BTreeMap<String, connectors::SourceConfig> }
//! # let configuration: Configuration = toml::from_str(configuration).unwrap();
//! # let dictionary = model::Dictionary::new();
//! # let folder = std::path::Path::new("");
//! # let scope = connectors::Scope {
//! #     name: "orders", source: model::SourceId(0), attributes: &[], dictionary: &dictionary, folder,
//! # };
//! # configuration.source.values().for_each(|source| drop(source.source(&scope).unwrap()));
//! ```

mod avro;
mod bounded;
mod client;
mod config;
mod decode;
mod follow;
mod look;
mod message;
mod metrics;
mod partition;
mod properties;
mod reader;
mod scout;
mod source;
#[cfg(test)]
mod tests;

pub use avro::{AvroConfig, SchemaFile};
pub use config::{Isolation, KafkaConfig, MessageCsvConfig, MessageFormat, StartAt};
pub use look::{Look, ReadSoFar};
pub use source::KafkaSource;

/// The version of librdkafka.
pub fn library_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
