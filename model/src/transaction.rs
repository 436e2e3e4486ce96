//! `Transaction`: what happened in a portfolio, as one source tells it.
//!
//! Quantities and amounts are not negative: the type, and for a currency the side, says which way they go. What only
//! some transactions have is in a [`TransactionDetail`] that is shared by every copy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Amount, Currency, Date, Price, Quantity, Rate, Side, SourceId, Symbol, Timestamp, TransactionType};

/// What happened to one security in one portfolio.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Transaction {
    /// Where it came from.
    pub source: SourceId,
    /// What it does.
    pub transaction_type: TransactionType,
    /// Bought or sold, for a currency that is exchanged.
    pub side: Side,
    /// The currency of its price and its amounts, the local one.
    pub currency: Currency,
    /// The record's own id on its source.
    pub id: Symbol,
    /// The portfolio it happened in.
    pub portfolio: Symbol,
    /// The security, or the cash, it happened to.
    pub security: Symbol,
    /// The day it was agreed; for a corporate action the day from which the security trades without it.
    pub trade_date: Date,
    /// The day it settles.
    pub settlement_date: Date,
    /// When it was executed, where that is known.
    pub execution_time: Timestamp,
    /// How many units.
    pub quantity: Quantity,
    /// Price of one unit.
    pub price: Price,
    /// What the units are worth, before any charge: nothing is derived from the price, whose meaning varies.
    pub gross_amount: Amount,
    /// Commission, fees and taxes; below zero for a rebate.
    pub fees: Amount,
    /// What one unit of its currency is worth in the portfolio's base currency.
    pub fx_to_base: Rate,
    /// Everything else that is known; absent when nothing else is.
    pub detail: Option<Arc<TransactionDetail>>,
}

/// The fields of a transaction that only some transactions have.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransactionDetail {
    /// Interest accrued on a bond, beside the gross amount.
    pub accrued_interest: Amount,
    /// The lots to relieve, in their order.
    pub lots: Box<[LotReference]>,
    /// The security that a corporate action gives.
    pub other_security: Symbol,
    /// How many units a corporate action gives for how many.
    pub ratio: Ratio,
    /// The share of the cost that goes to the other security, from 0 to 1.
    pub cost_share: Rate,
    /// What ties the transactions of one event together, such as both sides of an exchange.
    pub event: Symbol,
    /// Other transactions it belongs to, such as its cash leg.
    pub linked: Box<[Symbol]>,
}

/// A lot to relieve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LotReference {
    /// The id of the transaction that opened it.
    pub lot: Symbol,
    /// How much of it; as much as is needed where nothing is known.
    pub quantity: Quantity,
}

/// `new` units for `old` units: 3 for 1, 1 for 10.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ratio {
    /// Units given.
    pub new: Quantity,
    /// For so many units held.
    pub old: Quantity,
}

impl Transaction {
    /// The transaction with a detail. Equal fields give equal transactions: one in which nothing is known is left out.
    #[must_use]
    pub fn with_detail(mut self, detail: TransactionDetail) -> Transaction {
        self.detail = (detail != TransactionDetail::default()).then(|| Arc::new(detail));
        self
    }

    /// When it changes the book: a forward when it settles, anything else when it was executed, or with the trade date
    /// (in UTC) where that time is not known. [`Timestamp::NONE`] where neither is.
    pub fn effective_time(&self) -> Timestamp {
        match self.transaction_type {
            TransactionType::FxForward => Timestamp::start_of(self.settlement_date),
            _ if self.execution_time.is_none() => Timestamp::start_of(self.trade_date),
            _ => self.execution_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_in_which_nothing_is_known_is_left_out() {
        let plain = Transaction { id: Symbol::of("T1"), ..Transaction::default() };
        assert_eq!(plain.clone().with_detail(TransactionDetail::default()), plain);
        let detail = TransactionDetail { other_security: Symbol::of("NEW"), ..TransactionDetail::default() };
        let merger = plain.with_detail(detail.clone());
        assert_eq!(merger.detail.as_deref(), Some(&detail));
        let bytes = bincode::serialize(&merger).unwrap();
        assert_eq!(bincode::deserialize::<Transaction>(&bytes).unwrap(), merger);
        assert_eq!(serde_json::from_str::<Transaction>(&serde_json::to_string(&merger).unwrap()).unwrap(), merger);
    }

    #[test]
    fn a_transaction_counts_from_its_time_or_its_day_and_a_forward_from_its_settlement() {
        let mut transaction = Transaction {
            trade_date: Date::from_days(2),
            settlement_date: Date::from_days(4),
            ..Transaction::default()
        };
        let day = 86_400_000_000;
        assert_eq!(transaction.effective_time(), Timestamp::from_micros(2 * day));
        transaction.execution_time = Timestamp::from_micros(2 * day + 1);
        assert_eq!(transaction.effective_time(), Timestamp::from_micros(2 * day + 1));
        transaction.transaction_type = TransactionType::FxForward;
        assert_eq!(transaction.effective_time(), Timestamp::from_micros(4 * day));
        assert!(Transaction::default().effective_time().is_none());
    }
}
