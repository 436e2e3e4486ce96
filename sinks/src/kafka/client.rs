//! What clients report, and what their errors mean.

use std::sync::Arc;
use std::time::Duration;

use engine::{EngineError, ErrorKind};
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use super::config::Connection;
use crate::running::Trouble;

/// How long the brokers have for an answer that is waited for, before it is looked whether it is time to stop.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long something is waited for before that is a failure, which is told and tried again.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What a client reports: what the brokers said last, and why a message was not taken.
#[derive(Clone, Default)]
pub(super) struct Reports(Arc<Mutex<Option<KafkaError>>>);

impl Reports {
    /// The worst that was reported: a reason that does not pass is kept.
    fn last(&self) -> Option<KafkaError> {
        self.0.lock().clone()
    }

    fn keep(&self, error: KafkaError) {
        let mut last = self.0.lock();
        if last.as_ref().and_then(help).is_none() {
            *last = Some(error);
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters of it comes as an error too.
        tracing::debug!(facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(reason, "{error}");
        self.keep(error);
    }
}

impl ConsumerContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.keep(error.clone());
        }
    }
}

/// What an error means for one who is connected.
pub(super) fn trouble(connection: &Connection, doing: &str, error: &KafkaError, reports: &Reports) -> Trouble {
    // That a transaction must be given up says less than why.
    let cause = reports.last().filter(|last| help(error).is_none() && help(last).is_some());
    let cause = cause.as_ref().unwrap_or(error);
    let what = format!("{} cannot {doing}: {cause}", connection.who);
    match help(cause) {
        Some(help) => Trouble::Fatal(EngineError::new(ErrorKind::Unavailable, what, help)),
        None => {
            Trouble::Passes(EngineError::new(ErrorKind::Unavailable, what, "check that the brokers can be reached"))
        }
    }
}

/// A client that cannot be made.
pub(super) fn not_made(connection: &Connection, error: KafkaError) -> Trouble {
    let what = format!("the Kafka client of {} cannot start: {}", connection.who, kafka_client::reason(error));
    Trouble::Fatal(EngineError::new(ErrorKind::Invalid, what, format!("check [{}.properties]", connection.key)))
}

/// What to do about an error that does not pass by itself.
fn help(error: &KafkaError) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code()? {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Some(
            "another process writes under the same name: run only one of them; if there is no other, a transaction took \
             longer than `transaction.timeout.ms`: start again, nothing is lost and nothing is written twice",
        ),
        Code::Authentication | Code::SaslAuthenticationFailed => {
            Some("the brokers do not know who we are: check the user and the secret in `properties`")
        }
        Code::TopicAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed => Some(
            "give the user the rights Describe and Write on the topic, Describe, Read and Write on its frontier topic, \
             and Describe and Write on the transactional id",
        ),
        Code::MessageSizeTooLarge => Some("raise `message.max.bytes` here, and that of the topic and the brokers"),
        Code::InvalidTransactionTimeout => Some("lower `transaction.timeout.ms`, or raise the limit of the brokers"),
        Code::UnsupportedVersion | Code::UnsupportedFeature => Some("use brokers that have transactions"),
        _ => None,
    }
}
