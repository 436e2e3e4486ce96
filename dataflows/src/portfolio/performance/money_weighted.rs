//! Money-weighted return: the annual rate at which all flows together are worth nothing (XIRR).
//!
//! `Σ C · (1 + r)^(−t) = 0`, with `t` the years since the first flow. What was paid in is negative and what came back
//! positive, or the other way round.
//!
//! | flows | rate |
//! |---|---|
//! | all of one sign, or all on one date | none |
//! | no rate from −1 + 10⁻¹² to 10¹² makes them worth nothing | none |
//! | one rate does | that one, near −1 too |
//! | several do | the one nearest to 0 in `ln(1 + r)`; of two as near, the higher |
//!
//! Rates are looked for outwards from 0 in fixed steps of `ln(1 + r)`, which widen with the distance, until the worth
//! changes its sign. Between two such points the root is closed in by Newton's steps that may not leave it. There is no
//! guess, so nothing depends on one, and flows of a day are added exactly before: the rate is a function of the set of
//! flows, to the last bit. It is rounded to 10 decimals. Two roots within one step cancel and are not seen; where there
//! is no other, there is no rate.
//!
//! The rate is annual, for a month too. [`over_days`] makes it a return of the days that passed.

use std::collections::BTreeMap;

use model::Date;

use super::day_count::DayCount;
use super::dietz::Flow;

/// A rate is a whole number of parts of one, so many.
const PARTS: f64 = 1e10;
/// How far `ln(1 + r)` goes to either side: to a rate of 10¹².
const REACH: f64 = 12.0 * std::f64::consts::LN_10;
/// The points at which the worth is looked at are `sinh(n · STEP)`: 0.02 apart near 0, and 0.5 at the ends.
const STEP: f64 = 0.02;
/// More than are ever needed: bisection alone takes 60.
const ITERATIONS_MAX: usize = 200;

/// The annual rate at which flows are worth nothing, in any order. `None` where there is none, or if a date is none.
pub fn xirr(flows: &[Flow], day_count: DayCount) -> Option<f64> {
    let worth = Worth::of(flows, day_count)?;
    let log_rate = worth.bracket().map(|(from, to)| worth.close_in(from, to))?;
    Some((log_rate.exp_m1() * PARTS).round() / PARTS)
}

/// The return over some days, of an annual rate as act/365.
pub fn over_days(annual: f64, days: u32) -> f64 {
    (1.0 + annual).powf(f64::from(days) / 365.0) - 1.0
}

/// What flows are worth, as a function of `x = ln(1 + r)`.
struct Worth {
    /// Years since the first flow, and the amount: each date once, in order, none without an amount.
    flows: Vec<(f64, f64)>,
    years: f64,
}

impl Worth {
    /// `None` unless there are amounts of both signs.
    fn of(flows: &[Flow], day_count: DayCount) -> Option<Worth> {
        let mut by_date: BTreeMap<Date, i128> = BTreeMap::new();
        for flow in flows {
            let amount = by_date.entry(flow.date).or_default();
            *amount = amount.saturating_add(flow.amount);
        }
        by_date.retain(|_, amount| *amount != 0);
        let (first, _) = by_date.first_key_value()?;
        let dated = |(date, amount): (&Date, &i128)| Some((day_count.years(*first, *date)?, *amount as f64));
        let flows = by_date.iter().map(dated).collect::<Option<Vec<_>>>()?;
        let years = flows.last()?.0;
        let both = flows.iter().any(|flow| flow.1 < 0.0) && flows.iter().any(|flow| flow.1 > 0.0);
        (both && years > 0.0).then_some(Worth { flows, years })
    }

    /// The worth, and its slope. Below a rate of 0 it is that at the end rather than that at the start, which has the same
    /// sign: so no factor is above one, and nothing overflows.
    fn at(&self, x: f64) -> (f64, f64) {
        let origin = if x < 0.0 { self.years } else { 0.0 };
        let mut sum = (0.0, 0.0);
        for (years, amount) in &self.flows {
            let exponent = origin - years;
            let present = amount * (x * exponent).exp();
            sum = (sum.0 + present, sum.1 + exponent * present);
        }
        sum
    }

    /// The nearest two points about 0 between which the worth changes its sign; the same point twice if it is zero there.
    fn bracket(&self) -> Option<(f64, f64)> {
        let sign = |x: f64| {
            let worth = self.at(x).0;
            if worth == 0.0 { 0.0 } else { worth.signum() }
        };
        let point = |number: u32| (f64::from(number) * STEP).sinh().min(REACH);
        let start = sign(0.0);
        if start == 0.0 {
            return Some((0.0, 0.0));
        }
        let mut number = 0;
        while point(number) < REACH {
            let (near, far) = (point(number), point(number + 1));
            // All points up to here have the sign of the start.
            if sign(far) != start {
                return Some((near, far));
            }
            if sign(-far) != start {
                return Some((-far, -near));
            }
            number += 1;
        }
        None
    }

