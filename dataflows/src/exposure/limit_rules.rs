//! The rules of limits: which make no sense, what is measured, and what it says.
//!
//! | measure | of | in |
//! |---|---|---|
//! | `gross`, `net`, `long`, `short` | the values of a group | an amount |
//! | `weight` | the net value of a group, of the net asset value | a share |
//! | `leverage` | the gross value of a group, of the net asset value | a multiple |
//! | `hhi`, `top_weight` | the securities, issuers or ultimate parents of a portfolio, as in `concentration` | a share |
//! | `stress_loss` | what a group loses in a scenario | an amount |
//! | `value_at_risk` | what a portfolio may lose, as in `value_at_risk`: historical, at the first confidence, over the longest period | a share |
//!
//! Sizes are compared: a net value or a weight below zero counts as much as one above; what wins loses nothing.
//! What is above the level breaches, what is equal does not. While a position is not valued nothing is `OK`: a gross, long or
//! short value that is above the level without it is a breach all the same, all else is `UNKNOWN`.

use std::fmt;

use model::{Amount, ExposureDimension, Limit, LimitMeasure, LimitScope, Symbol};
use serde::{Deserialize, Serialize};

use super::concentration;
use super::scenario::Scenario;
use super::scope::Missing;
use crate::portfolio::dimension;

/// Why a limit cannot be measured, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: &'static str,
}

/// What a level is a level of.
pub const fn is_amount(measure: LimitMeasure) -> bool {
    use LimitMeasure as M;
    matches!(measure, M::Gross | M::Net | M::Long | M::Short | M::StressLoss)
}

/// Whether it cannot be measured without all that is in the scope.
pub const fn needs_total(measure: LimitMeasure) -> bool {
    use LimitMeasure as M;
    matches!(measure, M::Weight | M::Leverage | M::Hhi | M::TopWeight | M::ValueAtRisk)
}

/// Whether what is not valued can only add to it.
const fn only_grows(measure: LimitMeasure) -> bool {
    use LimitMeasure as M;
    matches!(measure, M::Gross | M::Long | M::Short)
}

/// One as a level.
const ONE: Amount = Amount::from_scaled(Amount::ONE_SCALED);

/// The dimension by which a limit is measured.
pub const fn dimension_of(limit: &Limit) -> ExposureDimension {
    if let ExposureDimension::Unknown = limit.dimension { ExposureDimension::Total } else { limit.dimension }
}

/// What limits can be of, as it is configured.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// The scenarios of stress.
    pub scenarios: Vec<Scenario>,
    /// Whether all portfolios are added up.
    pub has_reporting_currency: bool,
}

/// Says what is wrong with a limit.
pub fn check(limit: &Limit, configured: &Configured) -> Result<(), Refused> {
    let refused = |what: String, help| Err(Refused { what, help });
    check_levels(limit)?;
    if limit.valid_to.days().zip(limit.valid_from.days()).is_some_and(|(to, from)| to < from) {
        return refused(
            format!("it ends on {}, before it begins on {}", limit.valid_to, limit.valid_from),
            "exchange `valid_from` and `valid_to`",
        );
    }
    if !limit.portfolio.is_none() && !matches!(limit.scope, LimitScope::Unknown | LimitScope::Portfolio) {
        return refused(
            format!("it names a portfolio, but its scope is `{}`", limit.scope),
            "leave out the portfolio, or set `scope` to `portfolio`",
        );
    }
    if limit.scope == LimitScope::All && !configured.has_reporting_currency {
        return refused(
            "it is of all portfolios, but there is no currency in which they are added up".into(),
            "set `reporting_currency` of `[books]` in the configuration, or another `scope`",
        );
    }
    check_dimension(limit)?;
    check_scenario(limit, &configured.scenarios)
}

fn check_levels(limit: &Limit) -> Result<(), Refused> {
    let refused = |what: String, help| Err(Refused { what, help });
    if limit.measure == LimitMeasure::Unknown {
        return refused("what it measures is not known".into(), "set `measure`, such as `gross` or `weight`");
    }
    if limit.breach_level.is_none() {
        return refused("`breach_level` is not known".into(), "give the level above which the limit is breached");
    }
    for (name, level) in [("breach_level", limit.breach_level), ("warning_level", limit.warning_level)] {
        if level.is_none() {
            continue;
        }
        if level <= Amount::ZERO {
            return refused(format!("`{name}` is {level}, not above 0"), "sizes are compared: give it without a sign");
        }
        if needs_total(limit.measure) && limit.measure != LimitMeasure::Leverage && level > ONE {
            return refused(
                format!("`{name}` of a `{}` is {level}, more than the whole", limit.measure),
                "give a share of 1, not per cent: 0.05 is five per cent; what may be a multiple is a `leverage`",
            );
        }
    }
    if limit.warning_level > limit.breach_level {
        return refused(
            format!(
                "`warning_level` is {}, above `breach_level`, which is {}",
                limit.warning_level, limit.breach_level
            ),
            "a warning comes before the breach: exchange the two",
        );
    }
    if !is_amount(limit.measure) && !limit.currency.is_none() {
        return refused(
            format!("a `{}` has no currency, but `currency` is {}", limit.measure, limit.currency.code()),
            "leave out the currency, or measure an amount",
        );
    }
    Ok(())
}

