//! Returns of portfolios by day, week or month, beside those of their benchmarks and of money without risk.
//!
//! ```text
//!  days ──▶ linked within each bucket ──▶ returns of portfolios ─────────────────────────┬──▶ returns beside the market
//!  portfolios ──▶ benchmark and currency of each ──┬── pairs ──▶ the market of a pair ───┘
//!  levels of benchmarks, rates without risk ───────┘               in each bucket
//! ```
//! A [bucket](super::risk::buckets) in which nothing was invested has no return. The level of a benchmark and the rate of a
//! currency hold until the next one. The rate of a bucket is the one that held when it began.
//!
//! A corrected day links its own bucket again. A corrected level or rate moves the returns of those who are compared with it,
//! in the buckets up to the next one.

use std::sync::Arc;

use differential_dataflow::AsCollection;
use model::{Currency, Portfolio, Rate, Symbol};
use operators::carry_forward::carry_forward;
use operators::day_blocks;
use operators::derive::derive_rows;
use operators::distinct::distinct;
use operators::lookup::{lookup, lookup_left};
use operators::scan::scan;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::vec::Map;

use super::config::Books;
use super::inputs::{LevelOf, RiskFreeOf};
use super::market::until;
use super::performance::annualised::periodic_rate;
use super::performance::daily::Basis;
use super::performance::linked::Linked;
use super::returns::PeriodOf;
use super::risk::buckets::Buckets;
use super::risk::frequency::ReturnKind;
use super::series::{PortfolioDay, opening_value};

/// A float in a row: by its bits, so that equal ones are equal rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Float(u64);

impl Float {
    /// Of a number.
    pub fn of(number: f64) -> Float {
        Float(number.to_bits())
    }

    /// The number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// The return of a portfolio in one bucket, beside the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Return {
    /// That of the portfolio.
    pub rate: Float,
    /// What the market did.
    pub market: Market,
}

/// What the market did in one bucket, where it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Market {
    /// The return of the benchmark.
    pub benchmark: Option<Float>,
    /// The return of money without risk.
    pub risk_free: Option<Float>,
}

/// What a portfolio is compared with: its benchmark, and its currency.
pub type ComparedWith = (Symbol, Currency);

/// What a portfolio was worth, and the bucket that is linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    last: Option<(i32, i128)>,
    bucket: i32,
    growth: Option<Float>,
    days_invested: u32,
}

impl Open {
    fn linked(&self, bucket: i32) -> Linked {
        match self.growth {
            Some(growth) if self.bucket == bucket => {
                Linked { growth: growth.get(), days_invested: self.days_invested, ..Linked::NONE }
            }
            _ => Linked::NONE,
        }
    }
}

/// The returns of portfolios, each by the last day of its bucket.
pub fn returns<'scope>(
    days: &Arranged<'scope, Symbol, (i32, PortfolioDay)>,
    buckets: &Buckets,
    basis: Basis,
) -> Collection<'scope, (Symbol, (i32, Float))> {
    const CHECKPOINT_DAYS: u64 = 64;
    let buckets = buckets.clone();
    let changes =
        scan(days, CHECKPOINT_DAYS, "returns by bucket", move |portfolio, open: &mut Open, day, own, _, out| {
            let bucket = buckets.of(*day);
            let before = open.linked(bucket);
            let opening_value = opening_value(open.last, *day);
            let now = before.then(&Linked::of(&own.after(opening_value), basis));
            // Each day takes the place of the days of its bucket before it.
            for (linked, sign) in [(before, -1isize), (now, 1)] {
                if linked.days_invested > 0 {
                    out.push(((*portfolio, (bucket, Float::of(linked.rate()))), sign));
                }
            }
            let growth = Some(Float::of(now.growth));
            *open = Open { last: Some((*day, own.value)), bucket, growth, days_invested: now.days_invested };
        });
    changes.inner.map(|((row, sign), tick, diff)| (row, tick, diff * sign)).as_collection()
}

/// What each portfolio is compared with.
pub fn compared_with<'scope>(
    books: &Books,
    inceptions: Collection<'scope, (Symbol, i32)>,
    portfolios: &Arranged<'scope, Symbol, Arc<Portfolio>>,
) -> Collection<'scope, (Symbol, ComparedWith)> {
    let books = books.clone();
    lookup_left(&arrange(inceptions, "portfolios of risk"), portfolios, "compared with", move |portfolio, _, known| {
        let known = known.map(Arc::as_ref);
        let benchmark = known.map_or(Symbol::NONE, |known| known.benchmark);
        (*portfolio, (benchmark, books.rules_of(known).base_currency))
    })
}

/// A bucket of what a portfolio may be compared with.
type MarketKey = (ComparedWith, i32);

/// What makes up the market of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum MarketPart {
    /// The level of the benchmark before it.
    Opening(i64),
    /// The level of the benchmark at its end.
    Closing(i64),
    /// The rate of a year when it began, in units of [`model::Rate`].
    AnnualRate(i128),
}

