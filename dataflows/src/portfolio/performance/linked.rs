//! Time-weighted return: the returns of days, linked. `(1 + r₁)(1 + r₂)… − 1`.
//!
//! A day without investment returns nothing and is not counted among the invested ones.

use super::daily::{Basis, Day};

/// The returns of consecutive days, linked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linked {
    /// What one unit has become.
    pub growth: f64,
    /// How many days these are.
    pub days: u32,
    /// On how many of them something was invested.
    pub days_invested: u32,
}

impl Linked {
    /// No days.
    pub const NONE: Linked = Linked { growth: 1.0, days: 0, days_invested: 0 };

    /// One day.
    pub fn of(day: &Day, basis: Basis) -> Linked {
        let days_invested = u32::from(!day.is_without_investment());
        Linked { growth: 1.0 + day.rate(basis), days: 1, days_invested }
    }

    /// One period with this return.
    pub fn of_rate(rate: f64) -> Linked {
        Linked { growth: 1.0 + rate, days: 1, days_invested: 1 }
    }

    /// These days followed by later ones.
    pub fn then(&self, later: &Linked) -> Linked {
        Linked {
            growth: self.growth * later.growth,
            days: self.days.saturating_add(later.days),
            days_invested: self.days_invested.saturating_add(later.days_invested),
        }
    }

    /// The return of all days together.
    pub fn rate(&self) -> f64 {
        self.growth - 1.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    #[test]
    fn days_without_investment_carry_the_return_on() {
        let day = |opening_value, closing_flow, closing_value| Day {
            opening_value,
            closing_flow,
            closing_value,
            ..Day::default()
        };
        let days = [day(100, 0, 110), day(110, -110, 0), day(0, 0, 0), day(0, 100, 100), day(100, 0, 90)];
        let linked = days.iter().fold(Linked::NONE, |sum, day| sum.then(&Linked::of(day, Basis::Gross)));
        assert!((linked.rate() - (1.1 * 0.9 - 1.0)).abs() < 1e-15);
        assert_eq!((linked.days, linked.days_invested), (5, 3));
    }

    proptest! {
        #[test]
        fn linking_is_associative(rates in prop::collection::vec(-0.5..0.5f64, 0..80), cuts in shape::cuts()) {
            let points: Vec<_> = rates.iter().map(|rate| Linked::of_rate(*rate)).collect();
            let then = |a: &Linked, b: &Linked| a.then(b);
            shape::check(&points, Linked::NONE, &cuts, then, |sum| vec![sum.growth, f64::from(sum.days)])?;
        }
    }
}
