//! Nothing lost, nothing twice: the binary dies at every named moment of a push, of a snapshot and of a removal of the past, several times each,
//! and what it shows in the end is what a run shows that never died.
//!
//! `cargo test --features failpoints --test crash_matrix`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;
mod storm;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use live::{Server, views};
use storm::{calm, day, folder, settle};

const BATCHES: u64 = 40;

const PATIENCE: Duration = Duration::from_secs(20);

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
    for moment in MOMENTS {
        let folder = forgetful_folder();
        let (mut receipts, mut passes) = (BTreeMap::new(), PASSES.iter());
        let mut server = next_server(folder.path(), moment, &mut passes, &mut deaths);
        let mut client = server.client().await;
        for (source, id, batch) in &day {
            while !receipts.contains_key(id) {
                match client.put(source, Some(id), std::slice::from_ref(batch)).await {
                    Ok(receipt) => {
                        receipts.insert(id.clone(), receipt.tick);
                    }
                    Err(error) => {
                        let died = async {
                            while !server.has_died() {
                                tokio::time::sleep(Duration::from_millis(5)).await;
                            }
                        };
                        tokio::time::timeout(PATIENCE, died).await.unwrap_or_else(|_| panic!("{moment}: {error}"));
                        *deaths.entry(moment).or_default() += 1;
                        server = next_server(folder.path(), moment, &mut passes, &mut deaths);
                        client = server.client().await;
                    }
                }
            }
        }
        // The last moment may come after the receipt.
        drop(server);
        let server = Server::start(folder.path());
        let client = server.client().await;
        settle(&client, &day).await;
        assert_eq!(views(&client, false).await, expected, "{moment}");
        for (source, id, batch) in &day {
            let again = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
            assert_eq!((again.duplicate, again.tick), (true, receipts[id]), "{moment}: {id} keeps its tick");
        }
    }
    println!("deaths: {deaths:?}");
    assert!(MOMENTS.iter().all(|moment| deaths.get(moment).is_some_and(|deaths| *deaths >= 3)), "{deaths:?}");
}

/// A folder whose server removes the past as it goes.
fn forgetful_folder() -> tempfile::TempDir {
    let folder = folder();
    let path = folder.path().join("tieout.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[snapshots]", "[snapshots]\nhistory_seconds = 0.05")).unwrap();
    folder
}

/// Starts the server so that it dies at a moment, as long as there are numbers of passes left. It may die as it starts.
fn next_server<'m>(
    folder: &std::path::Path,
    moment: &'m str,
    passes: &mut std::slice::Iter<'_, u64>,
    deaths: &mut BTreeMap<&'m str, usize>,
) -> Server {
    for passes in passes {
        let points = format!("{moment}={passes}*off->return");
        match Server::start_with(folder, &[("FAILPOINTS", &points)]) {
            Some(server) => return server,
            None => *deaths.entry(moment).or_default() += 1,
        }
    }
    Server::start(folder)
}

#[test]
fn a_file_that_was_read_when_the_process_died_is_read_once() {
    let config = r#"
        [source.internal]
        kind = "files"
        path = "internal.csv"
        [source.broker]
        kind = "files"
        path = "broker.csv"
        [reconciliation.equities]
        sides = ["internal", "broker"]
        compare = ["quantity"]
        [[reconciliation.equities.tier]]
        kind = "identifier"
        field = "id"
    "#;
    let run = |folder: &std::path::Path, points: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tieout"));
        let output =
            command.args(["run", ".", "--until-complete"]).current_dir(folder).env("FAILPOINTS", points).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let folder = || {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tieout.toml"), config).unwrap();
        std::fs::write(folder.path().join("internal.csv"), "id,quantity\nT1,10\nT2,20\nT3,30\n").unwrap();
        std::fs::write(folder.path().join("broker.csv"), "id,quantity\nT1,10\nT2,21\n").unwrap();
        folder
    };
    let without_ticks =
        |text: &str| -> Vec<String> { text.lines().filter(|line| !line.contains("tick")).map(str::to_owned).collect() };
    let calm = folder();
    let (code, expected) = run(calm.path(), "");
    assert_eq!(code, Some(3), "two breaks remain: {expected}");
    let moments = ["archive.copied", "archive.kept", "bindings.unwritten", "bindings.written", "tick.acknowledged"];
    for moment in moments {
        for passes in 0..3 {
            let stormy = folder();
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
