//! Any measure over rolling windows: add one, take one away.
//!
//! ```
//! use dataflows::portfolio::risk::{moments::Moments, ratios::volatility, rolling::rolling};
//! let returns = [0.01, 0.02, -0.01, 0.0];
//! let volatilities = rolling(&returns, 3, |window| volatility(&Moments::of_all(window.iter().copied()), 252.0));
//! assert_eq!(volatilities.len(), 2);
//! ```

/// A measure of each window of so many points, the first that is full first. None if there are fewer points, or none in a
/// window. Points can be anything: returns, pairs, dates with returns.
pub fn rolling<P, M>(points: &[P], window: usize, measure: impl Fn(&[P]) -> M) -> Vec<M> {
    if window == 0 { Vec::new() } else { points.windows(window).map(measure).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_full() {
        let sum = |window: &[i32]| window.iter().sum::<i32>();
        assert_eq!(rolling(&[1, 2, 3, 4], 2, sum), [3, 5, 7]);
        assert_eq!(rolling(&[1, 2], 3, sum), [0; 0]);
        assert_eq!(rolling(&[1, 2], 0, sum), [0; 0]);
    }
}
