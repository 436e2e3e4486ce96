//! Contribution: what each holding added to the return of its portfolio.
//!
//! In a day it is the gain of the holding by the base of the portfolio, so the holdings' contributions add up to the
//! return of the day. Over several days sums of days do not: each day's return was earned on what the days before had made.
//! Two ways to have them add up:
//!
//! | linking | a day's contribution counts | source |
//! |---|---|---|
//! | `forward` | times what one unit had become before that day | plain algebra; Frongello 2002 |
//! | `carino` | times `(ln(1 + r) / r) / (ln(1 + R) / R)`, r of the day and R of all | Cariño 1999 |

use serde::{Deserialize, Serialize};

use super::daily::{Basis, Day, ratio};

/// How contributions of days are made to add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Linking {
    /// Each on what was there before.
    #[default]
    Forward,
    /// By logarithms.
    Carino,
}

/// The contribution of a holding in a day; 0 where the portfolio had nothing that could earn one.
pub fn daily_contribution(holding: &Day, portfolio: &Day, basis: Basis) -> f64 {
    ratio(holding.gain(basis), portfolio.base().saturating_abs()).unwrap_or(0.0)
}

/// What a holding added over consecutive days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// What one unit of the portfolio has become.
    pub growth: f64,
    forward: f64,
    by_logarithm: f64,
}

impl Contribution {
    /// No days.
    pub const NONE: Contribution = Contribution { growth: 1.0, forward: 0.0, by_logarithm: 0.0 };

    /// One day: the contribution, and the return of the portfolio.
    pub fn of(contribution: f64, portfolio_rate: f64) -> Contribution {
        let by_logarithm = contribution * logarithm_by_rate(portfolio_rate);
        Contribution { growth: 1.0 + portfolio_rate, forward: contribution, by_logarithm }
    }

    /// These days followed by later ones.
    pub fn then(&self, later: &Contribution) -> Contribution {
        Contribution {
            growth: self.growth * later.growth,
            forward: self.forward + self.growth * later.forward,
            by_logarithm: self.by_logarithm + later.by_logarithm,
        }
    }

    /// What the holding added to the return of all days. With logarithms there is none once everything has been lost.
    pub fn rate(&self, linking: Linking) -> Option<f64> {
        let rate = match linking {
            Linking::Forward => self.forward,
            Linking::Carino => self.by_logarithm / logarithm_by_rate(self.growth - 1.0),
        };
        rate.is_finite().then_some(rate)
    }
}

/// `ln(1 + r) / r`, which is 1 at 0.
pub(super) fn logarithm_by_rate(rate: f64) -> f64 {
    if rate == 0.0 { 1.0 } else { rate.ln_1p() / rate }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    #[test]
    fn gains_by_the_base_of_the_portfolio_add_up_in_a_day() {
        let day = |opening_value, closing_value| Day { opening_value, closing_value, ..Day::default() };
        let (holdings, portfolio) = ([day(300, 330), day(700, 690)], day(1_000, 1_020));
        let sum: f64 = holdings.iter().map(|holding| daily_contribution(holding, &portfolio, Basis::Gross)).sum();
        assert!((sum - portfolio.rate(Basis::Gross)).abs() < 1e-15);
        assert_eq!(daily_contribution(&holdings[0], &Day::default(), Basis::Gross), 0.0);
    }

    #[test]
    fn once_everything_is_lost_logarithms_say_nothing() {
        let sum = Contribution::of(-1.0, -1.0).then(&Contribution::of(0.1, 0.1));
        assert_eq!((sum.rate(Linking::Forward), sum.rate(Linking::Carino)), (Some(-1.0), None));
    }

    proptest! {
        #[test]
        fn contributions_of_all_holdings_add_up_to_the_return(
            days in prop::collection::vec(prop::array::uniform3(-0.1..0.1f64), 1..60),
        ) {
            for linking in [Linking::Forward, Linking::Carino] {
                let of_holding = |holding: usize| {
                    let days = days.iter().map(|day| Contribution::of(day[holding], day.iter().sum()));
                    days.fold(Contribution::NONE, |sum, day| sum.then(&day))
                };
                let sum: f64 = (0..3).map(|holding| of_holding(holding).rate(linking).unwrap()).sum();
                prop_assert!((sum - (of_holding(0).growth - 1.0)).abs() < 1e-9, "{:?} {}", linking, sum);
            }
        }

        #[test]
        fn linking_is_associative(
            days in prop::collection::vec((-0.1..0.1f64, -0.3..0.3f64), 0..80),
            cuts in shape::cuts(),
        ) {
            let points: Vec<_> = days.iter().map(|(part, rate)| Contribution::of(*part, *rate)).collect();
            let numbers = |sum: &Contribution| vec![sum.growth, sum.forward, sum.by_logarithm];
            shape::check(&points, Contribution::NONE, &cuts, |a, b| a.then(b), numbers)?;
        }
    }
}
