//! Concentration: how much of a portfolio is in few places.
//!
//! The Herfindahl-Hirschman index is `Σ w²`: 1 if all is in one place, 1/n if it is spread evenly over n. What a weight is
//! part of is a convention: the net total lets shorts take away from it, the gross total does not. Places are issuers, or
//! whatever their values were added up by.

use serde::{Deserialize, Serialize};

use crate::portfolio::performance::daily::ratio;

/// What weights are parts of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// The sum of values.
    #[default]
    Net,
    /// The sum of values without their signs.
    Gross,
}

/// The weights of values, in units of one scale: the greatest first, by size. `None` if the total is not above zero.
pub fn weights(values: &[i128], total: Total) -> Option<Vec<f64>> {
    let whole = values.iter().fold(0i128, |sum, value| match total {
        Total::Net => sum.saturating_add(*value),
        Total::Gross => sum.saturating_add(value.saturating_abs()),
    });
    let mut values = values.to_vec();
    values.sort_unstable_by_key(|value| (std::cmp::Reverse(value.unsigned_abs()), *value));
    let weights = values.iter().map(|value| ratio(*value, whole));
    if whole > 0 { weights.collect() } else { None }
}

/// The Herfindahl-Hirschman index of weights in the order of [`weights`].
pub fn herfindahl_hirschman_index(weights: &[f64]) -> f64 {
    // From the least on, so that little is lost.
    weights.iter().rev().map(|weight| weight * weight).sum()
}

/// The weight of the `n` greatest of weights in the order of [`weights`].
pub fn top_weight(weights: &[f64], n: usize) -> f64 {
    weights.iter().take(n).rev().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_in_one_place_is_one_and_evenly_spread_is_one_by_n() {
        let index = |values: &[i128]| weights(values, Total::Net).map(|weights| herfindahl_hirschman_index(&weights));
        assert_eq!(index(&[500]), Some(1.0));
        assert_eq!(index(&[25; 4]), Some(0.25));
        assert_eq!(index(&[]), None);
        assert_eq!(index(&[100, -100]), None);
    }

    #[test]
    fn shorts_take_away_from_the_net_total_only() {
        assert_eq!(weights(&[-50, 150, 100], Total::Net), Some(vec![0.75, 0.5, -0.25]));
        assert_eq!(weights(&[-50, 150, 100], Total::Gross), Some(vec![0.5, 100.0 / 300.0, -50.0 / 300.0]));
        assert_eq!(top_weight(&[0.5, 0.3, 0.2], 2), 0.8);
        assert_eq!(top_weight(&[0.5], 3), 0.5);
    }
}
