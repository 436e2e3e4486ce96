//! What portfolios returned over periods: the view `performance`.
//!
//! ```text
//!  days ──▶ first day of each portfolio ──▶ periods as seen from the last day ──┐
//!    └──────▶ linked in a tree ─────────────────────────────────────────────────┴─▶ returns of periods ──▶ performance
//!  flows ───────────────────────────────────────────────────────────────────────────────▶ weighted by money ──┘
//! ```
//! The long and the short leg of [`legs`](super::performance::legs) are linked where the configuration asks for them. A reset
//! that waits for money at the start of a day counts as of that day.
//!
//! What is weighted by money is net of fees: they are not among its flows. A flow weighs from the end of the day that it has
//! by its rule.
//!
//! A corrected day links again the few stretches of the tree above it. A stretch knows its first day without what was there
//! before it, which the stretch before it adds.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use engine::{Cell, ColumnKind, Row, Views};
use model::{Date, Portfolio, Symbol};
use operators::distinct::distinct_each;
use operators::lookup::{lookup, lookup_left};
use operators::range_tree::{Span, Summary, range_tree};
use operators::shared::Shared;
use operators::top_n::top_n;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use super::cash_flow_rules::FlowTiming;
use super::config::Books;
use super::performance::annualised::Annualisation;
use super::performance::daily::{Basis, Day};
use super::performance::day_count::DayCount;
use super::performance::dietz::{Flow, modified_dietz};
use super::performance::legs::{LegDay, Legs};
use super::performance::linked::Linked;
use super::performance::money_weighted::{Payment, RootChoice, xirr};
use super::performance::periods::{DateRange, Period};
use super::return_series::Float;
use super::series::{PortfolioDay, PortfolioFlow, PricedChange, opening_value};
use crate::table::{self, AMOUNT, RATIO, date_cell, ratio_cell, symbol_cell};

/// Consecutive days of a portfolio, linked.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    first: (i32, PortfolioDay),
    last: Last,
    /// Of all days but the first.
    rest: Measures,
    /// On which basis there are long and short legs, if there are.
    legs: Option<Basis>,
}

/// The end of a stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Last {
    day: i32,
    value: i128,
    closing_flow: i128,
}

/// What is told of some days.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Before fees.
    pub gross: Linked,
    /// After fees.
    pub net: Linked,
    /// What came in, less what went out.
    pub flows: i128,
    /// The fees among it.
    pub fees: i128,
    /// On how many days a position could not be valued, or a flow had no rate.
    pub days_incomplete: u32,
    /// The long and the short leg, if they are asked for and there are days.
    legs: Option<Box<Legs>>,
}

impl Measures {
    const NONE: Measures =
        Measures { gross: Linked::NONE, net: Linked::NONE, flows: 0, fees: 0, days_incomplete: 0, legs: None };

    /// Of a day, after the end of another stretch if there is one.
    fn of((number, day): &(i32, PortfolioDay), before: Option<Last>, legs: Option<Basis>) -> Measures {
        // Nothing is known of a day that is not the one before.
        let before = before.filter(|before| before.day.checked_add(1) == Some(*number));
        let with_opening = day.after(before.map_or(0, |before| before.value));
        let legs = legs.map(|basis| {
            let before = before.map(|before| Day { closing_flow: before.closing_flow, ..Day::default() });
            let day = LegDay::new(Date::from_days(*number), before.as_ref(), &with_opening, None, basis);
            let legs = Legs::day(&day);
            let money_moves = with_opening.opening_flow != 0;
            Box::new(if money_moves { Legs::day(&LegDay::BEFORE_MONEY).then(&legs) } else { legs })
        });
        Measures {
            legs,
            gross: Linked::of(&with_opening, Basis::Gross),
            net: Linked::of(&with_opening, Basis::Net),
            flows: day.opening_flow.saturating_add(day.closing_flow),
            fees: day.fee,
            days_incomplete: u32::from(day.is_incomplete()),
        }
    }

