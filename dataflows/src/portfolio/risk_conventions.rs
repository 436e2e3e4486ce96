//! The conventions of risk measures, as they are configured.

use std::collections::BTreeMap;

use model::Calendar;
use serde::{Deserialize, Serialize};

use super::performance::daily::Basis;
use super::risk::benchmark::{Alpha, Capture};
use super::risk::buckets::Buckets;
use super::risk::drawdown::StartValue;
use super::risk::frequency::Frequency;
use super::risk::moments::Estimator;
use super::risk::ratios::Compounding;
use super::risk::value_at_risk::{LossSign, Shortfall};
use crate::rule_error::{RuleError, unknown};

/// How risk is measured. Periods are those of performance.
///
/// ```
/// let config: dataflows::portfolio::RiskConfig = toml::from_str(r#"
///     frequency = "daily"                # daily, weekly, monthly, quarterly, yearly
///     basis = "gross"                    # gross, net: before or after fees
///     risk_free_annual = 0.0             # where no rate is known; without it, what needs one is null
///     required = "risk_free"             # or { annual = 0.05 }: what a return falls short of
///     alpha = "jensen"                   # jensen, compounded, of_period
///     confidences = [0.95, 0.99]
///     shortfall = "below_value_at_risk"  # below_value_at_risk, lowest_returns, upto_value_at_risk
///     rolling_windows = [63, 252]        # in returns; [] for none
/// "#).unwrap();
/// assert_eq!(config.horizon, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskConfig {
    /// How often there is a return.
    pub frequency: Frequency,
    /// The calendar whose business days have a return, where that is daily; Monday to Friday if not given.
    pub calendar: Option<String>,
    /// Before fees or after them.
    pub basis: Basis,
    /// The rate without risk where none is known, of a year. Without it what needs one is null.
    pub risk_free_annual: Option<f64>,
    /// What downside deviation, Sortino and omega compare a return with.
    pub required: Required,
    /// How the gain of the Sharpe ratio is annualised.
    pub sharpe: Compounding,
    /// How the gain of the information ratio is annualised.
    pub information_ratio: Compounding,
    /// Of which kind skewness, kurtosis and the deviation in a Gaussian value at risk are.
    pub estimator: Estimator,
    /// Whether the start of a period is a peak to fall from.
    pub start: StartValue,
    /// How alpha is told.
    pub alpha: Alpha,
    /// What captures are ratios of.
    pub capture: Capture,
    /// How sure a value at risk is, each between 0 and 1.
    pub confidences: Vec<f64>,
    /// Over how many returns a loss is told.
    pub horizon: u32,
    /// Which returns make the expected shortfall.
    pub shortfall: Shortfall,
    /// Whether a loss is above zero or below.
    pub losses: LossSign,
    /// How many returns the windows of `risk_rolling` have.
    pub rolling_windows: Vec<u32>,
}

/// What a return falls short of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Required {
    /// The rate without risk.
    RiskFree,
    /// A return of a year.
    Annual(f64),
}

impl Default for RiskConfig {
    fn default() -> Self {
        RiskConfig {
            frequency: Frequency::default(),
            calendar: None,
            basis: Basis::default(),
            risk_free_annual: None,
            required: Required::Annual(0.0),
            sharpe: Compounding::default(),
            information_ratio: Compounding::default(),
            estimator: Estimator::default(),
            start: StartValue::default(),
            alpha: Alpha::Jensen,
            capture: Capture::default(),
            confidences: vec![0.95, 0.99],
            horizon: 1,
            shortfall: Shortfall::default(),
            losses: LossSign::default(),
            rolling_windows: vec![63, 252],
        }
    }
}

/// How risk is measured, checked.
#[derive(Clone, Debug)]
pub struct RiskConventions {
    /// As configured.
    pub config: RiskConfig,
    /// Which days make a return.
    pub buckets: Buckets,
}

/// A window longer than this is a mistake.
const WINDOW_MAX: u32 = 10_000;

impl RiskConventions {
    /// Checks a configuration that stands at `books.risk`.
    pub fn new(config: &RiskConfig, calendars: &BTreeMap<String, Calendar>) -> Result<RiskConventions, RuleError> {
        let calendar = match &config.calendar {
            None => Calendar::weekdays_only(),
            Some(name) => calendars.get(name).cloned().ok_or_else(|| {
                unknown("books.risk.calendar", "calendar", name, calendars.keys().map(String::as_str))
            })?,
        };
        let required = if let Required::Annual(annual) = config.required { Some(annual) } else { None };
        let rates = [("risk_free_annual", config.risk_free_annual), ("required.annual", required)];
        for (name, rate) in rates {
            if let Some(rate) = rate.filter(|rate| !(*rate > -1.0 && *rate <= 10.0)) {
                let help = "give a decimal above -1: 0.05 is five per cent";
                return Err(RuleError::new(format!("books.risk.{name}"), format!("the rate is {rate}"), help));
            }
        }
        for (index, confidence) in config.confidences.iter().enumerate() {
            let place = format!("books.risk.confidences[{index}]");
            if !(*confidence > 0.0 && *confidence < 1.0) {
                let what = format!("the confidence is {confidence}");
                return Err(RuleError::new(place, what, "give one between 0 and 1, such as 0.95"));
            }
            if config.confidences[..index].contains(confidence) {
                return Err(RuleError::new(place, "the confidence is there twice", "take one of them out"));
            }
        }
        if config.horizon == 0 {
            return Err(RuleError::new("books.risk.horizon", "a loss over no returns is none", "give 1 or more"));
        }
        for (index, window) in config.rolling_windows.iter().enumerate() {
            let place = format!("books.risk.rolling_windows[{index}]");
            if !(2..=WINDOW_MAX).contains(window) {
                let what = format!("the window has {window} returns");
                return Err(RuleError::new(place, what, format!("give 2 to {WINDOW_MAX}")));
            }
            if config.rolling_windows[..index].contains(window) {
                return Err(RuleError::new(place, "the window is there twice", "take one of them out"));
            }
        }
        Ok(RiskConventions { config: config.clone(), buckets: Buckets { frequency: config.frequency, calendar } })
    }

    /// How many returns a year has.
    pub fn returns_per_year(&self) -> f64 {
        self.config.frequency.periods_per_year()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(toml: &str) -> String {
        let config: RiskConfig = toml::from_str(toml).unwrap();
        RiskConventions::new(&config, &BTreeMap::new()).unwrap_err().to_string()
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let cases = [
            ("calendar = \"nyse\"", "books.risk.calendar: there is no calendar `nyse`"),
            ("risk_free_annual = -1.5", "books.risk.risk_free_annual: the rate is -1.5"),
            ("required = { annual = inf }", "books.risk.required.annual: the rate is inf"),
            ("confidences = [0.95, 95.0]", "books.risk.confidences[1]: the confidence is 95"),
            ("confidences = [0.95, 0.95]", "books.risk.confidences[1]: the confidence is there twice"),
            ("horizon = 0", "books.risk.horizon: a loss over no returns"),
            ("rolling_windows = [63, 1]", "books.risk.rolling_windows[1]: the window has 1 returns"),
        ];
        for (toml, expected) in cases {
            assert!(refused(toml).starts_with(expected), "{}", refused(toml));
        }
        assert!(toml::from_str::<RiskConfig>("frequency = \"hourly\"").is_err());
    }
}
