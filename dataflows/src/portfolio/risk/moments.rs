//! Moments of returns, and of pairs of them, from parts (Pébay 2008; Chan, Golub and LeVeque 1979 for two).
//!
//! Each part keeps sums of powers of what differs from its own mean. So nothing cancels that is not near, as sums of powers
//! themselves would.

use serde::{Deserialize, Serialize};

/// Whether values are all there is, or a sample of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// A sample: one degree of freedom is taken off, skewness and kurtosis are adjusted (as pandas does).
    #[default]
    Sample,
    /// All there is (as PerformanceAnalytics does by default for skewness, kurtosis and value at risk).
    Population,
}

/// Number, mean, and sums of powers of the differences from the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// How many values.
    pub count: u64,
    /// Their mean; 0 of none.
    pub mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    /// No values.
    pub const NONE: Moments = Moments { count: 0, mean: 0.0, m2: 0.0, m3: 0.0, m4: 0.0 };

    /// One value.
    pub fn of(value: f64) -> Moments {
        Moments { count: 1, mean: value, ..Moments::NONE }
    }

    /// The moments of values, one after the other.
    pub fn of_all(values: impl IntoIterator<Item = f64>) -> Moments {
        values.into_iter().fold(Moments::NONE, |sum, value| sum.then(&Moments::of(value)))
    }

    /// These values and others.
    pub fn then(&self, later: &Moments) -> Moments {
        if self.count == 0 || later.count == 0 {
            return if self.count == 0 { *later } else { *self };
        }
        let count = self.count + later.count;
        let (a, b, n) = (self.count as f64, later.count as f64, count as f64);
        let delta = later.mean - self.mean;
        let delta_n = delta / n;
        let squares = delta * delta_n * a * b;
        Moments {
            count,
            mean: self.mean + delta_n * b,
            m2: self.m2 + later.m2 + squares,
            m3: self.m3 + later.m3 + squares * delta_n * (a - b) + 3.0 * delta_n * (a * later.m2 - b * self.m2),
            m4: self.m4
                + later.m4
                + squares * delta_n * delta_n * (a * a - a * b + b * b)
                + 6.0 * delta_n * delta_n * (a * a * later.m2 + b * b * self.m2)
                + 4.0 * delta_n * (a * later.m3 - b * self.m3),
        }
    }

    /// The mean; `None` of no values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The variance; `None` of no values, or of one of a sample.
    pub fn variance(&self, estimator: Estimator) -> Option<f64> {
        let freedom = self.count.checked_sub(u64::from(estimator == Estimator::Sample))?;
        (freedom > 0).then(|| self.m2 / freedom as f64)
    }

    /// The standard deviation, as the variance.
    pub fn deviation(&self, estimator: Estimator) -> Option<f64> {
        self.variance(estimator).map(f64::sqrt)
    }

    /// The skewness; `None` if all values are the same, or of fewer than three of a sample.
    pub fn skewness(&self, estimator: Estimator) -> Option<f64> {
        let n = self.count as f64;
        let skewness = self.varies()?.m3 * n.sqrt() / self.m2.powf(1.5);
        match estimator {
            Estimator::Population => Some(skewness),
            Estimator::Sample => (self.count > 2).then(|| skewness * (n * (n - 1.0)).sqrt() / (n - 2.0)),
        }
    }

    /// The kurtosis beyond that of a normal distribution; `None` if all values are the same, or of fewer than four of a
    /// sample.
    pub fn excess_kurtosis(&self, estimator: Estimator) -> Option<f64> {
        let n = self.count as f64;
        let excess = n * self.varies()?.m4 / (self.m2 * self.m2) - 3.0;
        let adjusted = || (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0);
        match estimator {
            Estimator::Population => Some(excess),
            Estimator::Sample => (self.count > 3).then(adjusted),
        }
    }

    fn varies(&self) -> Option<&Moments> {
        (self.m2 > 0.0).then_some(self)
    }
}

/// Moments of two series of the same dates, and of both together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoMoments {
    /// How many pairs.
    pub count: u64,
    /// The mean of the first; 0 of none.
    pub mean: f64,
    /// The mean of the second.
    pub other_mean: f64,
    m2: f64,
    other_m2: f64,
    product: f64,
}

impl CoMoments {
    /// No pairs.
    pub const NONE: CoMoments =
        CoMoments { count: 0, mean: 0.0, other_mean: 0.0, m2: 0.0, other_m2: 0.0, product: 0.0 };

    /// One pair.
    pub fn of(value: f64, other: f64) -> CoMoments {
        CoMoments { count: 1, mean: value, other_mean: other, ..CoMoments::NONE }
    }

