//! 5,000 persons against 5,000 with typing errors: by the scoring alone, and by the tier of a dataflow.
//!
//! `names [persons] [rounds]`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use benches::engines::{Fixed, Made, breaks_by_type, follower, graphs, loaded, payload, push_and_see};
use benches::measure::{TickDurations, argument, cpu, load, micros, peak_mb, percentile};
use benches::persons::{ATTRIBUTES, MODEL, record};
use dataflows::reconciliation::scoring::{Model, Prepared, Scorer, TradeFields, match_lists};
use engine::SourceSpec;
use model::{Dictionary, Record, Trade};
use operators::blocks::Side;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RULES: &str = r#"
[reconciliation.persons]
sides = ["left", "right"]
compare = ["attribute_0"]
[[reconciliation.persons.tier]]
kind = "scored"
model = "persons.toml"
"#;

fn main() {
    let (persons, rounds) = (argument(1, 5000), argument(2, 5));
    println!("{persons} x {persons} persons, load average {}", load());
    scoring(persons, rounds);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(tier(persons, rounds));
    println!("peak {} MB, load average {}", peak_mb(), load());
}

fn middle(mut times: Vec<Duration>) -> f64 {
    micros(percentile(&mut times, 0.5)) / 1000.0
}

/// Preparing both lists, and matching them.
fn scoring(persons: u64, rounds: u64) {
    let (dictionary, scorer) = (Dictionary::default(), Scorer::new(Model::from_toml(MODEL).unwrap()).unwrap());
    let lists: [Vec<Record>; 2] = [0, 1].map(|side| (0..persons).map(|number| record(side, number)).collect());
    let prepare = |list: usize, side| -> Vec<Prepared> {
        let trades =
            lists[list].iter().filter_map(|record| if let Record::Trade(trade) = record { Some(trade) } else { None });
        let fields = |trade| TradeFields { trade, dictionary: &dictionary };
        trades.map(|trade: &Trade| Prepared::new(&scorer, trade.id, &fields(trade), side)).collect()
    };
    let (mut preparing, mut matching) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let begun = Instant::now();
        let (left, right) = (prepare(0, Side::Left), prepare(1, Side::Right));
        preparing.push(begun.elapsed());
        let begun = Instant::now();
        let matched = match_lists(&scorer, &left, &right);
        matching.push(begun.elapsed());
        let correct = matched.chosen.iter().filter(|pair| pair.left == pair.right).count();
        if round == 0 {
            println!(
                "scoring: {} pairs scored, {} chosen, {correct} correct, {} keys capped",
                matched.pairs,
                matched.chosen.len(),
                matched.capped.len()
            );
        }
    }
    println!(
        "scoring, medians of {rounds}: preparing {:.1} ms, matching {:.1} ms",
        middle(preparing),
        middle(matching)
    );
}

/// From the release of the tick that holds both lists until it is closed.
async fn tier(persons: u64, rounds: u64) {
    let mut times = Vec::new();
    let cpu_before = cpu();
    for _ in 0..rounds {
        let folder = tempfile::tempdir().unwrap();
        let dictionary = Dictionary::default();
        let graphs = graphs(&format!("{ATTRIBUTES}{RULES}"), &["left", "right", "model", "pushed"], &dictionary, MODEL);
        let models = graphs.models().iter().cloned().map(Record::Model).collect();
        let both = |numbers: &[u64]| {
            [0, 1].into_iter().flat_map(|side| (0..numbers[0]).map(move |number| record(side, number))).collect()
        };
        let sources =
            vec![SourceSpec::pull(Fixed { name: "model", records: models }), SourceSpec::push("pushed", Made(both))];
        let engine = loaded(folder.path(), 1, graphs, sources, &dictionary).await;
        let mut following = follower(&engine, "break_summary").await;
        let ticks = TickDurations::of(&engine);
        push_and_see(&engine, &mut following, "pushed", "both", payload(&[persons])).await;
        times.push(ticks.total());
        let breaks = breaks_by_type(&engine).await;
        let missing: i64 = ["missing_left", "missing_right"].iter().filter_map(|kind| breaks.get(*kind)).sum();
        assert!(missing < persons as i64 / 10, "{breaks:?}");
        engine.shutdown();
    }
    println!(
        "dataflow, median of {rounds}: {:.1} ms from tick release to closed; {:.1} ms of CPU a round in all",
        middle(times),
        micros(cpu() - cpu_before) / 1000.0 / rounds as f64
    );
}
