//! A day of pushes to a server whose sinks write elsewhere, and which may be killed meanwhile.
//!
//! Included by several tests, none of which needs all of it.

#![allow(dead_code)]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use sinks::flight::Ticket;
use sinks::flight::client::Client;

use crate::live::Server;
use crate::storm::{CONFIG, Push};

/// How long anything here may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(180);

/// Two files, `fund.csv` and `bank.csv`, beside the pushes: of files there are copies.
pub(crate) const FUND_AND_BANK: &str = r#"
[source.fund]
kind = "files"
path = "fund.csv"
[source.bank]
kind = "files"
path = "bank.csv"
[reconciliation.cash]
sides = ["fund", "bank"]
compare = ["quantity"]
[[reconciliation.cash.tier]]
kind = "identifier"
field = "id"
"#;

/// A folder with the configuration of the day, and more.
pub(crate) fn folder(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tieout.toml"), format!("{CONFIG}\n{more}")).unwrap();
    folder
}

/// The Kafka sinks of a configuration: `<name>.changes` and `<name>.upserts` of the breaks.
pub(crate) fn kafka_sinks(brokers: &str, name: &str) -> String {
    ["changes", "upserts"]
        .map(|mode| {
            format!(
                "[sink.{mode}]\nkind = \"kafka\"\nview = \"breaks\"\nbrokers = \"{brokers}\"\ntopic = \"{name}.{mode}\"\nmode = \"{mode}\"\n"
            )
        })
        .concat()
}

/// An alert of the breaks, and what it is sent to.
pub(crate) fn alert(channel: &str) -> String {
    format!(
        "[alert.breaks]\nview = \"breaks\"\nwhen = {{ severity = [\"high\", \"critical\"] }}\n\
         severity = {{ column = \"severity\" }}\ntext = \"{{type}} of {{trade_id}}\"\nto = [\"ops\"]\n\
         [alert_channel.ops]\n{channel}\n"
    )
}

/// How far a sink is, in ticks; `None` while it is not known.
fn frontier(server: &Server, sink: &str) -> Option<f64> {
    let start = format!("tieout_sink_frontier_seconds{{sink=\"{sink}\"}} ");
    let metrics = server.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))?;
    Some(line.trim().parse::<f64>().unwrap() * 1e6)
}

/// Waits until sinks know how far they are.
pub(crate) async fn begun(server: &mut Server, sinks: &[&str], next: &mut impl FnMut() -> Server) {
    reached(server, sinks, 0, next).await;
}

/// Waits until sinks have written everything up to a tick, also those of the servers that come after those that die. `next`
/// starts one.
pub(crate) async fn reached(server: &mut Server, sinks: &[&str], tick: u64, next: &mut impl FnMut() -> Server) {
    let waiting = Instant::now();
    for sink in sinks {
        loop {
            if server.has_died() {
                *server = next();
            }
            if frontier(server, sink).is_some_and(|at| at > tick as f64) {
                break;
            }
            assert!(waiting.elapsed() < PATIENCE, "`{sink}` does not reach {tick}: {}", server.metrics());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// For those whose server does not die.
pub(crate) fn never() -> Server {
    panic!("it has died")
}

/// Waits until a server has died, of which something tells.
pub(crate) async fn dead(server: &mut Server, what: &str) {
    let since = Instant::now();
    while !server.has_died() {
        assert!(since.elapsed() < PATIENCE, "it does not die: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Connects to a server, or to one of those that come after those that die before; `next` starts one.
pub(crate) async fn connected(server: &mut Server, next: &mut impl FnMut() -> Server) -> Client {
    loop {
        match Client::connect(&server.address).await {
            Ok(client) => return client,
            Err(error) => dead(server, &error.to_string()).await,
        }
        *server = next();
    }
}

/// Pushes until it is acknowledged, also by the servers that come after those that die; `next` starts one. Waits until it is
/// shown too: at a start, a tick stays open for a moment, and the next push would become part of it.
pub(crate) async fn push(
    server: &mut Server,
    client: &mut Client,
    (source, id, batch): &Push,
    next: &mut impl FnMut() -> Server,
) -> u64 {
    loop {
        match client.put(source, Some(id), std::slice::from_ref(batch)).await {
            Ok(receipt) => {
                let is_there =
                    async || client.snapshot(&Ticket::snapshot("runs")).await.is_ok_and(|(at, _)| at >= receipt.tick);
                while !server.has_died() && !is_there().await {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                return receipt.tick;
            }
            Err(error) => {
                dead(server, &error.to_string()).await;
                *server = next();
                *client = connected(server, next).await;
            }
        }
    }
}

/// A message without what depends on the clock.
pub(crate) fn without_clock(message: &Option<String>) -> Option<Value> {
    let mut value: Value = serde_json::from_str(message.as_deref()?).unwrap();
    for column in ["_tick", "first_seen", "last_tick"] {
        value.as_object_mut().unwrap().remove(column);
    }
    Some(value)
}

/// The tick of a message.
pub(crate) fn tick_of(message: &Option<String>) -> Option<u64> {
    let value: Value = serde_json::from_str(message.as_deref()?).unwrap();
    value["_tick"].as_u64()
}

/// Copies a data folder that nobody uses.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
