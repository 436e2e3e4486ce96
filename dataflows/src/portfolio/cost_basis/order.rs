//! In which order the transactions of a position are booked, whatever the order they arrive in.

use std::cmp::Reverse;

use model::{Quantity, Symbol, Timestamp, Transaction, TransactionType};
use serde::{Deserialize, Serialize};

/// Earlier first; at one time corporate actions first, then the larger quantity, then the lesser id.
///
/// A corporate action comes before the trades of its time because those of the day from which it counts already trade
/// without it, and many sources know the day alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessingOrder {
    time: Timestamp,
    rank: u8,
    quantity: Reverse<Quantity>,
    id: Symbol,
}

impl ProcessingOrder {
    /// The place of a transaction.
    pub fn of(transaction: &Transaction) -> ProcessingOrder {
        ProcessingOrder {
            time: transaction.effective_time(),
            rank: rank(transaction.transaction_type),
            quantity: Reverse(transaction.quantity),
            id: transaction.id,
        }
    }
}

const fn rank(kind: TransactionType) -> u8 {
    use TransactionType::{Merger, ReverseSplit, RightsIssue, SpinOff, Split, StockDividend};
    match kind {
        Split | ReverseSplit | StockDividend | Merger | SpinOff | RightsIssue => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use model::Date;

    use super::*;

    #[test]
    fn time_then_corporate_actions_then_quantity_then_id_decide() {
        let transaction = |id: &str, day, kind, quantity| Transaction {
            id: Symbol::of(id),
            trade_date: Date::from_days(day),
            transaction_type: kind,
            quantity: Quantity::from_scaled(quantity),
            ..Transaction::default()
        };
        let expected = [
            transaction("Z", 1, TransactionType::Sell, 1),
            transaction("S", 2, TransactionType::Split, 0),
            transaction("Y", 2, TransactionType::Buy, 9),
            transaction("A", 2, TransactionType::Sell, 5),
            transaction("B", 2, TransactionType::Buy, 5),
            transaction("D", 2, TransactionType::Dividend, 0),
        ];
        let mut shuffled = expected.clone();
        shuffled.reverse();
        shuffled.sort_by_key(ProcessingOrder::of);
        assert_eq!(shuffled, expected);
    }
}
