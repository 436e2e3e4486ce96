//! Nothing lost, nothing twice: the binary dies at every named moment of a push, of a snapshot and of a removal of the past, several times each,
//! and what it shows in the end is what a run shows that never died. Observers follow it meanwhile, and at every tick everything
//! ties out.
//!
//! `cargo test --features failpoints --test crash_matrix`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod broker;
mod live;
mod outputs;
mod storm;
mod two_files;
mod watch;
mod webhook;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use broker::Broker;
use live::{Server, views};
use outputs::{alert, begun, connected, dead, kafka_sinks, push, reached, without_clock};
use serde_json::Value;
use sinks::flight::Ticket;
use sinks::flight::client::Client;
use storm::{Push, assert_same, calm, day, folder, settle};
use tempfile::TempDir;
use two_files::two_files;
use watch::Watch;
use webhook::Hook;

const BATCHES: u64 = 40;

/// Every step from a push to its receipt, those of a snapshot, and those by which the past is removed, in order.
const MOMENTS: [&str; 13] = [
    "journal.half_written",
    "journal.appended",
    "journal.synced",
    "bindings.unwritten",
    "bindings.written",
    "tick.unacknowledged",
    "tick.acknowledged",
    "snapshot.part_written",
    "snapshot.unfinished",
    "snapshot.finished",
    "past.marked",
    "past.unbound",
    "past.unread",
];

/// How many times a moment passes before the process dies at it.
const PASSES: [u64; 5] = [0, 1, 2, 7, 15];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_moment_of_a_push_a_snapshot_and_a_removal_it_shows_what_a_calm_run_shows() {
    let day = day(BATCHES);
    let expected = calm(&day).await;
    let mut deaths: BTreeMap<&str, usize> = BTreeMap::new();
    let mut looked = 0;
    for moment in MOMENTS {
        let folder = forgetful_folder();
        let (mut receipts, mut passes) = (BTreeMap::new(), PASSES.iter());
        let (mut server, mut client) = next_server(folder.path(), moment, &mut passes, &mut deaths).await;
        let watch = Watch::begin(&server);
        for (source, id, batch) in &day {
            while !receipts.contains_key(id) {
                match client.put(source, Some(id), std::slice::from_ref(batch)).await {
                    Ok(receipt) => {
                        receipts.insert(id.clone(), receipt.tick);
                        // So that there are some of them within a day, however fast it is pushed.
                        if comes_in_time(moment) {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    }
                    Err(error) => {
                        dead(&mut server, &format!("{moment}: {error}")).await;
                        *deaths.entry(moment).or_default() += 1;
                        (server, client) = next_server(folder.path(), moment, &mut passes, &mut deaths).await;
                        watch.moved(&server);
                    }
                }
            }
        }
        // The last moment may come after the receipt.
        drop(server);
        let server = Server::start(folder.path());
        let client = server.client().await;
        watch.moved(&server);
        settle(&client, &day).await;
        assert_same(&views(&client, false).await, &expected, moment);
        let seen = watch.end(client.snapshot(&Ticket::snapshot("breaks")).await.unwrap().0).await;
        println!("{moment}: {seen:?}");
        looked += seen.iter().map(|seen| seen.ticks).sum::<usize>();
        for (source, id, batch) in &day {
            let again = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
            assert_eq!((again.duplicate, again.tick), (true, receipts[id]), "{moment}: {id} keeps its tick");
        }
    }
    println!("deaths: {deaths:?}");
    // The past is removed under the observers' feet: of some moments they see little.
    assert!(looked > 2 * MOMENTS.len(), "{looked} ticks were looked at");
    let wanted = |moment: &str| if comes_in_time(moment) { 1 } else { 3 };
    let has_died = |moment: &&str| deaths.get(moment).is_some_and(|deaths| *deaths >= wanted(moment));
    assert!(MOMENTS.iter().all(has_died), "{deaths:?}");
}

/// A snapshot and a removal come when it is time for them: how often within a day is not said.
fn comes_in_time(moment: &str) -> bool {
    moment.starts_with("snapshot.") || moment.starts_with("past.")
}

/// A folder whose server removes the past as it goes.
fn forgetful_folder() -> tempfile::TempDir {
    let folder = folder();
    let path = folder.path().join("tieout.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[snapshots]", "[snapshots]\nhistory_seconds = 0.05")).unwrap();
    folder
}

/// Starts the server so that it dies at a moment, as long as there are numbers of passes left. It may die as it starts, also
/// when it listens already.
async fn next_server<'m>(
    folder: &std::path::Path,
    moment: &'m str,
    passes: &mut std::slice::Iter<'_, u64>,
    deaths: &mut BTreeMap<&'m str, usize>,
) -> (Server, Client) {
    for passes in passes {
        let points = format!("{moment}={passes}*off->return");
        if let Some(mut server) = Server::start_with(folder, &[("FAILPOINTS", &points)]) {
            match Client::connect(&server.address).await {
                Ok(client) => return (server, client),
                Err(error) => dead(&mut server, &format!("{moment}: {error}")).await,
            }
        }
        *deaths.entry(moment).or_default() += 1;
    }
    let server = Server::start(folder);
    let client = server.client().await;
    (server, client)
}

