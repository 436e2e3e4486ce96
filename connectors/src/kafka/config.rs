//! The configuration of a source that reads from Kafka.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use kafka_client::{Place, Properties, is_topic};
use regex::Regex;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::avro::AvroConfig;
use super::decode::MessageLayout;
use super::properties::ClientProperties;
use crate::ConfigError;
use crate::layout::{LayoutConfig, Scope, refuse_unknown};

/// The table `[source.<name>]` with `kind = "kafka"`.
#[derive(Clone, Debug, Deserialize)]
pub struct KafkaConfig {
    /// Some of the brokers: `host:port`, several with commas between them.
    pub brokers: String,
    /// The topics to read.
    #[serde(default)]
    pub topics: Vec<String>,
    /// A regular expression: every topic whose name it matches is read too.
    #[serde(default)]
    pub topic_pattern: Option<String>,
    /// Where a data folder that is new begins to read.
    #[serde(default)]
    pub from: StartAt,
    /// Where reading ends; it goes on until it is stopped if this is not said. A time, and offsets, are the first that are
    /// not read. Partitions without an offset are read to the end that they have when the source starts.
    #[serde(default)]
    pub until: Option<StartAt>,
    /// How a message is written.
    #[serde(default)]
    pub format: MessageFormat,
    /// How CSV is written.
    #[serde(default)]
    pub csv: MessageCsvConfig,
    /// By which schemas Avro is written and read.
    #[serde(default)]
    pub avro: Option<Box<AvroConfig>>,
    /// Which messages of transactions are read.
    #[serde(default)]
    pub isolation: Isolation,
    /// The consumer group that is told how far the messages are durable here.
    #[serde(default)]
    pub group: Option<String>,
    /// How often new partitions and topics are looked for.
    #[serde(default = "discover_interval_ms")]
    pub discover_interval_ms: u64,
    /// Properties of librdkafka.
    #[serde(default)]
    pub properties: Properties,
    /// How messages become records.
    #[serde(flatten)]
    pub layout: LayoutConfig,
    /// Settings that do not exist: refused by name.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, IgnoredAny>,
}

impl KafkaConfig {
    /// Whether it reads a topic.
    pub fn reads(&self, topic: &str) -> bool {
        Topics::new(self, "").is_ok_and(|topics| topics.are_to_be_read(topic))
    }
}

fn discover_interval_ms() -> u64 {
    5000
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageFormat {
    /// One JSON object.
    #[default]
    Json,
    /// One line of separated values.
    Csv,
    /// One value of Avro.
    Avro,
}

/// How a line of CSV in a message is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessageCsvConfig {
    /// What stands between fields.
    pub delimiter: String,
    /// What a field stands in that holds delimiters or line ends; empty for none.
    pub quote: String,
    /// The encoding of the text, by its WHATWG name.
    pub encoding: String,
    /// The names of the columns; empty: they are numbered from 0.
    pub header: Vec<String>,
    /// Whether blanks around a field are left out.
    pub trim: bool,
}

impl Default for MessageCsvConfig {
    fn default() -> Self {
        let (delimiter, quote, encoding) = (",".to_owned(), "\"".to_owned(), "utf-8".to_owned());
        MessageCsvConfig { delimiter, quote, encoding, header: Vec::new(), trim: true }
    }
}

/// Which messages of transactions are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Those of transactions that were committed.
    #[default]
    ReadCommitted,
    /// All, also those of transactions that are open or were aborted.
    ReadUncommitted,
}

impl Isolation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// Where a data folder that is new begins to read; or where reading ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// With the oldest message there is.
    #[default]
    Earliest,
    /// With the first message to come.
    Latest,
    /// With the first message of this time or later.
    Time(Timestamp),
    /// With these offsets, by `topic/partition`; other partitions with the oldest message there is.
    Offsets(BTreeMap<String, u64>),
}

