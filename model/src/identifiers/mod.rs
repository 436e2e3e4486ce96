//! The identifiers of finance, each checked as its standard says: its characters, its length, its check digits.
//!
//! An identifier that parses is one that a careful clerk would accept; it is kept as its bytes. A refusal says which
//! character or check digit was wrong and what it should have been.

mod bic;
mod check;
mod cusip;
mod figi;
mod isin;
mod lei;
mod mic;
mod sedol;
mod uti;

pub use bic::Bic;
pub use check::IdentifierError;
pub use cusip::Cusip;
pub use figi::Figi;
pub use isin::Isin;
pub use lei::Lei;
pub use mic::Mic;
pub use sedol::Sedol;
pub use uti::Uti;

pub use crate::currency::Currency;

/// An identifier of fixed length as a type: its bytes, how it is read, shown and serialised.
macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident, $length:literal, $standard:literal, $check:path) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Reads and checks one, exactly as the standard writes it: capitals, no blanks.
            pub fn parse(text: &str) -> Result<$name, crate::identifiers::IdentifierError> {
                let candidate = crate::identifiers::check::Candidate { text, standard: $standard };
                let bytes = candidate.exactly::<$length>(stringify!($length))?;
                $check(candidate, &bytes)?;
                Ok($name(bytes))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }

            /// The identifier as bytes.
            pub const fn bytes(self) -> [u8; $length] {
                self.0
            }
        }

        crate::identifiers::shown_as_text!($name);
    };
}

/// Display, Debug and serde through the text.
macro_rules! shown_as_text {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::identifiers::IdentifierError;

            fn from_str(text: &str) -> Result<$name, Self::Err> {
                $name::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $name::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {identifier, shown_as_text};
