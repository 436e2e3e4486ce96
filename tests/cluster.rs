//! A cluster of real processes: the same bytes as one process, whichever of them dies, stops for a while, or does not belong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, missing_docs)]
#![cfg(unix)]

mod free_address;
mod live;
mod storm;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use free_address::free_address;
use live::{Random, Server, lines, views};
use sinks::flight::Ticket;
use sinks::flight::client::Client;
use storm::{Push, calm, day, settle};

/// How long what takes a second at most may take here.
const PATIENCE: Duration = Duration::from_secs(120);

/// Names that no symbol carries, near misses for the scoring model, and what cannot be read.
const CONFIG: &str = r#"
listen = "127.0.0.1:0"
retention_seconds = 3600

[source.internal]
kind = "flight"
record = "trade"
tombstone = { column = "status", values = ["cancelled"] }

[source.broker]
kind = "flight"
record = "trade"
tombstone = { column = "status", values = ["cancelled"] }

[reconciliation.equities]
sides = ["internal", "broker"]
compare = ["instrument", "side", "quantity", "price", "counterparty"]
tolerance = [{ field = "price", absolute = "0.01" }]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "execution_id"
[[reconciliation.equities.tier]]
kind = "aggregate"
by = ["block_id"]
[[reconciliation.equities.tier]]
kind = "economics"
fields = ["instrument", "side", "quantity", "price"]
[[reconciliation.equities.tier]]
kind = "scored"
model = "weighted"
"#;

/// A folder with a configuration, and the hosts of so many processes.
fn folder(config: &str, processes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tieout.toml"), config).unwrap();
    choose_hosts(folder.path(), processes);
    folder
}

fn choose_hosts(folder: &Path, processes: usize) {
    let hosts: String = (0..processes).map(|_| format!("{}\n", free_address())).collect();
    std::fs::write(folder.join("hosts"), hosts).unwrap();
}

