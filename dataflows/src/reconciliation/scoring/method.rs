//! How two values of one field are compared: each method prepares a value once and measures a pair as an integer.
//!
//! | method | measure | equal values |
//! |---|---|---|
//! | `exact` | 10,000 equal, 0 not | 10,000 |
//! | `indel`, `token_sort`, `token_set`, `token_overlap`, `jaro_winkler`, `prefix_share` | likeness in 1/10,000 | 10,000 |
//! | `prefix_characters` | characters in common from the beginning | the length |
//! | `relative_difference` | millionths of the larger value, rounded up | 0 |
//! | `absolute_difference` | millionths of the field's unit, rounded up | 0 |
//! | `days_apart` | the right date minus the left, in days | 0 |
//!
//! Likenesses are rounded down and differences up, so a bound is met exactly where the unrounded measure meets it.

use model::{Field, Symbol};
use serde::{Deserialize, Serialize};

use super::fields::Fields;
use super::normalise::Normalise;
use super::text;

/// How two values of one field are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Equal or not.
    Exact,
    /// [`text::indel_ratio`].
    Indel,
    /// [`text::token_sort_ratio`].
    TokenSort,
    /// [`text::token_set_ratio`].
    TokenSet,
    /// [`text::token_overlap`].
    TokenOverlap,
    /// [`text::jaro_winkler`].
    JaroWinkler,
    /// [`text::prefix_share`].
    PrefixShare,
    /// [`text::prefix_characters`].
    PrefixCharacters,
    /// The difference as a share of the larger value, in millionths.
    RelativeDifference,
    /// The difference in millionths of the field's unit.
    AbsoluteDifference,
    /// Days from the left date to the right one.
    DaysApart,
}

/// A value ready to be compared many times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Feature {
    /// Nothing is known.
    Missing,
    /// A normalised text that is only ever compared as a whole.
    Code(Symbol),
    /// A normalised text, written as its method wants it.
    Text(Box<str>),
    Number {
        scaled: i128,
        scale: u8,
    },
    Date(i32),
}

/// Millionths in a whole.
const MILLION: u128 = 1_000_000;

impl Method {
    /// The value of a field as this method compares it.
    pub(super) fn prepare(self, record: &impl Fields, field: Field, normalise: Normalise) -> Feature {
        match self {
            Method::Exact => match record.text(field) {
                Some(text) => code(&normalise.apply(&text)),
                None => number(record, field).or_else(|| date(record, field)).unwrap_or(Feature::Missing),
            },
            Method::RelativeDifference | Method::AbsoluteDifference => {
                number(record, field).unwrap_or(Feature::Missing)
            }
            Method::DaysApart => date(record, field).unwrap_or(Feature::Missing),
            _ => match record.text(field).map(|text| self.written(normalise.apply(&text))) {
                Some(text) if !text.is_empty() => Feature::Text(text.into_boxed_str()),
                _ => Feature::Missing,
            },
        }
    }

    /// A normalised text as this method wants to read it.
    fn written(self, text: String) -> String {
        match self {
            Method::TokenSort => text::sorted_words(&text),
            Method::TokenSet | Method::TokenOverlap => text::distinct_words(&text),
            _ => text,
        }
    }

    /// The measure of a pair; `None` when either value is missing or of another type.
    #[inline]
    pub(super) fn measure(self, left: &Feature, right: &Feature) -> Option<i64> {
        match (left, right) {
            (Feature::Code(left), Feature::Code(right)) => Some(all_or_nothing(left == right)),
            (Feature::Date(left), Feature::Date(right)) => {
                Some(self.measure_dates(i64::from(*left), i64::from(*right)))
            }
            (Feature::Text(left), Feature::Text(right)) => Some(self.measure_texts(left, right)),
            (Feature::Number { .. }, Feature::Number { .. }) => self.measure_numbers(left, right),
            _ => None,
        }
    }

    fn measure_dates(self, left: i64, right: i64) -> i64 {
        if self == Method::DaysApart { right - left } else { all_or_nothing(left == right) }
    }

    fn measure_texts(self, left: &str, right: &str) -> i64 {
        match self {
            Method::Indel => text::indel_ratio(left, right),
            Method::TokenSort => text::token_sort_ratio(left, right),
            Method::TokenSet => text::token_set_ratio(left, right),
            Method::TokenOverlap => text::token_overlap(left, right),
            Method::JaroWinkler => text::jaro_winkler(left, right),
            Method::PrefixShare => text::prefix_share(left, right),
            Method::PrefixCharacters => text::prefix_characters(left, right),
            Method::Exact | Method::RelativeDifference | Method::AbsoluteDifference | Method::DaysApart => {
                all_or_nothing(left == right)
            }
        }
    }

    fn measure_numbers(self, left: &Feature, right: &Feature) -> Option<i64> {
        let (left, right, scale) = same_scale(left, right)?;
        let difference = left.abs_diff(right);
        Some(match self {
            Method::RelativeDifference => millionths(difference, left.unsigned_abs().max(right.unsigned_abs())),
            Method::AbsoluteDifference => millionths(difference, 10_u128.saturating_pow(u32::from(scale))),
            _ => all_or_nothing(difference == 0),
        })
    }

    /// How far a measure is from that of equal values, in 1/10,000 of a whole or of a day: what breaks ties.
    #[inline]
    pub(super) fn distance(self, measure: i64) -> i64 {
        match self {
            Method::RelativeDifference => measure / 100,
            Method::DaysApart => measure.saturating_abs().saturating_mul(10_000),
            Method::AbsoluteDifference | Method::PrefixCharacters => 0,
            _ => text::EQUAL - measure,
        }
    }

