//! Why portfolios did better or worse than their benchmarks over each period of `performance`, by group: the view
//! `attribution`.
//!
//! ```text
//!  values and flows of groups by day, of the portfolio and of the benchmark ─┐
//!  days of both, periods of the portfolio ───────────────────────────────────┴─▶ effects of days ──▶ linked ──▶ attribution
//! ```
//! A benchmark is a portfolio of the books too. The weights of a day are those at its start, with what the world brings then;
//! what is bought within the day has none yet. The group without a name holds what is of no known group, and the
//! [rest](super::parts) that no position explains, so on every day the weights of each side add up to one, and the effects of
//! all groups to the difference of the two returns. A portfolio in which nothing is invested is in that group as a whole.
//!
//! The effects of days are linked by logarithms. They are worked out again when the view is read, or when one of both
//! portfolios changes and the view is followed: some additions for each group, day and period that holds it.

use std::collections::BTreeMap;

use engine::{Cell, ColumnKind, Row, Rows, Views};
use model::Symbol;
use operators::day_blocks::DayBlock;
use operators::group::Group;

use super::analyses::{Analysis, Attribution, Side};
use super::config::Books;
use super::parts::{Analysed, Parts, Told, ValueOf, periods};
use super::performance::attribution::{Effects, Holding, LinkedEffects, Segment, effects};
use super::performance::daily::{Basis, Day};
use super::performance::linked::Linked;
use super::returns::PeriodOf;
use crate::table::{RATIO, date_cell, ratio_cell, spec, symbol_cell};

/// Registers the view.
pub fn register(books: &Books, analysed: &Analysed<'_>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("benchmark", ColumnKind::Text),
        ("by", ColumnKind::Text),
        ("period", ColumnKind::Text),
        ("group", ColumnKind::Text),
        ("from", ColumnKind::Date),
        ("to", ColumnKind::Date),
        ("weight", RATIO),
        ("return", RATIO),
        ("benchmark_weight", RATIO),
        ("benchmark_return", RATIO),
        ("allocation", RATIO),
        ("selection", RATIO),
        ("interaction", RATIO),
        ("total", RATIO),
        ("excess_return", RATIO),
    ];
    let about = "Why each portfolio of `books.attribution` did better or worse than its benchmark over each period, by group. The totals \
                 of all groups add up to the excess return, which is of the whole portfolio.";
    let (told, values) = analysed.read_by(|analysis| matches!(analysis, Analysis::Attribution(_)), "attribution");
    let attributions = books.analyses.attributions.clone();
    views.joined(spec("attribution", about, &columns, 5), &told, &values, move |analysis, told, values, rows| {
        if let Analysis::Attribution(number) = analysis
            && let Some(by) = attributions.get(usize::from(*number))
        {
            rows_of(by, told, values, rows);
        }
    });
}

fn rows_of(
    by: &Attribution,
    told: Group<'_, '_, (Side, Told), isize>,
    values: Group<'_, '_, ValueOf, DayBlock<i128>>,
    rows: &mut Rows,
) {
    let [own, benchmark] = [Side::Portfolio, Side::Benchmark].map(|side| Parts::read(side, told, values));
    // With a benchmark that is not there nothing can be compared.
    if benchmark.dates.is_empty() {
        return;
    }
    let compared = Compared::new(by, &own, &benchmark);
    for (of, count) in periods(told) {
        let excess_return = compared.excess_return(of);
        for (group, days) in &compared.groups {
            let linked = Attributed::over(of, &compared.dates, days);
            if linked.is_something() {
                rows.push((row(by, *group, of, &linked, excess_return), count));
            }
        }
    }
}

/// A portfolio and its benchmark, day by day.
struct Compared {
    /// The days on which either is there.
    dates: Vec<i32>,
    /// The returns of both.
    rates: Vec<[f64; 2]>,
    /// Each group on each day.
    groups: BTreeMap<Symbol, Vec<OnDay>>,
}

/// A group on a day.
struct OnDay {
    /// What it was of either side.
    holdings: [Holding; 2],
    effects: LinkedEffects,
}

