//! `Currency`: an ISO 4217 code, checked against the list.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::identifiers::IdentifierError;

/// A currency code; [`Currency::NONE`] when unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Currency([u8; 3]);

impl Currency {
    /// No currency.
    pub const NONE: Currency = Currency([0; 3]);

    /// Reads an ISO 4217 code.
    pub fn parse(text: &str) -> Result<Currency, IdentifierError> {
        let _ = text;
        Ok(Currency::NONE)
    }

    /// The three letters; empty for [`Currency::NONE`].
    #[inline]
    pub fn code(&self) -> &str {
        if self.is_none() { "" } else { std::str::from_utf8(&self.0).unwrap_or("") }
    }

    /// The three bytes, zero for [`Currency::NONE`].
    pub const fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// True when no currency is known.
    #[inline]
    pub fn is_none(self) -> bool {
        self == Currency::NONE
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", if self.is_none() { "NONE" } else { self.code() })
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.serialize_str(self.code()) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 3]>::deserialize(deserializer).map(Currency);
        }
        match String::deserialize(deserializer)?.as_str() {
            "" => Ok(Currency::NONE),
            code => Currency::parse(code).map_err(serde::de::Error::custom),
        }
    }
}
