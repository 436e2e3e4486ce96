//! Kafka, on librdkafka's own mock of a cluster: no server is needed.

mod avro;
mod beside;
mod messages;
mod registered;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Archive, Batch, ErrorKind, Positions, Source};
use model::{Dictionary, Record, SourceId};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tempfile::TempDir;

use super::{KafkaConfig, KafkaSource};
use crate::ConfigError;
use crate::layout::Scope;
use crate::suite::{self, Running};

/// A cluster of one broker, and what is needed to read from it.
struct Desk {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
    archive: Archive,
    dictionary: Dictionary,
    _folder: TempDir,
}

impl Desk {
    fn new(topics: &[(&str, i32)]) -> Desk {
        let cluster = MockCluster::new(1).unwrap();
        topics.iter().for_each(|(topic, partitions)| cluster.create_topic(topic, *partitions, 1).unwrap());
        let mut producer = ClientConfig::new();
        producer.set("bootstrap.servers", cluster.bootstrap_servers());
        producer.set("message.max.bytes", "4000000");
        let folder = TempDir::new().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        Desk { cluster, producer: producer.create().unwrap(), archive, dictionary: Dictionary::new(), _folder: folder }
    }

    fn send(&self, place: (&str, i32), key: Option<&str>, payload: Option<&[u8]>) {
        self.send_with(place, key, payload, &[]);
    }

    fn send_with(
        &self,
        (topic, partition): (&str, i32),
        key: Option<&str>,
        payload: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).partition(partition);
        record.key = key;
        record.payload = payload;
        record.headers = (!headers.is_empty()).then(|| with_headers(headers));
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }

    fn send_trades(&self, place: (&str, i32), ids: std::ops::Range<u32>) {
        ids.for_each(|id| self.send(place, None, Some(trade(id).as_bytes())));
    }

    fn source(&self, settings: &str) -> Box<dyn Source<Record>> {
        let brokers = self.cluster.bootstrap_servers();
        let text = format!("brokers = \"{brokers}\"\ndiscover_interval_ms = 100\n{settings}");
        Box::new(source(&text, &self.dictionary).unwrap())
    }

    fn start(&self, settings: &str, positions: &[(&str, u64)]) -> Running {
        Running::start(self.source(settings), as_positions(positions), &self.archive)
    }

    fn committed(&self, group: &str, (topic, partition): (&str, i32)) -> Option<i64> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.cluster.bootstrap_servers()).set("group.id", group);
        let consumer: BaseConsumer = client.create().unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let answer = consumer.committed_offsets(asked, Duration::from_secs(60)).unwrap();
        match answer.find_partition(topic, partition).unwrap().offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }
}

fn with_headers(headers: &[(&str, Option<&[u8]>)]) -> OwnedHeaders {
    headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: *value }))
}

fn source(text: &str, dictionary: &Dictionary) -> Result<KafkaSource, ConfigError> {
    source_in(std::path::Path::new(""), text, dictionary)
}

fn source_in(folder: &std::path::Path, text: &str, dictionary: &Dictionary) -> Result<KafkaSource, ConfigError> {
    let config: KafkaConfig = toml::from_str(text).unwrap();
    let attributes = ["note".to_owned(), "trace".to_owned()];
    KafkaSource::new(
        &config,
        &Scope { name: "orders", source: SourceId(2), attributes: &attributes, dictionary, folder },
    )
}

fn trade(id: u32) -> String {
    format!("{{\"id\": \"T{id}\", \"side\": \"BUY\", \"price\": 1{}.25}}", id % 10)
}

fn as_positions(positions: &[(&str, u64)]) -> Positions {
    positions.iter().map(|(partition, upper)| (Arc::from(*partition), *upper)).collect()
}

fn offsets(batches: &[Batch<Record>]) -> BTreeMap<&str, Vec<u64>> {
    let mut found = BTreeMap::<&str, Vec<u64>>::new();
    for batch in batches {
        let refused = batch.refusals.iter().map(|refusal| refusal.offset);
        found.entry(&batch.partition).or_default().extend(batch.events.iter().map(|event| event.offset).chain(refused));
    }
    found
}

/// What the gauge of the lag of a partition shows.
fn lag(running: &Running, partition: &str) -> Option<f64> {
    let families = running.registry().gather();
    let family = families.iter().find(|family| family.name() == "tieout_source_lag_records")?;
    let is_it = |metric: &&prometheus::proto::Metric| metric.get_label().iter().any(|label| label.value() == partition);
    family.get_metric().iter().find(is_it).map(|metric| metric.get_gauge().get_value())
}

