//! The configuration of alerts, and of the channels that they are sent to.

use std::collections::BTreeMap;

use engine::setting::Setting;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::running::Start;

/// The table `[alert.<name>]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertConfig {
    /// The view.
    pub view: String,
    /// Which rows somebody is told about; all of the view if not set.
    #[serde(default)]
    pub when: Option<Value>,
    /// How bad it is.
    #[serde(default)]
    pub severity: Severity,
    /// What is told: `{column}` stands for the value of a column.
    pub text: String,
    /// The channels.
    pub to: Vec<String>,
    /// Whether the rows that there are at the first start are told about.
    #[serde(default)]
    pub start: Start,
}

/// How bad it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Severity {
    /// The same for all rows.
    Text(String),
    /// What a column says.
    Column {
        /// The column.
        column: String,
    },
}

impl Default for Severity {
    fn default() -> Self {
        Severity::Text("warning".to_owned())
    }
}

/// The table `[alert_channel.<name>]`, told apart by `kind`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChannelConfig {
    /// An HTTP address that alerts are posted to.
    Webhook(WebhookConfig),
    /// A Kafka topic.
    Kafka(KafkaChannelConfig),
}

/// A channel with `kind = "webhook"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where alerts are posted to. It may hold a secret, so it can stand elsewhere.
    pub url: Setting,
    /// What signs them.
    #[serde(default)]
    pub secret: Option<Setting>,
    /// A file with the certificates of authorities; those of the system if not set.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// How long an answer is waited for.
    #[serde(default = "ten")]
    pub timeout_seconds: u64,
    /// How old an alert may be and still be tried again.
    #[serde(default = "an_hour")]
    pub give_up_seconds: u64,
}

fn ten() -> u64 {
    10
}

fn an_hour() -> u64 {
    3600
}

/// A channel with `kind = "kafka"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaChannelConfig {
    /// Some of the brokers: `host:port`, several with commas between them.
    pub brokers: String,
    /// Where alerts are written.
    pub topic: String,
    /// Where it is written how far the topic is; `<topic>.frontier` if not set.
    #[serde(default)]
    pub frontier_topic: Option<String>,
    /// Properties of librdkafka.
    #[serde(default)]
    pub properties: BTreeMap<String, Setting>,
}