    fn then(&self, later: &Measures) -> Measures {
        Measures {
            gross: self.gross.then(&later.gross),
            net: self.net.then(&later.net),
            flows: self.flows.saturating_add(later.flows),
            fees: self.fees.saturating_add(later.fees),
            days_incomplete: self.days_incomplete.saturating_add(later.days_incomplete),
            legs: match (&self.legs, &later.legs) {
                (Some(legs), Some(later)) => Some(Box::new(legs.then(later))),
                (legs, None) | (None, legs) => legs.clone(),
            },
        }
    }
}

impl Stretch {
    /// One day.
    pub fn of(day: i32, own: &PortfolioDay, legs: Option<Basis>) -> Stretch {
        let last = Last { day, value: own.value, closing_flow: own.closing_flow };
        Stretch { first: (day, *own), last, rest: Measures::NONE, legs }
    }

    /// What is told of the days from `from` on; the day before it, if the stretch starts there, says what was there.
    pub fn from(&self, from: i32) -> (Option<i128>, Measures) {
        let (day, first) = &self.first;
        if *day < from {
            return (Some(opening_value(Some((*day, first.value)), from)), self.rest.clone());
        }
        (None, Measures::of(&self.first, None, self.legs).then(&self.rest))
    }

    /// What is there in the end, if the stretch ends with that day.
    pub fn value_on(&self, day: i32) -> i128 {
        if self.last.day == day { self.last.value } else { 0 }
    }
}

impl Summary for Stretch {
    fn then(&self, later: &Self) -> Self {
        let joint = Measures::of(&later.first, Some(self.last), self.legs);
        let rest = self.rest.then(&joint).then(&later.rest);
        Stretch { first: self.first, last: later.last, rest, legs: self.legs }
    }
}

/// A period of a portfolio.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeriodOf {
    /// Which.
    pub period: Period,
    /// Its days.
    pub range: DateRange,
}

/// What a portfolio returned over a period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Returned {
    /// The period.
    pub of: PeriodOf,
    /// Worth before it.
    pub opening_value: i128,
    /// Worth at its end.
    pub closing_value: i128,
    /// What came in, less what went out.
    pub flows: i128,
    /// The fees among it.
    pub fees: i128,
    /// What one unit has become before fees.
    growth_gross: Float,
    /// What one unit has become after fees.
    growth_net: Float,
    /// On how many days something was invested.
    pub days_invested: u32,
    /// On how many days a position could not be valued, or a flow had no rate.
    pub days_incomplete: u32,
    /// The returns of the long leg, the short one and both, and how often they started again.
    legs: Option<([Float; 3], u32)>,
}

impl Returned {
    fn new(of: &PeriodOf, summary: Option<&Stretch>) -> Returned {
        let (from, to) = (of.range.from.0, of.range.to.0);
        let (opening_value, measures) = summary.map_or((None, Measures::NONE), |stretch| stretch.from(from));
        Returned {
            of: of.clone(),
            opening_value: opening_value.unwrap_or(0),
            closing_value: summary.map_or(0, |stretch| stretch.value_on(to)),
            flows: measures.flows,
            fees: measures.fees,
            growth_gross: Float::of(measures.gross.growth),
            growth_net: Float::of(measures.net.growth),
            days_invested: measures.gross.days_invested,
            days_incomplete: measures.days_incomplete,
            legs: measures.legs.map(|legs| {
                let state = legs.state();
                ([state.long_rate(), state.short_rate(), state.rate()].map(Float::of), state.resets)
            }),
        }
    }

    /// What one unit has become.
    pub fn growth(&self, basis: Basis) -> f64 {
        if basis == Basis::Gross { self.growth_gross.get() } else { self.growth_net.get() }
    }

    /// What was gained, before fees or after them.
    pub fn gain(&self, basis: Basis) -> i128 {
        let gross = self.closing_value.saturating_sub(self.opening_value).saturating_sub(self.flows);
        if basis == Basis::Gross { gross } else { gross.saturating_sub(self.fees) }
    }
}

