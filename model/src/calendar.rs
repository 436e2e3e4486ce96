//! `Calendar`: which days are business days, and counting in them.
//!
//! Counting never walks from day to day. The working days of the week up to a date follow from arithmetic, the
//! holidays among them from a search in the sorted list; their difference is the date's rank among business days.

use crate::{Date, Weekday};

/// Days from Monday 1969-12-29 to 1970-01-01.
const DAYS_FROM_MONDAY_0: i64 = 3;

/// The business days of one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Calendar {
    /// The days of the week that are worked, counted from Monday 0, in order.
    workdays: Vec<u8>,
    /// Holidays on such days, in order, each once.
    holidays: Vec<Date>,
}

/// Why a calendar cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Every day of the week is in the weekend.
    #[error("all seven days are in the weekend, so there is no business day: leave at least one out")]
    NoBusinessDay,
}

impl Calendar {
    /// A calendar from the days of its weekend and its holidays, in any order.
    pub fn new(weekend: &[Weekday], holidays: impl IntoIterator<Item = Date>) -> Result<Calendar, CalendarError> {
        let worked = Weekday::ALL.into_iter().filter(|day| !weekend.contains(day));
        let workdays: Vec<u8> = worked.map(|day| day as u8).collect();
        if workdays.is_empty() {
            return Err(CalendarError::NoBusinessDay);
        }
        let mut calendar = Calendar { workdays, holidays: Vec::new() };
        let mut holidays: Vec<Date> = holidays.into_iter().filter(|date| calendar.is_workday(*date)).collect();
        holidays.sort_unstable();
        holidays.dedup();
        calendar.holidays = holidays;
        Ok(calendar)
    }

    /// Saturdays and Sundays off, and no holidays.
    pub fn weekdays_only() -> Calendar {
        Calendar { workdays: vec![0, 1, 2, 3, 4], holidays: Vec::new() }
    }

    /// True on a day that is neither weekend nor holiday; false for [`Date::NONE`].
    pub fn is_business_day(&self, date: Date) -> bool {
        self.is_workday(date) && self.holidays.binary_search(&date).is_err()
    }

    /// The date `n` business days later, or earlier when `n` is negative; the date itself when `n` is zero.
    /// The first business day after a Sunday is Monday, the first before it Friday, unless they are holidays.
    /// [`Date::NONE`] stays as it is, and is what leaves the years 1 to 9999.
    pub fn add_business_days(&self, date: Date, n: i32) -> Date {
        if n == 0 || date.is_none() {
            return date;
        }
        // Going back from a day that is none, the business day before it is already one step.
        let started = i64::from(n < 0 && !self.is_business_day(date));
        self.business_day_of_rank(self.rank(date) + i64::from(n) + started)
    }

    /// How many business days lie after `a`, up to and including `b`; when `b` is earlier, minus those after `b` up to
    /// and including `a`.
    /// From a business day it is the `n` of [`Calendar::add_business_days`]. `None` when either is [`Date::NONE`].
    pub fn business_days_between(&self, a: Date, b: Date) -> Option<i32> {
        if a.is_none() || b.is_none() {
            return None;
        }
        i32::try_from(self.rank(b) - self.rank(a)).ok()
    }

    /// The first business day after the date.
    pub fn next_business_day(&self, date: Date) -> Date {
        self.add_business_days(date, 1)
    }

    /// The last business day before the date.
    pub fn previous_business_day(&self, date: Date) -> Date {
        self.add_business_days(date, -1)
    }

    fn is_workday(&self, date: Date) -> bool {
        date.weekday().is_some_and(|day| self.workdays.contains(&(day as u8)))
    }

    /// How many business days there are up to and including the date, less the same number for 1969-12-28, a Sunday.
    fn rank(&self, date: Date) -> i64 {
        self.workdays_through(date) - self.holidays_through(date)
    }

    fn workdays_through(&self, date: Date) -> i64 {
        let days_since_monday_0 = i64::from(date.0) + DAYS_FROM_MONDAY_0;
        let (week, day) = (days_since_monday_0.div_euclid(7), days_since_monday_0.rem_euclid(7));
        let of_week = self.workdays.iter().filter(|workday| i64::from(**workday) <= day).count();
        week * self.workdays_a_week() + of_week as i64
    }

    fn holidays_through(&self, date: Date) -> i64 {
        self.holidays.partition_point(|holiday| *holiday <= date) as i64
    }

    fn workdays_a_week(&self) -> i64 {
        self.workdays.len() as i64
    }

    /// The inverse of [`Calendar::workdays_through`]: the workday with that many up to it.
    fn workday(&self, count: i64) -> Date {
        let (week, of_week) =
            ((count - 1).div_euclid(self.workdays_a_week()), (count - 1).rem_euclid(self.workdays_a_week()));
        let days = week * 7 + i64::from(self.workdays[of_week as usize]) - DAYS_FROM_MONDAY_0;
        i32::try_from(days).map_or(Date::NONE, |days| Date(days).add_days(0))
    }

