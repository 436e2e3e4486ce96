//! Against a benchmark: beta, alpha, tracking error, information ratio, captures.
//!
//! | measure | definition |
//! |---|---|
//! | beta | cov(r − rf, b − rf) / var(b − rf) |
//! | alpha, of a period | mean(r − rf) − β mean(b − rf): the intercept (PerformanceAnalytics' `SFM.alpha`) |
//! | alpha, compounded | (1 + that)^k − 1 (empyrical) |
//! | alpha, Jensen | (R − Rf) − β (B − Rf), annual returns (PerformanceAnalytics' `SFM.jensenAlpha`) |
//! | tracking error | sd(r − b) · √k, in decimals like volatility |
//! | information ratio, arithmetic | mean(r − b) · k / tracking error (PAS) |
//! | information ratio, geometric | (R − B) / tracking error, annual returns (PerformanceAnalytics) |
//! | capture, annual | annual return of r / that of b, over the periods in which b went up, or down (empyrical) |
//! | capture, cumulative | the same of the whole returns over these periods (PerformanceAnalytics) |
//! | up number | how often r rose when b did; percent: how often it then beat b |
//!
//! Both series have the same dates; dates of one alone are left out before.

use serde::{Deserialize, Serialize};

use super::moments::{CoMoments, Estimator, Moments};
use super::ratios::{Compounding, ZeroSpread, volatility};
use crate::portfolio::performance::annualised::annual_return;
use crate::portfolio::performance::linked::Linked;

/// Returns and those of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Against {
    /// Both, less the risk-free return if that is what they are.
    pub together: CoMoments,
    /// The returns less those of the benchmark.
    pub active: Moments,
    /// The returns, linked.
    pub linked: Linked,
    /// The returns of the benchmark, linked.
    pub benchmark_linked: Linked,
    /// Where the benchmark went up.
    pub up: Captured,
    /// Where it went down.
    pub down: Captured,
}

/// Returns in periods in which the benchmark went one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Captured {
    /// The returns, linked.
    pub linked: Linked,
    /// The returns of the benchmark, linked.
    pub benchmark_linked: Linked,
    /// How many returns went the same way.
    pub same_way: u64,
    /// How many returns were above those of the benchmark.
    pub above: u64,
}

/// What a capture is a ratio of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// Of annual returns.
    #[default]
    Annual,
    /// Of the returns over all these periods.
    Cumulative,
}

/// How alpha is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alpha {
    /// Of one period.
    OfPeriod,
    /// Of a year, that of a period compounded.
    #[default]
    Compounded,
    /// Of a year, from annual returns.
    Jensen,
}

impl Captured {
    const NONE: Captured = Captured { linked: Linked::NONE, benchmark_linked: Linked::NONE, same_way: 0, above: 0 };

    fn of(rate: f64, benchmark: f64) -> Captured {
        Captured {
            linked: Linked::of_rate(rate),
            benchmark_linked: Linked::of_rate(benchmark),
            same_way: u64::from(rate * benchmark > 0.0),
            above: u64::from(rate > benchmark),
        }
    }

    fn then(&self, later: &Captured) -> Captured {
        Captured {
            linked: self.linked.then(&later.linked),
            benchmark_linked: self.benchmark_linked.then(&later.benchmark_linked),
            same_way: self.same_way + later.same_way,
            above: self.above + later.above,
        }
    }

    /// How much of what the benchmark did the returns did too: 1 is as much.
    pub fn ratio(&self, capture: Capture, periods_per_year: f64) -> Option<f64> {
        let annual = |linked: &Linked| annual_return(linked.growth, u64::from(linked.days), periods_per_year);
        let (ours, theirs) = match capture {
            Capture::Annual => (annual(&self.linked)?, annual(&self.benchmark_linked)?),
            Capture::Cumulative => (self.linked.rate(), self.benchmark_linked.rate()),
        };
        (theirs != 0.0).then(|| ours / theirs)
    }

    /// How often the returns went the same way, of all these periods.
    pub fn number(&self) -> Option<f64> {
        self.share(self.same_way)
    }

    /// How often the returns were above those of the benchmark, of all these periods.
    pub fn percent(&self) -> Option<f64> {
        self.share(self.above)
    }

