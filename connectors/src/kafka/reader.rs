//! A partition read again, from where the data folder began to read it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::source::BATCH_ROWS_MAX;
use engine::{Archive, Batch, EngineError, ErrorKind, SourceReader, Stop};
use model::Record;
use rdkafka::Message;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::avro::Schemas;
use super::client::{Consumer, Trouble, connect, contradicted, out_of_range, signed, watermarks};
use super::config::Settings;
use super::decode::MessageDecoder;
use super::partition::{PartitionName, empty, of_another_kind};
use super::scout::is_unknown;

/// How long nothing may come from the brokers before a replay is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the brokers must say that there is no such partition before that is believed.
const GONE_AFTER: Duration = Duration::from_secs(5);

/// Reads a partition up to where it ended when this was opened.
pub(crate) struct KafkaReader {
    consumer: Consumer,
    decoder: MessageDecoder,
    /// What is known of the schemas of messages, where a registry was asked for them.
    schemas: Option<Schemas>,
    /// A message with a schema of which nothing is known: it may be one that nobody needs.
    waiting: Option<OwnedMessage>,
    name: PartitionName,
    partition: Arc<str>,
    /// The offset after the last that was given.
    next: u64,
    /// Where the partition ended.
    end: u64,
    /// Whether nothing was given yet, and reading began where the data folder did: then that is given first, because it
    /// may be all that was bound.
    is_at_start: bool,
    stop: Stop,
}

impl KafkaReader {
    /// Opens the partition at `from`, or where the data folder began to read it if that is later.
    pub(crate) fn open(
        settings: &Settings,
        partition: &str,
        from: u64,
        archive: &Archive,
    ) -> Result<KafkaReader, EngineError> {
        let name = PartitionName::parse(partition).ok_or_else(|| of_another_kind(partition))?;
        let decoder = settings.messages.decoder().map_err(|fault| {
            EngineError::new(ErrorKind::Invalid, format!("source `{}`: {}", settings.name, fault.what), fault.help)
        })?;
        let consumer = connect(&settings.client.for_replay(), &settings.name, false)?;
        let next = from.max(name.start);
        let (low, end) = patiently(&consumer, &name, |consumer| watermarks(consumer, &name.topic, name.number))?;
        if let Some(error) = out_of_range(&name.topic, name.number, next, (low, end)) {
            return Err(error);
        }
        if next < end {
            assign(&consumer, &name, next)?;
        }
        let (is_at_start, stop) = (from <= name.start, Stop::default());
        let schemas = settings.messages.schemas(&settings.name, archive);
        let (partition, waiting) = (Arc::from(partition), None);
        Ok(KafkaReader { consumer, decoder, schemas, waiting, partition, name, next, end, is_at_start, stop })
    }

    /// Ends earlier, and also when it is told to stop.
    pub(crate) fn until(self, end: u64, stop: &Stop) -> KafkaReader {
        KafkaReader { end: end.min(self.end), stop: stop.clone(), ..self }
    }

    /// Waits for the next message, and takes those after it that are there already.
    fn read(&mut self, batch: &mut Batch<Record>) -> Result<(), EngineError> {
        if let Some(message) = self.waiting.take() {
            self.read_with_its_schema(&message, batch)?;
        }
        let mut waiting = Instant::now();
        for taken in 0..BATCH_ROWS_MAX {
            if batch.upper >= self.end {
                return Ok(());
            }
            loop {
                match self.consumer.poll(if taken == 0 { Duration::from_millis(100) } else { Duration::ZERO }) {
                    Some(Ok(message)) => {
                        let offset = u64::try_from(message.offset()).unwrap_or(0);
                        if offset >= batch.upper && offset < self.end {
                            if self.decoder.needs(message.payload(), None).is_some() {
                                batch.upper = offset;
                                self.waiting = Some(message.detach());
                                return Ok(());
                            }
                            self.decoder.decode(&message, offset, batch);
                        } else {
                            batch.upper = batch.upper.max(self.end.min(offset));
                        }
                        break;
                    }
                    // Nothing follows but the marks of transactions, or offsets that were compacted away.
                    Some(Err(KafkaError::PartitionEOF(_))) => {
                        batch.upper = self.end;
                        return Ok(());
                    }
                    Some(Err(error)) => self.check(&error)?,
                    None if taken > 0 => return Ok(()),
                    None => {}
                }
                if self.stop.is_stopped() {
                    return Err(EngineError::stopped());
                }
                if waiting.elapsed() > PATIENCE {
                    return Err(unreachable(&self.consumer, &self.name));
                }
                if let Some(error) = self.consumer.context().fatal() {
                    return Err(error);
                }
            }
            waiting = Instant::now();
        }
        Ok(())
    }

