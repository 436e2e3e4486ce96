//! The data of W2: many buys and sells in a few portfolios and many instruments with one price each. All of it follows from
//! numbers.

use std::sync::Arc;

use model::{Amount, Date, OversellPolicy, Portfolio, Quantity, Transaction, TransactionType};

use crate::books::{FIRST_DAY, currency, portfolio, portfolio_record, security};
use crate::w1::Random;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Trades.
    pub trades: u64,
    /// Instruments of which there are prices.
    pub instruments: u64,
    /// Portfolios.
    pub portfolios: u64,
}

/// A trade by its number.
#[derive(Clone, Copy, Debug)]
pub struct Traded {
    /// The number of its portfolio.
    pub portfolio: u64,
    /// The number of its instrument.
    pub instrument: u64,
    /// The units: above zero where they were bought, below where they were sold.
    pub units: i64,
}

impl Size {
    /// A trade of any portfolio in any instrument: two of three are purchases, of 10 to 99 units.
    pub fn traded(&self, number: u64) -> Traded {
        let mut random = Random(number);
        let units = (random.number() % 90 + 10) as i64;
        Traded {
            portfolio: random.number() % self.portfolios,
            instrument: random.number() % self.instruments,
            units: if random.number().is_multiple_of(3) { -units } else { units },
        }
    }

    /// The net value of each portfolio, in units of an amount, if these are the prices of the instruments.
    pub fn net_values(&self, prices: &[i64]) -> Vec<i128> {
        let mut values = vec![0; self.portfolios as usize];
        for traded in (0..self.trades).map(|number| self.traded(number)) {
            let price = prices[traded.instrument as usize];
            values[traded.portfolio as usize] += i128::from(traded.units) * i128::from(price);
        }
        values
    }
}

/// The record of a trade.
pub fn transaction(number: u64, traded: Traded) -> Arc<Transaction> {
    let is_purchase = traded.units > 0;
    Arc::new(Transaction {
        id: model::Symbol::of(&format!("T{number}")),
        transaction_type: if is_purchase { TransactionType::Buy } else { TransactionType::Sell },
        portfolio: portfolio(traded.portfolio),
        security: security(traded.instrument),
        trade_date: Date::from_days(FIRST_DAY),
        currency: currency(),
        quantity: Quantity::from_scaled(traded.units.abs() * Quantity::ONE_SCALED as i64),
        gross_amount: Amount::from_scaled(100_000_000_000),
        ..Transaction::default()
    })
}

/// A portfolio that may sell what it does not hold.
pub fn portfolio_that_may_be_short(number: u64) -> Arc<Portfolio> {
    let oversell = Some(OversellPolicy::Short);
    Arc::new(Portfolio { oversell, ..(*portfolio_record(number)).clone() })
}
