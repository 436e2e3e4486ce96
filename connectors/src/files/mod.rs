//! Files: CSV, JSON lines and Parquet, plain or compressed, once or as they are dropped into a folder.
//!
//! ```text
//!  path ──listed──▶ file ──copied under the hash of its content──▶ kept copy ──decoded──▶ batches
//!  (file, glob,       │                                              ▲
//!   folder)          the same content is read once            replay: any record again
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
