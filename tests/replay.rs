//! `tieout replay`: what it shows, what it writes and when, and what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;
mod storm;
mod two_files;
mod webhook;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use live::{Server, views};
use storm::{day, settle};
use two_files::two_files;
use webhook::Hook;

fn tieout(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
    command.args(arguments.split_whitespace()).current_dir(folder).output().unwrap()
}

/// What was told, without the breaks of lines.
fn told(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn files_are_replayed_as_one_tick_and_what_is_sent_is_sent_once_it_is_whole() {
    let hook = Hook::start();
    let more = format!(
        "[alert.breaks]\nview = \"breaks\"\ntext = \"{{type}} of {{trade_id}}\"\nto = [\"ops\"]\n\
         [alert_channel.ops]\nkind = \"webhook\"\nurl = \"{}\"\n",
        hook.url
    );
    let folder = two_files(&more);
    // A file that is waited for need not be there.
    let config = folder.path().join("tieout.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}[source.more]\nkind = \"files\"\npath = \"more\"\nfollow = true\n")).unwrap();
    let ran = tieout(folder.path(), "replay .");
    assert_eq!(ran.status.code(), Some(3), "{}", told(&ran));
    assert!(told(&ran).contains("5 records replayed as tick "), "{}", told(&ran));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("internal"), "it tells what came of it");
    assert_eq!(
        fs::read_dir(folder.path().join("tieout-data/snapshots")).unwrap().count(),
        1,
        "it ends with a snapshot"
    );
    let sent = hook.take();
    assert_eq!(sent.len(), 2, "the two breaks that remain, and none that came and went: {sent:?}");
    let again = tieout(folder.path(), "replay .");
    assert!(told(&again).contains("0 records replayed"), "nothing has come since: {}", told(&again));
    assert_eq!(hook.take().len(), 0, "nothing is sent twice");
}

#[test]
fn what_can_only_be_said_of_topics_is_refused_where_there_are_none() {
    let folder = two_files("");
    for (arguments, what) in [
        ("replay . --from 2026-03-16", "no source of the configuration has offsets or times"),
        ("replay . --to now", "no source of the configuration has offsets or times"),
        ("replay . --from yesterday", "`yesterday` is no place in a topic"),
        ("replay . --to earliest", "nothing ends before it begins"),
        ("replay . --of nowhere --to noon", "`noon` is no tick"),
    ] {
        let ran = tieout(folder.path(), arguments);
        assert_eq!(ran.status.code(), Some(2), "{arguments}: {}", told(&ran));
        assert!(told(&ran).contains(what), "{arguments}: {}", told(&ran));
    }
    let ran = tieout(folder.path(), "replay . --of nowhere");
    assert!(told(&ran).contains("is not a data folder"), "{}", told(&ran));
    let topics = "\n[source.more]\nkind = \"kafka\"\nbrokers = \"127.0.0.1:1\"\ntopics = [\"trades\"]\n";
    let folder = two_files(topics);
    let ran = tieout(folder.path(), "replay . --from trade/0=5");
    assert!(told(&ran).contains("no source reads the topic `trade`"), "{}", told(&ran));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticks_of_a_data_folder_become_another_one_that_a_server_goes_on_with() {
    let (old, new) = (storm::folder(), storm::folder());
    let day = day(30);
    let server = Server::start(old.path());
    let client = server.client().await;
    let (earlier, later) = day.split_at(20);
    for (source, id, batch) in earlier {
        client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
    }
    settle(&client, earlier).await;
    let (expected, tick) = (views(&client, false).await, last_tick(&client, earlier).await);
    for (source, id, batch) in later {
        client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
    }
    settle(&client, &day).await;
    let whole = views(&client, false).await;

    let of = format!("replay . --of {} --to {tick}", old.path().join("tieout-data").display());
    let ran = tieout(new.path(), &of);
    assert!(told(&ran).contains("in use by another process"), "{}", told(&ran));
    drop(server);
    let ran = tieout(new.path(), &of);
    assert_eq!(ran.status.code(), Some(3), "{}", told(&ran));

    let server = Server::start(new.path());
    let client = server.client().await;
    assert_eq!(without_runs(views(&client, false).await), without_runs(expected));
    for (source, id, batch) in &day {
        let receipt = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
        let is_earlier = earlier.iter().any(|(_, earlier, _)| earlier == id);
        assert_eq!(receipt.duplicate, is_earlier, "{id}: what was replayed is known by its id");
    }
    settle(&client, &day).await;
    assert_eq!(without_runs(views(&client, false).await), without_runs(whole));
}

/// The tick of the last of some pushes.
async fn last_tick(client: &sinks::flight::client::Client, day: &[storm::Push]) -> u64 {
    let (source, id, batch) = &day[day.len() - 1];
    client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick
}

fn without_runs(
    mut views: std::collections::BTreeMap<String, Vec<String>>,
) -> std::collections::BTreeMap<String, Vec<String>> {
    views.remove("runs");
    views
}
