//! A hot block: 100,000 trades a side that share their blocking key, among normal ones. Memory stays bounded, the block is
//! reported, and the others are matched as fast as before.
//!
//! `hot_block [hot trades a side] [normal trades a side]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;

use benches::engines::{Fixed, Made, breaks_by_type, follower, graphs, loaded, payload, push_and_see};
use benches::measure::{TickDurations, argument, load, micros, peak_mb, percentile, resident_mb};
use benches::w1::decimal;
use engine::{Engine, SourceSpec, Subscription};
use model::{Dictionary, Quantity, Record, SourceId, Symbol, Trade};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RULES: &str = r#"
[reconciliation.hot]
sides = ["left", "right"]
compare = ["quantity"]
[[reconciliation.hot.tier]]
kind = "scored"
model = "hot.toml"
side_max = 512
"#;

const LATE: u64 = 1000;
const BATCH: u64 = 10_000;

fn trade(side: u64, id: u64, instrument: Symbol, quantity: u64) -> Record {
    let (source, quantity) = (SourceId(side as u8), Quantity::from_scaled(quantity as i64 * 1_000_000));
    Record::Trade(Trade { source, id: decimal(id * 2 + side), instrument, quantity, ..Trade::default() })
}

/// Four normal trades share an instrument.
fn normal(side: u64, number: u64) -> Record {
    trade(side, number, decimal(number / 4), 1 + number)
}

fn hot(side: u64, number: u64) -> Record {
    trade(side, 1_000_000_000 + number, Symbol::of("hot"), 1 + number)
}

/// Side, first number, how many, and whether they are hot.
fn made(numbers: &[u64]) -> Vec<Record> {
    let (side, first, count, is_hot) = (numbers[0], numbers[1], numbers[2], numbers[3] == 1);
    (first..first + count).map(|number| if is_hot { hot(side, number) } else { normal(side, number) }).collect()
}

fn main() {
    let (hot, normal) = (argument(1, 100_000), argument(2, 10_000));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(run(hot, normal));
}

async fn run(hot: u64, normals: u64) {
    let folder = tempfile::tempdir().unwrap();
    let dictionary = Dictionary::default();
    let graphs = graphs(RULES, &["left", "right", "start", "pushed"], &dictionary, include_str!("../hot.toml"));
    let models = graphs.models().iter().cloned().map(Record::Model);
    // The last of the normal trades of the right side come late: half of them before the block is hot, half after.
    let sides =
        (0..normals).map(|number| normal(0, number)).chain((0..normals - 2 * LATE).map(|number| normal(1, number)));
    let start = Fixed { name: "start", records: models.chain(sides).collect() };
    let engine = loaded(
        folder.path(),
        1,
        graphs,
        vec![SourceSpec::pull(start), SourceSpec::push("pushed", Made(made))],
        &dictionary,
    )
    .await;
    println!("{normals} normal trades a side, load average {}; resident {} MB", load(), resident_mb());
    late(&engine, normals - 2 * LATE, "before").await;

    let begun = Instant::now();
    let mut following = follower(&engine, "break_summary").await;
    for side in 0..2 {
        for first in (0..hot).step_by(BATCH as usize) {
            push(&engine, &mut following, [side, first, BATCH.min(hot - first), 1]).await;
        }
    }
    drop(following);
    println!(
        "{hot} hot trades a side loaded in {:.2} s; resident {} MB, peak {} MB",
        begun.elapsed().as_secs_f64(),
        resident_mb(),
        peak_mb()
    );
    let breaks = breaks_by_type(&engine).await;
    println!("breaks: {breaks:?}");
    assert_eq!(breaks.get("block_capped"), Some(&1));
    late(&engine, normals - LATE, "after").await;

    let ticks = TickDurations::of(&engine);
    let mut following = follower(&engine, "break_summary").await;
    for place in 0..LATE / 10 {
        push(&engine, &mut following, [1, hot + place, 1, 1]).await;
    }
    println!("one more hot trade, from tick release to output: {:.0} us p50", micros(ticks.percentile(0.5)));
    println!("peak {} MB, load average {}", peak_mb(), load());
    engine.shutdown();
}

async fn push(engine: &Engine, following: &mut Subscription, numbers: [u64; 4]) -> std::time::Duration {
    let id = format!("{numbers:?}");
    push_and_see(engine, following, "pushed", &id, payload(&numbers)).await
}

/// Late counterparts of normal trades, one at a time.
async fn late(engine: &Engine, first: u64, when: &str) {
    let mut following = follower(engine, "matches").await;
    let ticks = TickDurations::of(engine);
    let mut times = Vec::new();
    for place in 0..LATE {
        times.push(push(engine, &mut following, [1, first + place, 1, 0]).await);
    }
    println!(
        "a late normal trade {when} the block is hot: tick release to output p50 {:.0} us, p99 {:.0} us; push to follower p50 {:.0} us, p99 {:.0} us; load average {}",
        micros(ticks.percentile(0.5)),
        micros(ticks.percentile(0.99)),
        micros(percentile(&mut times, 0.5)),
        micros(percentile(&mut times, 0.99)),
        load()
    );
}
