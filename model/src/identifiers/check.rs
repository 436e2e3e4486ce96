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
    #[error(
        "`{text}` is not {standard}: it ends in check digit `{found}`, where the rest needs `{expected}`; look for a mistyped character"
    )]
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
    /// Well formed, but not one that exists.
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

/// A text that should be an identifier, and what to call it in errors.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'t> {
    pub(crate) text: &'t str,
    pub(crate) standard: &'static str,
}

impl<'t> Candidate<'t> {
    /// The bytes, if there are `N` of them.
    pub(crate) fn exactly<const N: usize>(self, expected: &'static str) -> Result<[u8; N], IdentifierError> {
        self.text.as_bytes().try_into().map_err(|_| self.wrong_length(expected))
    }

    #[cold]
    pub(crate) fn wrong_length(self, expected: &'static str) -> IdentifierError {
        let found = self.text.chars().count();
        IdentifierError::Length { text: self.text.to_owned(), standard: self.standard, found, expected }
    }

    /// Every byte of the range must be allowed. Ranges are checked from left to right, so what precedes one is ASCII.
    pub(crate) fn all(
        self,
        range: std::ops::Range<usize>,
        expected: &'static str,
        allowed: fn(u8) -> bool,
    ) -> Result<(), IdentifierError> {
        let bytes = &self.text.as_bytes()[range.clone()];
        match bytes.iter().position(|byte| !allowed(*byte)) {
            None => Ok(()),
            Some(offset) => Err(self.wrong_character(range.start + offset, expected)),
        }
    }

    #[cold]
    fn wrong_character(self, index: usize, expected: &'static str) -> IdentifierError {
        let found = self.text.get(index..).and_then(|rest| rest.chars().next()).unwrap_or(char::REPLACEMENT_CHARACTER);
        IdentifierError::Character {
            text: self.text.to_owned(),
            standard: self.standard,
            position: index + 1,
            found,
            expected,
        }
    }

    /// The last character must be this digit.
    pub(crate) fn check_digit(self, expected: u32) -> Result<(), IdentifierError> {
        let (_, found) = self.text.split_at(self.text.len() - 1);
        if found.bytes().eq([b'0' + expected as u8]) {
            return Ok(());
        }
        Err(self.wrong_check_digits(found, expected.to_string()))
    }

    #[cold]
    pub(crate) fn wrong_check_digits(self, found: &str, expected: String) -> IdentifierError {
        IdentifierError::CheckDigit {
            text: self.text.to_owned(),
            standard: self.standard,
            found: found.to_owned(),
            expected,
        }
    }

    #[cold]
    pub(crate) fn unknown(self, hint: &'static str) -> IdentifierError {
        IdentifierError::Unknown { text: self.text.to_owned(), standard: self.standard, hint }
    }
}

pub(crate) fn is_capital(byte: u8) -> bool {
    byte.is_ascii_uppercase()
}

pub(crate) fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

pub(crate) fn is_capital_or_digit(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

pub(crate) fn is_consonant_or_digit(byte: u8) -> bool {
    is_capital_or_digit(byte) && !b"AEIOU".contains(&byte)
}

/// What a character counts for in check digits: `0` to `9`, then `A` as 10 to `Z` as 35, then CUSIP's `*`, `@`, `#`.
pub(crate) fn worth(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'*' => 36,
        b'@' => 37,
        b'#' => 38,
        capital => u32::from(capital.wrapping_sub(b'A')) + 10,
    }
}

/// The digit that brings a sum to a multiple of ten.
pub(crate) fn to_full_ten(sum: u32) -> u32 {
    (10 - sum % 10) % 10
}

/// Modulus 10, double-add-double: every second character counts twice, then the digits of all are added.
pub(crate) fn double_add_double(bytes: &[u8]) -> u32 {
    let digits_of_worth = bytes.iter().enumerate().map(|(index, byte)| {
        let counted = worth(*byte) * if index % 2 == 1 { 2 } else { 1 };
        counted / 10 + counted % 10
    });
    to_full_ten(digits_of_worth.sum())
}
