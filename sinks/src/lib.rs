//! What goes out: one folder a sink.
//!
//! ```text
//!                     ┌─ flight/   views over Arrow Flight: whole, or followed tick by tick; pushes; metrics and health
//!                     ├─ files/    a view as of a tick, as a CSV, Parquet or Arrow file that is whole or not there
//!  engine::Reader ────┤
//!                     │            ┌─ kafka/   what changes, as messages of a topic, each exactly once
//!                     └─ running/ ─┴─ alerts/  what comes to be, and what no longer is, told to people
//!
//!  access/  who may do what      tls/  how the port is encrypted
//! ```
//! Every sink satisfies the specification in `sinks/README.md`. Those that run beside the engine have the following of a
//! view, and all that goes with it, from `running/`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

/// A moment at which a test can have the process die (`FAILPOINTS="name=2*off->return"`: at the third time). Nothing without
/// the feature `failpoints`.
macro_rules! crash_point {
    ($name:literal) => {
        fail::fail_point!($name, |_| std::process::abort())
    };
}

pub mod access;
pub mod alerts;
mod config;
pub mod files;
pub mod flight;
mod identity;
pub mod json;
pub mod kafka;
mod reloaded;
pub mod running;
mod scope;
mod setting;
mod stopping;
pub mod tls;
#[cfg(test)]
mod toy;
#[cfg(test)]
#[path = "../../tests/webhook/mod.rs"]
mod webhook;

pub use access::{Access, AccessConfig};
pub use config::SinkConfig;
pub use files::{ExportOptions, Exported, export};
pub use flight::client;
pub use flight::{FlightConfig, LISTEN_DEFAULT, Listening, Security, Ticket, bind, serve};
pub use running::{Runs, Sinks};
pub use scope::Scope;
pub use tls::{Tls, TlsConfig};
