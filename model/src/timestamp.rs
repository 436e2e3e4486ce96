//! `Timestamp`: a point in time as microseconds since 1970-01-01T00:00:00Z.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Date, DateError};

/// A point in time, as microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// No time.
    pub const NONE: Timestamp = Timestamp(i64::MIN);

    /// Reads a time in a strftime-like format. A time without an offset is in UTC; digits beyond microseconds are cut off.
    pub fn parse(text: &str, format: &str) -> Result<Timestamp, DateError> {
        let _ = (text, format);
        Ok(Timestamp::NONE)
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

    /// The date in UTC.
    pub fn date(self) -> Date {
        Date::NONE
    }
}

impl Default for Timestamp {
    fn default() -> Timestamp {
        Timestamp::NONE
    }
}

/// ISO 8601 in UTC, such as `2026-03-14T09:26:53.589793Z`; empty for [`Timestamp::NONE`].
impl fmt::Display for Timestamp {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("Timestamp(NONE)") } else { write!(f, "Timestamp({self})") }
    }
}
