//! Frequencies of returns, and returns of a lower frequency from those of a higher one.

use std::collections::BTreeMap;

use model::Date;
use serde::{Deserialize, Serialize};

use crate::portfolio::performance::linked::Linked;

/// How often there is a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// On business days: 252 a year.
    #[default]
    Daily,
    /// 52 a year, Monday to Sunday.
    Weekly,
    /// 12 a year.
    Monthly,
    /// 4 a year.
    Quarterly,
    /// One a year.
    Yearly,
}

/// Simple or continuous returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnKind {
    /// `value / value before − 1`.
    #[default]
    Simple,
    /// `ln(value / value before)`.
    Logarithmic,
}

impl Frequency {
    /// How many make a year.
    pub fn periods_per_year(self) -> f64 {
        match self {
            Frequency::Daily => 252.0,
            Frequency::Weekly => 52.0,
            Frequency::Monthly => 12.0,
            Frequency::Quarterly => 4.0,
            Frequency::Yearly => 1.0,
        }
    }

    /// The first day of the period that a date is in; `None` if the date is none.
    pub fn start_of(self, date: Date) -> Option<Date> {
        let (year, month, _) = date.ymd()?;
        match self {
            Frequency::Daily => Some(date),
            Frequency::Weekly => Some(date.add_days(-(date.weekday()? as i32))),
            Frequency::Monthly => Date::from_ymd(year, month, 1),
            Frequency::Quarterly => Date::from_ymd(year, (month - 1) / 3 * 3 + 1, 1),
            Frequency::Yearly => Date::from_ymd(year, 1, 1),
        }
    }

    /// The returns of periods, from returns within them: linked, by the first day of the period.
    pub fn returns(self, returns: impl IntoIterator<Item = (Date, f64)>) -> BTreeMap<Date, f64> {
        let mut linked: BTreeMap<Date, Linked> = BTreeMap::new();
        for (date, rate) in returns {
            let Some(start) = self.start_of(date) else { continue };
            let sum = linked.entry(start).or_insert(Linked::NONE);
            *sum = sum.then(&Linked::of_rate(rate));
        }
        linked.into_iter().map(|(start, sum)| (start, sum.rate())).collect()
    }
}

impl ReturnKind {
    /// The return from one value to the next; `None` where the first is not above zero, or for a logarithm the second.
    pub fn between(self, before: f64, value: f64) -> Option<f64> {
        let growth = (before > 0.0).then(|| value / before)?;
        match self {
            ReturnKind::Simple => Some(growth - 1.0),
            ReturnKind::Logarithmic => (growth > 0.0).then(|| growth.ln()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_starts_on_a_monday_or_a_first() {
        let date = |text: &str| Date::parse(text, "%Y-%m-%d").unwrap();
        let cases = [
            (Frequency::Daily, "2025-08-14", "2025-08-14"),
            (Frequency::Weekly, "2025-08-14", "2025-08-11"),
            (Frequency::Weekly, "2025-08-17", "2025-08-11"),
            (Frequency::Weekly, "2025-08-18", "2025-08-18"),
            (Frequency::Monthly, "2025-08-14", "2025-08-01"),
            (Frequency::Quarterly, "2025-08-14", "2025-07-01"),
            (Frequency::Yearly, "2025-08-14", "2025-01-01"),
        ];
        for (frequency, day, start) in cases {
            assert_eq!(frequency.start_of(date(day)), Some(date(start)), "{frequency:?} {day}");
        }
    }

    #[test]
    fn returns_are_simple_or_continuous() {
        assert_eq!(ReturnKind::Simple.between(100.0, 0.0), Some(-1.0));
        assert_eq!(ReturnKind::Logarithmic.between(100.0, 0.0), None);
        assert!((ReturnKind::Logarithmic.between(100.0, 110.0).unwrap() - 1.1f64.ln()).abs() < 1e-15);
        assert_eq!(ReturnKind::Simple.between(0.0, 1.0), None);
    }
}
