//! Scoring: how likely are two records the same trade, when no identifier says so? Pure functions, no dataflow.
//!
//! ```text
//!  model ─────────────┐
//!  record ─▶ Fields ─▶ Scorer ─▶ block keys   which pairs are scored
//!                         │  └─▶ features ─┬─▶ score and tie ─▶ one to one, best first ─▶ verdict
//!  record ─▶ Fields ──────┘      features ─┘
//! ```
//! - [`Model`] is data: comparisons with levels and weights, gates, blocking rules, thresholds. [`weighted`] is one with fixed
//!   weights; [`learn`] fills the weights and thresholds of any model from labelled records, or from unlabelled ones.
//! - [`Scorer`] is a model ready to use. A pair costs a few hundred nanoseconds: features are prepared once a record, gates
//!   and cheap comparisons come first, and a pair that can no longer reach `review` is given up.
//! - [`match_lists`] is the whole matching of two lists in plain code: the oracle of the dataflow.
//!
//! All scores are integers in thousandths of a bit, so they are the same on every worker, in every order and replay.

mod batch;
pub mod blocking;
mod fields;
pub mod learn;
mod method;
mod model;
mod normalise;
mod presets;
#[cfg(test)]
mod reference_tests;
mod scorer;
pub mod text;

pub use self::batch::{Chosen, Matching, Prepared, match_lists};
pub use self::blocking::{BlockRule, Part, Take, first_common_key};
pub use self::fields::{Fields, TradeFields};
pub use self::method::Method;
pub use self::model::{Comparison, FORMAT_VERSION, Level, Model, ModelError, Rarity, Thresholds};
pub use self::normalise::{Normalise, counterparty, symbol, words};
pub use self::presets::{trades, weighted};
pub use self::scorer::{Evidence, Features, Outcome, PairScore, Scorer, Verdict};
