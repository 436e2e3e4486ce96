//! A real Kafka broker: what is in its topics is what is shown, whatever happens to the reader. Transactions that were
//! aborted are not, and messages that are gone stop a start.
//!
//! The broker is fetched and started by `tests/kafka/broker.py`. Where that cannot be, the test says so and passes, unless
//! `TIEOUT_KAFKA=required`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod broker;
mod live;
mod registry;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use broker::{Broker, PATIENCE};
use live::{Random, Server, seed, views_after};
use registry::Registry;

const TRANSACTIONS: u64 = 160;
const KILLS: u64 = 12;
const TOPICS: [&str; 2] = ["internal", "broker"];
const PARTITIONS: i32 = 2;

/// Sends a day: new trades, corrections, deletions and nonsense, of both sides, in transactions of which some are aborted.
fn send_the_day(client: &ClientConfig) {
    let producer: BaseProducer = client.clone().set("transactional.id", "desk").create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    let mut random = Random(11);
    for number in 0..TRANSACTIONS {
        producer.begin_transaction().unwrap();
        let topic = TOPICS[(number % 2) as usize];
        for _ in 0..1 + random.below(6) {
            let trade = random.below(60);
            let id = format!("{topic}-{trade}");
            let payload = match random.below(12) {
                0 => None,
                1 => Some("not a trade".to_owned()),
                _ => Some(format!(
                    r#"{{"id": "{id}", "execution_id": "E-{}", "instrument": "{}", "side": "{}", "quantity": {}, "price": "10.0{}"}}"#,
                    trade % 50,
                    ["ES", "NQ", "CL"][random.below(3) as usize / 2],
                    ["BUY", "SELL"][trade as usize % 2],
                    100 * (1 + random.below(3) / 2),
                    random.below(4) / 2 * 2,
                )),
            };
            let mut record = BaseRecord::<str, str>::to(topic).partition((trade % 2) as i32).key(&id);
            record.payload = payload.as_deref();
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        if random.below(5) == 0 {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        } else {
            producer.commit_transaction(PATIENCE).unwrap();
        }
        producer.poll(Duration::from_millis(60));
    }
}

fn folder(broker: &Broker, group: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = |topic: &str| {
        format!(
            "[source.{topic}]\nkind = \"kafka\"\nbrokers = \"{}\"\ntopics = [\"{topic}\"]\ngroup = \"{group}\"\n",
            broker.address
        )
    };
    let config = format!(
        "listen = \"127.0.0.1:0\"\nretention_seconds = 3600\n{}{}{}",
        source("internal"),
        source("broker"),
        r#"
[reconciliation.equities]
sides = ["internal", "broker"]
compare = ["instrument", "side", "quantity", "price"]
tolerance = [{ field = "price", absolute = "0.01" }]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "execution_id"
"#
    );
    std::fs::write(folder.path().join("tieout.toml"), config).unwrap();
    folder
}

/// Waits until every message that can be read is shown, and gives all views.
async fn settled(server: &Server, expected: &BTreeMap<String, u64>, with_clock: bool) -> BTreeMap<String, Vec<String>> {
    views_after(&server.client().await, expected, PATIENCE, with_clock).await
}

/// What is told by a start that fails.
fn refusal(folder: &Path) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_tieout")).args(["run", "."]).current_dir(folder).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    // Lines are broken to the width of a terminal.
    told.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a part of a topic as a user with a password, which is in a file; then with a wrong one.
async fn begins_at_a_time_and_says_who_it_is(broker: &Broker, messages: &[(i64, i64)]) {
    let (_, time) = messages[messages.len() / 2];
    let later: Vec<_> = messages.iter().filter(|(_, at)| *at >= time).collect();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
listen = "127.0.0.1:0"
[source.internal]
kind = "kafka"
brokers = "{}"
topic_pattern = "^inter"
from = "{}.{:03}Z"
[source.internal.properties]
"security.protocol" = "SASL_PLAINTEXT"
"sasl.mechanism" = "PLAIN"
"sasl.username" = "tieout"
"sasl.password" = {{ file = "password" }}
[source.broker]
kind = "flight"
[reconciliation.equities]
sides = ["internal", "broker"]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "execution_id"
"#,
        broker.guarded_address,
        as_text(time / 1000),
        time % 1000,
    );
    std::fs::write(folder.path().join("tieout.toml"), config).unwrap();
    std::fs::write(folder.path().join("password"), "tied-out\n").unwrap();
    let mut server = Server::start(folder.path());
    let partition = format!("internal/0@{}", later[0].0);
    settled(&server, &BTreeMap::from([(partition, later.len() as u64)]), false).await;
    server.kill();

    std::fs::write(folder.path().join("password"), "not-this-one").unwrap();
    let told = refusal(folder.path());
    assert!(told.contains("do not know who we are"), "{told}");
    assert!(!told.contains("not-this-one"), "a secret is never shown: {told}");
}

