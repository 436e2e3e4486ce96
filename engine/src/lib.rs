//! Ticks, bindings, the journal, workers, views and how they are read. Knows no finance.
//!
//! ```text
//!  sources ──batches──▶ binder ──tick, bound and fsynced──▶ workers (timely threads) ──changes──▶ hub ──▶ readers
//!                         │                                     │
//!                     journal, bindings                    views: read from the workers' own arrangements
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod archive;
pub mod error;
pub mod row;
pub mod source;

pub use archive::Archive;
pub use error::EngineError;
pub use row::{Cell, Column, ColumnKind, Key, Row, Texts, ViewSpec};
pub use source::{Batch, Event, Outlet, Positions, Refusal, Source, SourceContext, SourceReader, Stop};
