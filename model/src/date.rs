//! `Date`: a business date as days since 1970-01-01, in the years 1 to 9999.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::written_time;

/// Days from 0001-01-01 to 1970-01-01.
const EPOCH_DAYS: i32 = 719_162;
const FIRST_DAY: i32 = -EPOCH_DAYS;
/// 9999-12-31.
const LAST_DAY: i32 = 2_932_896;
/// Days of a common year before each month, and before the next year.
const DAYS_BEFORE_MONTH: [i32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

/// A day of the Gregorian calendar, as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Weekday {
    /// The days of a week, Monday first.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
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
    /// 1900-01-01: what is dated earlier is a mistake, and a series from there on would have days without end.
    pub const EARLIEST: Date = Date(-25_567);
    /// 2199-12-31: what is dated later, as sources do that have no date to give, has no day that comes.
    pub const LATEST: Date = Date(84_005);

    /// Reads a date in a strftime-like format, such as `%Y-%m-%d`, `%d/%m/%Y` or `%d-%b-%Y`.
    /// `%Y-%m-%d` and `%Y%m%d` are quickest, formats of digits are quick.
    #[inline]
    pub fn parse(text: &str, format: &str) -> Result<Date, DateError> {
        let quick = match (format, text.as_bytes()) {
            ("%Y-%m-%d", [year @ .., b'-', m1, m2, b'-', d1, d2]) => Date::from_digits(year, [*m1, *m2], [*d1, *d2]),
            ("%Y%m%d", [year @ .., m1, m2, d1, d2]) => Date::from_digits(year, [*m1, *m2], [*d1, *d2]),
            _ => None,
        };
        quick.map_or_else(|| written_time::read_date(text, format), Ok)
    }

    #[inline]
    fn from_digits(year: &[u8], month: [u8; 2], day: [u8; 2]) -> Option<Date> {
        let year: [u8; 4] = year.try_into().ok()?;
        let number = |digits: &[u8]| {
            digits
                .iter()
                .try_fold(0u16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')))
        };
        Date::from_ymd(i32::from(number(&year)?), number(&month)? as u8, number(&day)? as u8)
    }

    /// The date with this many days since 1970-01-01.
    #[inline]
    pub const fn from_days(days: i32) -> Date {
        Date(days)
    }

    /// The date of a year, a month and a day; `None` when there is no such day between the years 1 and 9999.
    #[inline]
    pub const fn from_ymd(year: i32, month: u8, day: u8) -> Option<Date> {
        if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 {
            return None;
        }
        let before = days_before_month(year, month as usize - 1);
        let length = days_before_month(year, month as usize) - before;
        if day as i32 > length {
            return None;
        }
        Some(Date(days_before_year(year) + before + day as i32 - 1 - EPOCH_DAYS))
    }

    /// Year, month and day; `None` for [`Date::NONE`] and outside the years 1 to 9999.
    pub const fn ymd(self) -> Option<(i32, u8, u8)> {
        if self.0 < FIRST_DAY || self.0 > LAST_DAY {
            return None;
        }
        let days = self.0 + EPOCH_DAYS;
        // 400 years have 146,097 days; the quotient is at most one year too low.
        let mut year = (days as i64 * 400 / 146_097) as i32 + 1;
        if days_before_year(year + 1) <= days {
            year += 1;
        } else if days_before_year(year) > days {
            year -= 1;
        }
        let day_of_year = days - days_before_year(year);
        // No month is longer than 31 days, so the quotient is at most one month too low.
        let mut month = (day_of_year / 31) as usize;
        if days_before_month(year, month + 1) <= day_of_year {
            month += 1;
        }
        Some((year, month as u8 + 1, (day_of_year - days_before_month(year, month)) as u8 + 1))
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

    /// The date this many calendar days later; [`Date::NONE`] for itself and for what leaves the years 1 to 9999.
    #[inline]
    pub const fn add_days(self, days: i32) -> Date {
        match self.0.checked_add(days) {
            Some(sum) if !self.is_none() && sum >= FIRST_DAY && sum <= LAST_DAY => Date(sum),
            _ => Date::NONE,
        }
    }

    /// Calendar days from `self` to `other`, negative when `other` is earlier; `None` when either is [`Date::NONE`].
    #[inline]
    pub const fn days_until(self, other: Date) -> Option<i32> {
        if self.is_none() || other.is_none() { None } else { other.0.checked_sub(self.0) }
    }

    /// The day of the week; `None` for [`Date::NONE`].
    #[inline]
    pub fn weekday(self) -> Option<Weekday> {
        // 1970-01-01 was a Thursday, three days after a Monday.
        self.days().map(|days| Weekday::ALL[(i64::from(days) + 3).rem_euclid(7) as usize])
    }
}

const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 0001-01-01 to the first day of a year from 1 on.
const fn days_before_year(year: i32) -> i32 {
    let years = year - 1;
    years * 365 + years / 4 - years / 100 + years / 400
}

/// Days from the first day of a year to the first of a month, counted from 0; 12 is the next year.
const fn days_before_month(year: i32, month: usize) -> i32 {
    DAYS_BEFORE_MONTH[month] + (month >= 2 && is_leap(year)) as i32
}

impl Default for Date {
    fn default() -> Date {
        Date::NONE
    }
}

/// ISO 8601, such as `2026-03-14`; empty for [`Date::NONE`].
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ymd(), self.days()) {
            (Some((year, month, day)), _) => write!(f, "{year:04}-{month:02}-{day:02}"),
            (None, Some(days)) => write!(f, "1970-01-01{days:+}d"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("Date(NONE)") } else { write!(f, "Date({self})") }
    }
}

