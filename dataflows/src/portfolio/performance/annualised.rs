//! A return of many days, as one of a year.
//!
//! | by | annual return | as in |
//! |---|---|---|
//! | calendar days | `growth^(days in a year / days) − 1` | PAS: 365.25 days, both ends counted, none up to 365 days |
//! | periods | `growth^(periods in a year / periods) − 1` | empyrical; PerformanceAnalytics, geometric |
//! | mean | `mean · periods in a year` | PerformanceAnalytics, not geometric |

use serde::{Deserialize, Serialize};

/// How returns of calendar days are annualised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Annualisation {
    /// How many days a year has: 365.25 or 365.
    pub days_in_year: f64,
    /// With so many days or fewer there is no annual return: GIPS forbids to make a year of less.
    pub days_without: u32,
}

impl Default for Annualisation {
    fn default() -> Self {
        Annualisation { days_in_year: 365.25, days_without: 365 }
    }
}

impl Annualisation {
    /// The annual return of a growth over some calendar days, the first and the last counted. `None` if these are too few,
    /// or if less than nothing is left.
    pub fn rate(&self, growth: f64, days: u32) -> Option<f64> {
        if days <= self.days_without { None } else { compounded(growth, self.days_in_year / f64::from(days)) }
    }
}

/// The annual return of a growth over a number of periods, of which there are `periods_per_year`. `None` where there are
/// none, or if less than nothing is left.
pub fn annual_return(growth: f64, periods: u64, periods_per_year: f64) -> Option<f64> {
    if periods == 0 { None } else { compounded(growth, periods_per_year / periods as f64) }
}

fn compounded(growth: f64, exponent: f64) -> Option<f64> {
    (growth >= 0.0).then(|| growth.powf(exponent) - 1.0)
}

/// The return of one period of which `periods_per_year` give this annual return: `(1 + R)^(1/k) − 1`.
pub fn periodic_rate(annual: f64, periods_per_year: f64) -> f64 {
    (1.0 + annual).powf(1.0 / periods_per_year) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_or_less_is_not_annualised() {
        let usual = Annualisation::default();
        assert_eq!(usual.rate(1.1, 365), None);
        assert!((usual.rate(1.21, 731).unwrap() - (1.21f64.powf(365.25 / 731.0) - 1.0)).abs() < 1e-15);
        let always = Annualisation { days_in_year: 365.0, days_without: 0 };
        assert!((always.rate(1.1, 365).unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(always.rate(1.1, 0), None);
    }

    #[test]
    fn what_has_lost_all_returns_less_one_and_less_than_that_has_no_annual_return() {
        assert_eq!(annual_return(0.0, 3, 12.0), Some(-1.0));
        assert_eq!(annual_return(-0.1, 3, 12.0), None);
        assert_eq!(annual_return(1.0, 0, 12.0), None);
    }

    #[test]
    fn a_periodic_rate_compounds_to_the_annual_one() {
        assert!(((1.0 + periodic_rate(0.05, 12.0)).powi(12) - 1.05).abs() < 1e-14);
    }
}
