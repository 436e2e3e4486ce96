//! W1 from Parquet files to the closed tick, as a whole process: what a user waits for, and what it takes.
//!
//! `w1_files [trades] [rounds] [folder]`: with a folder, the files stay there, for the peers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use benches::measure::{argument, load};
use benches::process::Used;
use benches::w1_whole::{prepare, round};

fn main() {
    let (trades, rounds) = (argument(1, 1_000_000), argument(2, 5));
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args().nth(3).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let expected = prepare(&folder, trades);
    println!("W1 {trades} + {trades} trades from Parquet, load average {}", load());
    let used: Vec<Used> = (0..rounds).map(|_| round(&folder, &expected, "run", &[])).collect();
    let Used { wall_seconds, cpu_seconds, peak_mb } = Used::medians(&used);
    println!(
        "from files to the closed tick, medians of {rounds}: {wall_seconds:.3} s wall, {cpu_seconds:.3} s CPU, {:.3} us CPU a row, peak {peak_mb:.0} MB, load average {}",
        cpu_seconds * 1e6 / (2.0 * trades as f64),
        load()
    );
}
