//! Figi (ANSI X9.145).

use super::{IdentifierError, identifier};

identifier! {
    /// Figi (ANSI X9.145).
    Figi, 12, "a FIGI", check
}

fn check(_text: &str, _bytes: &[u8; 12]) -> Result<(), IdentifierError> {
    Ok(())
}
