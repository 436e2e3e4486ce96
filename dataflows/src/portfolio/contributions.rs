//! What each security added to the return of its portfolio over each period of `performance`: the view `contribution`.
//!
//! ```text
//!  values and flows of securities by day ─┐
//!  days of the portfolio, periods ────────┴─▶ contributions of days ──▶ linked over the period ──▶ contribution
//! ```
//! A row without a security is the [rest](super::parts) that no security explains; where cash is kept as a security and all
//! is booked on both sides, it is what was rounded. Over all rows of a period gains and contributions add up to those of
//! `performance`.
//!
//! Each day of a portfolio changes what all of its securities added: by the base of the day, and by what the other days made
//! of it. So all of a portfolio is worked out again when the view is read, or when it changes and the view is followed: some
//! additions for each security, day and period that holds it.

use std::ops::Range;

use engine::{Cell, ColumnKind, Row, Rows, Views};
use model::Symbol;
use operators::day_blocks::DayBlock;
use operators::group::Group;

use super::analyses::{Analysis, Side};
use super::config::Books;
use super::parts::{Analysed, Parts, Told, ValueOf, periods};
use super::performance::contribution::{Contribution, Linking, daily_contribution};
use super::performance::daily::{Basis, Day};
use super::returns::PeriodOf;
use crate::table::{AMOUNT, RATIO, date_cell, name_of, ratio_cell, spec, symbol_cell};

/// Registers the view.
pub fn register(books: &Books, analysed: &Analysed<'_>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("period", ColumnKind::Text),
        ("security", ColumnKind::Text),
        ("from", ColumnKind::Date),
        ("to", ColumnKind::Date),
        ("opening_value", AMOUNT),
        ("closing_value", AMOUNT),
        ("flows", AMOUNT),
        ("gain_gross", AMOUNT),
        ("fees", AMOUNT),
        ("contribution_gross", RATIO),
        ("contribution_net", RATIO),
    ];
    let linking = books.analyses.linking;
    let about = format!(
        "What each security added to the return of its portfolio over each period, in base currency; without a security what none \
         explains. Of the portfolios that `books.contribution` names; days are linked {}.",
        if linking == Linking::Forward {
            "forward".to_owned()
        } else {
            format!("by {}", name_of(&linking).unwrap_or_default())
        },
    );
    let is_one = |analysis: &Analysis| matches!(analysis, Analysis::Contribution(_));
    let (told, values) = analysed.read_by(is_one, "contribution");
    views.joined(spec("contribution", &about, &columns, 3), &told, &values, move |analysis, told, values, rows| {
        if let Analysis::Contribution(portfolio) = analysis {
            rows_of(*portfolio, told, values, linking, rows);
        }
    });
}

fn rows_of(
    portfolio: Symbol,
    told: Group<'_, '_, (Side, Told), isize>,
    values: Group<'_, '_, ValueOf, DayBlock<i128>>,
    linking: Linking,
    rows: &mut Rows,
) {
    let all = Parts::read(Side::Portfolio, told, values);
    let periods = periods(told);
    for (security, days) in &all.parts {
        let by_day = [Basis::Gross, Basis::Net].map(|basis| by_day(days, &all.whole, basis));
        for (of, count) in &periods {
            let added = Added::over(of, &all, days, &by_day, linking);
            if added != Added::NOTHING {
                rows.push((row(portfolio, *security, of, &added), *count));
            }
        }
    }
}

/// What a part added on each day.
fn by_day(days: &[Day], whole: &[Day], basis: Basis) -> Vec<Contribution> {
    let of_day =
        |(day, whole): (&Day, &Day)| Contribution::of(daily_contribution(day, whole, basis), whole.rate(basis));
    days.iter().zip(whole).map(of_day).collect()
}

/// What a security was worth and added over a period.
#[derive(Debug, PartialEq)]
struct Added {
    opening_value: i128,
    closing_value: i128,
    /// What came in, less what went out.
    flows: i128,
    fees: i128,
    /// To the gross and to the net return.
    contributions: [Option<f64>; 2],
}

impl Added {
    const NOTHING: Added =
        Added { opening_value: 0, closing_value: 0, flows: 0, fees: 0, contributions: [Some(0.0); 2] };

    fn over(of: &PeriodOf, all: &Parts, days: &[Day], by_day: &[Vec<Contribution>; 2], linking: Linking) -> Added {
        let (from, to) = (of.range.from.0, of.range.to.0);
        let places: Range<usize> = all.places(from, to);
        let inside = &days[places.clone()];
        let linked = |by_day: &Vec<Contribution>| {
            let sum = by_day[places.clone()].iter().fold(Contribution::NONE, |sum, day| sum.then(day));
            sum.rate(linking)
        };
        Added {
            opening_value: all.value_on(days, from.saturating_sub(1)),
            closing_value: all.value_on(days, to),
            flows: sum(inside, |day| day.opening_flow.saturating_add(day.closing_flow)),
            fees: sum(inside, |day| day.fee),
            contributions: [linked(&by_day[0]), linked(&by_day[1])],
        }
    }

    fn gain(&self) -> i128 {
        self.closing_value.saturating_sub(self.opening_value).saturating_sub(self.flows)
    }
}

fn sum(days: &[Day], amount: impl Fn(&Day) -> i128) -> i128 {
    days.iter().map(amount).fold(0, i128::saturating_add)
}

fn row(portfolio: Symbol, security: Symbol, of: &PeriodOf, added: &Added) -> Row {
    Row::new([
        symbol_cell(portfolio),
        Cell::text(of.period.to_string()),
        symbol_cell(security),
        date_cell(of.range.from),
        date_cell(of.range.to),
        Cell::fixed(added.opening_value),
        Cell::fixed(added.closing_value),
        Cell::fixed(added.flows),
        Cell::fixed(added.gain()),
        Cell::fixed(added.fees),
        ratio_cell(added.contributions[0]),
        ratio_cell(added.contributions[1]),
    ])
}
