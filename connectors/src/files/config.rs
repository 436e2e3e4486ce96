//! The configuration of a source of files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use encoding_rs::Encoding;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::framing::Dialect;
use crate::ConfigError;
use crate::layout::{ColumnName, Layout, LayoutConfig, Scope, refuse_unknown};

/// The table `[source.<name>]` with `kind = "files"`.
#[derive(Clone, Debug, Deserialize)]
pub struct FilesConfig {
    /// A file, a glob or a folder.
    pub path: String,
    /// Whether to go on watching for new files.
    #[serde(default)]
    pub follow: bool,
    /// Whether what is there is read once, although it goes on watching: then there may be no file yet, and one that is still
    /// being written is left for later.
    #[serde(skip)]
    pub once: bool,
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

/// What the configuration of files adds to that of layouts.
const SETTINGS: &[&str] = &["kind", "path", "follow", "poll_interval_ms", "format", "csv"];

/// How the files of a source are read: checked, and cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct FileLayout {
    /// The path of the source's configuration.
    pub(crate) key: Arc<str>,
    pub(crate) layout: Layout,
    /// `None`: the content tells.
    pub(crate) format: Option<Format>,
    pub(crate) dialect: Dialect,
    pub(crate) encoding: &'static Encoding,
    pub(crate) header: bool,
    pub(crate) skip_lines: u64,
}

impl FileLayout {
    pub(crate) fn new(config: &FilesConfig, scope: &Scope<'_>) -> Result<FileLayout, ConfigError> {
        let key = scope.key();
        refuse_unknown(&key, &config.unknown, SETTINGS)?;
        let extension = Extension::of(&config.path);
        let layout = FileLayout {
            layout: Layout::new(&config.layout, scope)?,
            format: config.format.or(extension.map(Extension::format)),
            dialect: dialect(&key, &config.csv, extension)?,
            encoding: encoding(&key, &config.csv.encoding)?,
            header: config.csv.header,
            skip_lines: config.csv.skip_lines,
            key: Arc::from(key),
        };
        layout.check_column_names()?;
        Ok(layout)
    }

    /// Columns can only be named where names are, and numbered where they come in an order.
    fn check_column_names(&self) -> Result<(), ConfigError> {
        let names = self.layout.column_names();
        let named = names.iter().find(|name| matches!(name, ColumnName::Name(_)));
        let numbered = names.iter().find(|name| matches!(name, ColumnName::Number(_)));
        let key = format!("{}.columns", self.key);
        match (self.format, named, numbered) {
            (Some(Format::Jsonl), _, Some(number)) => {
                let what = format!("the members of JSON objects have names, not numbers such as {number}");
                Err(ConfigError::new(key, what, "write the name of the member"))
            }
            (Some(Format::Csv), Some(name), _) if !self.header => {
                let what = format!("there is no header that could name column `{name}`");
                Err(ConfigError::new(key, what, "write the number of the column, from 0, or set csv.header to true"))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn dialect(key: &str, csv: &CsvConfig, extension: Option<Extension>) -> Result<Dialect, ConfigError> {
    let default = if extension == Some(Extension::Tsv) { "\t" } else { "," };
    let delimiter = csv.delimiter.as_deref().unwrap_or(default);
    let dialect = Dialect {
        delimiter: character(key, "delimiter", delimiter)?,
        quote: character(key, "quote", &csv.quote)?,
        comment: character(key, "comment", csv.comment.as_deref().unwrap_or_default())?,
        trim: csv.trim,
    };
    if dialect.delimiter.is_none() {
        return Err(ConfigError::new(format!("{key}.csv.delimiter"), "is empty", "write one character, such as \";\""));
    }
    if dialect.delimiter == dialect.quote {
        let what = "the delimiter and the quote are the same character";
        return Err(ConfigError::new(format!("{key}.csv.quote"), what, "use another, or \"\" for none"));
    }
    Ok(dialect)
}

fn character(key: &str, setting: &str, text: &str) -> Result<Option<u8>, ConfigError> {
    match text.as_bytes() {
        [] => Ok(None),
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => Ok(Some(*byte)),
        _ => {
            let what = format!("{text:?} is not one ASCII character");
            Err(ConfigError::new(format!("{key}.csv.{setting}"), what, "such as \",\", \";\" or \"\\t\""))
        }
    }
}

pub(crate) fn encoding(key: &str, label: &str) -> Result<&'static Encoding, ConfigError> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        let known =
            ["utf-8", "utf-16", "utf-16be", "windows-1252", "latin1", "windows-1251", "shift_jis", "gbk", "big5"];
        ConfigError::unknown(format!("{key}.csv.encoding"), "encoding", label, known)
    })
}

/// What the end of a path says about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    Csv,
    Tsv,
    Jsonl,
    Parquet,
}

impl Extension {
    /// Looks behind the extension of a compressed file.
    fn of(path: &str) -> Option<Extension> {
        let path = Path::new(path);
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "gz" | "zst" => Extension::of(path.file_stem()?.to_str()?),
            "csv" => Some(Extension::Csv),
            "tsv" => Some(Extension::Tsv),
            "jsonl" | "ndjson" | "json" => Some(Extension::Jsonl),
            "parquet" => Some(Extension::Parquet),
            _ => None,
        }
    }

    fn format(self) -> Format {
        match self {
            Extension::Csv | Extension::Tsv => Format::Csv,
            Extension::Jsonl => Format::Jsonl,
            Extension::Parquet => Format::Parquet,
        }
    }
}
