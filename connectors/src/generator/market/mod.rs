//! `Market`: the day as pure functions of its specification: when the trades are, and what prices are then.

mod codes;
mod instruments;
mod parties;

use engine::EngineError;
use model::Dictionary;

use super::faults::{Draws, Faults};
use super::random::mix;
use super::spec::{DaySpec, business_calendar};

pub(super) use instruments::{Charges, Instrument, Instruments, ONE};
pub(super) use parties::{Parties, desk};

pub(super) const SECOND: u64 = 1_000_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
const HALF_HOUR: u64 = 30 * MINUTE;

/// The market opens at 08:00 UTC.
pub(super) const OPEN: u64 = 16 * HALF_HOUR;
/// How busy each half hour is until 18:00: Europe opens, America opens, everyone closes.
const ACTIVITY: [u64; 20] = [9, 6, 5, 4, 4, 4, 4, 4, 5, 4, 4, 5, 8, 10, 7, 6, 5, 5, 7, 9];
/// Parts of one unit of activity.
const FINE: u64 = 1 << 20;

/// A day that can be asked about any of its trades, in any order.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) spec: DaySpec,
    pub(super) instruments: Instruments,
    pub(super) parties: Parties,
    draws: Draws,
}

impl Market {
    pub(super) fn new(spec: &DaySpec, dictionary: &Dictionary) -> Result<Market, EngineError> {
        spec.check()?;
        let (year, ..) = spec.date.ymd().unwrap_or_default();
        Ok(Market {
            spec: spec.clone(),
            instruments: Instruments::on(spec.date, &business_calendar(year)),
            parties: Parties::new(dictionary),
            draws: Draws::new(spec.seed, spec.sides, &spec.faults),
        })
    }

    pub(super) fn faults(&self, number: u64) -> Faults {
        self.draws.faults(number)
    }

    /// The microsecond of the day before which trade `number` and all later ones are not agreed. Never falls.
    pub(super) fn earliest(&self, number: u64) -> u64 {
        const ALL: u64 = {
            let (mut sum, mut slot) = (0, 0);
            while slot < ACTIVITY.len() {
                sum += ACTIVITY[slot];
                slot += 1;
            }
            sum
        };
        let mut place = number.min(self.spec.trades) * (ALL * FINE) / self.spec.trades;
        for (slot, activity) in ACTIVITY.iter().enumerate() {
            if place < activity * FINE {
                return OPEN + slot as u64 * HALF_HOUR + place * HALF_HOUR / (activity * FINE);
            }
            place -= activity * FINE;
        }
        OPEN + ACTIVITY.len() as u64 * HALF_HOUR
    }

    /// The price of an instrument at a microsecond of the day, in ticks: where it opened, a slow drift and a faster one.
    pub(super) fn ticks_at(&self, number: usize, instrument: &Instrument, micros: u64) -> i64 {
        let walk = |period: u64, size: i64| {
            let step = micros / period;
            let height =
                |step: u64| (mix(self.spec.seed ^ mix(number as u64) ^ mix(step ^ period)) % 2001) as i64 - 1000;
            let (from, to) = (height(step), height(step + 1));
            // Drawn steps, joined by straight lines.
            (from + (to - from) * (micros % period) as i64 / period as i64) * size
        };
        let drift_millionths = walk(120 * MINUTE, 8) + walk(10 * MINUTE, 2);
        instrument.ticks + instrument.ticks * drift_millionths / 1_000_000
    }
}
