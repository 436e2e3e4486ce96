//! How much the returns of portfolios vary, how far they fell, and how they compare: the views `risk` and `risk_rolling`.
//!
//! ```text
//!  returns beside the market ──▶ summed up in a tree ──┐
//!  periods ────────────────────────────────────────────┼─▶ measures of periods ──▶ risk
//!  windows that end with a month ──────────────────────┴─▶ measures of windows ──▶ risk_rolling
//! ```
//! The measures are those of [`risk`](super::risk), by the [conventions](super::risk_conventions) of the configuration. A
//! corrected return is summed up again in the few parts of the tree above it, for its own portfolio alone. Windows that end
//! on every day would be as many rows as there are days, and a correction would change as many of them as a window has
//! returns. So there are those that end with a month.

use std::sync::Arc;

use engine::{Cell, ColumnKind, Row, ViewSpec, Views};
use model::{Date, Symbol};
use operators::distinct::distinct;
use operators::lookup::lookup;
use operators::range_tree::{Span, Summary, range_tree};
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use super::config::Books;
use super::performance::annualised::{annual_return, periodic_rate};
use super::performance::linked::Linked;
use super::return_series::{Float, Return};
use super::returns::PeriodOf;
use super::risk::benchmark::{Against, Alpha, Captured, jensen_alpha};
use super::risk::buckets::Buckets;
use super::risk::downside::PartialMoments;
use super::risk::drawdown::{Drawdown, Fall};
use super::risk::frequency::Frequency;
use super::risk::moments::Moments;
use super::risk::ratios::{ZeroSpread, calmar_ratio, sharpe_ratio, volatility};
use super::risk_conventions::{Required, RiskConventions};
use crate::table::{RATIO, date_cell, day_cell, name_of, ratio_cell, spec, symbol_cell};

/// Consecutive returns of a portfolio, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The returns.
    returns: Moments,
    linked: Linked,
    falls: Drawdown,
    /// Less what is required, where that is known.
    beyond_required: PartialMoments,
    /// What they are beside the market; `None` where nothing is known of that.
    beside: Option<Box<Beside>>,
}

/// Returns of a portfolio beside what the market did in the same buckets.
#[derive(Clone, Debug, PartialEq)]
struct Beside {
    /// Less the rate without risk, where that is known.
    excess: Moments,
    excess_linked: Linked,
    /// With the benchmark, where that is known.
    against: Against,
    /// With the benchmark, both less the rate without risk, where both are known.
    excess_against: Against,
    /// The rate without risk there.
    risk_free_linked: Linked,
}

impl Beside {
    const NONE: Beside = Beside {
        excess: Moments::NONE,
        excess_linked: Linked::NONE,
        against: Against::NONE,
        excess_against: Against::NONE,
        risk_free_linked: Linked::NONE,
    };

    /// One return; `None` where nothing is known of the market.
    fn of(rate: f64, benchmark: Option<f64>, risk_free: Option<f64>) -> Option<Beside> {
        if benchmark.is_none() && risk_free.is_none() {
            return None;
        }
        let excess = risk_free.map(|risk_free| rate - risk_free);
        let both = benchmark.zip(risk_free);
        Some(Beside {
            excess: Moments::of_all(excess),
            excess_linked: excess.map_or(Linked::NONE, Linked::of_rate),
            against: Against::of_all(benchmark.map(|benchmark| (rate, benchmark))),
            excess_against: Against::of_all(both.map(|(other, risk_free)| (rate - risk_free, other - risk_free))),
            risk_free_linked: both.map_or(Linked::NONE, |(_, risk_free)| Linked::of_rate(risk_free)),
        })
    }

    fn then(&self, later: &Beside) -> Beside {
        Beside {
            excess: self.excess.then(&later.excess),
            excess_linked: self.excess_linked.then(&later.excess_linked),
            against: self.against.then(&later.against),
            excess_against: self.excess_against.then(&later.excess_against),
            risk_free_linked: self.risk_free_linked.then(&later.risk_free_linked),
        }
    }
}

