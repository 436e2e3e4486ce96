//! What the brokers say of the topics of a source, without reading from them.

use std::time::{Duration, Instant};

use engine::{EngineError, ErrorKind};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;

use super::client::{Consumer, close, connect, out_of_range, watermarks};
use super::partition::PartitionName;
use super::scout::is_unknown;
use super::source::KafkaSource;

/// How many partitions are asked for their offsets: each is a question of its own.
const PARTITIONS_MAX: usize = 1000;

/// How many of their messages about themselves are looked through for why there is no answer.
const SAID_MAX: usize = 32;

/// What the brokers say.
#[derive(Debug, Default)]
pub struct Look {
    /// How many brokers there are.
    pub brokers: usize,
    /// The topics that would be read, and how many partitions each has.
    pub topics: Vec<(String, usize)>,
    /// The topics that are named and not there.
    pub missing: Vec<String>,
    /// How many messages wait in the partitions that the data folder has read from.
    pub lag_records: u64,
    /// What the data folder needs and is not there any more.
    pub lost: Vec<EngineError>,
    /// What the data folder has read, does not need to go on, and is not there any more.
    pub forgotten: Vec<String>,
}

/// How far a data folder is with a partition.
#[derive(Clone, Debug)]
pub struct ReadSoFar {
    /// The name of the partition, as in the view `source_progress`.
    pub partition: String,
    /// From where a start reads it again.
    pub replayed_from: u64,
    /// Up to where it is bound.
    pub upper: u64,
}

impl KafkaSource {
    /// Asks the brokers. They have `patience` for all answers together.
    pub fn look(&self, read: &[ReadSoFar], patience: Duration) -> Result<Look, EngineError> {
        let consumer = connect(&self.settings.client.for_following(), &self.settings.name, false)?;
        let asked = Asked { source: self, consumer: &consumer, until: Instant::now() + patience };
        let look = asked.look(read).map_err(|error| asked.told(&error));
        close(consumer);
        look
    }
}

impl KafkaSource {
    /// Asks the schema registry whether it answers, if there is one: gives its address.
    pub fn look_at_registry(&self) -> Option<Result<String, EngineError>> {
        self.settings.messages.look_at_registry()
    }
}

/// A source, the client that asks for it, and how long it waits.
struct Asked<'s> {
    source: &'s KafkaSource,
    consumer: &'s Consumer,
    until: Instant,
}

impl Asked<'_> {
    fn look(&self, read: &[ReadSoFar]) -> Result<Look, KafkaError> {
        let mut look = Look::default();
        let topics = &self.source.settings.topics;
        if topics.pattern.is_some() {
            let metadata = self.consumer.fetch_metadata(None, self.left())?;
            look.add(&metadata, |topic| topics.are_to_be_read(topic))?;
        }
        for name in &topics.named {
            if look.topics.iter().any(|(topic, _)| topic == name) {
                continue;
            }
            match self.consumer.fetch_metadata(Some(name), self.left()) {
                Ok(metadata) => look.add(&metadata, |topic| topic == name)?,
                Err(error) if error.rdkafka_error_code().is_some_and(is_unknown) => look.missing.push(name.clone()),
                Err(error) => return Err(error),
            }
        }
        for read in read.iter().take(PARTITIONS_MAX) {
            // A mark of the source is no partition.
            if let Some(name) = PartitionName::parse(&read.partition) {
                self.compare(read, &name, &mut look)?;
            }
        }
        Ok(look)
    }

    /// What the data folder has read of a partition, against what is there.
    fn compare(&self, read: &ReadSoFar, name: &PartitionName, look: &mut Look) -> Result<(), KafkaError> {
        let PartitionName { topic, number, start } = name;
        let (low, high) = match watermarks(self.consumer, topic, *number) {
            Ok(found) => found,
            Err(error) if error.rdkafka_error_code().is_some_and(is_unknown) => {
                let what =
                    format!("partition {number} of topic `{topic}` is not there, but was read up to {}", read.upper);
                let help = "restore the topic, or start with a new data folder";
                look.lost.push(EngineError::new(ErrorKind::Damaged, what, help));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        look.lag_records += high.saturating_sub(read.upper);
        let needed = read.replayed_from.max(*start);
        let lost = out_of_range(topic, *number, needed, (low, high));
        let lost = lost.or_else(|| out_of_range(topic, *number, read.upper.max(*start), (low, high)));
        if lost.is_none() && low > *start {
            look.forgotten.push(format!("{topic}/{number} begins at {low} and was read from {start}"));
        }
        look.lost.extend(lost);
        Ok(())
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()).max(Duration::from_millis(100))
    }

    /// What went wrong, with what the brokers said last.
    fn told(&self, error: &KafkaError) -> EngineError {
        // What they said waits to be taken; they may go on saying it.
        for _ in 0..SAID_MAX {
            if self.consumer.poll(Duration::from_millis(50)).is_none() {
                break;
            }
        }
        let reports = self.consumer.context();
        if let Some(error) = reports.fatal() {
            return error;
        }
        let said = Some(reports.last_error()).filter(|said| !said.is_empty()).map(|said| format!(" ({said})"));
        let what = format!("the Kafka brokers give no answer: {error}{}", said.unwrap_or_default());
        let help = "check `brokers` and the properties of the source, that the brokers run, and that this machine reaches \
                    the addresses that they advertise";
        EngineError::new(ErrorKind::Unavailable, what, help)
    }
}

impl Look {
    fn add(&mut self, metadata: &Metadata, is_read: impl Fn(&str) -> bool) -> Result<(), KafkaError> {
        self.brokers = metadata.brokers().len();
        for topic in metadata.topics().iter().filter(|topic| is_read(topic.name())) {
            match topic.error().map(rdkafka::error::RDKafkaErrorCode::from) {
                None => self.topics.push((topic.name().to_owned(), topic.partitions().len())),
                Some(code) if is_unknown(code) => self.missing.push(topic.name().to_owned()),
                Some(code) => return Err(KafkaError::MetadataFetch(code)),
            }
        }
        Ok(())
    }
}
