//! The configuration of the books of portfolios, checked.

use std::collections::BTreeMap;

use model::{Calendar, CostMethod, Currency, OversellPolicy, Portfolio};
use serde::{Deserialize, Serialize};

use super::analyses::{Analyses, AttributionConfig, ContributionConfig};
use super::cash_flow_rules::{CashFlowRuleConfig, CashFlowRules};
use super::cost_basis::BookRules;
use super::performance::annualised::Annualisation;
use super::performance::daily::Basis;
use super::performance::periods::Period;
use super::risk_conventions::{RiskConfig, RiskConventions};
use crate::exposure::scenario::{Scenario, ScenarioConfig};
use crate::rule_error::RuleError;

/// The books of portfolios: by which rules they are kept where a portfolio says nothing itself, and what is measured.
///
/// ```
/// let config: dataflows::portfolio::BooksConfig = toml::from_str(r#"
///     base_currency = "USD"             # of portfolios that say none
///     cost_method = "fifo"              # fifo, lifo, hifo, average, specific_lot
///     oversell = "refuse"               # refuse, short
///     periods = ["mtd", "ytd", "1y", "si"]
///     by_year = true                    # each calendar year too
///     long_and_short = "gross"          # gross, net: legs that start again after a total loss; none if not given
///     [cash_flow.TAX]                   # how a type of transaction flows, where it is not as usual
///     timing = "begin_of_day"
///     [contribution]                    # see `portfolio::analyses`
///     portfolios = "all"
///     [stress.euro_falls]               # a scenario: see `exposure::scenario`
///     fx = { EUR = -10 }
/// "#).unwrap();
/// dataflows::portfolio::Books::new(&config, &Default::default()).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BooksConfig {
    /// The base currency of portfolios that say none.
    pub base_currency: Option<Currency>,
    /// Which lots a sale relieves, in portfolios that do not say.
    pub cost_method: CostMethod,
    /// What becomes of a sale of more than is held, in portfolios that do not say.
    pub oversell: OversellPolicy,
    /// Whether interest that a buyer pays for belongs to the cost.
    pub accrued_interest_in_cost: bool,
    /// How types of transactions flow, by type, where it is not as usual.
    pub cash_flow: BTreeMap<String, CashFlowRuleConfig>,
    /// A price that is older than so many days when a position is valued is stale.
    pub stale_after_days: u16,
    /// Over which periods performance is measured, as seen from the last day.
    pub periods: Vec<Period>,
    /// Whether each calendar year is a period too.
    pub by_year: bool,
    /// How returns are annualised.
    pub annualisation: Annualisation,
    /// On which basis the returns of a long and a short leg are told; they are not, if it is not said. They are for portfolios
    /// that may be short: to link them takes longer than all else that is linked of a day.
    pub long_and_short: Option<Basis>,
    /// How risk is measured.
    pub risk: RiskConfig,
    /// The currency in which the exposures of all portfolios are added up; they are not where none is given.
    pub reporting_currency: Option<Currency>,
    /// Of which portfolios it is told what each security added to the return.
    pub contribution: ContributionConfig,
    /// Why portfolios did better or worse than others.
    pub attribution: Vec<AttributionConfig>,
    /// Scenarios of stress, by name.
    pub stress: BTreeMap<String, ScenarioConfig>,
}

impl Default for BooksConfig {
    fn default() -> Self {
        use Period::{FiveYears, MonthToDate, OneYear, QuarterToDate, SinceInception, ThreeYears, YearToDate};
        BooksConfig {
            base_currency: None,
            cost_method: CostMethod::default(),
            oversell: OversellPolicy::default(),
            accrued_interest_in_cost: true,
            cash_flow: BTreeMap::new(),
            stale_after_days: 0,
            periods: vec![MonthToDate, QuarterToDate, YearToDate, OneYear, ThreeYears, FiveYears, SinceInception],
            by_year: true,
            annualisation: Annualisation::default(),
            long_and_short: None,
            risk: RiskConfig::default(),
            reporting_currency: None,
            contribution: ContributionConfig::default(),
            attribution: Vec::new(),
            stress: BTreeMap::new(),
        }
    }
}

/// The configuration of books, checked.
#[derive(Clone, Debug)]
pub struct Books {
    /// By which rules books are kept where a portfolio says nothing.
    pub rules: BookRules,
    /// How transactions flow.
    pub cash_flow_rules: CashFlowRules,
    /// A price older than so many days is stale.
    pub stale_after_days: u16,
    /// Over which periods performance is measured.
    pub periods: Vec<Period>,
    /// Whether each calendar year is a period too.
    pub by_year: bool,
    /// How returns are annualised.
    pub annualisation: Annualisation,
    /// On which basis the returns of a long and a short leg are told, if they are.
    pub long_and_short: Option<Basis>,
    /// How risk is measured.
    pub risk: RiskConventions,
    /// The currency in which the exposures of all portfolios are added up.
    pub reporting_currency: Option<Currency>,
    /// What is worked out from parts of portfolios.
    pub analyses: Analyses,
    /// Scenarios of stress.
    pub scenarios: Vec<Scenario>,
}

impl Books {
    /// Checks a configuration, given the calendars.
    pub fn new(config: &BooksConfig, calendars: &BTreeMap<String, Calendar>) -> Result<Books, RuleError> {
        let days = config.annualisation.days_in_year;
        if !(days.is_finite() && (300.0..=400.0).contains(&days)) {
            let what = format!("a year has {days} days");
            return Err(RuleError::new("books.annualisation.days_in_year", what, "give 365.25, 365 or 360"));
        }
        for (index, period) in config.periods.iter().enumerate() {
            let place = format!("books.periods[{index}]");
            if let Period::Explicit { from, to } = period
                && from > to
            {
                return Err(RuleError::new(place, "the period ends before it begins", "exchange `from` and `to`"));
            }
            if config.periods[..index].contains(period) {
                return Err(RuleError::new(place, "the period is there twice", "take one of them out"));
            }
        }
        Ok(Books {
            rules: BookRules {
                method: config.cost_method,
                oversell: config.oversell,
                base_currency: config.base_currency.unwrap_or(Currency::NONE),
                accrued_interest_in_cost: config.accrued_interest_in_cost,
            },
            cash_flow_rules: CashFlowRules::new(&config.cash_flow, "books.cash_flow")?,
            stale_after_days: config.stale_after_days,
            periods: config.periods.clone(),
            by_year: config.by_year,
            annualisation: config.annualisation,
            long_and_short: config.long_and_short,
            risk: RiskConventions::new(&config.risk, calendars)?,
            reporting_currency: config.reporting_currency.filter(|currency| !currency.is_none()),
            analyses: Analyses::new(&config.contribution, &config.attribution)?,
            scenarios: config
                .stress
                .iter()
                .map(|(name, config)| Scenario::new(name, config))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The rules of a portfolio, or of one of which nothing is known.
    pub fn rules_of(&self, portfolio: Option<&Portfolio>) -> BookRules {
        let Some(portfolio) = portfolio else { return self.rules };
        let base = portfolio.base_currency;
        BookRules {
            method: portfolio.cost_method.unwrap_or(self.rules.method),
            oversell: portfolio.oversell.unwrap_or(self.rules.oversell),
            base_currency: if base.is_none() { self.rules.base_currency } else { base },
            ..self.rules
        }
    }
}
