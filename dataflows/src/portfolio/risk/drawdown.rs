//! Drawdown: how far what one unit has become fell below its highest before.
//!
//! Part by part: the growth `P`, the highest and the lowest point `M` and `m`, and the deepest fall `D` within the part. Of
//! two parts, the deepest fall is that of the first, that of the second, or that from the highest of the first to the
//! lowest of the second: `P₁ · m₂ / M₁ − 1`.
//!
//! Whether the start, before the first return, counts as a peak is a convention that is chosen when the sum is read: as in
//! empyrical and PerformanceAnalytics it does, in PAS it does not. If it does, the deepest fall may be from the start to the
//! lowest point: `m − 1`.
//!
//! Of falls and points that are the same the first counts.

use model::Date;
use serde::{Deserialize, Serialize};

/// Whether the value before the first return is a peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartValue {
    /// It is one.
    #[default]
    Peak,
    /// Peaks are values after returns only.
    NoPeak,
}

/// What one unit has become on a date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub date: Date,
    /// The growth from the start of the part.
    pub growth: f64,
}

/// A fall from a peak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fall {
    /// The date of the peak; [`Date::NONE`] if it is the start.
    pub peak: Date,
    /// The date of the lowest point after it.
    pub trough: Date,
    /// Trough by peak, less one: 0 or less.
    pub depth: f64,
}

/// Growth over some periods, with its extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawdown {
    /// What one unit has become.
    pub growth: f64,
    parts: Option<Extremes>,
}

/// The highest and the lowest point, and the deepest fall.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Extremes {
    highest: Point,
    lowest: Point,
    deepest: Fall,
}

impl Drawdown {
    /// No periods.
    pub const NONE: Drawdown = Drawdown { growth: 1.0, parts: None };

    /// One period with this return, by its last date.
    pub fn of(date: Date, rate: f64) -> Drawdown {
        let point = Point { date, growth: 1.0 + rate };
        let deepest = Fall { peak: date, trough: date, depth: 0.0 };
        Drawdown { growth: point.growth, parts: Some(Extremes { highest: point, lowest: point, deepest }) }
    }

    /// These periods followed by later ones.
    pub fn then(&self, later: &Drawdown) -> Drawdown {
        let growth = self.growth * later.growth;
        let (first, second) = match (&self.parts, &later.parts) {
            (Some(first), Some(second)) => (first, second),
            (parts, None) | (None, parts) => return Drawdown { growth, parts: *parts },
        };
        let moved = |point: Point| Point { growth: self.growth * point.growth, ..point };
        let (highest, lowest) = (moved(second.highest), moved(second.lowest));
        let across = Fall::between(first.highest, lowest);
        let deepest = [first.deepest, across, second.deepest].into_iter().reduce(Fall::deeper);
        let extremes = Extremes {
            highest: if highest.growth > first.highest.growth { highest } else { first.highest },
            lowest: if lowest.growth < first.lowest.growth { lowest } else { first.lowest },
            deepest: deepest.unwrap_or(across),
        };
        Drawdown { growth, parts: Some(extremes) }
    }

    /// The deepest fall; `None` of no periods. A depth of 0 means that it never fell.
    pub fn deepest(&self, start: StartValue) -> Option<Fall> {
        let parts = self.parts?;
        let from_start = Fall::between(Point { date: Date::NONE, growth: 1.0 }, parts.lowest);
        Some(match start {
            StartValue::Peak => from_start.deeper(parts.deepest),
            StartValue::NoPeak => parts.deepest,
        })
    }
}

impl Fall {
    fn between(peak: Point, trough: Point) -> Fall {
        Fall { peak: peak.date, trough: trough.date, depth: trough.growth / peak.growth - 1.0 }
    }

    fn deeper(self, other: Fall) -> Fall {
        // What is not below the peak is no fall.
        if other.depth < self.depth || self.depth > 0.0 { other } else { self }
    }
}

/// A fall from a peak, until that was reached again. Periods are named by their last date.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spell {
    /// The first period below the peak.
    pub from: Date,
    /// The lowest point.
    pub trough: Date,
    /// The first period at the peak again or above it; [`Date::NONE`] if that has not come.
    pub to: Date,
    /// Trough by peak, less one.
    pub depth: f64,
    /// How many periods it took, the first and the last counted.
    pub periods: usize,
    /// How many of them down to the lowest, that counted.
    pub periods_to_trough: usize,
}