impl Observed {
    const NONE: Observed = Observed {
        returns: Moments::NONE,
        linked: Linked::NONE,
        falls: Drawdown::NONE,
        beyond_required: PartialMoments::NONE,
        beside: None,
    };

    /// One return, given what is required of a bucket if it is not the rate without risk.
    fn of(bucket: i32, own: &Return, required: Option<f64>) -> Observed {
        let rate = own.rate.get();
        let [benchmark, risk_free] = [own.market.benchmark, own.market.risk_free].map(|known| known.map(Float::get));
        Observed {
            returns: Moments::of(rate),
            linked: Linked::of_rate(rate),
            falls: Drawdown::of(Date::from_days(bucket), rate),
            beyond_required: PartialMoments::of_all(required.or(risk_free).map(|required| rate - required)),
            beside: Beside::of(rate, benchmark, risk_free).map(Box::new),
        }
    }

    fn beside(&self) -> &Beside {
        self.beside.as_deref().unwrap_or(&Beside::NONE)
    }

    /// Beside the rate without risk, if all returns can be compared with it.
    fn with_excess(&self) -> Option<&Beside> {
        Some(self.beside()).filter(|beside| beside.excess.count == self.returns.count)
    }

    fn against(&self) -> &Against {
        &self.beside().against
    }

    /// Of pairs with the benchmark all of which can be compared with the rate without risk.
    fn with_excess_against(&self) -> Option<&Against> {
        let Beside { against, excess_against, .. } = self.beside();
        (excess_against.active.count == against.active.count).then_some(excess_against)
    }

    fn required(&self) -> Option<&PartialMoments> {
        (self.beyond_required.count == self.returns.count).then_some(&self.beyond_required)
    }

    fn deepest(&self, by: &RiskConventions) -> Option<Fall> {
        self.falls.deepest(by.config.start)
    }

    fn alpha(&self, by: &RiskConventions) -> Option<f64> {
        let (excess, k) = (self.with_excess_against()?, by.returns_per_year());
        if by.config.alpha != Alpha::Jensen {
            return excess.alpha(by.config.alpha, k);
        }
        let annual = |linked: &Linked| annual_return(linked.growth, u64::from(linked.days), k);
        let (ours, theirs) = (annual(&self.against().linked)?, annual(&self.against().benchmark_linked)?);
        Some(jensen_alpha(ours, theirs, annual(&self.beside().risk_free_linked)?, excess.beta()?))
    }

    fn captured(side: &Captured, by: &RiskConventions) -> Option<f64> {
        side.ratio(by.config.capture, by.returns_per_year())
    }
}

impl Summary for Observed {
    fn then(&self, later: &Self) -> Self {
        let mut both = self.clone();
        both.extend(later);
        both
    }

    fn extend(&mut self, later: &Self) {
        self.returns = self.returns.then(&later.returns);
        self.linked = self.linked.then(&later.linked);
        self.falls = self.falls.then(&later.falls);
        self.beyond_required = self.beyond_required.then(&later.beyond_required);
        match (&mut self.beside, &later.beside) {
            (Some(own), Some(later)) => **own = own.then(later),
            (own @ None, Some(later)) => *own = Some(later.clone()),
            // Nothing follows: what it would be added to stays the same to the last bit.
            (_, None) => {}
        }
    }
}

/// A measure of returns; `None` where it is not defined.
type Measure = fn(&Observed, &RiskConventions) -> Option<f64>;