    fn share(&self, count: u64) -> Option<f64> {
        (self.linked.days > 0).then(|| count as f64 / f64::from(self.linked.days))
    }
}

impl Against {
    /// No periods.
    pub const NONE: Against = Against {
        together: CoMoments::NONE,
        active: Moments::NONE,
        linked: Linked::NONE,
        benchmark_linked: Linked::NONE,
        up: Captured::NONE,
        down: Captured::NONE,
    };

    /// One period.
    pub fn of(rate: f64, benchmark: f64) -> Against {
        let captured = Captured::of(rate, benchmark);
        Against {
            together: CoMoments::of(rate, benchmark),
            active: Moments::of(rate - benchmark),
            linked: captured.linked,
            benchmark_linked: captured.benchmark_linked,
            up: if benchmark > 0.0 { captured } else { Captured::NONE },
            down: if benchmark < 0.0 { captured } else { Captured::NONE },
        }
    }

    /// Pairs of returns and those of the benchmark, one after the other.
    pub fn of_all(pairs: impl IntoIterator<Item = (f64, f64)>) -> Against {
        pairs.into_iter().fold(Against::NONE, |sum, (rate, benchmark)| sum.then(&Against::of(rate, benchmark)))
    }

    /// These periods followed by later ones.
    pub fn then(&self, later: &Against) -> Against {
        Against {
            together: self.together.then(&later.together),
            active: self.active.then(&later.active),
            linked: self.linked.then(&later.linked),
            benchmark_linked: self.benchmark_linked.then(&later.benchmark_linked),
            up: self.up.then(&later.up),
            down: self.down.then(&later.down),
        }
    }

    /// Beta; `None` of fewer than two periods, or if the benchmark does not vary.
    pub fn beta(&self) -> Option<f64> {
        self.together.slope()
    }

    /// Alpha; `None` where there is no beta. That of Jensen is of returns less the risk-free ones, if these are such, and
    /// then differs from annual returns from which an annual risk-free return is taken, by what compounding makes of it:
    /// see [`jensen_alpha`].
    pub fn alpha(&self, alpha: Alpha, periods_per_year: f64) -> Option<f64> {
        let beta = self.beta()?;
        let of_period = self.together.mean - beta * self.together.other_mean;
        match alpha {
            Alpha::OfPeriod => Some(of_period),
            Alpha::Compounded => Some((1.0 + of_period).powf(periods_per_year) - 1.0),
            Alpha::Jensen => {
                let (ours, theirs) = self.annual_returns(periods_per_year)?;
                Some(jensen_alpha(ours, theirs, 0.0, beta))
            }
        }
    }

    /// The deviation of the active returns, of a year, in decimals.
    pub fn tracking_error(&self, periods_per_year: f64) -> Option<f64> {
        volatility(&self.active, periods_per_year)
    }

    /// What was gained over the benchmark by tracking error.
    pub fn information_ratio(
        &self,
        compounding: Compounding,
        periods_per_year: f64,
        zero_spread: ZeroSpread,
    ) -> Option<f64> {
        let premium = self.active_premium(compounding, periods_per_year)?;
        zero_spread.ratio(premium, self.tracking_error(periods_per_year)?)
    }

    /// What was gained over the benchmark in a year.
    pub fn active_premium(&self, compounding: Compounding, periods_per_year: f64) -> Option<f64> {
        match compounding {
            Compounding::Arithmetic => self.active.mean().map(|mean| mean * periods_per_year),
            Compounding::Geometric => self.annual_returns(periods_per_year).map(|(ours, theirs)| ours - theirs),
        }
    }

    /// How much of the ups was captured by how much of the downs: above 1 is good.
    pub fn up_down_capture(&self, capture: Capture, periods_per_year: f64) -> Option<f64> {
        let [up, down] = [&self.up, &self.down].map(|side| side.ratio(capture, periods_per_year));
        down.filter(|down| *down != 0.0).and_then(|down| Some(up? / down))
    }

    /// The square of the correlation with the benchmark.
    pub fn r_squared(&self) -> Option<f64> {
        self.together.correlation().map(|correlation| correlation * correlation)
    }

