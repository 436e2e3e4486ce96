//! W1 inside the engine: bulk load into one tick, then late trades one at a time, then a thousand at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::measure::{cpu, cpu_by_thread, load, peak_mb, percentile, resident_mb};
use benches::w1::{Numbered, RULES, Side, event};
use dataflows::{DataflowsConfig, Graphs};
use engine::{Batch, Decoder, Engine, EngineConfig, EngineError, Request, SourceSpec, Texts, Update};
use model::{Dictionary, Quantity, Record, Symbol};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Symbols(Dictionary);

impl Texts for Symbols {
    fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
        let symbol = Symbol::from_bytes(symbol);
        symbol.inline_text().map(Arc::from).or_else(|| self.0.text(symbol))
    }
}

/// A late or corrected broker trade, as a number and a quantity: the smallest payload there is.
struct Numbers;

impl Decoder<Record> for Numbers {
    fn decode(&self, payload: &[u8]) -> Result<Batch<Record>, EngineError> {
        let events: Vec<_> = (0..)
            .zip(payload.chunks_exact(16))
            .filter_map(|(offset, bytes)| {
                let number = u64::from_le_bytes(bytes[..8].try_into().ok()?);
                let quantity = i64::from_le_bytes(bytes[8..].try_into().ok()?);
                let Record::Trade(mut trade) = Numbered::new(number).record(number, 1)? else { return None };
                trade.quantity = Quantity::from_scaled(quantity * 1_000_000);
                Some(event(Record::Trade(trade), offset))
            })
            .collect();
        Ok(Batch { partition: Arc::from(""), upper: (payload.len() / 16) as u64, events, refusals: Vec::new(), continues: false })
    }
}

fn main() {
    let argument = |index: usize, usual: u64| std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (trades, workers, updates) = (argument(1, 1_000_000), argument(2, 1) as usize, argument(3, 2000));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(run(trades, workers, updates));
}

async fn run(trades: u64, workers: usize, updates: u64) {
    let folder = tempfile::tempdir().unwrap();
    let dictionary = Dictionary::default();
    let config: DataflowsConfig = toml::from_str(RULES).unwrap();
    let sources: Vec<String> = ["internal", "broker", "late"].map(String::from).to_vec();
    let graphs = Graphs::new(&config, &sources, &dictionary, &|_| Err("no models".into())).unwrap();
    let specs = vec![
        SourceSpec::pull(Side { side: 0, trades }),
        SourceSpec::pull(Side { side: 1, trades }),
        SourceSpec::push("late", Numbers),
    ];
    let (cpu_before, begun) = (cpu(), Instant::now());
    let config = EngineConfig { workers, ..EngineConfig::new(folder.path()) };
    let engine = Engine::start(config, graphs, specs, Arc::new(Symbols(dictionary))).unwrap();
    let complete = engine.reader().status().complete().await.unwrap();
    engine.reader().reached(complete).await;
    let (wall, cpu_load) = (begun.elapsed(), cpu() - cpu_before);
    let rows = 2.0 * trades as f64;
    println!("W1 {trades} + {trades} trades, {workers} worker(s), load average {}", load());
    println!("bulk: {:.3} s wall, {:.3} s CPU, {:.3} us CPU a row; resident {} MB, peak {} MB", wall.as_secs_f64(), cpu_load.as_secs_f64(), cpu_load.as_secs_f64() * 1e6 / rows, resident_mb(), peak_mb());
    for (thread, time) in cpu_by_thread() {
        println!("  thread {thread}: {:.3} us CPU a row", time.as_secs_f64() * 1e6 / rows);
    }
    summary(&engine).await;
    for size in [1, 1000] {
        let rounds = if size == 1 { updates } else { updates / 20 };
        amend(&engine, trades, rounds, size).await;
    }
    println!("after updates: resident {} MB, peak {} MB, load average {}", resident_mb(), peak_mb(), load());
    engine.shutdown();
}

async fn summary(engine: &Engine) {
    let snapshot = engine.reader().snapshot(&Request { view: "conservation".into(), ..Request::default() }).await.unwrap();
    for (row, _) in snapshot.rows {
        println!("  {:?}", row.cells());
    }
}

/// Corrects trades of the broker, and waits until a follower of the breaks has the change in hand.
async fn amend(engine: &Engine, trades: u64, rounds: u64, size: u64) {
    let mut following = engine.reader().subscribe(&Request { view: "breaks".into(), ..Request::default() }).await.unwrap();
    while !matches!(following.next().await.unwrap(), Some(Update::Progress(_))) {}
    let mut times = Vec::new();
    for round in 0..rounds {
        let mut payload = Vec::new();
        for place in 0..size {
            let number = (round * size + place) * 7919 % trades;
            payload.extend(number.to_le_bytes());
            payload.extend((1_000_000 + round as i64).to_le_bytes());
        }
        let begun = Instant::now();
        let receipt = engine.ingest().push("late", &format!("{size}-{round}"), payload).await.unwrap();
        loop {
            match following.next().await.unwrap() {
                Some(Update::Changes(tick, _)) if tick >= receipt.tick => break,
                Some(Update::Progress(tick)) if tick > receipt.tick => break,
                _ => {}
            }
        }
        times.push(begun.elapsed());
    }
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!("{size} change(s), push to follower with durability: p50 {:.0} us, p99 {:.0} us (n = {rounds})", micros(p50), micros(p99));
}