/// A measure by the name of its column.
type Named = (&'static str, Measure);

const RETURN: Named = ("return", |of, _| (of.returns.count > 0).then(|| of.linked.rate()));
const VOLATILITY: Named = ("volatility", |of, by| volatility(&of.returns, by.returns_per_year()));
const MAX_DRAWDOWN: Named = ("max_drawdown", |of, by| of.deepest(by).map(|fall| fall.depth));
const SHARPE: Named = ("sharpe", |of, by| {
    let (of, k) = (of.with_excess()?, by.returns_per_year());
    // An infinite ratio has no decimals.
    sharpe_ratio(&of.excess, of.excess_linked.growth, k, by.config.sharpe, ZeroSpread::Undefined)
});
const BETA: Named = ("beta", |of, _| of.with_excess_against()?.beta());

/// The measures of the view `risk`.
const OF_PERIODS: [Named; 19] = [
    RETURN,
    VOLATILITY,
    ("skewness", |of, by| of.returns.skewness(by.config.estimator)),
    ("excess_kurtosis", |of, by| of.returns.excess_kurtosis(by.config.estimator)),
    ("downside_deviation", |of, by| {
        of.required()?.downside_deviation().map(|deviation| deviation * by.returns_per_year().sqrt())
    }),
    SHARPE,
    ("sortino", |of, by| of.required()?.sortino_ratio(by.returns_per_year(), ZeroSpread::Undefined)),
    ("omega", |of, _| of.required()?.omega_ratio()),
    ("calmar", |of, by| calmar_ratio(&of.linked, of.deepest(by)?.depth, by.returns_per_year())),
    MAX_DRAWDOWN,
    ("benchmark_return", |of, _| (of.against().active.count > 0).then(|| of.against().benchmark_linked.rate())),
    BETA,
    ("alpha", |of, by| of.alpha(by)),
    ("correlation", |of, _| of.against().together.correlation()),
    ("tracking_error", |of, by| of.against().tracking_error(by.returns_per_year())),
    ("information_ratio", |of, by| {
        of.against().information_ratio(by.config.information_ratio, by.returns_per_year(), ZeroSpread::Undefined)
    }),
    ("up_capture", |of, by| Observed::captured(&of.against().up, by)),
    ("down_capture", |of, by| Observed::captured(&of.against().down, by)),
    ("up_down_capture", |of, by| of.against().up_down_capture(by.config.capture, by.returns_per_year())),
];

/// The measures of the view `risk_rolling`.
const OF_WINDOWS: [Named; 5] = [RETURN, VOLATILITY, SHARPE, MAX_DRAWDOWN, BETA];

/// What returns are asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Asked {
    /// Those of a period.
    Period(PeriodOf),
    /// So many, up to a bucket.
    Window(u32),
}

/// What the returns of a range come to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Measured {
    asked: Asked,
    span: Span,
    /// How many there are; how many with a rate without risk; how many with a benchmark.
    counts: [u64; 3],
    peak: Date,
    trough: Date,
    /// Shared, because rows are copied whenever batches are merged.
    measures: Arc<[Option<Float>]>,
}

impl Measured {
    /// `None` of a window that is not full.
    fn new(span: Span, asked: &Asked, observed: &Observed, by: &RiskConventions) -> Option<Measured> {
        let counts = [observed.returns.count, observed.beside().excess.count, observed.against().active.count];
        let names: &[Named] = match asked {
            Asked::Period(_) => &OF_PERIODS,
            Asked::Window(returns) if counts[0] != u64::from(*returns) => return None,
            Asked::Window(_) => &OF_WINDOWS,
        };
        let fall = observed.deepest(by).filter(|fall| fall.depth < 0.0);
        let measures = names.iter().map(|(_, measure)| measure(observed, by).map(Float::of)).collect();
        let [peak, trough] =
            [fall.map(|fall| fall.peak), fall.map(|fall| fall.trough)].map(|day| day.unwrap_or(Date::NONE));
        Some(Measured { asked: asked.clone(), span, counts, peak, trough, measures })
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        self.measures.iter().map(|measure| ratio_cell(measure.map(Float::get)))
    }
}

