//! Properties of librdkafka: which may be set, which are ours, and where secrets come from.

use std::fmt;
use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::config::KafkaConfig;
use crate::ConfigError;
use crate::layout::Scope;

/// The value of a property, or where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Property {
    /// As it is written.
    Text(String),
    /// The value of this environment variable.
    Env(String),
    /// The content of this file, without the end of its last line.
    File(String),
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Property;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false, { env = \"NAME\" } or { file = \"path\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Property, E> {
                Ok(Property::Text(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Property, E> {
                Ok(Property::Text(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Property, E> {
                Ok(Property::Text(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Property, E> {
                Ok(Property::Text(truth.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Property, A::Error> {
                let entry: Option<(String, String)> = map.next_entry()?;
                let property = match entry {
                    Some((key, name)) if key == "env" => Property::Env(name),
                    Some((key, path)) if key == "file" => Property::File(path),
                    _ => return Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                };
                match map.next_key::<String>()? {
                    None => Ok(property),
                    Some(_) => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Properties that are not to be set, and why.
const OWNED: &[(&str, &str)] = &[
    ("bootstrap.servers", "set `brokers` of the source"),
    ("metadata.broker.list", "set `brokers` of the source"),
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
    ("test.mock.num.brokers", "set `brokers` of the source"),
];

/// Properties whose value must not stand in the configuration.
const SECRET: &[&str] = &[
    "sasl.password",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
];

/// What says where certificates of authorities are.
const AUTHORITIES: &[&str] = &["ssl.ca.location", "ssl.ca.pem", "ssl.ca.certificate.stores"];

/// How many KiB of a partition are fetched ahead.
const AHEAD: &str = "queued.max.messages.kbytes";

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
        let source = scope.key();
        let mut client = ClientConfig::new();
        client.set("client.id", "tieout");
        client.set("check.crcs", "true");
        // What is fetched ahead is held in memory, for each partition. Once it has been taken, more is wanted at once.
        client.set(AHEAD, "16384");
        client.set("fetch.queue.backoff.ms", "20");
        for (name, property) in &config.properties {
            let key = format!("{source}.properties.{name}");
            if let Some((_, reason)) = OWNED.iter().find(|(owned, _)| owned == name) {
                return Err(ConfigError::new(key, "this property cannot be set", *reason));
            }
            client.set(name, property.value(name, &key, scope.folder)?);
            if let Err(error) = check(&client) {
                return Err(refused(&key, name, &error));
            }
        }
        let mechanism = client.get("sasl.mechanism").or(client.get("sasl.mechanisms"));
        let protocol = client.get("security.protocol").unwrap_or_default().to_ascii_lowercase();
        if protocol.starts_with("sasl") && mechanism.is_none_or(|mechanism| mechanism.eq_ignore_ascii_case("GSSAPI")) {
            let key = format!("{source}.properties.security.protocol");
            let what = "says to log in, and there is no mechanism for it that can be used";
            let help = "set \"sasl.mechanism\" to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";
            return Err(ConfigError::new(key, what, help));
        }
        let uses_tls = protocol.contains("ssl");
        if uses_tls && !AUTHORITIES.iter().any(|name| config.properties.contains_key(*name)) {
            client.set("ssl.ca.location", "probe");
        }
        client.set("bootstrap.servers", &config.brokers);
        client.set("isolation.level", config.isolation.name());
        // Partitions are assigned by hand, but not without the name of a group. Nothing is committed to this one.
        client.set("group.id", config.group.as_deref().unwrap_or("tieout"));
        client.set("enable.auto.commit", "false");
        client.set("enable.auto.offset.store", "false");
        client.set("auto.offset.reset", "error");
        client.set("allow.auto.create.topics", "false");
        client.set("max.poll.interval.ms", "86400000");
        match check(&client) {
            Ok(()) => Ok(ClientProperties { client, is_ahead_set: config.properties.contains_key(AHEAD) }),
            Err(error) => Err(refused(&format!("{source}.brokers"), "bootstrap.servers", &error)),
        }
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

impl Property {
    fn value(&self, name: &str, key: &str, folder: &Path) -> Result<String, ConfigError> {
        match self {
            Property::Text(_) if SECRET.contains(&name) => {
                let help = "write where it is: { env = \"NAME\" } or { file = \"path\" }";
                Err(ConfigError::new(key, "a secret does not belong in a configuration", help))
            }
            Property::Text(text) => Ok(text.clone()),
            Property::Env(variable) => std::env::var(variable).map_err(|_| {
                let what = format!("the environment variable `{variable}` is not set, or is not text");
                ConfigError::new(key, what, "set it where tieout is started")
            }),
            Property::File(path) => match std::fs::read_to_string(folder.join(path)) {
                Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => {
                    let help = "give the path of a text file that the process may read";
                    Err(ConfigError::new(key, format!("cannot read {path}: {error}"), help))
                }
            },
        }
    }
}

fn check(client: &ClientConfig) -> Result<(), KafkaError> {
    client.create_native_config().map(drop)
}

/// What librdkafka says of a property. Its value is not told: it may be a secret.
fn refused(key: &str, name: &str, error: &KafkaError) -> ConfigError {
    let help = "see the list of librdkafka: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md";
    match error {
        KafkaError::ClientConfig(_, reason, _, _) if !SECRET.contains(&name) => {
            ConfigError::new(key, format!("librdkafka does not take this property: {reason}"), help)
        }
        _ => ConfigError::new(key, "librdkafka does not take this property", help),
    }
}
