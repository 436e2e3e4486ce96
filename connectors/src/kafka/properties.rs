//! Properties of librdkafka that a source sets, and which may be set.

use kafka_client::Place;
use rdkafka::ClientConfig;

use super::config::KafkaConfig;
use crate::ConfigError;
use crate::layout::Scope;

/// Properties that are not to be set, and why.
const OWNED: &[(&str, &str)] = &[
    ("group.id", "set `group` of the source"),
    ("group.instance.id", "partitions are not shared by a group: this process reads all of them"),
    ("group.protocol", "partitions are not shared by a group: this process reads all of them"),
    ("partition.assignment.strategy", "partitions are not shared by a group: this process reads all of them"),
    ("isolation.level", "set `isolation` of the source"),
    ("auto.offset.reset", "set `from` of the source; messages that are gone are an error, never passed over"),
    ("enable.auto.commit", "an offset is committed when its message is durable here"),
    ("auto.commit.enable", "an offset is committed when its message is durable here"),
    ("auto.commit.interval.ms", "an offset is committed when its message is durable here"),
    ("enable.auto.offset.store", "an offset is committed when its message is durable here"),
    ("enable.partition.eof", "the end of a partition is looked for when the past is replayed"),
    ("max.poll.interval.ms", "a source waits for as long as the engine is behind"),
    ("statistics.interval.ms", "the metric `tieout_source_lag_records` depends on it"),
    ("allow.auto.create.topics", "a topic that is not there is waited for, not made"),
];

/// How many KiB of a partition are fetched ahead.
const AHEAD: &str = "queued.max.messages.kbytes";

/// What is set unless the configuration says otherwise. What is fetched ahead is held in memory, for each partition; once
/// it has been taken, more is wanted at once.
const OURS: &[(&str, &str)] = &[("check.crcs", "true"), (AHEAD, "16384"), ("fetch.queue.backoff.ms", "20")];

/// The properties that clients are made with. They hold secrets: not to be shown.
#[derive(Clone)]
pub(crate) struct ClientProperties {
    client: ClientConfig,
    /// Whether the configuration says how much is fetched ahead.
    is_ahead_set: bool,
}

impl ClientProperties {
    /// Checks the properties of a configuration, and fetches those that stand elsewhere.
    pub(crate) fn new(config: &KafkaConfig, scope: &Scope<'_>) -> Result<ClientProperties, ConfigError> {
        let (key, folder) = (scope.key(), scope.folder);
        let place = Place { key: &key, folder };
        let mut client = kafka_client::client(&config.brokers, &config.properties, OURS, OWNED, place)?;
        client.set("isolation.level", config.isolation.name());
        // Partitions are assigned by hand, but not without the name of a group. Nothing is committed to this one.
        client.set("group.id", config.group.as_deref().unwrap_or("tieout"));
        client.set("enable.auto.commit", "false");
        client.set("enable.auto.offset.store", "false");
        client.set("auto.offset.reset", "error");
        client.set("allow.auto.create.topics", "false");
        client.set("max.poll.interval.ms", "86400000");
        Ok(ClientProperties { client, is_ahead_set: config.properties.contains_key(AHEAD) })
    }

    /// The properties of a client that follows partitions.
    pub(crate) fn for_following(&self) -> ClientConfig {
        let mut client = self.client.clone();
        client.set("statistics.interval.ms", "1000");
        client
    }

    /// The properties of a client that reads a partition to its end.
    pub(crate) fn for_replay(&self) -> ClientConfig {
        let mut client = self.client.clone();
        client.set("enable.partition.eof", "true");
        // In a replay every partition has a client of its own.
        if !self.is_ahead_set {
            client.set(AHEAD, "4096");
        }
        client
    }
}
