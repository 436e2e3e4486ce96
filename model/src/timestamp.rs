//! `Timestamp`: a point in time as microseconds since 1970-01-01T00:00:00Z.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Date, DateError, written_time};

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
/// How times are written where people read them: [`fmt::Display`] writes it, [`Timestamp::parse`] reads it.
const ISO_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.f%:z";

/// A point in time, as microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// No time.
    pub const NONE: Timestamp = Timestamp(i64::MIN);

    /// Reads a time in a strftime-like format. A time without an offset is in UTC; digits beyond microseconds are
    /// cut off.
    pub fn parse(text: &str, format: &str) -> Result<Timestamp, DateError> {
        written_time::read_timestamp(text, format)
    }

    /// The time with this many microseconds since 1970-01-01T00:00:00Z.
    #[inline]
    pub const fn from_micros(microseconds: i64) -> Timestamp {
        Timestamp(microseconds)
    }

    /// Microseconds since 1970-01-01T00:00:00Z; `None` for [`Timestamp::NONE`].
    #[inline]
    pub const fn micros(self) -> Option<i64> {
        if self.is_none() { None } else { Some(self.0) }
    }

    /// True for [`Timestamp::NONE`].
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == i64::MIN
    }

    /// The first moment of a date in UTC; [`Timestamp::NONE`] for [`Date::NONE`].
    pub fn start_of(date: Date) -> Timestamp {
        date.days().map_or(Timestamp::NONE, |days| Timestamp(i64::from(days).saturating_mul(MICROSECONDS_PER_DAY)))
    }

    /// The date in UTC; [`Date::NONE`] for [`Timestamp::NONE`].
    pub fn date(self) -> Date {
        let days = self.micros().map(|microseconds| microseconds.div_euclid(MICROSECONDS_PER_DAY));
        days.and_then(|days| i32::try_from(days).ok()).map_or(Date::NONE, Date::from_days)
    }
}

impl Default for Timestamp {
    fn default() -> Timestamp {
        Timestamp::NONE
    }
}

/// ISO 8601 in UTC, such as `2026-03-14T09:26:53.589793Z`; empty for [`Timestamp::NONE`].
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(microseconds) = self.micros() else {
            return Ok(());
        };
        let of_day = microseconds.rem_euclid(MICROSECONDS_PER_DAY);
        let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
        write!(f, "{}T{:02}:{:02}:{:02}", self.date(), seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if fraction != 0 {
            write!(f, ".{fraction:06}")?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("Timestamp(NONE)") } else { write!(f, "Timestamp({self})") }
    }
}

/// The number of microseconds where machines read; where people do, ISO 8601 or nothing.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            false => self.0.serialize(serializer),
            true if self.is_none() => serializer.serialize_none(),
            true => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Timestamp);
        }
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => Timestamp::parse(&text, ISO_FORMAT).map_err(serde::de::Error::custom),
            None => Ok(Timestamp::NONE),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2024-03-15T09:26:53Z: `date --utc --date=2024-03-15T09:26:53 +%s` gives 1710494813.
    const SECOND: i64 = 1_710_494_813_000_000;

    #[test]
    fn times_are_read_in_the_formats_of_the_trade() {
        let cases = [
            ("2024-03-15T09:26:53Z", "%Y-%m-%dT%H:%M:%SZ", SECOND),
            ("2024-03-15T09:26:53Z", "%Y-%m-%dT%H:%M:%S%.f%:z", SECOND),
            ("2024-03-15T09:26:53.589793Z", "%FT%T%.f%z", SECOND + 589_793),
            ("2024-03-15T10:26:53.5+01:00", "%FT%T%.f%:z", SECOND + 500_000),
            ("2024-03-15T04:26:53-0500", "%FT%T%z", SECOND),
            ("20240315-09:26:53.589", "%Y%m%d-%H:%M:%S%.f", SECOND + 589_000), // FIX UTCTimestamp
            ("20240315-09:26:53", "%Y%m%d-%H:%M:%S%.f", SECOND),
            ("2024-03-15 09:26:53.589793238", "%Y-%m-%d %H:%M:%S%.f", SECOND + 589_793),
            ("3/15/2024 9:26:53 AM", "%m/%d/%Y %I:%M:%S %p", SECOND),
            ("1710494813", "%s", SECOND),
            ("2024-03-15", "%Y-%m-%d", SECOND - 34_013_000_000), // midnight
        ];
        for (text, format, expected) in cases {
            assert_eq!(Timestamp::parse(text, format).unwrap(), Timestamp(expected), "{text} as {format}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused_with_where_and_what() {
        for text in [
            "",
            "2024-03-15",
            "2024-03-15T25:00:00Z",
            "2024-03-15T09:26:53",
            "2024-02-30T09:26:53Z",
            "2024-03-15T09:26:53.Z",
        ] {
            let message = Timestamp::parse(text, "%Y-%m-%dT%H:%M:%S%.fZ").unwrap_err().to_string();
            assert!(message.starts_with(&format!("`{text}` is not a time written as")), "{message}");
        }
    }

    #[test]
    fn none_is_no_time() {
        assert!(Timestamp::default().is_none());
        assert_eq!(Timestamp::NONE.to_string(), "");
        assert_eq!(Timestamp::NONE.date(), Date::NONE);
        assert_eq!(Timestamp::NONE.micros(), None);
    }

    #[test]
    fn times_before_1970_are_on_the_right_day() {
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp(-1).date(), Date(-1));
    }

    proptest! {
        #[test]
        fn a_time_is_read_back_as_it_was_written(microseconds in -62_135_596_800_000_000..253_402_300_800_000_000i64) {
            let time = Timestamp(microseconds);
            prop_assert_eq!(Timestamp::parse(&time.to_string(), ISO_FORMAT).unwrap(), time);
            let json = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
        }
    }
}
