//! A whole process, measured from outside.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::measure::median;

/// What a process used.
pub struct Used {
    /// From its start to its end.
    pub wall_seconds: f64,
    /// User and system time of all its threads.
    pub cpu_seconds: f64,
    /// Its largest resident size.
    pub peak_mb: f64,
}

impl Used {
    /// The median of each figure by itself.
    pub fn medians(rounds: &[Used]) -> Used {
        let middle = |of: fn(&Used) -> f64| median(&mut rounds.iter().map(of).collect::<Vec<_>>());
        Used {
            wall_seconds: middle(|used| used.wall_seconds),
            cpu_seconds: middle(|used| used.cpu_seconds),
            peak_mb: middle(|used| used.peak_mb),
        }
    }
}

/// Runs a program to its end; gives its standard output and what it used, as GNU time tells.
pub fn run(program: &Path, arguments: &[&str]) -> (String, Used) {
    let told = tempfile::NamedTempFile::new().unwrap();
    let begun = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["--format", "%U %S %M", "--output", told.path().to_str().unwrap()])
        .arg(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .expect("GNU time is needed: apt-get install time");
    let wall_seconds = begun.elapsed().as_secs_f64();
    let told = std::fs::read_to_string(told.path()).unwrap();
    // An exit code other than 0 is told in a line of its own before.
    let numbers: Vec<f64> =
        told.lines().last().unwrap_or_default().split(' ').map(|text| text.parse().unwrap()).collect();
    let used = Used { wall_seconds, cpu_seconds: numbers[0] + numbers[1], peak_mb: numbers[2] / 1024.0 };
    (String::from_utf8(output.stdout).unwrap(), used)
}