impl Compared {
    fn new(by: &Attribution, own: &Parts, benchmark: &Parts) -> Compared {
        let mut dates = [own.dates.as_slice(), &benchmark.dates].concat();
        dates.sort_unstable();
        dates.dedup();
        let whole = |parts: &Parts, date| parts.whole_on(date).rate(by.basis);
        let rates: Vec<[f64; 2]> = dates.iter().map(|date| [whole(own, *date), whole(benchmark, *date)]).collect();
        let on_day = |group: Symbol, (date, rates): (&i32, &[f64; 2])| {
            let holdings = [own, benchmark].map(|parts| holding(parts, group, *date, by.basis));
            let segment = Segment::of(&holdings[0], &holdings[1]);
            let effects = effects(&segment, rates[1], by.allocation, by.interaction);
            OnDay { holdings, effects: LinkedEffects::of(&effects, rates[0], rates[1]) }
        };
        let groups = own.parts.keys().chain(benchmark.parts.keys());
        let groups =
            groups.map(|group| (*group, dates.iter().zip(&rates).map(|day| on_day(*group, day)).collect())).collect();
        Compared { dates, rates, groups }
    }

    /// By how much the portfolio returned more than the benchmark.
    fn excess_return(&self, of: &PeriodOf) -> f64 {
        let inside = &self.rates[places(&self.dates, of)];
        let linked =
            |side: usize| inside.iter().fold(Linked::NONE, |sum, rates| sum.then(&Linked::of_rate(rates[side]))).rate();
        linked(0) - linked(1)
    }
}

/// The places of the days of a period.
fn places(dates: &[i32], of: &PeriodOf) -> std::ops::Range<usize> {
    let first = dates.partition_point(|day| *day < of.range.from.0);
    first..dates.partition_point(|day| *day <= of.range.to.0).max(first)
}

/// What a group was of its portfolio on a day, and what it added to the return.
fn holding(parts: &Parts, group: Symbol, date: i32, basis: Basis) -> Holding {
    let whole = parts.whole_on(date);
    let mut own = parts.part_on(group, date);
    if group.is_none() {
        if whole.base() == 0 {
            return Holding { weight: 1.0, contribution: 0.0, rate: Some(0.0) };
        }
        // Where more is owed than there is the weights of parts add up to minus one: with as much more of the rest, to one.
        let more = whole.base().saturating_abs() - whole.base();
        own = own.plus(&Day { opening_value: more, closing_value: more, ..Day::default() });
    }
    Holding::of(&own, &whole, basis)
}

/// A group over a period.
#[derive(Debug)]
struct Attributed {
    /// Of either side, on average.
    weights: [f64; 2],
    /// Of the days on which there is one.
    rates: [Option<f64>; 2],
    effects: Option<Effects>,
}

impl Attributed {
    fn over(of: &PeriodOf, dates: &[i32], days: &[OnDay]) -> Attributed {
        let inside = &days[places(dates, of)];
        let mean =
            |side: usize| inside.iter().map(|day| day.holdings[side].weight).sum::<f64>() / inside.len().max(1) as f64;
        let linked = |side: usize| {
            let rates = inside.iter().filter_map(|day| day.holdings[side].rate);
            let linked = rates.fold(Linked::NONE, |sum, rate| sum.then(&Linked::of_rate(rate)));
            (linked.days > 0).then(|| linked.rate())
        };
        Attributed {
            weights: [mean(0), mean(1)],
            rates: [linked(0), linked(1)],
            effects: inside.iter().fold(LinkedEffects::NONE, |sum, day| sum.then(&day.effects)).effects(),
        }
    }

    fn is_something(&self) -> bool {
        self.weights != [0.0; 2] || self.effects.is_none_or(|effects| effects != Effects::default())
    }
}

fn row(by: &Attribution, group: Symbol, of: &PeriodOf, linked: &Attributed, excess_return: f64) -> Row {
    let effect = |effect: fn(&Effects) -> f64| ratio_cell(linked.effects.as_ref().map(effect));
    Row::new([
        symbol_cell(by.portfolio),
        symbol_cell(by.benchmark),
        Cell::text(by.by.code()),
        Cell::text(of.period.to_string()),
        symbol_cell(group),
        date_cell(of.range.from),
        date_cell(of.range.to),
        ratio_cell(Some(linked.weights[0])),
        ratio_cell(linked.rates[0]),
        ratio_cell(Some(linked.weights[1])),
        ratio_cell(linked.rates[1]),
        effect(|effects| effects.allocation),
        effect(|effects| effects.selection),
        effect(|effects| effects.interaction),
        effect(Effects::total),
        ratio_cell(Some(excess_return)),
    ])
}
