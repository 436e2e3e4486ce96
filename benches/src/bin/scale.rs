//! W1 from Parquet files to the closed tick with more workers, and with more processes, all on this machine.
//!
//! `scale [trades] [rounds]`. The time of a cluster includes what its processes take to find each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpListener;
use std::path::Path;

use benches::measure::{argument, load, median};
use benches::process::Used;
use benches::w1_whole::{prepare, round};

/// Processes, and workers in each.
const SHAPES: [(usize, usize); 5] = [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2)];

fn main() {
    let (trades, rounds) = (argument(1, 1_000_000), argument(2, 5));
    let folder = tempfile::tempdir().unwrap();
    let expected = prepare(folder.path(), trades);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("W1 {trades} + {trades} trades from Parquet, {cores} cores, load average {}", load());
    for (processes, workers) in SHAPES {
        let workers = workers.to_string();
        let used: Vec<Used> = (0..rounds)
            .map(|_| {
                if processes == 1 {
                    return round(folder.path(), &expected, "run", &["--workers", &workers]);
                }
                let hosts = choose_hosts(folder.path(), processes);
                round(folder.path(), &expected, "cluster", &["--workers", &workers, "--hosts", &hosts])
            })
            .collect();
        let middle = |of: fn(&Used) -> f64| median(&mut used.iter().map(of).collect::<Vec<_>>());
        println!(
            "{processes} x {workers} workers, medians of {rounds}: {:.3} s wall, {:.3} s CPU, peak of the largest process {:.0} MB, load average {}",
            middle(|used| used.wall_seconds),
            middle(|used| used.cpu_seconds),
            middle(|used| used.peak_mb),
            load()
        );
    }
}

/// Writes a file of free addresses; gives its path.
fn choose_hosts(folder: &Path, processes: usize) -> String {
    let taken: Vec<TcpListener> = (0..processes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let hosts: String = taken.iter().map(|listener| format!("{}\n", listener.local_addr().unwrap())).collect();
    let path = folder.join("hosts");
    std::fs::write(&path, hosts).unwrap();
    path.to_str().unwrap().to_owned()
}
