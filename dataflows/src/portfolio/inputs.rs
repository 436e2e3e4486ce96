//! What the graphs of portfolios read from the records, each kind under its own key.

use std::sync::Arc;

use engine::Key;
use model::{
    Currency, FxRate, Instrument, Limit, MarketPrice, Portfolio, Record, Sensitivity, SourceId, Symbol, Transaction,
};
use operators::carry_forward::Observation;
use operators::day_blocks::Number;
use operators::derive::derive_rows;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

/// The records of portfolios and of the market, as the graphs want them.
pub struct Inputs<'scope> {
    /// What happened in portfolios.
    pub transactions: Collection<'scope, Arc<Transaction>>,
    /// The portfolios.
    pub portfolios: Collection<'scope, Arc<Portfolio>>,
    /// The instruments.
    pub instruments: Collection<'scope, Arc<Instrument>>,
    /// The prices, each with a security, a day and a price.
    pub prices: Collection<'scope, PriceOf>,
    /// The exchange rates, each with two currencies, a day and a rate above zero.
    pub fx_rates: Collection<'scope, RateOf>,
    /// The levels of benchmarks.
    pub benchmark_levels: Collection<'scope, LevelOf>,
    /// The rates without risk.
    pub risk_free_rates: Collection<'scope, RiskFreeOf>,
    /// The vegas, each with a security, a day and what a point of implied volatility adds to the price of a unit.
    pub vegas: Collection<'scope, VegaOf>,
    /// The limits.
    pub limits: Collection<'scope, Arc<Limit>>,
}

/// A security, priced in a currency.
pub type Priced = (Symbol, Currency);

/// A currency, and the one that it is turned into.
pub type CurrencyPair = (Currency, Currency);

/// What a source says of a day. Of several, what the source says counts which is defined last.
///
/// Packed, because there are millions of prices: beside a day it takes no more room than the number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(Rust, packed(4))]
pub struct Stated<T: Copy> {
    /// The source.
    pub source: SourceId,
    /// The number.
    pub number: T,
}

impl<T: Number> Observation for Stated<T> {
    type Number = T;

    fn number(&self) -> T {
        self.number
    }
}

/// The price of a unit on a day, in units of [`model::Price`].
pub type PriceOf = (Priced, i32, Stated<i64>);

/// Prices by what is priced.
pub type Prices<'scope> = Arranged<'scope, Priced, (i32, Stated<i64>)>;

/// Whether both are the same known currency, whose rate is one.
pub fn is_own(pair: &CurrencyPair) -> bool {
    pair.0 == pair.1 && !pair.1.is_none()
}

/// What a currency is worth on a day, in units of [`model::Rate`].
pub type RateOf = (CurrencyPair, i32, Stated<i128>);

/// Exchange rates by their currencies.
pub type FxRates<'scope> = Arranged<'scope, CurrencyPair, (i32, Stated<i128>)>;

/// The level of a benchmark on a day, in units of [`model::Price`].
pub type LevelOf = (Symbol, i32, Stated<i64>);

/// The rate without risk of a currency, of a year from a day on, in units of [`model::Rate`].
pub type RiskFreeOf = (Currency, i32, Stated<i128>);

/// What a point of implied volatility adds to the price of a unit of a security on a day, in units of [`model::Price`].
pub type VegaOf = (Symbol, i32, Stated<i64>);

impl<'scope> Inputs<'scope> {
    /// Picks them out of all records.
    pub fn of(records: &Arranged<'scope, Key, Record>) -> Inputs<'scope> {
        Inputs {
            transactions: pick(records, |record| match record {
                Record::Transaction(transaction) => Some(Arc::clone(transaction)),
                _ => None,
            }),
            portfolios: pick(records, |record| match record {
                Record::Portfolio(portfolio) => Some(Arc::clone(portfolio)),
                _ => None,
            }),
            instruments: pick(records, |record| match record {
                Record::Instrument(instrument) => Some(Arc::clone(instrument)),
                _ => None,
            }),
            prices: pick(
                records,
                |record| if let Record::MarketPrice(price) = record { price_of(price) } else { None },
            ),
            fx_rates: pick(records, |record| if let Record::FxRate(rate) = record { rate_of(rate) } else { None }),
            benchmark_levels: pick(records, |record| match record {
                Record::BenchmarkLevel(level) => {
                    let number = i64::try_from(level.level.scaled()?).ok()?;
                    Some((level.benchmark, level.level_date.days()?, Stated { source: level.source, number }))
                }
                _ => None,
            }),
            risk_free_rates: pick(records, |record| match record {
                Record::RiskFreeRate(rate) => {
                    let stated = Stated { source: rate.source, number: rate.annual_rate.scaled()? };
                    Some((rate.currency, rate.rate_date.days()?, stated))
                }
                _ => None,
            }),
            vegas: pick(records, |record| if let Record::Sensitivity(known) = record { vega_of(known) } else { None }),
            limits: pick(records, |record| match record {
                Record::Limit(limit) => Some(Arc::clone(limit)),
                _ => None,
            }),
        }
    }
}

/// Each portfolio once, by its id: where several sources tell it, all that the one says which is defined last.
pub fn portfolios_by_id<'scope>(
    portfolios: Collection<'scope, Arc<Portfolio>>,
) -> Arranged<'scope, Symbol, Arc<Portfolio>> {
    let told = arrange(portfolios.map(|portfolio| (portfolio.id, portfolio)), "portfolios as told");
    let chosen = derive_rows(&told, "portfolios", |id: &Symbol, told, out| {
        let last = told.iter().map(|(portfolio, _)| *portfolio).max_by_key(|portfolio| portfolio.source);
        last.into_iter().for_each(|portfolio| out.row((*id, Arc::clone(portfolio))));
    });
    arrange(chosen, "portfolios by id")
}

fn pick<'scope, T: operators::Data>(
    records: &Arranged<'scope, Key, Record>,
    pick: impl Fn(&Record) -> Option<T> + 'static,
) -> Collection<'scope, T> {
    records.clone().flat_map_ref(move |_id, record| pick(record))
}

fn price_of(price: &MarketPrice) -> Option<PriceOf> {
    let number = i64::try_from(price.price.scaled()?).ok()?;
    let stated = Stated { source: price.source, number };
    Some(((price.security, price.currency), price.price_date.days()?, stated))
}

fn rate_of(rate: &FxRate) -> Option<RateOf> {
    // In itself a currency is worth one, whatever is told.
    let number = rate.rate.scaled().filter(|scaled| *scaled > 0 && rate.from_currency != rate.to_currency)?;
    let stated = Stated { source: rate.source, number };
    Some(((rate.from_currency, rate.to_currency), rate.rate_date.days()?, stated))
}

fn vega_of(sensitivity: &Sensitivity) -> Option<VegaOf> {
    let number = i64::try_from(sensitivity.vega.scaled()?).ok()?;
    let stated = Stated { source: sensitivity.source, number };
    Some((sensitivity.security, sensitivity.sensitivity_date.days()?, stated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_a_day_what_a_source_states_takes_no_more_room_than_the_number() {
        assert_eq!(size_of::<(i32, Stated<i64>)>(), size_of::<(i32, i64)>());
        assert!(size_of::<(i32, Stated<i128>)>() < size_of::<(i32, i128)>());
    }
}
