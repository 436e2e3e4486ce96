//! W1 from Parquet files to the closed tick with more workers, and with more processes, all on this machine.
//!
//! `scale [trades] [rounds]`. The time of a cluster includes what its processes take to find each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpListener;
use std::path::Path;

use benches::measure::{argument, load};
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
        let Used { wall_seconds, cpu_seconds, peak_mb } = Used::medians(&used);
        println!(
            "{processes} x {workers} workers, medians of {rounds}: {wall_seconds:.3} s wall, {cpu_seconds:.3} s CPU, peak of the largest process {peak_mb:.0} MB, load average {}",
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
