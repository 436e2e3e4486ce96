//! A server of the binary, and what it shows.
//!
//! Included by several tests, none of which needs all of it.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sinks::flight::Ticket;
use sinks::flight::client::Client;

/// A server of the binary, and the address it listens on.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Server {
        Server::start_with(folder, &[]).expect("the server says where it listens")
    }

    /// Starts it with settings of the environment; `None` if it dies before it listens.
    pub(crate) fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Option<Server> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tieout"))
            .args(["run", "tieout.toml"])
            .envs(settings.iter().copied())
            .current_dir(folder)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split_whitespace().next()?.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned())
        });
        // The pipe must be read to its end, or the server stops at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut server = Server { process, address: String::new() };
        server.address = address?;
        Some(server)
    }

    /// Whether it has died by itself.
    pub(crate) fn has_died(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.address).await.unwrap()
    }

    /// What is measured; nothing if it has died.
    pub(crate) fn metrics(&self) -> String {
        let mut answer = String::new();
        let mut ask = || {
            let mut stream = TcpStream::connect(&self.address)?;
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        };
        if ask().is_err() {
            return String::new();
        }
        answer
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What chance begins with: the same each time, unless `TIEOUT_SEED` says otherwise.
pub(crate) fn seed() -> u64 {
    std::env::var("TIEOUT_SEED").map_or(1, |seed| seed.parse().unwrap())
}

/// Numbers that look random.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// All views as text, without what depends on the clock unless it is asked for.
pub(crate) async fn views(client: &Client, with_clock: bool) -> BTreeMap<String, Vec<String>> {
    let mut views = BTreeMap::new();
    for view in client.views().await.unwrap() {
        if view.name == "runs" {
            continue;
        }
        let (_, batches) = client.snapshot(&Ticket::snapshot(&view.name)).await.unwrap();
        let is_shown = |name: &str| name != "_tick" && (with_clock || !["first_seen", "last_tick"].contains(&name));
        views.insert(view.name, batches.iter().flat_map(|batch| lines(batch, is_shown)).collect());
    }
    views
}

/// Waits until the partitions of topics have given as many records as are expected of each; gives all views.
///
/// Progress is asked for before the views: each is read as of a tick of its own, and one that was read before the last
/// message may lack what came of it.
pub(crate) async fn views_after(
    client: &Client,
    records_by_partition: &BTreeMap<String, u64>,
    patience: Duration,
    with_clock: bool,
) -> BTreeMap<String, Vec<String>> {
    let begun = Instant::now();
    loop {
        let (_, batches) = client.snapshot(&Ticket::snapshot("source_progress")).await.unwrap();
        let progress: Vec<String> = batches.iter().flat_map(|batch| lines(batch, |_| true)).collect();
        let is_there = |(partition, records): (&String, &u64)| {
            let shown = format!("partition={partition} records={records} ");
            progress.iter().any(|line| line.contains(&shown))
        };
        if records_by_partition.iter().all(is_there) {
            return views(client, with_clock).await;
        }
        assert!(begun.elapsed() < patience, "{records_by_partition:?} were expected: {progress:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What changed in a view at each tick after one, up to another.
pub(crate) async fn changes(client: &Client, view: &str, after: u64, up_to: u64) -> BTreeMap<u64, Vec<String>> {
    let ticket = Ticket { from_tick: Some(after), up_to: Some(up_to + 1), ..Ticket::subscription(view) };
    let (mut follow, mut ticks) = (client.follow(ticket), BTreeMap::<u64, Vec<String>>::new());
    while let Some(message) = follow.next().await.unwrap() {
        let lines = lines(&message.batch, |_| true);
        if !lines.is_empty() {
            ticks.entry(message.metadata.tick).or_default().extend(lines);
        }
    }
    ticks
}

pub(crate) fn lines(batch: &RecordBatch, is_shown: impl Fn(&str) -> bool) -> Vec<String> {
    let line = |cells: Vec<(String, String)>| cells.iter().map(|(name, value)| format!("{name}={value} ")).collect();
    cells(batch, is_shown).into_iter().map(line).collect()
}

/// The rows of a batch: the names of their columns, and what is in them as text.
pub(crate) fn cells(batch: &RecordBatch, is_shown: impl Fn(&str) -> bool) -> Vec<Vec<(String, String)>> {
    let schema = batch.schema();
    let options = FormatOptions::default();
    let shown: Vec<usize> = (0..batch.num_columns()).filter(|index| is_shown(schema.field(*index).name())).collect();
    // As text that needs no time zones.
    let plain = |index: &usize| match batch.column(*index).data_type() {
        DataType::Timestamp(..) => cast(batch.column(*index), &DataType::Int64).unwrap(),
        _ => Arc::clone(batch.column(*index)),
    };
    let arrays: Vec<ArrayRef> = shown.iter().map(plain).collect();
    let columns: Vec<_> = shown
        .iter()
        .zip(&arrays)
        .map(|(index, array)| (schema.field(*index).name(), ArrayFormatter::try_new(array, &options).unwrap()))
        .collect();
    let cells = |row| columns.iter().map(|(name, column)| ((*name).clone(), column.value(row).to_string())).collect();
    (0..batch.num_rows()).map(cells).collect()
}
