//! The frontier topic: how far each sink is written, as its messages say that were committed last.

use std::time::Instant;

use engine::{EngineError, ErrorKind};
use futures::executor::block_on;
use rdkafka::Message as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use super::client::{ANSWER_TIMEOUT, PATIENCE, Reports, not_made, trouble};
use super::config::Connection;
use crate::running::Trouble;
use crate::stopping::Stopping;

/// The version of what is written.
const VERSION: u32 = 1;

/// How many of the last messages are looked at before all are.
const TAIL_MESSAGES: i64 = 1000;

/// How a frontier topic is made. Old messages are let go of soon, because all of them are read at a start.
const TOPIC: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.ms", "3600000"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("retention.ms", "-1"),
];

/// How far something is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Frontier {
    pub(super) v: u32,
    /// Everything before this is written.
    pub(super) frontier: u64,
    /// The identity of the data folder that wrote it: the ticks of another one mean something else.
    pub(super) data: String,
    /// What is written: of something else it would say nothing.
    pub(super) of: String,
}

impl Frontier {
    pub(super) fn new(frontier: u64, writer: &Writer) -> Self {
        Frontier { v: VERSION, frontier, data: writer.data.clone(), of: writer.of.clone() }
    }
}

/// Who writes, and what.
pub(crate) struct Writer {
    /// The identity of the data folder.
    pub(crate) data: String,
    /// The view, which of its rows, and how.
    pub(crate) of: String,
}

/// Makes the frontier topic if it is not there, and sees whether it is one that keeps what it is told.
pub(super) fn prepare(connection: &Connection) -> Result<(), Trouble> {
    let reports = Reports::default();
    let admin: AdminClient<Reports> =
        connection.client.create_with_context(reports.clone()).map_err(|error| not_made(connection, error))?;
    let metadata = |topic: &str| {
        let metadata = admin.inner().fetch_metadata(Some(topic), ANSWER_TIMEOUT * 5);
        metadata.map_err(|error| trouble(connection, "ask the brokers for its topics", &error, &reports))
    };
    let partitions = |topic: &str| -> Result<usize, Trouble> {
        let found = metadata(topic)?.topics().iter().find(|found| found.name() == topic).map(|t| t.partitions().len());
        Ok(found.unwrap_or(0))
    };
    if partitions(&connection.topic)? == 0 {
        let what = format!("{} cannot write: there is no topic `{}`", connection.who, connection.topic);
        return Err(Trouble::Passes(EngineError::new(ErrorKind::NotFound, what, "make the topic; it is waited for")));
    }
    match partitions(&connection.frontier_topic)? {
        0 => create(connection, &admin, &reports),
        1 => check(connection, &admin),
        _ => Err(refused(connection, "has several partitions", "give it one partition")),
    }
}

fn create(connection: &Connection, admin: &AdminClient<Reports>, reports: &Reports) -> Result<(), Trouble> {
    let mut topic = NewTopic::new(&connection.frontier_topic, 1, TopicReplication::Fixed(-1));
    for (name, value) in TOPIC {
        topic = topic.set(name, value);
    }
    let created = block_on(admin.create_topics([&topic], &options()));
    let failed = |error: &KafkaError| trouble(connection, "make its frontier topic", error, reports);
    match created.map_err(|error| failed(&error))?.pop() {
        Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => Err(failed(&KafkaError::AdminOp(code))),
        // It may take a moment until all brokers know it.
        _ => {
            tracing::info!(topic = connection.frontier_topic, "made a frontier topic");
            Ok(())
        }
    }
}

/// A topic that forgets what it was told would have everything written again.
fn check(connection: &Connection, admin: &AdminClient<Reports>) -> Result<(), Trouble> {
    let topic = ResourceSpecifier::Topic(&connection.frontier_topic);
    let described = block_on(admin.describe_configs([&topic], &options()));
    let policy = match described.map(|mut found| found.pop()) {
        Ok(Some(Ok(found))) => found.get("cleanup.policy").and_then(|entry| entry.value.clone()),
        // Without the right to look it has to be believed.
        _ => None,
    };
    match policy {
        Some(policy) if policy != "compact" => {
            let what = format!("has the cleanup policy `{policy}`, so it may forget how far it is written");
            Err(refused(connection, &what, "set its `cleanup.policy` to `compact`"))
        }
        Some(_) => Ok(()),
        None => {
            tracing::warn!(topic = connection.frontier_topic, "cannot see whether it is compacted, as it must be");
            Ok(())
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT * 2))
}

/// What is read of a frontier topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upto {
    /// What is certain already. A transaction that is open, be it our own of an older process, hides what came after it.
    Certain,
    /// All that is in it now, once it is certain.
    Now,
}

