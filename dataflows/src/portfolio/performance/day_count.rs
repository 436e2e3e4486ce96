//! How many years lie between two dates.
//!
//! | convention | years |
//! |---|---|
//! | `act/365f` | days / 365 |
//! | `act/360` | days / 360 |
//! | `act/act_isda` | days in leap years / 366 + other days / 365 |
//! | `30e/360` | months of 30 days; a 31st is a 30th |
//! | `30/360_isda` | months of 30 days; a 31st is a 30th, at the end only if the start is one |
//! | `30/360_sia` | as ISDA, and the last day of February is a 30th at the start; at the end if it is one at both |

use model::Date;
use serde::{Deserialize, Serialize};

/// A convention to count years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DayCount {
    /// Days / 365.
    #[default]
    #[serde(rename = "act/365f")]
    Actual365Fixed,
    /// Days / 360.
    #[serde(rename = "act/360")]
    Actual360,
    /// Days of leap years / 366 and of others / 365.
    #[serde(rename = "act/act_isda")]
    ActualActualIsda,
    /// Months of 30 days, European.
    #[serde(rename = "30e/360")]
    Thirty360European,
    /// Months of 30 days, as ISDA's bond basis.
    #[serde(rename = "30/360_isda")]
    Thirty360Isda,
    /// Months of 30 days, as US bonds.
    #[serde(rename = "30/360_sia")]
    Thirty360Sia,
}

impl DayCount {
    /// The years from one date to another, negative if the other is earlier; `None` if a date is none.
    pub fn years(self, from: Date, to: Date) -> Option<f64> {
        let days = || from.days_until(to).map(f64::from);
        match self {
            DayCount::Actual365Fixed => Some(days()? / 365.0),
            DayCount::Actual360 => Some(days()? / 360.0),
            DayCount::ActualActualIsda if to < from => actual_actual(to, from).map(|years| -years),
            DayCount::ActualActualIsda => actual_actual(from, to),
            DayCount::Thirty360European | DayCount::Thirty360Isda | DayCount::Thirty360Sia => self.thirty_360(from, to),
        }
    }

    fn thirty_360(self, from: Date, to: Date) -> Option<f64> {
        let ((year1, month1, mut day1), (year2, month2, mut day2)) = (from.ymd()?, to.ymd()?);
        if self == DayCount::Thirty360Sia && is_end_of_february(from) {
            if is_end_of_february(to) {
                day2 = 30;
            }
            day1 = 30;
        }
        day1 = day1.min(30);
        if self == DayCount::Thirty360European || day1 == 30 {
            day2 = day2.min(30);
        }
        let days =
            360 * (year2 - year1) + 30 * (i32::from(month2) - i32::from(month1)) + i32::from(day2) - i32::from(day1);
        Some(f64::from(days) / 360.0)
    }
}

fn is_end_of_february(date: Date) -> bool {
    let is_february = |date: Date| date.ymd().is_some_and(|(_, month, _)| month == 2);
    is_february(date) && !is_february(date.add_days(1))
}

fn actual_actual(from: Date, to: Date) -> Option<f64> {
    let ((first, ..), (last, ..)) = (from.ymd()?, to.ymd()?);
    let start = |year: i32| Date::from_ymd(year, 1, 1);
    let length = |year: i32| if Date::from_ymd(year, 2, 29).is_some() { 366.0 } else { 365.0 };
    let part = |from: Date, to: Date, year: i32| Some(f64::from(from.days_until(to)?) / length(year));
    if first == last {
        return part(from, to, first);
    }
    // A year that is whole is one. What is left of the first ends where the next begins.
    let head = part(from, start(first + 1)?, first)?;
    Some(head + f64::from(last - first - 1) + part(start(last)?, to, last)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text, "%Y-%m-%d").unwrap()
    }

    #[test]
    fn each_convention_counts_in_its_way() {
        use DayCount::*;
        let cases = [
            // convention, from, to, days of its year
            (Actual365Fixed, "2008-02-28", "2008-03-01", 2.0 / 365.0),
            (Actual360, "2008-02-28", "2008-03-01", 2.0 / 360.0),
            (ActualActualIsda, "2007-12-30", "2008-01-02", 2.0 / 365.0 + 1.0 / 366.0),
            (ActualActualIsda, "2003-07-01", "2006-07-01", 184.0 / 365.0 + 2.0 + 181.0 / 365.0),
            (Thirty360European, "2007-01-15", "2007-01-31", 15.0 / 360.0),
            (Thirty360Isda, "2007-01-15", "2007-01-31", 16.0 / 360.0),
            (Thirty360Isda, "2007-01-31", "2007-03-31", 60.0 / 360.0),
            (Thirty360Isda, "2007-02-28", "2007-03-31", 33.0 / 360.0),
            (Thirty360Sia, "2007-02-28", "2007-03-31", 30.0 / 360.0),
            (Thirty360Sia, "2007-02-28", "2008-02-29", 1.0),
        ];
        for (convention, from, to, years) in cases {
            let (from, to) = (date(from), date(to));
            assert_eq!(convention.years(from, to), Some(years), "{convention:?} {from} {to}");
        }
        assert_eq!(ActualActualIsda.years(date("2008-01-02"), date("2007-12-30")), Some(-(2.0 / 365.0 + 1.0 / 366.0)));
        assert_eq!(Thirty360Sia.years(Date::NONE, date("2007-12-30")), None);
    }
}