/// The first day of each portfolio: that of its first change, or the one that the portfolio says.
pub fn inceptions<'scope>(
    changes: &Shared<'scope, PricedChange>,
    portfolios: &Arranged<'scope, Symbol, Arc<Portfolio>>,
) -> Collection<'scope, (Symbol, i32)> {
    let days = distinct_each(changes, "days of portfolios", |change| Some((change.target.0, Reverse(change.day))));
    let days = arrange(days, "days of portfolios");
    let first = top_n(
        &days,
        1,
        "first days",
        |_| 0,
        |portfolio, top, out| {
            out.extend(top.greatest.iter().map(|(Reverse(day), _)| (*portfolio, *day)));
        },
    );
    lookup_left(
        &arrange(first, "first days"),
        portfolios,
        "inceptions",
        |portfolio, first, known: Option<&Arc<Portfolio>>| {
            let said = known.and_then(|known| known.inception_date.days());
            (*portfolio, said.unwrap_or(*first))
        },
    )
}

/// The periods of all portfolios, as seen from the last day.
pub fn periods<'scope>(
    books: &Books,
    inceptions: Collection<'scope, (Symbol, i32)>,
    valuation_day: &Arranged<'scope, (), i32>,
) -> Collection<'scope, (Symbol, PeriodOf)> {
    let (periods, by_year) = (books.periods.clone(), books.by_year);
    let inceptions = arrange(inceptions.map(|inception| ((), inception)), "inceptions of all");
    let periods =
        lookup(&inceptions, valuation_day, "periods", move |(), (portfolio, inception): &(Symbol, i32), day| {
            let (as_of, inception) = (Date::from_days(*day), Date::from_days(*inception));
            let years = inception.ymd().zip(as_of.ymd()).filter(|_| by_year);
            let years = years.into_iter().flat_map(|((first, ..), (last, ..))| first..=last).map(Period::Year);
            let named: BTreeSet<Period> = periods.iter().copied().chain(years).collect();
            let ranged = named.into_iter().filter_map(|period| Some((period, period.range(as_of, inception)?)));
            ranged.map(|(period, range)| (*portfolio, PeriodOf { period, range })).collect::<Vec<_>>()
        });
    periods.flat_map(|periods| periods)
}

/// A flow or a period of a portfolio.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    Flow { day: i32, timing: FlowTiming, amount: i128 },
    Period(Returned),
}

/// Builds the view `performance`.
pub fn register<'scope>(
    books: &Books,
    days: &Arranged<'scope, Symbol, (i32, PortfolioDay)>,
    flows: Collection<'scope, PortfolioFlow>,
    periods: Collection<'scope, (Symbol, PeriodOf)>,
    views: &mut Views,
) {
    // A day more: what was there before the period.
    let spans = periods.map(|(portfolio, of)| {
        let span = Span { from: of.range.from.0.saturating_sub(1), to: of.range.to.0 };
        (portfolio, (span, of))
    });
    let spans = arrange(spans, "spans of returns");
    let legs = books.long_and_short;
    let returned = range_tree(
        days,
        &spans,
        "returns",
        move |_portfolio, day, own: &PortfolioDay, _count| Stretch::of(day, own, legs),
        |portfolio, _span, of: &PeriodOf, summary| (*portfolio, Part::Period(Returned::new(of, summary))),
    );
    // A fee is no money that is taken out: left out here, it makes less of what is there, and the returns are net of it.
    let flows =
        flows.filter(|flow| !flow.is_fee).flat_map(|PortfolioFlow { portfolio, day, timing, amount, .. }| {
            amount.map(|amount| (portfolio, Part::Flow { day, timing, amount }))
        });
    let parts = arrange(returned.concat(flows), "returns and flows");
    let annualisation = books.annualisation;
    views.derived(spec(), &parts, move |portfolio, parts, rows| {
        let mut flows: Vec<Flow> = Vec::new();
        for (part, count) in parts {
            match part {
                Part::Flow { day, timing, amount } => {
                    let amount = amount.saturating_mul(*count as i128);
                    flows.push(Flow { date: Date::from_days(*day), timing: *timing, amount });
                }
                Part::Period(returned) => rows.push((row(*portfolio, returned, &flows, &annualisation), *count)),
            }
        }
    });
}

