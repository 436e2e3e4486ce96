//! A restart from a snapshot, and what taking one costs those who wait for a late trade meanwhile.
//!
//! `restart load FOLDER [trades]`   loads W1 and has a snapshot taken
//! `restart start FOLDER`           starts from it: how long until it serves, and what memory that takes
//! `restart late [trades] [rounds]` late trades with no snapshot, and with one after the other

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::engines::{Made, Symbols, breaks_by_type, follower, graphs, payload, push_and_see};
use benches::measure::{TickDurations, argument, load, micros, peak_mb, percentile, resident_mb};
use benches::w1::{LATE_RULES, Numbered, RULES, Side, expected_breaks};
use connectors::StoredRecords;
use engine::snapshot::{Manifest, Snapshots, Store};
use engine::{Engine, EngineConfig, Program, SourceSpec};
use model::{Dictionary, Record};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let word = |place: usize| std::env::args().nth(place).unwrap_or_default();
    match word(1).as_str() {
        "load" => runtime.block_on(load_and_snapshot(word(2).as_ref(), argument(3, 5_000_000))),
        "start" => runtime.block_on(start(word(2).as_ref())),
        "late" => runtime.block_on(late(argument(2, 1_000_000), argument(3, 2000))),
        other => panic!("`{other}` is none of load, start and late"),
    }
}

/// An engine of W1 whose snapshots are taken so often, and which retains nothing.
fn engine(folder: &Path, rules: &str, sources: Vec<SourceSpec<Record>>, every: Duration) -> Engine {
    let dictionary = Dictionary::default();
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    let codec = Arc::new(StoredRecords::new(&names, &[], &dictionary));
    let store = Store::local(&folder.join("snapshots")).unwrap();
    let graphs = graphs(rules, &words, &dictionary, "");
    let program = Program {
        snapshots: Some(Snapshots { store, codec, every, history: None }),
        ..Program::new(graphs, sources, Arc::new(Symbols(dictionary)))
    };
    let config = EngineConfig { retention: Duration::ZERO, ..EngineConfig::new(folder) };
    Engine::start(config, program).unwrap()
}

fn sides(trades: u64, late: u64) -> Vec<SourceSpec<Record>> {
    [0, 1].map(|side| SourceSpec::pull(Side { side, trades, late })).into()
}

async fn load_and_snapshot(folder: &Path, trades: u64) {
    println!("W1 {trades} + {trades} trades; load average {}", load());
    let begun = Instant::now();
    let engine = engine(folder, RULES, sides(trades, 0), Duration::from_secs(1));
    let tick = engine.reader().status().complete().await.unwrap();
    engine.reader().reached(tick).await;
    println!("loaded in {:.1} s, {} MB, peak {} MB", begun.elapsed().as_secs_f64(), resident_mb(), peak_mb());
    let begun = Instant::now();
    let manifest = loop {
        match newest(folder) {
            Some(manifest) => break manifest,
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(breaks_by_type(&engine).await, expected_breaks(trades));
    println!(
        "snapshot of {} records, {} MB, in {:.1} s; {} MB resident, peak {} MB",
        manifest.rows("records"),
        manifest.size_bytes() >> 20,
        begun.elapsed().as_secs_f64(),
        resident_mb(),
        peak_mb()
    );
    std::fs::write(folder.join("trades"), trades.to_string()).unwrap();
    engine.shutdown();
}

/// The newest snapshot that is whole.
fn newest(folder: &Path) -> Option<Manifest> {
    // A store is for threads that wait.
    tokio::task::block_in_place(|| {
        let store = Store::local(&folder.join("snapshots")).unwrap();
        store.ticks().unwrap().first().and_then(|tick| store.manifest(*tick).ok())
    })
}

async fn start(folder: &Path) {
    let trades: u64 = std::fs::read_to_string(folder.join("trades")).unwrap().parse().unwrap();
    let (begun, load_before) = (Instant::now(), load());
    let engine = engine(folder, RULES, sides(0, 0), Duration::ZERO);
    engine.reader().status().ready().await.unwrap();
    let ready = begun.elapsed();
    let peak = peak_mb();
    assert_eq!(breaks_by_type(&engine).await, expected_breaks(trades));
    // What is merged and given back after the load.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "{trades} + {trades} trades served {:.1} s after the start; peak {peak} MB, then {} MB; load average {load_before}",
        ready.as_secs_f64(),
        resident_mb()
    );
    engine.shutdown();
}

async fn late(trades: u64, rounds: u64) {
    println!("W1 {trades} + {trades} trades, {rounds} late trades one by one; load average {}", load());
    for (name, every) in [("no snapshot", Duration::ZERO), ("snapshots one after the other", Duration::from_millis(1))]
    {
        let folder = tempfile::tempdir().unwrap();
        let made = |numbers: &[u64]| {
            let records = numbers.iter().filter_map(|number| match Numbered::new(*number).record(*number, 1) {
                Some(Record::Trade(trade)) => Some(Record::Trade(model::Trade { source: model::SourceId(2), ..trade })),
                _ => None,
            });
            records.collect()
        };
        let mut sources = sides(trades, rounds * 2);
        sources.push(SourceSpec::push("late", Made(made)));
        let engine = engine(folder.path(), LATE_RULES, sources, every);
        let tick = engine.reader().status().complete().await.unwrap();
        engine.reader().reached(tick).await;
        let mut following = follower(&engine, "breaks").await;
        let mut numbers = (0..rounds * 2).filter(|number| Numbered::new(*number).quantity.iter().all(Option::is_some));
        let ticks = TickDurations::of(&engine);
        let mut times = Vec::new();
        for round in 0..rounds {
            let number = numbers.next().unwrap();
            times.push(push_and_see(&engine, &mut following, "late", &round.to_string(), payload(&[number])).await);
        }
        let taken = std::fs::read_dir(folder.path().join("snapshots")).unwrap().count();
        println!(
            "{name} ({taken} begun): tick release to output p50 {:.0} us, p99 {:.0} us; push to follower p50 {:.0} us, p99 {:.0} us",
            micros(ticks.percentile(0.5)),
            micros(ticks.percentile(0.99)),
            micros(percentile(&mut times, 0.5)),
            micros(percentile(&mut times, 0.99)),
        );
        engine.shutdown();
    }
}
