//! `Calendar`: which days are business days, and counting in them.

use crate::{Date, Weekday};

/// The business days of one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Calendar {
    /// Bit `n` is set when weekday `n` (Monday is 0) belongs to the weekend.
    weekend: u8,
    /// Holidays that are not in the weekend, in order, each once.
    holidays: Box<[Date]>,
}

/// Why a calendar cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Every day of the week is in the weekend.
    #[error("all seven days are in the weekend, so there is no business day: leave at least one out")]
    NoBusinessDay,
}

impl Calendar {
    /// A calendar from its weekend and its holidays, in any order.
    pub fn new(weekend: &[Weekday], holidays: impl IntoIterator<Item = Date>) -> Result<Calendar, CalendarError> {
        let _ = weekend;
        Ok(Calendar { weekend: 0, holidays: holidays.into_iter().collect() })
    }

    /// Saturdays and Sundays off, and no holidays.
    pub fn weekdays_only() -> Calendar {
        Calendar { weekend: 0b110_0000, holidays: Box::default() }
    }

    /// True on a day that is neither weekend nor holiday; false for [`Date::NONE`].
    pub fn is_business_day(&self, date: Date) -> bool {
        let _ = (self.weekend, &self.holidays, date);
        false
    }

    /// The date `n` business days later, or earlier when `n` is negative. With `n = 0` the date itself.
    pub fn add_business_days(&self, date: Date, n: i32) -> Date {
        let _ = n;
        date
    }

    /// How many business days lie after the earlier and up to the later date, negative when `b` is before `a`.
    pub fn business_days_between(&self, a: Date, b: Date) -> Option<i32> {
        let _ = (a, b);
        None
    }

    /// The first business day after the date.
    pub fn next_business_day(&self, date: Date) -> Date {
        self.add_business_days(date, 1)
    }

    /// The last business day before the date.
    pub fn previous_business_day(&self, date: Date) -> Date {
        self.add_business_days(date, -1)
    }
}
