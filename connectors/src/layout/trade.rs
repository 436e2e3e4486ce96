//! The fields of trades. A trade of which no detail is known has a draft of its own: small, and filled with no
//! allocation.

use std::sync::Arc;

use model::{Field, Record, SourceId, Trade, TradeBuilder, TradeDetail};

use super::draft::{Draft, FieldEntry, fields};

/// The fields that a trade holds itself.
macro_rules! trade_fields {
    ($draft:ident => $into:expr) => {
        fields! { Trade, $draft => $into, trade => trade;
            id: Symbol Identity ["T-1001", "T-1002"] Field::Id.meaning();
            side: Side Optional ["BUY", "SELL"] Field::Side.meaning();
            product: Product Optional ["EQUITY", "OPTION"] Field::Product.meaning();
            currency: Currency Optional ["USD", "EUR"] Field::Currency.meaning();
            instrument: Symbol Optional ["ACME", "ACME C60"] Field::Instrument.meaning();
            counterparty: Symbol Optional ["Harbour Bank", "Harbour Bank"] Field::Counterparty.meaning();
            trade_date: Date Optional ["2026-03-16", "2026-03-16"] Field::TradeDate.meaning();
            settlement_date: Date Optional ["2026-03-18", "2026-03-17"] Field::SettlementDate.meaning();
            quantity: Quantity Optional ["100", "5"] Field::Quantity.meaning();
            price: Price Optional ["52.25", "3.4"] Field::Price.meaning();
        }
    };
}

impl Draft for Trade {
    const FIELDS: &'static [&'static [FieldEntry<Self>]] = &[trade_fields!(draft => draft)];

    fn new(source: SourceId) -> Self {
        Trade { source, ..Trade::default() }
    }

    fn finish(self) -> Record {
        Record::Trade(self)
    }
}

/// A trade with its details and attributes.
impl Draft for TradeBuilder {
    const FIELDS: &'static [&'static [FieldEntry<Self>]] = &[
        trade_fields!(draft => draft.trade_mut()),
        fields! { Trade, draft => draft.detail_mut(), trade => detail(trade);
            execution_id: Symbol Optional ["E-7001", "E-7002"] Field::ExecutionId.meaning();
            order_id: Symbol Optional ["O-301", "O-302"] Field::OrderId.meaning();
            block_id: Symbol Optional ["B-31", ""] Field::BlockId.meaning();
            uti: Symbol Optional ["", "549300DTUYXVMJXZNY75AB12"] Field::Uti.meaning();
            account: Symbol Optional ["A-1", "A-2"] Field::Account.meaning();
            portfolio: Symbol Optional ["GROWTH", "BALANCED"] Field::Portfolio.meaning();
            strategy: Symbol Optional ["value", ""] Field::Strategy.meaning();
            desk: Symbol Optional ["equities", "derivatives"] Field::Desk.meaning();
            trader: Symbol Optional ["ml", "kb"] Field::Trader.meaning();
            broker: Symbol Optional ["Northgate", "Northgate"] Field::Broker.meaning();
            venue: Symbol Optional ["XNYS", "XEUR"] Field::Venue.meaning();
            isin: Symbol Optional ["US0378331005", ""] Field::Isin.meaning();
            reference: Symbol Optional ["R-11", ""] Field::Reference.meaning();
            gross_amount: Amount Optional ["5225", "1700"] Field::GrossAmount.meaning();
            net_amount: Amount Optional ["5231.5", "1695"] Field::NetAmount.meaning();
            commission: Amount Optional ["5", "4"] Field::Commission.meaning();
            fees: Amount Optional ["1.5", "1"] Field::Fees.meaning();
            accrued_interest: Amount Optional ["", ""] Field::AccruedInterest.meaning();
            notional: Amount Optional ["", "30000"] Field::Notional.meaning();
            notional_2: Amount Optional ["", ""] Field::Notional2.meaning();
            notional_currency: Currency Optional ["", "EUR"] Field::NotionalCurrency.meaning();
            notional_currency_2: Currency Optional ["", ""] Field::NotionalCurrency2.meaning();
            multiplier: Quantity Optional ["", "100"] Field::Multiplier.meaning();
            strike: Price Optional ["", "60"] Field::Strike.meaning();
            fixed_rate: Price Optional ["", ""] Field::FixedRate.meaning();
            expiry: Date Optional ["", "2026-06-19"] Field::Expiry.meaning();
            effective_date: Date Optional ["", ""] Field::EffectiveDate.meaning();
            maturity_date: Date Optional ["", ""] Field::MaturityDate.meaning();
            option_kind: OptionKind Optional ["", "CALL"] Field::OptionKind.meaning();
            open_close: OpenClose Optional ["", "OPEN"] Field::OpenClose.meaning();
            execution_time: Time Optional ["2026-03-16T14:30:00Z", "2026-03-16T09:05:12.25Z"] Field::ExecutionTime.meaning();
        },
    ];
    const ATTRIBUTES: bool = true;

    fn new(source: SourceId) -> Self {
        TradeBuilder::new(source)
    }

    fn set_attribute(&mut self, index: u16, text: Option<Arc<str>>) {
        TradeBuilder::set_attribute(self, index, text);
    }

    fn finish(self) -> Record {
        Record::Trade(TradeBuilder::finish(self))
    }
}

/// The detail of a trade; one in which nothing is known if it has none.
fn detail(trade: &Trade) -> &TradeDetail {
    static NOTHING: std::sync::LazyLock<TradeDetail> = std::sync::LazyLock::new(TradeDetail::default);
    trade.detail.as_deref().unwrap_or(&NOTHING)
}