/// The number of days where machines read; where people do, ISO 8601 or nothing.
impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            false => self.0.serialize(serializer),
            true if self.is_none() => serializer.serialize_none(),
            true => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        if !deserializer.is_human_readable() {
            return i32::deserialize(deserializer).map(Date);
        }
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => Date::parse(&text, "%Y-%m-%d").map_err(serde::de::Error::custom),
            None => Ok(Date::NONE),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ymd(year: i32, month: u8, day: u8) -> Date {
        Date::from_ymd(year, month, day).unwrap()
    }

    #[test]
    fn every_day_of_ten_thousand_years_follows_the_one_before() {
        let mut previous = (1, 1, 0);
        for days in FIRST_DAY..=LAST_DAY {
            let (year, month, day) = Date(days).ymd().unwrap();
            let follows = (year, month, day) == (previous.0, previous.1, previous.2 + 1)
                || (year, month, day) == (previous.0, previous.1 + 1, 1)
                || (year, month, day) == (previous.0 + 1, 1, 1) && previous.1 == 12;
            assert!(follows, "{days}");
            assert_eq!(Date::from_ymd(year, month, day), Some(Date(days)));
            previous = (year, month, day);
        }
        assert_eq!(previous, (9999, 12, 31));
    }

    #[test]
    fn known_days_have_their_numbers() {
        // `date --utc --date=DATE +%s`, divided by 86,400
        for (date, days) in
            [(ymd(1970, 1, 1), 0), (ymd(2000, 2, 29), 11_016), (ymd(2024, 12, 31), 20_088), (ymd(1900, 1, 1), -25_567)]
        {
            assert_eq!(date, Date(days));
        }
    }

    #[test]
    fn days_that_do_not_exist_are_none() {
        for (year, month, day) in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 4, 31),
            (2024, 13, 1),
            (2024, 0, 1),
            (2024, 1, 0),
            (0, 1, 1),
            (10_000, 1, 1),
        ] {
            assert_eq!(Date::from_ymd(year, month, day), None, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn dates_are_read_in_the_formats_of_the_trade() {
        let cases = [
            ("2024-03-15", "%Y-%m-%d"),
            ("20240315", "%Y%m%d"),
            ("15/03/2024", "%d/%m/%Y"),
            ("03/15/2024", "%m/%d/%Y"),
            ("3/15/2024", "%m/%d/%Y"),
            ("15.03.2024", "%d.%m.%Y"),
            ("15-Mar-2024", "%d-%b-%Y"),
            ("15 March 2024", "%d %B %Y"),
            ("15-MAR-24", "%d-%b-%y"),
            ("2024-03-15", "%F"),
            ("2024075", "%Y%j"),
            ("2024-03-15T00:00:00", "%Y-%m-%dT%H:%M:%S"),
        ];
        for (text, format) in cases {
            assert_eq!(Date::parse(text, format).unwrap(), ymd(2024, 3, 15), "{text} as {format}");
        }
    }

    #[test]
    fn what_is_not_a_date_is_refused_with_where_and_what() {
        let cases = [
            ("2024-02-30", "%Y-%m-%d"),
            ("20240230", "%Y%m%d"),
            ("2024-3-15x", "%Y-%m-%d"),
            ("2024-03-15 10:00", "%Y-%m-%d"),
            ("", "%Y-%m-%d"),
            ("15/03/2024", "%Y-%m-%d"),
            ("0000-01-01", "%Y-%m-%d"),
            ("202४0315", "%Y%m%d"),
            ("2024-03-15", "%Q"),
        ];
        for (text, format) in cases {
            let message = Date::parse(text, format).unwrap_err().to_string();
            assert!(message.starts_with(&format!("`{text}` is not a date written as `{format}`: ")), "{message}");
        }
    }

    #[test]
    fn none_is_no_date() {
        assert!(Date::default().is_none());
        assert_eq!((Date::NONE.days(), Date::NONE.ymd(), Date::NONE.weekday()), (None, None, None));
        assert_eq!(Date::NONE.to_string(), "");
        assert_eq!(Date::NONE.add_days(1), Date::NONE);
        assert_eq!(Date::NONE.days_until(Date(0)), None);
        assert_eq!(ymd(9999, 12, 31).add_days(1), Date::NONE);
        assert_eq!(Date(i32::MAX).to_string(), "1970-01-01+2147483647d");
    }

    #[test]
    fn days_have_their_weekdays() {
        assert_eq!(ymd(1970, 1, 1).weekday(), Some(Weekday::Thursday));
        assert_eq!(ymd(2024, 3, 15).weekday(), Some(Weekday::Friday));
        assert_eq!(ymd(1969, 12, 28).weekday(), Some(Weekday::Sunday));
    }

    proptest! {
        #[test]
        fn a_date_is_read_back_as_it_was_written(days in FIRST_DAY..=LAST_DAY) {
            let date = Date(days);
            prop_assert_eq!(Date::parse(&date.to_string(), "%Y-%m-%d").unwrap(), date);
            let json = serde_json::to_string(&date).unwrap();
            prop_assert_eq!(serde_json::from_str::<Date>(&json).unwrap(), date);
            prop_assert_eq!(bincode::deserialize::<Date>(&bincode::serialize(&date).unwrap()).unwrap(), date);
        }

        #[test]
        fn every_path_reads_the_same_date_or_none(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}") {
            let quick = Date::parse(&text, "%Y-%m-%d").ok();
            prop_assert_eq!(Date::parse(&text.replace('-', ""), "%Y%m%d").ok(), quick);
            prop_assert_eq!(Date::parse(&text, "%F").ok(), quick);
            // Two blanks are left to jiff, which takes any white space for white space.
            let by_jiff = Date::parse(&format!("{text}  "), "%Y-%m-%d ").ok();
            prop_assert_eq!(by_jiff, quick);
        }
    }
}
