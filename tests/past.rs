//! Any past tick, asked of the binary: it shows what a subscriber was told at the time, through kills, snapshots and another
//! configuration.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;
mod storm;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use live::{Random, Server, seed};
use storm::{Push, day, folder};

const BATCHES: u64 = 90;

/// How many ticks are asked for.
const ASKED: usize = 20;

/// What a subscriber holds of a view, row by row.
type Held = BTreeMap<String, i64>;

/// Follows views with the command line, and keeps what they showed at each tick.
struct Follower {
    view: &'static str,
    at: BTreeMap<u64, Held>,
}

impl Follower {
    fn new(view: &'static str) -> Self {
        Follower { view, at: BTreeMap::new() }
    }

    /// Catches up with all changes up to a tick: from where it was, across restarts, or with a snapshot of that tick at
    /// first: one of now may be later.
    fn catch_up(&mut self, folder: &Path, server: &Server, tick: u64) {
        let (start, from) = self.at.last_key_value().map_or(("--as-of", tick), |(from, _)| ("--from-tick", *from));
        let (from, up_to) = (from.to_string(), (tick + 1).to_string());
        let mut held = self.at.last_key_value().map(|(_, held)| held.clone()).unwrap_or_default();
        let ends = [start, &from, "--up-to", &up_to];
        let arguments = [&["subscribe", self.view, "-o", "ndjson", "--address", &server.address], &ends[..]].concat();
        for row in ndjson(folder, &arguments) {
            let mut row = row.as_object().unwrap().clone();
            let (tick, diff) = (row.remove("_tick").unwrap(), row.remove("_diff").unwrap().as_i64().unwrap());
            let count = held.entry(serde_json::to_string(&row).unwrap()).or_default();
            *count += diff;
            held.retain(|_, count| *count != 0);
            self.at.insert(tick_of(&tick), held.clone());
        }
    }
}

fn tick_of(shown: &serde_json::Value) -> u64 {
    match shown {
        serde_json::Value::Number(tick) => tick.as_u64().unwrap(),
        other => {
            let moment: model::Timestamp =
                model::Timestamp::parse(other.as_str().unwrap(), "%Y-%m-%dT%H:%M:%S%.fZ").unwrap();
            moment.micros().unwrap() as u64
        }
    }
}

fn ndjson(folder: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_tieout")).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn as_of(folder: &Path, server: &Server, view: &str, tick: u64) -> Held {
    let tick = tick.to_string();
    let rows = ndjson(folder, &["query", view, "--as-of", &tick, "-o", "ndjson", "--address", &server.address]);
    let mut held = Held::new();
    for row in rows {
        let mut row = row.as_object().unwrap().clone();
        row.remove("_tick");
        let diff = row.remove("_diff").map_or(1, |diff| diff.as_i64().unwrap());
        *held.entry(serde_json::to_string(&row).unwrap()).or_default() += diff;
    }
    held
}

async fn push(server: &Server, pushes: &[Push]) -> u64 {
    let client = server.client().await;
    let mut last = 0;
    for (source, id, batch) in pushes {
        last = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick;
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_past_tick_is_what_a_subscriber_was_told_then() {
    let (day, folder) = (day(BATCHES), folder());
    let text = std::fs::read_to_string(folder.path().join("tieout.toml")).unwrap();
    let mut followers = ["breaks", "matches", "trades"].map(Follower::new);
    // Three parts of a day: as it is; killed and started again; and with another tolerance.
    let parts = [text.clone(), text.clone(), text.replace("0.01", "0.02")];
    for (pushes, text) in day.chunks(30).zip(parts) {
        std::fs::write(folder.path().join("tieout.toml"), text).unwrap();
        let server = Server::start(folder.path());
        for pushes in pushes.chunks(5) {
            let tick = push(&server, pushes).await;
            followers.iter_mut().for_each(|follower| follower.catch_up(folder.path(), &server, tick));
        }
    }
    // And then one whose view of the trades has a column more.
    let path = folder.path().join("tieout.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("attributes = [\"book\"]\n{text}")).unwrap();
    let server = Server::start(folder.path());
    let mut random = Random(seed());
    for follower in &followers {
        let ticks: Vec<u64> = follower.at.keys().copied().collect();
        assert!(ticks.len() > ASKED, "{} changes at {} ticks", follower.view, ticks.len());
        for _ in 0..ASKED {
            let tick = ticks[random.below(ticks.len() as u64) as usize];
            assert_eq!(
                as_of(folder.path(), &server, follower.view, tick),
                follower.at[&tick],
                "{} at {tick}",
                follower.view
            );
        }
    }
    let snapshots = std::fs::read_dir(folder.path().join("tieout-data/snapshots")).unwrap().count();
    assert!(snapshots > 3, "{snapshots} snapshots");
}
