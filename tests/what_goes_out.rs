//! Sinks and alerts of the configuration, by the binary: what is wrong with them, and what is written when a run ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod two_files;
mod webhook;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use two_files::two_files;
use webhook::{Hook, Received};

fn tieout(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tieout")).args(arguments).current_dir(folder).output().unwrap()
}

/// What is said on standard error, without the width of a terminal.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_wrong_with_a_sink_or_an_alert_is_shown_at_its_line() {
    let folder = two_files(
        r#"
[sink.a]
kind = "kafca"
[sink.b]
kind = "kafka"
view = "braeks"
brokers = "kafka:9092"
topic = "t"
[sink.c]
kind = "files"
view = "breaks"
folder = "out"
every_seconds = 0
filter = { severty = "high" }
[alert.d]
view = "breaks"
when = { difference = "many" }
text = "{trade}"
to = ["ops"]
[alert.e]
view = "breaks"
text = "x"
to = ["opps"]
[alert_channel.ops]
kind = "webhook"
url = "hooks"
[alert_channel.audit]
kind = "kafka"
brokers = "kafka:9092"
"#,
    );
    let output = tieout(folder.path(), &["check", "."]);
    assert_eq!(output.status.code(), Some(2));
    let told = said(&output);
    for expected in [
        "sink.a.kind: there is no kind of sink `kafca` ╭─[./tieout.toml:16:1]",
        "sink.b.view: there is no view `braeks` ╭─[./tieout.toml:19:1]",
        "sink.c.every_seconds: is 0 ╭─[./tieout.toml:26:1]",
        "sink.c.filter: view `breaks` has no column `severty` ╭─[./tieout.toml:27:1]",
        "alert.d.when: the filter compares `difference` with \"many\" ╭─[./tieout.toml:30:1]",
        "alert.d.text: view `breaks` has no column `trade` ╭─[./tieout.toml:31:1]",
        "alert.e.to: there is no alert channel `opps` ╭─[./tieout.toml:36:1]",
        "alert_channel.ops.url: this is not the address of a webhook ╭─[./tieout.toml:39:1]",
        "alert_channel.audit: the setting `topic` is missing ╭─[./tieout.toml:40:",
    ] {
        assert!(told.contains(expected), "`{expected}` in: {told}");
    }
}

#[test]
fn what_is_sound_is_counted_without_asking_anybody() {
    let folder = two_files(
        r#"
[sink.hourly]
kind = "files"
view = "breaks"
folder = "out"
every_seconds = 3600
[sink.breaks]
kind = "kafka"
view = "breaks"
brokers = "127.0.0.1:1"
topic = "breaks"
[alert.any]
view = "breaks"
text = "{type} of {trade_id}"
to = ["ops"]
[alert_channel.ops]
kind = "webhook"
url = "https://127.0.0.1:1/"
"#,
    );
    let output = tieout(folder.path(), &["check", "."]);
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(out, "ok: 2 sources, 1 reconciliation, 2 sinks, 1 alert\n", "{}", said(&output));
    assert!(!folder.path().join("out").exists() && !folder.path().join("tieout-data").exists());
}

#[test]
fn a_run_until_complete_ends_when_its_alerts_are_sent() {
    let hook = Hook::answering(|number| if number == 0 { "500 Oh\r\n".to_owned() } else { "200 OK\r\n".to_owned() });
    let alert = format!(
        "[alert.any]\nview = \"breaks\"\ntext = \"{{type}} of {{trade_id}}\"\nto = [\"ops\"]\n\
         [alert_channel.ops]\nkind = \"webhook\"\nurl = \"{}\"\n\
         [alert_channel.unused]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n",
        hook.url
    );
    let folder = two_files(&alert);
    let output = tieout(folder.path(), &["run", ".", "--until-complete"]);
    assert_eq!(output.status.code(), Some(3), "two breaks remain: {}", said(&output));
    let texts = |received: &[Received]| -> Vec<String> {
        received.iter().map(|letter| letter.json()["text"].as_str().unwrap().to_owned()).collect()
    };
    let mut told = texts(&hook.take());
    assert_eq!(told.len(), 3, "the first is sent again: {told:?}");
    assert_eq!(told[0], told[1]);
    told.sort();
    told.dedup();
    assert_eq!(told, ["missing_broker of T3", "quantity_mismatch of T2"]);

    let output = tieout(folder.path(), &["run", ".", "--until-complete"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert_eq!(hook.take().len(), 0, "nobody is told again");

    let path = folder.path().join("tieout.toml");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(&hook.url, "http://x/")).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(["run", ".", "--until-complete"])
        .current_dir(folder.path())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(3), "a channel to which nothing is to be sent holds up nobody");
}

#[test]
fn a_sink_that_cannot_go_on_ends_the_run_and_says_why() {
    let folder = two_files(
        "[sink.hourly]\nkind = \"files\"\nview = \"breaks\"\nfolder = \"broker.csv/out\"\nevery_seconds = 3600\n",
    );
    let output = tieout(folder.path(), &["run", ".", "--until-complete"]);
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output);
    assert!(told.contains("cannot write") && told.contains("broker.csv/out") && told.contains("help:"), "{told}");
}
