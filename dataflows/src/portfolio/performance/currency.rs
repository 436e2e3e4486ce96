//! A return in another currency: `(1 + r_local)(1 + r_exchange) − 1`.
//!
//! The return of the exchange is `rate today / rate before − 1`, rates in units of the base currency for one of the local,
//! carried forward to days without one by whoever looks them up. Of what is hedged the exchange does not count.

/// The return of an exchange rate from one day to the next. `None` if either rate is not above zero: where there never was a
/// rate, no return is known, and 1 would be a guess.
pub fn exchange_return(rate_before: Option<f64>, rate: Option<f64>) -> Option<f64> {
    let known = |rate: f64| (rate > 0.0 && rate.is_finite()).then_some(rate);
    Some(known(rate?)? / known(rate_before?)? - 1.0)
}

/// A return in the base currency, of one in the local currency. `hedge_ratio` is the part of the exchange that is hedged
/// away: 0 for none, 1 for all.
pub fn base_return(local: f64, exchange: f64, hedge_ratio: f64) -> f64 {
    (1.0 + local) * (1.0 + exchange * (1.0 - hedge_ratio)) - 1.0
}

/// What the exchange added to a return in the base currency, the product of both with it.
pub fn currency_effect(local: f64, exchange: f64, hedge_ratio: f64) -> f64 {
    base_return(local, exchange, hedge_ratio) - local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_compose_and_a_rate_that_is_not_known_is_none() {
        let exchange = exchange_return(Some(1.10), Some(1.21)).unwrap();
        assert!((exchange - 0.1).abs() < 1e-15);
        assert!((base_return(0.05, exchange, 0.0) - 0.155).abs() < 1e-15);
        assert!((base_return(0.05, exchange, 0.5) - 0.1025).abs() < 1e-15);
        assert_eq!(base_return(0.05, exchange, 1.0), 1.05 - 1.0);
        assert!((currency_effect(0.05, exchange, 0.0) - 0.105).abs() < 1e-15);
        for (before, now) in [(None, Some(1.0)), (Some(1.0), None), (Some(0.0), Some(1.0)), (Some(1.0), Some(-1.0))] {
            assert_eq!(exchange_return(before, now), None);
        }
    }
}
