//! What is observed from day to day: prices, exchange rates, levels of benchmarks, rates without risk, sensitivities.
//!
//! One observation replaces another of the same source, subject and day: what they are about is their business key.

use serde::{Deserialize, Serialize};

use crate::{Currency, Date, Price, Rate, SourceId, Symbol};

/// What one unit of a security was worth at the end of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarketPrice {
    /// Where it came from.
    pub source: SourceId,
    /// The currency of the price.
    pub currency: Currency,
    /// The security.
    pub security: Symbol,
    /// The day.
    pub price_date: Date,
    /// The price of one unit.
    pub price: Price,
}

/// What one unit of a currency was worth in another at the end of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FxRate {
    /// Where it came from.
    pub source: SourceId,
    /// The currency of which one unit is priced.
    pub from_currency: Currency,
    /// The currency that it is priced in.
    pub to_currency: Currency,
    /// The day.
    pub rate_date: Date,
    /// How much of the one buys a unit of the other.
    pub rate: Rate,
}

/// The level of an index at the end of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BenchmarkLevel {
    /// Where it came from.
    pub source: SourceId,
    /// The index.
    pub benchmark: Symbol,
    /// The day.
    pub level_date: Date,
    /// Its level, with all income in it.
    pub level: Price,
}

/// What money earned without risk, as a rate for a year.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RiskFreeRate {
    /// Where it came from.
    pub source: SourceId,
    /// The currency of the money.
    pub currency: Currency,
    /// The day from which it holds.
    pub rate_date: Date,
    /// The rate of a year as a decimal: 0.05 is five per cent.
    pub annual_rate: Rate,
}

/// How the price of one unit of a security changes with what it depends on, as of the end of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sensitivity {
    /// Where it came from.
    pub source: SourceId,
    /// The security.
    pub security: Symbol,
    /// The day.
    pub sensitivity_date: Date,
    /// How much the price gains if the implied volatility rises by one point: from 20 to 21 per cent. In the currency of the
    /// price.
    pub vega: Price,
}

impl MarketPrice {
    /// What it is about: its security and its day.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.security.bytes(), &self.price_date.0.to_be_bytes()])
    }
}

impl FxRate {
    /// What it is about: its currencies and its day.
    pub fn id(&self) -> Symbol {
        let (from, to) = (self.from_currency.bytes(), self.to_currency.bytes());
        Symbol::of_parts(&[&from, &to, &self.rate_date.0.to_be_bytes()])
    }
}

impl BenchmarkLevel {
    /// What it is about: its benchmark and its day.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.benchmark.bytes(), &self.level_date.0.to_be_bytes()])
    }
}

impl RiskFreeRate {
    /// What it is about: its currency and its day.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.currency.bytes(), &self.rate_date.0.to_be_bytes()])
    }
}

impl Sensitivity {
    /// What it is about: its security and its day.
    pub fn id(&self) -> Symbol {
        Symbol::of_parts(&[&self.security.bytes(), &self.sensitivity_date.0.to_be_bytes()])
    }
}