fn pause(milliseconds: u64) {
    engine::Stop::default().wait(Duration::from_millis(milliseconds));
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        pause(50);
    }
}

#[test]
fn satisfies_the_specification() {
    let desk = Desk::new(&[("trades", 2)]);
    for id in 0..40 {
        match id % 10 {
            3 => desk.send(("trades", 0), Some("T1"), None),
            6 => desk.send(("trades", 0), None, Some(b"{\"id\": 7, \xff")),
            9 => desk.send(("trades", 0), None, None),
            _ => desk.send(("trades", id % 2), None, Some(trade(id as u32).as_bytes())),
        }
    }
    suite::endless_satisfies_the_specification(|| desk.source("topics = [\"trades\"]"), &desk.archive, 40);
}

#[test]
fn a_new_partition_is_named_by_its_start_before_its_first_record() {
    let desk = Desk::new(&[("trades", 1)]);
    desk.send_trades(("trades", 0), 0..5);
    let running = desk.start("topics = [\"trades\"]\nfrom = \"latest\"", &[]);
    let begun = running.next();
    assert_eq!((&*begun.partition, begun.upper, begun.events.len()), ("trades/0@5", 5, 0));
    desk.send_trades(("trades", 0), 5..7);
    assert_eq!(offsets(&running.next_records(2)), BTreeMap::from([("trades/0@5", vec![5, 6])]));
    running.stop();

    // Nothing but the start was bound, and more has come: it is neither passed over nor begun elsewhere.
    desk.send_trades(("trades", 0), 7..9);
    let running = desk.start("topics = [\"trades\"]\nfrom = \"latest\"", &[("trades/0@5", 5)]);
    assert_eq!(offsets(&running.next_records(4)), BTreeMap::from([("trades/0@5", vec![5, 6, 7, 8])]));
    running.stop();

    // The name alone tells where the partition begins, also before it has a record.
    let mut reader = desk.source("topics = [\"trades\"]").open("trades/0@5", 0, &desk.archive).unwrap();
    let first = reader.next().unwrap().unwrap();
    assert_eq!((first.upper, first.events.len()), (5, 0));
    let mut reader = desk.source("topics = [\"trades\"]").open("trades/0@9", 0, &desk.archive).unwrap();
    assert_eq!(reader.next().unwrap().map(|batch| batch.upper), Some(9));
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn a_first_start_that_was_interrupted_is_gone_on_with_and_later_ones_are_not_first() {
    let desk = Desk::new(&[("trades", 2)]);
    for partition in 0..2 {
        desk.send_trades(("trades", partition), 0..5);
    }
    let settings = "topics = [\"trades\"]\nfrom = \"latest\"";
    let begun = |positions: &[(&str, u64)]| {
        let running = desk.start(settings, positions);
        let name = running.next().partition.to_string();
        running.stop();
        name
    };
    assert_eq!(begun(&[("trades/0@5", 5)]), "trades/1@5", "the first look was not over");
    assert_eq!(begun(&[("trades/0@5", 5), ("(all begun)", 1)]), "trades/1@0", "a partition that came later");
    let mut mark = desk.source(settings).open("(all begun)", 0, &desk.archive).unwrap();
    assert_eq!(mark.next().unwrap().map(|batch| (batch.upper, batch.events.len())), Some((1, 0)));
    assert!(mark.next().unwrap().is_none());
}

#[test]
fn partitions_that_come_after_the_first_start_are_read_from_their_first_record() {
    let desk = Desk::new(&[("trades.a", 1)]);
    desk.send_trades(("trades.a", 0), 0..3);
    let settings = "topic_pattern = \"^trades\\\\..*\"\ntopics = [\"late\"]\nfrom = \"latest\"";
    let running = desk.start(settings, &[]);
    assert_eq!(&*running.next().partition, "trades.a/0@3");
    for topic in ["trades.b", "other", "late"] {
        desk.cluster.create_topic(topic, 1, 1).unwrap();
        desk.send_trades((topic, 0), 0..2);
    }
    let found = running.next_records(4);
    assert_eq!(offsets(&found), BTreeMap::from([("trades.b/0@0", vec![0, 1]), ("late/0@0", vec![0, 1])]));
    running.stop();

    // Made while nobody was there: not a first start any more.
    desk.cluster.create_topic("trades.c", 1, 1).unwrap();
    desk.send_trades(("trades.c", 0), 0..2);
    let running =
        desk.start(settings, &[("trades.a/0@3", 3), ("trades.b/0@0", 2), ("late/0@0", 2), ("(all begun)", 1)]);
    assert_eq!(offsets(&running.next_records(2)), BTreeMap::from([("trades.c/0@0", vec![0, 1])]));
    running.stop();
}

#[test]
fn a_data_folder_begins_at_the_offsets_that_are_named() {
    let desk = Desk::new(&[("trades", 2)]);
    desk.send_trades(("trades", 0), 0..4);
    desk.send_trades(("trades", 1), 4..6);
    let running = desk.start("topics = [\"trades\"]\nfrom = { \"trades/0\" = 3 }", &[]);
    let found = running.next_records(3);
    assert_eq!(offsets(&found), BTreeMap::from([("trades/0@3", vec![3]), ("trades/1@0", vec![0, 1])]));
    running.stop();

    let error = desk.start("topics = [\"trades\"]\nfrom = { \"trades/0\" = 99 }", &[]).error();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.what.contains("has no offset 99: it has 0 to 4"), "{error}");
}

