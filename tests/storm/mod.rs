//! A day of pushes to a server of the binary, and what its views show: for tests in which the server dies.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sinks::flight::Ticket;
use sinks::flight::client::Client;

pub const CONFIG: &str = r#"
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
compare = ["instrument", "side", "quantity", "price"]
tolerance = [{ field = "price", absolute = "0.01" }]
[[reconciliation.equities.tier]]
kind = "identifier"
field = "execution_id"
[[reconciliation.equities.tier]]
kind = "economics"
fields = ["instrument", "side", "quantity", "price"]
"#;

/// A server of the binary, and the address it listens on.
pub struct Server {
    process: Child,
    address: String,
}

impl Server {
    pub fn start(folder: &Path) -> Server {
        Server::start_with(folder, &[]).expect("the server says where it listens")
    }

    /// Starts it with settings of the environment; `None` if it dies before it listens.
    pub fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Option<Server> {
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

    /// Starts it anew, without settings; the one before is ended first.
    pub fn start_after(before: Server, folder: &Path) -> Server {
        drop(before);
        Server::start(folder)
    }

    /// Whether it has died by itself.
    pub fn has_died(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.address).await.unwrap()
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn kill(&mut self) {
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

/// A small generator of random numbers.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A batch of a source under its id.
pub type Push = (&'static str, String, RecordBatch);

/// The batches of a day: new trades, corrections and cancellations, of both sides, some of them never matched.
pub fn day(batches: u64) -> Vec<Push> {
    let mut random = Random(7);
    (0..batches)
        .map(|number| {
            let source = if number % 2 == 0 { "internal" } else { "broker" };
            let rows: Vec<[String; 7]> = (0..1 + random.below(5))
                .map(|_| {
                    let trade = random.below(60);
                    let status = if random.below(8) == 0 { "cancelled" } else { "" };
                    [
                        format!("{source}-{trade}"),
                        format!("EXECUTION-{}", trade % 50),
                        ["ES", "NQ", "CL"][random.below(3) as usize / 2].to_owned(),
                        ["BUY", "SELL"][trade as usize % 2].to_owned(),
                        (100 * (1 + random.below(3) / 2)).to_string(),
                        format!("10.0{}", random.below(4) / 2 * 2),
                        status.to_owned(),
                    ]
                })
                .collect();
            (source, format!("batch-{number}"), batch(&rows))
        })
        .collect()
}

fn batch(rows: &[[String; 7]]) -> RecordBatch {
    let names = ["id", "execution_id", "instrument", "side", "quantity", "price", "status"];
    let column = |index: usize| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[index]))) as ArrayRef;
    RecordBatch::try_from_iter(names.iter().enumerate().map(|(index, name)| (*name, column(index)))).unwrap()
}

/// All views as text, without what depends on the clock unless it is asked for.
pub async fn views(client: &Client, with_clock: bool) -> BTreeMap<String, Vec<String>> {
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

fn lines(batch: &RecordBatch, is_shown: impl Fn(&str) -> bool) -> Vec<String> {
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
    let line = |row| columns.iter().map(|(name, column)| format!("{name}={} ", column.value(row))).collect();
    (0..batch.num_rows()).map(line).collect()
}

pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tieout.toml"), CONFIG).unwrap();
    folder
}

/// What all views show after a day on which nothing happened to the server.
pub async fn calm(day: &[Push]) -> BTreeMap<String, Vec<String>> {
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client().await;
    for (source, id, batch) in day {
        client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap();
    }
    settle(&client, day).await;
    let views = views(&client, false).await;
    assert!(views["breaks"].len() > 5 && views["matches"].len() > 5, "the day has matches and breaks: {views:?}");
    views
}

/// Waits until everything that was acknowledged is shown.
pub async fn settle(client: &Client, day: &[Push]) {
    let (source, id, batch) = &day[day.len() - 1];
    let last = client.put(source, Some(id), std::slice::from_ref(batch)).await.unwrap().tick;
    while client.snapshot(&Ticket::snapshot("conservation")).await.unwrap().0 < last {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
