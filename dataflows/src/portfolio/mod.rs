//! Portfolio: what is held, what it cost, what it earned, how it did, and how much it may lose.
//!
//! What is here so far is the finance itself, as pure functions on plain values: no dataflow is in sight, and each file can
//! be read by someone who knows the field alone.
//!
//! - [`cash_flow_rules`]: which transactions are cash flows, of what class, at which end of the day;
//! - [`cost_basis`]: the lots of a position, what a transaction does to them, and the gains it realises;
//! - [`performance`]: returns, over days and periods, weighted by time or by money, and what they come from;
//! - [`refusal`]: why a transaction cannot be booked;
//! - [`risk`]: deviations, falls, losses that may come, and concentration.

pub mod cash_flow_rules;
pub mod config;
pub mod cost_basis;
pub mod inputs;
pub mod ledger;
pub mod market;
pub mod performance;
pub mod positions;
#[cfg(test)]
mod reference_tests;
pub mod refusal;
pub mod risk;
pub mod table;

pub use config::{Books, BooksConfig};
