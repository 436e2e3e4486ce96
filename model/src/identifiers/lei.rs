//! LEI (ISO 17442): eighteen characters and two check digits (ISO 7064, mod 97-10).

use super::check::{Candidate, IdentifierError, is_capital_or_digit, is_digit, worth};
use super::identifier;

identifier! {
    /// A Legal Entity Identifier, such as `5493001KJTIIGC8Y1R12`.
    Lei, 20, "an LEI", check
}

/// Also what the first twenty characters of a UTI must pass.
pub(super) fn check(candidate: Candidate<'_>, bytes: &[u8; 20]) -> Result<(), IdentifierError> {
    candidate.all(0..18, "a capital letter or a digit", is_capital_or_digit)?;
    candidate.all(18..20, "a check digit", is_digit)?;
    let expected = 98 - remainder_97(&bytes[..18]) * 100 % 97;
    let found = worth(bytes[18]) * 10 + worth(bytes[19]);
    if found == expected {
        return Ok(());
    }
    Err(candidate.wrong_check_digits(&format!("{found:02}"), format!("{expected:02}")))
}

/// The remainder by 97 of the number that the characters make when letters are written as 10 to 35.
fn remainder_97(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| worth(*byte)).fold(0, |remainder, worth| {
        let shift = if worth >= 10 { 100 } else { 10 };
        (remainder * shift + worth) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_leis_are_read() {
        // Bloomberg Finance, Apple, JPMorgan Chase, Deutsche Bank, Barclays Bank, GLEIF (search.gleif.org)
        let leis = [
            "5493001KJTIIGC8Y1R12",
            "HWUPKR0MPOU8FGXBT394",
            "8I5DZWZKVSZI1NUHU748",
            "7LTWFZYICNSX8D621K86",
            "G5GSEF7VJP5I7OUK5573",
            "506700GE1G29325QX363",
        ];
        for lei in leis {
            assert_eq!(Lei::parse(lei).unwrap().as_str(), lei);
        }
    }

    #[test]
    fn a_mistyped_lei_is_refused_with_what_was_expected() {
        let message = Lei::parse("5493001KJTIIGC8Y1R13").unwrap_err().to_string();
        assert!(message.contains("check digit `13`, where the rest needs `12`"), "{message}");
        let message = Lei::parse("5493001KJTIIGC8Y1RA2").unwrap_err().to_string();
        assert!(message.contains("character 19 is `A`, a check digit was expected"), "{message}");
    }

    #[test]
    fn two_exchanged_neighbours_are_noticed() {
        assert!(Lei::parse("5493001KJTIIGC8Y1R12").is_ok());
        assert!(Lei::parse("5493001KTJIIGC8Y1R12").is_err());
        assert!(Lei::parse("4593001KJTIIGC8Y1R12").is_err());
    }
}
