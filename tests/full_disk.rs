//! A disk that is full: whoever pushes is told, nothing that was acknowledged is lost, and nothing panics. If it is only that
//! of the snapshots, nobody is held up, and there are snapshots again once there is space.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(unix)]

mod live;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use sinks::flight::Ticket;
use sinks::flight::client::Client;

use live::Server;

/// How long anything here may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

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
fn start(folder: &Path, file_kib_max: &str) -> (Child, String, impl FnOnce() -> String + use<>) {
    let command = format!("trap '' XFSZ; ulimit -f {file_kib_max}; exec \"$0\" run tieout.toml");
    launch(folder, Command::new("bash").args(["-c", &command, env!("CARGO_BIN_EXE_tieout")]))
}

/// Starts the binary with a command; gives where it listens, and what reads its log to the end.
fn launch(folder: &Path, command: &mut Command) -> (Child, String, impl FnOnce() -> String + use<>) {
    let mut process = command.current_dir(folder).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
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

/// Runs a command with a disk of 16 MiB of its own in a folder.
fn on_a_small_disk(folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=16m none \"$0\" && exec \"$@\"";
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(folder);
    command
}

#[tokio::test]
async fn a_full_disk_of_the_snapshots_holds_up_nobody_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    if !on_a_small_disk(&small).arg("true").status().is_ok_and(|status| status.success()) {
        // Past the output that is captured: nothing is skipped in silence.
        let _ = writeln!(std::io::stderr(), "skipped: this machine lets nobody mount a small disk");
        return;
    }
    let snapshots = format!("[snapshots]\nurl = \"file://{}\"\nevery_seconds = 0.05\n", small.display());
    std::fs::write(folder.path().join("tieout.toml"), format!("{CONFIG}{snapshots}")).unwrap();
    let mut command = on_a_small_disk(&small);
    let (process, address, log) = launch(folder.path(), command.args([env!("CARGO_BIN_EXE_tieout"), "run", "."]));
    let mut server = Server { process, address };
    let log = std::thread::spawn(log);
    // As the server sees it.
    let small = Path::new(&format!("/proc/{}/root", server.process.id())).join(small.strip_prefix("/").unwrap());
    let client = server.client().await;
    let (mut pushed, begun) = (0, Instant::now());
    let newest = || {
        let snapshots = std::fs::read_dir(&small).unwrap().map(|entry| entry.unwrap().path());
        snapshots.filter(|path| path.join("manifest.json").exists()).max()
    };
    let failures = || {
        server
            .metrics()
            .lines()
            .any(|line| line.starts_with("tieout_snapshot_failures_total ") && !line.ends_with(" 0"))
    };
    let mut until = async |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            client.put("internal", Some(&format!("batch {pushed}")), &[batch(pushed)]).await.unwrap();
            pushed += 1;
            assert!(begun.elapsed() < PATIENCE, "{what}: {}", server.metrics());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        pushed
    };
    until("a snapshot is taken", &|| newest().is_some()).await;
    let mut filler = std::fs::File::create(small.join("filler")).unwrap();
    let full = loop {
        if let Err(error) = filler.write_all(&[7; 4096]) {
            break error;
        }
    };
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    until("a snapshot fails", &failures).await;
    drop(filler);
    std::fs::remove_file(small.join("filler")).unwrap();
    let before = newest();
    let pushed = until("a snapshot is taken again", &|| newest() > before).await;
    server.kill();
    let log = log.join().unwrap();
    assert!(log.contains("could not take a snapshot") && log.contains("No space left"), "{log}");
    assert!(!log.contains("panicked"), "{log}");

    // The small disk has gone with the server: all of the past is read.
    let server = Server::start(folder.path());
    let client = server.client().await;
    let last = client.put("internal", Some("one more"), &[batch(pushed)]).await.unwrap().tick;
    while client.snapshot(&Ticket::snapshot("trades")).await.unwrap().0 < last {}
    let (_, trades) = client.snapshot(&Ticket::snapshot("trades")).await.unwrap();
    assert_eq!(trades.iter().map(RecordBatch::num_rows).sum::<usize>(), (pushed + 1) * 200);
}
