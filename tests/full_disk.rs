//! A disk that is full: whoever pushes is told, nothing that was acknowledged is lost, and nothing panics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use sinks::flight::Ticket;
use sinks::flight::client::Client;

const CONFIG: &str = r#"
listen = "127.0.0.1:0"
[source.internal]
kind = "flight"
record = "trade"
[source.broker]
kind = "flight"
record = "trade"
[reconciliation.equities]
sides = ["internal", "broker"]
compare = ["quantity"]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "id"
"#;

/// Starts the binary with files limited to so many KiB: a write past it fails as it does on a full disk.
fn start(folder: &Path, file_kib_max: &str) -> (Child, String, impl FnOnce() -> String) {
    let command = format!("trap '' XFSZ; ulimit -f {file_kib_max}; exec \"$0\" run tieout.toml");
    let mut process = Command::new("bash")
        .args(["-c", &command, env!("CARGO_BIN_EXE_tieout")])
        .current_dir(folder)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(process.stderr.take().unwrap());
    let address = loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the server ended before it listened");
        if let Some((_, rest)) = line.split_once("listening on ") {
            break rest
                .split_whitespace()
                .next()
                .unwrap()
                .trim_matches(|c: char| !c.is_ascii_alphanumeric())
                .to_owned();
        }
    };
    let rest = move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    };
    (process, address, rest)
}

fn batch(number: usize) -> RecordBatch {
    let ids = (0..200).map(|row| format!("a trade with a long identifier {number} {row}"));
    let quantities = (0..200).map(|row| (row + 1).to_string());
    RecordBatch::try_from_iter([
        ("id", Arc::new(StringArray::from_iter_values(ids)) as ArrayRef),
        ("quantity", Arc::new(StringArray::from_iter_values(quantities)) as ArrayRef),
    ])
    .unwrap()
}

#[tokio::test]
async fn a_full_disk_refuses_the_next_push_and_loses_none_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tieout.toml"), CONFIG).unwrap();
    let (mut process, address, log) = start(folder.path(), "2048");
    let client = Client::connect(&address).await.unwrap();
    let mut acknowledged = 0;
    let error = loop {
        assert!(acknowledged < 2000, "the disk never filled");
        match client.put("internal", Some(&format!("batch {acknowledged}")), &[batch(acknowledged)]).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 5 && error.what.contains("cannot"), "{acknowledged} {error}");
    let _ = process.kill();
    process.wait().unwrap();
    let log = log();
    assert!(!log.contains("panicked"), "{log}");

    let (mut process, address, _log) = start(folder.path(), "unlimited");
    let client = Client::connect(&address).await.unwrap();
    for number in 0..acknowledged {
        let again = client.put("internal", Some(&format!("batch {number}")), &[batch(number)]).await.unwrap();
        assert!(again.duplicate, "batch {number} was acknowledged");
    }
    let next = client.put("internal", Some(&format!("batch {acknowledged}")), &[batch(acknowledged)]).await.unwrap();
    while client.snapshot(&Ticket::snapshot("trades")).await.unwrap().0 < next.tick {}
    let (_, trades) = client.snapshot(&Ticket::snapshot("trades")).await.unwrap();
    assert_eq!(trades.iter().map(RecordBatch::num_rows).sum::<usize>(), (acknowledged + 1) * 200);
    process.kill().unwrap();
    process.wait().unwrap();
}
