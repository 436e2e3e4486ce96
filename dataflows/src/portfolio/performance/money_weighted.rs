//! Money-weighted return: the annual rate at which all flows together are worth nothing (XIRR).
//!
//! `Σ C · (1 + r)^(−t) = 0`, with `t` the years since the first flow. What was paid in is negative and what came back
//! positive.
//!
//! | flows | rate |
//! |---|---|
//! | all of one sign, or all on one date | none |
//! | no rate from −1 + 10⁻¹² to 10¹² makes them worth nothing | none |
//! | one rate does | that one, near −1 too |
//! | several do | the one that [`RootChoice`] says |
//!
//! A rate is always closed in between two points at which the worth has different signs, by Newton's steps that may not
//! leave them. Flows of a day are added exactly before. So the rate is a function of the set of flows, to the last bit, in
//! whatever order they come. It is rounded to 10 decimals.
//!
//! What rates there are is looked at in fixed steps of `ln(1 + r)`, which widen with the distance from 0. Two roots within
//! one step cancel and are not seen; where there is no other, there is no rate.
//!
//! The rate is annual, for a month too. [`over_days`] makes it a return of the days that passed.

use std::collections::BTreeMap;

use model::Date;
use serde::{Deserialize, Serialize};

use super::day_count::DayCount;

/// A rate is a whole number of parts of one, so many.
const PARTS: f64 = 1e10;
/// How far `ln(1 + r)` goes to either side: to a rate of 10¹².
const REACH: f64 = 12.0 * std::f64::consts::LN_10;
/// The points at which the worth is looked at are `sinh(n · STEP)`: 0.02 apart near 0, and 0.5 at the ends.
const STEP: f64 = 0.02;
/// More than are ever needed: bisection alone takes 60.
const ITERATIONS_MAX: usize = 200;
/// Where Newton's method starts in spreadsheets, and how many steps it may take.
const GUESS: f64 = 0.1;
const GUESSES_MAX: usize = 50;
/// How many times the greatest flow they may be worth in all at a rate that a spreadsheet would take.
const WORTH_MAX: f64 = 1e10;

/// What was paid on a date: in (negative), or back (positive). At which end of the day does not matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Payment {
    /// When.
    pub date: Date,
    /// How much, in units of one scale.
    pub amount: i128,
}

/// Which rate is taken where several make flows worth nothing. With one there is nothing to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootChoice {
    /// As spreadsheets start: the one to which Newton's method leads from 10 %, if the worth falls there as the rate rises,
    /// as it does for who pays first and is paid later; else the one nearest to 0. A rate at which the flows are worth 10¹⁰
    /// times the greatest of them is none: there a spreadsheet can no longer tell whether the worth is nothing. The rule is
    /// fitted to the 30 sets of flows of pyxirr's tests that ours are compared with, and gives all their rates; for other
    /// sets with several rates no convention is common to all programs.
    #[default]
    FromTenPercent,
    /// The one nearest to 0 in `ln(1 + r)`; of two as near, the higher.
    NearestToZero,
}

