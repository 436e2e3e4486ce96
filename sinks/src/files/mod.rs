//! Files: any view as of a tick, as CSV, Parquet or Arrow.
//!
//! Guarantees: a file appears whole or not at all (it is written under another name, made durable and renamed), and
//! replaces what was there in one step. It holds one tick: in Parquet and Arrow the metadata `tieout.view`, `tieout.tick`
//! and `tieout.version` say which. The same rows give the same bytes. Limits: the view's rows are held in memory while they
//! are written; a snapshot, not the changes.
//!
//! A sink writes a view from time to time, as of each multiple of `every_seconds` of engine time, and each of these files
//! once: `<name of the sink>-<tick>.csv`. A restart goes on behind the latest file that is there, and writes what was due
//! meanwhile, as long as the engine remembers it.
//!
//! ```toml
//! [sink.hourly]
//! kind = "files"
//! view = "breaks"
//! folder = "out"
//! every_seconds = 3600
//! format = "csv"          # csv, parquet or arrow; told by the name of the file if not given
//! compression = "zstd"    # gzip or zstd, of CSV only
//! ```

mod config;
mod draft;
mod encode;
mod periodic;
#[cfg(test)]
mod periodic_tests;
mod sink;
#[cfg(test)]
mod tests;

pub use config::{Compression, ExportOptions, Format};
pub use periodic::FilesSinkConfig;
pub use sink::{Exported, export, write_file, write_snapshot};