fn check_dimension(limit: &Limit) -> Result<(), Refused> {
    use ExposureDimension as D;
    let refused = |what: String, help| Err(Refused { what, help });
    let dimension = dimension_of(limit);
    let is_of_portfolio = matches!(limit.scope, LimitScope::Unknown | LimitScope::Portfolio);
    if limit.measure == LimitMeasure::ValueAtRisk {
        return match is_of_portfolio && limit.group.is_none() && dimension == D::Total {
            true => Ok(()),
            false => refused(
                "a `value_at_risk` is of a portfolio as a whole".into(),
                "leave out `dimension` and `group`, and set `scope` to `portfolio`",
            ),
        };
    }
    if matches!(limit.measure, LimitMeasure::Hhi | LimitMeasure::TopWeight) {
        if !is_of_portfolio || !limit.group.is_none() || !concentration::DIMENSIONS.contains(&dimension) {
            return refused(
                format!("a `{}` is of all securities, issuers or ultimate parents of a portfolio", limit.measure),
                "set `dimension` to `security`, `issuer` or `ultimate_parent`, `scope` to `portfolio`, and leave out `group`",
            );
        }
        return Ok(());
    }
    let is_a_group = match limit.group.inline_text() {
        Some(text) => dimension::named(dimension, text) == Some(limit.group),
        // No code is as long.
        None => !matches!(dimension, D::Total | D::Currency | D::Product),
    };
    if !limit.group.is_none() && !is_a_group {
        return refused(
            format!("`{dimension}` has no group `{}`", limit.group),
            "leave out `group` for each by itself, or set `dimension`; currencies and products go by their codes",
        );
    }
    Ok(())
}

fn check_scenario(limit: &Limit, scenarios: &[Scenario]) -> Result<(), Refused> {
    let refused = |what: String, help| Err(Refused { what, help });
    if limit.measure != LimitMeasure::StressLoss {
        return match limit.scenario.is_none() {
            true => Ok(()),
            false => refused(
                format!("a `{}` is not measured in a scenario", limit.measure),
                "leave out `scenario`, or set `measure` to `stress_loss`",
            ),
        };
    }
    let Some(scenario) = scenarios.iter().find(|scenario| scenario.id == limit.scenario) else {
        return refused(
            format!("there is no scenario `{}`", limit.scenario),
            "name one of `[books.stress]` in the configuration, or add it there",
        );
    };
    if !scenario.dimensions.contains(&dimension_of(limit)) {
        return refused(
            format!("scenario `{}` is not added up by `{}`", scenario.name, dimension_of(limit)),
            "add it to the scenario's `dimensions` in the configuration, or leave out `dimension`",
        );
    }
    Ok(())
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It is kept.
    Ok,
    /// It is kept, but what is measured is above its warning level.
    Warning,
    /// What is measured is above its level.
    Breach,
    /// What is measured is not known, or not all of it.
    Unknown,
}

impl Status {
    /// Its name in views.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warning => "WARNING",
            Status::Breach => "BREACH",
            Status::Unknown => "UNKNOWN",
        }
    }
}

/// Why the status of a limit is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Why {
    /// There are no positions that it could measure.
    NoPositions,
    /// So many positions have no value.
    Unvalued(i64),
    /// So many positions that have one have none in the reporting currency.
    Unreported(i64),
    /// The net asset value, or the sum of values, is not above zero.
    NoWhole,
    /// There are no returns from which a loss could be told.
    NoReturns,
    /// There is no rate into the currency of the level.
    NoRate,
    /// A number would not fit.
    TooLarge,
}

