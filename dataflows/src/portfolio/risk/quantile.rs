//! Order statistics of returns in ascending order: type 7, linear between two values (Hyndman and Fan 1996; what numpy, R
//! and spreadsheets do unless told otherwise).

/// The quantile at a fraction of the way through, between two values with what is below: all that value at risk and
/// expected shortfall need. An order statistic of an incremental tree has the same parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderStatistic {
    /// How many returns come before the one at the rank.
    pub rank: u64,
    /// The return at the rank.
    pub value: f64,
    /// The return at the next rank; the same for the last.
    pub next: f64,
    /// How far the quantile is from the one to the other: from 0 to less than 1.
    pub remainder: f64,
    /// The returns that are less than that at the rank.
    pub less: Tally,
    /// The returns that are less or equal.
    pub upto: Tally,
}

/// How many returns there are and what they sum to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl Tally {
    fn of(returns: &[f64]) -> Tally {
        Tally { count: returns.len() as u64, sum: returns.iter().sum() }
    }

    /// `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

impl OrderStatistic {
    /// The quantile at a fraction from 0 to 1 of returns in ascending order. `None` of none, or outside.
    pub fn of(ascending: &[f64], fraction: f64) -> Option<OrderStatistic> {
        debug_assert!(ascending.is_sorted(), "returns in ascending order");
        let last = ascending.len().checked_sub(1)?;
        if !(0.0..=1.0).contains(&fraction) {
            return None;
        }
        let place = last as f64 * fraction;
        let rank = place as usize;
        let value = *ascending.get(rank)?;
        let less = ascending.partition_point(|other| *other < value);
        let upto = ascending.partition_point(|other| *other <= value);
        Some(OrderStatistic {
            rank: rank as u64,
            value,
            next: *ascending.get(rank + 1).unwrap_or(&value),
            remainder: place - rank as f64,
            less: Tally::of(&ascending[..less]),
            upto: Tally::of(&ascending[..upto]),
        })
    }

    /// The quantile.
    pub fn quantile(&self) -> f64 {
        self.value + (self.next - self.value) * self.remainder
    }

    /// The returns up to the rank: of equal ones as many as that takes.
    pub fn lowest(&self) -> Tally {
        let count = self.rank + 1;
        Tally { count, sum: self.less.sum + (count - self.less.count) as f64 * self.value }
    }

    /// The returns below the quantile.
    pub fn below(&self) -> Tally {
        if self.quantile() > self.value { self.upto } else { self.less }
    }
}

/// The quantile at a fraction of returns in ascending order.
pub fn quantile(ascending: &[f64], fraction: f64) -> Option<f64> {
    OrderStatistic::of(ascending, fraction).map(|statistic| statistic.quantile())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_two_values() {
        let values = [1.0, 2.0, 4.0, 4.0, 8.0];
        let cases = [(0.0, 1.0), (0.125, 1.5), (0.25, 2.0), (0.375, 3.0), (0.6, 4.0), (0.875, 6.0), (1.0, 8.0)];
        for (fraction, expected) in cases {
            assert!((quantile(&values, fraction).unwrap() - expected).abs() < 1e-12, "{fraction}");
        }
        assert_eq!((quantile(&[], 0.5), quantile(&values, 1.5), quantile(&values, -0.1)), (None, None, None));
    }

    #[test]
    fn tallies_tell_what_is_below() {
        let statistic = OrderStatistic::of(&[1.0, 2.0, 4.0, 4.0, 8.0], 0.5).unwrap();
        assert_eq!((statistic.less, statistic.upto), (Tally { count: 2, sum: 3.0 }, Tally { count: 4, sum: 11.0 }));
        assert_eq!(statistic.lowest(), Tally { count: 3, sum: 7.0 });
        assert_eq!(statistic.below(), statistic.less);
        let between = OrderStatistic::of(&[1.0, 2.0, 4.0], 0.25).unwrap();
        assert_eq!((between.quantile(), between.below()), (1.5, Tally { count: 1, sum: 1.0 }));
    }
}
