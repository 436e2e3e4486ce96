//! Volatility, and what was gained for it.
//!
//! | measure | definition |
//! |---|---|
//! | volatility | sd · √k, of a sample; of fewer than two returns nothing |
//! | Sharpe, arithmetic | mean(r − rf) / sd(r − rf) · √k (empyrical, PAS, PerformanceAnalytics' `SharpeRatio.annualized`) |
//! | Sharpe, geometric | annual return of r − rf / (sd(r − rf) · √k) (PerformanceAnalytics' `table.AnnualizedReturns`) |
//! | Calmar | annual return / deepest drawdown, without its sign |
//! | stability | R² of the sum of ln(1 + r) against a straight line |
//! | tail ratio | 95th percentile / 5th, without their signs |
//!
//! Returns that do not vary have no Sharpe ratio (PAS), or an infinite one with the sign of their mean (empyrical). If the
//! mean is nothing too, there is none in either convention.

use serde::{Deserialize, Serialize};

use super::moments::{CoMoments, Estimator, Moments};
use super::quantile::quantile;
use crate::portfolio::performance::annualised::annual_return;
use crate::portfolio::performance::linked::Linked;

/// What a ratio of something to a spread of zero is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZeroSpread {
    /// Nothing.
    #[default]
    Undefined,
    /// Infinite, with the sign of what is divided.
    Infinite,
}

impl ZeroSpread {
    /// A ratio, by this convention where the spread is zero.
    pub(super) fn ratio(self, gain: f64, spread: f64) -> Option<f64> {
        match self {
            _ if spread > 0.0 => Some(gain / spread),
            ZeroSpread::Infinite if gain != 0.0 => Some(f64::INFINITY.copysign(gain)),
            ZeroSpread::Infinite | ZeroSpread::Undefined => None,
        }
    }
}

/// How the gain of a Sharpe ratio is annualised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compounding {
    /// The mean, times the periods of a year.
    #[default]
    Arithmetic,
    /// The growth, to the power that makes it one of a year.
    Geometric,
}

/// The standard deviation of returns of a year.
pub fn volatility(returns: &Moments, periods_per_year: f64) -> Option<f64> {
    returns.deviation(Estimator::Sample).map(|deviation| deviation * periods_per_year.sqrt())
}

/// The Sharpe ratio of a year, of returns less the risk-free ones of the same periods. `growth` is what these link to: it
/// counts only where the gain is compounded.
pub fn sharpe_ratio(
    excess: &Moments,
    growth: f64,
    periods_per_year: f64,
    compounding: Compounding,
    zero_spread: ZeroSpread,
) -> Option<f64> {
    let spread = volatility(excess, periods_per_year)?;
    let gain = match compounding {
        Compounding::Arithmetic => excess.mean()? * periods_per_year,
        Compounding::Geometric => annual_return(growth, excess.count, periods_per_year)?,
    };
    zero_spread.ratio(gain, spread)
}

/// The annual return by the deepest drawdown, given as a negative number. `None` if there was none.
pub fn calmar_ratio(returns: &Linked, deepest_drawdown: f64, periods_per_year: f64) -> Option<f64> {
    let annual = annual_return(returns.growth, u64::from(returns.days), periods_per_year)?;
    (deepest_drawdown < 0.0).then(|| annual / -deepest_drawdown)
}

/// How straight the way up or down was: 1 if the logarithm grew by the same each period. `None` of fewer than two returns,
/// and if any of them has lost all.
pub fn stability(returns: &[f64]) -> Option<f64> {
    let mut sum = 0.0;
    let points = returns.iter().enumerate().map(|(number, rate)| {
        sum += rate.ln_1p();
        (sum, number as f64)
    });
    let correlation = CoMoments::of_all(points).correlation()?;
    correlation.is_finite().then_some(correlation * correlation)
}

/// How much further the best returns go than the worst, of returns in ascending order.
pub fn tail_ratio(ascending: &[f64]) -> Option<f64> {
    let (best, worst) = (quantile(ascending, 0.95)?, quantile(ascending, 0.05)?);
    (worst != 0.0).then(|| best.abs() / worst.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_returns_have_no_sharpe_ratio_or_an_infinite_one() {
        let ratio = |value: f64, zero_spread| {
            sharpe_ratio(&Moments::of_all([value; 5]), 1.0, 252.0, Compounding::Arithmetic, zero_spread)
        };
        assert_eq!(ratio(0.01, ZeroSpread::Undefined), None);
        assert_eq!(ratio(0.01, ZeroSpread::Infinite), Some(f64::INFINITY));
        assert_eq!(ratio(-0.01, ZeroSpread::Infinite), Some(f64::NEG_INFINITY));
        assert_eq!(ratio(0.0, ZeroSpread::Infinite), None);
    }

    #[test]
    fn too_little_is_nothing() {
        assert_eq!(volatility(&Moments::of(0.01), 252.0), None);
        assert_eq!(stability(&[0.1]), None);
        assert_eq!(stability(&[0.1, -1.0, 0.1]), None);
        assert_eq!(tail_ratio(&[]), None);
        assert_eq!(calmar_ratio(&Linked::of_rate(0.1), 0.0, 252.0), None);
        assert!((stability(&[0.1; 9]).unwrap() - 1.0).abs() < 1e-12);
    }
}
