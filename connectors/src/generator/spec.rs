//! `DaySpec`: everything that a generated day depends on.

use engine::{EngineError, ErrorKind};
use model::{Calendar, Date, Timestamp};
use serde::{Deserialize, Serialize};

use super::faults::FaultRates;

/// How many trades a day may have: the numbers in the ids are made for so many.
pub const TRADES_MAX: u64 = 1_000_000_000;

/// The names of the sides, by their number: our own books, the broker, the custodian.
pub const SIDE_NAMES: [&str; 3] = ["internal", "broker", "custodian"];

/// A generated day. Equal specifications give equal days, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DaySpec {
    /// Another seed gives other trades.
    pub seed: u64,
    /// How many trades are agreed. What a side tells may be a little less or more: some are missing, some are told in fills.
    pub trades: u64,
    /// The trade date, a business day.
    #[serde(with = "iso_date")]
    pub date: Date,
    /// 2: our books and the broker. 3: the custodian as well.
    pub sides: u8,
    /// What goes wrong, and how often.
    pub faults: FaultRates,
}

impl Default for DaySpec {
    fn default() -> Self {
        let date = Date::from_ymd(2026, 3, 16).unwrap_or_default();
        DaySpec { seed: 1, trades: 10_000, date, sides: 2, faults: FaultRates::default() }
    }
}

impl DaySpec {
    /// The moment that is so many microseconds after midnight UTC of the day.
    pub fn moment(&self, micros_of_day: u64) -> Timestamp {
        const DAY_MICROS: i64 = 86_400_000_000;
        let midnight = i64::from(self.date.days().unwrap_or(0)) * DAY_MICROS;
        Timestamp::from_micros(midnight + micros_of_day as i64)
    }

    /// Says what is wrong with the specification.
    pub fn check(&self) -> Result<(), EngineError> {
        let wrong = |what: String, help: &str| Err(EngineError::new(ErrorKind::Invalid, what, help));
        if !(1..=TRADES_MAX).contains(&self.trades) {
            return wrong(format!("a day cannot have {} trades", self.trades), "generate 1 to 1,000,000,000 trades");
        }
        if !(2..=3).contains(&self.sides) {
            return wrong(
                format!("a day cannot be told by {} sides", self.sides),
                "use 2 (internal, broker) or 3 (with a custodian)",
            );
        }
        if self.faults.total() > 1000 {
            let what = format!("the faults add up to {} in a thousand trades", self.faults.total());
            return wrong(what, "a trade has at most one fault: lower the rates until they add up to 1000 or less");
        }
        let Some((year, ..)) = self.date.ymd() else {
            return wrong("the day has no date".to_owned(), "give the trade date, such as 2026-03-16");
        };
        if !(1970..=2200).contains(&year) {
            return wrong(format!("no market day can be generated on {}", self.date), "use a date from 1970 to 2200");
        }
        let calendar = business_calendar(year);
        if !calendar.is_business_day(self.date) {
            let next = calendar.next_business_day(self.date);
            return wrong(format!("{} is not a business day", self.date), &format!("use {next}, the next one"));
        }
        Ok(())
    }
}

/// The business days of the year and the two after it: Monday to Friday without New Year's Day, Labour Day and Christmas.
/// A plain calendar of our own, not that of any one market.
pub(super) fn business_calendar(year: i32) -> Calendar {
    use model::Weekday::{Saturday, Sunday};
    let days = [(1, 1), (5, 1), (12, 25), (12, 26)];
    let holidays = (year..=year + 2)
        .flat_map(|year| days.into_iter().filter_map(move |(month, day)| Date::from_ymd(year, month, day)));
    Calendar::new(&[Saturday, Sunday], holidays).unwrap_or_else(|_| Calendar::weekdays_only())
}

/// Dates as people write them, in configurations and in the names of partitions alike.
mod iso_date {
    use model::Date;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        Date::parse(&String::deserialize(deserializer)?, "%Y-%m-%d").map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_generated_is_refused_with_what_to_do() {
        let spec = DaySpec::default();
        spec.check().unwrap();
        let friday_holiday = Date::from_ymd(2026, 12, 25).unwrap();
        let cases = [
            (DaySpec { trades: 0, ..spec.clone() }, "1 to 1,000,000,000"),
            (DaySpec { sides: 4, ..spec.clone() }, "use 2"),
            (DaySpec { date: Date::from_ymd(2026, 3, 14).unwrap(), ..spec.clone() }, "use 2026-03-16"),
            (DaySpec { date: friday_holiday, ..spec.clone() }, "use 2026-12-28"),
            (DaySpec { date: Date::NONE, ..spec.clone() }, "give the trade date"),
            (DaySpec { faults: FaultRates { late: 990, ..FaultRates::default() }, ..spec.clone() }, "lower the rates"),
        ];
        for (spec, help) in cases {
            let error = spec.check().unwrap_err();
            assert!(error.help.contains(help), "{error}");
        }
    }

    #[test]
    fn a_specification_is_written_with_an_iso_date_and_read_back() {
        let text = serde_json::to_string(&DaySpec::default()).unwrap();
        assert!(text.contains(r#""date":"2026-03-16""#), "{text}");
        assert_eq!(serde_json::from_str::<DaySpec>(&text).unwrap(), DaySpec::default());
    }
}
