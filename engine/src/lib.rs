//! Ticks, bindings, the journal, workers, views and how they are read. Knows no finance.
//!
//! ```text
//!  sources ──batches──▶ binder ──tick, bound and fsynced──▶ workers (timely threads) ──changes──▶ readers
//!                         │                                     │
//!                     journal, bindings                    views: read from the workers' own arrangements
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod archive;
pub mod binder;
pub mod bindings;
mod engine;
pub mod error;
pub mod filter;
pub mod frontier;
pub mod hub;
pub mod journal;
pub mod mailbox;
pub mod metrics;
pub mod push;
pub mod reader;
mod releaser;
mod replay;
pub mod row;
pub mod source;
pub mod status;
pub mod system;
pub mod view;
pub mod worker;

pub use archive::Archive;
pub use engine::{Engine, EngineConfig, Ingest, Submitted};
pub use error::{EngineError, ErrorKind};
pub use operators::Tick;
pub use push::Receipt;
pub use reader::{Reader, Request, Snapshot, Subscription, Update};
pub use row::{Cell, Column, ColumnKind, Key, Row, Texts, ViewSpec};
pub use source::{
    Batch, Decoder, Durable, Event, Outlet, Positions, Refusal, Source, SourceContext, SourceReader, SourceSpec, Stop,
};
pub use view::{Rows, Views};
pub use worker::{Graph, Inputs};
