//! How a file is written.

use serde::Deserialize;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated text with a header.
    Csv,
    /// Parquet.
    Parquet,
    /// An Arrow IPC file.
    Arrow,
}

/// How a CSV file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// gzip (`.gz`).
    Gzip,
    /// Zstandard (`.zst`).
    Zstd,
}

/// How a file is written; what is not given is told by the name of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportOptions {
    /// The format.
    #[serde(default)]
    pub format: Option<Format>,
    /// How a CSV file is compressed.
    #[serde(default)]
    pub compression: Option<Compression>,
}
