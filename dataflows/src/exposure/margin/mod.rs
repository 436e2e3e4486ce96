//! Margin monitoring: for each fund, what it is exposed to, which margin its manager submitted, whether somebody validated
//! it, and by when the next submission is due.
//!
//! ```text
//!  records ──┬─ batches ──▶ latest batch ──┬─ by fund ──▶ fund_aum, fund_exposure_origins, margin_submissions, …
//!            │     │                       │     │
//!            │     └─▶ margin_batches      │     ├──▶ checks ──▶ margin_order
//!            ├─ exceptions ────────────────┘     │      └──▶ deadlines ──▶ margin_status ──▶ margin_kpis
//!            │                                   │                ▲
//!            │                                   │              clock
//!            ├─ days and submissions ─▶ month ends ──▶ aum_history
//!            ├─ positions ─┬─▶ latest day ──▶ fund_positions, fund_exposures
//!            │             └─▶ a day's holdings abroad ──▶ offshore_exposure
//!            └─ asset types ───────────────────────────────▲
//! ```
//! When a batch was loaded is no part of what it says. So a batch that repeats the one before moves nothing behind it, and
//! one that changes a fund moves that fund. The clock is no input of a pure function: a status that depends on it is a
//! fact with a day on which it becomes true.
//!
//! The rules of the market (which exposure asks for a submission how often, whose funds are left out) are configuration:
//! see [`MarginConfig`].

pub mod aum;
pub mod batches;
pub mod checks;
pub mod config;
pub mod deadlines;
pub mod kpis;
pub mod offshore;
pub mod order;
pub mod positions;
pub mod tables;

use std::sync::Arc;

use engine::{Key, Views};
use model::{Record, Symbol};
use operators::{Arranged, Collection, arrange};

pub use config::{MarginConfig, MarginRules};

use crate::table::Sources;

/// Builds the monitoring of margin and registers its views.
pub fn build<'scope>(
    rules: &Arc<MarginRules>,
    sources: &[String],
    records: &Arranged<'scope, Key, Record>,
    views: &mut Views,
) {
    let sources = Sources::new(sources);
    let latest = batches::latest(records, &sources, views);
    let exceptions = select(records, |record| matches!(record, Record::MarginException(_)));
    let told = latest.concat(exceptions).flat_map(|record| Some((fund_key(fund_of(&record)?), record)));
    let by_fund = arrange(told, "funds");
    tables::register(&by_fund, records, &sources, views);

    let checks = checks::of_funds(&by_fund, rules);
    order::register(checks.clone(), views);
    let statuses = arrange(deadlines::follow(checks), "margin status");
    deadlines::register(&statuses, views);
    kpis::register(&statuses, views);

    aum::register(&by_fund, records, views);
    let by_day = positions::by_day(records);
    positions::register(&by_day, records, rules, &sources, views);
    offshore::register(&by_day, records, rules, views);
}

/// The records that are wanted.
fn select<'scope>(
    records: &Arranged<'scope, Key, Record>,
    is_wanted: impl Fn(&Record) -> bool + 'static,
) -> Collection<'scope, Record> {
    records.clone().flat_map_ref(move |_id, record| is_wanted(record).then(|| record.clone()))
}

/// The fund that a record tells about.
fn fund_of(record: &Record) -> Option<Symbol> {
    match record {
        Record::FundAum(aum) => Some(aum.fund),
        Record::FundAumDay(day) => Some(day.fund),
        Record::MarginSubmission(submission) => Some(submission.fund),
        Record::FundPosition(position) => Some(position.fund),
        Record::FundExposure(exposure) => Some(exposure.fund),
        Record::MarginValidation(validation) => Some(validation.fund),
        Record::MarginException(exception) => Some(exception.fund),
        _ => None,
    }
}

/// The key by which what is told of a fund is found.
fn fund_key(fund: Symbol) -> Key {
    Key::from_bytes(fund.bytes())
}
