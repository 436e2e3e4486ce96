//! Transactions: messages, and how far they reach, come into being together or not at all.

use std::time::Instant;

use engine::{EngineError, ErrorKind};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::client::{ANSWER_TIMEOUT, PATIENCE, Reports, not_made, trouble};
use super::config::Connection;
use super::frontier::{self, Frontier, Upto, Writer};
use super::sink::Message;
use crate::running::Trouble;
use crate::stopping::Stopping;

/// A topic that is written in transactions.
pub(crate) struct Transactions {
    connection: Connection,
    writer: Writer,
    producer: Option<(BaseProducer<Reports>, Reports)>,
}

impl Transactions {
    /// A topic that is not connected yet.
    pub(crate) fn new(connection: Connection, writer: Writer) -> Self {
        Transactions { connection, writer, producer: None }
    }

    /// Connects, puts an end to whoever else writes under the same name, and says how far it is written.
    pub(crate) fn open(&mut self, stopping: &Stopping) -> Result<Option<u64>, Trouble> {
        self.producer = None;
        frontier::prepare(&self.connection)?;
        // Before anything else: a process with another data folder must not put an end to the one that is right.
        frontier::read(&self.connection, &self.writer, Upto::Certain, stopping)?;
        let reports = Reports::default();
        let mut client = self.connection.client.clone();
        client.set("transactional.id", self.transactional_id());
        let producer: BaseProducer<Reports> =
            client.create_with_context(reports.clone()).map_err(|error| not_made(&self.connection, error))?;
        let doing = "begin to write";
        let begun = self.until_done(doing, &reports, stopping, || producer.init_transactions(ANSWER_TIMEOUT));
        begun?;
        // What an older process had begun has ended now, one way or the other.
        let frontier = frontier::read(&self.connection, &self.writer, Upto::Now, stopping)?;
        self.producer = Some((producer, reports));
        Ok(frontier)
    }

    /// One for each message of the frontier topic: who writes the one is who may write the other.
    fn transactional_id(&self) -> String {
        format!("tieout.{}.{}", self.connection.frontier_topic, self.connection.key)
    }

    /// Writes messages and how far they reach in one transaction. After trouble it has to be opened again.
    pub(crate) fn write(
        &mut self,
        messages: impl IntoIterator<Item = Result<Message, EngineError>>,
        frontier: u64,
        stopping: &Stopping,
    ) -> Result<(), Trouble> {
        let Some((producer, reports)) = self.producer.take() else {
            let what = format!("{} is not connected", self.connection.who);
            return Err(Trouble::Passes(EngineError::new(ErrorKind::Unavailable, what, "")));
        };
        let transaction = Transaction { topic: self, producer: &producer, reports: &reports, stopping };
        transaction.run(messages, frontier)?;
        self.producer = Some((producer, reports));
        Ok(())
    }

    /// Asks until it is done: what takes longer than an answer may is asked for again.
    fn until_done(
        &self,
        doing: &str,
        reports: &Reports,
        stopping: &Stopping,
        ask: impl Fn() -> KafkaResult<()>,
    ) -> Result<(), Trouble> {
        let begun = Instant::now();
        loop {
            let Err(error) = ask() else { return Ok(()) };
            let may_be_asked_again = match &error {
                KafkaError::Transaction(error) => error.is_retriable(),
                KafkaError::Flush(code) => *code == RDKafkaErrorCode::OperationTimedOut,
                _ => false,
            };
            if !may_be_asked_again || stopping.is_stopping() || begun.elapsed() > PATIENCE {
                return Err(trouble(&self.connection, doing, &error, reports));
            }
        }
    }
}

/// A transaction that is underway. Dropped, it is aborted when its topic is opened again.
struct Transaction<'a> {
    topic: &'a Transactions,
    producer: &'a BaseProducer<Reports>,
    reports: &'a Reports,
    stopping: &'a Stopping,
}

impl Transaction<'_> {
    fn run(
        &self,
        messages: impl IntoIterator<Item = Result<Message, EngineError>>,
        frontier: u64,
    ) -> Result<(), Trouble> {
        let connection = &self.topic.connection;
        self.producer.begin_transaction().map_err(|error| self.trouble(&error))?;
        for message in messages {
            let message = message.map_err(Trouble::Fatal)?;
            self.send(&connection.topic, &message.key, message.value.as_deref())?;
        }
        let reach = Frontier::new(frontier, &self.topic.writer);
        let reach = serde_json::to_vec(&reach).map_err(|error| {
            Trouble::Fatal(EngineError::new(ErrorKind::Damaged, format!("a frontier cannot be written: {error}"), ""))
        })?;
        self.send(&connection.frontier_topic, &connection.key, Some(&reach))?;
        self.until_done(|| self.producer.flush(ANSWER_TIMEOUT))?;
        crash_point!("sink.sent");
        self.until_done(|| self.producer.commit_transaction(ANSWER_TIMEOUT))?;
        crash_point!("sink.committed");
        Ok(())
    }

    fn until_done(&self, ask: impl Fn() -> KafkaResult<()>) -> Result<(), Trouble> {
        self.topic.until_done("write", self.reports, self.stopping, ask)
    }

    /// Puts a message in line; waits while the line is full.
    fn send(&self, topic: &str, key: &str, value: Option<&[u8]>) -> Result<(), Trouble> {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).key(key);
        record.payload = value;
        let begun = Instant::now();
        loop {
            let Err((error, same)) = self.producer.send(record) else {
                self.producer.poll(std::time::Duration::ZERO);
                return Ok(());
            };
            let is_full = matches!(&error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            if !is_full || self.stopping.is_stopping() || begun.elapsed() > PATIENCE {
                return Err(self.trouble(&error));
            }
            self.producer.poll(ANSWER_TIMEOUT / 10);
            record = same;
        }
    }

    fn trouble(&self, error: &KafkaError) -> Trouble {
        trouble(&self.topic.connection, "write", error, self.reports)
    }
}
