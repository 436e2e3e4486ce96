//! Exposure: what portfolios are exposed to, what they would lose under stress, and the limits of both.
//!
//! ```text
//!  worths of positions ──▶ in each scope ──┬─▶ components ──▶ exposures, concentration ─────────┐
//!                                          └─▶ shifted by scenario ──▶ sums by group ─▶ stress ─┤
//!                                                                      returns of portfolios ───┤
//!                                                                                               ▼
//!  limits ──▶ checked ──▶ those that hold on the day ──▶ applied to scopes ──▶ measured ──▶ limit_usage, limit_breaches,
//!                │                       open positions ──▶ scopes ──┘                             limit_breach_history
//!                └─▶ refused_limits
//! ```
//! A position is counted in several scopes: its portfolio, all portfolios of the same base currency and, where a reporting
//! currency is configured, all portfolios. Amounts of different currencies are never added up.
//!
//! Beside it, [`margin`] follows whether the margin that managers submit for their funds is there, in time and validated.
//!
//! The finance is pure functions on plain values: [`scenario`], [`limit_rules`] and, of portfolios,
//! [`dimension`](crate::portfolio::dimension). The graphs around it are
//! [`components`], [`exposures`], [`concentration`], [`stress`] and [`limits`].

pub mod breach_history;
pub mod components;
pub mod concentration;
pub mod exposures;
pub mod limit_rules;
pub mod limits;
pub mod margin;
pub mod scenario;
pub mod scope;
pub mod stress;

use std::sync::Arc;

use engine::Views;
use engine::episode::Remembered;
use model::{Currency, Limit, Symbol};
use operators::shared::Shared;
use operators::{Arranged, Collection};

pub use limits::BreachesKept;

use crate::portfolio::config::Books;
use crate::portfolio::inputs::FxRates;
use crate::portfolio::return_series::Part;
use crate::portfolio::valuations::Worth;

/// What the graphs of exposure read.
pub struct Inputs<'a, 'scope> {
    /// The portfolio of each open position, with its base currency.
    pub holders: Collection<'scope, (Symbol, Currency)>,
    /// What each position is worth.
    pub worths: &'a Shared<'scope, Worth>,
    /// The returns and the periods of each portfolio.
    pub by_bucket: Arranged<'scope, Symbol, Part>,
    /// The limits.
    pub limits: Collection<'scope, Arc<Limit>>,
    /// Exchange rates by day.
    pub fx_rates: FxRates<'scope>,
    /// The last day.
    pub valuation_day: Arranged<'scope, (), i32>,
    /// The episodes of breaches that are gone on from.
    pub remembered: Collection<'scope, Remembered>,
}

/// Builds the graphs of exposure and registers their views.
pub fn build<'scope>(
    books: &Books,
    sources: &[String],
    inputs: Inputs<'_, 'scope>,
    views: &mut Views,
) -> BreachesKept<'scope> {
    let Inputs { holders, worths, by_bucket, limits, fx_rates, valuation_day, remembered } = inputs;
    let scopes = scope::scopes(holders, books.reporting_currency);
    let components = components::add_up(worths, books.reporting_currency);
    exposures::register(&components, views);
    concentration::register(&components, views);
    let stressed = stress::add_up(worths, books.reporting_currency, &books.scenarios);
    stress::register(&stressed, &books.scenarios, views);
    let measurable = limits::Measurable {
        scopes,
        components,
        stressed,
        by_bucket,
        risk: books.risk.clone(),
        fx_rates,
        valuation_day,
    };
    let configured = limit_rules::Configured {
        scenarios: books.scenarios.clone(),
        has_reporting_currency: books.reporting_currency.is_some(),
    };
    limits::build(limits, measurable, configured, remembered, sources, views)
}
