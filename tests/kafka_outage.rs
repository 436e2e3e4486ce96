//! A real Kafka broker that goes away and comes back while it is read and written, and a topic that gets more partitions
//! meanwhile: nothing is lost, nothing is read or written twice.
//!
//! Where there can be no broker, the test says so and passes, unless `TIEOUT_KAFKA=required`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod broker;
mod live;
mod outputs;
mod storm;
mod topics;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use broker::{Broker, PATIENCE};
use live::{Random, Server, lines, views_after};
use outputs::{begun, kafka_sinks, never, reached};
use sinks::flight::Ticket;
use topics::{added_up, found, kept};

const TOPICS: [&str; 2] = ["internal", "broker"];

/// Parts of the day, and messages of each: before the broker goes away, meanwhile, and with more partitions.
const PARTS: u64 = 3;
const MESSAGES: u64 = 300;

/// Where each trade is, so that one that is told again is in its partition.
fn partition_of(trade: u64) -> i32 {
    (trade % 4) as i32
}

/// Sends the messages of a part of the day. `sent` counts them.
fn send(client: &ClientConfig, part: u64, sent: &AtomicU64) {
    let mut client = client.clone();
    client.set("enable.idempotence", "true").set("delivery.timeout.ms", "120000");
    let producer: BaseProducer = client.create().unwrap();
    let mut random = Random(part);
    for _ in 0..MESSAGES {
        let topic = TOPICS[random.below(2) as usize];
        // Trades of the partitions that there are from the last part on are told then only.
        let trade = if part == PARTS - 1 { random.below(60) } else { 4 * random.below(15) + random.below(2) };
        let id = format!("{topic}-{trade}");
        let payload = format!(
            r#"{{"id": "{id}", "execution_id": "E-{trade}", "instrument": "ES", "side": "BUY", "quantity": {}, "price": "10.0{}"}}"#,
            100 * (1 + random.below(3) / 2),
            random.below(4) / 2 * 2,
        );
        let record = BaseRecord::<str, str>::to(topic).partition(partition_of(trade)).key(&id).payload(&payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        sent.fetch_add(1, Ordering::Relaxed);
        producer.poll(Duration::from_millis(5));
    }
    producer.flush(PATIENCE * 2).unwrap();
}

fn configuration(broker: &Broker, group: &str, sinks: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = |topic: &str| {
        format!(
            "[source.{topic}]\nkind = \"kafka\"\nbrokers = \"{}\"\ntopics = [\"{topic}\"]\ngroup = \"{group}\"\n",
            broker.address
        )
    };
    let begin = storm::CONFIG.find("[source.internal]").unwrap();
    let end = storm::CONFIG.find("[reconciliation.equities]").unwrap();
    let [head, tail] = [&storm::CONFIG[..begin], &storm::CONFIG[end..]];
    let config = format!("{head}{}{}{tail}{sinks}", source("internal"), source("broker"));
    std::fs::write(folder.path().join("tieout.toml"), config).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_and_comes_and_a_topic_that_grows_lose_and_double_nothing() {
    let home = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start(home.path()) else { return };
    broker.make_topics(&TOPICS, 2).await;
    broker.make_topics(&["desk.changes", "desk.upserts"], 3).await;
    let folder = configuration(&broker, "desk", &kafka_sinks(&broker.address, "desk"));
    let mut server = Server::start(folder.path());
    begun(&mut server, &["changes", "upserts"], &mut never).await;

    let (client, sent) = (broker.client(), AtomicU64::new(0));
    let reach = async |count| {
        while sent.load(Ordering::Relaxed) < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let broker = thread::scope(|scope| {
        let producing = scope.spawn(|| (0..PARTS - 1).for_each(|part| send(&client, part, &sent)));
        let outage = async {
            reach(MESSAGES / 2).await;
            drop(broker);
            // What is sent now waits.
            reach(MESSAGES / 2 + MESSAGES / 4).await;
            Broker::start(home.path()).expect("it started before")
        };
        let broker = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(outage));
        producing.join().unwrap();
        broker
    });
    let growing = TOPICS.map(|topic| NewPartitions::new(topic, 4));
    for grown in broker.admin().create_partitions(&growing, &AdminOptions::new()).await.unwrap() {
        grown.unwrap();
    }
    tokio::task::block_in_place(|| send(&client, PARTS - 1, &sent));

    let places = TOPICS.into_iter().flat_map(|topic| (0..4).map(move |partition| (topic, partition)));
    let counts: BTreeMap<String, u64> = places
        .map(|(topic, partition)| (format!("{topic}/{partition}@0"), broker.readable(topic, partition).len() as u64))
        .collect();
    assert_eq!(counts.values().sum::<u64>(), PARTS * MESSAGES, "the broker has each message once: {counts:?}");
    let shown = views_after(&server.client().await, &counts, PATIENCE, false).await;
    assert!(!server.has_died());

    let calm = configuration(&broker, "calm", "");
    let undisturbed = Server::start(calm.path());
    storm::assert_same(
        &shown,
        &views_after(&undisturbed.client().await, &counts, PATIENCE, false).await,
        "read through an outage",
    );
    assert!(shown["breaks"].len() > 5 && shown["matches"].len() > 5, "{shown:?}");

    let (last, rows) = server.client().await.snapshot(&Ticket::snapshot("breaks")).await.unwrap();
    reached(&mut server, &["changes", "upserts"], last - 1, &mut never).await;
    let [changes, upserts] = found(&broker, "desk");
    let added = added_up(&changes);
    assert_eq!(added, kept(&upserts), "changes and upserts come to the same rows");
    let mut there: Vec<String> = rows
        .iter()
        .flat_map(|batch| lines(batch, |name| name == "break_id"))
        .map(|line| line.trim().trim_start_matches("break_id=").to_owned())
        .collect();
    let mut written: Vec<String> = added.iter().map(|row| row["break_id"].as_str().unwrap().to_owned()).collect();
    there.sort();
    written.sort();
    assert_eq!(written, there, "and these are the rows of the view");
}
