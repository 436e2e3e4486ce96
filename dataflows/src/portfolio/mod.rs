//! Portfolios: what they are worth, how they did, and how much they may lose.
//!
//! What is here so far is the finance itself, as pure functions on plain values: no dataflow is in sight, and each file can
//! be read by someone who knows the field alone.

pub mod performance;
#[cfg(test)]
mod reference_tests;
pub mod risk;
