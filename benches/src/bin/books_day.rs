//! A day of 100,000 transactions from files to the series of portfolios, by the program as a whole process.
//!
//! `books_day [portfolios] [instruments] [bought] [days] [rounds] [folder]`: with a folder, the files stay there, for the
//! peers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use benches::books::Size;
use benches::books_day::{Values, prepare};
use benches::measure::{argument, load};
use benches::process::{Used, run};

fn main() {
    let size = Size::asked(Size { portfolios: 1000, instruments: 1000, held: 100, days: 252 });
    let rounds = argument(5, 3);
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args().nth(6).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let expected = prepare(&folder, &size);
    println!("a day of {} transactions, {size:?}, load average {}", size.portfolios * size.held, load());
    for workers in ["1", "2"] {
        let used: Vec<Used> = (0..rounds).map(|_| round(&folder, &size, workers)).collect();
        let Used { wall_seconds, cpu_seconds, peak_mb } = Used::medians(&used);
        println!(
            "{workers} workers, medians of {rounds}: {wall_seconds:.3} s wall, {cpu_seconds:.3} s CPU, peak {peak_mb:.0} MB, load average {}",
            load()
        );
    }
    let days = check(&folder, &expected);
    println!("portfolio_timeseries: {days} rows, each worth what plain arithmetic says");
}

fn tieout() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("tieout")
}

/// Runs the binary that was built beside this one, with no past, until all views have all that the files say.
fn round(folder: &Path, size: &Size, workers: &str) -> Used {
    let _ = std::fs::remove_dir_all(folder.join("tieout-data"));
    let path = folder.to_str().unwrap();
    let (output, used) = run(&tieout(), &["run", path, "--until-complete", "--workers", workers]);
    for line in ["refused transactions: 0, positions without a value: 0", "dead letters: 0"] {
        assert!(output.contains(line), "`{line}` is not in what it prints:\n{output}");
    }
    let portfolios = output.lines().filter(|line| line.contains('P') && line.contains('%')).count();
    assert_eq!(portfolios as u64, size.portfolios, "portfolios in what it prints:\n{output}");
    used
}

/// Serves what the last run has left, and compares each day of each portfolio; gives how many there are.
fn check(folder: &Path, expected: &Values) -> usize {
    let found = served_timeseries(folder);
    let mut lines = found.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let [portfolio, date, value] =
        ["portfolio", "date", "closing_value"].map(|name| header.iter().position(|column| *column == name).unwrap());
    let mut days = 0;
    for cells in lines.map(|line| line.split(',').collect::<Vec<_>>()) {
        let expected = expected[&(cells[portfolio].to_owned(), cells[date].to_owned())] as f64 / 1e8;
        let found: f64 = cells[value].parse().unwrap();
        // Tieout rounds at other places, to eight decimals.
        assert!((found - expected).abs() < 1e-6, "{cells:?}, and not {expected}");
        days += 1;
    }
    assert_eq!(days, expected.len(), "days of portfolios");
    days
}

fn served_timeseries(folder: &Path) -> String {
    let serve = ["run", folder.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let mut server = Command::new(tieout()).args(serve).env("RUST_LOG", "warn").stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(server.stderr.take().unwrap()).lines();
    let address = told.find_map(|line| line.unwrap().strip_prefix("listening on ").map(str::to_owned)).unwrap();
    let (file, address) = (folder.join("timeseries.csv"), format!("grpc://{address}"));
    let export = ["export", "portfolio_timeseries", "--out", file.to_str().unwrap(), "--address", &address];
    let exported = Command::new(tieout()).args(export).status().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(exported.success(), "{exported}");
    std::fs::read_to_string(file).unwrap()
}