/// Reads messages in Avro and their headers; then again, when the registry of their schemas is gone.
async fn reads_avro_again_without_its_registry(broker: &Broker) {
    broker.make_topics(&["avro"], 1).await;
    let mut registry = Registry::start();
    registry.known.register(
        1,
        r#"{"type": "record", "name": "Trade", "fields": [{"name": "trade_id", "type": "string"}, {"name": "px",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}]}]}"#,
    );
    let producer: BaseProducer = broker.client().create().unwrap();
    for payload in [&b"\0\0\0\0\x01\x04T1\x02\x04\x04\xd2"[..], b"\0\0\0\0\x01\x04T2\x00", b"\0\0\0\0\x09\x04T3"] {
        let headers = OwnedHeaders::new().insert(Header { key: "desk", value: Some("D-7") });
        let record = BaseRecord::<str, [u8]>::to("avro").partition(0).payload(payload).headers(headers);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
listen = "127.0.0.1:0"
retention_seconds = 3600
[source.internal]
kind = "kafka"
brokers = "{}"
topics = ["avro"]
format = "avro"
avro = {{ registry = "{}" }}
[source.internal.columns]
id = "trade_id"
price = "px"
desk = {{ header = "desk" }}
[source.broker]
kind = "flight"
[reconciliation.equities]
sides = ["internal", "broker"]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "execution_id"
"#,
        broker.address,
        registry.url(),
    );
    std::fs::write(folder.path().join("tieout.toml"), config).unwrap();
    let expected = BTreeMap::from([("avro/0@0".to_owned(), 3)]);
    let mut server = Server::start(folder.path());
    let shown = settled(&server, &expected, true).await;
    let has = |view: &str, texts: &[&str]| {
        assert!(
            shown[view].iter().any(|line| texts.iter().all(|text| line.contains(text))),
            "{texts:?}: {:#?}",
            shown[view]
        );
    };
    has("trades", &["id=T1 ", "price=12.34", "desk=D-7 "]);
    has("trades", &["id=T2 ", "desk=D-7 "]);
    has("dead_letters", &["does not know schema 9", "(headers: desk=D-7)"]);
    server.kill();
    registry.go_away();
    let server = Server::start(folder.path());
    assert_eq!(settled(&server, &expected, true).await, shown);
}

/// A moment as a date and a time, UTC.
fn as_text(seconds: i64) -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S", "-d", &format!("@{seconds}")]).output().unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

/// Replays all that there is as one tick, killed meanwhile as often as it takes; what runs afterwards shows what others show.
async fn is_replayed_as_one_tick(
    broker: &Broker,
    expected: &BTreeMap<String, u64>,
    shown: &BTreeMap<String, Vec<String>>,
) {
    let folder = folder(broker, "replayed");
    let replay = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
        command.args(["replay", ".", "--from", "earliest"]).current_dir(folder.path());
        command
    };
    for milliseconds in [300, 500, 700] {
        let mut killed = replay().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        killed.kill().unwrap();
        killed.wait().unwrap();
    }
    let done = replay().output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{told}{}", String::from_utf8_lossy(&done.stdout));
    let server = Server::start(folder.path());
    assert_eq!(settled(&server, expected, false).await, *shown, "a replay shows in the end what a follower shows");
    let ticks: BTreeSet<String> = settled(&server, expected, true).await["source_progress"]
        .iter()
        .filter(|row| !row.contains("(all begun)") && !row.contains("scoring"))
        .map(|row| row.split("last_tick=").last().unwrap().to_owned())
        .collect();
    assert_eq!(ticks.len(), 1, "all of it came with one tick: {ticks:?}");
}

