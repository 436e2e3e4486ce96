//! Returns from average capital: Modified Dietz, and the return on average investment.
//!
//! Modified Dietz weighs each flow by the part of the period for which it was there:
//! `(closing − opening − Σ F) / (opening + Σ F · w)`, with `w` the days that were left by all days of the period. The day of
//! a flow is among those that were left if it flowed at its start.
//!
//! The return on average investment is the same idea with what was *paid* for what is held, as Ghostfolio has it: the gain
//! by the average cost, weighed by days. A sale takes its cost away, not its proceeds.

use model::Date;
use serde::{Deserialize, Serialize};

use super::daily::ratio;
use super::periods::DateRange;
use crate::portfolio::cash_flow_rules::FlowTiming;

/// An amount that came in (positive) or went out on a date, in units of one scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// When.
    pub date: Date,
    /// At which end of that day.
    pub timing: FlowTiming,
    /// How much.
    pub amount: i128,
}

/// A return from average capital.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DietzReturn {
    /// The return over the period; `None` where there was no capital.
    pub rate: Option<f64>,
    /// The average capital, in the unit of the amounts.
    pub average_capital: f64,
    /// The average capital is not above zero, so the return is the simple one: the gain by what was there at the start.
    pub is_simple: bool,
}

/// Modified Dietz over a period. The opening value is that before its first day, the closing value that after its last;
/// flows outside the period are not looked at. `None` if the period has no days.
pub fn modified_dietz(
    period: DateRange,
    opening_value: i128,
    flows: &[Flow],
    closing_value: i128,
) -> Option<DietzReturn> {
    let days = i128::from(period.days());
    if days == 0 {
        return None;
    }
    let inside = flows.iter().filter(|flow| period.from <= flow.date && flow.date <= period.to);
    // Sums of amounts and of amounts by days are exact; they are divided once.
    let (mut sum, mut by_days) = (0i128, opening_value.saturating_mul(days));
    for flow in inside {
        let left =
            flow.date.days_until(period.to).map_or(0, i128::from) + i128::from(flow.timing == FlowTiming::BeginOfDay);
        sum = sum.saturating_add(flow.amount);
        by_days = by_days.saturating_add(flow.amount.saturating_mul(left));
    }
    let gain = closing_value.saturating_sub(opening_value).saturating_sub(sum);
    let average_capital = by_days as f64 / days as f64;
    let is_simple = by_days <= 0;
    let rate =
        if is_simple { ratio(gain, opening_value.saturating_abs()) } else { Some(gain as f64 / average_capital) };
    Some(DietzReturn { rate, average_capital, is_simple })
}

/// What was invested on average up to `end`, given the cost of what was held from each date on, in the order of dates.
/// `None` if no day passed.
pub fn average_investment(costs: &[(Date, i128)], end: Date) -> Option<f64> {
    let untils = costs.iter().skip(1).map(|(date, _)| *date).chain([end]);
    let (mut by_days, mut days) = (0i128, 0i128);
    for ((from, cost), until) in costs.iter().zip(untils) {
        let held = i128::from(from.days_until(until)?.max(0));
        by_days = by_days.saturating_add(cost.saturating_mul(held));
        days += held;
    }
    ratio(by_days, days)
}

/// The gain by what was invested on average. `None` if nothing was.
pub fn return_on_average_investment(gain: i128, average_investment: Option<f64>) -> Option<f64> {
    average_investment.filter(|average| *average > 0.0).map(|average| gain as f64 / average)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text, "%Y-%m-%d").unwrap()
    }

    fn june() -> DateRange {
        DateRange { from: date("2025-06-01"), to: date("2025-06-30") }
    }

    #[test]
    fn a_flow_counts_for_the_days_that_it_was_there_each_from_its_own_end_of_the_day() {
        let flow = |day: &str, timing, amount| Flow { date: date(day), timing, amount };
        let later = flow("2025-07-01", FlowTiming::BeginOfDay, 5_000);
        let end = [flow("2025-06-10", FlowTiming::EndOfDay, 600), later];
        let end = modified_dietz(june(), 1_000, &end, 1_720).unwrap();
        assert_eq!((end.average_capital, end.rate), (1_400.0, Some(120.0 / 1_400.0)));
        let start = [flow("2025-06-10", FlowTiming::BeginOfDay, 600), later];
        let start = modified_dietz(june(), 1_000, &start, 1_720).unwrap();
        assert_eq!((start.average_capital, start.rate), (1_420.0, Some(120.0 / 1_420.0)));
        assert!(!end.is_simple && !start.is_simple);
        let both = ["2025-06-10", "2025-06-10"].into_iter().zip([FlowTiming::BeginOfDay, FlowTiming::EndOfDay]);
        let both: Vec<Flow> = both.map(|(day, timing)| flow(day, timing, 300)).collect();
        assert_eq!(modified_dietz(june(), 1_000, &both, 1_720).unwrap().average_capital, 1_410.0);
    }

    #[test]
    fn without_capital_the_return_is_simple_and_says_so() {
        let flows = [Flow { date: date("2025-06-01"), timing: FlowTiming::EndOfDay, amount: -2_000 }];
        let drawn = modified_dietz(june(), 1_000, &flows, -900).unwrap();
        assert!(drawn.is_simple);
        assert_eq!(drawn.rate, Some(0.1));
        let empty = modified_dietz(june(), 0, &[], 10).unwrap();
        assert_eq!((empty.rate, empty.is_simple), (None, true));
        let no_days = DateRange { from: june().to, to: june().from };
        assert_eq!(modified_dietz(no_days, 1, &[], 1), None);
    }

    #[test]
    fn costs_are_weighed_by_the_days_they_were_held() {
        let costs = [(date("2025-06-01"), 100), (date("2025-06-11"), 0), (date("2025-06-21"), 50)];
        assert_eq!(average_investment(&costs, date("2025-07-01")), Some((1_000.0 + 500.0) / 30.0));
        assert_eq!(average_investment(&costs[..1], date("2025-06-01")), None);
        assert_eq!(return_on_average_investment(5, Some(50.0)), Some(0.1));
        assert_eq!(return_on_average_investment(5, Some(0.0)), None);
    }
}
