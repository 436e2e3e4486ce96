//! Reconciliation: two or more sides of the same trades, kept matched.

pub mod scoring;