/// Replays up to a time; what runs afterwards goes on from there.
async fn is_replayed_up_to_a_time(broker: &Broker, readable: &[Vec<(i64, i64)>], expected: &BTreeMap<String, u64>) {
    let folder = folder(broker, "dated");
    let (_, time) = readable[0][readable[0].len() / 2];
    let to = format!("{}.{:03}Z", as_text(time / 1000), time % 1000);
    let arguments = ["replay", ".", "--from", "2020-01-01", "--to", &to];
    let ran = Command::new(env!("CARGO_BIN_EXE_tieout")).args(arguments).current_dir(folder.path()).output().unwrap();
    let earlier = readable.iter().flatten().filter(|(_, at)| *at < time).count();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(told.contains(&format!("{earlier} records replayed as tick ")), "{earlier}: {told}");
    let server = Server::start(folder.path());
    settled(&server, expected, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broker_has_is_shown_whatever_happens_to_the_reader() {
    let home = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start(home.path()) else { return };
    let admin = broker.admin();
    broker.make_topics(&TOPICS, PARTITIONS).await;

    let (calm, stormy) = (folder(&broker, "calm"), folder(&broker, "stormy"));
    let (mut undisturbed, mut killed) = (Server::start(calm.path()), Server::start(stormy.path()));
    let day = thread::spawn({
        let client = broker.client();
        move || send_the_day(&client)
    });
    let mut random = Random(seed());
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(100 + random.below(1200))).await;
        killed.kill();
        killed = Server::start(stormy.path());
    }
    day.join().unwrap();

    let places = || TOPICS.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |partition| (topic, partition)));
    let readable: Vec<Vec<(i64, i64)>> = places().map(|(topic, partition)| broker.readable(topic, partition)).collect();
    let expected: BTreeMap<String, u64> = places()
        .zip(&readable)
        .map(|((topic, partition), messages)| (format!("{topic}/{partition}@0"), messages.len() as u64))
        .collect();
    let shown = settled(&undisturbed, &expected, false).await;
    assert!(shown["breaks"].len() > 5 && shown["matches"].len() > 5, "the day has matches and breaks: {shown:?}");
    assert!(!shown["dead_letters"].is_empty(), "nonsense is refused");
    assert_eq!(settled(&killed, &expected, false).await, shown, "killed, it shows what it would have shown");

    let before = settled(&killed, &expected, true).await;
    killed.kill();
    let killed = Server::start(stormy.path());
    assert_eq!(settled(&killed, &expected, true).await, before, "a restart gives the very same ticks and rows");
    drop(killed);
    is_replayed_as_one_tick(&broker, &expected, &shown).await;
    is_replayed_up_to_a_time(&broker, &readable, &expected).await;

    let begun = Instant::now();
    for ((topic, partition), messages) in places().zip(&readable) {
        let end = messages[messages.len() - 1].0 + 1;
        let lag = format!("tieout_source_lag_records{{partition=\"{topic}/{partition}@0\",source=\"{topic}\"}} 0\n");
        while !undisturbed.metrics().contains(&lag) {
            assert!(begun.elapsed() < PATIENCE, "`{lag}` was expected: {}", undisturbed.metrics());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        while broker.committed("calm", topic, partition) != Offset::Offset(end) {
            assert!(begun.elapsed() < PATIENCE, "{topic}/{partition} was to be committed up to {end}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    begins_at_a_time_and_says_who_it_is(&broker, &readable[0]).await;
    reads_avro_again_without_its_registry(&broker).await;

    admin.create_partitions(&[NewPartitions::new("internal", 3)], &AdminOptions::new()).await.unwrap();
    let producer: BaseProducer = broker.client().create().unwrap();
    let added = BaseRecord::<str, str>::to("internal").partition(2).payload(r#"{"id": "internal-added"}"#);
    producer.send(added).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    settled(&undisturbed, &BTreeMap::from([("internal/2@0".to_owned(), 1)]), false).await;

    let last_folder = folder(&broker, "last");
    let mut last = Server::start(last_folder.path());
    settled(&last, &expected, false).await;

    undisturbed.kill();
    let mut deleted = TopicPartitionList::new();
    deleted.add_partition_offset("internal", 1, Offset::Offset(7)).unwrap();
    admin.delete_records(&deleted, &AdminOptions::new()).await.unwrap();
    let told = refusal(calm.path());
    assert!(told.contains("partition 1 of topic `internal` has no offset 0 any more: the oldest there is 7"), "{told}");
    assert!(told.contains("new data folder") && told.contains("retention.ms"), "{told}");

    // Brokers that are away hold up no stop.
    drop(broker);
    let stopped = Instant::now();
    Command::new("kill").args(["-TERM", &last.process.id().to_string()]).status().unwrap();
    assert!(last.process.wait().unwrap().success());
    assert!(stopped.elapsed() < Duration::from_secs(25), "{:?}", stopped.elapsed());
}