impl<'de> Deserialize<'de> for StartAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = StartAt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "\"earliest\", \"latest\", a time such as \"2026-03-16T08:00:00Z\", \
                     or offsets such as { \"trades/0\" = 1000 }",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StartAt, E> {
                match text {
                    "earliest" => Ok(StartAt::Earliest),
                    "latest" => Ok(StartAt::Latest),
                    _ => {
                        text.parse().map(StartAt::Time).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
                    }
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StartAt, A::Error> {
                let mut offsets = BTreeMap::new();
                while let Some(partition) = map.next_key()? {
                    // A time without quotes comes as a table too.
                    let offset = map.next_value();
                    let wrong = |_| de::Error::invalid_type(de::Unexpected::Map, &self);
                    offsets.insert(partition, offset.map_err(wrong)?);
                }
                Ok(StartAt::Offsets(offsets))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// What the configuration of Kafka adds to that of layouts.
const SETTINGS: &[&str] = &[
    "kind",
    "brokers",
    "topics",
    "topic_pattern",
    "from",
    "until",
    "format",
    "csv",
    "avro",
    "isolation",
    "group",
    "discover_interval_ms",
    "properties",
];

/// How a source reads from Kafka: checked.
pub(crate) struct Settings {
    /// The name of the source.
    pub(crate) name: String,
    pub(crate) topics: Topics,
    pub(crate) start: Start,
    pub(crate) until: Option<Start>,
    pub(crate) group: Option<String>,
    pub(crate) discover_interval: Duration,
    pub(crate) client: ClientProperties,
    pub(crate) messages: MessageLayout,
}

impl Settings {
    pub(crate) fn new(config: &KafkaConfig, scope: &Scope<'_>) -> Result<Settings, ConfigError> {
        let key = scope.key();
        refuse_unknown(&key, &config.unknown, SETTINGS)?;
        let error = |setting: &str, what: &str, help: &str| ConfigError::new(format!("{key}.{setting}"), what, help);
        kafka_client::check_brokers(&config.brokers, Place { key: &key, folder: scope.folder })?;
        if config.discover_interval_ms == 0 {
            return Err(error("discover_interval_ms", "is 0", "write how many milliseconds to wait, such as 5000"));
        }
        if config.group.as_deref().is_some_and(|group| group.trim().is_empty()) {
            return Err(error("group", "is empty", "name a group, or leave it out: then none is told anything"));
        }
        Ok(Settings {
            name: scope.name.to_owned(),
            topics: Topics::new(config, &key)?,
            start: Start::new(&config.from, &format!("{key}.from"))?,
            until: config.until.as_ref().map(|until| Start::of_end(until, &format!("{key}.until"))).transpose()?,
            group: config.group.clone(),
            discover_interval: Duration::from_millis(config.discover_interval_ms),
            client: ClientProperties::new(config, scope)?,
            messages: MessageLayout::new(config, scope)?,
        })
    }
}

/// Which topics are read.
pub(crate) struct Topics {
    pub(crate) named: Vec<String>,
    pub(crate) pattern: Option<Regex>,
}

impl Topics {
    fn new(config: &KafkaConfig, key: &str) -> Result<Topics, ConfigError> {
        let help = "name the topics to read, such as topics = [\"trades\"], or set topic_pattern";
        if config.topics.is_empty() && config.topic_pattern.is_none() {
            return Err(ConfigError::new(format!("{key}.topics"), "no topic is named", help));
        }
        if let Some(topic) = config.topics.iter().find(|topic| !is_topic(topic)) {
            let what = format!("`{topic}` cannot be the name of a topic");
            let help = "a name has at most 249 letters, digits, dots, underscores and hyphens; for a pattern set topic_pattern";
            return Err(ConfigError::new(format!("{key}.topics"), what, help));
        }
        let regex = |pattern: &String| {
            Regex::new(pattern).map_err(|error| {
                let what = format!("is not a regular expression: {error}");
                ConfigError::new(format!("{key}.topic_pattern"), what, "such as \"^trades\\\\..*\"")
            })
        };
        Ok(Topics { named: config.topics.clone(), pattern: config.topic_pattern.as_ref().map(regex).transpose()? })
    }

    /// Whether a topic is read. Those that brokers keep for themselves match no pattern.
    pub(crate) fn are_to_be_read(&self, topic: &str) -> bool {
        let matches = |pattern: &Regex| !topic.starts_with("__") && pattern.is_match(topic);
        self.named.iter().any(|named| named == topic) || self.pattern.as_ref().is_some_and(matches)
    }
}

/// Where a partition begins to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    Earliest,
    Latest,
    /// Milliseconds since 1970-01-01, UTC.
    Time(i64),
    Offset(u64),
}

/// Where partitions begin to be read.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// Those that are there at the first start.
    first: Beginning,
    /// Those that are named one by one.
    named: BTreeMap<(String, i32), u64>,
}

impl Start {
    fn new(from: &StartAt, key: &str) -> Result<Start, ConfigError> {
        let mut start = Start { first: Beginning::Earliest, named: BTreeMap::new() };
        match from {
            StartAt::Earliest => {}
            StartAt::Latest => start.first = Beginning::Latest,
            StartAt::Time(time) => start.first = Beginning::Time(time.as_millisecond()),
            StartAt::Offsets(offsets) => {
                for (name, offset) in offsets {
                    let place = name.rsplit_once('/').and_then(|(topic, number)| {
                        number
                            .parse::<i32>()
                            .ok()
                            .filter(|number| *number >= 0 && is_topic(topic))
                            .map(|n| (topic.to_owned(), n))
                    });
                    let place = place.ok_or_else(|| {
                        let what = format!("`{name}` is not a partition of a topic");
                        ConfigError::new(format!("{key}.{name}"), what, "write it as \"trades/0\" = 1000")
                    })?;
                    start.named.insert(place, *offset);
                }
            }
        }
        Ok(start)
    }

    /// Where partitions end: what is not named ends where it ends now.
    fn of_end(until: &StartAt, key: &str) -> Result<Start, ConfigError> {
        if *until == StartAt::Earliest {
            let help = "use \"latest\", a time, or offsets; leave it out to read on until it is stopped";
            return Err(ConfigError::new(key, "nothing ends before it begins", help));
        }
        let mut end = Start::new(until, key)?;
        if end.first == Beginning::Earliest {
            end.first = Beginning::Latest;
        }
        Ok(end)
    }

    /// Where a partition begins that was not read before.
    pub(crate) fn of(&self, topic: &str, number: i32, is_first_start: bool) -> Beginning {
        match self.named.get(&(topic.to_owned(), number)) {
            Some(offset) if is_first_start => Beginning::Offset(*offset),
            None if is_first_start => self.first,
            _ => Beginning::Earliest,
        }
    }
}
