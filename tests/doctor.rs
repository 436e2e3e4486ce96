//! `tieout doctor`, on set-ups that are broken on purpose, and on sound ones.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod live;
mod registry;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use engine::bindings::{Binding, Bindings, Bound, RunEvent};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use redb::{Database, TableDefinition};
use serde_json::Value;
use tempfile::TempDir;

use live::Server;
use registry::Registry;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a doctor found.
struct Diagnosis {
    code: i32,
    findings: Vec<Value>,
    text: String,
}

fn doctor(folder: &Path) -> Diagnosis {
    doctor_with(folder, &[], &[])
}

fn doctor_with(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Diagnosis {
    let output = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(["doctor", ".", "-o", "json"])
        .args(args)
        .env_remove("TIEOUT_DATA")
        .env_remove("TIEOUT_LISTEN")
        .env("RUST_LOG", "error")
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let findings = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!("no JSON: {text} {}", String::from_utf8_lossy(&output.stderr));
    });
    Diagnosis { code: output.status.code().unwrap(), findings, text }
}

impl Diagnosis {
    /// The finding that says so; it tells what to do unless all is well.
    #[track_caller]
    fn expect(&self, status: &str, check: &str, what: &str) -> &Value {
        let is_it = |finding: &&Value| {
            finding["status"] == status && finding["check"] == check && finding["what"].as_str().unwrap().contains(what)
        };
        let found =
            self.findings.iter().find(is_it).unwrap_or_else(|| panic!("{status} {check} {what}: {}", self.text));
        assert_eq!(found["help"] == "", status == "ok", "{found}");
        let is_broken = self.findings.iter().any(|finding| finding["status"] == "problem");
        assert_eq!(self.code, i32::from(is_broken), "{}", self.text);
        found
    }
}

/// The example of two sides, on a port that is free; with settings at the top and tables at the end.
fn two_sides(top: &str, end: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/two-sides");
    for entry in fs::read_dir(example).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join("tieout.toml");
    let text = fs::read_to_string(&path).unwrap();
    let listen = if top.contains("listen") { "" } else { "listen = \"127.0.0.1:0\"\n" };
    fs::write(path, format!("{listen}{top}{text}{end}")).unwrap();
    folder
}

