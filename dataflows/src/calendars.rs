//! Business calendars from the configuration.

use std::collections::BTreeMap;

use model::{Calendar, Date, Weekday};
use serde::Deserialize;

use crate::rule_error::{RuleError, unknown};

/// A calendar: the days of the week without business, and the holidays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalendarConfig {
    /// Days of the week without business.
    pub weekend: Vec<String>,
    /// Dates without business, as `YYYY-MM-DD`.
    pub holidays: Vec<String>,
}

impl Default for CalendarConfig {
    fn default() -> Self {
        CalendarConfig { weekend: vec!["saturday".into(), "sunday".into()], holidays: Vec::new() }
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// Checks the calendars of a configuration.
pub fn check(configs: &BTreeMap<String, CalendarConfig>) -> Result<BTreeMap<String, Calendar>, RuleError> {
    configs.iter().map(|(name, config)| Ok((name.clone(), calendar(name, config)?))).collect()
}

fn calendar(name: &str, config: &CalendarConfig) -> Result<Calendar, RuleError> {
    let weekday = |(index, day): (usize, &String)| {
        let found = WEEKDAYS.iter().find(|(name, _)| *name == day.to_lowercase());
        let names = WEEKDAYS.iter().map(|(name, _)| *name);
        found
            .map(|(_, day)| *day)
            .ok_or_else(|| unknown(format!("calendar.{name}.weekend[{index}]"), "day", day, names))
    };
    let holiday = |(index, text): (usize, &String)| {
        let place = format!("calendar.{name}.holidays[{index}]");
        Date::parse(text, "%Y-%m-%d")
            .map_err(|error| RuleError::new(place, error.to_string(), "write it as YYYY-MM-DD"))
    };
    let weekend = config.weekend.iter().enumerate().map(weekday).collect::<Result<Vec<_>, _>>()?;
    let holidays = config.holidays.iter().enumerate().map(holiday).collect::<Result<Vec<_>, _>>()?;
    let help = "leave at least one day of the week for business";
    Calendar::new(&weekend, holidays)
        .map_err(|error| RuleError::new(format!("calendar.{name}"), error.to_string(), help))
}