    /// The part of the risk that the benchmark explains: |β| · sd(b) · √k.
    pub fn systematic_risk(&self, benchmark: &Moments, periods_per_year: f64) -> Option<f64> {
        let deviation = benchmark.deviation(Estimator::Sample)?;
        self.beta().map(|beta| beta.abs() * deviation * periods_per_year.sqrt())
    }

    fn annual_returns(&self, periods_per_year: f64) -> Option<(f64, f64)> {
        let annual = |linked: &Linked| annual_return(linked.growth, u64::from(linked.days), periods_per_year);
        Some((annual(&self.linked)?, annual(&self.benchmark_linked)?))
    }
}

/// Jensen's alpha from annual returns: `(R − Rf) − β (B − Rf)`.
pub fn jensen_alpha(annual: f64, benchmark_annual: f64, risk_free_annual: f64, beta: f64) -> f64 {
    annual - risk_free_annual - beta * (benchmark_annual - risk_free_annual)
}

/// The Treynor ratio: what was gained over the risk-free return in a year, by beta. `None` of a beta of zero.
pub fn treynor_ratio(annual_excess: f64, beta: f64) -> Option<f64> {
    (beta != 0.0).then(|| annual_excess / beta)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    #[test]
    fn twice_the_benchmark_has_a_beta_of_two_and_no_alpha() {
        let against = Against::of_all([0.01, -0.02, 0.03, 0.0].map(|rate| (2.0 * rate, rate)));
        assert!((against.beta().unwrap() - 2.0).abs() < 1e-12);
        for alpha in [Alpha::OfPeriod, Alpha::Compounded] {
            assert!(against.alpha(alpha, 252.0).unwrap().abs() < 1e-12);
        }
        assert!((against.r_squared().unwrap() - 1.0).abs() < 1e-12);
        let [up, down] = [against.up, against.down];
        let twice = (1.02 * 1.06 - 1.0) / (1.01 * 1.03 - 1.0);
        assert!((up.ratio(Capture::Cumulative, 252.0).unwrap() - twice).abs() < 1e-12);
        assert_eq!((up.number(), up.percent()), (Some(1.0), Some(1.0)));
        assert_eq!((down.number(), down.percent()), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn a_fund_that_is_its_benchmark_has_no_tracking_error_and_no_information_ratio() {
        let against = Against::of_all([0.01, -0.02, 0.03].map(|rate| (rate, rate)));
        assert_eq!(against.tracking_error(252.0), Some(0.0));
        for compounding in [Compounding::Arithmetic, Compounding::Geometric] {
            for zero_spread in [ZeroSpread::Undefined, ZeroSpread::Infinite] {
                assert_eq!(against.information_ratio(compounding, 252.0, zero_spread), None);
            }
        }
    }

    #[test]
    fn without_a_benchmark_that_moves_there_is_nothing() {
        let against = Against::of_all([0.01, -0.02].map(|rate| (rate, 0.0)));
        assert_eq!((against.beta(), against.alpha(Alpha::Compounded, 252.0)), (None, None));
        assert_eq!((against.up.ratio(Capture::Annual, 252.0), against.down.number()), (None, None));
        assert_eq!(against.up_down_capture(Capture::Cumulative, 252.0), None);
        assert_eq!(Against::NONE.tracking_error(252.0), None);
    }

    proptest! {
        #[test]
        fn it_is_summed_up_from_parts(
            pairs in prop::collection::vec((-0.5..0.5f64, -0.5..0.5f64), 0..100),
            cuts in shape::cuts(),
        ) {
            let points: Vec<_> = pairs.iter().map(|pair| Against::of(pair.0, pair.1)).collect();
            let side = |side: &Captured| {
                let counts = [side.same_way, side.above].map(|count| count as f64);
                [counts, [side.linked.growth, side.benchmark_linked.growth]].concat()
            };
            let numbers = |sum: &Against| {
                let all = [sum.together.mean, sum.active.mean, sum.linked.growth, sum.benchmark_linked.growth];
                [side(&sum.up), side(&sum.down), all.to_vec()].concat()
            };
            shape::check(&points, Against::NONE, &cuts, |a, b| a.then(b), numbers)?;
        }
    }
}
