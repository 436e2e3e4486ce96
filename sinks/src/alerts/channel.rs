//! Channels: where letters are sent.

use std::time::Duration;

use engine::EngineError;
use engine::setting::ConfigError;

use super::alert::Letter;
use super::config::ChannelConfig;
use super::kafka::KafkaChannel;
use super::webhook::Webhook;
use crate::running::Around;
use crate::scope::Scope;

/// Why letters were not taken.
#[derive(Debug)]
pub(super) enum Untaken {
    /// They may be another time, and not before a while has passed if that is known.
    Later(EngineError, Option<Duration>),
    /// The first of them never will be.
    Never(EngineError),
    /// Nothing will be, until somebody has done something about it.
    Fatal(EngineError),
}

/// Where letters are sent.
pub(super) trait Channel: Send {
    /// How many letters it takes at once.
    fn letters_max(&self) -> usize;

    /// How old a letter may be and still be tried again.
    fn give_up_after(&self) -> Option<Duration>;

    /// Connects, also after trouble. Letters before the number that it says have been taken, whatever the outbox says.
    fn open(&mut self, around: &Around) -> Result<Option<u64>, Untaken>;

    /// Sends letters, in order: all or none. `next` is the number after the last.
    fn send(&mut self, letters: &[Letter], next: u64, around: &Around) -> Result<(), Untaken>;
}

/// A channel, checked.
pub struct ChannelPlan {
    pub(super) name: String,
    pub(super) channel: Box<dyn Channel>,
}

impl ChannelConfig {
    /// The channel that it describes, checked.
    pub fn channel(&self, scope: &Scope<'_>) -> Result<ChannelPlan, ConfigError> {
        let channel: Box<dyn Channel> = match self {
            ChannelConfig::Webhook(config) => Box::new(Webhook::new(config, scope)?),
            ChannelConfig::Kafka(config) => Box::new(KafkaChannel::new(config, scope)?),
        };
        Ok(ChannelPlan { name: scope.name.to_owned(), channel })
    }
}
