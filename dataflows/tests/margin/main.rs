//! Margin monitoring through the engine: against values that nobody here computed, against a naive oracle, and in stories.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../kit/mod.rs"]
mod kit;
#[path = "../../../tests/reference/mod.rs"]
mod reference;

mod against_oracle;
mod lineage;
mod oracle;
mod published;
mod stories;
mod world;

/// All views of margin monitoring.
const VIEWS: [&str; 14] = [
    "asset_types",
    "aum_history",
    "fund_aum",
    "fund_exposure_origins",
    "fund_exposures",
    "fund_positions",
    "margin_batches",
    "margin_exceptions",
    "margin_kpis",
    "margin_order",
    "margin_status",
    "margin_submissions",
    "margin_validations",
    "offshore_exposure",
];