    /// The moments of pairs, one after the other.
    pub fn of_all(pairs: impl IntoIterator<Item = (f64, f64)>) -> CoMoments {
        pairs.into_iter().fold(CoMoments::NONE, |sum, (value, other)| sum.then(&CoMoments::of(value, other)))
    }

    /// These pairs and others.
    pub fn then(&self, later: &CoMoments) -> CoMoments {
        if self.count == 0 || later.count == 0 {
            return if self.count == 0 { *later } else { *self };
        }
        let count = self.count + later.count;
        let (a, b, n) = (self.count as f64, later.count as f64, count as f64);
        let (delta, other_delta) = (later.mean - self.mean, later.other_mean - self.other_mean);
        let weight = a * b / n;
        CoMoments {
            count,
            mean: self.mean + delta * b / n,
            other_mean: self.other_mean + other_delta * b / n,
            m2: self.m2 + later.m2 + delta * delta * weight,
            other_m2: self.other_m2 + later.other_m2 + other_delta * other_delta * weight,
            product: self.product + later.product + delta * other_delta * weight,
        }
    }

    /// The covariance; `None` of no pairs, or of one of a sample.
    pub fn covariance(&self, estimator: Estimator) -> Option<f64> {
        let freedom = self.count.checked_sub(u64::from(estimator == Estimator::Sample))?;
        (freedom > 0).then(|| self.product / freedom as f64)
    }

    /// The slope of the first on the second; `None` if the second does not vary.
    pub fn slope(&self) -> Option<f64> {
        (self.other_m2 > 0.0).then(|| self.product / self.other_m2)
    }

    /// The correlation; `None` if either does not vary.
    pub fn correlation(&self) -> Option<f64> {
        (self.m2 > 0.0 && self.other_m2 > 0.0).then(|| self.product / (self.m2.sqrt() * self.other_m2.sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    #[test]
    fn moments_are_their_definitions() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let moments = Moments::of_all(values);
        let near = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
        near(moments.mean(), 5.0);
        near(moments.variance(Estimator::Population), 4.0);
        near(moments.variance(Estimator::Sample), 32.0 / 7.0);
        near(moments.skewness(Estimator::Population), 42.0 / 8.0 / 8.0);
        near(moments.excess_kurtosis(Estimator::Population), 356.0 / 8.0 / 16.0 - 3.0);
        // As pandas 2 gives them for these values: skew() and kurt().
        near(moments.skewness(Estimator::Sample), 0.818_487_553_356_506_2);
        near(moments.excess_kurtosis(Estimator::Sample), 0.940_625);
    }

    #[test]
    fn too_few_values_and_values_that_do_not_vary_have_no_moments() {
        let same = Moments::of_all([0.01; 9]);
        assert_eq!(same.deviation(Estimator::Sample), Some(0.0));
        assert_eq!((same.skewness(Estimator::Population), same.excess_kurtosis(Estimator::Sample)), (None, None));
        assert_eq!((Moments::NONE.mean(), Moments::NONE.variance(Estimator::Population)), (None, None));
        assert_eq!(Moments::of(1.0).deviation(Estimator::Sample), None);
        assert_eq!(Moments::of(1.0).deviation(Estimator::Population), Some(0.0));
        let pairs = CoMoments::of_all([(1.0, 0.01), (2.0, 0.01)]);
        assert_eq!((pairs.slope(), pairs.correlation()), (None, None));
        assert_eq!(CoMoments::NONE.covariance(Estimator::Sample), None);
    }

    proptest! {
        #[test]
        fn moments_are_summed_up_from_parts(
            pairs in prop::collection::vec((-0.5..0.5f64, -0.5..0.5f64), 0..300),
            cuts in shape::cuts(),
        ) {
            let points: Vec<_> = pairs.iter().map(|pair| Moments::of(pair.0)).collect();
            let numbers = |sum: &Moments| vec![sum.count as f64, sum.mean, sum.m2, sum.m3, sum.m4];
            shape::check(&points, Moments::NONE, &cuts, |a, b| a.then(b), numbers)?;
            let points: Vec<_> = pairs.iter().map(|pair| CoMoments::of(pair.0, pair.1)).collect();
            let numbers =
                |sum: &CoMoments| vec![sum.count as f64, sum.mean, sum.other_mean, sum.m2, sum.other_m2, sum.product];
            shape::check(&points, CoMoments::NONE, &cuts, |a, b| a.then(b), numbers)?;
        }

        #[test]
        fn a_large_mean_takes_no_digits_of_the_deviation(values in prop::collection::vec(-1.0..1.0f64, 2..200)) {
            let near = Moments::of_all(values.iter().copied()).deviation(Estimator::Sample).unwrap();
            let far = Moments::of_all(values.iter().map(|value| value + 1e6)).deviation(Estimator::Sample).unwrap();
            prop_assert!((near - far).abs() < 1e-7);
        }
    }
}
