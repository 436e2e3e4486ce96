//! The return of one day: `(closing − opening − flows) / |opening + flows at the start of the day|`.
//!
//! Flows that count from the start of the day earn its return, flows at its end do not. Which is which is the configured
//! policy for each kind of transaction; here it has been decided.
//!
//! | day | return |
//! |---|---|
//! | nothing at the start, money at its end | 0, and the day is one of the chain |
//! | nothing at either end | 0; a day without investment: what came before is carried on, and the day is not counted |
//! | a short position that costs more | negative: the base is taken without its sign |
//!
//! A fee is paid out of the portfolio, so it is one of the flows and does not touch the gross return. Net is gross with the
//! fee taken off what was gained: never above gross while the fee is not negative.

use serde::{Deserialize, Serialize};

/// Before or after fees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Before management fees, after the costs of trading.
    #[default]
    Gross,
    /// After management fees too.
    Net,
}

/// What a portfolio or a position was worth in a day, and what came in and went out. Amounts in units of one scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day {
    /// Worth at the end of the day before.
    pub opening_value: i128,
    /// What came in (positive) or went out at the start of the day.
    pub opening_flow: i128,
    /// What came in (positive) or went out at the end of the day, fees with it.
    pub closing_flow: i128,
    /// Worth at the end of the day.
    pub closing_value: i128,
    /// The fees among the flows, as a positive number.
    pub fee: i128,
}

impl Day {
    /// What earned the return of the day.
    pub fn base(&self) -> i128 {
        self.opening_value.saturating_add(self.opening_flow)
    }

    /// What two parts are together.
    pub fn plus(&self, other: &Day) -> Day {
        self.with(other, i128::saturating_add)
    }

    /// What is left without a part.
    pub fn less(&self, part: &Day) -> Day {
        self.with(part, i128::saturating_sub)
    }

    fn with(&self, other: &Day, amount: fn(i128, i128) -> i128) -> Day {
        Day {
            opening_value: amount(self.opening_value, other.opening_value),
            opening_flow: amount(self.opening_flow, other.opening_flow),
            closing_flow: amount(self.closing_flow, other.closing_flow),
            closing_value: amount(self.closing_value, other.closing_value),
            fee: amount(self.fee, other.fee),
        }
    }

    /// What was gained.
    pub fn gain(&self, basis: Basis) -> i128 {
        let flows = self.opening_flow.saturating_add(self.closing_flow);
        let gross = self.closing_value.saturating_sub(self.opening_value).saturating_sub(flows);
        match basis {
            Basis::Gross => gross,
            Basis::Net => gross.saturating_sub(self.fee),
        }
    }

    /// The return of the day; 0 where nothing could earn one.
    pub fn rate(&self, basis: Basis) -> f64 {
        ratio(self.gain(basis), self.base().saturating_abs()).unwrap_or(0.0)
    }

    /// Nothing was there at the start of the day, and nothing at its end.
    pub fn is_without_investment(&self) -> bool {
        self.base() == 0 && self.closing_value.saturating_sub(self.closing_flow) == 0
    }
}

/// a / b of exact integers, rounded once; `None` if b is zero.
pub(crate) fn ratio(a: i128, b: i128) -> Option<f64> {
    (b != 0).then(|| a as f64 / b as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(values: [i128; 5]) -> Day {
        let [opening_value, opening_flow, closing_flow, closing_value, fee] = values;
        Day { opening_value, opening_flow, closing_flow, closing_value, fee }
    }

    #[test]
    fn a_fee_is_a_flow_and_net_is_below_gross() {
        // 5720 to 6575 with a fee of 25: 15.38 % before it. Of 5720, 855 are left after it: 14.95 %.
        let paid = day([572_000, 0, -2_500, 657_500, 2_500]);
        assert!((paid.rate(Basis::Gross) - 880.0 / 5720.0).abs() < 1e-15);
        assert!((paid.rate(Basis::Net) - 855.0 / 5720.0).abs() < 1e-15);
    }

    #[test]
    fn where_nothing_earns_the_return_is_zero() {
        let cases = [
            // day, return, without investment
            (day([0, 0, 100, 100, 0]), 0.0, true),
            (day([0, 0, 0, 0, 0]), 0.0, true),
            (day([0, 0, 0, 5, 0]), 0.0, false),
            (day([0, 20, -20, 0, 0]), 0.0, false),
            (day([100, -100, 0, 0, 0]), 0.0, true),
            (day([-100, 0, 0, -110, 0]), -0.1, false),
        ];
        for (day, rate, without) in cases {
            assert_eq!((day.rate(Basis::Gross), day.is_without_investment()), (rate, without), "{day:?}");
        }
    }

    proptest! {
        #[test]
        fn net_is_never_above_gross(values in prop::array::uniform4(-10_000i128..10_000), fee in 0i128..500) {
            let day = day([values[0], values[1], values[2], values[3], fee]);
            prop_assert!(day.rate(Basis::Net) <= day.rate(Basis::Gross), "{day:?}");
        }
    }
}
