//! A report as JSON, as a folder of CSV files, or as a workbook.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use engine::{EngineError, ErrorKind, NoTexts, Rows, Tick, ViewSpec};
use model::Date;
use sinks::files::write_file;
use sinks::json::{members, quoted};

use super::workbook::workbook;
use crate::output;
use crate::process::Failure;
use crate::query::moment_of;

/// A report, ready to be written.
pub(super) struct Written {
    /// Of which portfolio.
    pub(super) portfolio: String,
    /// At which tick.
    pub(super) tick: Tick,
    /// As of which day.
    pub(super) valuation_date: Date,
    /// Its parts.
    pub(super) sections: Vec<Part>,
}

/// A section, as a view.
pub(super) struct Part {
    /// Its name, what it is about, and its columns.
    pub(super) spec: ViewSpec,
    /// Its rows, each of them once.
    pub(super) rows: Rows,
    /// Whether it always has one row.
    pub(super) is_one_row: bool,
}

impl Written {
    /// One object. Numbers have all their digits.
    pub(super) fn json(&self) -> String {
        let mut json = format!(
            "{{\"portfolio\":{},\"tick\":{},\"as_of\":{},\"valuation_date\":{},\"sections\":[",
            quoted(&self.portfolio),
            self.tick,
            quoted(&moment_of(self.tick).to_string()),
            quoted(&self.valuation_date.to_string()),
        );
        for (index, Part { spec, rows, .. }) in self.sections.iter().enumerate() {
            let separator = if index == 0 { "\n" } else { ",\n" };
            // Writing into a text does not fail.
            let _ = write!(
                json,
                "{separator}{{\"name\":{},\"about\":{},\"rows\":[",
                quoted(&spec.name),
                quoted(&spec.about)
            );
            for (index, (row, _)) in rows.iter().enumerate() {
                let separator = if index == 0 { "\n" } else { ",\n" };
                let _ = write!(json, "{separator}{{{}}}", members(spec, row, &NoTexts));
            }
            json.push_str("]}");
        }
        json.push_str("\n]}\n");
        json
    }

    /// A file of JSON.
    pub(super) fn write_json(&self, path: &Path) -> Result<(), Failure> {
        Ok(write_file(path, self.json().as_bytes()).map(drop)?)
    }

    /// A file for each section, in a folder that is made if it is not there.
    pub(super) fn write_csv(&self, folder: &Path) -> Result<(), Failure> {
        fs::create_dir_all(folder).map_err(|error| EngineError::io("make the folder", folder, &error))?;
        for Part { spec, rows, .. } in &self.sections {
            write_file(&folder.join(format!("{}.csv", spec.name)), &output::csv(spec, rows)?)?;
        }
        Ok(())
    }

    /// A workbook with a sheet for each section.
    pub(super) fn write_workbook(&self, path: &Path) -> Result<(), Failure> {
        let book = workbook(&self.sections, self.tick).map_err(|error| {
            failed(
                ErrorKind::Exhausted,
                format!("the report does not fit into a workbook: {error}"),
                "write json or csv",
            )
        })?;
        Ok(write_file(path, &book).map(drop)?)
    }
}

/// A report that could not be made.
pub(super) fn failed(kind: ErrorKind, what: String, help: &str) -> Failure {
    Failure::Failed(EngineError::new(kind, what, help))
}

#[cfg(test)]
mod tests {
    use engine::{Cell, Column, ColumnKind, Row};

    use super::*;

    fn written() -> Written {
        let columns = [("name", ColumnKind::Text), ("value", ColumnKind::Fixed(8)), ("date", ColumnKind::Date)];
        let columns = columns.map(|(name, kind)| Column::new(name, kind)).to_vec();
        let spec = ViewSpec { name: "holdings".into(), about: "What is held.".into(), columns, key: Vec::new() };
        let rows = vec![
            (Row::new([Cell::text("a, \"b\""), Cell::fixed(12_345_678_901_234_567_890_123), Cell::Date(20_000)]), 1),
            (Row::new([Cell::text("=1+1"), Cell::Null, Cell::Null]), 1),
        ];
        Written {
            portfolio: "P".into(),
            tick: 1_000_000,
            valuation_date: Date::from_days(20_000),
            sections: vec![
                Part { spec: spec.clone(), rows, is_one_row: false },
                Part { spec: ViewSpec { name: "risk".into(), ..spec }, rows: Vec::new(), is_one_row: false },
            ],
        }
    }

    #[test]
    fn json_has_every_digit_and_says_what_is_missing() {
        let json = written().json();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["as_of"], "1970-01-01T00:00:01Z");
        assert_eq!(value["valuation_date"], "2024-10-04");
        assert_eq!(value["sections"][0]["rows"][1], serde_json::json!({"name": "=1+1", "value": null, "date": null}));
        assert_eq!(value["sections"][1]["rows"], serde_json::json!([]));
        assert!(json.contains("\"value\":123456789012345.67890123"), "{json}");
    }

    #[test]
    fn csv_is_a_file_for_each_section() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/report");
        written().write_csv(&out).unwrap();
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(read("risk.csv"), "name,value,date\n");
        assert_eq!(
            read("holdings.csv"),
            "name,value,date\n\"a, \"\"b\"\"\",123456789012345.67890123,2024-10-04\n=1+1,,\n"
        );
    }
}
