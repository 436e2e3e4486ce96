//! The order of trades where nothing else tells which comes first.
//!
//! By what they say, and by their ids only where they say the same: symbols have no meaning in their order, so which
//! trades are matched must not depend on it.

use std::cmp::Ordering;

use model::Trade;

/// Orders two trades by what they say, then by their ids.
pub fn by_content(a: &Trade, b: &Trade) -> Ordering {
    terms(a)
        .cmp(&terms(b))
        .then_with(|| names(a).cmp(&names(b)))
        .then_with(|| a.detail.cmp(&b.detail))
        .then_with(|| a.id.cmp(&b.id))
}

/// What tells most trades apart, and is cheap to compare.
fn terms(trade: &Trade) -> impl Ord + use<> {
    (trade.trade_date, trade.settlement_date, trade.quantity, trade.price)
}

fn names(trade: &Trade) -> impl Ord + use<> {
    (trade.source, trade.side, trade.product, trade.currency, trade.instrument, trade.counterparty)
}

#[cfg(test)]
mod tests {
    use model::{Quantity, SourceId, Symbol};

    use super::*;

    #[test]
    fn ids_decide_last() {
        let trade = |id: &str, quantity| Trade {
            id: Symbol::of(id),
            quantity: Quantity::from_scaled(quantity),
            ..Trade::default()
        };
        assert_eq!(by_content(&trade("b", 1), &trade("a", 2)), Ordering::Less);
        assert_eq!(by_content(&trade("b", 1), &trade("a", 1)), Ordering::Greater);
        assert_eq!(by_content(&trade("a", 1), &trade("a", 1)), Ordering::Equal);
        let other = Trade { source: SourceId(1), ..trade("a", 1) };
        assert_eq!(by_content(&trade("b", 1), &other), Ordering::Less);
    }
}