    fn read_with_its_schema(&mut self, message: &OwnedMessage, batch: &mut Batch<Record>) -> Result<(), EngineError> {
        if let (Some(id), Some(schemas)) = (self.decoder.needs(message.payload(), None), &self.schemas) {
            self.decoder.learn(id, schemas.recall(id, PATIENCE)?);
        }
        self.decoder.decode(message, u64::try_from(message.offset()).unwrap_or(0), batch);
        Ok(())
    }

    fn check(&self, error: &KafkaError) -> Result<(), EngineError> {
        match Trouble::of(error, self.consumer.context()) {
            Trouble::Passes => Ok(()),
            Trouble::Fatal(error) => Err(error),
            Trouble::OutOfRange => {
                let PartitionName { topic, number, .. } = &self.name;
                let found = patiently(&self.consumer, &self.name, |consumer| watermarks(consumer, topic, *number))?;
                let lost = out_of_range(topic, *number, self.next, found);
                Err(lost.unwrap_or_else(|| contradicted(self.consumer.context())))
            }
        }
    }
}

impl SourceReader<Record> for KafkaReader {
    fn next(&mut self) -> Result<Option<Batch<Record>>, EngineError> {
        let mut batch = empty(&self.partition, self.next);
        if std::mem::take(&mut self.is_at_start) {
            return Ok(Some(batch));
        }
        if self.next >= self.end {
            return Ok(None);
        }
        self.read(&mut batch)?;
        // What follows the batch waits for its schema, and nothing comes before it.
        if batch.upper == self.next && self.waiting.is_some() {
            self.read(&mut batch)?;
        }
        self.next = batch.upper;
        Ok(Some(batch))
    }
}

fn assign(consumer: &Consumer, name: &PartitionName, offset: u64) -> Result<(), EngineError> {
    let mut assigned = TopicPartitionList::new();
    let begun = assigned.add_partition_offset(&name.topic, name.number, Offset::Offset(signed(offset)));
    begun.and_then(|()| consumer.assign(&assigned)).map_err(|error| {
        EngineError::new(ErrorKind::Unavailable, format!("cannot read {name} from Kafka: {error}"), "start again")
    })
}

/// Asks the brokers until they answer.
fn patiently<T>(
    consumer: &Consumer,
    name: &PartitionName,
    ask: impl Fn(&Consumer) -> Result<T, KafkaError>,
) -> Result<T, EngineError> {
    let begun = Instant::now();
    loop {
        match ask(consumer) {
            Ok(answer) => return Ok(answer),
            Err(error) if error.rdkafka_error_code().is_some_and(is_unknown) && begun.elapsed() > GONE_AFTER => {
                let what =
                    format!("the past cannot be read again: the Kafka brokers have no partition {name} any more");
                let help = "restore the topic with its messages, or start with a new data folder";
                return Err(EngineError::new(ErrorKind::Damaged, what, help));
            }
            Err(error) => {
                consumer.context().warn("the Kafka brokers do not answer; it is tried again", &error.to_string())
            }
        }
        // Errors are reported to who polls.
        while consumer.poll(Duration::from_millis(100)).is_some() {}
        if let Some(error) = consumer.context().fatal() {
            return Err(error);
        }
        if begun.elapsed() > PATIENCE {
            return Err(unreachable(consumer, name));
        }
    }
}

fn unreachable(consumer: &Consumer, name: &PartitionName) -> EngineError {
    let seconds = PATIENCE.as_secs();
    let reason = consumer.context().last_error();
    let what =
        format!("the past cannot be read again: nothing came of {name} from Kafka for {seconds} seconds ({reason})");
    EngineError::new(ErrorKind::Unavailable, what, "start again when the brokers can be reached; nothing is lost")
}
