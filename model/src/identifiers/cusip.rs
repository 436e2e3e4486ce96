//! CUSIP (ANSI X9.6): six characters of the issuer, two of the issue, a check digit.

use super::check::{Candidate, IdentifierError, double_add_double, is_capital_or_digit, is_digit};
use super::identifier;

identifier! {
    /// A CUSIP number, such as `037833100`.
    Cusip, 9, "a CUSIP", check
}

fn check(candidate: Candidate<'_>, bytes: &[u8; 9]) -> Result<(), IdentifierError> {
    let allowed = |byte| is_capital_or_digit(byte) || b"*@#".contains(&byte);
    candidate.all(0..8, "a capital letter, a digit, `*`, `@` or `#`", allowed)?;
    candidate.all(8..9, "the check digit", is_digit)?;
    candidate.check_digit(double_add_double(&bytes[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_cusips_are_read() {
        // Apple, Cisco, Google, Microsoft, Oracle: characters 3 to 11 of their ISINs
        for cusip in ["037833100", "17275R102", "38259P508", "594918104", "68389X105"] {
            assert_eq!(Cusip::parse(cusip).unwrap().as_str(), cusip);
        }
    }

    #[test]
    fn what_is_no_cusip_is_refused_with_what_was_expected() {
        let cases = [
            ("037833101", "check digit `1`, where the rest needs `0`"),
            ("68389X106", "check digit `6`, where the rest needs `5`"),
            ("68389x105", "character 6 is `x`, a capital letter, a digit, `*`, `@` or `#` was expected"),
            ("0378331005", "10 characters, 9 were expected"),
        ];
        for (text, part) in cases {
            let message = Cusip::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
