//! What comes in: one folder a source or format.
//!
//! ```text
//!  files/   CSV, JSON lines and Parquet files, once or as they are dropped into a folder ─┐
//!  flight/  batches pushed over Arrow Flight, as the engine's journal keeps them ─────────┤
//!                                                                                         ▼
//!  layout/  how a text or Arrow record becomes a `model::Record`, or a refusal ──▶ engine::Batch<Record>
//! ```
//! Every connector satisfies the specification in `connectors/README.md` and is run through the tests in `suite`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod error;
pub mod files;
pub mod flight;
pub mod generator;
pub mod layout;
#[cfg(test)]
mod suite;

use serde::Deserialize;

pub use error::ConfigError;
pub use files::{FilesConfig, FilesSource};
pub use flight::{FlightConfig, FlightSource};
pub use layout::Scope;

/// The configuration of one source: the table `[source.<name>]`, told apart by `kind`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceConfig {
    /// Files in a folder.
    Files(FilesConfig),
    /// Batches pushed over Arrow Flight.
    Flight(FlightConfig),
}
