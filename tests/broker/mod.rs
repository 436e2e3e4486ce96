//! A Kafka broker for tests, fetched and started by `tests/kafka/broker.py`. Where that cannot be, a test says so and passes,
//! unless `TIEOUT_KAFKA=required`.
//!
//! Included by several tests, none of which needs all of it.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};

/// How long anything here may take before it counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// A broker that runs until this is dropped.
pub(crate) struct Broker {
    process: Child,
    pub(crate) address: String,
    /// Where it asks who one is.
    pub(crate) guarded_address: String,
}

impl Broker {
    /// Starts one, or says why the test is skipped.
    pub(crate) fn start(folder: &Path) -> Option<Broker> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/broker.py");
        let started = Command::new("python3")
            .arg(script)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let reason = match started {
            Ok(mut process) => {
                let mut addresses = String::new();
                BufReader::new(process.stdout.take().unwrap()).read_line(&mut addresses).unwrap();
                if let Some((address, guarded)) = addresses.trim().split_once(' ') {
                    let (address, guarded_address) = (address.to_owned(), guarded.to_owned());
                    return Some(Broker { process, address, guarded_address });
                }
                let mut reason = String::new();
                process.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
                reason
            }
            Err(error) => format!("python3: {error}"),
        };
        let is_required = std::env::var("TIEOUT_KAFKA").is_ok_and(|value| value == "required");
        assert!(!is_required, "there is no Kafka broker: {reason}");
        // Past the output that is captured: nothing is skipped in silence.
        let _ = writeln!(std::io::stderr(), "skipped: there is no Kafka broker: {}", reason.trim());
        None
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address);
        client
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// The messages of a partition that can be read: their offsets and times.
    pub(crate) fn readable(&self, topic: &str, partition: i32) -> Vec<(i64, i64)> {
        let mut client = self.client();
        client.set("group.id", "counting").set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = client.create().unwrap();
        let mut assigned = TopicPartitionList::new();
        assigned.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&assigned).unwrap();
        let mut found = Vec::new();
        loop {
            match consumer.poll(PATIENCE).expect("the broker answers") {
                Ok(message) => found.push((message.offset(), message.timestamp().to_millis().unwrap())),
                Err(KafkaError::PartitionEOF(_)) => return found,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Makes topics of several partitions.
    pub(crate) async fn make_topics(&self, names: &[&str], partitions: i32) {
        let topics: Vec<_> =
            names.iter().map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(1))).collect();
        for created in self.admin().create_topics(&topics, &AdminOptions::new()).await.unwrap() {
            created.unwrap();
        }
    }

    /// What a consumer finds in a topic: the values under each key, in their order.
    pub(crate) fn values(&self, topic: &str, isolation: &str) -> BTreeMap<String, Vec<Option<String>>> {
        let mut client = self.client();
        client.set("group.id", "looking").set("isolation.level", isolation).set("enable.partition.eof", "true");
        let consumer: BaseConsumer = client.create().unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let partitions = metadata.topics()[0].partitions().len();
        let mut assigned = TopicPartitionList::new();
        for partition in 0..partitions {
            assigned.add_partition_offset(topic, partition as i32, Offset::Beginning).unwrap();
        }
        consumer.assign(&assigned).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (mut found, mut ended) = (BTreeMap::<_, Vec<_>>::new(), 0);
        while ended < partitions {
            match consumer.poll(PATIENCE).expect("the broker answers") {
                Ok(message) => {
                    found.entry(text(message.key().unwrap())).or_default().push(message.payload().map(text));
                }
                Err(KafkaError::PartitionEOF(_)) => ended += 1,
                Err(error) => panic!("{error}"),
            }
        }
        found
    }

    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Offset {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let answer = consumer.committed_offsets(asked, PATIENCE).unwrap();
        answer.find_partition(topic, partition).unwrap().offset()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The end of its input stops it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
