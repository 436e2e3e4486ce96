//! A bit of the data folder is turned over, anywhere: a start either shows exactly what was there, or refuses and names what
//! is damaged. It never shows anything else.
//!
//! `TIEOUT_FLIPS` asks for another number of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;
mod outputs;
mod storm;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use engine::EngineError;
use live::{Random, Server, seed, views};
use outputs::{FUND_AND_BANK, copy};
use sinks::flight::Ticket;
use sinks::flight::client::Client;
use storm::{Push, assert_same, day, settle};

const BATCHES: u64 = 30;
const FLIPS: usize = 48;

/// What is flipped, in turn.
const KINDS: [&str; 4] = ["bindings.redb", "journal", "files", "snapshots"];

type Shown = BTreeMap<String, Vec<String>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_is_turned_over_anywhere_is_told_or_changes_nothing() {
    let (day, folder) = (day(BATCHES), outputs::folder(FUND_AND_BANK));
    std::fs::write(folder.path().join("fund.csv"), "id,quantity\nT1,10\nT2,20\nT3,30\n").unwrap();
    std::fs::write(folder.path().join("bank.csv"), "id,quantity\nT1,10\nT2,21\n").unwrap();
    let mut server = Server::start(folder.path());
    let client = server.client().await;
    for (source, id, batch) in &day {
        client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
        // A tick for each.
        settle(&client, &day[..1]).await;
    }
    server.kill();
    // A database is looked at otherwise after a process that ended in order.
    let ended = tempfile::tempdir().unwrap();
    copy(folder.path(), ended.path());
    let expected = start(ended.path(), &day).await.expect("what is sound is shown");
    assert!(expected["breaks"].len() > 5 && expected["matches"].len() > 5, "{expected:?}");

    let flips = std::env::var("TIEOUT_FLIPS").map_or(FLIPS, |flips| flips.parse().unwrap());
    let mut random = Random(seed());
    let mut told = BTreeMap::<&str, [usize; 2]>::new();
    for number in 0..flips {
        let damaged = tempfile::tempdir().unwrap();
        copy([folder.path(), ended.path()][number / 4 % 2], damaged.path());
        let (data, kind) = (damaged.path().join("tieout-data"), KINDS[number % 4]);
        if number / 8 % 2 == 0 && kind != "snapshots" {
            // Then all of the past is read.
            std::fs::remove_dir_all(data.join("snapshots")).unwrap();
        }
        let path = newest(&data.join(kind), &mut random);
        let (place, bit) = flip(&path, &mut random);
        let what = format!("flip {number}: bit {bit} of byte {place} of {}", path.display());
        let counts = told.entry(kind).or_default();
        match start(damaged.path(), &day).await {
            Ok(shown) if kind == "bindings.redb" => {
                assert_same(&without_ticks(shown), &without_ticks(expected.clone()), &what);
                counts[0] += 1;
            }
            Ok(shown) => {
                assert_same(&shown, &expected, &what);
                counts[0] += 1;
            }
            Err(why) => {
                let file = path.file_name().unwrap().to_str().unwrap();
                let is_named = why.contains(file) && !why.contains("panicked");
                // What is wrong with a binding may only be noticed at what it binds; and its database may panic.
                assert!(is_named || kind == "bindings.redb", "{what}: {why}");
                counts[1] += 1;
            }
        }
    }
    println!("starts that showed what was there, and that refused: {told:?}");
    assert!(told["journal"][1] > 0, "what was acknowledged is missed: {told:?}");
    assert_eq!(told["snapshots"][1], 0, "a snapshot only saves time: {told:?}");
}

/// Views without the ticks at which their rows came. The last commit of a database whose process was killed cannot be told
/// from one that was not finished, if it is damaged: then what it bound is bound again, as of now.
fn without_ticks(shown: Shown) -> Shown {
    let is_kept = |word: &&str| !word.starts_with("first_seen=") && !word.starts_with("last_tick=");
    let line = |line: &String| line.split(' ').filter(is_kept).collect::<Vec<_>>().join(" ");
    shown.into_iter().map(|(view, lines)| (view, lines.iter().map(line).collect())).collect()
}

/// A file of a folder, or what is a file; of snapshots, one of the newest.
fn newest(path: &Path, random: &mut Random) -> PathBuf {
    if path.is_file() {
        return path.to_owned();
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let is_whole = |path: &PathBuf| path.join("manifest.json").exists();
    match entries.iter().rfind(|path| is_whole(path)) {
        Some(snapshot) => newest(snapshot, random),
        None => newest(&entries[random.below(entries.len() as u64) as usize], random),
    }
}

/// Turns a bit over; gives where.
fn flip(path: &Path, random: &mut Random) -> (u64, u64) {
    let mut bytes = std::fs::read(path).unwrap();
    // Most of a database is empty.
    let (place, bit) = loop {
        let (place, bit) = (random.below(bytes.len() as u64), random.below(8));
        if bytes[place as usize] != 0 {
            break (place, bit);
        }
    };
    bytes[place as usize] ^= 1 << bit;
    std::fs::write(path, bytes).unwrap();
    (place, bit)
}

/// What a start shows, after which it is ended in order; or what it says when it refuses.
async fn start(folder: &Path, day: &[Push]) -> Result<Shown, String> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(["run", "tieout.toml"])
        .current_dir(folder)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut reading = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    let address = loop {
        let mut line = String::new();
        if reading.read_line(&mut line).unwrap() == 0 {
            break None;
        }
        said.push_str(&line);
        if let Some((_, rest)) = line.split_once("listening on ") {
            break rest.split_whitespace().next().map(str::to_owned);
        }
    };
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        reading.read_to_string(&mut rest).unwrap();
        rest
    });
    // One that cannot go on ends, and so does all that it is asked.
    let shown = match address {
        Some(address) => shown(&address, day).await.ok(),
        None => None,
    };
    if shown.is_some() {
        Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
    }
    let code = process.wait().unwrap().code();
    said.push_str(&rest.join().unwrap());
    match shown {
        Some(shown) => Ok(shown),
        None => {
            assert_eq!(code, Some(1), "{said}");
            // Lines are broken to the width of a terminal.
            Err(said.replace('│', " ").split_whitespace().collect())
        }
    }
}

async fn shown(address: &str, day: &[Push]) -> Result<Shown, EngineError> {
    let client = Client::connect(address).await?;
    let (source, id, batch) = &day[day.len() - 1];
    let last = client.put(source, Some(id), std::slice::from_ref(batch)).await?.tick;
    while client.snapshot(&Ticket::snapshot("conservation")).await?.0 < last {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(views(&client, true).await)
}
