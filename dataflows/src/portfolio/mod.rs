//! Portfolio: what is held, what it cost, what it earned, how it did, and how much it may lose.
//!
//! ```text
//!  transactions, portfolios ──▶ ledger ──▶ changes ──▶ positions ──▶ valuations ──▶ exposure
//!                                 │           │            ▲             ▲
//!                                 │           │        instruments   prices, fx rates, vegas as of the last day
//!                                 │           └─▶ steps × prices on every day × rates on every day ──▶ values ──┐
//!                                 ├─▶ cash flows ──▶ income                                                     │
//!                                 │       └─▶ flows between portfolios and the world ───────────────────────────┴─▶ days
//!                                 ├─▶ lots                                                                           │
//!                                 ├─▶ disposals                                   portfolio_timeseries, performance ◀┤
//!                                 └─▶ refused transactions                                                           │
//!            changes, cash flows of the portfolios that are named ──▶ parts by day ──▶ contribution, attribution ◀───┤
//!                   benchmark levels, risk-free rates ──▶ the market ──▶ risk, risk_rolling, value_at_risk ◀─────────┘
//! ```
//! The finance itself is pure functions on plain values, each file of which can be read by someone who knows the field alone:
//!
//! - [`cash_flow_rules`]: which transactions are cash flows, of what class, at which end of the day;
//! - [`cost_basis`]: the lots of a position, what a transaction does to them, and the gains it realises;
//! - [`dimension`]: by what positions are put into groups;
//! - [`performance`]: returns, over days and periods, weighted by time or by money, and what they come from;
//! - [`refusal`]: why a transaction cannot be booked;
//! - [`risk`]: deviations, falls, losses that may come, and concentration.
//!
//! The graphs around it: [`inputs`] and [`market`] are what comes in, [`ledger`] is the fold, and the others make views.

pub mod analyses;
pub mod attributions;
pub mod cash_flow_rules;
pub mod config;
pub mod contributions;
pub mod cost_basis;
pub mod dimension;
pub mod income;
pub mod inputs;
pub mod ledger;
pub mod market;
pub mod observations;
pub mod parts;
pub mod performance;
pub mod positions;
pub mod positions_by_day;
#[cfg(test)]
mod reference_tests;
pub mod refusal;
pub mod return_series;
pub mod returns;
pub mod review;
pub mod risk;
pub mod risk_conventions;
pub mod risk_measures;
pub mod series;
pub mod transactions;
pub mod valuations;
pub mod value_at_risk;

use engine::episode::Remembered;
use engine::{Key, Views};
use model::Record;
use operators::distinct::{distinct, distinct_each};
use operators::shared::Shared;
use operators::{Arranged, Collection, arrange};

pub use analyses::{AttributionConfig, ContributionConfig};
pub use config::{Books, BooksConfig};
pub use risk_conventions::RiskConfig;

use crate::exposure::{self, BreachesKept};
use inputs::Inputs;
use valuations::Valued;

/// Builds the graphs of portfolios on the records, and registers their views. `remembered` are the episodes of breaches of
/// limits that are gone on from.
pub fn build<'scope>(
    books: &Books,
    sources: &[String],
    records: &Arranged<'scope, Key, Record>,
    remembered: Collection<'scope, Remembered>,
    views: &mut Views,
) -> BreachesKept<'scope> {
    transactions::register(records, sources, views);
    keep_books(books, sources, Inputs::of(records), remembered, views)
}

