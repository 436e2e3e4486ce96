//! `BooksSpec`: everything that generated books depend on.

use engine::{EngineError, ErrorKind};
use model::{Calendar, Date};
use serde::{Deserialize, Serialize};

/// How many business days books may have: forty years.
const DAYS_MAX: u32 = 10_000;
/// How many portfolios books may have: the numbers in the ids are made for so many.
const PORTFOLIOS_MAX: u32 = 100_000;

/// Generated books. Equal specifications give equal records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BooksSpec {
    /// Another seed gives other prices and other transactions.
    pub seed: u64,
    /// How many business days, from 2025-01-02 on. Corporate actions happen in the first 260.
    pub days: u32,
    /// How many portfolios.
    pub portfolios: u32,
}

impl Default for BooksSpec {
    fn default() -> Self {
        BooksSpec { seed: 1, days: 280, portfolios: 3 }
    }
}

impl BooksSpec {
    /// Says what is wrong with the specification.
    pub fn check(&self) -> Result<(), EngineError> {
        let wrong = |what: String, help: String| Err(EngineError::new(ErrorKind::Invalid, what, help));
        if !(1..=DAYS_MAX).contains(&self.days) {
            return wrong(
                format!("books cannot have {} days", self.days),
                format!("use 1 to {DAYS_MAX} business days"),
            );
        }
        if !(1..=PORTFOLIOS_MAX).contains(&self.portfolios) {
            let what = format!("there cannot be {} portfolios", self.portfolios);
            return wrong(what, format!("use 1 to {PORTFOLIOS_MAX} portfolios"));
        }
        Ok(())
    }

    /// The business days, and two more on which the last trades settle: Monday to Friday.
    pub(super) fn calendar(&self) -> Vec<Date> {
        let weekdays = Calendar::weekdays_only();
        let first = Date::from_ymd(2025, 1, 2).unwrap_or_default();
        std::iter::successors(Some(first), |day| Some(weekdays.next_business_day(*day)))
            .take(self.days as usize + 2)
            .collect()
    }
}
