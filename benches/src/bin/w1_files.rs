//! W1 from Parquet files to the closed tick, as a whole process: what a user waits for, and what it takes.
//!
//! `w1_files [trades] [rounds] [folder]`: with a folder, the files stay there, for the peers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use benches::measure::{argument, load, median};
use benches::parquet_files::{LAYOUT, write};
use benches::process::{Used, run};
use benches::w1::{RULES, expected_breaks};

fn main() {
    let (trades, rounds) = (argument(1, 1_000_000), argument(2, 5));
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::args().nth(3).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    write(&folder, trades);
    configure(&folder);
    let expected = expected_breaks(trades);
    let lines: String = expected.iter().map(|(kind, count)| format!("{kind} {count}\n")).collect();
    std::fs::write(folder.join("expected.txt"), lines).unwrap();
    println!("W1 {trades} + {trades} trades from Parquet, load average {}", load());
    let used: Vec<Used> = (0..rounds).map(|_| round(&folder, &expected)).collect();
    let middle = |of: fn(&Used) -> f64| median(&mut used.iter().map(of).collect::<Vec<_>>());
    let (wall, cpu) = (middle(|used| used.wall_seconds), middle(|used| used.cpu_seconds));
    println!(
        "from files to the closed tick, medians of {rounds}: {wall:.3} s wall, {cpu:.3} s CPU, {:.3} us CPU a row, peak {:.0} MB, load average {}",
        cpu * 1e6 / (2.0 * trades as f64),
        middle(|used| used.peak_mb),
        load()
    );
}

fn configure(folder: &Path) {
    let source = |name: &str| format!("[source.{name}]\nkind = \"files\"\npath = \"{name}.parquet\"{LAYOUT}");
    let text = format!("{}{}{RULES}", source("internal"), source("broker"));
    std::fs::write(folder.join("tieout.toml"), text).unwrap();
}

/// Runs the binary that was built beside this one, with no past.
fn round(folder: &Path, expected: &BTreeMap<String, i64>) -> Used {
    let _ = std::fs::remove_dir_all(folder.join("tieout-data"));
    let binary = std::env::current_exe().unwrap().with_file_name("tieout");
    let (output, used) = run(&binary, &["run", folder.to_str().unwrap(), "--until-complete"]);
    assert_eq!(&breaks(&output, expected), expected, "the breaks that it prints:\n{output}");
    used
}

/// The counts by type in the printed summary.
fn breaks(output: &str, expected: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let row = |line: &str| {
        let words: Vec<&str> =
            line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
        let [kind, count] = words[..] else { return None };
        Some((kind.to_owned(), count.parse().ok()?))
    };
    output.lines().filter_map(row).filter(|(kind, _)| expected.contains_key(kind)).collect()
}
