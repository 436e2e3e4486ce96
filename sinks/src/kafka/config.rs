//! The configuration of a sink that writes to Kafka.

use std::collections::BTreeMap;

use engine::setting::{ConfigError, Setting};
use kafka_client::Place;
use rdkafka::ClientConfig;
use serde::Deserialize;
use serde_json::Value;

use crate::running::Start;
use crate::scope::Scope;

/// The table `[sink.<name>]` with `kind = "kafka"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSinkConfig {
    /// The view.
    pub view: String,
    /// Which of its rows.
    #[serde(default)]
    pub filter: Option<Value>,
    /// Some of the brokers: `host:port`, several with commas between them.
    pub brokers: String,
    /// Where messages are written.
    pub topic: String,
    /// What a message is.
    #[serde(default)]
    pub mode: Mode,
    /// How a message is written.
    #[serde(default)]
    pub format: MessageFormat,
    /// With what it begins.
    #[serde(default)]
    pub start: Start,
    /// Where it is written how far the topic is; `<topic>.frontier` if not set.
    #[serde(default)]
    pub frontier_topic: Option<String>,
    /// Properties of librdkafka.
    #[serde(default)]
    pub properties: BTreeMap<String, Setting>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A change: how many times a row is added or, below zero, taken away.
    #[default]
    Changes,
    /// The row of a key from then on, or that it has none.
    Upserts,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Changes => "changes",
            Mode::Upserts => "upserts",
        }
    }
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageFormat {
    /// One JSON object.
    #[default]
    Json,
}

/// Properties that are not to be set, and why.
const OWNED: &[(&str, &str)] = &[
    ("transactional.id", "it comes from the names of the sink and of its frontier topic"),
    ("enable.idempotence", "messages are written in transactions"),
    ("acks", "messages are written in transactions, which all replicas in sync must have"),
    ("request.required.acks", "messages are written in transactions, which all replicas in sync must have"),
    ("max.in.flight", "messages are written in transactions, in order"),
    ("max.in.flight.requests.per.connection", "messages are written in transactions, in order"),
    ("group.id", "a sink has no group"),
    ("isolation.level", "how far a topic is written is read as it was committed"),
    ("auto.offset.reset", "how far a topic is written is always read from the whole topic"),
    ("enable.partition.eof", "the end of the frontier topic is looked for"),
];

/// What is set unless the configuration says otherwise. Keys go to the partitions where Java's clients would put them.
const OURS: &[(&str, &str)] = &[
    ("check.crcs", "true"),
    ("partitioner", "murmur2_random"),
    ("queue.buffering.max.kbytes", "32768"),
    ("allow.auto.create.topics", "false"),
];

/// Where messages go, and where it is kept how far they are.
#[derive(Clone)]
pub(crate) struct Connection {
    /// What is connected, for messages: `sink` or `alert channel`, and its name.
    pub(crate) who: String,
    /// The key of its message in the frontier topic.
    pub(crate) key: String,
    pub(crate) topic: String,
    pub(crate) frontier_topic: String,
    /// The properties of clients. They hold secrets: not to be shown.
    pub(crate) client: ClientConfig,
}

/// Checks how to connect.
pub(crate) fn connection(
    scope: &Scope<'_>,
    brokers: &str,
    topic: &str,
    frontier_topic: Option<&str>,
    properties: &BTreeMap<String, Setting>,
) -> Result<Connection, ConfigError> {
    let key = scope.key();
    let place = Place { key: &key, folder: scope.folder };
    kafka_client::check_brokers(brokers, place)?;
    let default = format!("{topic}.frontier");
    let frontier_topic = frontier_topic.unwrap_or(&default);
    for (setting, name) in [("topic", topic), ("frontier_topic", frontier_topic)] {
        if !kafka_client::is_topic(name) {
            let what = format!("`{name}` cannot be the name of a topic");
            let help = "a name has at most 249 letters, digits, dots, underscores and hyphens";
            return Err(ConfigError::new(format!("{key}.{setting}"), what, help));
        }
    }
    if frontier_topic == topic {
        let help = "the topic that says how far it is written must be another one";
        return Err(ConfigError::new(format!("{key}.frontier_topic"), "is the topic itself", help));
    }
    Ok(Connection {
        who: format!("{} `{}`", scope.noun(), scope.name),
        key: scope.key(),
        topic: topic.to_owned(),
        frontier_topic: frontier_topic.to_owned(),
        client: kafka_client::client(brokers, properties, OURS, OWNED, place)?,
    })
}