/// The annual rate at which flows are worth nothing, in any order. `None` where there is none, or if a date is none.
pub fn xirr(flows: &[Payment], day_count: DayCount, choice: RootChoice) -> Option<f64> {
    let worth = Worth::of(flows, day_count)?;
    let log_rate = match choice {
        RootChoice::FromTenPercent => worth.guessed().or_else(|| worth.nearest()).filter(|x| worth.can_be_told(*x)),
        RootChoice::NearestToZero => worth.nearest(),
    };
    Some((log_rate?.exp_m1() * PARTS).round() / PARTS)
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
    fn of(flows: &[Payment], day_count: DayCount) -> Option<Worth> {
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

    fn sign(&self, x: f64) -> f64 {
        let worth = self.at(x).0;
        if worth == 0.0 { 0.0 } else { worth.signum() }
    }

    /// The root nearest to 0, looked for outwards.
    fn nearest(&self) -> Option<f64> {
        let start = self.sign(0.0);
        if start == 0.0 {
            return Some(0.0);
        }
        // All points before these two have the sign of the start.
        points().zip(points().skip(1)).find_map(|(near, far)| match () {
            () if self.sign(far) != start => Some(self.close_in(near, far)),
            () if self.sign(-far) != start => Some(self.close_in(-far, -near)),
            () => None,
        })
    }

    /// The root to which Newton's method leads from the usual guess, in steps of the rate itself; `None` if the worth does
    /// not fall there.
    fn guessed(&self) -> Option<f64> {
        let mut rate = GUESS;
        for _ in 0..GUESSES_MAX {
            let x = rate.ln_1p();
            let (worth, slope) = self.at(x);
            // By x the worth at the start has the slope that is told, less what makes it one at the end.
            let slope = if x < 0.0 { slope - self.years * worth } else { slope };
            let step = worth / slope * (1.0 + rate);
            rate -= step;
            if rate <= -1.0 || !rate.is_finite() {
                return None;
            }
            if step.abs() <= 0.1 / PARTS {
                let x = rate.ln_1p();
                let (from, to) = (x - 1e-6, x + 1e-6);
                return (self.sign(from) > self.sign(to)).then(|| self.close_in(from, to));
            }
        }
        None
    }

    /// Whether the flows are worth so little at a rate that rounding does not hide what they are worth together.
    fn can_be_told(&self, x: f64) -> bool {
        let sum: f64 = self.flows.iter().map(|(years, amount)| (amount * (-x * years).exp()).abs()).sum();
        let greatest = self.flows.iter().map(|(_, amount)| amount.abs()).fold(0.0, f64::max);
        sum <= WORTH_MAX * greatest
    }

    /// The root between two points at which the worth has different signs.
    fn close_in(&self, mut from: f64, mut to: f64) -> f64 {
        let sign_from = self.sign(from);
        if sign_from == 0.0 {
            return from;
        }
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

/// The points from 0 on at which the worth is looked at.
fn points() -> impl Iterator<Item = f64> {
    let inner = (0u32..).map(|number| (f64::from(number) * STEP).sinh()).take_while(|point| *point < REACH);
    inner.chain([REACH])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flows(flows: &[(i32, i128)]) -> Vec<Payment> {
        flows.iter().map(|(day, amount)| Payment { date: Date(*day), amount: *amount }).collect()
    }

    fn rate(of: &[(i32, i128)]) -> Option<f64> {
        let [usual, nearest] = [RootChoice::FromTenPercent, RootChoice::NearestToZero]
            .map(|choice| xirr(&flows(of), DayCount::Actual365Fixed, choice));
        assert_eq!(usual.map(f64::to_bits), nearest.map(f64::to_bits), "{of:?}");
        usual
    }

    #[test]
    fn what_has_no_rate_is_none() {
        assert_eq!(rate(&[]), None);
        assert_eq!(rate(&[(0, 100), (152, 200)]), None);
        assert_eq!(rate(&[(0, -100), (0, 110)]), None);
        assert_eq!(rate(&[(0, 0), (10, 0)]), None);
        // Worth 100 − 100/q + 100/q²: never nothing.
        assert_eq!(rate(&[(0, 100), (365, -100), (730, 100)]), None);
        assert_eq!(
            xirr(
                &[Payment { date: Date::NONE, amount: 1 }, flows(&[(0, -1)])[0]],
                DayCount::default(),
                RootChoice::default()
            ),
            None
        );
    }

    #[test]
    fn rates_near_less_one_and_very_high_ones_are_found() {
        assert_eq!(rate(&[(0, -100), (365, 110)]), Some(0.1));
        assert_eq!(rate(&[(0, -100), (365, 100)]), Some(0.0));
        assert_eq!(rate(&[(0, -1_000_000), (365, 1)]), Some(-0.999999));
        assert!((rate(&[(0, -100), (73, 1_000)]).unwrap() - 99_999.0).abs() < 1e-4); // tenfold in a fifth of a year
    }

    #[test]
    fn of_several_rates_one_is_taken_by_choice() {
        let rates = |of: &[(i32, i128)]| {
            [RootChoice::FromTenPercent, RootChoice::NearestToZero]
                .map(|choice| xirr(&flows(of), DayCount::default(), choice))
        };
        // (q − 1.1)(q − 2) = q² − 3.1 q + 2.2
        assert_eq!(rates(&[(0, 1_000), (365, -3_100), (730, 2_200)]), [Some(0.1); 2]);
        // (q − 0.95)(q − 1.14) = q² − 2.09 q + 1.083: from 10 % it is nearer to the second, where the worth rises if what
        // comes first is positive, and falls if it is negative.
        assert_eq!(rates(&[(0, 1_000), (365, -2_090), (730, 1_083)]), [Some(-0.05); 2]);
        assert_eq!(rates(&[(0, -1_000), (365, 2_090), (730, -1_083)]), [Some(0.14), Some(-0.05)]);
    }

    #[test]
    fn what_a_spreadsheet_cannot_tell_is_none_there() {
        // In the last of 20 years nine tenths are lost: at −90 % what is paid then is worth 10¹⁹ times as much at the start.
        let of = flows(&[(0, -1_000), (6_935, -1_000), (7_300, 100)]);
        assert_eq!(xirr(&of, DayCount::default(), RootChoice::FromTenPercent), None);
        assert_eq!(xirr(&of, DayCount::default(), RootChoice::NearestToZero), Some(-0.9));
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
            let rate = |of: &[(i32, i128)]| {
                let choices = [RootChoice::FromTenPercent, RootChoice::NearestToZero];
                choices.map(|choice| xirr(&flows(of), DayCount::default(), choice).map(f64::to_bits))
            };
            let straight = rate(&of);
            let mut turned: Vec<_> = of.iter().flat_map(|(day, amount)| [(*day, amount / 3), (*day, amount - amount / 3)]).collect();
            turned.sort_by_key(|(day, amount)| (i128::from(*day) * 7 + amount).wrapping_mul(i128::from(seed | 1)));
            prop_assert_eq!(straight, rate(&turned));
            // Amounts turned round have the same rates, and the nearest of them is the same.
            let negated: Vec<_> = of.iter().map(|(day, amount)| (*day, -amount)).collect();
            prop_assert_eq!(straight[1], rate(&negated)[1]);
        }

        #[test]
        fn where_first_and_last_differ_in_sign_there_is_a_rate(
            between in prop::collection::vec((1..3_000i32, -1_000..1_000i128), 0..30),
        ) {
            let mut of = between;
            of.extend([(0, -1_000), (3_000, 1_000)]);
            let worth = Worth::of(&flows(&of), DayCount::Actual365Fixed).unwrap();
            let root = worth.nearest().unwrap();
            let (value, slope) = worth.at(root);
            prop_assert!(value.abs() <= 1e-9 * slope.abs().max(1.0), "worth {} at {}", value, root);
        }
    }
}
