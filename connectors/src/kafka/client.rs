//! The client of a source, and what it reports: errors of the brokers, commits that failed, how far each partition is.

use std::collections::HashMap;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use engine::{EngineError, ErrorKind};
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;

/// A client that reports.
pub(crate) type Consumer = BaseConsumer<Reports>;

/// How long the brokers have for an answer that is waited for. Then it is asked again.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a warning about the brokers is logged at most.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Makes a client.
pub(crate) fn connect(client: &ClientConfig, source: &str, commits: bool) -> Result<Consumer, EngineError> {
    let reports = Reports { source: source.to_owned(), commits, state: Mutex::default() };
    client.create_with_context(reports).map_err(|error| {
        let reason = kafka_client::reason(error);
        let what = format!("the Kafka client of source `{source}` cannot start: {reason}");
        EngineError::new(ErrorKind::Invalid, what, format!("check [source.{source}.properties]"))
    })
}

/// Closes a client. Where a commit is on its way to brokers that are away that takes most of a minute: then it goes on
/// without whoever closes it.
pub(crate) fn close(consumer: Consumer) {
    let (closed, waiting) = channel();
    let closing = move || {
        drop(consumer);
        // Nobody may be waiting any more.
        let _ = closed.send(());
    };
    if thread::Builder::new().name("kafka close".to_owned()).spawn(closing).is_ok() {
        let _ = waiting.recv_timeout(ANSWER_TIMEOUT);
    }
}

/// What a client reports.
pub(crate) struct Reports {
    source: String,
    /// Whether offsets are committed to a group.
    commits: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fatal: Option<EngineError>,
    last_error: String,
    warned: Option<Instant>,
    /// Since the last time that somebody asked.
    commits_answered: usize,
    has_commit_failed: bool,
    reached: HashMap<String, HashMap<i32, Reached>>,
}

/// How far the client is with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// One more than the last offset that is replicated.
    pub(crate) high_watermark: u64,
    /// The offset that is fetched next.
    pub(crate) next: u64,
    /// Whether all that was fetched has been taken.
    pub(crate) is_drained: bool,
}

impl Reports {
    /// Why it makes no sense to go on, if it does not.
    pub(crate) fn fatal(&self) -> Option<EngineError> {
        self.state.lock().fatal.clone()
    }

    /// What the brokers said last.
    pub(crate) fn last_error(&self) -> String {
        self.state.lock().last_error.clone()
    }

    /// How far the client is with a partition, as of the last second.
    pub(crate) fn reached(&self, topic: &str, number: i32) -> Option<Reached> {
        self.state.lock().reached.get(topic)?.get(&number).copied()
    }

    /// How many commits were answered since this was asked last, and whether one of them failed.
    pub(crate) fn take_commits(&self) -> (usize, bool) {
        let mut state = self.state.lock();
        (std::mem::take(&mut state.commits_answered), std::mem::take(&mut state.has_commit_failed))
    }

    /// Warns of what the brokers say, unless that was done a moment ago.
    pub(crate) fn warn(&self, what: &str, reason: &str) {
        let mut state = self.state.lock();
        reason.clone_into(&mut state.last_error);
        let is_due = state.warned.is_none_or(|warned| warned.elapsed() > WARNING_INTERVAL);
        if is_due {
            state.warned = Some(Instant::now());
            tracing::warn!(source = self.source, reason, "{what}");
        }
    }

    fn end_with(&self, what: String, help: &str) {
        self.state.lock().fatal.get_or_insert_with(|| EngineError::new(ErrorKind::Unavailable, what, help));
    }
}

