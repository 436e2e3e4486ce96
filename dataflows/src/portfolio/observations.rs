//! The views of what is observed from day to day: `prices`, `fx_rates`, `benchmark_levels`, `risk_free_rates` and
//! `sensitivities`, as their sources tell them now. They are derived from the records themselves when somebody looks.

use engine::{ColumnKind, Key, Row, Views};
use model::Record;
use operators::Arranged;

use super::transactions::register_kind;
use crate::table::{PRICE, RATE, Sources, currency_cell, date_cell, number_cell, symbol_cell};

/// Registers the views.
pub fn register<'scope>(records: &Arranged<'scope, Key, Record>, sources: &Sources, views: &mut Views) {
    let own = sources.clone();
    let about = "What each security was worth on a day.";
    register_kind(records, views, ("prices", about, &PRICE_COLUMNS, 3), move |record| match record {
        Record::MarketPrice(price) => Some(Row::new([
            own.cell(price.source),
            symbol_cell(price.security),
            date_cell(price.price_date),
            currency_cell(price.currency),
            number_cell(price.price.scaled()),
        ])),
        _ => None,
    });
    let own = sources.clone();
    let about = "What one unit of each currency was worth in another on a day.";
    register_kind(records, views, ("fx_rates", about, &FX_RATE_COLUMNS, 4), move |record| match record {
        Record::FxRate(rate) => Some(Row::new([
            own.cell(rate.source),
            currency_cell(rate.from_currency),
            currency_cell(rate.to_currency),
            date_cell(rate.rate_date),
            number_cell(rate.rate.scaled()),
        ])),
        _ => None,
    });
    let own = sources.clone();
    let about = "The level of each index on a day.";
    register_kind(records, views, ("benchmark_levels", about, &LEVEL_COLUMNS, 3), move |record| match record {
        Record::BenchmarkLevel(level) => Some(Row::new([
            own.cell(level.source),
            symbol_cell(level.benchmark),
            date_cell(level.level_date),
            number_cell(level.level.scaled()),
        ])),
        _ => None,
    });
    let own = sources.clone();
    let about = "What money earned without risk from a day on, as a rate for a year.";
    register_kind(records, views, ("risk_free_rates", about, &RISK_FREE_COLUMNS, 3), move |record| match record {
        Record::RiskFreeRate(rate) => Some(Row::new([
            own.cell(rate.source),
            currency_cell(rate.currency),
            date_cell(rate.rate_date),
            number_cell(rate.annual_rate.scaled()),
        ])),
        _ => None,
    });
    let own = sources.clone();
    let about = "How the price of each security changed with what it depends on, as of a day.";
    register_kind(records, views, ("sensitivities", about, &SENSITIVITY_COLUMNS, 3), move |record| match record {
        Record::Sensitivity(sensitivity) => Some(Row::new([
            own.cell(sensitivity.source),
            symbol_cell(sensitivity.security),
            date_cell(sensitivity.sensitivity_date),
            number_cell(sensitivity.vega.scaled()),
        ])),
        _ => None,
    });
}

const PRICE_COLUMNS: [(&str, ColumnKind); 5] = [
    ("source", ColumnKind::Text),
    ("security", ColumnKind::Text),
    ("price_date", ColumnKind::Date),
    ("currency", ColumnKind::Text),
    ("price", PRICE),
];

const FX_RATE_COLUMNS: [(&str, ColumnKind); 5] = [
    ("source", ColumnKind::Text),
    ("from_currency", ColumnKind::Text),
    ("to_currency", ColumnKind::Text),
    ("rate_date", ColumnKind::Date),
    ("rate", RATE),
];

const LEVEL_COLUMNS: [(&str, ColumnKind); 4] =
    [("source", ColumnKind::Text), ("benchmark", ColumnKind::Text), ("level_date", ColumnKind::Date), ("level", PRICE)];

const RISK_FREE_COLUMNS: [(&str, ColumnKind); 4] = [
    ("source", ColumnKind::Text),
    ("currency", ColumnKind::Text),
    ("rate_date", ColumnKind::Date),
    ("annual_rate", RATE),
];

const SENSITIVITY_COLUMNS: [(&str, ColumnKind); 4] = [
    ("source", ColumnKind::Text),
    ("security", ColumnKind::Text),
    ("sensitivity_date", ColumnKind::Date),
    ("vega", PRICE),
];