/// The windows of each portfolio: those that end with the last bucket of a month and do not begin before it does.
fn windows<'scope>(
    books: &Books,
    inceptions: Collection<'scope, (Symbol, i32)>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Collection<'scope, (Symbol, (Span, Asked))> {
    // Of the last day only its month matters: the windows stay as they are from day to day.
    let last = distinct(valuation_day.clone().as_collection(|(), day| last_month_end(*day)), "last month end");
    let (buckets, lengths) = (books.risk.buckets.clone(), books.risk.config.rolling_windows.clone());
    let inceptions = arrange(inceptions.map(|inception| ((), inception)), "inceptions for windows");
    let last = arrange(last.map(|day| ((), day)), "last month end");
    let windows = lookup(&inceptions, &last, "windows", move |(), (portfolio, inception): &(Symbol, i32), last| {
        let spans = windows_between(&buckets, &lengths, *inception, *last);
        spans.into_iter().map(|(span, length)| (*portfolio, (span, Asked::Window(length)))).collect::<Vec<_>>()
    });
    windows.flat_map(|windows| windows)
}

/// The last day of the last month that is over.
fn last_month_end(day: i32) -> i32 {
    let next = Date::from_days(day).add_days(1);
    Frequency::Monthly.start_of(next).map_or(day, |start| start.0 - 1)
}

fn windows_between(buckets: &Buckets, lengths: &[u32], inception: i32, last: i32) -> Vec<(Span, u32)> {
    let mut windows = Vec::new();
    let mut month_end = last;
    while month_end >= inception {
        let to = buckets.over_on(month_end);
        let before = last_month_end(month_end - 1);
        // Of several months within one bucket the one in which it ends counts.
        if to > before {
            let spans = lengths.iter().map(|length| (Span { from: buckets.before(to, length - 1), to }, *length));
            windows.extend(spans.filter(|(span, _)| span.from >= inception));
        }
        month_end = before;
    }
    windows
}

/// Builds the views `risk` and `risk_rolling`.
pub fn register<'scope>(
    books: &Books,
    returns: Collection<'scope, (Symbol, (i32, Return))>,
    periods: Collection<'scope, (Symbol, PeriodOf)>,
    inceptions: Collection<'scope, (Symbol, i32)>,
    valuation_day: &Arranged<'scope, (), i32>,
    views: &mut Views,
) {
    let periods = periods.map(|(portfolio, of)| {
        let span = Span { from: of.range.from.0, to: of.range.to.0 };
        (portfolio, (span, Asked::Period(of)))
    });
    let asked = periods.concat(windows(books, inceptions, valuation_day));
    let measured = measure(&books.risk, returns, asked);
    let is_period = |measured: &Measured| matches!(measured.asked, Asked::Period(_));
    let of_periods = measured.clone().filter(move |(_, measured)| is_period(measured));
    let of_windows = measured.filter(move |(_, measured)| !is_period(measured));

    let of_periods = arrange(of_periods, "risk of periods");
    views.derived(spec_of_periods(&books.risk), &of_periods, |portfolio, group, rows| {
        rows.extend(group.iter().filter_map(|(measured, count)| Some((period_row(*portfolio, measured)?, *count))));
    });
    let of_windows = arrange(of_windows, "risk of windows");
    views.derived(spec_of_windows(), &of_windows, |portfolio, group, rows| {
        rows.extend(group.iter().filter_map(|(measured, count)| Some((window_row(*portfolio, measured)?, *count))));
    });
}

/// Measures the returns of all that is asked for.
fn measure<'scope>(
    by: &RiskConventions,
    returns: Collection<'scope, (Symbol, (i32, Return))>,
    asked: Collection<'scope, (Symbol, (Span, Asked))>,
) -> Collection<'scope, (Symbol, Measured)> {
    let required = match by.config.required {
        Required::RiskFree => None,
        Required::Annual(annual) => Some(periodic_rate(annual, by.returns_per_year())),
    };
    let by = by.clone();
    let measured = range_tree(
        &arrange(returns, "returns beside the market"),
        &arrange(asked, "periods and windows"),
        "risk",
        move |_portfolio, bucket, own: &Return, _count| Observed::of(bucket, own, required),
        move |portfolio, span, asked: &Asked, observed| {
            Measured::new(*span, asked, observed.unwrap_or(&Observed::NONE), &by).map(|measured| (*portfolio, measured))
        },
    );
    measured.flat_map(|measured| measured)
}

