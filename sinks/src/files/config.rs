//! How a file is written: what the configuration says, and what the name of the file tells.

use std::path::Path;

use engine::{EngineError, ErrorKind};
use serde::Deserialize;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated text with a header (`.csv`).
    Csv,
    /// Parquet (`.parquet`).
    Parquet,
    /// An Arrow IPC file (`.arrow`, `.ipc`, `.feather`).
    Arrow,
}

/// How a CSV file is compressed. Parquet is compressed inside.
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

impl ExportOptions {
    /// How the name of such a file ends, without the dot.
    pub(super) fn extension(&self) -> String {
        let format = match self.format.unwrap_or(Format::Csv) {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        };
        match self.compression {
            None => format.to_owned(),
            Some(Compression::Gzip) => format!("{format}.gz"),
            Some(Compression::Zstd) => format!("{format}.zst"),
        }
    }

    /// The format and the compression of a file at `path`.
    pub(super) fn resolve(&self, path: &Path) -> Result<(Format, Option<Compression>), EngineError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let (stem, told) = match name.rsplit_once('.') {
            Some((stem, "gz")) => (stem, Some(Compression::Gzip)),
            Some((stem, "zst")) => (stem, Some(Compression::Zstd)),
            _ => (name.as_str(), None),
        };
        let format = self.format.or_else(|| format_of(stem)).ok_or_else(|| {
            let what = format!("the name of {} does not tell its format", path.display());
            invalid(what, "end it in .csv, .csv.gz, .csv.zst, .parquet or .arrow, or give the format")
        })?;
        let compression = self.compression.or(told);
        if format != Format::Csv && compression.is_some() {
            let what = format!("{} cannot be compressed as a whole", path.display());
            return Err(invalid(what, "only CSV is; Parquet is compressed inside"));
        }
        Ok((format, compression))
    }
}

fn format_of(name: &str) -> Option<Format> {
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Format::Csv),
        "parquet" => Some(Format::Parquet),
        "arrow" | "ipc" | "feather" => Some(Format::Arrow),
        _ => None,
    }
}

fn invalid(what: String, help: &str) -> EngineError {
    EngineError::new(ErrorKind::Invalid, what, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_format_and_compression_unless_they_are_given() {
        let plain = ExportOptions::default();
        for (name, expected) in [
            ("breaks.csv", (Format::Csv, None)),
            ("BREAKS.CSV.GZ", (Format::Csv, Some(Compression::Gzip))),
            ("a.b.csv.zst", (Format::Csv, Some(Compression::Zstd))),
            ("breaks.parquet", (Format::Parquet, None)),
            ("breaks.ipc", (Format::Arrow, None)),
        ] {
            assert_eq!(plain.resolve(Path::new(name)), Ok(expected), "{name}");
        }
        let csv = ExportOptions { format: Some(Format::Csv), compression: None };
        assert_eq!(csv.resolve(Path::new("breaks.gz")), Ok((Format::Csv, Some(Compression::Gzip))));
        assert_eq!(csv.resolve(Path::new("breaks.parquet")), Ok((Format::Csv, None)));
        for name in ["breaks", "breaks.txt", "breaks.gz", "breaks.parquet.gz", ""] {
            assert!(plain.resolve(Path::new(name)).is_err(), "{name}");
        }
    }
}
