//! What the identifiers share: the errors, and reading characters and check digits.

/// Why a text is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// The wrong number of characters.
    #[error("`{text}` is not {standard}: it has {found} characters, {expected} were expected")]
    Length {
        /// What was read.
        text: String,
        /// The identifier, with its article.
        standard: &'static str,
        /// How many characters there are.
        found: usize,
        /// How many there should be.
        expected: &'static str,
    },
    /// A character that may not stand where it does.
    #[error("`{text}` is not {standard}: character {position} is `{found}`, {expected} was expected")]
    Character {
        /// What was read.
        text: String,
        /// The identifier, with its article.
        standard: &'static str,
        /// Which character, counted from 1.
        position: usize,
        /// The character.
        found: char,
        /// What may stand there.
        expected: &'static str,
    },
    /// The check digits do not fit the rest.
    #[error("`{text}` is not {standard}: its check digits are `{found}`, `{expected}` would fit the rest; a character is mistyped")]
    CheckDigit {
        /// What was read.
        text: String,
        /// The identifier, with its article.
        standard: &'static str,
        /// The check digits there are.
        found: String,
        /// The check digits that would fit.
        expected: String,
    },
    /// Well formed, but not on the list.
    #[error("`{text}` is not {standard}: {hint}")]
    Unknown {
        /// What was read.
        text: String,
        /// The identifier, with its article.
        standard: &'static str,
        /// What to do.
        hint: &'static str,
    },
}

/// The bytes of a text of exactly `N` ASCII characters.
pub(crate) fn exactly<const N: usize>(standard: &'static str, text: &str) -> Result<[u8; N], IdentifierError> {
    text.as_bytes().try_into().map_err(|_| IdentifierError::Length {
        text: text.to_owned(),
        standard,
        found: text.chars().count(),
        expected: match N {
            4 => "4",
            7 => "7",
            9 => "9",
            20 => "20",
            _ => "12",
        },
    })
}
