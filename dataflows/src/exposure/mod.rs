//! Exposure: what portfolios are exposed to, what they would lose under stress, and the limits of both.
//!
//! ```text
//!  valuations ──▶ in each scope ──┬─▶ sums by group ─────────▶ exposures ──────────────┐
//!                     ▲           └─▶ shifted by scenario ──▶ sums by group ─▶ stress ─┤
//!      rates into the reporting currency                                               │
//!                                      concentration, returns of portfolios ───────────┤
//!                                                                                      ▼
//!  limits ──▶ checked ──▶ those that hold on the day ──▶ applied to scopes ──▶ measured ──▶ limit_usage, limit_breaches
//!                └─▶ refused_limits
//! ```
//! A position is counted in several scopes: its portfolio, all portfolios of the same base currency and, where a reporting
//! currency is configured, all portfolios. Amounts of different currencies are never added up.
//!
//! Beside it, [`margin`] follows whether the margin that managers submit for their funds is there, in time and validated.
//!
//! The finance is pure functions on plain values: [`scenario`], [`limit_rules`] and, of portfolios,
//! [`dimension`](crate::portfolio::dimension). The graphs around it are
//! [`exposures`], [`stress`] and [`limits`].

pub mod exposures;
pub mod limit_rules;
pub mod limits;
pub mod margin;
pub mod scenario;
pub mod scope;
pub mod stress;

use std::sync::Arc;

use engine::{Key, Views};
use model::{Limit, Symbol};
use operators::first_seen::FirstSeen;
use operators::{Arranged, Collection};

use crate::portfolio::concentration::Held;
use crate::portfolio::config::Books;
use crate::portfolio::inputs::CurrencyPair;
use crate::portfolio::return_series::Part;
use crate::portfolio::valuations::Valuation;

/// What the graphs of exposure read.
pub struct Inputs<'scope> {
    /// What each position is worth.
    pub valuations: Collection<'scope, Valuation>,
    /// What each portfolio holds in one hand.
    pub held: Arranged<'scope, Symbol, Held>,
    /// The returns and the periods of each portfolio.
    pub by_bucket: Arranged<'scope, Symbol, Part>,
    /// The limits.
    pub limits: Collection<'scope, Arc<Limit>>,
    /// Exchange rates by day.
    pub fx_rates: Arranged<'scope, CurrencyPair, (i32, i128)>,
    /// The last day.
    pub valuation_day: Arranged<'scope, (), i32>,
}

/// Builds the graphs of exposure and registers their views. Gives when breaches were first seen.
pub fn build(books: &Books, sources: &[String], inputs: Inputs<'_>, views: &mut Views) -> FirstSeen<Key> {
    let Inputs { valuations, held, by_bucket, limits, fx_rates, valuation_day } = inputs;
    let exposed = scope::exposed(valuations, books.reporting_currency, &fx_rates, &valuation_day);
    let exposures = exposures::add_up(exposed.clone());
    exposures::register(&exposures, views);
    let stressed = stress::add_up(exposed, &books.scenarios);
    stress::register(stressed.clone(), &books.scenarios, views);
    let measurable =
        limits::Measurable { exposures, stressed, held, by_bucket, risk: books.risk.clone(), fx_rates, valuation_day };
    let configured = limit_rules::Configured {
        scenarios: books.scenarios.clone(),
        has_reporting_currency: books.reporting_currency.is_some(),
    };
    limits::build(limits, measurable, configured, sources, views)
}