impl ClientContext for Reports {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters of it comes as an error too.
        tracing::debug!(source = self.source, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let source = &self.source;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => self.end_with(
                format!("the Kafka brokers of source `{source}` do not know who we are: {reason}"),
                "check the user and the secret in the properties of the source, then start again",
            ),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => self.end_with(
                format!("the Kafka brokers of source `{source}` do not allow to read a topic: {reason}"),
                "give the user the rights Describe and Read on the topics of the source, then start again",
            ),
            // A client asks for the coordinator of its group, also of one that nothing is committed to.
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) if !self.commits => {}
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            _ => self.warn("the Kafka brokers say that something is wrong; it is tried again", reason),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let mut state = self.state.lock();
        for (topic, found) in statistics.topics {
            for (number, partition) in found.partitions {
                let (Ok(high_watermark), Ok(next)) =
                    (u64::try_from(partition.hi_offset), u64::try_from(partition.next_offset))
                else {
                    continue;
                };
                let reached = Reached { high_watermark, next, is_drained: partition.fetchq_cnt == 0 };
                match state.reached.get_mut(&topic) {
                    Some(numbers) => drop(numbers.insert(number, reached)),
                    None => drop(state.reached.insert(topic.clone(), HashMap::from([(number, reached)]))),
                }
            }
        }
    }
}

impl ConsumerContext for Reports {
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = &result {
            self.warn("offsets cannot be committed to the group; it is tried again", &error.to_string());
        }
        let mut state = self.state.lock();
        state.commits_answered += 1;
        state.has_commit_failed |= result.is_err();
    }
}

/// The messages that a data folder needs are not there any more, if they are not.
pub(crate) fn out_of_range(topic: &str, number: i32, needed: u64, (low, high): (u64, u64)) -> Option<EngineError> {
    if (low..=high).contains(&needed) {
        return None;
    }
    if needed < low {
        let what = format!(
            "partition {number} of topic `{topic}` has no offset {needed} any more: the oldest there is {low}, and {} \
             offsets are missing between",
            low - needed
        );
        let help = "restore the messages, or start with a new data folder; raise `retention.ms` and `retention.bytes` \
                    of the topic: it must keep all that a data folder has read";
        return Some(EngineError::new(ErrorKind::Damaged, what, help));
    }
    let what = format!(
        "partition {number} of topic `{topic}` ends at offset {high}, but was read up to {needed}: the topic was made \
         anew, or has lost messages"
    );
    Some(EngineError::new(ErrorKind::Damaged, what, "restore its messages, or start with a new data folder"))
}

/// A broker said that an offset is not there, and yet every offset is.
pub(crate) fn contradicted(reports: &Reports) -> EngineError {
    let what = format!("source `{}` cannot read from Kafka: {}", reports.source, reports.last_error());
    EngineError::new(ErrorKind::Unavailable, what, "start again; nothing is lost")
}

/// An offset as librdkafka counts it.
pub(crate) fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// Where the broker says that a partition begins and ends.
pub(crate) fn watermarks(consumer: &Consumer, topic: &str, number: i32) -> KafkaResult<(u64, u64)> {
    use rdkafka::consumer::Consumer as _;
    let (low, high) = consumer.fetch_watermarks(topic, number, ANSWER_TIMEOUT)?;
    Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0)))
}

/// What an error while messages are read means.
pub(crate) enum Trouble {
    /// librdkafka goes on by itself.
    Passes,
    /// An offset is not there.
    OutOfRange,
    /// There is no going on.
    Fatal(EngineError),
}

impl Trouble {
    pub(crate) fn of(error: &KafkaError, reports: &Reports) -> Trouble {
        let fatal = |kind, help: &str| {
            let what =
                format!("source `{}` cannot read from Kafka: {error} ({})", reports.source, reports.last_error());
            Trouble::Fatal(EngineError::new(kind, what, help))
        };
        match error {
            KafkaError::MessageConsumptionFatal(_) => fatal(ErrorKind::Unavailable, "start again; nothing is lost"),
            _ => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => Trouble::OutOfRange,
                Some(RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::BadCompression) => {
                    fatal(ErrorKind::Damaged, "messages are damaged on their way or on the broker: see its log")
                }
                _ => Trouble::Passes,
            },
        }
    }
}