/// Reads how far it is written.
pub(super) fn read(
    connection: &Connection,
    writer: &Writer,
    upto: Upto,
    stopping: &Stopping,
) -> Result<Option<u64>, Trouble> {
    let reading = Reading::new(connection, stopping)?;
    let (low, high) = reading.range(upto)?;
    let tail = low.max(high - TAIL_MESSAGES);
    let mut last = reading.last(tail, high)?;
    if last.is_none() && tail > low {
        last = reading.last(low, high)?;
    }
    let Some(value) = last else { return Ok(None) };
    let frontier: Frontier = serde_json::from_slice(&value).map_err(|error| {
        let what = format!("has a message under `{}` that cannot be read: {error}", connection.key);
        refused(connection, &what, "it is written by a newer version, or by something else: use another topic")
    })?;
    if frontier.v != VERSION {
        let what = format!("is written in version {} under `{}`", frontier.v, connection.key);
        return Err(refused(connection, &what, "use the version of tieout that wrote it, or a newer one"));
    }
    if frontier.of != writer.of {
        let what = format!("says how far something else is written ({}), under `{}`", frontier.of, connection.key);
        let help = "what is there already does not fit what would come: give the sink another name and another topic";
        return Err(refused(connection, &what, help));
    }
    if frontier.data != writer.data {
        let what = format!("says how far another data folder has written, under `{}`", connection.key);
        let help =
            "use that data folder; or write to a new topic, because what this one would write is not what is there";
        return Err(refused(connection, &what, help));
    }
    Ok(Some(frontier.frontier))
}

struct Reading<'a> {
    connection: &'a Connection,
    stopping: &'a Stopping,
    reports: Reports,
    committed: BaseConsumer<Reports>,
    written: BaseConsumer<Reports>,
}

impl<'a> Reading<'a> {
    fn new(connection: &'a Connection, stopping: &'a Stopping) -> Result<Self, Trouble> {
        let reports = Reports::default();
        let consumer = |isolation: &str| {
            let mut client = connection.client.clone();
            client.set("group.id", "tieout").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
            client.set("isolation.level", isolation).set("auto.offset.reset", "error");
            client.create_with_context(reports.clone()).map_err(|error| not_made(connection, error))
        };
        let (committed, written) = (consumer("read_committed")?, consumer("read_uncommitted")?);
        Ok(Reading { connection, stopping, reports, committed, written })
    }

    fn trouble(&self, error: &KafkaError) -> Trouble {
        trouble(self.connection, "read how far it has written", error, &self.reports)
    }

    fn waiting(&self) -> Trouble {
        self.trouble(&KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut))
    }

    /// The offsets of the topic.
    fn range(&self, upto: Upto) -> Result<(i64, i64), Trouble> {
        let begun = Instant::now();
        let watermarks = |consumer: &BaseConsumer<Reports>| {
            consumer.fetch_watermarks(&self.connection.frontier_topic, 0, ANSWER_TIMEOUT * 5)
        };
        if upto == Upto::Certain {
            return watermarks(&self.committed).map_err(|error| self.trouble(&error));
        }
        let (low, high) = watermarks(&self.written).map_err(|error| self.trouble(&error))?;
        while watermarks(&self.committed).map_err(|error| self.trouble(&error))?.1 < high {
            if self.stopping.is_stopping() || begun.elapsed() > PATIENCE {
                return Err(self.waiting());
            }
            // Nothing is assigned: this only waits.
            drop(self.committed.poll(ANSWER_TIMEOUT / 10));
        }
        Ok((low, high))
    }

    /// The last message under our key from an offset on.
    fn last(&self, from: i64, high: i64) -> Result<Option<Vec<u8>>, Trouble> {
        if from >= high {
            return Ok(None);
        }
        let mut assigned = TopicPartitionList::new();
        let assign = assigned
            .add_partition_offset(&self.connection.frontier_topic, 0, Offset::Offset(from))
            .and_then(|()| self.committed.assign(&assigned));
        assign.map_err(|error| self.trouble(&error))?;
        let (mut last, mut heard) = (None, Instant::now());
        loop {
            match self.committed.poll(ANSWER_TIMEOUT) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if message.key() == Some(self.connection.key.as_bytes()) {
                        last = message.payload().map(<[u8]>::to_vec);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(last),
                Some(Err(error)) => return Err(self.trouble(&error)),
                None if self.stopping.is_stopping() || heard.elapsed() > PATIENCE => return Err(self.waiting()),
                None => {}
            }
        }
    }
}

fn refused(connection: &Connection, what: &str, help: &str) -> Trouble {
    let what = format!("{} cannot go on: the topic `{}` {what}", connection.who, connection.frontier_topic);
    Trouble::Fatal(EngineError::new(ErrorKind::Invalid, what, help))
}
