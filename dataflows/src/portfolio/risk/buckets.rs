//! Which days make one return: the buckets of a frequency.
//!
//! | frequency | a bucket | its last day |
//! |---|---|---|
//! | daily | a business day, and the days without business before it: Saturday, Sunday and Monday | the business day |
//! | weekly | Monday to Sunday | the Sunday |
//! | monthly, quarterly, yearly | as in the calendar | the last one |
//!
//! A bucket is named by its last day, and belongs to the period in which that is: so no return is cut where a period
//! begins, and one that is not over is not counted yet. A portfolio has a value on every day. If each of them made a return,
//! a third of the returns would be the zeros of days without trading, and √252 would not fit.

use model::{Calendar, Date};

use super::frequency::Frequency;

/// The buckets of a frequency.
#[derive(Clone, Debug)]
pub struct Buckets {
    /// How long they are.
    pub frequency: Frequency,
    /// Which days are business days; for daily ones alone.
    pub calendar: Calendar,
}

impl Buckets {
    /// The bucket that a day is in: its last day.
    pub fn of(&self, day: i32) -> i32 {
        let date = Date::from_days(day);
        if self.frequency == Frequency::Daily {
            let is_business = self.calendar.is_business_day(date);
            return if is_business { day } else { self.calendar.next_business_day(date).0 };
        }
        // No bucket has more days than a year: from a start that far on, the next one starts within them.
        let next =
            (self.frequency.start_of(date)).and_then(|start| self.frequency.start_of(start.add_days(self.most())));
        next.map_or(day, |next| next.0 - 1)
    }

    /// Whether a bucket ends with a day.
    pub fn ends_on(&self, day: i32) -> bool {
        self.of(day) == day
    }

    /// Whether a bucket starts with a day.
    pub fn starts_on(&self, day: i32) -> bool {
        self.ends_on(day - 1)
    }

    /// The last bucket that is over on a day.
    pub fn over_on(&self, day: i32) -> i32 {
        let bucket = self.of(day);
        if bucket == day { day } else { self.before(bucket, 1) }
    }

    /// The bucket so many before another.
    pub fn before(&self, bucket: i32, count: u32) -> i32 {
        let steps = i32::try_from(count).unwrap_or(i32::MAX);
        let date = Date::from_days(bucket);
        match self.frequency {
            Frequency::Daily => self.calendar.add_business_days(date, -steps).0,
            Frequency::Weekly => bucket.saturating_sub(steps.saturating_mul(7)),
            _ => (0..count).fold(bucket, |bucket, _| {
                self.frequency.start_of(Date::from_days(bucket)).map_or(bucket, |start| start.0 - 1)
            }),
        }
    }

    /// A number of days that leads from the first day of a bucket into the next one, and not past it.
    const fn most(&self) -> i32 {
        match self.frequency {
            Frequency::Daily => 1,
            Frequency::Weekly => 7,
            Frequency::Monthly => 31,
            Frequency::Quarterly => 92,
            Frequency::Yearly => 366,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Frequency; 5] =
        [Frequency::Daily, Frequency::Weekly, Frequency::Monthly, Frequency::Quarterly, Frequency::Yearly];

    fn day(text: &str) -> i32 {
        Date::parse(text, "%Y-%m-%d").unwrap().0
    }

    fn buckets(frequency: Frequency) -> Buckets {
        let holidays = [Date(day("2025-12-25")), Date(day("2025-12-26"))];
        Buckets {
            frequency,
            calendar: Calendar::new(&[model::Weekday::Saturday, model::Weekday::Sunday], holidays).unwrap(),
        }
    }

    #[test]
    fn a_bucket_is_named_by_its_last_day() {
        let cases = [
            (Frequency::Daily, "2025-08-14", "2025-08-14"),
            (Frequency::Daily, "2025-08-16", "2025-08-18"),
            (Frequency::Daily, "2025-12-25", "2025-12-29"),
            (Frequency::Weekly, "2025-08-14", "2025-08-17"),
            (Frequency::Weekly, "2025-08-17", "2025-08-17"),
            (Frequency::Monthly, "2024-02-01", "2024-02-29"),
            (Frequency::Monthly, "2025-02-28", "2025-02-28"),
            (Frequency::Quarterly, "2025-08-14", "2025-09-30"),
            (Frequency::Yearly, "2024-01-01", "2024-12-31"),
        ];
        for (frequency, of, expected) in cases {
            assert_eq!(buckets(frequency).of(day(of)), day(expected), "{frequency:?} {of}");
        }
    }

    proptest! {
        #[test]
        fn buckets_follow_each_other_without_a_gap(day in 19_000..22_000i32, index in 0..5usize, count in 0..5u32) {
            let buckets = buckets(ALL[index]);
            let bucket = buckets.of(day);
            prop_assert!(bucket >= day && buckets.ends_on(bucket));
            prop_assert!((day..=bucket).all(|day| buckets.of(day) == bucket));
            let before = (1..).map(|back| bucket - back).find(|day| buckets.ends_on(*day)).unwrap();
            prop_assert_eq!(buckets.before(bucket, 1), before);
            prop_assert!(buckets.starts_on(before + 1) && before < day);
            prop_assert_eq!(buckets.before(bucket, count), (0..count).fold(bucket, |bucket, _| buckets.before(bucket, 1)));
            prop_assert_eq!(buckets.over_on(day), if bucket == day { day } else { before });
        }
    }
}