fn spec() -> engine::ViewSpec {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("period", ColumnKind::Text),
        ("from", ColumnKind::Date),
        ("to", ColumnKind::Date),
        ("opening_value", AMOUNT),
        ("closing_value", AMOUNT),
        ("flows", AMOUNT),
        ("fees", AMOUNT),
        ("gain_gross", AMOUNT),
        ("gain_net", AMOUNT),
        ("time_weighted_gross", RATIO),
        ("time_weighted_net", RATIO),
        ("annualised_gross", RATIO),
        ("annualised_net", RATIO),
        ("modified_dietz", RATIO),
        ("money_weighted_annual", RATIO),
        ("days_invested", ColumnKind::Int),
        ("days_incomplete", ColumnKind::Int),
        ("days_without_investment", ColumnKind::Int),
        ("time_weighted_long", RATIO),
        ("time_weighted_short", RATIO),
        ("time_weighted_long_short", RATIO),
        ("resets", ColumnKind::Int),
    ];
    let about = "What each portfolio returned over each period, in base currency: weighted by time, before and after fees, \
                 and by money, after them.";
    table::spec("performance", about, &columns, 2)
}

fn row(portfolio: Symbol, returned: &Returned, flows: &[Flow], annualisation: &Annualisation) -> Row {
    let range = returned.of.range;
    let [gross, net] = [Basis::Gross, Basis::Net].map(|basis| returned.growth(basis));
    let leg = |number: usize| returned.legs.map(|(rates, _)| rates[number].get());
    let dietz = modified_dietz(range, returned.opening_value, flows, returned.closing_value);
    Row::new([
        symbol_cell(portfolio),
        Cell::text(returned.of.period.to_string()),
        date_cell(range.from),
        date_cell(range.to),
        Cell::fixed(returned.opening_value),
        Cell::fixed(returned.closing_value),
        Cell::fixed(returned.flows),
        Cell::fixed(returned.fees),
        Cell::fixed(returned.gain(Basis::Gross)),
        Cell::fixed(returned.gain(Basis::Net)),
        ratio_cell(Some(gross - 1.0)),
        ratio_cell(Some(net - 1.0)),
        ratio_cell(annualisation.rate(gross, range.days())),
        ratio_cell(annualisation.rate(net, range.days())),
        ratio_cell(dietz.and_then(|dietz| dietz.rate)),
        ratio_cell(money_weighted(returned, flows)),
        Cell::Int(returned.days_invested.into()),
        Cell::Int(returned.days_incomplete.into()),
        Cell::Int(range.days().saturating_sub(returned.days_invested).into()),
        ratio_cell(leg(0)),
        ratio_cell(leg(1)),
        ratio_cell(leg(2)),
        returned.legs.map_or(Cell::Null, |(_, resets)| Cell::Int(resets.into())),
    ])
}

/// The annual rate at which what was there and came in grew to what is there: XIRR, with what was there on the first day
/// and what is left on the last. It knows days, not their ends. Nothing where the period has one day or no rate fits.
fn money_weighted(returned: &Returned, flows: &[Flow]) -> Option<f64> {
    let DateRange { from, to } = returned.of.range;
    let inside = flows.iter().filter(|flow| from <= flow.date && flow.date <= to);
    let mut invested = vec![Payment { date: from, amount: returned.opening_value.saturating_neg() }];
    invested.extend(inside.map(|flow| Payment { date: flow.date, amount: flow.amount.saturating_neg() }));
    invested.push(Payment { date: to, amount: returned.closing_value });
    xirr(&invested, DayCount::Actual365Fixed, RootChoice::default())
}
