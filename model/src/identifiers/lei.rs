//! Lei (ISO 17442).

use super::{IdentifierError, identifier};

identifier! {
    /// Lei (ISO 17442).
    Lei, 20, "an LEI", check
}

fn check(_text: &str, _bytes: &[u8; 20]) -> Result<(), IdentifierError> {
    Ok(())
}
