//! Fields that hold several things: lots, and the ids of other transactions.
//!
//! ```text
//!  lots     LOT1:100;LOT2:50   LOT1;LOT2   [{"lot": "LOT1", "quantity": 100}, {"lot": "LOT2"}]
//!  symbols  T-17;T-18                      ["T-17", "T-18"]
//! ```
//! An id that has `;` or `:` in it can only be written in JSON. In snapshots lists are written in JSON too.

use std::borrow::Cow;

use model::{Dictionary, LotReference, Quantity, Symbol, Value};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fault::Fault;
use super::value::{FieldValue, Reading, ValueType};

/// A lot as JSON writes it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenLot<'a> {
    #[serde(borrow)]
    lot: Cow<'a, str>,
    /// A number, or a text that holds one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    quantity: Option<Cow<'a, RawValue>>,
}

impl FieldValue for Box<[LotReference]> {
    const TYPE: ValueType = ValueType::Lots;

    fn to_value(&self, dictionary: &Dictionary) -> Value {
        let written = |lot: &LotReference| WrittenLot {
            lot: text_of(lot.lot, dictionary).into(),
            quantity: RawValue::from_string(lot.quantity.to_string()).ok().map(Cow::Owned),
        };
        json(self.iter().map(written).collect())
    }

    fn from_text(text: &str, reading: &Reading) -> Result<Self, Fault> {
        if text.starts_with('[') {
            return Self::from_json(text, reading);
        }
        let lot = |part: &str| {
            let (lot, quantity) = part.rsplit_once(':').unwrap_or((part, ""));
            Ok(LotReference { lot: symbol(lot, reading)?, quantity: quantity_of(quantity.trim(), reading)? })
        };
        text.split(';').map(lot).collect()
    }

    fn from_json(text: &str, reading: &Reading) -> Result<Self, Fault> {
        let written: Vec<WrittenLot<'_>> = serde_json::from_str(text).map_err(|error| {
            let what = format!("the value is not an array of lots: {error}");
            Fault::new(
                what,
                "write it as [{\"lot\": \"LOT1\", \"quantity\": 100}], or as text such as LOT1:100;LOT2:50",
            )
        })?;
        let lot = |written: WrittenLot<'_>| {
            let quantity = match written.quantity.as_ref().map(|quantity| quantity.get()) {
                None | Some("null") => Quantity::NONE,
                Some(number) if number.starts_with('"') => {
                    let text: String = serde_json::from_str(number).unwrap_or_default();
                    quantity_of(&text, reading)?
                }
                Some(number) => Quantity::from_number(number, reading)?,
            };
            Ok(LotReference { lot: symbol(&written.lot, reading)?, quantity })
        };
        written.into_iter().map(lot).collect()
    }
}

impl FieldValue for Box<[Symbol]> {
    const TYPE: ValueType = ValueType::Symbols;

    fn to_value(&self, dictionary: &Dictionary) -> Value {
        json(self.iter().map(|symbol| text_of(*symbol, dictionary)).collect())
    }

    fn from_text(text: &str, reading: &Reading) -> Result<Self, Fault> {
        if text.starts_with('[') {
            return Self::from_json(text, reading);
        }
        text.split(';').map(|id| symbol(id, reading)).collect()
    }

    fn from_json(text: &str, reading: &Reading) -> Result<Self, Fault> {
        let ids: Vec<Cow<'_, str>> = serde_json::from_str(text).map_err(|error| {
            let what = format!("the value is not an array of texts: {error}");
            Fault::new(what, "write it as [\"T-17\", \"T-18\"], or as text such as T-17;T-18")
        })?;
        ids.iter().map(|id| symbol(id, reading)).collect()
    }
}

/// One entry of a list. What names nothing is a mistake, such as two separators in a row.
fn symbol(text: &str, reading: &Reading) -> Result<Symbol, Fault> {
    match text.trim() {
        "" => Err(Fault::new("an entry of the list names nothing", "write an id, or leave the entry and its `;` out")),
        id => Symbol::from_text(id, reading),
    }
}

fn quantity_of(text: &str, reading: &Reading) -> Result<Quantity, Fault> {
    if text.is_empty() { Ok(Quantity::NONE) } else { Quantity::from_text(text, reading) }
}

fn text_of(symbol: Symbol, dictionary: &Dictionary) -> String {
    dictionary.text(symbol).map_or_else(|| symbol.to_string(), |text| text.to_string())
}

fn json<T: Serialize>(entries: Vec<T>) -> Value {
    match serde_json::to_string(&entries) {
        Ok(text) if !entries.is_empty() => Value::Text(text.into()),
        _ => Value::None,
    }
}
