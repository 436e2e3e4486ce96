//! W1 by the program as a whole process, from Parquet files to the closed tick.

use std::collections::BTreeMap;
use std::path::Path;

use crate::parquet_files::{LAYOUT, write};
use crate::process::{Used, run};
use crate::w1::{RULES, expected_breaks};

/// Writes the files of both sides, the configuration, and what must come of them, into a folder; gives how many breaks of
/// each type there must be.
pub fn prepare(folder: &Path, trades: u64) -> BTreeMap<String, i64> {
    std::fs::create_dir_all(folder).unwrap();
    write(folder, trades);
    configure(folder);
    let expected = expected_breaks(trades);
    let lines: String = expected.iter().map(|(kind, count)| format!("{kind} {count}\n")).collect();
    std::fs::write(folder.join("expected.txt"), lines).unwrap();
    expected
}

fn configure(folder: &Path) {
    let source = |name: &str| format!("[source.{name}]\nkind = \"files\"\npath = \"{name}.parquet\"{LAYOUT}");
    let text = format!("{}{}{RULES}", source("internal"), source("broker"));
    std::fs::write(folder.join("tieout.toml"), text).unwrap();
}

/// Runs the binary that was built beside this one, with no past: its subcommand `run` or `cluster`, with these options.
pub fn round(folder: &Path, expected: &BTreeMap<String, i64>, command: &str, options: &[&str]) -> Used {
    let _ = std::fs::remove_dir_all(folder.join("tieout-data"));
    let binary = std::env::current_exe().unwrap().with_file_name("tieout");
    let (output, used) = run(&binary, &[&[command, folder.to_str().unwrap(), "--until-complete"], options].concat());
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
