//! What scoring asks of a record: the values of its fields, as texts, numbers and dates.

use std::borrow::Cow;

use model::{Dictionary, Field, Trade, Value};

/// A record that can be scored. A field is a text, a number or a date; the other two answers are `None`.
pub trait Fields {
    /// The text of a name, an identifier or a code.
    fn text(&self, field: Field) -> Option<Cow<'_, str>>;
    /// An exact decimal: the digits as an integer, and how many of them are decimals.
    fn number(&self, field: Field) -> Option<(i128, u8)>;
    /// Days since 1970-01-01.
    fn date(&self, field: Field) -> Option<i32>;
}

/// A trade with the dictionary that knows its long texts.
#[derive(Clone, Copy, Debug)]
pub struct TradeFields<'a> {
    /// The trade.
    pub trade: &'a Trade,
    /// The texts of the symbols that are too long to carry their own.
    pub dictionary: &'a Dictionary,
}

/// How many decimals the seconds of a timestamp have.
const TIME_SCALE: u8 = 6;

impl Fields for TradeFields<'_> {
    /// A long symbol without a known text is written in hexadecimal: still equal to itself, and to nothing else.
    fn text(&self, field: Field) -> Option<Cow<'_, str>> {
        match self.trade.value(field) {
            Value::Symbol(symbol) => Some(Cow::Owned(match self.dictionary.text(symbol) {
                Some(text) => text.as_ref().to_owned(),
                None => symbol.to_string(),
            })),
            Value::Text(text) => Some(Cow::Owned(text.as_ref().to_owned())),
            code @ Value::Code(_) => code.code_text().map(|text| Cow::Owned(text.to_owned())),
            Value::None | Value::Number { .. } | Value::Date(_) | Value::Time(_) => None,
        }
    }

    fn number(&self, field: Field) -> Option<(i128, u8)> {
        match self.trade.value(field) {
            Value::Number { scaled, scale } => Some((scaled, scale)),
            Value::Time(time) => Some((i128::from(time.0), TIME_SCALE)),
            _ => None,
        }
    }

    fn date(&self, field: Field) -> Option<i32> {
        match self.trade.value(field) {
            Value::Date(date) => Some(date.0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Date, Quantity, Side, SourceId, Symbol, Timestamp, TradeBuilder};

    use super::*;

    #[test]
    fn a_trade_answers_each_field_by_its_type() {
        let dictionary = Dictionary::new();
        let mut builder = TradeBuilder::new(SourceId(0));
        builder.trade_mut().counterparty = dictionary.intern("a name of more than fifteen bytes");
        builder.trade_mut().instrument = Symbol::of("a name that no dictionary knows");
        builder.trade_mut().side = Side::Sell;
        builder.trade_mut().quantity = Quantity::from_scaled(1_500_000);
        builder.trade_mut().trade_date = Date(7);
        builder.detail_mut().execution_time = Timestamp(8);
        let trade = builder.finish();
        let fields = TradeFields { trade: &trade, dictionary: &dictionary };

        assert_eq!(fields.text(Field::Counterparty).as_deref(), Some("a name of more than fifteen bytes"));
        assert_eq!(fields.text(Field::Instrument), Some(Cow::Owned(trade.instrument.to_string())));
        assert_eq!(fields.text(Field::Side).as_deref(), Some(Side::Sell.code()));
        assert_eq!(fields.number(Field::Quantity), Some((1_500_000, 6)));
        assert_eq!(fields.number(Field::ExecutionTime), Some((8, 6)));
        assert_eq!(fields.date(Field::TradeDate), Some(7));
        assert_eq!((fields.text(Field::Quantity), fields.date(Field::Quantity)), (None, None));
        assert_eq!(
            (fields.text(Field::Isin), fields.number(Field::Price), fields.date(Field::Expiry)),
            (None, None, None)
        );
    }
}