/// What the market did in each bucket, for all that portfolios are compared with.
pub fn market<'scope>(
    books: &Books,
    levels: Collection<'scope, LevelOf>,
    rates: Collection<'scope, RiskFreeOf>,
    compared_with: Collection<'scope, (Symbol, ComparedWith)>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Arranged<'scope, MarketKey, Market> {
    let pairs = distinct(compared_with.map(|(_, pair)| pair), "benchmarks and currencies");
    let by_benchmark = arrange(pairs.clone().map(|pair| (pair.0, pair)), "pairs by benchmark");
    let by_currency = arrange(pairs.map(|pair| (pair.1, pair)), "pairs by currency");

    let levels = levels.map(|(benchmark, day, level)| (benchmark, (day, level)));
    let ends = until(distinct(levels.clone().map(|row| row.0), "benchmarks"), valuation_day, "last days of levels");
    let levels = day_blocks::days(&carry_forward(&arrange(levels, "levels"), &ends, "levels on every day"), "levels");
    let buckets = books.risk.buckets.clone();
    let levels = levels.filter(move |(_, day, _)| buckets.ends_on(*day));
    let buckets = books.risk.buckets.clone();
    let levels = levels.flat_map(move |(benchmark, day, level)| {
        let parts = [(day, MarketPart::Closing(level)), (buckets.of(day + 1), MarketPart::Opening(level))];
        parts.map(|part| (benchmark, part))
    });
    let levels = lookup(&arrange(levels, "levels by bucket"), &by_benchmark, "levels of pairs", of_pair);

    let rates = rates.map(|(currency, day, rate)| (currency, (day, rate)));
    let ends =
        until(distinct(rates.clone().map(|row| row.0), "currencies of rates"), valuation_day, "last days of rates");
    let rates = day_blocks::days(&carry_forward(&arrange(rates, "risk-free"), &ends, "risk-free by day"), "risk-free");
    let buckets = books.risk.buckets.clone();
    let rates = rates.flat_map(move |(currency, day, rate)| {
        buckets.starts_on(day).then(|| (currency, (buckets.of(day), MarketPart::AnnualRate(rate))))
    });
    let rates = lookup(&arrange(rates, "risk-free by bucket"), &by_currency, "risk-free of pairs", of_pair);

    let returns_per_year = books.risk.returns_per_year();
    let parts = arrange(levels.concat(rates), "parts of the market");
    let market = derive_rows(&parts, "market", move |key: &MarketKey, parts, out| {
        out.row((*key, market_of(parts.iter().map(|(part, _)| *part), returns_per_year)));
    });
    arrange(market, "market")
}

/// A part of a bucket, for one of those who are compared with it.
fn of_pair<K>(_key: &K, (bucket, part): &(i32, MarketPart), pair: &ComparedWith) -> (MarketKey, MarketPart) {
    ((*pair, *bucket), part.clone())
}

fn market_of<'a>(parts: impl Iterator<Item = &'a MarketPart>, returns_per_year: f64) -> Market {
    let (mut opening, mut closing, mut risk_free) = (None, None, None);
    for part in parts {
        match part {
            MarketPart::Opening(level) => opening = Some(*level as f64),
            MarketPart::Closing(level) => closing = Some(*level as f64),
            MarketPart::AnnualRate(rate) => {
                let annual = *rate as f64 / Rate::ONE_SCALED as f64;
                risk_free = (annual > -1.0).then(|| periodic_rate(annual, returns_per_year));
            }
        }
    }
    let benchmark = opening.zip(closing).and_then(|(opening, closing)| ReturnKind::Simple.between(opening, closing));
    Market { benchmark: benchmark.map(Float::of), risk_free: risk_free.map(Float::of) }
}

/// A return of a portfolio, or a period of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// The return of a bucket, which is named by its last day.
    Return {
        /// Its last day.
        bucket: i32,
        /// The return.
        rate: Float,
    },
    /// A period.
    Period(PeriodOf),
}

/// The returns and the periods of each portfolio.
pub fn parts<'scope>(
    returns: Collection<'scope, (Symbol, (i32, Float))>,
    periods: Collection<'scope, (Symbol, PeriodOf)>,
) -> Arranged<'scope, Symbol, Part> {
    let returns = returns.map(|(portfolio, (bucket, rate))| (portfolio, Part::Return { bucket, rate }));
    let periods = periods.map(|(portfolio, of)| (portfolio, Part::Period(of)));
    arrange(returns.concat(periods), "returns and periods")
}

/// The returns of portfolios, each with what the market did in its bucket. Periods are passed over.
pub fn beside_the_market<'scope>(
    books: &Books,
    parts: &Arranged<'scope, Symbol, Part>,
    compared_with: Collection<'scope, (Symbol, ComparedWith)>,
    market: &Arranged<'scope, MarketKey, Market>,
) -> Collection<'scope, (Symbol, (i32, Return))> {
    let compared_with = arrange(compared_with, "compared with");
    let own = lookup(parts, &compared_with, "returns by market", |portfolio, part: &Part, pair| match part {
        Part::Return { bucket, rate } => Some(((*pair, *bucket), (*portfolio, *rate))),
        Part::Period(_) => None,
    });
    let otherwise = books.risk.config.risk_free_annual;
    let otherwise = otherwise.map(|annual| Float::of(periodic_rate(annual, books.risk.returns_per_year())));
    let own = arrange(own.flat_map(|row| row), "returns by market");
    lookup_left(&own, market, "returns beside the market", move |(_, bucket), (portfolio, rate), market| {
        let known = market.copied().unwrap_or_default();
        let market = Market { risk_free: known.risk_free.or(otherwise), ..known };
        (*portfolio, (*bucket, Return { rate: *rate, market }))
    })
}
