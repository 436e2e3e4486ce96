//! `Trade`: what two parties agreed, as one source tells it.
//!
//! The fields that nearly every comparison needs are in the trade itself, which is small enough to copy. All others
//! are in a `TradeDetail` that is only allocated when one of them is known, and is shared by every copy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Amount, Currency, Date, Field, FieldKind, OpenClose, OptionKind, Price, Product, Quantity, Side, Symbol, Timestamp,
    Value,
};

/// Which configured source a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u8);

/// A trade as one source tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trade {
    /// Where it came from.
    pub source: SourceId,
    /// Bought or sold.
    pub side: Side,
    /// What kind of instrument.
    pub product: Product,
    /// The currency of the price.
    pub currency: Currency,
    /// The record's own id on its source.
    pub id: Symbol,
    /// What was traded.
    pub instrument: Symbol,
    /// With whom.
    pub counterparty: Symbol,
    /// The day it was agreed.
    pub trade_date: Date,
    /// The day it settles.
    pub settlement_date: Date,
    /// How many units.
    pub quantity: Quantity,
    /// Price of one unit.
    pub price: Price,
    /// Everything else that is known; absent when nothing else is.
    pub detail: Option<Arc<TradeDetail>>,
}

/// The fields of a trade that only some trades have.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TradeDetail {
    /// The id of the fill.
    pub execution_id: Symbol,
    /// The id of the order.
    pub order_id: Symbol,
    /// The id of the block it was allocated from.
    pub block_id: Symbol,
    /// The unique transaction identifier.
    pub uti: Symbol,
    /// The account.
    pub account: Symbol,
    /// The portfolio.
    pub portfolio: Symbol,
    /// The strategy.
    pub strategy: Symbol,
    /// The desk.
    pub desk: Symbol,
    /// The trader.
    pub trader: Symbol,
    /// The executing broker.
    pub broker: Symbol,
    /// The venue, as a MIC where known.
    pub venue: Symbol,
    /// The ISIN, beside whatever `instrument` holds.
    pub isin: Symbol,
    /// Any other reference both sides may share.
    pub reference: Symbol,
    /// Quantity times price.
    pub gross_amount: Amount,
    /// What is paid, all charges included.
    pub net_amount: Amount,
    /// Commission.
    pub commission: Amount,
    /// Fees and taxes.
    pub fees: Amount,
    /// Interest accrued on a bond.
    pub accrued_interest: Amount,
    /// Notional of the first leg.
    pub notional: Amount,
    /// Notional of the second leg.
    pub notional_2: Amount,
    /// Currency of the first notional.
    pub notional_currency: Currency,
    /// Currency of the second notional.
    pub notional_currency_2: Currency,
    /// Units of the underlying in one contract.
    pub multiplier: Quantity,
    /// Strike of an option.
    pub strike: Price,
    /// Fixed rate of a swap.
    pub fixed_rate: Price,
    /// The day a contract expires.
    pub expiry: Date,
    /// The day a swap starts.
    pub effective_date: Date,
    /// The day it matures.
    pub maturity_date: Date,
    /// Call or put.
    pub option_kind: OptionKind,
    /// Opens or closes a position.
    pub open_close: OpenClose,
    /// When it was executed.
    pub execution_time: Timestamp,
    /// The attributes that the configuration names, by index.
    pub texts: Box<[Option<Arc<str>>]>,
}

impl Trade {
    /// The text of an attribute that the configuration names.
    pub fn attribute(&self, index: u16) -> Option<&Arc<str>> {
        self.detail.as_ref()?.texts.get(usize::from(index))?.as_ref()
    }
}

/// A value of the wrong type for its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` cannot hold `{value}`: it takes {}", expectation(self.field.kind()))]
pub struct FieldError {
    /// The field.
    pub field: Field,
    /// What it was given.
    pub value: Value,
}

impl FieldError {
    #[cold]
    pub(crate) fn new(field: Field, value: &Value) -> FieldError {
        FieldError { field, value: value.clone() }
    }
}

fn expectation(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Symbol => "a symbol",
        FieldKind::Code => "one of its codes, such as SELL for a side or EUR for a currency",
        FieldKind::Quantity => "a number with at most 6 decimals",
        FieldKind::Price | FieldKind::Amount => "a number with at most 8 decimals",
        FieldKind::Date => "a date",
        FieldKind::Time => "a time",
        FieldKind::Text => "a text",
    }
}

/// Builds a trade field by field. A detail is allocated at the end, and only if one of its fields is known.
#[derive(Clone, Debug, Default)]
pub struct TradeBuilder {
    trade: Trade,
    detail: Option<TradeDetail>,
    texts: Vec<Option<Arc<str>>>,
}

impl TradeBuilder {
    /// A trade of which only the source is known.
    #[inline]
    pub fn new(source: SourceId) -> TradeBuilder {
        TradeBuilder { trade: Trade { source, ..Trade::default() }, ..TradeBuilder::default() }
    }

    /// The trade itself, to set its fields directly. What is put in its `detail` is replaced by
    /// [`TradeBuilder::finish`].
    #[inline]
    pub fn trade_mut(&mut self) -> &mut Trade {
        &mut self.trade
    }

    /// The detail, to set its fields directly. Its `texts` are replaced by [`TradeBuilder::finish`].
    #[inline]
    pub fn detail_mut(&mut self) -> &mut TradeDetail {
        self.detail.get_or_insert_default()
    }

