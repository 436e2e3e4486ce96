//! What goes out: one folder a sink.
//!
//! ```text
//!                     ┌─ flight/  views over Arrow Flight: whole, or followed tick by tick; pushes; metrics and health
//!  engine::Reader ────┤
//!                     └─ files/   a view as of a tick, as a CSV, Parquet or Arrow file that is whole or not there
//! ```
//! Every sink satisfies the specification in `sinks/README.md`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod files;
pub mod flight;
#[cfg(test)]
mod toy;

pub use files::{ExportOptions, Exported, export};
pub use flight::client;
pub use flight::{FlightConfig, LISTEN_DEFAULT, Ticket, bind, serve};
