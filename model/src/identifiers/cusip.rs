//! Cusip (ANSI X9.6).

use super::{IdentifierError, identifier};

identifier! {
    /// Cusip (ANSI X9.6).
    Cusip, 9, "a CUSIP", check
}

fn check(_text: &str, _bytes: &[u8; 9]) -> Result<(), IdentifierError> {
    Ok(())
}
