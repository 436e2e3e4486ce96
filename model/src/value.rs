//! `Value`: one field of a trade, whatever its type.

use std::fmt;
use std::sync::Arc;

use crate::fixed::write_decimal;
use crate::{
    Amount, Currency, Date, FieldKind, OpenClose, OptionKind, Price, Product, Quantity, Side, Symbol, Timestamp,
};

/// The value of one field: what comparisons, keys and conditions work on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing is known.
    #[default]
    None,
    /// A text as a symbol.
    Symbol(Symbol),
    /// A code such as a side or a currency: capitals, zero padded.
    Code([u8; 16]),
    /// An exact decimal: `scaled / 10^scale`. The values of a trade have the scale of their field, so equal numbers
    /// of one field are equal values; the same number at two scales is two values.
    Number {
        /// The digits as an integer.
        scaled: i128,
        /// How many of the digits are decimals.
        scale: u8,
    },
    /// A calendar date.
    Date(Date),
    /// A point in time.
    Time(Timestamp),
    /// A text as it was written.
    Text(Arc<str>),
}

impl Value {
    /// True when nothing is known.
    pub fn is_none(&self) -> bool {
        matches!(self, Value::None)
    }

    /// A code from its text; what lies beyond sixteen bytes is not a code, and gives [`Value::None`].
    pub fn code(text: &str) -> Value {
        let mut bytes = [0; 16];
        match bytes.get_mut(..text.len()) {
            Some(head) if !text.is_empty() && text.is_ascii() => head.copy_from_slice(text.as_bytes()),
            _ => return Value::None,
        }
        Value::Code(bytes)
    }

    /// The text of a code.
    pub fn code_text(&self) -> Option<&str> {
        match self {
            Value::Code(bytes) => code_text(bytes),
            _ => None,
        }
    }
}

/// The value as people write it: a long symbol as its hash, nothing for [`Value::None`].
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => Ok(()),
            Value::Symbol(symbol) => symbol.fmt(f),
            Value::Code(bytes) => f.pad(code_text(bytes).unwrap_or_default()),
            Value::Number { scaled, scale } => write_decimal(f, *scaled, *scale),
            Value::Date(date) => date.fmt(f),
            Value::Time(time) => time.fmt(f),
            Value::Text(text) => f.pad(text),
        }
    }
}

/// A code's bytes up to the padding.
fn code_text(bytes: &[u8; 16]) -> Option<&str> {
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..length]).ok()
}

/// A type that a field of a trade may have: how it becomes a [`Value`] and is read back from one.
pub(crate) trait FieldType: Copy {
    const KIND: FieldKind;
    /// What the field holds when nothing is known.
    const NOTHING: Self;
    fn to_value(self) -> Value;
    /// `None` when the value is not one of this type. Never asked about [`Value::None`].
    fn from_value(value: &Value) -> Option<Self>;
}

impl FieldType for Symbol {
    const KIND: FieldKind = FieldKind::Symbol;
    const NOTHING: Symbol = Symbol::NONE;

    fn to_value(self) -> Value {
        if self.is_none() { Value::None } else { Value::Symbol(self) }
    }

    fn from_value(value: &Value) -> Option<Symbol> {
        match value {
            Value::Symbol(symbol) => Some(*symbol),
            _ => None,
        }
    }
}

impl FieldType for Date {
    const KIND: FieldKind = FieldKind::Date;
    const NOTHING: Date = Date::NONE;

    fn to_value(self) -> Value {
        if self.is_none() { Value::None } else { Value::Date(self) }
    }

    fn from_value(value: &Value) -> Option<Date> {
        match value {
            Value::Date(date) => Some(*date),
            _ => None,
        }
    }
}

impl FieldType for Timestamp {
    const KIND: FieldKind = FieldKind::Time;
    const NOTHING: Timestamp = Timestamp::NONE;

    fn to_value(self) -> Value {
        if self.is_none() { Value::None } else { Value::Time(self) }
    }

    fn from_value(value: &Value) -> Option<Timestamp> {
        match value {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }
}

macro_rules! number_fields {
    ($($type:ident),*) => {$(
        impl FieldType for $type {
            const KIND: FieldKind = FieldKind::$type;
            const NOTHING: $type = $type::NONE;

            fn to_value(self) -> Value {
                self.scaled().map_or(Value::None, |scaled| Value::Number { scaled, scale: $type::SCALE })
            }

            fn from_value(value: &Value) -> Option<$type> {
                match value {
                    Value::Number { scaled, scale } => $type::from_rescaled(*scaled, i8::try_from(*scale).ok()?).ok(),
                    _ => None,
                }
            }
        }
    )*};
}

number_fields!(Quantity, Price, Amount);

macro_rules! code_fields {
    ($($type:ident: $nothing:ident),*) => {$(
        impl FieldType for $type {
            const KIND: FieldKind = FieldKind::Code;
            const NOTHING: $type = $type::$nothing;

            fn to_value(self) -> Value {
                if self == Self::NOTHING { Value::None } else { Value::code(self.code()) }
            }

            fn from_value(value: &Value) -> Option<$type> {
                value.code_text().and_then(|text| $type::parse(text).ok())
            }
        }
    )*};
}

code_fields!(Side: Unknown, Product: Unknown, OptionKind: Unknown, OpenClose: Unknown, Currency: NONE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_its_text_and_nothing_else() {
        assert_eq!(Value::code("BUY").code_text(), Some("BUY"));
        assert_eq!(Value::code("SIXTEEN_LETTERS_").code_text(), Some("SIXTEEN_LETTERS_"));
        for text in ["", "SEVENTEEN_LETTERS", "é"] {
            assert_eq!(Value::code(text), Value::None, "{text}");
        }
        assert_eq!(Value::None.code_text(), None);
    }

    #[test]
    fn values_are_shown_as_people_write_them() {
        let cases = [
            (Value::None, ""),
            (Value::code("BUY"), "BUY"),
            (Value::Symbol(Symbol::of("AAPL")), "AAPL"),
            (Value::Number { scaled: -1250, scale: 3 }, "-1.25"),
            (Value::Number { scaled: 5, scale: 60 }, "5e-60"),
            (Value::Date(Date(0)), "1970-01-01"),
            (Value::Text(Arc::from("text")), "text"),
        ];
        for (value, text) in cases {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn a_value_stays_small() {
        assert!(size_of::<Value>() <= 32);
    }
}
