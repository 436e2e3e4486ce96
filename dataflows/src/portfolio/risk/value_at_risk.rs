//! Value at risk and expected shortfall: what a return is not worse than with some confidence, and how bad it is beyond.
//!
//! | value at risk | the return at the tail α |
//! |---|---|
//! | historical | the α quantile, type 7 |
//! | Gaussian | μ + z σ, with z the α quantile of the normal distribution |
//! | Cornish-Fisher | the same with z + (z² − 1) S/6 + (z³ − 3z) K/24 − (2z³ − 5z) S²/36 |
//!
//! | expected shortfall | the mean of |
//! |---|---|
//! | [`Shortfall::BelowValueAtRisk`] | returns below value at risk, or that itself if there are none (PAS) |
//! | [`Shortfall::LowestReturns`] | the lowest ⌊(n − 1) α⌋ + 1 returns (empyrical) |
//! | [`Shortfall::UptoValueAtRisk`] | returns not above value at risk (PerformanceAnalytics) |
//! | [`gaussian_shortfall`] | a normal distribution: μ − σ φ(z) / α |
//!
//! σ, S and K are those of a sample (PAS) or of all there is (PerformanceAnalytics): see
//! [`Estimator`]. Whether a loss is told as a positive number (PAS) or as the return that it is
//! (empyrical, PerformanceAnalytics) is chosen last, by [`LossSign`]. For several periods they are multiplied by √h, which
//! takes returns to be independent.

use serde::{Deserialize, Serialize};

use super::moments::{Estimator, Moments};
use super::quantile::OrderStatistic;

/// How a loss is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossSign {
    /// A loss is a positive number.
    #[default]
    Positive,
    /// A loss is a negative return.
    Negative,
}

/// Which returns make the expected shortfall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// Those below value at risk; if there are none, it is value at risk.
    #[default]
    BelowValueAtRisk,
    /// The lowest ⌊(n − 1) α⌋ + 1.
    LowestReturns,
    /// Those not above value at risk.
    UptoValueAtRisk,
}

/// The shape of returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// As they were.
    #[default]
    Historical,
    /// Normal.
    Gaussian,
    /// Normal, bent to their skewness and kurtosis.
    CornishFisher,
}

impl LossSign {
    /// A return, told so.
    pub fn tell(self, value: f64) -> f64 {
        match self {
            LossSign::Positive => -value,
            LossSign::Negative => value,
        }
    }
}

/// The return at the tail α of a normal distribution, bent or not, that has these moments. `None` where a moment is not
/// defined, for a [`Distribution::Historical`] one, and for an α that is not between 0 and 1.
pub fn parametric_value_at_risk(
    returns: &Moments,
    alpha: f64,
    distribution: Distribution,
    estimator: Estimator,
) -> Option<f64> {
    let z = normal_quantile(alpha)?;
    let bent = match distribution {
        Distribution::Historical => return None,
        Distribution::Gaussian => z,
        Distribution::CornishFisher => {
            cornish_fisher(z, returns.skewness(estimator)?, returns.excess_kurtosis(estimator)?)
        }
    };
    Some(returns.mean()? + bent * returns.deviation(estimator)?)
}

/// The quantile of a distribution that is near a normal one, of whose quantile is `z`.
pub fn cornish_fisher(z: f64, skewness: f64, excess_kurtosis: f64) -> f64 {
    let (z2, z3) = (z * z, z * z * z);
    z + (z2 - 1.0) * skewness / 6.0 + (z3 - 3.0 * z) * excess_kurtosis / 24.0
        - (2.0 * z3 - 5.0 * z) * skewness * skewness / 36.0
}

/// The mean of the returns at the tail, given the quantile of them that is value at risk.
pub fn historical_shortfall(value_at_risk: &OrderStatistic, shortfall: Shortfall) -> f64 {
    let tail = match shortfall {
        Shortfall::BelowValueAtRisk => value_at_risk.below(),
        Shortfall::LowestReturns => value_at_risk.lowest(),
        // What lies between two returns has none at it.
        Shortfall::UptoValueAtRisk => value_at_risk.upto,
    };
    tail.mean().unwrap_or_else(|| value_at_risk.quantile())
}

/// The mean of the returns at the tail α of a normal distribution. `None` as for the value at risk.
pub fn gaussian_shortfall(returns: &Moments, alpha: f64, estimator: Estimator) -> Option<f64> {
    let z = normal_quantile(alpha)?;
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    Some(returns.mean()? - returns.deviation(estimator)? * density / alpha)
}

/// A loss of one period, over several.
pub fn over_horizon(loss: f64, periods: u32) -> f64 {
    loss * f64::from(periods).sqrt()
}

/// The quantile of the standard normal distribution, to about 16 digits: Wichura 1988, algorithm AS 241 (PPND16). `None`
/// unless `probability` is between 0 and 1.
pub fn normal_quantile(probability: f64) -> Option<f64> {
    if !(probability > 0.0 && probability < 1.0) {
        return None;
    }
    let q = probability - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return Some(q * polynomial(&CENTRE[0], r) / polynomial(&CENTRE[1], r));
    }
    let tail = if q < 0.0 { probability } else { 1.0 - probability };
    let r = (-tail.ln()).sqrt();
    let z = if r <= 5.0 {
        polynomial(&NEAR[0], r - 1.6) / polynomial(&NEAR[1], r - 1.6)
    } else {
        polynomial(&FAR[0], r - 5.0) / polynomial(&FAR[1], r - 5.0)
    };
    Some(z.copysign(q))
}

