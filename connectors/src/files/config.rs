//! The configuration of a source of files.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::layout::LayoutConfig;

/// The table `[source.<name>]` with `kind = "files"`.
#[derive(Clone, Debug, Deserialize)]
pub struct FilesConfig {
    /// A file, a glob or a folder.
    pub path: String,
    /// Whether to go on watching for new files.
    #[serde(default)]
    pub follow: bool,
    /// How often a watched folder is looked at.
    #[serde(default = "poll_interval_ms")]
    pub poll_interval_ms: u64,
    /// The format of the files; by default what the path's extension, or else the content, says.
    #[serde(default)]
    pub format: Option<Format>,
    /// How CSV is written.
    #[serde(default)]
    pub csv: CsvConfig,
    /// How rows become records.
    #[serde(flatten)]
    pub layout: LayoutConfig,
    /// Settings that do not exist: refused by name.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, IgnoredAny>,
}

fn poll_interval_ms() -> u64 {
    500
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Separated values.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// How CSV is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvConfig {
    /// What stands between fields; by default a comma, or a tab when the path ends in `.tsv`.
    pub delimiter: Option<String>,
    /// What a field stands in that holds delimiters or line ends; empty for none.
    pub quote: String,
    /// The encoding of the text, by its WHATWG name, such as `utf-8`, `utf-16`, `windows-1252`.
    pub encoding: String,
    /// Whether the first line names the columns.
    pub header: bool,
    /// How many lines come before the header.
    pub skip_lines: u64,
    /// What a line begins with that is not a record.
    pub comment: Option<String>,
    /// Whether blanks around a field are left out.
    pub trim: bool,
}

impl Default for CsvConfig {
    fn default() -> Self {
        CsvConfig {
            delimiter: None,
            quote: "\"".to_owned(),
            encoding: "utf-8".to_owned(),
            header: true,
            skip_lines: 0,
            comment: None,
            trim: true,
        }
    }
}
