//! The configuration of a sink: the table `[sink.<name>]`, told apart by `kind`.

use engine::setting::ConfigError;
use serde::Deserialize;
use serde_json::Value;

use crate::files::FilesSinkConfig;
use crate::kafka::KafkaSinkConfig;
use crate::running::Runs;
use crate::scope::Scope;

/// The configuration of one sink: the table `[sink.<name>]`, told apart by `kind`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SinkConfig {
    /// Files, from time to time.
    Files(FilesSinkConfig),
    /// The messages of a Kafka topic.
    Kafka(KafkaSinkConfig),
}

impl SinkConfig {
    /// The view that it takes.
    pub fn view(&self) -> &str {
        match self {
            SinkConfig::Files(config) => &config.view,
            SinkConfig::Kafka(config) => &config.view,
        }
    }

    /// Which rows of the view it takes.
    pub fn filter(&self) -> Option<&Value> {
        match self {
            SinkConfig::Files(config) => config.filter.as_ref(),
            SinkConfig::Kafka(config) => config.filter.as_ref(),
        }
    }

    /// The sink that it describes, checked and ready to be started.
    pub fn sink(&self, scope: &Scope<'_>) -> Result<Box<dyn Runs>, ConfigError> {
        match self {
            SinkConfig::Files(config) => Ok(Box::new(config.sink(scope)?)),
            SinkConfig::Kafka(config) => Ok(Box::new(config.sink(scope)?)),
        }
    }
}