/// A process of the binary, and what it logs.
struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(folder: &Path, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
        let log = folder.join(format!("{name}.log"));
        let child = Command::new(env!("CARGO_BIN_EXE_tieout"))
            .args(arguments)
            .env("NO_COLOR", "1")
            .envs(settings.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(folder.join(format!("{name}.out"))).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Process { child, log }
    }

    fn member(folder: &Path, number: usize, workers: &str) -> Process {
        let number = number.to_string();
        let arguments = ["run", "tieout.toml", "--hosts", "hosts", "--process", &number, "--workers", workers];
        Process::start(folder, &format!("member-{number}"), &arguments, &[])
    }

    /// The whole lines of it: they are written in parts.
    fn log(&self) -> String {
        let mut log = std::fs::read_to_string(&self.log).unwrap();
        log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
        log
    }

    /// Waits until it logs something.
    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        let since = Instant::now();
        loop {
            let log = self.log();
            if log.contains(text) {
                return log;
            }
            assert!(since.elapsed() < PATIENCE, "it never says {text:?}:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its exit code, and its log.
    #[track_caller]
    fn end(&mut self) -> (i32, String) {
        let code = ended(&mut self.child).unwrap_or_else(|| panic!("it does not end:\n{}", self.log()));
        (code, self.log())
    }

    fn signal(&self, signal: &str) {
        send_signal(signal, self.child.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send_signal(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

/// The exit code of a process that ends by itself; -1 if by a signal.
fn ended(child: &mut Child) -> Option<i32> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

/// The head, and the members.
struct Cluster {
    head: Server,
    members: Vec<Process>,
}

impl Cluster {
    fn start(folder: &Path, processes: usize, workers: &str) -> Cluster {
        choose_hosts(folder, processes);
        let members = (1..processes).map(|number| Process::member(folder, number, workers)).collect();
        let place = [("TIEOUT_HOSTS", "hosts"), ("TIEOUT_PROCESS", "0"), ("TIEOUT_WORKERS", workers)];
        Cluster { head: Server::start_with(folder, &place).expect("the head says where it listens"), members }
    }

    /// Stops it in order.
    fn stop(mut self) {
        send_signal("-TERM", self.head.process.id());
        assert_eq!(ended(&mut self.head.process), Some(0), "the head ends in order");
        for member in &mut self.members {
            let (code, log) = member.end();
            assert_eq!(code, 0, "a member ends with it:\n{log}");
        }
    }
}

/// A day of pushes with long names, near misses, blocks and unreadable rows.
fn rich_day(batches: u64) -> Vec<Push> {
    let mut random = Random(11);
    let names =
        ["Goldman Sachs International Ltd", "Goldman Sachs & Co. LLC", "Northern Trust Global Services SE", "UBS"];
    let instruments = ["E-mini S&P 500 December 2026", "E-mini S&P 500 Decemb. 2026", "CL"];
    (0..batches)
        .map(|number| {
            let source = if number % 2 == 0 { "internal" } else { "broker" };
            let rows: Vec<[String; 10]> = (0..1 + random.below(30))
                .map(|_| {
                    let trade = random.below(400);
                    let has_id = !trade.is_multiple_of(3);
                    [
                        format!("{source}-trade-with-a-long-id-{trade}"),
                        if has_id { format!("EXECUTION-{}", trade % 150) } else { String::new() },
                        if trade.is_multiple_of(7) { format!("BLOCK-{}", trade % 5) } else { String::new() },
                        instruments[random.below(30) as usize / 14].to_owned(),
                        ["BUY", "SELL"][trade as usize % 2].to_owned(),
                        if random.below(40) == 0 { "many".to_owned() } else { (100 * (1 + trade % 9)).to_string() },
                        format!("1{}.0{}", trade % 10, random.below(4) / 2 * 2),
                        names[(trade % 4 + random.below(8) / 7) as usize % 4].to_owned(),
                        "2026-03-16".to_owned(),
                        if random.below(8) == 0 { "cancelled" } else { "" }.to_owned(),
                    ]
                })
                .collect();
            (source, format!("batch-{number}"), batch(&rows))
        })
        .collect()
}

fn batch(rows: &[[String; 10]]) -> RecordBatch {
    let names = [
        "id",
        "execution_id",
        "block_id",
        "instrument",
        "side",
        "quantity",
        "price",
        "counterparty",
        "trade_date",
        "status",
    ];
    let column = |index: usize| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[index]))) as ArrayRef;
    RecordBatch::try_from_iter(names.iter().enumerate().map(|(index, name)| (*name, column(index)))).unwrap()
}

/// All that a server says of some ticks: each view as of each of them, filtered too, and all changes after the first.
async fn told(client: &Client, ticks: &[u64]) -> BTreeMap<String, Vec<String>> {
    let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
    let mut told = BTreeMap::new();
    for view in client.views().await.unwrap().into_iter().filter(|view| view.name != "runs") {
        for tick in ticks {
            let ticket = Ticket { as_of: Some(*tick), ..Ticket::snapshot(&view.name) };
            told.insert(format!("{} as of {tick}", view.name), snapshot(client, &ticket).await);
        }
        let ticket = Ticket { from_tick: Some(first), up_to: Some(last + 1), ..Ticket::snapshot(&view.name) };
        told.insert(format!("changes of {}", view.name), changes(client, &ticket).await);
    }
    // A filter is read by every process; a long name is known to all of them.
    let filter = serde_json::json!({"counterparty": "Goldman Sachs & Co. LLC", "side": "BUY"});
    let ticket = Ticket { as_of: Some(last), filter: Some(filter), ..Ticket::snapshot("trades") };
    let filtered = snapshot(client, &ticket).await;
    assert!(!filtered.is_empty(), "the filter lets some through");
    told.insert("trades of one counterparty".into(), filtered);
    told
}

async fn snapshot(client: &Client, ticket: &Ticket) -> Vec<String> {
    let (_, batches) = client.snapshot(ticket).await.unwrap();
    batches.iter().flat_map(|batch| lines(batch, |_| true)).collect()
}

/// The rows of a subscription, to its end.
async fn changes(client: &Client, ticket: &Ticket) -> Vec<String> {
    let mut messages = client.read(ticket).await.unwrap();
    let mut changes = Vec::new();
    while let Some(message) = messages.next().await.unwrap() {
        changes.extend(lines(&message.batch, |_| true));
    }
    changes
}

/// The rows of a subscription as they come, until the last tick that is told has come whole.
async fn follow(client: Client, ticket: Ticket, last: tokio::sync::watch::Receiver<u64>) -> (String, Vec<String>) {
    let mut messages = client.read(&ticket).await.unwrap();
    let mut live = Vec::new();
    loop {
        let message = messages.next().await.unwrap().unwrap();
        live.extend(lines(&message.batch, |_| true));
        if message.metadata.frontier.is_some_and(|frontier| frontier > *last.borrow()) {
            return (ticket.view, live);
        }
    }
}

async fn push(client: &Client, day: &[Push]) -> Vec<u64> {
    let mut ticks = Vec::new();
    for (source, id, batch) in day {
        ticks.push(client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick);
    }
    ticks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_has_the_same_bytes_at_every_tick_in_any_number_of_processes_and_workers() {
    let day = rich_day(60);
    let folder = folder(CONFIG, 2);

    // Live, in two processes of two workers: what a follower is given as it happens.
    let cluster = Cluster::start(folder.path(), 2, "2");
    let client = cluster.head.client().await;
    let first = push(&client, &day[..1]).await[0];
    settle(&client, &day[..1]).await;
    let views: Vec<String> = client.views().await.unwrap().into_iter().map(|view| view.name).collect();
    let (say_last, last) = tokio::sync::watch::channel(u64::MAX);
    let followed: Vec<_> = views
        .iter()
        .filter(|view| *view != "runs")
        .map(|view| {
            let ticket = Ticket { from_tick: Some(first), ..Ticket::snapshot(view) };
            tokio::spawn(follow(client.clone(), ticket, last.clone()))
        })
        .collect();
    let ticks = push(&client, &day).await;
    say_last.send(ticks[ticks.len() - 1]).unwrap();
    settle(&client, &day).await;
    let expected = told(&client, &ticks).await;
    for follower in followed {
        let (view, live) = follower.await.unwrap();
        assert_eq!(live, expected[&format!("changes of {view}")], "{view}, as it happened");
    }
    cluster.stop();
    for view in ["matches", "breaks", "dead_letters", "source_progress"] {
        assert!(expected[&format!("changes of {view}")].len() > 10, "the day has {view}");
    }
    let last = &expected[&format!("matches as of {}", ticks[ticks.len() - 1])];
    for tier in ["identifier", "economics", "scored"] {
        assert!(last.iter().any(|row| row.contains(tier)), "{tier}: {last:?}");
    }

    // The same bindings, in other shapes.
    for (processes, workers) in [(1, "2"), (2, "1"), (2, "2"), (3, "1"), (1, "1")] {
        let cluster = Cluster::start(folder.path(), processes, workers);
        let found = told(&cluster.head.client().await, &ticks).await;
        for (what, rows) in &expected {
            assert_eq!(&found[what], rows, "{what}, in {processes} processes of {workers} workers");
        }
        assert_eq!(found.len(), expected.len());
        cluster.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_killed_ends_all_and_the_others_say_which_it_was() {
    let folder = folder(storm::CONFIG, 3);
    let members = [1, 2].map(|number| Process::member(folder.path(), number, "1"));
    let arguments = ["run", "tieout.toml", "--hosts", "hosts", "--process", "0"];
    let head = Process::start(folder.path(), "head", &arguments, &[]);
    let log = head.wait_for("listening on ");
    let address = log.lines().find_map(|line| line.strip_prefix("listening on ")).unwrap();
    push(&Client::connect(address).await.unwrap(), &day(20)).await;
    let since = Instant::now();
    let [killed, other] = members;
    killed.signal("-KILL");
    for mut process in [head, other] {
        let (code, log) = process.end();
        assert_eq!(code, 1, "{log}");
        // The other member may notice first that the head has ended because of it.
        let is_told = ["process 0 (127.0.0.1:", "process 1 (127.0.0.1:"].iter().any(|who| log.contains(who));
        // Those threads are timely's own: they can only panic when a link ends, and may come to it before the process does.
        let has_panicked = log.lines().any(|line| line.contains("panicked at") && !line.contains("thread 'timely:"));
        assert!(is_told && log.contains("has gone: ") && !has_panicked, "{log}");
    }
    // Not by the silence, which lasts for half a minute.
    assert!(since.elapsed() < Duration::from_secs(25), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_killed_ends_its_members() {
    let folder = folder(storm::CONFIG, 2);
    let mut cluster = Cluster::start(folder.path(), 2, "2");
    push(&cluster.head.client().await, &day(20)).await;
    cluster.head.kill();
    let (code, log) = cluster.members[0].end();
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("process 0 (127.0.0.1:") && log.contains("has gone"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_stands_still_for_three_seconds_only_delays() {
    let day = day(80);
    let expected = calm(&day).await;
    let folder = folder(storm::CONFIG, 2);
    let cluster = Cluster::start(folder.path(), 2, "1");
    let client = cluster.head.client().await;
    push(&client, &day[..40]).await;
    cluster.members[0].signal("-STOP");
    // What is durable is acknowledged all the same.
    push(&client, &day[40..]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    cluster.members[0].signal("-CONT");
    settle(&client, &day).await;
    assert_eq!(views(&client, false).await, expected);
    cluster.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_past_has_been_removed_goes_on_from_its_snapshot_in_any_shape() {
    let day = day(60);
    let expected = calm(&day).await;
    let config = storm::CONFIG.replace("[snapshots]\n", "[snapshots]\nhistory_seconds = 1\n");
    let folder = folder(&config, 2);
    let member = Process::member(folder.path(), 1, "2");
    let arguments = ["run", "tieout.toml", "--hosts", "hosts", "--process", "0", "--workers", "2"];
    let mut head = Process::start(folder.path(), "head", &arguments, &[]);
    let log = head.wait_for("listening on ");
    let address = log.lines().find_map(|line| line.strip_prefix("listening on ")).unwrap();
    let client = Client::connect(address).await.unwrap();
    for push_of_day in &day {
        push(&client, std::slice::from_ref(push_of_day)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settle(&client, &day).await;
    head.wait_for("removed the past before a snapshot");
    head.signal("-TERM");
    let (code, log) = head.end();
    assert_eq!(code, 0, "{log}");
    drop(member);
    for (processes, workers) in [(2, "2"), (3, "1"), (1, "1")] {
        let cluster = Cluster::start(folder.path(), processes, workers);
        let client = cluster.head.client().await;
        settle(&client, &day).await;
        assert_eq!(views(&client, false).await, expected, "{processes} processes of {workers}");
        cluster.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_does_not_belong_is_refused_and_both_sides_say_why() {
    let folder = folder(storm::CONFIG, 2);
    let other = storm::CONFIG.replace("0.01", "0.02");
    assert_ne!(other, storm::CONFIG);
    std::fs::write(folder.path().join("other.toml"), other).unwrap();
    let hosts = std::fs::read_to_string(folder.path().join("hosts")).unwrap();
    std::fs::write(folder.path().join("three"), format!("{hosts}127.0.0.1:9\n")).unwrap();
    const RIGHT: (&str, &str) = ("TIEOUT_CLUSTER_SECRET", "a secret that is long enough");
    const WRONG: (&str, &str) = ("TIEOUT_CLUSTER_SECRET", "another secret of that length");
    let run = ["run", "tieout.toml", "--hosts", "hosts", "--process"];
    let head = Process::start(folder.path(), "head", &[&run[..], &["0"]].concat(), &[RIGHT]);
    let other = [&["run", "other.toml"], &run[2..], &["1"]].concat();
    let three = ["run", "tieout.toml", "--hosts", "three", "--process", "1"];
    for (name, arguments, secret, why) in [
        ("secret", &[&run[..], &["1"]].concat()[..], WRONG, "the secret of the cluster is another"),
        ("config", &other, RIGHT, "the configuration differs"),
        ("workers", &[&run[..], &["1", "--workers", "3"]].concat(), RIGHT, "the number of workers differs: 3 there, 1"),
        ("three", &three, RIGHT, "the number of processes differs: 3 there, 2"),
    ] {
        let mut refused = Process::start(folder.path(), name, arguments, &[secret]);
        let (code, log) = refused.end();
        assert_eq!(code, 1, "{name}: {log}");
        let log = log.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(log.contains("refuses this process") && log.contains(why), "{name}: {log}");
        let head = head.wait_for(why);
        for secret in [RIGHT.1, WRONG.1] {
            assert!(!head.contains(secret) && !log.contains(secret), "a secret is in a log: {log} {head}");
        }
    }
    // None of them has done any harm.
    let mut member = Process::start(folder.path(), "member", &[&run[..], &["1"]].concat(), &[RIGHT]);
    head.wait_for("listening on ");
    head.signal("-TERM");
    assert_eq!(member.end().0, 0, "{}", member.log());
}

#[test]
fn what_cannot_be_a_cluster_is_refused_before_anything_is_started() {
    let folder = folder(storm::CONFIG, 2);
    std::fs::write(folder.path().join("remote"), "127.0.0.1:7815\n10.0.0.2:7815\n").unwrap();
    std::fs::write(folder.path().join("bad"), "127.0.0.1:7815\nsomewhere\n").unwrap();
    for (name, arguments, why) in [
        ("remote", &["--hosts", "remote", "--process", "0"][..], "a cluster over a network needs a secret"),
        ("bad", &["--hosts", "bad", "--process", "0"], "bad, line 2: `somewhere` is no address of a process"),
        ("number", &["--hosts", "hosts", "--process", "2"], "there is no process 2 among 2 hosts"),
        ("alone", &["--hosts", "hosts"], "--process <NUMBER>"),
        ("short", &["--hosts", "hosts", "--process", "0", "--secret-file", "short"], "fewer than 16 bytes"),
    ] {
        std::fs::write(folder.path().join("short"), "short").unwrap();
        let mut refused = Process::start(folder.path(), name, &[&["run", "tieout.toml"], arguments].concat(), &[]);
        let (code, log) = refused.end();
        assert!(code == 2 && log.contains(why), "{name}: {code} {log}");
    }
    assert!(!folder.path().join("tieout-data").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervised_cluster_whose_processes_are_killed_loses_nothing_and_doubles_nothing() {
    let day = day(60);
    let expected = calm(&day).await;
    let folder = folder(storm::CONFIG, 3);
    let address = free_address();
    let arguments = ["cluster", "tieout.toml", "--hosts", "hosts", "--listen", &address];
    let mut supervisor = Process::start(folder.path(), "supervisor", &arguments, &[]);
    supervisor.wait_for("listening on ");
    let victims = [(15, 1), (30, 0), (45, 2)];
    let mut receipts = BTreeMap::new();
    for (place, (source, id, batch)) in day.iter().enumerate() {
        if let Some((_, victim)) = victims.iter().find(|(due, _)| *due == place) {
            send_signal("-KILL", process_of(&supervisor.log(), *victim));
        }
        let since = Instant::now();
        loop {
            // Without a receipt nobody knows: so it is pushed again, under the same id.
            let client = Client::connect(&address).await;
            if let Ok(client) = client
                && let Ok(receipt) = client.put(source, Some(id), std::slice::from_ref(batch)).await
            {
                receipts.insert(id, receipt.tick);
                break;
            }
            assert!(since.elapsed() < PATIENCE, "it does not come back:\n{}", supervisor.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // The last kill may have been noticed only after the last push.
    let client = settled(&address, &day, &supervisor).await;
    assert_eq!(views(&client, false).await, expected);
    for (source, id, batch) in &day {
        let again = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
        assert!(again.duplicate && again.tick == receipts[id], "{id} keeps its tick");
    }
    let log = supervisor.log();
    for (_, victim) in victims {
        assert!(log.contains(&format!("process {victim} has died (signal: 9")), "{log}");
    }
    supervisor.signal("-TERM");
    let (code, log) = supervisor.end();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

/// Waits until a cluster that may be about to die is there and shows all.
async fn settled(address: &str, day: &[Push], supervisor: &Process) -> Client {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let since = Instant::now();
    loop {
        if let Ok(client) = Client::connect(address).await
            && client.health().await.is_ok_and(|health| health.status == "ready")
        {
            settle(&client, day).await;
            return client;
        }
        assert!(since.elapsed() < PATIENCE, "it does not come back:\n{}", supervisor.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the supervisor has last said of a process.
fn process_of(log: &str, number: usize) -> u32 {
    let said = format!("process {number} is ");
    log.lines().rev().find_map(|line| line.strip_prefix(&said)?.parse().ok()).unwrap()
}

#[test]
fn a_cluster_that_reads_files_once_prints_the_same_and_ends_as_one_process_does() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/two-sides");
    let folder = folder(storm::CONFIG, 2);
    let example = example.to_str().unwrap();
    let alone = ["run", example, "--until-complete", "--data", "alone"];
    let together = ["cluster", example, "--until-complete", "--data", "together", "--hosts", "hosts", "--workers", "2"];
    for (name, arguments) in [("alone", &alone[..]), ("together", &together)] {
        let mut process = Process::start(folder.path(), name, arguments, &[]);
        let (code, log) = process.end();
        assert_eq!(code, 3, "breaks remain: {log}");
    }
    let printed = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(printed("alone.out").contains("breaks"));
    assert_eq!(printed("together.out"), printed("alone.out"));
}

#[test]
fn a_supervisor_that_is_killed_leaves_no_process_behind() {
    let folder = folder(storm::CONFIG, 2);
    std::fs::write(folder.path().join("secret"), "a secret that is long enough\n").unwrap();
    let arguments = ["cluster", "tieout.toml", "--hosts", "hosts", "--secret-file", "secret"];
    let mut supervisor = Process::start(folder.path(), "supervisor", &arguments, &[]);
    let log = supervisor.wait_for("listening on ");
    let processes = [0, 1].map(|number| process_of(&log, number));
    supervisor.child.kill().unwrap();
    supervisor.child.wait().unwrap();
    let since = Instant::now();
    let is_there =
        |process: &u32| Command::new("kill").args(["-0", &process.to_string()]).stderr(Stdio::null()).status();
    while processes.iter().any(|process| is_there(process).unwrap().success()) {
        assert!(since.elapsed() < PATIENCE, "{processes:?} go on:\n{}", supervisor.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