fn spec_of_periods(by: &RiskConventions) -> ViewSpec {
    let counts = ["returns", "returns_with_risk_free", "returns_with_benchmark"].map(|name| (name, ColumnKind::Int));
    let columns = [
        vec![("portfolio", ColumnKind::Text), ("period", ColumnKind::Text)],
        vec![("from", ColumnKind::Date), ("to", ColumnKind::Date)],
        counts.to_vec(),
        columns_of(&OF_PERIODS),
        vec![("drawdown_peak", ColumnKind::Date), ("drawdown_trough", ColumnKind::Date)],
    ];
    spec("risk", &about(by), &columns.concat(), 2)
}

fn spec_of_windows() -> ViewSpec {
    let columns = [
        vec![("portfolio", ColumnKind::Text), ("window", ColumnKind::Int)],
        vec![("to", ColumnKind::Date), ("from", ColumnKind::Date)],
        columns_of(&OF_WINDOWS),
    ];
    let about = "The returns of each portfolio over windows of so many of them, one for each month with the last that was over in it. Only full windows are told; conventions are those of `risk`.";
    spec("risk_rolling", about, &columns.concat(), 3)
}

fn columns_of(measures: &[Named]) -> Vec<(&'static str, ColumnKind)> {
    measures.iter().map(|(name, _)| (*name, RATIO)).collect()
}

/// What `risk` measures, with the conventions by which it does.
fn about(by: &RiskConventions) -> String {
    let config = &by.config;
    format!(
        "How much the returns of each portfolio vary over each period, how far they fell, and how they compare with its benchmark. Returns are {} and {} of fees; {} make a year. Deviations and tracking error are of a sample and of a year, in decimals; skewness and kurtosis: {}. The start of a drawdown: {}. Sharpe {}, information ratio {}, alpha {}, captures {}. What needs a rate or a benchmark that is not known is null.",
        name_of(&config.frequency).unwrap_or_default(),
        name_of(&config.basis).unwrap_or_default(),
        by.returns_per_year(),
        name_of(&config.estimator).unwrap_or_default(),
        name_of(&config.start).unwrap_or_default(),
        name_of(&config.sharpe).unwrap_or_default(),
        name_of(&config.information_ratio).unwrap_or_default(),
        name_of(&config.alpha).unwrap_or_default(),
        name_of(&config.capture).unwrap_or_default(),
    )
}

fn period_row(portfolio: Symbol, measured: &Measured) -> Option<Row> {
    let Asked::Period(of) = &measured.asked else { return None };
    let head =
        [symbol_cell(portfolio), Cell::text(of.period.to_string()), date_cell(of.range.from), date_cell(of.range.to)];
    let counts = measured.counts.map(|count| Cell::Int(i64::try_from(count).unwrap_or(i64::MAX)));
    let dates = [date_cell(measured.peak), date_cell(measured.trough)];
    Some(Row::new(head.into_iter().chain(counts).chain(measured.cells()).chain(dates).collect::<Vec<_>>()))
}

fn window_row(portfolio: Symbol, measured: &Measured) -> Option<Row> {
    let Asked::Window(returns) = measured.asked else { return None };
    let Span { from, to } = measured.span;
    let head = [symbol_cell(portfolio), Cell::Int(returns.into()), day_cell(to), day_cell(from)];
    Some(Row::new(head.into_iter().chain(measured.cells()).collect::<Vec<_>>()))
}
