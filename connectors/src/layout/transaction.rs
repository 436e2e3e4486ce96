//! The fields of transactions: their own, and those that only some of them have.

use std::sync::{Arc, LazyLock};

use model::{Record, SourceId, Transaction, TransactionDetail};

use super::draft::{Draft, FieldEntry, fields};

/// A transaction while it is put together: its detail is only kept if anything is known in it.
#[derive(Clone, Default)]
pub(crate) struct TransactionDraft {
    transaction: Transaction,
    detail: TransactionDetail,
}

impl Draft for TransactionDraft {
    const FIELDS: &'static [&'static [FieldEntry<Self>]] = &[
        fields! { Transaction, draft => draft.transaction, transaction => transaction;
            id: Symbol Identity ["T-2001", "T-2002"] "Its own id on its source.";
            transaction_type: TransactionType Optional ["SELL", "SPIN_OFF"] "What it does.";
            portfolio: Symbol Optional ["GROWTH", "GROWTH"] "The portfolio that it happened in.";
            security: Symbol Optional ["TREASURY 2031", "ACME"]
                "The security, or the cash, that it happened to: the id of an instrument.";
            side: Side Optional ["", ""] "Bought or sold, for a currency that is exchanged.";
            currency: Currency Optional ["USD", "USD"] "The currency of its price and its amounts.";
            trade_date: Date Optional ["2026-03-16", "2026-04-01"]
                "The day it was agreed; for a corporate action the day from which the security trades without it.";
            settlement_date: Date Optional ["2026-03-17", "2026-04-01"] "The day it settles.";
            execution_time: Time Optional ["2026-03-16T14:30:00Z", ""]
                "When it was executed. Without it, it counts from the start of its trade date, UTC.";
            quantity: Quantity Optional ["50000", ""] "How many units; not below zero.";
            price: Price Optional ["98.75", ""] "The price of one unit.";
            gross_amount: Amount Optional ["49375", ""]
                "What the units are worth before any charge; not below zero. Nothing is derived from the price.";
            fees: Amount Optional ["12.5", ""] "Commission, fees and taxes; below zero for a rebate.";
            fx_to_base: Rate Optional ["1", ""]
                "What one unit of its currency was worth in the base currency of the portfolio.";
        },
        fields! { Transaction, draft => draft.detail, transaction => detail(transaction);
            accrued_interest: Amount Optional ["310.25", ""] "Interest accrued on a bond, beside the gross amount.";
            lots: Lots Optional ["T-1901:30000;T-1907:20000", ""]
                "The lots to relieve where the cost method is `specific_lot`, in their order, by the ids of the transactions that opened them; how much of each.";
            other_security: Symbol Optional ["", "ACME PARTS"] "The security that a corporate action gives.";
            ratio_new(ratio.new): Quantity Optional ["", "1"] "How many units a corporate action gives.";
            ratio_old(ratio.old): Quantity Optional ["", "4"] "For how many units that are held it gives them.";
            cost_share: Rate Optional ["", "0.15"]
                "The share of the cost that goes to the other security, from 0 to 1.";
            event: Symbol Optional ["", "CA-77"] "What ties the transactions of one event together.";
            linked: Symbols Optional ["T-2003", ""] "Other transactions that it belongs to, such as its cash leg.";
        },
    ];

    fn new(source: SourceId) -> Self {
        TransactionDraft {
            transaction: Transaction { source, ..Transaction::default() },
            ..TransactionDraft::default()
        }
    }

    fn finish(self) -> Record {
        Arc::new(self.transaction.with_detail(self.detail)).into()
    }
}

/// The detail of a transaction; one in which nothing is known if it has none.
fn detail(transaction: &Transaction) -> &TransactionDetail {
    static NOTHING: LazyLock<TransactionDetail> = LazyLock::new(TransactionDetail::default);
    transaction.detail.as_deref().unwrap_or(&NOTHING)
}
