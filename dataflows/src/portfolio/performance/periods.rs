//! The dates of a period, as seen from a date. Calendar days, the first and the last included.
//!
//! | period | first day | last day |
//! |---|---|---|
//! | `mtd`, `qtd`, `ytd` | the first of the month, quarter, year | the date |
//! | `1y`, `3y`, `5y` | the day after the same day so many years before; 28 February for a 29th that is not there | the date |
//! | `si` | inception | the date |
//! | `{ year = 2025 }` | 1 January | 31 December |
//! | `{ explicit = { from = …, to = … } }` | as given | as given |
//!
//! Nothing starts before inception, and nothing ends after the date from which it is seen: a year that is not over ends
//! there.

use std::fmt;

use model::Date;
use serde::{Deserialize, Serialize};

/// A period by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Period {
    /// From the first of the month.
    #[serde(rename = "mtd")]
    MonthToDate,
    /// From the first of the quarter.
    #[serde(rename = "qtd")]
    QuarterToDate,
    /// From the first of the year.
    #[serde(rename = "ytd")]
    YearToDate,
    /// One year.
    #[serde(rename = "1y")]
    OneYear,
    /// Three years.
    #[serde(rename = "3y")]
    ThreeYears,
    /// Five years.
    #[serde(rename = "5y")]
    FiveYears,
    /// From the first day of all.
    #[serde(rename = "si")]
    SinceInception,
    /// A calendar year.
    #[serde(rename = "year")]
    Year(i32),
    /// From a date to another.
    #[serde(rename = "explicit")]
    Explicit {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
}

/// As in configuration: `mtd`, `2025`, `2024-01-02..2024-01-03`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::MonthToDate => f.write_str("mtd"),
            Period::QuarterToDate => f.write_str("qtd"),
            Period::YearToDate => f.write_str("ytd"),
            Period::OneYear => f.write_str("1y"),
            Period::ThreeYears => f.write_str("3y"),
            Period::FiveYears => f.write_str("5y"),
            Period::SinceInception => f.write_str("si"),
            Period::Year(year) => write!(f, "{year}"),
            Period::Explicit { from, to } => write!(f, "{from}..{to}"),
        }
    }
}

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DateRange {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl DateRange {
    /// How many days these are.
    pub fn days(&self) -> u32 {
        self.from.days_until(self.to).map_or(0, |days| u32::try_from(days).map_or(0, |days| days + 1))
    }
}

impl Period {
    /// The days of the period as seen from `as_of`, for what began at `inception`. `None` if there are none, or if a date is
    /// none.
    pub fn range(self, as_of: Date, inception: Date) -> Option<DateRange> {
        let (year, month, _) = as_of.ymd()?;
        let (from, to) = match self {
            Period::MonthToDate => (Date::from_ymd(year, month, 1)?, as_of),
            Period::QuarterToDate => (Date::from_ymd(year, (month - 1) / 3 * 3 + 1, 1)?, as_of),
            Period::YearToDate => (Date::from_ymd(year, 1, 1)?, as_of),
            Period::OneYear => (years_before(as_of, 1)?.add_days(1), as_of),
            Period::ThreeYears => (years_before(as_of, 3)?.add_days(1), as_of),
            Period::FiveYears => (years_before(as_of, 5)?.add_days(1), as_of),
            Period::SinceInception => (inception, as_of),
            Period::Year(year) => (Date::from_ymd(year, 1, 1)?, Date::from_ymd(year, 12, 31)?),
            Period::Explicit { from, to } => (from, to),
        };
        if from.is_none() || to.is_none() || inception.is_none() {
            return None;
        }
        let range = DateRange { from: from.max(inception), to: to.min(as_of) };
        (range.from <= range.to).then_some(range)
    }
}

/// The same day some years before. A 29 February without a counterpart is a 28th.
fn years_before(date: Date, years: i32) -> Option<Date> {
    let (year, month, day) = date.ymd()?;
    Date::from_ymd(year - years, month, day).or_else(|| Date::from_ymd(year - years, month, day - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text, "%Y-%m-%d").unwrap()
    }

    #[test]
    fn periods_are_whole_calendar_days() {
        let explicit = |from, to| Period::Explicit { from: date(from), to: date(to) };
        let cases = [
            // period, as of, first and last day
            (Period::MonthToDate, "2025-08-14", "2025-08-01", "2025-08-14"),
            (Period::QuarterToDate, "2025-08-14", "2025-07-01", "2025-08-14"),
            (Period::QuarterToDate, "2025-12-31", "2025-10-01", "2025-12-31"),
            (Period::YearToDate, "2025-08-14", "2025-01-01", "2025-08-14"),
            (Period::OneYear, "2025-08-14", "2024-08-15", "2025-08-14"),
            (Period::OneYear, "2024-02-29", "2023-03-01", "2024-02-29"),
            (Period::OneYear, "2025-02-28", "2024-02-29", "2025-02-28"),
            (Period::ThreeYears, "2025-12-31", "2023-01-01", "2025-12-31"),
            (Period::FiveYears, "2025-08-14", "2020-08-15", "2025-08-14"),
            (Period::FiveYears, "2024-12-31", "2020-03-01", "2024-12-31"), // from inception
            (Period::SinceInception, "2025-08-14", "2020-03-01", "2025-08-14"),
            (Period::Year(2024), "2025-08-14", "2024-01-01", "2024-12-31"),
            (Period::Year(2020), "2025-08-14", "2020-03-01", "2020-12-31"),
            (Period::Year(2025), "2025-08-14", "2025-01-01", "2025-08-14"),
            (explicit("2021-05-05", "2021-06-05"), "2025-08-14", "2021-05-05", "2021-06-05"),
            (explicit("2019-05-05", "2026-06-05"), "2025-08-14", "2020-03-01", "2025-08-14"),
        ];
        for (period, as_of, from, to) in cases {
            let expected = DateRange { from: date(from), to: date(to) };
            assert_eq!(period.range(date(as_of), date("2020-03-01")), Some(expected), "{period:?} {as_of}");
        }
    }

    #[test]
    fn what_has_no_days_is_none() {
        let (as_of, inception) = (date("2025-08-14"), date("2020-03-01"));
        assert_eq!(Period::Year(2019).range(as_of, inception), None);
        assert_eq!(Period::Year(2026).range(as_of, inception), None);
        assert_eq!(Period::MonthToDate.range(date("2020-02-14"), inception), None);
        assert_eq!(Period::MonthToDate.range(Date::NONE, inception), None);
        assert_eq!(Period::SinceInception.range(as_of, Date::NONE), None);
        assert_eq!(Period::Explicit { from: as_of, to: inception }.range(as_of, inception), None);
        assert_eq!(DateRange { from: inception, to: inception }.days(), 1);
        assert_eq!(DateRange { from: as_of, to: inception }.days(), 0);
    }

    #[test]
    fn periods_are_configured_by_name() {
        #[derive(Deserialize)]
        struct Config {
            periods: Vec<Period>,
        }
        let text = r#"periods = ["mtd", "5y", "si", { year = 2024 }, { explicit = { from = "2024-01-02", to = "2024-01-03" } }]"#;
        let explicit = Period::Explicit { from: date("2024-01-02"), to: date("2024-01-03") };
        let expected =
            vec![Period::MonthToDate, Period::FiveYears, Period::SinceInception, Period::Year(2024), explicit];
        assert_eq!(toml::from_str::<Config>(text).unwrap().periods, expected);
    }
}
