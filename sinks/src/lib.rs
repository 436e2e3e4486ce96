//! What goes out: one folder a sink.
//!
//! ```text
//!                     ┌─ flight/  views over Arrow Flight: whole, or followed tick by tick; pushes; metrics and health
//!  engine::Reader ────┤
//!                     └─ files/   a view as of a tick, as a CSV, Parquet or Arrow file that is whole or not there
//!
//!  access/  who may do what      tls/  how the port is encrypted
//! ```
//! Every sink satisfies the specification in `sinks/README.md`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod files;
pub mod flight;
mod reloaded;
mod setting;
pub mod tls;
#[cfg(test)]
mod toy;

pub use access::{Access, AccessConfig};
pub use files::{ExportOptions, Exported, export};
pub use flight::client;
pub use flight::{FlightConfig, LISTEN_DEFAULT, Listening, Security, Ticket, bind, serve};
pub use setting::SettingError;
pub use tls::{Tls, TlsConfig};