    pub(crate) fn has_detail(&self) -> bool {
        self.detail.is_some()
    }

    /// Sets or clears an attribute that the configuration names.
    pub fn set_attribute(&mut self, index: u16, text: Option<Arc<str>>) {
        let index = usize::from(index);
        if index >= self.texts.len() {
            if text.is_none() {
                return;
            }
            self.texts.resize(index + 1, None);
        }
        self.texts[index] = text;
    }

    /// The trade. Equal fields give equal trades: a detail in which nothing is known is left out.
    #[inline]
    pub fn finish(mut self) -> Trade {
        self.trade.detail = if self.detail.is_some() || !self.texts.is_empty() { self.finish_detail() } else { None };
        self.trade
    }

    fn finish_detail(&mut self) -> Option<Arc<TradeDetail>> {
        let known = self.texts.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.texts.truncate(known);
        let mut detail = self.detail.take().unwrap_or_default();
        detail.texts = std::mem::take(&mut self.texts).into_boxed_slice();
        (detail != TradeDetail::default()).then(|| Arc::new(detail))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(field: Field) -> Value {
        let number = |scale| Value::Number { scaled: -1234, scale };
        match (field, field.kind()) {
            (Field::Side, _) => Value::code("SELL"),
            (Field::Product, _) => Value::code("FX_FORWARD"),
            (Field::OptionKind, _) => Value::code("PUT"),
            (Field::OpenClose, _) => Value::code("OPEN"),
            (_, FieldKind::Code) => Value::code("EUR"),
            (_, FieldKind::Symbol) => Value::Symbol(Symbol::of("a symbol that is not inline")),
            (_, FieldKind::Quantity) => number(Quantity::SCALE),
            (_, FieldKind::Price) => number(Price::SCALE),
            (_, FieldKind::Amount) => number(Amount::SCALE),
            (_, FieldKind::Date) => Value::Date(Date(20_000)),
            (_, FieldKind::Time) => Value::Time(Timestamp(1)),
            (_, FieldKind::Text) => Value::Text(Arc::from("text")),
        }
    }

    fn built(fields: &[Field]) -> Trade {
        let mut builder = TradeBuilder::new(SourceId(7));
        for field in fields {
            builder.set(*field, sample(*field)).unwrap();
        }
        builder.finish()
    }

    /// Every field and a few attributes.
    fn all_fields() -> Vec<Field> {
        Field::ALL.iter().copied().chain([Field::Attribute(0), Field::Attribute(3)]).collect()
    }

    #[test]
    fn a_trade_stays_small() {
        assert!(size_of::<Trade>() <= 96, "{}", size_of::<Trade>());
    }

    #[test]
    fn every_field_is_read_as_it_was_set_and_no_other_is_touched() {
        for field in all_fields() {
            let trade = built(&[field]);
            for other in all_fields() {
                let expected = if other == field { sample(field) } else { Value::None };
                assert_eq!(trade.value(other), expected, "{other} after setting {field}");
            }
        }
        assert_eq!(built(&[]).source, SourceId(7));
    }

    #[test]
    fn a_detail_is_allocated_only_for_what_is_in_it() {
        for field in all_fields() {
            assert_eq!(built(&[field]).detail.is_none(), field.is_hot(), "{field}");
        }
    }

    #[test]
    fn what_is_cleared_leaves_no_trace() {
        for field in all_fields() {
            let mut builder = TradeBuilder::new(SourceId(7));
            builder.set(field, Value::None).unwrap();
            builder.set(field, sample(field)).unwrap();
            builder.set(field, Value::None).unwrap();
            assert_eq!(builder.finish(), built(&[]), "{field}");
        }
    }

    #[test]
    fn numbers_of_another_scale_are_held_when_that_is_exact() {
        let mut builder = TradeBuilder::new(SourceId(0));
        builder.set(Field::Quantity, Value::Number { scaled: 15, scale: 1 }).unwrap();
        assert!(builder.set(Field::Quantity, Value::Number { scaled: 1, scale: 7 }).is_err());
        assert_eq!(builder.finish().quantity, Quantity::from_scaled(1_500_000));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_and_changes_nothing() {
        for field in all_fields() {
            let wrong = if field.kind() == FieldKind::Date { Value::code("BUY") } else { Value::Date(Date(1)) };
            let mut builder = TradeBuilder::new(SourceId(7));
            let message = builder.set(field, wrong).unwrap_err().to_string();
            assert!(message.starts_with(&format!("`{field}` cannot hold ")), "{message}");
            assert_eq!(builder.finish(), built(&[]));
        }
        let error = TradeBuilder::new(SourceId(0)).set(Field::Side, Value::code("UP")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`side` cannot hold `UP`: it takes one of its codes, such as SELL for a side or EUR for a currency"
        );
    }

    proptest! {
        #[test]
        fn the_order_of_setting_does_not_matter(fields in Just(all_fields()).prop_shuffle()) {
            prop_assert_eq!(built(&fields), built(&all_fields()));
        }

        #[test]
        fn a_trade_survives_machines_and_people(fields in proptest::sample::subsequence(all_fields(), 0..=all_fields().len())) {
            let trade = built(&fields);
            let bytes = bincode::serialize(&trade).unwrap();
            prop_assert_eq!(bincode::deserialize::<Trade>(&bytes).unwrap(), trade.clone());
            let json = serde_json::to_string(&trade).unwrap();
            prop_assert_eq!(serde_json::from_str::<Trade>(&json).unwrap(), trade);
        }
    }
}
