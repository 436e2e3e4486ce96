//! What lies above and below a return that was asked for: downside deviation, Sortino, omega, frequencies.
//!
//! | measure | definition, x = r − required |
//! |---|---|
//! | downside deviation | √(Σ min(x, 0)² / n), n all returns |
//! | Sortino | mean(x) · k / (downside deviation · √k) |
//! | omega | Σ max(x, 0) / Σ max(−x, 0) |
//! | frequency | how many are below, of all |

use serde::{Deserialize, Serialize};

use super::ratios::ZeroSpread;

/// Returns on one side of what was asked for: by how much they differ from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OneSide {
    /// How many.
    pub count: u64,
    /// The sum of the differences, not negative.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
}

impl OneSide {
    const NONE: OneSide = OneSide { count: 0, sum: 0.0, squares: 0.0 };

    fn of(difference: f64) -> OneSide {
        let is_here = difference > 0.0;
        let difference = if is_here { difference } else { 0.0 };
        OneSide { count: u64::from(is_here), sum: difference, squares: difference * difference }
    }

    fn then(&self, later: &OneSide) -> OneSide {
        OneSide { count: self.count + later.count, sum: self.sum + later.sum, squares: self.squares + later.squares }
    }
}

/// Returns above and below what was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartialMoments {
    /// How many returns there are, those that are just what was asked for among them.
    pub count: u64,
    /// Those above.
    pub above: OneSide,
    /// Those below.
    pub below: OneSide,
}

impl PartialMoments {
    /// No returns.
    pub const NONE: PartialMoments = PartialMoments { count: 0, above: OneSide::NONE, below: OneSide::NONE };

    /// One return, less what was asked for.
    pub fn of(excess: f64) -> PartialMoments {
        PartialMoments { count: 1, above: OneSide::of(excess), below: OneSide::of(-excess) }
    }

    /// The moments of returns less what was asked for, one after the other.
    pub fn of_all(excess: impl IntoIterator<Item = f64>) -> PartialMoments {
        excess.into_iter().fold(PartialMoments::NONE, |sum, excess| sum.then(&PartialMoments::of(excess)))
    }

    /// These returns and others.
    pub fn then(&self, later: &PartialMoments) -> PartialMoments {
        PartialMoments {
            count: self.count + later.count,
            above: self.above.then(&later.above),
            below: self.below.then(&later.below),
        }
    }

    /// The mean of what returns are above or below what was asked for.
    pub fn mean(&self) -> Option<f64> {
        self.per_return(self.above.sum - self.below.sum)
    }

    /// The downside deviation of a period; of a year times √k.
    pub fn downside_deviation(&self) -> Option<f64> {
        self.per_return(self.below.squares).map(f64::sqrt)
    }

    /// The upside deviation of a period.
    pub fn upside_deviation(&self) -> Option<f64> {
        self.per_return(self.above.squares).map(f64::sqrt)
    }

    /// The mean of what returns are below, those above counted as nothing.
    pub fn downside_potential(&self) -> Option<f64> {
        self.per_return(self.below.sum)
    }

    /// The mean of what returns are above, those below counted as nothing.
    pub fn upside_potential(&self) -> Option<f64> {
        self.per_return(self.above.sum)
    }

    /// How many returns are below, of all.
    pub fn downside_frequency(&self) -> Option<f64> {
        self.per_return(self.below.count as f64)
    }

    /// How many returns are above, of all.
    pub fn upside_frequency(&self) -> Option<f64> {
        self.per_return(self.above.count as f64)
    }

    /// The Sortino ratio of a year; that of a period with one period a year. `None` of fewer than two returns.
    pub fn sortino_ratio(&self, periods_per_year: f64, zero_spread: ZeroSpread) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let spread = self.downside_deviation()? * periods_per_year.sqrt();
        zero_spread.ratio(self.mean()? * periods_per_year, spread)
    }

    /// The omega ratio. `None` of fewer than two returns, or if none is below.
    pub fn omega_ratio(&self) -> Option<f64> {
        (self.count > 1 && self.below.sum > 0.0).then(|| self.above.sum / self.below.sum)
    }

    fn per_return(&self, sum: f64) -> Option<f64> {
        (self.count > 0).then(|| sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    #[test]
    fn all_returns_count_and_those_above_as_nothing() {
        let moments = PartialMoments::of_all([0.03, -0.04, 0.0, -0.03]);
        let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-15, "{a:?} {b}");
        near(moments.downside_deviation(), 0.025);
        near(moments.upside_deviation(), 0.015);
        near(moments.downside_frequency(), 0.5);
        near(moments.upside_frequency(), 0.25);
        near(moments.omega_ratio(), 3.0 / 7.0);
        near(moments.sortino_ratio(4.0, ZeroSpread::Undefined), -0.01 / 0.025 * 2.0);
        assert_eq!(PartialMoments::of_all([0.1, 0.2]).omega_ratio(), None);
        assert_eq!(PartialMoments::of_all([0.1, 0.2]).sortino_ratio(1.0, ZeroSpread::Undefined), None);
        assert_eq!(PartialMoments::NONE.downside_deviation(), None);
    }

    proptest! {
        #[test]
        fn they_are_summed_up_from_parts(
            returns in prop::collection::vec(-0.5..0.5f64, 0..100),
            cuts in shape::cuts(),
        ) {
            let points: Vec<_> = returns.iter().map(|rate| PartialMoments::of(*rate)).collect();
            let side = |side: &OneSide| vec![side.count as f64, side.sum, side.squares];
            let numbers = |sum: &PartialMoments| [side(&sum.above), side(&sum.below), vec![sum.count as f64]].concat();
            shape::check(&points, PartialMoments::NONE, &cuts, |a, b| a.then(b), numbers)?;
        }
    }
}