/// Builds the graphs of portfolios and registers their views, as [`build`] does.
pub fn keep_books<'scope>(
    books: &Books,
    sources: &[String],
    inputs: Inputs<'scope>,
    remembered: Collection<'scope, Remembered>,
    views: &mut Views,
) -> BreachesKept<'scope> {
    let fx_rates = ledger::arrange_rates(inputs.fx_rates.clone());
    let portfolios = inputs::portfolios_by_id(inputs.portfolios);
    let ledger = ledger::book(books, inputs.transactions, &portfolios, &fx_rates);

    let told_prices = Shared::of(inputs.prices);
    let valuation_day = market::valuation_day(&told_prices, inputs.fx_rates.clone(), &ledger);
    let with_prices = distinct_each(&told_prices, "priced securities", |(priced, _, _)| Some(*priced));
    let pricing = market::pricing(inputs.instruments, with_prices.clone(), &ledger.changes);
    let priced_changes = series::priced_changes(&ledger.changes, &pricing);
    let at_par = series::cash_prices(&priced_changes);
    // What has prices is not at par, so each is there once.
    let priced = with_prices.concat(distinct(at_par.clone().map(|(priced, _, _)| priced), "cash at par"));
    let prices = told_prices.map(|(priced, day, price)| (*priced, (*day, *price)));
    let prices = prices.concat(at_par.map(|(priced, day, price)| (priced, (day, price))));
    let prices = arrange(prices, "prices");
    let daily_prices = market::daily_prices(&prices, priced, &valuation_day);
    let pairs = distinct_each(&priced_changes, "pairs of currencies", |change| Some(change.target.1));
    let daily_rates = market::daily_rates(inputs.fx_rates, pairs, &valuation_day);

    let positions = positions::positions(&ledger.changes);
    let vegas = market::vegas_now(inputs.vegas, &valuation_day);
    let valued = Valued::new(books, &positions, &pricing, &prices, &vegas, &fx_rates, &valuation_day);
    let values = series::values(
        priced_changes.weigh(|change| change.step(change.target.0)),
        &daily_prices,
        &daily_rates,
        "values of portfolios",
    );
    positions_by_day::register(&ledger.flows, &priced_changes, &pricing, &daily_prices, views);
    let flows = series::portfolio_flows(&ledger.flows, &fx_rates);
    let days = series::days(&values, flows.clone(), &priced_changes, &valuation_day);
    let inceptions = returns::inceptions(&priced_changes, &portfolios);
    let periods = returns::periods(books, inceptions.clone(), &valuation_day);

    let parts = parts::parts(
        books,
        parts::MadeFrom {
            flows: &ledger.flows,
            changes: &priced_changes,
            pricing: &pricing,
            daily_prices: &daily_prices,
            daily_rates: &daily_rates,
            fx_rates: &fx_rates,
            days: &days,
            periods: periods.clone(),
        },
    );

    let returns = return_series::returns(&days, &books.risk.buckets, books.risk.config.basis);
    let by_bucket = return_series::parts(returns, periods.clone());
    let compared_with = return_series::compared_with(books, inceptions.clone(), &portfolios);
    let market = return_series::market(
        books,
        inputs.benchmark_levels,
        inputs.risk_free_rates,
        compared_with.clone(),
        &valuation_day,
    );
    let beside = return_series::beside_the_market(books, &by_bucket, compared_with, &market);

    market::register(&valuation_day, views);
    positions::register_positions(&positions, views);
    positions::register_lots(ledger.lots, views);
    positions::register_disposals(ledger.disposals, views);
    positions::register_cash_flows(&ledger.flows, views);
    positions::register_refusals(ledger.refusals, sources, views);
    income::register(&ledger.flows, views);
    valued.register(views);
    series::register(&days, views);
    returns::register(books, &days, flows, periods.clone(), views);
    contributions::register(books, &parts, views);
    attributions::register(books, &parts, views);
    value_at_risk::register(books, &by_bucket, views);
    risk_measures::register(books, beside, periods, inceptions, &valuation_day, views);
    let inputs = exposure::Inputs {
        holders: valued.holders(),
        worths: &Shared::of(valued.worths()),
        by_bucket,
        limits: inputs.limits,
        fx_rates,
        valuation_day,
        remembered,
    };
    exposure::build(books, sources, inputs, views)
}
