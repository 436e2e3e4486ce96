//! Files: CSV, JSON lines and Parquet, plain or compressed, once or as they are dropped into a folder.
//!
//! ```text
//!  path ──listed──▶ file ──copied under the hash of its content──▶ kept copy ──decoded──▶ batches
//!  (file, glob,       │                                              ▲
//!   folder)          the same content is read once            replay: any record again
//! ```
//!
//! # Reads
//!
//! Separated values (any one-character delimiter, any WHATWG encoding), one JSON object a line, and Parquet. Text may be
//! compressed with gzip or Zstandard, which its content tells. The format is the one configured, or else that of the
//! path's extension (`.csv .tsv .jsonl .ndjson .json .parquet`, before `.gz` or `.zst`), or else what the content looks
//! like. A byte order mark tells the encoding whatever is configured.
//!
//! # Guarantees
//!
//! - A partition is one content, named by its BLAKE3 hash; an offset is the number of a record in it, from 0. Empty
//!   lines, comments and the header are no records.
//! - Content is kept, durably, before its first record is given. It is read from the kept copy ever after: the file may
//!   change or vanish.
//! - The same content is read once, under whatever name it comes back. What an interrupted run had not given is given.
//! - A record that cannot be used is refused with its line, its field and its bytes (after decompression and transcoding;
//!   of Parquet, its columns as JSON). A quote that is left open costs its own line, not the rest of the file. A file
//!   that is not what the configuration says (a missing column, the wrong delimiter, not Parquet) is one refusal, at
//!   offset 0. A compressed file that is cut off gives the records before the cut, then one refusal, on every reading.
//! - The records of a file are one tick; those of a one-shot source too.
//!
//! # Limits
//!
//! A record of text has at most 1 MiB, and a batch 8,192 records; nothing is held but these, and of Parquet the columns
//! that are used of one row group. A followed file is picked up when its size and time of change were the same at two
//! looks; one that is appended to is new content, and is read again whole: a later offset wins. A start reads what was
//! bound before again, without decoding it, to find where it ends: about 1.5 s a gigabyte of CSV, nothing for Parquet.
//!
//! # Example
//!
//! ```
//! # let configuration = r##"
//! [source.internal]
//! kind = "files"
//! path = "data/internal*.csv"           # a file, a glob or a folder
//! follow = true                         # go on watching: new files are picked up
//! poll_interval_ms = 500
//! format = "csv"                        # csv, jsonl or parquet; by default what the extension or the content says
//! csv = { delimiter = ";", quote = '"', encoding = "windows-1252", header = true, skip_lines = 0, comment = "#", trim = true }
//!
//! [source.internal.columns]             # and all else that `layout` says about records
//! id = "internal_trade_id"
//! quantity = "quantity"
//! # "##;
//! # #[derive(serde::Deserialize)]
//! # struct Configuration { source: std::collections::BTreeMap<String, connectors::SourceConfig> }
//! # let configuration: Configuration = toml::from_str(configuration).unwrap();
//! # let dictionary = model::Dictionary::new();
//! # let folder = std::path::Path::new("");
//! # let scope = connectors::Scope {
//! #     name: "internal", source: model::SourceId(0), attributes: &[], dictionary: &dictionary, folder,
//! # };
//! # configuration.source["internal"].source(&scope).unwrap();
//! ```

mod config;
mod decode;
mod framing;
mod input;
mod json;
mod listing;
mod parquet;
mod separated;
mod source;
#[cfg(test)]
mod tests;
mod text;

pub use config::{CsvConfig, FilesConfig, Format};
pub use source::FilesSource;

// Other connectors read the same lines.
pub(crate) use config::{dialect, encoding};
pub(crate) use framing::{Bounds, Dialect, RECORD_BYTES_MAX, split};
pub(crate) use json::Members;
pub(crate) use separated::{SeparatedRow, not_a_row, wrong_width};
