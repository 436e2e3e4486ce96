//! BIC (ISO 9362): four characters of a party, two letters of its country, two characters of its place or suffix, and
//! for a branch three more. There is no check digit.

use super::check::{Candidate, IdentifierError, is_capital, is_capital_or_digit};
use super::shown_as_text;

const LENGTHS: &str = "8 or 11";

/// A Business Identifier Code, such as `DEUTDEFF` or `DEUTDEFF500`. It is kept without the `XXX` that a head office may
/// be written with, so that both ways are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic {
    bytes: [u8; 11],
    length: u8,
}

impl Bic {
    /// Reads and checks one, exactly as the standard writes it: capitals, no blanks.
    pub fn parse(text: &str) -> Result<Bic, IdentifierError> {
        let candidate = Candidate { text, standard: "a BIC" };
        if !matches!(text.len(), 8 | 11) {
            return Err(candidate.wrong_length(LENGTHS));
        }
        candidate.all(0..4, "a capital letter or a digit", is_capital_or_digit)?;
        candidate.all(4..6, "a capital letter of the country", is_capital)?;
        candidate.all(6..text.len(), "a capital letter or a digit", is_capital_or_digit)?;
        let kept = text.strip_suffix("XXX").filter(|head| head.len() == 8).unwrap_or(text);
        let mut bytes = [0; 11];
        bytes[..kept.len()].copy_from_slice(kept.as_bytes());
        Ok(Bic { bytes, length: kept.len() as u8 })
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

shown_as_text!(Bic);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_bics_are_read() {
        // Deutsche Bank and a branch, JPMorgan Chase, the Eurosystem's test party with a digit
        for bic in ["DEUTDEFF", "DEUTDEFF500", "CHASUS33", "E097DEFF"] {
            assert_eq!(Bic::parse(bic).unwrap().as_str(), bic);
        }
    }

    #[test]
    fn a_head_office_is_equal_however_it_is_written() {
        assert_eq!(Bic::parse("CHASUS33XXX").unwrap(), Bic::parse("CHASUS33").unwrap());
        assert_eq!(Bic::parse("ABCDUXXX").unwrap().as_str(), "ABCDUXXX");
    }

    #[test]
    fn what_is_no_bic_is_refused_with_what_was_expected() {
        let cases = [
            ("DEUTDEF", "7 characters, 8 or 11 were expected"),
            ("DEUT1EFF", "character 5 is `1`, a capital letter of the country was expected"),
            ("DEUTDEFF50-", "character 11 is `-`"),
        ];
        for (text, part) in cases {
            let message = Bic::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