#[test]
fn with_an_end_it_satisfies_the_specification_of_sources_that_end() {
    let desk = Desk::new(&[("trades", 2)]);
    (0..40).for_each(|id| desk.send(("trades", id % 2), None, Some(trade(id as u32).as_bytes())));
    suite::satisfies_the_specification(|| desk.source("topics = [\"trades\"]\nuntil = \"latest\""), &desk.archive);
}

#[test]
fn reading_ends_where_it_is_said_and_goes_on_from_there_later() {
    let desk = Desk::new(&[("trades", 2)]);
    desk.send_trades(("trades", 0), 0..6);
    desk.send_trades(("trades", 1), 6..9);
    let read = |until: &str, positions: &[(&str, u64)]| {
        let source = desk.source(&format!("topics = [\"trades\"]\nuntil = {until}"));
        let batches = suite::run(source, as_positions(positions), &desk.archive);
        let found = offsets(&batches).into_iter();
        found.map(|(partition, offsets)| (partition.to_owned(), offsets)).collect::<BTreeMap<_, _>>()
    };
    let expected = |offsets: [&[u64]; 2]| -> BTreeMap<String, Vec<u64>> {
        [("trades/0@0", offsets[0]), ("trades/1@0", offsets[1])]
            .map(|(name, all)| (name.to_owned(), all.to_vec()))
            .into()
    };
    let without_marks = |mut found: BTreeMap<String, Vec<u64>>| {
        found.remove("(all begun)");
        found
    };
    let some = read("{ \"trades/0\" = 2 }", &[]);
    assert!(some.contains_key("(all begun)"), "a later start is not the first: {some:?}");
    assert_eq!(without_marks(some), expected([&[0, 1], &[0, 1, 2]]), "what is not named is read to its end");
    let positions = [("trades/0@0", 2), ("trades/1@0", 3), ("(all begun)", 1)];
    assert_eq!(read("{ \"trades/0\" = 5 }", &positions), BTreeMap::from([("trades/0@0".to_owned(), vec![2, 3, 4])]));
    assert_eq!(read("{ \"trades/0\" = 1 }", &positions), BTreeMap::new(), "it has been read further already");
    let error = desk.start("topics = [\"trades\"]\nuntil = { \"trades/0\" = 99 }", &[]).error();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.what.contains("has no offset 99: it has 0 to 6") && error.help.contains("`until`"), "{error}");
}

#[test]
fn a_group_is_told_only_what_is_durable() {
    let desk = Desk::new(&[("trades", 1)]);
    desk.send_trades(("trades", 0), 0..6);
    let running = desk.start("topics = [\"trades\"]\ngroup = \"desk\"", &[]);
    running.next_records(6);
    pause(1500);
    assert_eq!(desk.committed("desk", ("trades", 0)), None, "given, but not durable");
    running.durable().reach(&Arc::from("trades/0@0"), 4);
    eventually("what is durable is committed", || desk.committed("desk", ("trades", 0)) == Some(4));
    running.durable().reach(&Arc::from("trades/0@0"), 6);
    running.stop();
    assert_eq!(desk.committed("desk", ("trades", 0)), Some(6), "and once more at the end");
}

#[test]
fn messages_that_are_gone_are_an_error_that_says_what_to_do() {
    let desk = Desk::new(&[("trades", 1)]);
    // The mock keeps 5 MiB of a partition.
    let payload = format!("{{\"id\": \"T1\", \"note\": \"{}\"}}", "x".repeat(200_000));
    (0..60).for_each(|_| desk.send(("trades", 0), None, Some(payload.as_bytes())));
    let opened = desk.source("topics = [\"trades\"]").open("trades/0@0", 0, &desk.archive).err().unwrap();
    let ended = desk.start("topics = [\"trades\"]", &[("trades/0@0", 0)]).error();
    for error in [opened, ended] {
        assert_eq!(error.kind, ErrorKind::Damaged);
        assert!(
            error.what.starts_with("partition 0 of topic `trades` has no offset 0 any more: the oldest there is "),
            "{error}"
        );
        assert!(error.help.contains("retention.ms") && error.help.contains("new data folder"), "{error}");
    }
    let error = desk.start("topics = [\"trades\"]", &[("trades/0@0", 1000)]).error();
    assert_eq!(error.kind, ErrorKind::Damaged);
    assert!(error.what.contains("ends at offset 60, but was read up to 1000"), "{error}");
}

