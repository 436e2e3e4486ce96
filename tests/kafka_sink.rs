//! A real Kafka broker: what changes in a view is in a topic once, whatever happens to the process that writes it.
//!
//! Where there can be no broker, the test says so and passes, unless `TIEOUT_KAFKA=required`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod broker;
mod live;
mod outputs;
mod storm;
mod topics;

use std::process::Command;
use std::time::{Duration, Instant};

use broker::{Broker, PATIENCE};
use live::{Random, Server, seed};
use outputs::{begun, copy, folder, kafka_sinks, never, push, reached, tick_of, without_clock};
use serde_json::Value;
use storm::day;
use topics::{added_up, found, kept};

const BATCHES: u64 = 120;
const KILLS: u64 = 8;
const SINKS: [&str; 2] = ["changes", "upserts"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_is_in_a_topic_once_whatever_happens_to_who_writes_it() {
    let home = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start(home.path()) else { return };
    broker.make_topics(&["calm.changes", "calm.upserts", "stormy.changes", "stormy.upserts"], 3).await;
    let day = day(BATCHES);

    let calm = folder(&kafka_sinks(&broker.address, "calm"));
    let mut undisturbed = Server::start(calm.path());
    let mut client = undisturbed.client().await;
    begun(&mut undisturbed, &SINKS, &mut never).await;
    let mut last = 0;
    for each in &day {
        last = push(&mut undisturbed, &mut client, each, &mut never).await;
    }
    reached(&mut undisturbed, &SINKS, last, &mut never).await;

    let stormy = folder(&kafka_sinks(&broker.address, "stormy"));
    let mut killed = Server::start(stormy.path());
    let mut client = killed.client().await;
    begun(&mut killed, &SINKS, &mut never).await;
    let mut random = Random(seed());
    let mut next_kill = 1;
    for (number, each) in day.iter().enumerate() {
        last = push(&mut killed, &mut client, each, &mut || Server::start(stormy.path())).await;
        if number as u64 > next_kill * BATCHES / (KILLS + 1) {
            next_kill += 1;
            tokio::time::sleep(Duration::from_millis(random.below(60))).await;
            killed.kill();
        }
    }
    reached(&mut killed, &SINKS, last, &mut || Server::start(stormy.path())).await;

    let (expected, storm) = (found(&broker, "calm"), found(&broker, "stormy"));
    assert!(expected[0].values().map(Vec::len).sum::<usize>() > 50, "the day has changes: {expected:?}");
    assert_eq!(storm, expected, "killed, it writes what it would have written");
    let rows = added_up(&storm[0]);
    assert_eq!(rows, kept(&storm[1]), "changes and upserts come to the same rows");
    let shown = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(["query", "breaks", "--output", "ndjson", "--address", &killed.address])
        .output()
        .unwrap();
    assert!(shown.status.success(), "{shown:?}");
    let shown = String::from_utf8(shown.stdout).unwrap();
    let mut shown: Vec<Value> = shown.lines().map(|line| without_clock(&Some(line.to_owned())).unwrap()).collect();
    shown.sort_by_key(Value::to_string);
    assert_eq!(rows, shown, "and these are the rows of the view");

    for values in broker.values("stormy.changes", "read_committed").into_values() {
        assert!(values.iter().map(tick_of).is_sorted(), "ticks are in order: {values:?}");
    }

    // A copy of the data folder is another process under the same name: of the two only the younger goes on.
    killed.kill();
    let copied = tempfile::tempdir().unwrap();
    copy(stormy.path(), copied.path());
    let older = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(["run", "."])
        .current_dir(stormy.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // It is known to have begun when the brokers know its frontier anew.
    let told = |sink: &str| {
        let frontiers = broker.values(&format!("stormy.{sink}.frontier"), "read_committed");
        frontiers[&format!("sink.{sink}")].len()
    };
    let (before, waiting) = (SINKS.map(told), Instant::now());
    while SINKS.iter().zip(before).any(|(sink, before)| told(sink) == before) {
        assert!(waiting.elapsed() < PATIENCE, "the older one writes how far it is");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut younger = Server::start(copied.path());
    let ended = older.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).replace('│', " ");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot go on") && said.contains("another process writes under the same name"), "{said}");
    let mut client = younger.client().await;
    let more = storm::day(BATCHES + 1).pop().unwrap();
    let last = push(&mut younger, &mut client, &more, &mut never).await;
    reached(&mut younger, &SINKS, last, &mut never).await;
    younger.kill();

    // Another data folder has no business with what this one has written.
    let foreign = folder(&kafka_sinks(&broker.address, "stormy"));
    let ran =
        Command::new(env!("CARGO_BIN_EXE_tieout")).args(["run", "."]).current_dir(foreign.path()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("another data folder"), "{said}");

    // Brokers that are away hold up no stop.
    drop(broker);
    let stopped = Instant::now();
    Command::new("kill").args(["-TERM", &undisturbed.process.id().to_string()]).status().unwrap();
    assert!(undisturbed.process.wait().unwrap().success());
    assert!(stopped.elapsed() < Duration::from_secs(25), "{:?}", stopped.elapsed());
}