#[test]
fn a_file_that_was_read_when_the_process_died_is_read_once() {
    let run = |folder: &std::path::Path, points: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
        let output =
            command.args(["run", ".", "--until-complete"]).current_dir(folder).env("FAILPOINTS", points).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let without_ticks =
        |text: &str| -> Vec<String> { text.lines().filter(|line| !line.contains("tick")).map(str::to_owned).collect() };
    let calm = two_files("");
    let (code, expected) = run(calm.path(), "");
    assert_eq!(code, Some(3), "two breaks remain: {expected}");
    let moments = ["archive.copied", "archive.kept", "bindings.unwritten", "bindings.written", "tick.acknowledged"];
    for moment in moments {
        for passes in 0..3 {
            let stormy = two_files("");
            let (died, _) = run(stormy.path(), &format!("{moment}={passes}*off->return"));
            assert!(died.is_none() || passes > 0, "{moment} is passed at least once");
            let (code, found) = run(stormy.path(), "");
            assert_eq!((code, without_ticks(&found)), (Some(3), without_ticks(&expected)), "{moment}, {passes}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_dies_leaves_the_old_file_or_the_new_one() {
    let day = day(BATCHES);
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client().await;
    for (source, id, batch) in &day {
        client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
    }
    settle(&client, &day).await;
    let out = folder.path().join("breaks.csv");
    let export = |points: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
        command.args(["export", "breaks", "--address", &server.address, "--out"]).arg(&out);
        command.env("FAILPOINTS", points).output().unwrap().status.code()
    };
    std::fs::write(&out, "old").unwrap();
    assert_eq!(export("export.written=return"), None, "it dies");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "old");
    assert_eq!(export("export.renamed=return"), None, "it dies");
    let new = std::fs::read_to_string(&out).unwrap();
    assert!(new.lines().count() > 5, "{new}");
    assert_eq!(export(""), Some(0));
}

/// What is written elsewhere dies at a moment, again and again, while a day is pushed: in its first half each push is written
/// before the next, so each passes the moments; in its second half writing may fall behind, and many are written at a time.
async fn storm_of(
    moment: &str,
    configuration: &str,
    sinks: &[&str],
    day: &[Push],
    deaths: &mut BTreeMap<String, usize>,
) -> (Server, TempDir) {
    let folder = outputs::folder(configuration);
    let path = folder.path().to_owned();
    let mut passes = PASSES.iter().filter(|_| !moment.is_empty());
    let mut count = 0;
    let mut next = || {
        count += 1;
        for passes in passes.by_ref() {
            let points = format!("{moment}={passes}*off->return");
            match Server::start_with(&path, &[("FAILPOINTS", &points)]) {
                Some(server) => return server,
                None => count += 1,
            }
        }
        Server::start(&path)
    };
    let mut server = next();
    begun(&mut server, sinks, &mut next).await;
    let mut client = connected(&mut server, &mut next).await;
    let mut last = 0;
    for (number, each) in day.iter().enumerate() {
        last = push(&mut server, &mut client, each, &mut next).await;
        if number < day.len() / 2 {
            reached(&mut server, sinks, last, &mut next).await;
            client = connected(&mut server, &mut next).await;
        }
    }
    reached(&mut server, sinks, last, &mut next).await;
    // The last server started did not die.
    deaths.insert(moment.to_owned(), count - 1);
    (server, folder)
}

/// A letter without what depends on the clock.
fn plain(mut letter: Value) -> Value {
    for key in ["id", "tick", "raised_tick"] {
        letter.as_object_mut().unwrap().remove(key).unwrap();
    }
    for column in ["first_seen", "last_tick"] {
        letter["row"].as_object_mut().unwrap().remove(column);
    }
    letter
}

/// Each letter once, in the order in which they came first; and how many came again.
fn letters(sent: Vec<Value>) -> (Vec<Value>, usize) {
    let (mut seen, count) = (BTreeSet::new(), sent.len());
    let fresh: Vec<Value> =
        sent.into_iter().filter(|letter| seen.insert(letter["id"].to_string())).map(plain).collect();
    let again = count - fresh.len();
    (fresh, again)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_moment_of_an_alert_nobody_is_told_less_and_the_key_shows_what_is_told_again() {
    const SINKS: [&str; 2] = ["alert.breaks", "alert_channel.ops"];
    let day = day(BATCHES);
    let (mut deaths, mut expected) = (BTreeMap::new(), Vec::new());
    for moment in ["", "outbox.unwritten", "outbox.written", "outbox.sent"] {
        let hook = Hook::start();
        let configuration = alert(&format!("kind = \"webhook\"\nurl = \"{}\"", hook.url));
        let (server, _folder) = storm_of(moment, &configuration, &SINKS, &day, &mut deaths).await;
        let received = hook.take();
        assert!(received.iter().all(|letter| letter.headers["idempotency-key"] == letter.json()["id"]));
        let (told, again) = letters(received.iter().map(webhook::Received::json).collect());
        drop(server);
        if moment.is_empty() {
            let events: BTreeSet<String> = told.iter().map(|letter| letter["event"].to_string()).collect();
            assert!(told.len() > 10 && events.len() == 2, "the day has alerts: {told:?}");
            expected = told;
            continue;
        }
        assert_eq!(told, expected, "{moment}");
        assert!(again > 0 || moment != "outbox.sent", "what was sent and not marked is sent again");
        assert!(deaths[moment] >= 3, "{deaths:?}");
    }
    println!("deaths: {deaths:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_moment_of_a_transaction_each_message_is_in_a_topic_once() {
    const SINKS: [&str; 4] = ["changes", "upserts", "alert.breaks", "alert_channel.ops"];
    const TOPICS: [&str; 3] = ["changes", "upserts", "alerts"];
    let home = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start(home.path()) else { return };
    let day = day(BATCHES);
    let (mut deaths, mut expected) = (BTreeMap::new(), None);
    for moment in ["", "sink.unsent", "sink.sent", "sink.committed", "outbox.sent"] {
        let name = if moment.is_empty() { "calm" } else { moment };
        let topics = TOPICS.map(|topic| format!("{name}.{topic}"));
        broker.make_topics(&topics.each_ref().map(String::as_str), 2).await;
        let channel = format!("kind = \"kafka\"\nbrokers = \"{}\"\ntopic = \"{name}.alerts\"", broker.address);
        let configuration = kafka_sinks(&broker.address, name) + &alert(&channel);
        let (server, _folder) = storm_of(moment, &configuration, &SINKS, &day, &mut deaths).await;
        drop(server);
        let values = topics.each_ref().map(|topic| broker.values(topic, "read_committed"));
        let [changes, upserts, alerts] = values;
        let rows = [changes, upserts].map(|values| {
            let values = values.into_iter().map(|(key, values)| (key, values.iter().map(without_clock).collect()));
            values.collect::<BTreeMap<String, Vec<Option<Value>>>>()
        });
        let sent = alerts.into_values().flatten().map(|letter| serde_json::from_str(&letter.unwrap()).unwrap());
        let (letters, again) = letters(sent.collect());
        assert_eq!(again, 0, "{moment}: each letter is in the topic once");
        let found = (rows, letters);
        match &expected {
            None => {
                assert!(found.0[0].len() > 5 && found.1.len() > 10, "the day has changes: {found:?}");
                expected = Some(found);
            }
            Some(expected) => {
                assert_eq!(&found, expected, "{moment}");
                assert!(deaths[moment] >= 2, "{deaths:?}");
            }
        }
    }
    println!("deaths: {deaths:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_writes_files_from_time_to_time_each_moment_has_its_file_once() {
    const SECOND: u64 = 1_000_000;
    let sink = "[sink.breaks]\nkind = \"files\"\nview = \"breaks\"\nfolder = \"out\"\nevery_seconds = 1\n";
    let folder = outputs::folder(sink);
    let day = day(BATCHES);
    let mut batches = day.iter();
    for moment in ["export.written", "export.renamed"] {
        for passes in 0..3 {
            let points = format!("{moment}={passes}*off->return");
            let Some(mut server) = Server::start_with(folder.path(), &[("FAILPOINTS", &points)]) else { continue };
            if let Ok(client) = Client::connect(&server.address).await {
                for (source, id, batch) in batches.by_ref().take(4) {
                    // Without a receipt it is pushed again below.
                    let _ = client.put(source, Some(id), std::slice::from_ref(batch)).await;
                }
            }
            dead(&mut server, &points).await;
        }
    }
    let mut server = Server::start(folder.path());
    let mut client = server.client().await;
    let mut last = 0;
    for each in &day {
        last = push(&mut server, &mut client, each, &mut outputs::never).await.max(last);
    }
    reached(&mut server, &["breaks"], last + SECOND, &mut outputs::never).await;
    let out = folder.path().join("out");
    let names = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut moments: Vec<u64> = names
        .filter(|name| !name.starts_with('.'))
        .map(|name| name.strip_prefix("breaks-").unwrap().strip_suffix(".csv").unwrap().parse().unwrap())
        .collect();
    moments.sort_unstable();
    assert!(moments.len() > 5, "{moments:?}");
    assert!(moments.windows(2).all(|pair| pair[1] == pair[0] + SECOND), "no moment is left out: {moments:?}");
    let mut rows = 0;
    for moment in moments {
        let written = std::fs::read_to_string(out.join(format!("breaks-{moment}.csv"))).unwrap();
        let again = folder.path().join("again.csv");
        let export = ["export", "breaks", "--address", &server.address, "--as-of", &moment.to_string(), "--out"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
        assert!(command.args(export).arg(&again).output().unwrap().status.success());
        assert_eq!(written, std::fs::read_to_string(&again).unwrap(), "as of {moment}");
        rows = written.lines().count();
    }
    assert!(rows > 5, "there are breaks");
}
