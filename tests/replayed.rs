//! A copy of a data folder, opened by the binary with other numbers of workers, from a snapshot and from the beginning of the
//! past: every view has the same hash at the same past ticks, which is that of what was shown live. The same inputs in other
//! ticks come to the same end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;
mod outputs;
mod storm;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use live::{Server, lines};
use outputs::{FUND_AND_BANK, copy};
use sinks::flight::Ticket;
use sinks::flight::client::Client;
use storm::{CONFIG, Push, calm, day, settle};

const BATCHES: u64 = 80;

/// How many past ticks are asked for.
const ASKED: usize = 5;

/// The hash of each view.
type Hashes = BTreeMap<String, blake3::Hash>;

/// All views as of a tick, with everything that they show.
async fn hashes(client: &Client, tick: u64) -> Hashes {
    let mut hashes = Hashes::new();
    for view in client.views().await.unwrap() {
        let ticket = Ticket { as_of: Some(tick), ..Ticket::snapshot(&view.name) };
        let (at, batches) = client.snapshot(&ticket).await.unwrap();
        assert_eq!(at, tick);
        let rows: Vec<String> = batches.iter().flat_map(|batch| lines(batch, |_| true)).collect();
        hashes.insert(view.name, blake3::hash(rows.join("\n").as_bytes()));
    }
    hashes
}

/// Another number of workers; what is retained is so long that nothing of the past is computed again, or nothing at all.
fn configure(folder: &Path, workers: usize, from_snapshot: bool) {
    let retained = if from_snapshot { "retention_seconds = 0" } else { "retention_seconds = 3600" };
    let config = CONFIG.replace("retention_seconds = 0", &format!("{retained}\nworkers = {workers}"));
    std::fs::write(folder.join("tieout.toml"), config + FUND_AND_BANK).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_workers_shows_the_same_past() {
    let (day, folder) = (day(BATCHES), outputs::folder(FUND_AND_BANK));
    std::fs::write(folder.path().join("fund.csv"), "id,quantity\nT1,10\nT2,20\nT3,30\n").unwrap();
    std::fs::write(folder.path().join("bank.csv"), "id,quantity\nT1,10\nT2,21\nT4,many\n").unwrap();
    configure(folder.path(), 1, false);
    let mut recorded = BTreeMap::new();
    for life in day.chunks(day.len() / 2) {
        let mut server = Server::start(folder.path());
        let client = server.client().await;
        for (place, (source, id, batch)) in life.iter().enumerate() {
            let tick = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick;
            if place % 12 == 6 {
                settle(&client, life).await;
                recorded.insert(tick, hashes(&client, tick).await);
            }
        }
        settle(&client, life).await;
        server.kill();
    }
    assert!(recorded.len() >= ASKED, "{:?}", recorded.keys());
    let distinct: BTreeSet<String> = recorded.values().map(|hashes| hashes["breaks"].to_string()).collect();
    assert!(distinct.len() >= ASKED - 1, "the breaks change from tick to tick");
    for (workers, from_snapshot) in [(1, false), (1, true), (2, false), (2, true), (4, false), (4, true)] {
        let copied = tempfile::tempdir().unwrap();
        copy(folder.path(), copied.path());
        configure(copied.path(), workers, from_snapshot);
        if !from_snapshot {
            std::fs::remove_dir_all(copied.path().join("tieout-data/snapshots")).unwrap();
        }
        let server = Server::start(copied.path());
        let client = server.client().await;
        settle(&client, &day).await;
        for (tick, expected) in &recorded {
            let found = hashes(&client, *tick).await;
            let differing: Vec<_> = expected.keys().filter(|view| found.get(*view) != expected.get(*view)).collect();
            assert!(differing.is_empty(), "{workers} workers at {tick}: {differing:?}");
            assert_eq!(found.len(), expected.len());
        }
    }
}

/// Pushes a day with many batches on their way at once: a tick takes what is there. Gives how many ticks there were.
async fn push_at_once(client: &Client, day: &[Push]) -> usize {
    let mut ticks = BTreeSet::new();
    for source in ["internal", "broker"] {
        let pushes: Vec<_> = day.iter().filter(|(of, _, _)| *of == source).collect();
        let (mut pusher, mut receipts) = client.pusher(source, &pushes[0].2.schema()).await.unwrap();
        let sending = async {
            for (_, id, batch) in &pushes {
                pusher.send(id, batch).await.unwrap();
            }
            drop(pusher);
        };
        let receiving = async {
            while let Some(receipt) = receipts.next().await.unwrap() {
                ticks.insert(receipt.tick);
            }
        };
        tokio::join!(sending, receiving);
    }
    ticks.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_inputs_in_other_ticks_come_to_the_same_end() {
    let day = day(BATCHES);
    let expected = calm(&day).await;
    for workers in [1, 2, 4] {
        let folder = tempfile::tempdir().unwrap();
        let config = CONFIG.replace("retention_seconds", &format!("workers = {workers}\nretention_seconds"));
        std::fs::write(folder.path().join("tieout.toml"), config).unwrap();
        let server = Server::start(folder.path());
        let client = server.client().await;
        let ticks = push_at_once(&client, &day).await;
        assert!(ticks < day.len(), "{ticks} ticks of {} batches", day.len());
        settle(&client, &day).await;
        storm::assert_same(&live::views(&client, false).await, &expected, &format!("{workers} workers"));
    }
}
