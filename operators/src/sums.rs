//! `Sums`: exact sums that travel as a difference.

use differential_dataflow::difference::{Abelian, IsZero, Monoid, Multiply, Semigroup};
use serde::{Deserialize, Serialize};

/// How many sums travel together: one shape for all, so that differential is compiled once for it.
pub const WIDTH: usize = 6;

/// Exact integer or fixed-point sums, added side by side. What each one counts is said by whoever makes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sums(pub [i128; WIDTH]);

impl Sums {
    /// Sums with one part set.
    pub fn of(part: usize, value: i128) -> Self {
        let mut sums = Sums::default();
        sums.0[part] = value;
        sums
    }

    /// The same sums, `times` over: for rows whose difference is a count.
    pub fn times(mut self, times: i128) -> Self {
        self.0.iter_mut().for_each(|sum| *sum *= times);
        self
    }
}

impl IsZero for Sums {
    fn is_zero(&self) -> bool {
        self.0.iter().all(|sum| *sum == 0)
    }
}

impl Semigroup for Sums {
    fn plus_equals(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }
}

impl Monoid for Sums {
    fn zero() -> Self {
        Sums::default()
    }
}

impl Multiply<isize> for Sums {
    type Output = Sums;

    fn multiply(self, times: &isize) -> Sums {
        self.times(*times as i128)
    }
}

impl Abelian for Sums {
    fn negate(&mut self) {
        self.0.iter_mut().for_each(|sum| *sum = -*sum);
    }
}