impl Why {
    fn of(missing: Missing) -> Option<Why> {
        match missing {
            Missing { unvalued: 0, .. } => None,
            Missing { unvalued, unreported: 0 } => Some(Why::Unvalued(unvalued)),
            Missing { unreported, .. } => Some(Why::Unreported(unreported)),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::NoPositions => {
                f.write_str("there are no positions in what it limits: check the name of the portfolio")
            }
            Why::Unvalued(1) => f.write_str("1 position has no value: see `valuations`"),
            Why::Unvalued(count) => write!(f, "{count} positions have no value: see `valuations`"),
            Why::Unreported(1) => {
                f.write_str("1 position has no value in the reporting currency: see `fx_rates` for one into it")
            }
            Why::Unreported(count) => {
                write!(f, "{count} positions have no value in the reporting currency: see `fx_rates` for one into it")
            }
            Why::NoWhole => f.write_str("the total that it is a share of is not above 0"),
            Why::NoReturns => {
                f.write_str("the portfolio has no returns yet, or there are no `periods` in the configuration")
            }
            Why::NoRate => f.write_str("there is no exchange rate into the currency of its level"),
            Why::TooLarge => f.write_str("what is measured is too large"),
        }
    }
}

/// What is measured, in units of [`model::Rate`], and what is missing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Measured {
    /// The number, or why there is none.
    pub value: Result<i128, Why>,
    /// The positions that are not in it.
    pub missing: Missing,
}

/// How a limit stands, and why that is not known.
pub fn judge(limit: &Limit, measured: &Measured) -> (Status, Option<Why>) {
    let missing = Why::of(measured.missing);
    let size = match measured.value {
        Ok(value) => size_of(limit.measure, value),
        // Why it has none is seldom more than that something is not valued.
        Err(why) => return (Status::Unknown, missing.or(Some(why))),
    };
    let is_above = |level: Amount| scaled_level(level).is_some_and(|level| size > level);
    let is_breached = is_above(limit.breach_level);
    match missing {
        Some(_) if is_breached && only_grows(limit.measure) => (Status::Breach, None),
        Some(why) => (Status::Unknown, Some(why)),
        None if is_breached => (Status::Breach, None),
        None if is_above(limit.warning_level) => (Status::Warning, None),
        None => (Status::Ok, None),
    }
}

/// What is compared with the levels.
pub const fn size_of(measure: LimitMeasure, value: i128) -> i128 {
    match measure {
        LimitMeasure::StressLoss | LimitMeasure::ValueAtRisk if value < 0 => 0,
        _ => value.saturating_abs(),
    }
}

/// A level in units of [`model::Rate`].
pub fn scaled_level(level: Amount) -> Option<i128> {
    amount_as_rate(level.scaled()?)
}

/// Units of [`model::Amount`] as units of [`model::Rate`].
pub const fn amount_as_rate(amount: i128) -> Option<i128> {
    amount.checked_mul(10i128.pow((model::Rate::SCALE - Amount::SCALE) as u32))
}

