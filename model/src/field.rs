//! `Field`: the name of every field of a trade and its detail, for configuration, keys, comparisons and columns.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::trade::{Trade, TradeBuilder};
use crate::value::{FieldType, Value};
use crate::{
    Amount, Currency, Date, FieldError, OpenClose, OptionKind, Price, Product, Quantity, Side, Symbol, Timestamp,
};

/// What type of value a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// An identifier or a name.
    Symbol,
    /// One of a closed list: side, product, currency, option kind, open or close.
    Code,
    /// An exact decimal with [`Quantity::SCALE`] decimals.
    Quantity,
    /// An exact decimal with [`Price::SCALE`] decimals.
    Price,
    /// An exact decimal with [`Amount::SCALE`] decimals.
    Amount,
    /// A calendar date.
    Date,
    /// A point in time.
    Time,
    /// Free text: the attributes that the configuration names.
    Text,
}

/// One row per field: its name in code, its name in configuration and in the struct, its type and what it means.
macro_rules! fields {
    (trade { $($hot:ident $hot_name:ident: $hot_type:ident, $hot_doc:literal;)* }
     detail { $($deep:ident $deep_name:ident: $deep_type:ident, $deep_doc:literal;)* }) => {
        /// A field of a trade or of its detail. The source is not one: it says where the record came from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $hot_doc] $hot,)*
            $(#[doc = $deep_doc] $deep,)*
            /// An attribute that the configuration names, by its index.
            Attribute(u16),
        }

        impl Field {
            /// Every field but the attributes, in the order of the structs.
            pub const ALL: &[Field] = &[$(Field::$hot,)* $(Field::$deep,)*];

            /// The name in configuration and in columns; `attribute` for every attribute, whose names only the
            /// configuration knows.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Field::$hot => stringify!($hot_name),)*
                    $(Field::$deep => stringify!($deep_name),)*
                    Field::Attribute(_) => "attribute",
                }
            }

            /// What type of value the field has.
            pub const fn kind(self) -> FieldKind {
                match self {
                    $(Field::$hot => <$hot_type as FieldType>::KIND,)*
                    $(Field::$deep => <$deep_type as FieldType>::KIND,)*
                    Field::Attribute(_) => FieldKind::Text,
                }
            }

            /// What the field says, as a sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Field::$hot => $hot_doc,)*
                    $(Field::$deep => $deep_doc,)*
                    Field::Attribute(_) => "An attribute that the configuration names.",
                }
            }

            /// True when the field is in [`Trade`] itself, false when it is in the detail.
            pub const fn is_hot(self) -> bool {
                matches!(self, $(Field::$hot)|*)
            }
        }

        impl Trade {
            /// The value of a field; [`Value::None`] when nothing is known.
            pub fn value(&self, field: Field) -> Value {
                match field {
                    $(Field::$hot => self.$hot_name.to_value(),)*
                    $(Field::$deep => self.detail.as_ref().map_or(Value::None, |detail| detail.$deep_name.to_value()),)*
                    Field::Attribute(index) => self.attribute(index).cloned().map_or(Value::None, Value::Text),
                }
            }
        }

        impl TradeBuilder {
            /// Sets a field. [`Value::None`] clears it; a number of another scale is rescaled when that is exact.
            pub fn set(&mut self, field: Field, value: Value) -> Result<(), FieldError> {
                match field {
                    $(Field::$hot => self.trade_mut().$hot_name = read(field, &value)?,)*
                    $(Field::$deep => {
                        let value = read(field, &value)?;
                        if self.has_detail() || value != <$deep_type as FieldType>::NOTHING {
                            self.detail_mut().$deep_name = value;
                        }
                    })*
                    Field::Attribute(index) => self.set_attribute(index, read_text(field, value)?),
                }
                Ok(())
            }
        }
    };
}

