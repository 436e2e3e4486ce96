//! Books: portfolios that trade, earn and are corrected, with the prices, exchange rates and benchmarks to value them
//! by.
//!
//! ```text
//!  BooksSpec ──▶ Market: a walk for each listing, currency, benchmark ──▶ prices, rates, levels, vegas (one price is wrong)
//!  (seed)          │
//!                  └──▶ Ledger of each portfolio: deposits, trades, income, corporate actions ──▶ transactions
//!  told later: a purchase that was agreed on the thirty-first day, and the price as it should have been
//! ```
//! Everything is a pure function of the specification, in integers. All companies, people and securities are invented.
//! Futures are paid in full, so that cash and positions add up as for shares; days are Monday to Friday. The first portfolio is
//! given a swap and an option, which are not traded.

mod ledger;
mod market;
mod spec;
#[cfg(test)]
mod tests;
mod write;

pub use spec::BooksSpec;
pub use write::write_books;

use std::sync::Arc;

use engine::EngineError;
use model::{CostMethod, Date, Dictionary, OversellPolicy, Portfolio, Record, SourceId, Symbol, Transaction};

use ledger::Ledger;
use market::{Market, currency};

/// Generated books. Records of one kind are all of one source.
pub struct Books {
    spec: BooksSpec,
    market: Market,
    dictionary: Dictionary,
}

impl Books {
    /// The books of a specification, which is checked. Texts are kept in the dictionary.
    pub fn new(spec: &BooksSpec, dictionary: &Dictionary) -> Result<Books, EngineError> {
        spec.check()?;
        Ok(Books { spec: spec.clone(), market: Market::new(spec), dictionary: dictionary.clone() })
    }

    /// What is held.
    pub fn instruments(&self, source: SourceId) -> impl Iterator<Item = Record> {
        self.market.instruments(source, &self.dictionary)
    }

    /// The portfolios.
    pub fn portfolios(&self, source: SourceId) -> impl Iterator<Item = Record> {
        let inception_date = self.market.days.first().copied().unwrap_or(Date::NONE);
        (0..self.spec.portfolios).map(move |number| {
            let kind = KINDS[number as usize % KINDS.len()];
            let portfolio = Portfolio {
                source,
                base_currency: currency(base_of(number)),
                cost_method: Some(kind.cost_method),
                oversell: Some(OversellPolicy::Refuse),
                id: portfolio_id(number),
                name: self.dictionary.intern(kind.name),
                mandate: self.dictionary.intern(kind.mandate),
                manager: self.dictionary.intern(kind.manager),
                fund: Symbol::NONE,
                benchmark: self.dictionary.intern(kind.benchmark),
                inception_date,
            };
            Record::Portfolio(Arc::new(portfolio))
        })
    }

    /// The prices, day by day. One of them is wrong: see [`Books::price_corrections`].
    pub fn prices(&self, source: SourceId) -> impl Iterator<Item = Record> {
        (0..self.market.count).flat_map(move |day| self.market.prices_of(source, day))
    }

    /// What corrects the prices.
    pub fn price_corrections(&self, source: SourceId) -> impl Iterator<Item = Record> {
        self.market.correction(source).into_iter()
    }

    /// The exchange rates, day by day.
    pub fn fx_rates(&self, source: SourceId) -> impl Iterator<Item = Record> {
        (0..self.market.count).flat_map(move |day| self.market.rates_of(source, day))
    }

    /// The levels of the benchmarks, day by day.
    pub fn benchmark_levels(&self, source: SourceId) -> impl Iterator<Item = Record> {
        (0..self.market.count).flat_map(move |day| self.market.levels_of(source, day))
    }

    /// What money earned without risk, month by month.
    pub fn risk_free_rates(&self, source: SourceId) -> impl Iterator<Item = Record> {
        (0..self.market.count).flat_map(move |day| self.market.risk_free_of(source, day))
    }

    /// What options depend on, month by month.
    pub fn sensitivities(&self, source: SourceId) -> impl Iterator<Item = Record> {
        (0..self.market.count).flat_map(move |day| self.market.sensitivities_of(source, day))
    }

    /// What happened, portfolio by portfolio.
    pub fn transactions(&self, source: SourceId) -> impl Iterator<Item = Record> {
        (0..self.spec.portfolios).flat_map(move |number| self.ledger(source, number).transactions()).map(record)
    }

    /// What was agreed long before it is told.
    pub fn late_transactions(&self, source: SourceId) -> impl Iterator<Item = Record> {
        self.ledger(source, 0).late().into_iter().map(record)
    }

    fn ledger(&self, source: SourceId, number: u32) -> Ledger<'_> {
        Ledger::new(&self.spec, &self.market, source, number)
    }
}

fn record(transaction: Transaction) -> Record {
    Record::Transaction(Arc::new(transaction))
}

/// What portfolios are like, in turn.
#[derive(Clone, Copy)]
struct PortfolioKind {
    name: &'static str,
    mandate: &'static str,
    manager: &'static str,
    benchmark: &'static str,
    base: usize,
    cost_method: CostMethod,
}

#[rustfmt::skip]
const KINDS: [PortfolioKind; 3] = [
    PortfolioKind { name: "Global growth", mandate: "equities", manager: "mlee", benchmark: "WORLD", base: 0, cost_method: CostMethod::Fifo },
    PortfolioKind { name: "Euro balanced", mandate: "mixed", manager: "kbauer", benchmark: "MIXED", base: 1, cost_method: CostMethod::Average },
    PortfolioKind { name: "Select", mandate: "equities", manager: "mlee", benchmark: "WORLD", base: 0, cost_method: CostMethod::SpecificLot },
];

fn portfolio_id(number: u32) -> Symbol {
    Symbol::of(&format!("PORTFOLIO {}", number + 1))
}

/// The place of its base currency.
fn base_of(number: u32) -> usize {
    KINDS[number as usize % KINDS.len()].base
}

fn names_lots(number: u32) -> bool {
    KINDS[number as usize % KINDS.len()].cost_method == CostMethod::SpecificLot
}