fn change(folder: &TempDir, from: &str, to: &str) {
    let path = folder.path().join("tieout.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Runs it until all its files are read.
fn run(folder: &TempDir) {
    let ran = Command::new(env!("CARGO_BIN_EXE_tieout"))
        .args(["run", ".", "--until-complete"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(3), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// All files below a folder and what they hold.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            found.extend(content(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        pause(50);
    }
}

fn pause(milliseconds: u64) {
    engine::Stop::default().wait(Duration::from_millis(milliseconds));
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

fn is_ready(server: &Server) -> bool {
    let mut asked = Command::new(env!("CARGO_BIN_EXE_tieout"));
    asked.args(["health", "--ready", "--listen", &server.address]).output().unwrap().status.success()
}

#[test]
fn a_sound_set_up_has_no_problem_before_and_after_it_has_run_and_is_left_as_it_is() {
    let folder = two_sides("", "");
    let before = content(folder.path());
    let found = doctor(folder.path());
    assert_eq!(found.code, 0, "{}", found.text);
    found.expect("ok", "configuration", "4 sources, 1 reconciliation");
    found.expect("ok", "data folder", "it is new");
    found.expect("ok", "versions", "librdkafka 2.");
    found.expect("ok", "address", "any free port");
    assert_eq!(content(folder.path()), before);

    run(&folder);
    let before = content(folder.path());
    let found = doctor(folder.path());
    assert_eq!(found.code, 0, "{}", found.text);
    found.expect("ok", "data folder", "format 2");
    found.expect("ok", "recorded", "the one that was recorded");
    found.expect("ok", "journal", "all readable");
    found.expect("ok", "kept files", "4 files, all there");
    found.expect("ok", "start", "it reads the past from its beginning");
    found.expect("ok", "source", "1 file at ");
    found.expect("ok", "clock", "the last tick is ");
    assert_eq!(content(folder.path()), before);
}

#[test]
fn a_report_for_people_says_what_to_do_under_what_is_wrong() {
    let folder = two_sides("", "");
    fs::remove_file(folder.path().join("broker_trades.csv")).unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_tieout")).args(["doctor", "."]).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, problem) = text.split_once("problem  source").expect(&text);
    let mut lines = problem.lines();
    assert!(lines.next().unwrap().contains("broker: there is no file "), "{text}");
    assert!(lines.next().unwrap().trim_start().starts_with("help: check the path"), "{text}");
    assert!(text.contains("\n1 problem, "), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn every_problem_of_a_configuration_is_told_at_its_line() {
    let folder = two_sides("", "");
    change(&folder, "path = \"internal_trades.csv\"", "path = \"internal_trades.csv\"\npth = \"x\"");
    let found = doctor(folder.path());
    let problem = found.expect("problem", "configuration", "there is no setting `pth`");
    let lines = fs::read_to_string(folder.path().join("tieout.toml")).unwrap();
    let line = lines.lines().position(|line| line.starts_with("pth")).unwrap() + 1;
    assert!(problem["about"].as_str().unwrap().contains(&format!("tieout.toml:{line}:")), "{problem}");
    found.expect("warning", "the rest", "not looked at");
    fs::remove_file(folder.path().join("tieout.toml")).unwrap();
    doctor(folder.path()).expect("problem", "configuration", "cannot read the configuration");
}

#[test]
fn a_data_folder_that_cannot_be_made_or_written_is_told() {
    let folder = two_sides("", "");
    doctor_with(folder.path(), &["--data", "tieout.toml/data"], &[]).expect(
        "problem",
        "data folder",
        "is not a folder",
    );
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(locked.join("probe"), "").is_ok() {
        println!("skipped: this user may write to any folder");
        return;
    }
    doctor_with(folder.path(), &["--data", "locked"], &[]).expect(
        "problem",
        "data folder",
        "cannot be read and written",
    );
    let inside = doctor_with(folder.path(), &["--data", "locked/data"], &[]);
    inside.expect("problem", "data folder", "cannot be made in");
}

#[test]
fn a_folder_of_a_later_format_is_refused_and_one_of_an_earlier_one_will_be_upgraded() {
    let folder = two_sides("", "");
    run(&folder);
    let bindings = folder.path().join("tieout-data/bindings.redb");
    let set_format = |format: u64| {
        let database = Database::create(&bindings).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(TableDefinition::<&str, u64>::new("meta")).unwrap().insert("format", format).unwrap();
        write.commit().unwrap();
    };
    set_format(99);
    let problem = "has format 99; this version reads up to 2";
    doctor(folder.path()).expect("problem", "data folder", problem);
    set_format(1);
    let before = fs::read(&bindings).unwrap();
    let found = doctor(folder.path());
    found.expect("warning", "data folder", "it has format 1: the next start upgrades it to 2");
    assert_eq!(fs::read(&bindings).unwrap(), before, "it is upgraded by a start, not by a look");
}

#[test]
fn a_damaged_folder_is_told_of_each_of_its_parts() {
    let folder = two_sides("", "");
    run(&folder);
    let data = folder.path().join("tieout-data");

    let kept = fs::read_dir(data.join("files")).unwrap().next().unwrap().unwrap().path();
    fs::rename(&kept, folder.path().join("aside")).unwrap();
    doctor(folder.path()).expect("problem", "kept files", "1 of 4 are missing");
    fs::rename(folder.path().join("aside"), &kept).unwrap();

    let segment = data.join("journal/0000000000.journal");
    fs::write(&segment, b"TIEOUTJ1torn").unwrap();
    doctor(folder.path()).expect("warning", "journal", "the last 4 bytes are torn");
    assert_eq!(fs::read(&segment).unwrap(), b"TIEOUTJ1torn", "a start cuts it, a look does not");
    fs::write(&segment, b"NOTATIEOUTJOURNAL").unwrap();
    doctor(folder.path()).expect("problem", "journal", "is damaged at byte 0");
    fs::write(&segment, b"TIEOUTJ1").unwrap();

    fs::write(data.join("bindings.redb"), b"nonsense").unwrap();
    doctor(folder.path()).expect("problem", "data folder", "bindings");
}

#[test]
fn a_changed_configuration_goes_on_from_the_records_or_reads_the_whole_past_again() {
    let folder = two_sides("", "");
    run(&folder);
    change(&folder, "kind = \"identifier\"", "kind = \"identifier\" # changed\n");
    doctor(folder.path()).expect("ok", "recorded", "the one that was recorded");
    change(&folder, "[reconciliation.trades]", "[reconciliation.renamed]");
    let text = fs::read_to_string(folder.path().join("tieout.toml")).unwrap();
    fs::write(folder.path().join("tieout.toml"), text.replace("reconciliation.trades", "reconciliation.renamed"))
        .unwrap();
    doctor(folder.path()).expect("ok", "recorded", "goes on from the records");
    change(&folder, "path = \"broker_trades.csv\"", "path = \"./broker_trades.csv\"");
    doctor(folder.path()).expect("warning", "recorded", "reads the whole past again");
}

#[test]
fn a_source_that_ticks_are_bound_to_and_that_is_gone_is_told() {
    let config = "listen = \"127.0.0.1:0\"\n[source.new]\nkind = \"flight\"\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tieout.toml"), config).unwrap();
    fs::create_dir(folder.path().join("tieout-data")).unwrap();
    bind(&folder, now(), "old", "pushed", 3);
    let found = doctor(folder.path());
    let problem = found.expect("problem", "source", "the configuration no longer has it");
    assert_eq!(problem["about"], "old");
}

#[test]
fn what_is_written_to_and_is_not_there_is_told() {
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listening.local_addr().unwrap();
    let end = format!(
        r#"
[sink.queue]
kind = "kafka"
view = "breaks"
brokers = "127.0.0.1:1, {there}"
topic = "breaks"
[sink.gone]
kind = "kafka"
view = "breaks"
brokers = "127.0.0.1:1"
topic = "breaks"
[sink.daily]
kind = "files"
view = "breaks"
folder = "tieout.toml"
every_seconds = 3600
format = "csv"
[alert_channel.pager]
kind = "webhook"
url = {{ env = "PAGER" }}
"#
    );
    let folder = two_sides("", &end);
    let found = doctor_with(folder.path(), &[], &[("PAGER", "http://127.0.0.1:1/a-secret-path")]);
    assert_eq!(found.expect("ok", "sink", "can be reached")["about"], "queue");
    assert_eq!(found.expect("problem", "sink", "nobody listens (127.0.0.1:1")["about"], "gone");
    assert_eq!(found.expect("problem", "sink", "is not a folder")["about"], "daily");
    assert_eq!(found.expect("problem", "alert channel", "nobody listens (127.0.0.1:1")["about"], "pager");
    assert!(!found.text.contains("a-secret-path"), "an URL may hold a secret: {}", found.text);
    let found = doctor_with(folder.path(), &[], &[("PAGER", &format!("http://{there}/"))]);
    assert_eq!(found.expect("ok", "alert channel", "can be reached")["about"], "pager");
}

#[test]
fn a_replay_that_was_interrupted_is_told_with_what_it_was_asked_for() {
    let folder = two_sides("", "");
    run(&folder);
    let bindings = Bindings::open(&folder.path().join("tieout-data/bindings.redb")).unwrap();
    let started = bindings.last().unwrap() + 1;
    let (version, configuration) = (String::new(), String::new());
    let replay = Some("--to 2026-03-16".to_owned());
    let run = RunEvent { started, version, configuration, workers: 1, ended: false, replay };
    bindings.begin(started, &run, None).unwrap();
    drop(bindings);
    let found = doctor(folder.path());
    found.expect("problem", "data folder", "a replay was interrupted: `--to 2026-03-16`");
    let refused = Command::new(env!("CARGO_BIN_EXE_tieout")).args(["run", "."]).current_dir(folder.path()).output();
    assert!(String::from_utf8_lossy(&refused.unwrap().stderr).contains("--to 2026-03-16"), "and a start is refused");
}

/// Binds a partition of a source to a tick.
fn bind(folder: &TempDir, tick: u64, source: &str, partition: &str, upper: u64) {
    let bindings = Bindings::open(&folder.path().join("tieout-data/bindings.redb")).unwrap();
    let bound = vec![Bound { source: source.to_owned(), partition: partition.into(), upper }];
    bindings.bind(tick, &Binding { bound, ..Binding::default() }, &[]).unwrap();
}

#[test]
fn a_clock_that_has_gone_back_is_told_and_by_how_much() {
    let folder = two_sides("", "");
    run(&folder);
    let bindings = Bindings::open(&folder.path().join("tieout-data/bindings.redb")).unwrap();
    bindings.reach(now() + 3 * 3_600_000_000 + 60_000_000).unwrap();
    drop(bindings);
    doctor(folder.path()).expect("warning", "clock", "it has gone back: the last tick is 3 hours ahead of it");
}

#[test]
fn snapshots_are_told_to_be_whole_damaged_overdue_or_out_of_reach() {
    let folder = two_sides("retention_seconds = 0\n", "\n[snapshots]\nevery_seconds = 1\n");
    change(&folder, "path = \"broker_trades.csv\"", "path = \"broker_trades.csv\"\nfollow = true");
    let snapshots = folder.path().join("tieout-data/snapshots");
    let mut server = Server::start(folder.path());
    let mut told = 0;
    eventually("a snapshot was to be taken", || {
        // Each file that comes is a tick, after which a snapshot may be due.
        told += 1;
        let row = format!("trade_id\nX-{told}\n");
        let _ = fs::write(folder.path().join("broker_trades.csv"), row);
        pause(600);
        fs::read_dir(&snapshots).unwrap().any(|entry| entry.unwrap().path().join("manifest.json").exists())
    });
    let running = doctor(folder.path());
    running.expect("ok", "snapshots", "one every 1 second");
    server.kill();
    let found = doctor(folder.path());
    found.expect("ok", "start", "it goes on from the snapshot of tick ");

    let bindings = Bindings::open(&folder.path().join("tieout-data/bindings.redb")).unwrap();
    bindings.reach(bindings.last().unwrap() + 300_000_000).unwrap();
    let last = bindings.last().unwrap();
    drop(bindings);
    doctor(folder.path()).expect("ok", "snapshots", "one every 1 second");
    bind(&folder, last + 300_000_000, "broker", "pushed", 1);
    doctor(folder.path()).expect("warning", "snapshots", "the last tick is 10 minutes later");

    for entry in fs::read_dir(&snapshots).unwrap().map(Result::unwrap) {
        for part in fs::read_dir(entry.path()).unwrap().map(|part| part.unwrap().path()) {
            if part.to_string_lossy().contains("records-") {
                fs::write(part, b"short").unwrap();
            }
        }
    }
    let found = doctor(folder.path());
    found.expect("warning", "snapshots", "is not whole: records-000000.parquet is not what was written");
    found.expect("ok", "start", "it reads the past from its beginning");

    change(&folder, "every_seconds = 1", "url = \"s3://bucket/snapshots\"");
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let settings = [
        ("AWS_ENDPOINT", nowhere.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", "not-to-be-shown"),
    ];
    let found = doctor_with(folder.path(), &[], &settings);
    found.expect("problem", "snapshots", "");
    assert!(!found.text.contains("not-to-be-shown"), "{}", found.text);
    change(&folder, "s3://bucket/snapshots", "file:///dev/null/snapshots");
    doctor(folder.path()).expect("problem", "snapshots", "is not a folder");
}

#[test]
fn files_that_are_not_there_or_waited_for_are_told() {
    let folder = two_sides("", "");
    change(&folder, "path = \"broker_trades.csv\"", "path = \"in/*.csv\"");
    doctor(folder.path()).expect("problem", "source", "there is no file ");
    change(&folder, "path = \"in/*.csv\"", "path = \"in/*.csv\"\nfollow = true");
    doctor(folder.path()).expect("warning", "source", "it is waited for");
    fs::create_dir(folder.path().join("in")).unwrap();
    for name in ["a.csv", "b.csv", "c.csv.tmp"] {
        fs::copy(folder.path().join("broker_trades.csv"), folder.path().join("in").join(name)).unwrap();
    }
    doctor(folder.path()).expect("ok", "source", "2 files at ");
    let unreadable = folder.path().join("in/b.csv");
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&unreadable).is_ok() {
        println!("skipped: this user may read any file");
        return;
    }
    doctor(folder.path()).expect("problem", "source", "1 of 2 cannot be read");
}

#[test]
fn secrets_that_are_missing_or_open_to_all_are_told_and_never_shown() {
    let properties = "\n[source.fed]\nkind = \"kafka\"\nbrokers = \"127.0.0.1:1\"\ntopics = [\"trades\"]\n[source.fed.properties]\n\
        \"sasl.username\" = { env = \"TIEOUT_TEST_USER\" }\n\"sasl.password\" = { file = \"password\" }\n";
    let folder = two_sides("", properties);
    let found = doctor(folder.path());
    found.expect("problem", "secret", "the environment variable `TIEOUT_TEST_USER` is not set");
    let missing = found.expect("problem", "secret", "password: No such file");
    assert_eq!(missing["about"], "source.fed.properties.sasl.password");
    found.expect("problem", "configuration", "source.fed.properties");

    let password = folder.path().join("password");
    fs::write(&password, "not-to-be-shown\n").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
    let settings = [("TIEOUT_TEST_USER", "nor-this-one")];
    let found = doctor_with(folder.path(), &[], &settings);
    found.expect("warning", "secret", "can be read by everyone");
    found.expect("ok", "secret", "`TIEOUT_TEST_USER` is set");
    assert!(!found.text.contains("not-to-be-shown") && !found.text.contains("nor-this-one"), "{}", found.text);
    fs::set_permissions(&password, fs::Permissions::from_mode(0o640)).unwrap();
    doctor_with(folder.path(), &[], &settings).expect("ok", "secret", "password is there");
    doctor_with(folder.path(), &[], &[("TIEOUT_TEST_USER", "")]).expect("warning", "secret", "is empty");
}

#[test]
fn an_address_that_is_taken_is_told_and_by_whom() {
    let folder = two_sides("listen = \"127.0.0.1:1\"\n", "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
        }
    });
    doctor_with(folder.path(), &["--listen", &address], &[]).expect("problem", "address", "which is no tieout");
    let free = format!("127.0.0.1:{}", free_port());
    doctor_with(folder.path(), &["--listen", &free], &[]).expect("ok", "address", "it is free");
    let foreign = doctor_with(folder.path(), &["--listen", "192.0.2.1:8815"], &[]);
    foreign.expect("problem", "address", "cannot listen here");

    let other = two_sides("", "");
    let server = Server::start(other.path());
    eventually("the server was to be ready", || is_ready(&server));
    let found = doctor_with(folder.path(), &["--listen", &server.address], &[]);
    found.expect("problem", "address", "a tieout with another data folder");
}

#[test]
fn a_folder_in_use_is_told_and_the_server_that_runs_on_it_is_asked() {
    let folder = two_sides("", "");
    let mut server = Server::start(folder.path());
    eventually("the server was to be ready", || is_ready(&server));
    let found = doctor_with(folder.path(), &["--listen", &server.address], &[]);
    assert_eq!(found.code, 0, "{}", found.text);
    found.expect("ok", "data folder", "another process runs on it");
    found.expect("ok", "address", "the server is ready");
    found.expect("ok", "frontier", "the views follow the clock");
    let elsewhere = format!("127.0.0.1:{}", free_port());
    let found = doctor_with(folder.path(), &["--listen", &elsewhere], &[]);
    found.expect("warning", "address", "nobody listens here");

    // Killed, it leaves a database that was not closed: that is mended by a start, not by a look.
    server.kill();
    let bindings = folder.path().join("tieout-data/bindings.redb");
    let before = fs::read(&bindings).unwrap();
    let found = doctor(folder.path());
    found.expect("ok", "start", "it reads the past from its beginning");
    assert_eq!(fs::read(&bindings).unwrap(), before);
    run(&folder);
}

#[test]
fn a_server_that_is_encrypted_and_guarded_is_asked_what_it_tells_to_all() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let guarded = "\n[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n\
        [access.tokens.desk]\nrole = \"viewer\"\nsecret_file = \"desk\"\n";
    let folder = two_sides("", guarded);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("server.pem", &key.cert.pem());
    write("server.key", &key.signing_key.serialize_pem());
    write("desk", "not-to-be-shown-at-all");
    fs::set_permissions(folder.path().join("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.path().join("desk"), fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::start(folder.path());
    eventually("the server was to be ready", || is_ready(&server));
    let found = doctor_with(folder.path(), &["--listen", &server.address], &[]);
    found.expect("ok", "address", "the server is ready");
    found.expect("ok", "metrics", "only to those who show a token");
    assert_eq!(found.expect("warning", "secret", "can be read by everyone")["about"], "tls.key");
    assert_eq!(found.expect("ok", "secret", "desk is there")["about"], "access.tokens.desk.secret_file");
    assert!(!found.text.contains("not-to-be-shown"), "{}", found.text);
}

#[test]
fn few_open_files_are_told() {
    let folder = two_sides("", "");
    let script = format!("ulimit -n 256; exec {} doctor . -o json", env!("CARGO_BIN_EXE_tieout"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found = Diagnosis { code: output.status.code().unwrap(), findings: serde_json::from_str(&text).unwrap(), text };
    found.expect("warning", "open files", "up to 256");
}

#[test]
fn a_disk_with_little_left_is_told() {
    // A file system of a few MiB needs rights that a test may lack.
    let folder = two_sides("", "");
    let small = folder.path().join("small");
    fs::create_dir(&small).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&small).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        println!("skipped: this user cannot mount a small file system");
        return;
    }
    let found = doctor_with(folder.path(), &["--data", "small"], &[]);
    let _ = Command::new("umount").arg(&small).status();
    found.expect("warning", "disk", "of 4.0 MiB free");
}

/// A cluster of one broker in this process.
struct Brokers {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Brokers {
    fn new() -> Brokers {
        let cluster = MockCluster::new(1).unwrap();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", cluster.bootstrap_servers());
        Brokers { producer: client.create().unwrap(), cluster }
    }

    fn send(&self, payload: &str, count: usize) {
        for _ in 0..count {
            let record = BaseRecord::<str, str>::to("trades").partition(0).payload(payload);
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
            if self.producer.in_flight_count() > 50 {
                self.producer.flush(PATIENCE).unwrap();
            }
        }
        self.producer.flush(PATIENCE).unwrap();
    }
}

/// A folder whose source reads the topic `trades` of these brokers.
fn reading(brokers: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "listen = \"127.0.0.1:0\"\n[source.fed]\nkind = \"kafka\"\nbrokers = \"{brokers}\"\ntopics = [\"trades\"]\n"
    );
    fs::write(folder.path().join("tieout.toml"), config).unwrap();
    fs::create_dir(folder.path().join("tieout-data")).unwrap();
    folder
}

#[test]
fn brokers_that_are_away_and_topics_that_are_not_there_are_told() {
    let folder = reading(&format!("127.0.0.1:{}", free_port()));
    doctor(folder.path()).expect("problem", "source", "the Kafka brokers give no answer");
    let brokers = Brokers::new();
    let folder = reading(&brokers.cluster.bootstrap_servers());
    doctor(folder.path()).expect("warning", "source", "there is no topic `trades`");
    brokers.cluster.create_topic("trades", 3, 1).unwrap();
    let found = doctor(folder.path());
    assert_eq!(found.code, 0, "{}", found.text);
    found.expect("ok", "source", "1 broker with 3 partitions of trades");
}

#[test]
fn a_schema_registry_is_told_to_answer_or_not() {
    let brokers = Brokers::new();
    brokers.cluster.create_topic("trades", 1, 1).unwrap();
    let folder = reading(&brokers.cluster.bootstrap_servers());
    let mut registry = Registry::start();
    let config = fs::read_to_string(folder.path().join("tieout.toml")).unwrap();
    let avro = format!("{config}format = \"avro\"\navro = {{ registry = \"{}\" }}\n", registry.url());
    fs::write(folder.path().join("tieout.toml"), avro).unwrap();
    doctor(folder.path()).expect("ok", "source", &format!("the schema registry {}/ answers", registry.url()));
    registry.known.demand("Bearer another");
    doctor(folder.path()).expect("problem", "source", "refuses to answer: 401");
    registry.go_away();
    doctor(folder.path()).expect("problem", "source", "gives no schema");
}

#[test]
fn a_server_that_reads_a_topic_is_asked_how_many_messages_wait() {
    let brokers = Brokers::new();
    brokers.cluster.create_topic("trades", 1, 1).unwrap();
    brokers.send("{}", 3);
    let folder = reading(&brokers.cluster.bootstrap_servers());
    let server = Server::start(folder.path());
    eventually("all was to be read", || {
        let found = doctor_with(folder.path(), &["--listen", &server.address], &[]);
        found.code == 0 && found.text.contains("0 messages of Kafka not read yet")
    });
}

#[test]
fn what_was_read_of_a_topic_is_told_to_be_there_behind_or_lost() {
    let brokers = Brokers::new();
    brokers.cluster.create_topic("trades", 1, 1).unwrap();
    brokers.send("{}", 10);
    let folder = reading(&brokers.cluster.bootstrap_servers());
    bind(&folder, now(), "fed", "trades/0@0", 4);
    doctor(folder.path()).expect("ok", "source", "6 messages not read yet");
    bind(&folder, now() + 1, "fed", "trades/0@0", 99);
    let found = doctor(folder.path());
    found.expect("problem", "source", "ends at offset 10, but was read up to 99");

    // The broker of the mock keeps the newest few MiB of a partition.
    brokers.send(&"x".repeat(100_000), 100);
    let folder = reading(&brokers.cluster.bootstrap_servers());
    bind(&folder, now(), "fed", "trades/0@0", 4);
    let found = doctor(folder.path());
    let lost = found.expect("problem", "source", "has no offset 0 any more: the oldest there is ");
    assert!(lost["help"].as_str().unwrap().contains("retention.ms"), "{lost}");
}

#[test]
fn a_server_that_lives_is_told_from_one_that_is_away() {
    let folder = two_sides("", "");
    let server = Server::start(folder.path());
    let health = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_tieout")).arg("health").args(args).output().unwrap();
    let lives = health(&["--listen", &server.address]);
    assert!(lives.status.success() && lives.stdout == b"alive\n");
    eventually("the server was to be ready", || is_ready(&server));
    let nowhere = format!("127.0.0.1:{}", free_port());
    let away = health(&["--listen", &nowhere]);
    assert_eq!(away.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&away.stderr).contains("no server answers at "), "{away:?}");
}
