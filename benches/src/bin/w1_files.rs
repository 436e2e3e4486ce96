//! W1 from Parquet files to the closed tick, as a whole process: what a user waits for, and what it takes.
//!
//! `w1_files [trades] [rounds] [folder]`: with a folder, the files stay there, for the peers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use benches::measure::{argument, load, median};
use benches::process::Used;
use benches::w1_whole::{prepare, round};

fn main() {
    let (trades, rounds) = (argument(1, 1_000_000), argument(2, 5));
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args().nth(3).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let expected = prepare(&folder, trades);
    println!("W1 {trades} + {trades} trades from Parquet, load average {}", load());
    let used: Vec<Used> = (0..rounds).map(|_| round(&folder, &expected, "run", &[])).collect();
    let middle = |of: fn(&Used) -> f64| median(&mut used.iter().map(of).collect::<Vec<_>>());
    let (wall, cpu) = (middle(|used| used.wall_seconds), middle(|used| used.cpu_seconds));
    println!(
        "from files to the closed tick, medians of {rounds}: {wall:.3} s wall, {cpu:.3} s CPU, {:.3} us CPU a row, peak {:.0} MB, load average {}",
        cpu * 1e6 / (2.0 * trades as f64),
        middle(|used| used.peak_mb),
        load()
    );
}