/// All falls of a series, in the order of dates; the start counts as a peak.
pub fn spells(returns: &[(Date, f64)]) -> Vec<Spell> {
    let (mut growth, mut peak) = (1.0, 1.0);
    let mut spells: Vec<Spell> = Vec::new();
    for (date, rate) in returns {
        growth *= 1.0 + rate;
        let depth = growth / peak - 1.0;
        let open = spells.last_mut().filter(|spell| spell.to.is_none());
        match open {
            Some(spell) => {
                spell.periods += 1;
                if depth < spell.depth {
                    (spell.depth, spell.trough, spell.periods_to_trough) = (depth, *date, spell.periods);
                }
                if growth >= peak {
                    spell.to = *date;
                }
            }
            None if depth < 0.0 => {
                let (periods, periods_to_trough) = (1, 1);
                spells.push(Spell { from: *date, trough: *date, to: Date::NONE, depth, periods, periods_to_trough });
            }
            None => {}
        }
        peak = growth.max(peak);
    }
    spells
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portfolio::reference_tests::shape;

    fn sum(rates: &[f64]) -> Drawdown {
        let days = rates.iter().zip(1..).map(|(rate, day)| Drawdown::of(Date(day), *rate));
        days.fold(Drawdown::NONE, |sum, day| sum.then(&day))
    }

    #[test]
    fn the_start_is_a_peak_or_not() {
        let falling = sum(&[-0.5, 0.2, -0.1]);
        let fall = falling.deepest(StartValue::Peak).unwrap();
        assert_eq!((fall.peak, fall.trough, fall.depth), (Date::NONE, Date(1), -0.5));
        let fall = falling.deepest(StartValue::NoPeak).unwrap();
        assert_eq!((fall.peak, fall.trough), (Date(2), Date(3)));
        assert!((fall.depth + 0.1).abs() < 1e-15);
    }

    #[test]
    fn what_never_fell_has_a_depth_of_zero_and_what_is_empty_none() {
        for start in [StartValue::Peak, StartValue::NoPeak] {
            assert_eq!(sum(&[0.1, 0.0, 0.2]).deepest(start).unwrap().depth, 0.0);
            assert_eq!(Drawdown::NONE.deepest(start), None);
        }
    }

    #[test]
    fn spells_end_where_the_peak_is_reached_again() {
        let returns: Vec<_> = (1..).map(Date).zip([0.1, -0.5, -0.1, 1.5, 0.0, -0.2, 0.1]).collect();
        let spells = spells(&returns);
        let read = |spell: &Spell| (spell.from.0, spell.trough.0, spell.to, spell.periods, spell.periods_to_trough);
        assert_eq!(spells.iter().map(read).collect::<Vec<_>>(), [(2, 3, Date(4), 3, 2), (6, 6, Date::NONE, 2, 1)]);
    }

    proptest! {
        #[test]
        fn the_deepest_fall_is_the_deepest_by_definition(rates in prop::collection::vec(-0.5..0.5f64, 1..60)) {
            let mut values = vec![1.0];
            rates.iter().for_each(|rate| values.push(values[values.len() - 1] * (1.0 + rate)));
            for (start, first) in [(StartValue::Peak, 0), (StartValue::NoPeak, 1)] {
                let falls = (first..values.len()).flat_map(|peak| (peak..values.len()).map(move |trough| (peak, trough)));
                let depth = falls.map(|(peak, trough)| values[trough] / values[peak] - 1.0).fold(0.0, f64::min);
                let ours = sum(&rates).deepest(start).unwrap();
                prop_assert!((ours.depth - depth).abs() < 1e-12);
                let value = |date: Date| values[if date.is_none() { 0 } else { date.0 as usize }];
                prop_assert!((value(ours.trough) / value(ours.peak) - 1.0 - ours.depth).abs() < 1e-12);
            }
            let by_date: Vec<_> = (1..).map(Date).zip(rates.iter().copied()).collect();
            let deepest = spells(&by_date).iter().map(|spell| spell.depth).fold(0.0, f64::min);
            prop_assert!((deepest - sum(&rates).deepest(StartValue::Peak).unwrap().depth).abs() < 1e-12);
        }

        #[test]
        fn it_is_summed_up_from_parts(rates in prop::collection::vec(-0.5..0.5f64, 0..80), cuts in shape::cuts()) {
            let points: Vec<_> = (1..).zip(&rates).map(|(day, rate)| Drawdown::of(Date(day), *rate)).collect();
            let numbers = |sum: &Drawdown| {
                let falls = [StartValue::Peak, StartValue::NoPeak].map(|start| sum.deepest(start).map_or(0.0, |fall| fall.depth));
                vec![sum.growth, falls[0], falls[1]]
            };
            shape::check(&points, Drawdown::NONE, &cuts, |a, b| a.then(b), numbers)?;
        }
    }
}
