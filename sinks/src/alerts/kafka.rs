//! A Kafka topic as a channel: letters, and the number of the next, in one transaction.

use std::time::Duration;

use engine::setting::ConfigError;

use super::alert::Letter;
use super::channel::{Channel, Untaken};
use super::config::KafkaChannelConfig;
use crate::identity;
use crate::kafka::{Connection, Message, Transactions, Writer, connection};
use crate::running::{Around, Trouble};
use crate::scope::Scope;

/// A topic that letters are written to.
pub(super) struct KafkaChannel {
    connection: Connection,
    topic: Option<Transactions>,
}

impl KafkaChannel {
    pub(super) fn new(config: &KafkaChannelConfig, scope: &Scope<'_>) -> Result<Self, ConfigError> {
        let frontier_topic = config.frontier_topic.as_deref();
        let connection = connection(scope, &config.brokers, &config.topic, frontier_topic, &config.properties)?;
        Ok(KafkaChannel { connection, topic: None })
    }
}

impl Channel for KafkaChannel {
    fn letters_max(&self) -> usize {
        100
    }

    fn give_up_after(&self) -> Option<Duration> {
        None
    }

    fn open(&mut self, around: &Around) -> Result<Option<u64>, Untaken> {
        let topic = match &mut self.topic {
            Some(topic) => topic,
            none => {
                let data = identity::of(&around.data).map_err(Untaken::Fatal)?;
                let writer = Writer { data, of: "alerts".to_owned() };
                none.insert(Transactions::new(self.connection.clone(), writer))
            }
        };
        topic.open(&around.stopping).map_err(untaken)
    }

    fn send(&mut self, letters: &[Letter], next: u64, around: &Around) -> Result<(), Untaken> {
        let Some(topic) = &mut self.topic else { return Ok(()) };
        let message =
            |letter: &Letter| Message { key: letter.key.clone(), value: Some(letter.body.clone().into_bytes()) };
        topic.write(letters.iter().map(|letter| Ok(message(letter))), next, &around.stopping).map_err(untaken)
    }
}

fn untaken(trouble: Trouble) -> Untaken {
    match trouble {
        Trouble::Passes(error) => Untaken::Later(error, None),
        Trouble::Fatal(error) => Untaken::Fatal(error),
    }
}
