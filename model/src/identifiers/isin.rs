//! ISIN (ISO 6166): two letters of a country, nine characters of its numbering agency, a check digit.

use super::check::{Candidate, IdentifierError, is_capital, is_capital_or_digit, is_digit, to_full_ten, worth};
use super::identifier;

identifier! {
    /// An International Securities Identification Number, such as `US0378331005`.
    Isin, 12, "an ISIN", check
}

fn check(candidate: Candidate<'_>, bytes: &[u8; 12]) -> Result<(), IdentifierError> {
    candidate.all(0..2, "a capital letter of the country", is_capital)?;
    candidate.all(2..11, "a capital letter or a digit", is_capital_or_digit)?;
    candidate.all(11..12, "the check digit", is_digit)?;
    candidate.check_digit(luhn(&bytes[..11]))
}

/// Letters become the two digits they are worth; then, from the right, every second digit counts twice.
fn luhn(bytes: &[u8]) -> u32 {
    let mut sum = 0;
    let mut twice = true;
    let mut count = |digit: u32| {
        let counted = if twice { digit * 2 } else { digit };
        sum += counted / 10 + counted % 10;
        twice = !twice;
    };
    for byte in bytes.iter().rev() {
        let worth = worth(*byte);
        count(worth % 10);
        if worth >= 10 {
            count(worth / 10);
        }
    }
    to_full_ten(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_isins_are_read() {
        // Apple, Treasury Corporation of Victoria, BAE Systems (the examples of ISO 6166 as Wikipedia gives them),
        // SAP, Nestlé, Toyota, and a Eurobond
        for isin in [
            "US0378331005",
            "AU0000XVGZA3",
            "GB0002634946",
            "DE0007164600",
            "CH0038863350",
            "JP3633400001",
            "XS0203470157",
        ] {
            assert_eq!(Isin::parse(isin).unwrap().as_str(), isin);
        }
    }

    #[test]
    fn a_mistyped_isin_is_refused_with_what_was_expected() {
        let cases = [
            (
                "US0378331006",
                "`US0378331006` is not an ISIN: it ends in check digit `6`, where the rest needs `5`; look for a mistyped character",
            ),
            ("US037833100", "`US037833100` is not an ISIN: it has 11 characters, 12 were expected"),
            (
                "us0378331005",
                "`us0378331005` is not an ISIN: character 1 is `u`, a capital letter of the country was expected",
            ),
            (
                "US03783310é",
                "`US03783310é` is not an ISIN: character 11 is `é`, a capital letter or a digit was expected",
            ),
            ("US037833100X", "`US037833100X` is not an ISIN: character 12 is `X`, the check digit was expected"),
        ];
        for (text, message) in cases {
            assert_eq!(Isin::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn every_single_wrong_digit_is_noticed() {
        for position in 2..12 {
            for digit in b'0'..=b'9' {
                let mut bytes = *b"US0378331005";
                let changed = bytes[position] != digit;
                bytes[position] = digit;
                assert_eq!(Isin::parse(std::str::from_utf8(&bytes).unwrap()).is_err(), changed);
            }
        }
    }
}
