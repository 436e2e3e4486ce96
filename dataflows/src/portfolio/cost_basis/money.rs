//! `Money`, an amount in two currencies, and the exact arithmetic of costs.
//!
//! Rounding is to the last decimal of an [`Amount`] or a [`Quantity`], half to even. It happens in three places only: where
//! an amount is turned into base currency, where a part of a whole is taken, and where a ratio gives units. What is
//! divided among several is divided cumulatively: the first k of them get the rounded share of the first k, so all of
//! them get the whole to the last decimal.

use model::{Amount, Quantity, Rate};
use serde::{Deserialize, Serialize};

use crate::portfolio::refusal::Refusal;

/// Amounts beyond this, 4 · 10²⁰ of a currency, are refused: so a part of one can always be taken, and four billion of them
/// can be added up.
const LARGEST: i128 = i128::MAX >> 32;

/// Whether an amount is none that is refused because it is too large.
pub(crate) fn is_bounded(scaled: i128) -> bool {
    scaled.unsigned_abs() <= LARGEST.unsigned_abs()
}

/// An amount in the currency of the security and in the base currency of the portfolio. Always known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money {
    /// In the currency of the security.
    pub local: Amount,
    /// In the base currency of the portfolio.
    pub base: Amount,
}

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money { local: Amount::ZERO, base: Amount::ZERO };

    /// An amount in local currency, and what it is worth in base currency.
    pub(super) fn converted(local: i128, fx_to_base: i128) -> Result<Money, Refusal> {
        Money::of(Some(local), share(local, fx_to_base, Rate::ONE_SCALED))
    }

    fn of(local: Option<i128>, base: Option<i128>) -> Result<Money, Refusal> {
        let amount = |scaled: Option<i128>| match scaled {
            Some(scaled) if is_bounded(scaled) => Ok(Amount::from_scaled(scaled)),
            _ => Err(Refusal::TooLarge),
        };
        Ok(Money { local: amount(local)?, base: amount(base)? })
    }

    pub(super) fn plus(self, other: Money) -> Result<Money, Refusal> {
        let [a, b] = [self.scaled(), other.scaled()];
        Money::of(a.0.checked_add(b.0), a.1.checked_add(b.1))
    }

    pub(super) fn minus(self, other: Money) -> Result<Money, Refusal> {
        let [a, b] = [self.scaled(), other.scaled()];
        Money::of(a.0.checked_sub(b.0), a.1.checked_sub(b.1))
    }

    /// The share `part / whole`.
    pub(super) fn share(self, part: i128, whole: i128) -> Result<Money, Refusal> {
        let (local, base) = self.scaled();
        Money::of(share(local, part, whole), share(base, part, whole))
    }

    /// The amounts of parts that are together the whole.
    pub(super) fn divided(self, parts: &[i128]) -> Result<Vec<Money>, Refusal> {
        let (local, base) = self.scaled();
        let pairs = divided(local, parts)?.into_iter().zip(divided(base, parts)?);
        pairs.map(|(local, base)| Money::of(Some(local), Some(base))).collect()
    }

    fn scaled(self) -> (i128, i128) {
        (self.local.scaled().unwrap_or(0), self.base.scaled().unwrap_or(0))
    }
}

/// `amount · part / whole`, rounded half to even; `None` where it would be too large or the whole is 0.
pub(crate) fn share(amount: i128, part: i128, whole: i128) -> Option<i128> {
    let (part, whole) = if whole < 0 { (part.checked_neg()?, whole.checked_neg()?) } else { (part, whole) };
    // The quotients first: then only the remainders are multiplied, which are smaller than the whole.
    let (quotient, remainder) = (amount.checked_div_euclid(whole)?, amount.checked_rem_euclid(whole)?);
    let rest = remainder.checked_mul(part % whole)?;
    let floor = quotient.checked_mul(part)?.checked_add(remainder.checked_mul(part / whole)?)?;
    let floor = floor.checked_add(rest.div_euclid(whole))?;
    let above_floor = rest.rem_euclid(whole);
    let up = match above_floor.cmp(&(whole - above_floor)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => floor % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    floor.checked_add(i128::from(up))
}

/// Divides `total` in the proportion of parts that have the same sign, cumulatively.
pub(super) fn divided(total: i128, parts: &[i128]) -> Result<Vec<i128>, Refusal> {
    let whole = parts.iter().try_fold(0i128, |sum, part| sum.checked_add(*part)).ok_or(Refusal::TooLarge)?;
    let mut so_far = 0;
    let mut given = 0;
    let mut one = |part: &i128| {
        so_far += part;
        let due = share(total, so_far, whole)?;
        let gets = due - given;
        given = due;
        Some(gets)
    };
    parts.iter().map(|part| one(part).ok_or(Refusal::TooLarge)).collect()
}

/// A quantity as an integer; 0 where nothing is known.
pub(super) fn units(quantity: Quantity) -> i128 {
    quantity.scaled().unwrap_or(0)
}

/// An integer as a quantity.
pub(super) fn quantity(units: i128) -> Result<Quantity, Refusal> {
    let scale = Quantity::SCALE as i8;
    Quantity::from_rescaled(units, scale).map_err(|_| Refusal::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_rounded_half_to_even_on_both_sides_of_zero() {
        let cases = [
            (10, 1, 3, 3),
            (20, 1, 3, 7),
            (5, 1, 2, 2),
            (7, 1, 2, 4),
            (-5, 1, 2, -2),
            (-7, 1, 2, -4),
            (7, -1, -2, 4),
            (7, 3, 2, 10),
            (9, 3, 2, 14),
            (1, 0, 7, 0),
        ];
        for (amount, part, whole, expected) in cases {
            assert_eq!(share(amount, part, whole), Some(expected), "{amount} {part}/{whole}");
        }
        // 9,999 in 14 decimals, at a rate of 1.6 billion: amount times part would not fit.
        assert_eq!(share(9_999 * 10i128.pow(14), 16 * 10i128.pow(20), 10i128.pow(18)), Some(159_984 * 10i128.pow(16)));
        assert_eq!(share(1, 1, 0), None);
        assert_eq!(share(i128::MAX, 2, 1), None);
        assert_eq!(share(LARGEST, 1 << 62, (1 << 62) + 1).map(|share| share < LARGEST), Some(true));
    }

    proptest! {
        #[test]
        fn what_is_divided_is_all_there_and_no_part_is_off_by_a_unit(
            total in -1_000_000_000i128..1_000_000_000,
            parts in prop::collection::vec(1i128..1_000_000, 1..20),
        ) {
            let whole: i128 = parts.iter().sum();
            let gets = divided(total, &parts).unwrap();
            prop_assert_eq!(gets.iter().sum::<i128>(), total);
            for (part, gets) in parts.iter().zip(gets) {
                // |gets − total · part / whole| ≤ 1
                prop_assert!((gets * whole - total * part).abs() <= whole);
            }
        }
    }
}
