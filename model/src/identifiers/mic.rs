//! Mic (ISO 10383).

use super::{IdentifierError, identifier};

identifier! {
    /// Mic (ISO 10383).
    Mic, 4, "a MIC", check
}

fn check(_text: &str, _bytes: &[u8; 4]) -> Result<(), IdentifierError> {
    Ok(())
}
