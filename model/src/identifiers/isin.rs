//! Isin (ISO 6166).

use super::{IdentifierError, identifier};

identifier! {
    /// Isin (ISO 6166).
    Isin, 12, "an ISIN", check
}

fn check(_text: &str, _bytes: &[u8; 12]) -> Result<(), IdentifierError> {
    Ok(())
}
