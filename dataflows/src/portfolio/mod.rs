//! Portfolio: what is held, what it cost and what it earned.
//!
//! The finance is pure functions on plain values, with no dataflow in sight:
//!
//! - [`cash_flow_rules`]: which transactions are cash flows, of what class, at which end of the day;
//! - [`cost_basis`]: the lots of a position, what a transaction does to them, and the gains it realises;
//! - [`refusal`]: why a transaction cannot be booked.

pub mod cash_flow_rules;
pub mod cost_basis;
pub mod refusal;
