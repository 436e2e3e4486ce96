//! One late trade, from a client's DoPut to a subscriber's hands: over loopback, durability on, W1 loaded before.
//!
//! `latency [trades] [late trades]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use benches::engines::{graphs, loaded};
use benches::measure::{TickDurations, argument, load, micros, peak_mb, percentile};
use benches::parquet_files::{LAYOUT, rows};
use benches::w1::{LATE_RULES, Numbered, Side};
use connectors::{FlightConfig, FlightSource, Scope};
use engine::{Engine, SourceSpec};
use model::{Dictionary, SourceId};
use sinks::flight::client::{Client, Messages};
use sinks::flight::{Kind, Security, Ticket, bind, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let (trades, late) = (argument(1, 100_000), argument(2, 2000));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(trades, late));
}

async fn run(trades: u64, rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let thousands = rounds / 40;
    let late = rounds * 2 + thousands * 1000;
    assert!(late <= trades, "{late} late trades are too many for {trades}");
    let engine = start(folder.path(), trades, late).await;
    let listening = bind("127.0.0.1:0", Security::this_machine()).await.unwrap();
    let address = listening.address().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    let server = tokio::spawn(serve(engine.reader().clone(), engine.ingest().clone(), listening, shutdown));
    println!(
        "W1 {trades} + {trades} trades, {late} of the broker's come late, over Flight on loopback, durability on; load average {}",
        load()
    );

    // Trades that the broker never had are skipped, so that each batch has one trade, and closes one break.
    let mut numbers = (0..late).filter(|number| Numbered::new(*number).quantity.iter().all(Option::is_some));
    measure(&engine, &address, 1, rounds, &mut numbers).await;
    measure(&engine, &address, 1000, thousands, &mut numbers).await;
    println!("peak {} MB, load average {}", peak_mb(), load());
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    engine.shutdown();
}

async fn start(folder: &Path, trades: u64, late: u64) -> Engine {
    let dictionary = Dictionary::default();
    let config: FlightConfig = toml::from_str(LAYOUT).unwrap();
    let scope = Scope { name: "late", source: SourceId(2), attributes: &[], dictionary: &dictionary, folder };
    let pushed = FlightSource::new(&config, &scope).unwrap();
    let side = |side| SourceSpec::pull(Side { side, trades, late });
    let graphs = graphs(LATE_RULES, &["internal", "broker", "late"], &dictionary, "");
    loaded(folder, 1, graphs, vec![side(0), side(1), SourceSpec::push("late", pushed)], &dictionary).await
}

async fn measure(engine: &Engine, address: &str, size: usize, rounds: u64, numbers: &mut impl Iterator<Item = u64>) {
    let subscriber = Client::connect(address).await.unwrap();
    let mut breaks = subscriber.read(&Ticket::subscription("breaks")).await.unwrap();
    while breaks.next().await.unwrap().unwrap().metadata.kind != Kind::SnapshotEnd {}
    let client = Client::connect(address).await.unwrap();
    let schema = rows(1, std::iter::empty()).schema();
    let (mut pusher, mut receipts) = client.pusher("late", &schema).await.unwrap();
    let acknowledged = tokio::spawn(async move { while receipts.next().await.unwrap().is_some() {} });

    let ticks = TickDurations::of(engine);
    let mut times = Vec::new();
    for round in 0..rounds {
        let batch: RecordBatch = rows(1, numbers.by_ref().take(size));
        assert_eq!(batch.num_rows(), size);
        let begun = Instant::now();
        pusher.send(&format!("{size}-{round}"), &batch).await.unwrap();
        seen(&mut breaks, size).await;
        times.push(begun.elapsed());
    }
    drop(pusher);
    acknowledged.await.unwrap();
    let both = |p50: Duration, p99: Duration| format!("p50 {:.0} us, p99 {:.0} us", micros(p50), micros(p99));
    println!("{size} late trade(s) a batch, n = {rounds}, load average {}", load());
    println!("  from tick release to output: {}", both(ticks.percentile(0.5), ticks.percentile(0.99)));
    println!(
        "  from DoPut to the subscriber's hands: {}",
        both(percentile(&mut times, 0.5), percentile(&mut times, 0.99))
    );
}

/// Reads until all breaks of a batch have changed: each of its trades closes one or turns it into another.
async fn seen(breaks: &mut Messages, size: usize) {
    let mut changes = 0;
    while changes < size {
        let message = breaks.next().await.unwrap().unwrap();
        if message.metadata.kind == Kind::Changes {
            changes += message.batch.num_rows();
        }
    }
}