    /// The measure as a share of full likeness, in 1/10,000; `None` for methods that know no such share.
    pub(super) fn share(self, measure: i64) -> Option<i64> {
        match self {
            Method::AbsoluteDifference | Method::DaysApart | Method::PrefixCharacters => None,
            Method::RelativeDifference => Some((text::EQUAL - measure / 100).max(0)),
            _ => Some(measure),
        }
    }

    /// Cheap methods first, so that the dear ones are often not asked.
    pub(super) fn cost(self) -> u8 {
        match self {
            Method::Exact | Method::DaysApart => 0,
            Method::RelativeDifference | Method::AbsoluteDifference => 1,
            Method::PrefixShare | Method::PrefixCharacters => 2,
            Method::JaroWinkler | Method::Indel => 3,
            Method::TokenSort | Method::TokenOverlap => 4,
            Method::TokenSet => 5,
        }
    }
}

fn code(text: &str) -> Feature {
    if text.is_empty() { Feature::Missing } else { Feature::Code(Symbol::of(text)) }
}

fn number(record: &impl Fields, field: Field) -> Option<Feature> {
    record.number(field).map(|(scaled, scale)| Feature::Number { scaled, scale })
}

fn date(record: &impl Fields, field: Field) -> Option<Feature> {
    record.date(field).map(Feature::Date)
}

fn all_or_nothing(equal: bool) -> i64 {
    if equal { text::EQUAL } else { 0 }
}

/// Two numbers and the scale they now share; `None` when one of them does not fit it.
fn same_scale(left: &Feature, right: &Feature) -> Option<(i128, i128, u8)> {
    let (Feature::Number { scaled: left, scale: left_scale }, Feature::Number { scaled: right, scale: right_scale }) =
        (left, right)
    else {
        return None;
    };
    let scale = *left_scale.max(right_scale);
    let raise = |scaled: i128, from: u8| {
        10_i128.checked_pow(u32::from(scale - from)).and_then(|power| scaled.checked_mul(power))
    };
    Some((raise(*left, *left_scale)?, raise(*right, *right_scale)?, scale))
}

/// The part as millionths of the whole, rounded up; very large when there is no whole to divide by.
fn millionths(part: u128, whole: u128) -> i64 {
    if part == 0 {
        return 0;
    }
    let measure = match part.checked_mul(MILLION) {
        Some(product) if whole > 0 => product.div_ceil(whole),
        _ => part / (whole / MILLION).max(1),
    };
    i64::try_from(measure).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(scaled: i128, scale: u8) -> Feature {
        Feature::Number { scaled, scale }
    }

    #[test]
    fn relative_difference_is_rounded_up_and_symmetric() {
        for (left, right, expected) in [
            (number(100, 2), number(100, 2), 0),
            (number(100, 2), number(1_000, 3), 0),
            (number(99, 0), number(100, 0), 10_000),
            (number(100, 0), number(99, 0), 10_000),
            (number(2, 0), number(3, 0), 333_334),
            (number(-1, 0), number(1, 0), 2_000_000),
            (number(0, 0), number(0, 0), 0),
        ] {
            assert_eq!(Method::RelativeDifference.measure(&left, &right), Some(expected), "{left:?} {right:?}");
        }
    }

    #[test]
    fn absolute_difference_is_in_millionths_of_the_unit() {
        assert_eq!(Method::AbsoluteDifference.measure(&number(10_025, 2), &number(100, 0)), Some(250_000));
        assert_eq!(Method::AbsoluteDifference.measure(&number(1, 8), &number(0, 8)), Some(1));
    }

    #[test]
    fn days_apart_is_signed_from_left_to_right() {
        assert_eq!(Method::DaysApart.measure(&Feature::Date(10), &Feature::Date(13)), Some(3));
        assert_eq!(Method::DaysApart.measure(&Feature::Date(13), &Feature::Date(10)), Some(-3));
        assert_eq!(Method::Exact.measure(&Feature::Date(13), &Feature::Date(10)), Some(0));
    }

    #[test]
    fn a_missing_value_has_no_measure() {
        assert_eq!(Method::Exact.measure(&Feature::Missing, &Feature::Date(10)), None);
        assert_eq!(Method::Exact.measure(&Feature::Missing, &Feature::Missing), None);
    }

    proptest! {
        #[test]
        fn a_bound_is_met_exactly_where_the_unrounded_difference_meets_it(
            left in -1_000_000_i128..1_000_000, right in -1_000_000_i128..1_000_000, bound in 0_i64..3_000_000,
        ) {
            let measure = Method::RelativeDifference.measure(&number(left, 2), &number(right, 2)).unwrap();
            let larger = left.unsigned_abs().max(right.unsigned_abs());
            prop_assert_eq!(measure <= bound, left.abs_diff(right) * MILLION <= larger * bound as u128);
        }

        #[test]
        fn no_number_is_too_large(left: i128, right: i128, scales in (0_u8..9, 0_u8..9)) {
            for method in [Method::RelativeDifference, Method::AbsoluteDifference, Method::Exact] {
                if let Some(measure) = method.measure(&number(left, scales.0), &number(right, scales.1)) {
                    prop_assert!(measure >= 0);
                }
            }
        }
    }
}
