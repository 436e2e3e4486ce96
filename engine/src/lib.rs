//! Ticks, bindings, the journal, workers, views and how they are read. Knows no finance.
//!
//! ```text
//!  sources ──batches──▶ binder ──tick, bound and fsynced──▶ workers (timely threads) ──changes──▶ readers
//!                         │                                     │
//!                     journal, bindings                    views: read from the workers' own arrangements
//! ```
//! The workers may be threads of several processes: see [`cluster`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

/// A moment at which a test can have the process die (`FAILPOINTS="name=2*off->return"`: at the third time). Nothing without
/// the feature `failpoints`.
macro_rules! crash_point {
    ($name:literal) => {
        fail::fail_point!($name, |_| std::process::abort())
    };
}

pub mod archive;
mod assembly;
pub mod backfill;
mod binder;
pub mod bindings;
pub mod cluster;
mod columns;
mod crew;
mod engine;
pub mod episode;
pub mod error;
pub mod filter;
pub mod frontier;
pub mod hub;
pub mod inspection;
pub mod journal;
pub mod kept;
mod line;
pub mod mailbox;
pub mod metrics;
pub mod origins;
mod past;
mod program;
pub mod push;
pub mod reader;
mod releaser;
mod replay;
pub mod row;
pub mod setting;
pub mod snapshot;
pub mod source;
pub mod status;
pub mod system;
pub mod view;
mod way;
pub mod worker;

pub use archive::Archive;
pub use backfill::Backfill;
pub use bindings::Configuration;
pub use engine::{Clock, Engine, EngineConfig};
pub use error::{EngineError, ErrorKind};
pub use kept::Kept;
pub use operators::Tick;
pub use origins::Origin;
pub use program::{Program, Revive};
pub use push::{Ingest, Receipt, Submitted};
pub use reader::{Reader, Request, Snapshot, Subscription, Update};
pub use row::{Cell, Column, ColumnKind, Key, NoTexts, Row, Texts, ViewSpec};
pub use source::{
    Batch, Decoder, Durable, Event, Outlet, Place, Positions, Refusal, Source, SourceContext, SourceReader, SourceSpec,
    Stop,
};
pub use view::{Rows, Views};
pub use worker::{Graph, Inputs, catalogue};
