//! The data of W3: portfolios that each hold some of many instruments, over many days of prices. All of it follows from
//! numbers.

use std::sync::Arc;

use dataflows::portfolio::inputs::{PriceOf, Priced, Stated};
use model::{Amount, Currency, Date, Portfolio, Quantity, SourceId, Symbol, Transaction, TransactionType};

use crate::measure::argument;
use crate::w1::Random;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Portfolios.
    pub portfolios: u64,
    /// Instruments of which there are prices.
    pub instruments: u64,
    /// How many of them each portfolio holds.
    pub held: u64,
    /// Days with prices.
    pub days: i32,
}

impl Size {
    /// As the first four arguments of the program say, and what is usual where they do not.
    pub fn asked(usual: Size) -> Size {
        Size {
            portfolios: argument(1, usual.portfolios),
            instruments: argument(2, usual.instruments),
            held: argument(3, usual.held),
            days: argument(4, usual.days as u64) as i32,
        }
    }
}

/// The first day: 2023-01-02.
pub const FIRST_DAY: i32 = 19_359;

/// The currency of everything.
pub fn currency() -> Currency {
    Currency::parse("USD").unwrap()
}

/// An instrument by its number.
pub fn security(number: u64) -> Symbol {
    Symbol::of(&format!("S{number}"))
}

/// A portfolio by its number.
pub fn portfolio(number: u64) -> Symbol {
    Symbol::of(&format!("P{number}"))
}

/// What an instrument costs on a day, in units of a price: between 10 and 110, by steps from day to day.
pub fn price(instrument: u64, day: i32) -> i64 {
    let number = Random(instrument * 1_000_003 + day as u64).number();
    1_000_000_000 + (number % 1_000_000) as i64 * 10_000
}

/// A row of prices.
pub fn price_of(instrument: u64, day: i32, price: i64) -> PriceOf {
    let priced: Priced = (security(instrument), currency());
    (priced, FIRST_DAY + day, Stated { source: SourceId(0), number: price })
}

/// The number of the instrument that a portfolio holds, by the number of the holding.
pub fn instrument_held(size: &Size, portfolio_number: u64, holding: u64) -> u64 {
    (portfolio_number * 7 + holding * (size.instruments / size.held).max(1)) % size.instruments
}

/// How many units a portfolio buys of it.
pub fn units_bought(portfolio_number: u64, holding: u64) -> i64 {
    ((portfolio_number + holding) % 90 + 10) as i64
}

/// A purchase of a portfolio; its number is that of the holding.
pub fn purchase(size: &Size, portfolio_number: u64, holding: u64, day: i32) -> Arc<Transaction> {
    let instrument = instrument_held(size, portfolio_number, holding);
    Arc::new(Transaction {
        id: Symbol::of(&format!("T{portfolio_number}-{holding}-{day}")),
        transaction_type: TransactionType::Buy,
        portfolio: portfolio(portfolio_number),
        security: security(instrument),
        trade_date: Date::from_days(FIRST_DAY + day),
        currency: currency(),
        quantity: Quantity::from_scaled(units_bought(portfolio_number, holding) * Quantity::ONE_SCALED as i64),
        gross_amount: Amount::from_scaled(100_000_000_000),
        ..Transaction::default()
    })
}

/// A portfolio record.
pub fn portfolio_record(number: u64) -> Arc<Portfolio> {
    Arc::new(Portfolio { id: portfolio(number), base_currency: currency(), ..Portfolio::default() })
}
