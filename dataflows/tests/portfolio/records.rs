//! Records of books in few words.

use std::sync::Arc;

use model::{
    Amount, BenchmarkLevel, Currency, Date, FxRate, Instrument, Limit, LimitMeasure, MarketPrice, NumberFormat,
    Portfolio, Price, Product, Quantity, Rate, Record, RiskFreeRate, Sensitivity, SourceId, Symbol, Transaction,
    TransactionDetail, TransactionType,
};

pub fn date(text: &str) -> Date {
    Date::parse(text, "%Y-%m-%d").unwrap()
}

pub fn currency(text: &str) -> Currency {
    Currency::parse(text).unwrap()
}

pub fn quantity(text: &str) -> Quantity {
    Quantity::parse(text, &NumberFormat::default()).unwrap()
}

pub fn amount(text: &str) -> Amount {
    Amount::parse(text, &NumberFormat::default()).unwrap()
}

pub fn portfolio(id: &str, base_currency: &str) -> Portfolio {
    Portfolio {
        source: SourceId(0),
        id: Symbol::of(id),
        base_currency: currency(base_currency),
        ..Portfolio::default()
    }
}

pub fn instrument(id: &str, product: Product, of: &str) -> Instrument {
    Instrument { id: Symbol::of(id), product, currency: currency(of), ..Instrument::default() }
}

pub fn price(security: &str, day: &str, price: &str, of: &str) -> Record {
    Record::MarketPrice(MarketPrice {
        security: Symbol::of(security),
        price_date: date(day),
        price: Price::parse(price, &NumberFormat::default()).unwrap(),
        currency: currency(of),
        ..MarketPrice::default()
    })
}

pub fn fx_rate(from: &str, to: &str, day: &str, rate: &str) -> Record {
    Record::FxRate(Arc::new(FxRate {
        from_currency: currency(from),
        to_currency: currency(to),
        rate_date: date(day),
        rate: Rate::parse(rate, &NumberFormat::default()).unwrap(),
        ..FxRate::default()
    }))
}

pub fn level(benchmark: &str, day: &str, level: &str) -> Record {
    Record::BenchmarkLevel(BenchmarkLevel {
        benchmark: Symbol::of(benchmark),
        level_date: date(day),
        level: Price::parse(level, &NumberFormat::default()).unwrap(),
        ..BenchmarkLevel::default()
    })
}

pub fn risk_free(of: &str, day: &str, annual_rate: &str) -> Record {
    Record::RiskFreeRate(Arc::new(RiskFreeRate {
        currency: currency(of),
        rate_date: date(day),
        annual_rate: Rate::parse(annual_rate, &NumberFormat::default()).unwrap(),
        ..RiskFreeRate::default()
    }))
}

pub fn vega(security: &str, day: &str, vega: &str) -> Record {
    Record::Sensitivity(Sensitivity {
        security: Symbol::of(security),
        sensitivity_date: date(day),
        vega: Price::parse(vega, &NumberFormat::default()).unwrap(),
        ..Sensitivity::default()
    })
}

/// What is observed from day to day, as another source says it.
pub fn said_by(source: SourceId, record: Record) -> Record {
    match record {
        Record::MarketPrice(price) => Record::MarketPrice(MarketPrice { source, ..price }),
        Record::Sensitivity(known) => Record::Sensitivity(Sensitivity { source, ..known }),
        Record::BenchmarkLevel(level) => Record::BenchmarkLevel(BenchmarkLevel { source, ..level }),
        Record::FxRate(rate) => Record::FxRate(Arc::new(FxRate { source, ..(*rate).clone() })),
        Record::RiskFreeRate(rate) => Record::RiskFreeRate(Arc::new(RiskFreeRate { source, ..(*rate).clone() })),
        other => other,
    }
}

/// A transaction in dollars of portfolio `P`.
pub fn transaction(
    id: &str,
    kind: TransactionType,
    security: &str,
    day: &str,
    units: &str,
    gross: &str,
) -> Transaction {
    Transaction {
        id: Symbol::of(id),
        transaction_type: kind,
        portfolio: Symbol::of("P"),
        security: Symbol::of(security),
        trade_date: date(day),
        currency: currency("USD"),
        quantity: quantity(units),
        gross_amount: amount(gross),
        ..Transaction::default()
    }
}

pub fn with_other(transaction: Transaction, other: &str, new: &str, old: &str) -> Transaction {
    transaction.with_detail(TransactionDetail {
        other_security: Symbol::of(other),
        ratio: model::Ratio { new: quantity(new), old: quantity(old) },
        ..TransactionDetail::default()
    })
}

pub fn put(transaction: Transaction) -> Record {
    Record::Transaction(Arc::new(transaction))
}

pub fn keep(portfolio: Portfolio) -> Record {
    Record::Portfolio(Arc::new(portfolio))
}

pub fn know(instrument: Instrument) -> Record {
    Record::Instrument(Arc::new(instrument))
}

/// A limit of each portfolio as a whole.
pub fn limit(id: &str, measure: LimitMeasure, breach_level: &str) -> Limit {
    Limit { id: Symbol::of(id), measure, breach_level: amount(breach_level), ..Limit::default() }
}

pub fn set(limit: Limit) -> Record {
    Record::Limit(Arc::new(limit))
}
