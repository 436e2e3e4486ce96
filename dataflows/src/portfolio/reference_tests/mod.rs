//! Performance and risk against values that nobody here computed. Each file of reference data gives rows: a case, what is
//! expected, what comes out here, and how far apart they are. Where the data are not there the tests say so and pass.
//!
//! ```text
//! cargo test -p tieout-dataflows --lib portfolio::reference_tests -- --nocapture      # a line for each file
//! sh tests/expected-values.sh                                                         # and one for each value, of all tests
//! ```

use std::fmt;

use model::Date;
use serde::de::DeserializeOwned;

mod empyrical;
mod managers;
mod prices;
mod retail;
pub(crate) mod shape;
mod twr;
mod xirr;

/// A published value, and ours. `None` stands for what is not defined.
pub(crate) struct Row {
    case: String,
    expected: Option<f64>,
    ours: Option<f64>,
    tolerance: f64,
}

impl Row {
    fn new(case: impl Into<String>, expected: Option<f64>, ours: Option<f64>, tolerance: f64) -> Row {
        Row { case: case.into(), expected, ours, tolerance }
    }

    /// How far apart they are: nothing if both are the same infinite value or not defined, infinite if one only is.
    fn difference(&self) -> f64 {
        match (self.expected, self.ours) {
            (None, None) => 0.0,
            (Some(expected), Some(ours)) if expected == ours => 0.0,
            (Some(expected), Some(ours)) if !(expected - ours).is_nan() => (expected - ours).abs(),
            _ => f64::INFINITY,
        }
    }

    fn agrees(&self) -> bool {
        self.difference() <= self.tolerance
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { case, expected, ours, .. } = self;
        let shown = |value: &Option<f64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        write!(f, "{case} | {} | {} | {:.1e}", shown(expected), shown(ours), self.difference())
    }
}

/// Prints how well a file comes out, and every row with `TIEOUT_ROWS`. Fails if a row does not agree, or if there are not
/// as many as there have to be.
fn check(file: &str, rows: &[Row], count: usize) {
    if std::env::var_os("TIEOUT_ROWS").is_some() {
        rows.iter().for_each(|row| println!("{file} | {row}"));
    }
    let apart: Vec<String> = rows.iter().filter(|row| !row.agrees()).map(Row::to_string).collect();
    // Of the tolerance, so that rows with different ones can be compared.
    let worst = rows.iter().map(|row| row.difference() / row.tolerance).fold(0.0, f64::max);
    println!(
        "{file}: {} of {} agree; the worst uses {worst:.3e} of its tolerance",
        rows.len() - apart.len(),
        rows.len()
    );
    assert!(apart.is_empty(), "{file}\n{}", apart.join("\n"));
    assert_eq!(rows.len(), count, "{file}: how many values are compared");
}

/// A JSON file under the folder of portfolios; `None` where it is not there.
fn read<T: DeserializeOwned>(file: &str) -> Option<T> {
    let path = crate::reference::path(&format!("portfolio/{file}"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// The rows of a CSV file under the folder of portfolios, its heading first.
fn read_csv(file: &str) -> Option<Vec<Vec<String>>> {
    let path = crate::reference::path(&format!("portfolio/{file}"))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    Some(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
}

/// The date that a text begins with.
fn date(text: &str) -> Date {
    Date::parse(&text[..10], "%Y-%m-%d").unwrap()
}

/// A decimal as an integer, with all decimals that any reference file has.
fn amount(text: &str) -> i128 {
    const SCALE: usize = 18;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(decimals.len() <= SCALE, "{text}");
    sign * format!("{whole}{decimals:0<SCALE$}").parse::<i128>().unwrap()
}
