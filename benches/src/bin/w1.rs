//! W1 inside the engine: bulk load into one tick, then corrections one at a time, then a thousand at a time.
//!
//! `w1 [trades] [workers] [corrections]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use benches::engines::{Made, breaks_by_type, follower, graphs, loaded, payload, push_and_see};
use benches::measure::{TickDurations, argument, cpu, cpu_by_thread, load, micros, peak_mb, percentile, resident_mb};
use benches::w1::{Numbered, RULES, Side, expected_breaks};
use engine::{Engine, SourceSpec};
use model::{Dictionary, Quantity, Record};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A broker's trade, by its number, with another quantity.
fn corrected(numbers: &[u64]) -> Vec<Record> {
    let record = |pair: &[u64]| {
        let Record::Trade(mut trade) = Numbered::new(pair[0]).record(pair[0], 1)? else { return None };
        trade.quantity = Quantity::from_scaled(pair[1] as i64 * 1_000_000);
        Some(Record::Trade(trade))
    };
    numbers.chunks_exact(2).filter_map(record).collect()
}

fn main() {
    let (trades, workers, updates) = (argument(1, 1_000_000), argument(2, 1) as usize, argument(3, 2000));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(run(trades, workers, updates));
}

async fn run(trades: u64, workers: usize, updates: u64) {
    let folder = tempfile::tempdir().unwrap();
    let dictionary = Dictionary::default();
    let graphs = graphs(RULES, &["internal", "broker", "corrections"], &dictionary, "");
    let side = |side| SourceSpec::pull(Side { side, trades, late: 0 });
    let sources = vec![side(0), side(1), SourceSpec::push("corrections", Made(corrected))];
    let (cpu_before, begun) = (cpu(), Instant::now());
    let engine = loaded(folder.path(), workers, graphs, sources, &dictionary).await;
    let (wall, cpu_load) = (begun.elapsed(), cpu() - cpu_before);
    let rows = 2.0 * trades as f64;
    println!("W1 {trades} + {trades} trades, {workers} worker(s), load average {}", load());
    println!(
        "bulk: {:.3} s wall, {:.3} s CPU, {:.3} us CPU a row; resident {} MB, peak {} MB",
        wall.as_secs_f64(),
        cpu_load.as_secs_f64(),
        micros(cpu_load) / rows,
        resident_mb(),
        peak_mb()
    );
    for (thread, time) in cpu_by_thread() {
        println!("  thread {thread}: {:.3} us CPU a row", micros(time) / rows);
    }
    assert_eq!(breaks_by_type(&engine).await, expected_breaks(trades));
    for size in [1, 1000] {
        correct(&engine, trades, if size == 1 { updates } else { updates / 20 }, size).await;
    }
    println!("after corrections: resident {} MB, peak {} MB, load average {}", resident_mb(), peak_mb(), load());
    engine.shutdown();
}

/// The CPU time of the workers so far: what a busy machine does not change.
fn worker_cpu() -> Duration {
    cpu_by_thread().into_iter().filter(|(name, _)| name.starts_with("timely")).map(|(_, time)| time).sum()
}

async fn correct(engine: &Engine, trades: u64, rounds: u64, size: u64) {
    let mut following = follower(engine, "breaks").await;
    let ticks = TickDurations::of(engine);
    let before = worker_cpu();
    let mut times = Vec::new();
    for round in 0..rounds {
        let numbers: Vec<u64> =
            (0..size).flat_map(|place| [(round * size + place) * 7919 % trades, 1_000_000 + round]).collect();
        times.push(
            push_and_see(engine, &mut following, "corrections", &format!("{size}-{round}"), payload(&numbers)).await,
        );
    }
    let both = |p50, p99| format!("p50 {:.0} us, p99 {:.0} us", micros(p50), micros(p99));
    let worker = micros(worker_cpu() - before) / rounds as f64;
    println!("{size} correction(s), n = {rounds}, load average {}", load());
    println!("  CPU of the workers: {worker:.0} us");
    println!("  from tick release to output: {}", both(ticks.percentile(0.5), ticks.percentile(0.99)));
    println!(
        "  from push to follower, durability on: {}",
        both(percentile(&mut times, 0.5), percentile(&mut times, 0.99))
    );
}
