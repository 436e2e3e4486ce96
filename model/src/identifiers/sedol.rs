//! Sedol (LSE).

use super::{IdentifierError, identifier};

identifier! {
    /// Sedol (LSE).
    Sedol, 7, "a SEDOL", check
}

fn check(_text: &str, _bytes: &[u8; 7]) -> Result<(), IdentifierError> {
    Ok(())
}
