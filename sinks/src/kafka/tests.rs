//! Kafka, on librdkafka's own mock of a cluster: no server is needed. What the mock does not check, such as transactions
//! that are aborted, is tested with a real broker: `tests/kafka_sink.rs`.

use std::path::Path;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Message as _};

use crate::running::suite::{self, BATCHES, Desk, Place, reached};
use crate::{Runs, Scope, SinkConfig};

/// A cluster of one broker, with a topic, and how it is written.
struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    settings: String,
}

impl Cluster {
    fn new(settings: &str) -> Cluster {
        let mock = MockCluster::new(1).unwrap();
        for topic in ["facts", "facts.frontier"] {
            mock.create_topic(topic, 1, 1).unwrap();
        }
        Cluster { mock, settings: settings.to_owned() }
    }

    fn messages(&self, topic: &str) -> Vec<(String, Option<serde_json::Value>)> {
        messages(&self.mock, topic)
    }

    /// Waits until the frontier topic says that a tick is complete.
    async fn says(&self, tick: engine::Tick) {
        tokio::time::timeout(suite::PATIENCE, async {
            let frontier = || self.messages("facts.frontier").last()?.1.as_ref()?["frontier"].as_u64();
            while frontier() <= Some(tick) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("it goes on");
    }
}

/// What is in a topic of one partition.
pub(crate) fn messages(
    mock: &MockCluster<'static, DefaultProducerContext>,
    topic: &str,
) -> Vec<(String, Option<serde_json::Value>)> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", mock.bootstrap_servers()).set("group.id", "looking");
    client.set("enable.partition.eof", "true");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut assigned = TopicPartitionList::new();
    assigned.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&assigned).unwrap();
    let mut found = Vec::new();
    loop {
        match consumer.poll(suite::PATIENCE).expect("the broker answers") {
            Ok(message) => {
                let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
                let value = message.payload().map(|payload| serde_json::from_slice(payload).unwrap());
                found.push((key, value));
            }
            Err(KafkaError::PartitionEOF(_)) => return found,
            Err(error) => panic!("{error}"),
        }
    }
}

fn sink(text: &str) -> Result<Box<dyn Runs>, engine::setting::ConfigError> {
    let config: SinkConfig = toml::from_str(text).unwrap();
    config.sink(&Scope { kind: "sink", name: "facts", folder: Path::new("") })
}

impl Place for Cluster {
    fn sinks(&self, _: &Desk) -> Vec<Box<dyn Runs>> {
        let brokers = self.mock.bootstrap_servers();
        let text = format!(
            "kind = \"kafka\"\nview = \"facts\"\nbrokers = \"{brokers}\"\ntopic = \"facts\"\n{}",
            self.settings
        );
        vec![sink(&text).unwrap()]
    }