/// The groups that a limit is of: the one that it names, or each.
pub fn concerns(limit: &Limit, group: Symbol) -> bool {
    limit.group.is_none() || limit.group == group
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Currency, Date, NumberFormat};

    use super::*;
    use crate::exposure::scenario::ScenarioConfig;

    fn level(text: &str) -> Amount {
        Amount::parse(text, &NumberFormat::default()).unwrap()
    }

    fn limit(measure: LimitMeasure, breach: &str) -> Limit {
        Limit { measure, breach_level: level(breach), ..Limit::default() }
    }

    fn configured() -> Configured {
        let config: ScenarioConfig = toml::from_str("dimensions = ['sector']\nfx = { EUR = -10 }").unwrap();
        Configured { scenarios: vec![Scenario::new("euro", &config).unwrap()], has_reporting_currency: false }
    }

    fn refused(limit: &Limit) -> String {
        check(limit, &configured()).unwrap_err().what
    }

    #[test]
    fn a_level_in_per_cent_is_refused_where_a_share_is_meant() {
        for measure in [LimitMeasure::Weight, LimitMeasure::TopWeight, LimitMeasure::Hhi] {
            let by_issuer = |breach| Limit { dimension: ExposureDimension::Issuer, ..limit(measure, breach) };
            assert_eq!(refused(&by_issuer("5")), format!("`breach_level` of a `{measure}` is 5, more than the whole"));
            assert_eq!(check(&by_issuer("1"), &configured()), Ok(()));
            let warned = Limit { warning_level: level("4"), ..by_issuer("0.05") };
            assert!(refused(&warned).contains("`warning_level`"));
        }
        assert_eq!(check(&limit(LimitMeasure::Leverage, "5"), &configured()), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        use LimitMeasure as M;
        let of = |change: fn(&mut Limit), measure, breach| {
            let mut limit = limit(measure, breach);
            change(&mut limit);
            limit
        };
        for (limit, expected) in [
            (of(|_| (), M::Unknown, "1"), "what it measures"),
            (of(|limit| limit.breach_level = Amount::NONE, M::Net, "1"), "`breach_level` is not known"),
            (of(|_| (), M::Net, "-1"), "not above 0"),
            (of(|limit| limit.warning_level = level("2"), M::Net, "1"), "above `breach_level`"),
            (of(|limit| limit.currency = Currency::parse("EUR").unwrap(), M::Leverage, "1"), "no currency"),
            (of(|limit| (limit.valid_from, limit.valid_to) = (Date(9), Date(8)), M::Net, "1"), "before it begins"),
            (
                of(|limit| (limit.scope, limit.portfolio) = (LimitScope::All, Symbol::of("P")), M::Net, "1"),
                "names a portfolio",
            ),
            (of(|limit| limit.scope = LimitScope::All, M::Net, "1"), "no currency in which"),
            (of(|limit| limit.group = Symbol::of("tech"), M::Net, "1"), "no group"),
            (
                of(
                    |limit| (limit.dimension, limit.group) = (ExposureDimension::Currency, Symbol::of("euro")),
                    M::Net,
                    "1",
                ),
                "no group `euro`",
            ),
            (
                of(
                    |limit| {
                        limit.dimension = ExposureDimension::Currency;
                        limit.group = Symbol::of("United States dollar");
                    },
                    M::Net,
                    "1",
                ),
                "no group",
            ),
            (of(|limit| limit.dimension = ExposureDimension::Sector, M::Hhi, "1"), "securities, issuers"),
            (of(|limit| limit.dimension = ExposureDimension::Sector, M::ValueAtRisk, "1"), "as a whole"),
            (of(|limit| limit.scope = LimitScope::BaseCurrency, M::ValueAtRisk, "1"), "as a whole"),
            (of(|_| (), M::ValueAtRisk, "5"), "more than the whole"),
            (of(|limit| limit.scenario = Symbol::of("euro"), M::Net, "1"), "not measured in a scenario"),
            (of(|limit| limit.scenario = Symbol::of("crash"), M::StressLoss, "1"), "no scenario `crash`"),
            (
                of(
                    |limit| (limit.scenario, limit.dimension) = (Symbol::of("euro"), ExposureDimension::Country),
                    M::StressLoss,
                    "1",
                ),
                "not added up by `country`",
            ),
        ] {
            assert!(refused(&limit).contains(expected), "{} {expected}", refused(&limit));
        }
        let good = of(
            |limit| (limit.scenario, limit.dimension) = (Symbol::of("euro"), ExposureDimension::Sector),
            M::StressLoss,
            "1",
        );
        assert_eq!(check(&good, &configured()), Ok(()));
        let long = of(
            |limit| (limit.dimension, limit.group) = (ExposureDimension::Sector, Symbol::of("a name that is longer")),
            M::Net,
            "1",
        );
        assert_eq!(check(&long, &configured()), Ok(()));
    }

    #[test]
    fn nothing_is_ok_while_something_is_not_valued() {
        let with_warning = |measure| Arc::new(Limit { warning_level: level("8"), ..limit(measure, "10") });
        let judged = |measure, value: &str, unvalued| {
            let value = scaled_level(level(value)).unwrap();
            judge(&with_warning(measure), &Measured { value: Ok(value), missing: Missing { unvalued, unreported: 0 } })
                .0
        };
        use LimitMeasure as M;
        assert_eq!(judged(M::Net, "8", 0), Status::Ok);
        assert_eq!(judged(M::Net, "-8.5", 0), Status::Warning);
        assert_eq!(judged(M::Net, "10", 0), Status::Warning);
        assert_eq!(judged(M::Net, "-10.00000001", 0), Status::Breach);
        assert_eq!(judged(M::Net, "1", 1), Status::Unknown);
        assert_eq!(judged(M::Net, "11", 1), Status::Unknown, "what is missing may be short");
        assert_eq!(judged(M::Gross, "11", 1), Status::Breach, "what is missing only adds to it");
        assert_eq!(judged(M::Gross, "9", 1), Status::Unknown);
        assert_eq!(judged(M::StressLoss, "-50", 0), Status::Ok, "what wins loses nothing");
        assert_eq!(judged(M::ValueAtRisk, "-50", 0), Status::Ok);
        assert_eq!(judged(M::ValueAtRisk, "11", 1), Status::Unknown);
        assert_eq!(judged(M::StressLoss, "50", 0), Status::Breach);
        let unknown = Measured { value: Err(Why::NoWhole), missing: Missing::default() };
        assert_eq!(judge(&with_warning(M::Leverage), &unknown), (Status::Unknown, Some(Why::NoWhole)));
    }
}
