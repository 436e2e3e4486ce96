//! `Field`: the name of every field of a trade and its detail, for configuration, keys, comparisons and columns.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::trade::{Trade, TradeBuilder};
use crate::value::{FieldType, Value};
use crate::{Amount, Currency, Date, FieldError, OpenClose, OptionKind, Price, Product, Quantity, Side, Symbol, Timestamp};

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

/// One row per field: its name in code, in configuration and in the struct, and its type.
macro_rules! fields {
    (trade { $($hot:ident $hot_name:ident: $hot_type:ident, $hot_doc:literal;)* }
     detail { $($deep:ident $deep_name:ident: $deep_type:ident, $deep_doc:literal;)* }) => {
        /// A field of a trade or of its detail. The source is not one: it says where the record came from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Field {
            $(#[doc = $hot_doc] #[serde(rename = stringify_name!($hot_name))] $hot,)*
            $(#[doc = $deep_doc] #[serde(rename = stringify_name!($deep_name))] $deep,)*
            /// An attribute that the configuration names, by its index.
            Attribute(u16),
        }
    };
}