    fn found(&self) -> Vec<String> {
        let without_tick = |(key, value): (String, Option<serde_json::Value>)| {
            let value = value.map(|mut value| {
                assert!(value.as_object_mut().unwrap().remove("_tick").unwrap().is_u64());
                value
            });
            format!("{key} {value:?}")
        };
        self.messages("facts").into_iter().map(without_tick).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_satisfy_the_specification() {
    suite::satisfies_the_specification(|| Cluster::new("mode = \"changes\"")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upserts_satisfy_the_specification() {
    suite::satisfies_the_specification(|| Cluster::new("mode = \"upserts\"")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frontier_topic_says_how_far_a_sink_is_also_when_nothing_changes() {
    let (desk, cluster) = (Desk::new(), Cluster::new(""));
    let sinks = desk.start(cluster.sinks(&desk));
    let last = desk.push_all(0..BATCHES).await;
    reached(&sinks, last).await;
    cluster.says(last + 1).await;
    sinks.stop().await;
    let messages = cluster.messages("facts.frontier");
    assert!(messages.iter().all(|(key, _)| key == "sink.facts"), "{messages:?}");
    let frontiers: Vec<u64> =
        messages.iter().map(|(_, value)| value.as_ref().unwrap()["frontier"].as_u64().unwrap()).collect();
    assert!(frontiers.is_sorted() && frontiers[frontiers.len() - 1] > last + 1, "{frontiers:?} after {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frontier_of_another_data_folder_or_of_something_else_is_not_gone_on_with() {
    let cluster = Cluster::new("");
    let one = Desk::new();
    let sinks = one.start(cluster.sinks(&one));
    let last = one.push_all(0..2).await;
    reached(&sinks, last).await;
    let other = Desk::new();
    let others = other.start(cluster.sinks(&other));
    let failed = other.engine.reader().status().part_failed();
    let error = tokio::time::timeout(suite::PATIENCE, failed).await.unwrap();
    assert!(error.what.contains("another data folder"), "{error}");
    others.stop().await;
    sinks.stop().await;
    let changed = Cluster { settings: "filter = { is_odd = true }".to_owned(), ..cluster };
    let sinks = one.start(changed.sinks(&one));
    let error = tokio::time::timeout(suite::PATIENCE, one.engine.reader().status().part_failed()).await.unwrap();
    assert!(error.what.contains("(changes of facts)"), "what is written is something else now: {error}");
    sinks.stop().await;
    let cluster = Cluster { settings: String::new(), ..changed };
    let sinks = one.start(cluster.sinks(&one));
    let last = one.push_all(2..3).await;
    // Who was there first goes on.
    cluster.says(last).await;
    sinks.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_fail_for_a_while_are_tried_again() {
    let (desk, cluster) = (Desk::new(), Cluster::new(""));
    let sinks = desk.start(cluster.sinks(&desk));
    let first = desk.push_all(0..2).await;
    reached(&sinks, first).await;
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR; 3];
    cluster.mock.request_errors(RDKafkaApiKey::EndTxn, &errors);
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART; 2];
    cluster.mock.request_errors(RDKafkaApiKey::AddPartitionsToTxn, &errors);
    let last = desk.push_all(2..BATCHES).await;
    reached(&sinks, last).await;
    sinks.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_fenced_stops_and_says_what_to_do() {
    let (desk, cluster) = (Desk::new(), Cluster::new(""));
    let sinks = desk.start(cluster.sinks(&desk));
    let first = desk.push_all(0..1).await;
    reached(&sinks, first).await;
    cluster.mock.request_errors(RDKafkaApiKey::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED]);
    desk.push_all(1..2).await;
    let error = tokio::time::timeout(suite::PATIENCE, desk.engine.reader().status().part_failed()).await.unwrap();
    assert!(error.what.starts_with("sink `facts` cannot go on") && error.help.contains("another process"), "{error}");
    sinks.stop().await;
}

#[test]
fn what_cannot_work_is_told_before_anything_starts() {
    for (settings, key, help) in [
        ("brokers = \"\"\ntopic = \"t\"", "sink.facts.brokers", "such as \"kafka:9092\""),
        ("brokers = \"b\"\ntopic = \"a b\"", "sink.facts.topic", "letters, digits"),
        ("brokers = \"b\"\ntopic = \"t\"\nfrontier_topic = \"t\"", "sink.facts.frontier_topic", "another one"),
        (
            "brokers = \"b\"\ntopic = \"t\"\nproperties = { \"transactional.id\" = \"x\" }",
            "sink.facts.properties.transactional.id",
            "names of the sink",
        ),
        (
            "brokers = \"b\"\ntopic = \"t\"\nproperties = { \"ssl.key.password\" = \"hidden\" }",
            "sink.facts.properties.ssl.key.password",
            "{ env = \"NAME\" }",
        ),
    ] {
        let error = sink(&format!("kind = \"kafka\"\nview = \"facts\"\n{settings}")).err().unwrap();
        assert_eq!(error.key, key, "{error}");
        assert!(error.help.contains(help), "{error}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}