/// The coefficients of a polynomial, that of the highest power first.
type Coefficients = [f64; 8];

fn polynomial(coefficients: &Coefficients, x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

const CENTRE: [Coefficients; 2] = [
    [
        2509.0809287301227,
        33430.57558358813,
        67265.7709270087,
        45921.95393154987,
        13731.69376550946,
        1971.5909503065513,
        133.14166789178438,
        3.3871328727963665,
    ],
    [
        5226.495278852545,
        28729.085735721943,
        39307.89580009271,
        21213.794301586597,
        5394.196021424751,
        687.1870074920579,
        42.31333070160091,
        1.0,
    ],
];

const NEAR: [Coefficients; 2] = [
    [
        0.0007745450142783414,
        0.022723844989269184,
        0.2417807251774506,
        1.2704582524523684,
        3.6478483247632045,
        5.769497221460691,
        4.630337846156546,
        1.4234371107496835,
    ],
    [
        1.0507500716444169e-9,
        0.0005475938084995345,
        0.015198666563616457,
        0.14810397642748008,
        0.6897673349851,
        1.6763848301838038,
        2.053191626637759,
        1.0,
    ],
];

const FAR: [Coefficients; 2] = [
    [
        2.0103343992922881e-7,
        2.7115555687434876e-5,
        0.0012426609473880784,
        0.026532189526576124,
        0.29656057182850487,
        1.7848265399172913,
        5.463784911164114,
        6.657904643501103,
    ],
    [
        2.0442631033899397e-15,
        1.421511758316446e-7,
        1.8463183175100548e-5,
        0.0007868691311456133,
        0.014875361290850615,
        0.1369298809227358,
        0.599832206555888,
        1.0,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_quantile_is_that_of_tables() {
        // R's qnorm, 16 digits.
        let cases = [
            (0.5, 0.0),
            (0.95, 1.644_853_626_951_472_2),
            (0.975, 1.959_963_984_540_054),
            (0.99, 2.326_347_874_040_841),
            (0.999, 3.090_232_306_167_813_5),
            (0.75, 0.674_489_750_196_081_7),
            (1e-10, -6.361_340_902_404_056),
            (1e-15, -7.941_345_326_170_997),
        ];
        for (probability, z) in cases {
            let ours = normal_quantile(probability).unwrap();
            assert!((ours - z).abs() < 1e-12, "{probability}: {ours} {z}");
        }
        for probability in [0.0, 1.0, -0.1, f64::NAN] {
            assert_eq!(normal_quantile(probability), None);
        }
    }

    #[test]
    fn without_skewness_and_kurtosis_the_tail_is_normal() {
        assert_eq!(cornish_fisher(-1.6, 0.0, 0.0), -1.6);
        let returns = Moments::of_all([-0.02, 0.0, 0.02]);
        let gaussian = parametric_value_at_risk(&returns, 0.05, Distribution::Gaussian, Estimator::Sample).unwrap();
        assert!((gaussian + 0.02 * 1.644_853_626_951_472_2).abs() < 1e-12);
        // 2.0627 deviations: the mean beyond 1.6449 of them.
        let shortfall = gaussian_shortfall(&returns, 0.05, Estimator::Sample).unwrap();
        assert!((shortfall + 0.02 * 2.062_712_807_507_426).abs() < 1e-9, "{shortfall}");
        let few = Moments::of_all([0.1, 0.2, 0.3]);
        assert_eq!(parametric_value_at_risk(&few, 0.05, Distribution::CornishFisher, Estimator::Sample), None);
        assert_eq!(parametric_value_at_risk(&few, 0.05, Distribution::Historical, Estimator::Sample), None);
    }

    #[test]
    fn the_three_shortfalls_differ() {
        let returns = [-0.05, -0.04, -0.04, 0.01, 0.02];
        let at = |alpha| OrderStatistic::of(&returns, alpha).unwrap();
        let of = |alpha, shortfall| LossSign::Positive.tell(historical_shortfall(&at(alpha), shortfall));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        // At a return: those below; as many as the rank; all that are equal too.
        near(of(0.25, Shortfall::BelowValueAtRisk), 0.05);
        near(of(0.25, Shortfall::LowestReturns), 0.045);
        near(of(0.25, Shortfall::UptoValueAtRisk), 0.13 / 3.0);
        // At the lowest there is none below.
        near(of(0.0, Shortfall::BelowValueAtRisk), 0.05);
        // Between two returns the first is below.
        near(of(0.1, Shortfall::BelowValueAtRisk), 0.05);
        near(of(0.1, Shortfall::UptoValueAtRisk), 0.05);
    }

    #[test]
    fn losses_grow_with_the_root_of_time() {
        assert_eq!(over_horizon(0.02, 4), 0.04);
        assert_eq!(LossSign::Negative.tell(-0.02), -0.02);
    }
}