    /// Starts as if there were no holidays, and moves on by as many as were passed until none is new.
    fn business_day_of_rank(&self, rank: i64) -> Date {
        let mut passed = 0;
        loop {
            let date = self.workday(rank + passed);
            let holidays = self.holidays_through(date);
            if date.is_none() || holidays == passed {
                return date;
            }
            passed = holidays;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text, "%Y-%m-%d").unwrap()
    }

    /// TARGET closing days of 2024 to 2025 that are not in a weekend (ECB: New Year's Day, Good Friday, Easter Monday,
    /// 1 May, 25 and 26 December).
    fn target() -> Calendar {
        let closed = [
            "2024-01-01",
            "2024-03-29",
            "2024-04-01",
            "2024-05-01",
            "2024-12-25",
            "2024-12-26",
            "2025-01-01",
            "2025-04-18",
            "2025-04-21",
            "2025-05-01",
            "2025-12-25",
            "2025-12-26",
        ];
        Calendar::new(&[Weekday::Saturday, Weekday::Sunday], closed.map(date)).unwrap()
    }

    #[test]
    fn settlement_skips_weekends_and_holidays() {
        // (trade date, business days, settlement date), counted on a wall calendar
        let cases = [
            ("2024-03-27", 1, "2024-03-28"),
            ("2024-03-28", 1, "2024-04-02"), // over Good Friday, the weekend and Easter Monday
            ("2024-03-28", 2, "2024-04-03"),
            ("2024-03-30", 1, "2024-04-02"), // from a Saturday
            ("2024-03-30", -1, "2024-03-28"),
            ("2024-03-30", 0, "2024-03-30"),
            ("2024-04-02", -1, "2024-03-28"),
            ("2024-12-24", 2, "2024-12-30"),
            ("2024-12-24", 4, "2025-01-02"),
            ("2025-01-02", -4, "2024-12-24"),
        ];
        for (from, n, expected) in cases {
            assert_eq!(target().add_business_days(date(from), n), date(expected), "{from} {n:+}");
        }
    }

    #[test]
    fn the_year_2024_has_256_target_business_days() {
        // 366 days, less 104 days of weekends, less 6 closing days on weekdays.
        assert_eq!(target().business_days_between(date("2023-12-31"), date("2024-12-31")), Some(256));
        assert_eq!(target().business_days_between(date("2024-12-31"), date("2023-12-31")), Some(-256));
    }

    #[test]
    fn a_friday_and_saturday_weekend_works_on_sunday() {
        let gulf = Calendar::new(&[Weekday::Friday, Weekday::Saturday], []).unwrap();
        assert!(gulf.is_business_day(date("2024-06-02")));
        assert_eq!(gulf.add_business_days(date("2024-05-30"), 1), date("2024-06-02"));
    }

    #[test]
    fn seven_days_of_weekend_are_refused() {
        assert_eq!(Calendar::new(&Weekday::ALL, []), Err(CalendarError::NoBusinessDay));
    }

    #[test]
    fn no_date_has_no_business_days() {
        let calendar = Calendar::weekdays_only();
        assert!(!calendar.is_business_day(Date::NONE));
        assert_eq!(calendar.add_business_days(Date::NONE, 5), Date::NONE);
        assert_eq!(calendar.business_days_between(Date::NONE, Date(0)), None);
        assert_eq!(calendar.add_business_days(Date(0), i32::MAX), Date::NONE);
        assert_eq!(calendar.add_business_days(Date(0), i32::MIN), Date::NONE);
    }

    /// The oracle: one day at a time.
    fn walk(calendar: &Calendar, from: Date, n: i32) -> Date {
        let mut date = from;
        let mut left = n.abs();
        while left > 0 {
            date = date.add_days(n.signum());
            left -= i32::from(calendar.is_business_day(date));
        }
        date
    }

    prop_compose! {
        fn calendars()(weekend in proptest::sample::subsequence(Weekday::ALL.to_vec(), 0..=6),
                       holidays in proptest::collection::vec(-60..60i32, 0..80)) -> Calendar {
            Calendar::new(&weekend, holidays.into_iter().map(Date)).unwrap()
        }
    }

    proptest! {
        #[test]
        fn adding_business_days_is_walking_them(calendar in calendars(), from in -80..80i32, n in -50..50i32) {
            prop_assert_eq!(calendar.add_business_days(Date(from), n), walk(&calendar, Date(from), n));
        }

        #[test]
        fn counting_business_days_is_counting_each(calendar in calendars(), a in -80..80i32, b in -80..80i32) {
            let count = (a.min(b) + 1..=a.max(b)).filter(|day| calendar.is_business_day(Date(*day))).count() as i32;
            prop_assert_eq!(calendar.business_days_between(Date(a), Date(b)), Some(count * (b - a).signum()));
        }

        #[test]
        fn counting_undoes_adding(calendar in calendars(), from in -80..80i32, n in -50..50i32) {
            let from = calendar.next_business_day(Date(from));
            prop_assert_eq!(calendar.business_days_between(from, calendar.add_business_days(from, n)), Some(n));
        }
    }
}
