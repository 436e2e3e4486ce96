//! Books of portfolios through the engine: scenarios that others published, stories, and any order on any number of workers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../kit/mod.rs"]
mod kit;
#[path = "../../../tests/reference/mod.rs"]
mod reference;

mod any_order;
mod edges;
mod exposure;
mod exposure_oracle;
mod lineage;
mod oracle;
mod parts;
mod parts_oracle;
mod pas;
mod records;
mod returns;
mod review;
mod risk;
mod risk_oracle;
mod stories;

use model::Dictionary;

use kit::Desk;

/// The views of the books.
pub const VIEWS: [&str; 32] = [
    "prices",
    "fx_rates",
    "benchmark_levels",
    "risk_free_rates",
    "sensitivities",
    "transactions",
    "instruments",
    "portfolios",
    "limits",
    "valuation_day",
    "positions",
    "lots",
    "disposals",
    "cashflows",
    "refused_transactions",
    "income",
    "valuations",
    "concentration",
    "position_timeseries",
    "portfolio_timeseries",
    "performance",
    "contribution",
    "attribution",
    "risk",
    "risk_rolling",
    "value_at_risk",
    "exposures",
    "stress",
    "limit_usage",
    "limit_breaches",
    "limit_breach_history",
    "refused_limits",
];

/// 2027-01-01: all days of these tests have come.
const NOW: u64 = 1_798_761_600_000_000;

const SOURCES: [&str; 2] = ["books", "other"];

/// A desk that keeps books.
fn desk(books: &str, workers: usize) -> Desk {
    Desk::start_at(&format!("[books]\n{books}"), &SOURCES, &Dictionary::new(), workers, NOW)
}
