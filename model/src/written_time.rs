//! Reading dates and times in strftime-like formats.
//!
//! Formats made of digits of fixed width (`%d/%m/%Y`, `%Y-%m-%dT%H:%M:%S%.fZ`) are read by a scanner here that does
//! not allocate. Names of months, digits without their zeros and whatever else a format may say are left to jiff,
//! which also has the last word on why a text does not fit.

use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;

use crate::{Date, DateError, Timestamp};

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// What a text says about a time, with the defaults of what it leaves out.
#[derive(Default)]
struct Parts {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    microsecond: u32,
    offset_minutes: i32,
}

impl Parts {
    fn date(&self) -> Option<Date> {
        Date::from_ymd(i32::try_from(self.year).ok()?, u8::try_from(self.month).ok()?, u8::try_from(self.day).ok()?)
    }

    fn timestamp(&self) -> Option<Timestamp> {
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let days = i64::from(self.date()?.days()?);
        let minutes = i64::from(self.hour * 60 + self.minute) - i64::from(self.offset_minutes);
        let seconds = days * SECONDS_PER_DAY + minutes * 60 + i64::from(self.second);
        Some(Timestamp(seconds * MICROSECONDS_PER_SECOND + i64::from(self.microsecond)))
    }
}

/// Reads a date; the text must hold nothing that the format does not name.
pub(crate) fn read_date(text: &str, format: &str) -> Result<Date, DateError> {
    if let Some(date) = scan(text, format).and_then(|parts| parts.date()) {
        return Ok(date);
    }
    let date = strtime::parse(format, text)
        .and_then(|parts| parts.to_date())
        .map_err(|reason| refused("date", text, format, &reason))?;
    from_jiff(date).ok_or_else(|| refused("date", text, format, &"the year is not between 1 and 9999"))
}

/// Reads a time, in UTC unless the text names its offset.
pub(crate) fn read_timestamp(text: &str, format: &str) -> Result<Timestamp, DateError> {
    if let Some(time) = scan(text, format).and_then(|parts| parts.timestamp()) {
        return Ok(time);
    }
    let time = strtime::parse(format, text)
        .and_then(|parts| to_utc(&parts))
        .map_err(|reason| refused("time", text, format, &reason))?;
    i64::try_from(time.as_nanosecond().div_euclid(1000))
        .map(Timestamp)
        .map_err(|reason| refused("time", text, format, &reason))
}

fn to_utc(parts: &BrokenDownTime) -> Result<jiff::Timestamp, jiff::Error> {
    parts.to_timestamp().or_else(|_| Ok(parts.to_datetime()?.to_zoned(TimeZone::UTC)?.timestamp()))
}

fn from_jiff(date: jiff::civil::Date) -> Option<Date> {
    Date::from_ymd(i32::from(date.year()), u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?)
}

#[cold]
fn refused(what: &'static str, text: &str, format: &str, reason: &dyn std::fmt::Display) -> DateError {
    DateError { text: text.to_owned(), what, format: format.to_owned(), reason: reason.to_string() }
}

/// Reads a text of fixed width; `None` where the format or the text is of another kind, which is no judgement on them.
fn scan(text: &str, format: &str) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut rest = text.as_bytes();
    scan_into(&mut parts, &mut rest, format.as_bytes())?;
    rest.is_empty().then_some(parts)
}

fn scan_into(parts: &mut Parts, rest: &mut &[u8], mut format: &[u8]) -> Option<()> {
    while let Some((&literal, after)) = format.split_first() {
        if literal != b'%' {
            let (&found, remaining) = rest.split_first()?;
            (found == literal).then_some(())?;
            (*rest, format) = (remaining, after);
            continue;
        }
        let (&directive, after) = after.split_first()?;
        format = after;
        match directive {
            b'Y' => parts.year = digits(rest, 4)?,
            b'm' => parts.month = digits(rest, 2)?,
            b'd' => parts.day = digits(rest, 2)?,
            b'H' => parts.hour = digits(rest, 2)?,
            b'M' => parts.minute = digits(rest, 2)?,
            b'S' => parts.second = digits(rest, 2)?,
            b'F' => scan_into(parts, rest, b"%Y-%m-%d")?,
            b'T' => scan_into(parts, rest, b"%H:%M:%S")?,
            b'z' => parts.offset_minutes = offset_minutes(rest)?,
            b':' => {
                format = format.strip_prefix(b"z")?;
                parts.offset_minutes = offset_minutes(rest)?;
            }
            b'.' => {
                format = format.strip_prefix(b"f")?;
                parts.microsecond = fraction_microseconds(rest)?;
            }
            _ => return None,
        }
    }
    Some(())
}

/// A number of exactly `count` digits.
fn digits(rest: &mut &[u8], count: usize) -> Option<u32> {
    let (head, remaining) = rest.split_at_checked(count)?;
    *rest = remaining;
    head.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// `.5`, `.589793` or nothing at all, as microseconds; what lies beyond them is cut off.
fn fraction_microseconds(rest: &mut &[u8]) -> Option<u32> {
    let Some(after_point) = rest.strip_prefix(b".") else {
        return Some(0);
    };
    let length = after_point.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(after_point.len());
    if !(1..=9).contains(&length) {
        return None;
    }
    *rest = &after_point[length..];
    let nanoseconds = (0..9).fold(0, |number, index| {
        let digit = if index < length { after_point[index] - b'0' } else { 0 };
        number * 10 + u32::from(digit)
    });
    Some(nanoseconds / 1000)
}

/// `Z`, `+0130` or `-01:30`.
fn offset_minutes(rest: &mut &[u8]) -> Option<i32> {
    let (&sign, remaining) = rest.split_first()?;
    *rest = remaining;
    let direction = match sign {
        b'Z' | b'z' => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = digits(rest, 2)?;
    *rest = rest.strip_prefix(b":").unwrap_or(rest);
    let minutes = digits(rest, 2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    i32::try_from(hours * 60 + minutes).ok().map(|offset| direction * offset)
}
