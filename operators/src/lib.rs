//! Generic incremental operators on differential collections. They know no finance.
//!
//! Each operator has one file: its contract first (inputs, output, cost of one update, order, bounds), a runnable
//! example, the code, and a test against a naive oracle under random churn that ends with everything retracted.
//!
//! Everything here runs in totally ordered time: a [`Tick`]. That order is what lets [`derive()`](derive::derive) and
//! [`upsert()`](upsert::upsert) work from one arrangement, with no second copy of their output.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod add_up;
pub mod arrangement;
mod arrived;
pub mod as_of;
pub mod assign;
pub mod block_products;
mod block_sums;
pub mod blocks;
pub mod carry_forward;
#[cfg(test)]
mod churn;
pub mod day_blocks;
pub mod deadline;
pub mod derive;
pub mod derive_each;
pub mod distinct;
pub mod episodes;
pub mod first_seen;
mod follow;
pub mod group;
pub mod join_days;
pub mod lookup;
pub mod part;
mod pending;
pub mod quantile;
pub mod range_tree;
mod runs;
pub mod scan;
mod series;
pub mod shared;
pub mod step_products;
pub mod sum_by;
pub mod sums;
pub mod testing;
pub mod top_n;
mod tree;
pub mod upsert;

pub use arrangement::{Arranged, Collection, Data, Key, Tick, Trace, arrange, nothing};
pub use sums::Sums;
