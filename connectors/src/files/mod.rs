//! Files: CSV, JSON lines and Parquet, plain or compressed, once or as they are dropped into a folder.

mod config;
mod source;

pub use config::{CsvConfig, FilesConfig, Format};
pub use source::FilesSource;