fields! {
    trade {
        Id id: Symbol, "The record's own id on its source.";
        Side side: Side, "Bought or sold.";
        Product product: Product, "What kind of instrument.";
        Currency currency: Currency, "The currency of the price.";
        Instrument instrument: Symbol, "What was traded.";
        Counterparty counterparty: Symbol, "With whom.";
        TradeDate trade_date: Date, "The day it was agreed.";
        SettlementDate settlement_date: Date, "The day it settles.";
        Quantity quantity: Quantity, "How many units.";
        Price price: Price, "Price of one unit.";
    }
    detail {
        ExecutionId execution_id: Symbol, "The id of the fill.";
        OrderId order_id: Symbol, "The id of the order.";
        BlockId block_id: Symbol, "The id of the block it was allocated from.";
        Uti uti: Symbol, "The unique transaction identifier.";
        Account account: Symbol, "The account.";
        Portfolio portfolio: Symbol, "The portfolio.";
        Strategy strategy: Symbol, "The strategy.";
        Desk desk: Symbol, "The desk.";
        Trader trader: Symbol, "The trader.";
        Broker broker: Symbol, "The executing broker.";
        Venue venue: Symbol, "The venue, as a MIC where known.";
        Isin isin: Symbol, "The ISIN, beside whatever `instrument` holds.";
        Reference reference: Symbol, "Any other reference both sides may share.";
        GrossAmount gross_amount: Amount, "Quantity times price.";
        NetAmount net_amount: Amount, "What is paid, all charges included.";
        Commission commission: Amount, "Commission.";
        Fees fees: Amount, "Fees and taxes.";
        AccruedInterest accrued_interest: Amount, "Interest accrued on a bond.";
        Notional notional: Amount, "Notional of the first leg.";
        Notional2 notional_2: Amount, "Notional of the second leg.";
        NotionalCurrency notional_currency: Currency, "Currency of the first notional.";
        NotionalCurrency2 notional_currency_2: Currency, "Currency of the second notional.";
        Multiplier multiplier: Quantity, "Units of the underlying in one contract.";
        Strike strike: Price, "Strike of an option.";
        FixedRate fixed_rate: Price, "Fixed rate of a swap.";
        Expiry expiry: Date, "The day a contract expires.";
        EffectiveDate effective_date: Date, "The day a swap starts.";
        MaturityDate maturity_date: Date, "The day it matures.";
        OptionKind option_kind: OptionKind, "Call or put.";
        OpenClose open_close: OpenClose, "Opens or closes a position.";
        ExecutionTime execution_time: Timestamp, "When it was executed.";
    }
}

/// The value as the type of its field.
#[inline]
fn read<T: FieldType>(field: Field, value: &Value) -> Result<T, FieldError> {
    match value {
        Value::None => Ok(T::NOTHING),
        value => T::from_value(value).ok_or_else(|| FieldError::new(field, value)),
    }
}

fn read_text(field: Field, value: Value) -> Result<Option<Arc<str>>, FieldError> {
    match value {
        Value::None => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        other => Err(FieldError::new(field, &other)),
    }
}

impl Field {
    /// The field of this name; attributes are `attribute_0`, `attribute_1` and so on, as they are displayed.
    pub fn parse_name(name: &str) -> Option<Field> {
        match name.strip_prefix("attribute_") {
            Some(index) => index.parse().ok().map(Field::Attribute),
            None => Field::ALL.iter().copied().find(|field| field.name() == name),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Attribute(index) => write!(f, "attribute_{index}"),
            field => f.pad(field.name()),
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field, D::Error> {
        let name = String::deserialize(deserializer)?;
        Field::parse_name(&name).ok_or_else(|| {
            let known: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
            D::Error::custom(format!("there is no field `{name}`; use one of {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for field in Field::ALL.iter().copied().chain([Field::Attribute(0), Field::Attribute(65_535)]) {
            assert_eq!(Field::parse_name(&field.to_string()), Some(field));
            let json = serde_json::to_string(&field).unwrap();
            assert_eq!(serde_json::from_str::<Field>(&json).unwrap(), field);
        }
        for name in ["", "Side", "attribute", "attribute_", "attribute_65536", "source"] {
            assert_eq!(Field::parse_name(name), None, "{name}");
        }
    }

    #[test]
    fn names_are_those_of_configuration() {
        assert_eq!(Field::TradeDate.name(), "trade_date");
        assert_eq!(Field::NotionalCurrency2.to_string(), "notional_currency_2");
        assert_eq!(Field::Attribute(3).to_string(), "attribute_3");
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_exist() {
        let message = serde_json::from_str::<Field>("\"settle\"").unwrap_err().to_string();
        assert!(message.contains("there is no field `settle`; use one of id, side,"), "{message}");
    }
}
