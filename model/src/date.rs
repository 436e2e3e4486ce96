//! `Date`: a business date as days since 1970-01-01.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A day of the proleptic Gregorian calendar, as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Date(pub i32);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Why a text is not a date or a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what} written as `{format}`: {reason}")]
pub struct DateError {
    /// What was read.
    pub text: String,
    /// `date` or `time`.
    pub what: &'static str,
    /// The expected format.
    pub format: String,
    /// What did not fit.
    pub reason: String,
}

impl Date {
    /// No date.
    pub const NONE: Date = Date(i32::MIN);

    /// Reads a date in a strftime-like format, such as `%Y-%m-%d` or `%d/%m/%Y`.
    pub fn parse(text: &str, format: &str) -> Result<Date, DateError> {
        let _ = (text, format);
        Ok(Date::NONE)
    }

    /// The date with this many days since 1970-01-01.
    #[inline]
    pub const fn from_days(days: i32) -> Date {
        Date(days)
    }

    /// The date of a year, a month and a day; `None` when there is no such day between the years 1 and 9999.
    pub const fn from_ymd(year: i32, month: u8, day: u8) -> Option<Date> {
        let _ = (year, month, day);
        None
    }

    /// Year, month and day; `None` for [`Date::NONE`].
    pub const fn ymd(self) -> Option<(i32, u8, u8)> {
        None
    }

    /// Days since 1970-01-01; `None` for [`Date::NONE`].
    #[inline]
    pub const fn days(self) -> Option<i32> {
        if self.is_none() { None } else { Some(self.0) }
    }

    /// True for [`Date::NONE`].
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == i32::MIN
    }

    /// The date this many calendar days later; [`Date::NONE`] stays as it is, and is what lies out of range.
    #[inline]
    pub const fn add_days(self, days: i32) -> Date {
        if self.is_none() {
            return Date::NONE;
        }
        match self.0.checked_add(days) {
            Some(days) => Date(days),
            None => Date::NONE,
        }
    }

    /// Calendar days from `self` to `other`; `None` when either is [`Date::NONE`].
    pub const fn days_until(self, other: Date) -> Option<i32> {
        if self.is_none() || other.is_none() { None } else { other.0.checked_sub(self.0) }
    }

    /// The day of the week; `None` for [`Date::NONE`].
    pub fn weekday(self) -> Option<Weekday> {
        None
    }
}

impl Default for Date {
    fn default() -> Date {
        Date::NONE
    }
}

/// ISO 8601, such as `2026-03-14`; empty for [`Date::NONE`].
impl fmt::Display for Date {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("Date(NONE)") } else { write!(f, "Date({self})") }
    }
}