#[test]
fn the_lag_is_measured() {
    let desk = Desk::new(&[("trades", 1)]);
    desk.send_trades(("trades", 0), 0..6);
    let running = desk.start("topics = [\"trades\"]", &[]);
    running.next_records(6);
    eventually("all was read", || lag(&running, "trades/0@0") == Some(0.0));
    running.stop();
}

#[test]
fn brokers_that_are_away_are_waited_for_and_a_stop_is_heeded() {
    let desk = Desk::new(&[("trades", 1)]);
    desk.send_trades(("trades", 0), 0..3);
    desk.cluster.broker_down(1).unwrap();
    let running = desk.start("topics = [\"trades\"]\ngroup = \"desk\"", &[]);
    assert!(running.is_quiet_for(Duration::from_secs(1)));
    desk.cluster.broker_up(1).unwrap();
    assert_eq!(offsets(&running.next_records(3)), BTreeMap::from([("trades/0@0", vec![0, 1, 2])]));
    desk.cluster.broker_down(1).unwrap();
    pause(500);
    running.durable().reach(&Arc::from("trades/0@0"), 3);
    let stopped = Instant::now();
    running.stop();
    assert!(stopped.elapsed() < Duration::from_secs(20), "{:?}", stopped.elapsed());
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key_and_what_to_do() {
    let cases = [
        ("", "source.orders.topics", "topic_pattern"),
        ("topics = [\"a b\"]", "source.orders.topics", "letters"),
        ("topic_pattern = \"(\"", "source.orders.topic_pattern", "^trades"),
        ("topics = [\"t\"]\ntopic = \"t\"", "source.orders.topic", "did you mean `topics`"),
        ("topics = [\"t\"]\nfrom = { trades = 1 }", "source.orders.from.trades", "trades/0"),
        ("topics = [\"t\"]\nuntil = { trades = 1 }", "source.orders.until.trades", "trades/0"),
        ("topics = [\"t\"]\nuntil = \"earliest\"", "source.orders.until", "latest"),
        ("topics = [\"t\"]\ngroup = \"\"", "source.orders.group", "leave it out"),
        ("topics = [\"t\"]\nformat = \"csv\"", "source.orders.columns", "csv.header"),
        ("topics = [\"t\"]\nformat = \"csv\"\ncsv = { header = [\"x\"] }", "source.orders.columns", "`x`"),
        ("topics = [\"t\"]\ncolumns = { id = 0 }", "source.orders.columns", "name of the member"),
        ("topics = [\"t\"]\nproperties = { \"group.id\" = \"x\" }", "source.orders.properties.group.id", "set `group`"),
        (
            "topics = [\"t\"]\nproperties = { \"sasl.pasword\" = \"x\" }",
            "source.orders.properties.sasl.pasword",
            "librdkafka",
        ),
        (
            "topics = [\"t\"]\nproperties = { \"sasl.password\" = \"x\" }",
            "source.orders.properties.sasl.password",
            "env",
        ),
        (
            "topics = [\"t\"]\nproperties = { \"security.protocol\" = \"SASL_SSL\" }",
            "source.orders.properties.security.protocol",
            "SCRAM",
        ),
        (
            "topics = [\"t\"]\nproperties = { \"sasl.password\" = { env = \"TIEOUT_NOT_SET\" } }",
            "source.orders.properties.sasl.password",
            "set it",
        ),
    ];
    for (settings, key, help) in cases {
        let error = source(&format!("brokers = \"kafka:9092\"\n{settings}"), &Dictionary::new()).err().unwrap();
        assert!(error.key == key && error.help.contains(help), "{settings}: {error}");
    }
    for from in ["\"yesterday\"", "2026-03-16T08:00:00Z", "{ \"trades/0\" = -1 }", "7"] {
        let wrong: Result<KafkaConfig, _> = toml::from_str(&format!("brokers = \"b\"\nfrom = {from}"));
        assert!(wrong.unwrap_err().message().contains("such as \"2026-03-16T08:00:00Z\""), "{from}");
    }
}