    /// The root between two points at which the worth has different signs.
    fn close_in(&self, mut from: f64, mut to: f64) -> f64 {
        let sign_from = self.at(from).0;
        let mut x = 0.5 * (from + to);
        for _ in 0..ITERATIONS_MAX {
            let (worth, slope) = self.at(x);
            if worth == 0.0 {
                return x;
            }
            if (worth > 0.0) == (sign_from > 0.0) {
                from = x
            } else {
                to = x
            }
            let newton = x - worth / slope;
            let next = if from < newton && newton < to { newton } else { 0.5 * (from + to) };
            if (next - x).abs() <= f64::EPSILON * x.abs().max(f64::EPSILON) {
                return next;
            }
            x = next;
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flows(flows: &[(i32, i128)]) -> Vec<Flow> {
        flows.iter().map(|(day, amount)| Flow { date: Date(*day), amount: *amount }).collect()
    }

    fn rate(of: &[(i32, i128)]) -> Option<f64> {
        xirr(&flows(of), DayCount::Actual365Fixed)
    }

    #[test]
    fn what_has_no_rate_is_none() {
        assert_eq!(rate(&[]), None);
        assert_eq!(rate(&[(0, 100), (152, 200)]), None);
        assert_eq!(rate(&[(0, -100), (0, 110)]), None);
        assert_eq!(rate(&[(0, 0), (10, 0)]), None);
        // Worth 100 − 100/q + 100/q²: never nothing.
        assert_eq!(rate(&[(0, 100), (365, -100), (730, 100)]), None);
        assert_eq!(xirr(&[Flow { date: Date::NONE, amount: 1 }, flows(&[(0, -1)])[0]], DayCount::default()), None);
    }

    #[test]
    fn rates_near_less_one_and_very_high_ones_are_found() {
        assert_eq!(rate(&[(0, -100), (365, 110)]), Some(0.1));
        assert_eq!(rate(&[(0, -100), (365, 100)]), Some(0.0));
        assert_eq!(rate(&[(0, -1_000_000), (365, 1)]), Some(-0.999999));
        assert!((rate(&[(0, -100), (73, 1_000)]).unwrap() - 99_999.0).abs() < 1e-4); // tenfold in a fifth of a year
    }

    #[test]
    fn of_several_rates_the_one_nearest_to_zero_is_taken() {
        // (q − 1.1)(q − 2) = q² − 3.1 q + 2.2
        assert_eq!(rate(&[(0, 1_000), (365, -3_100), (730, 2_200)]), Some(0.1));
        // (q − 0.9)(q − 1.5) = q² − 2.4 q + 1.35
        assert_eq!(rate(&[(0, 1_000), (365, -2_400), (730, 1_350)]), Some(-0.1));
    }

    #[test]
    fn an_annual_rate_is_no_return_of_a_month() {
        assert!((over_days(0.1, 365) - 0.1).abs() < 1e-15);
        assert!((over_days(0.1, 30) - 0.007_864_5).abs() < 1e-7);
    }

    proptest! {
        #[test]
        fn any_order_and_split_gives_the_same_bits(
            of in prop::collection::vec((0..3_000i32, -1_000_000..1_000_000i128), 0..30),
            seed in any::<u64>(),
        ) {
            let straight = rate(&of);
            let mut turned: Vec<_> = of.iter().flat_map(|(day, amount)| [(*day, amount / 3), (*day, amount - amount / 3)]).collect();
            turned.sort_by_key(|(day, amount)| (i128::from(*day) * 7 + amount).wrapping_mul(i128::from(seed | 1)));
            prop_assert_eq!(straight.map(f64::to_bits), rate(&turned).map(f64::to_bits));
            // Amounts turned round have the same rate.
            let negated: Vec<_> = of.iter().map(|(day, amount)| (*day, -amount)).collect();
            prop_assert_eq!(straight.map(f64::to_bits), rate(&negated).map(f64::to_bits));
        }

        #[test]
        fn where_first_and_last_differ_in_sign_there_is_a_rate(
            between in prop::collection::vec((1..3_000i32, -1_000..1_000i128), 0..30),
        ) {
            let mut of = between;
            of.extend([(0, -1_000), (3_000, 1_000)]);
            let worth = Worth::of(&flows(&of), DayCount::Actual365Fixed).unwrap();
            let (from, to) = worth.bracket().unwrap();
            let root = worth.close_in(from, to);
            let (value, slope) = worth.at(root);
            prop_assert!(value.abs() <= 1e-9 * slope.abs().max(1.0), "worth {} at {}", value, root);
        }
    }
}
