//! The graphs of finance: one folder a domain.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod reconciliation;
