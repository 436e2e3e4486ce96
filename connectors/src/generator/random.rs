//! `Random`: numbers that look random and are a pure function of where they are drawn.
//!
//! SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a counter that a good
//! mixing function scrambles. Each trade starts generators of its own from (seed, number, stream), so any trade of a
//! day can be drawn again without drawing those before it. Not for secrets.

/// The golden ratio in 64 bits: the step of the counter.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// What is drawn independently for one trade. A stream that draws more never shifts what another one draws.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    /// Which fault the trade has at the broker or in our books.
    Fault,
    /// Which fault it has at the custodian.
    CustodianFault,
    /// What was agreed.
    Terms,
    /// How it is split over accounts.
    Allocation,
    /// How a block is filled.
    Fills,
    /// How large a difference is, and on which field.
    Difference,
    /// When it is agreed.
    Agreed,
    /// When a side tells it.
    Times(u8),
    /// The number in the id that a side gives it.
    Id(u8),
}

impl Stream {
    fn number(self) -> u64 {
        match self {
            Stream::Fault => 1,
            Stream::CustodianFault => 2,
            Stream::Terms => 3,
            Stream::Allocation => 4,
            Stream::Fills => 5,
            Stream::Difference => 6,
            Stream::Agreed => 7,
            Stream::Times(side) => 16 + u64::from(side),
            Stream::Id(side) => 32 + u64::from(side),
        }
    }
}

/// How many streams a trade may have.
const STREAMS: u64 = 64;

/// A generator of numbers.
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The generator that starts at `seed`.
    pub(super) fn new(seed: u64) -> Random {
        Random(mix(seed))
    }

    /// The generator of one stream of one trade.
    pub(super) fn of_trade(seed: u64, number: u64, stream: Stream) -> Random {
        Random::new(seed ^ mix(number.wrapping_mul(STREAMS).wrapping_add(stream.number())))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `bound`; 0 when the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number between two others, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        debug_assert!(low <= high);
        low + self.below(low.abs_diff(high) + 1) as i64
    }

    /// A number below `bound`, small ones more often: the smaller of two draws.
    pub(super) fn skewed_below(&mut self, bound: u64) -> u64 {
        self.below(bound).min(self.below(bound))
    }

    /// True this many times in a thousand.
    pub(super) fn per_mille(&mut self, rate: u64) -> bool {
        self.below(1000) < rate
    }

    /// One of several.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len() as u64) as usize).copied()
    }
}

/// Scrambles 64 bits; one to one.
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        // The first outputs of the published algorithm for the state 1234567 (prng.di.unimi.it/splitmix64.c).
        let mut random = Random(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.next(), random.next(), random.next()], expected);
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_its_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<i64> = (0..1000).map(|_| random.between(-3, 3)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-3), Some(&3)));
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}
