//! MIC (ISO 10383): four characters of a market. Its form is checked, not that the market exists: markets come and go.

use super::check::{Candidate, IdentifierError, is_capital_or_digit};
use super::identifier;

identifier! {
    /// A Market Identifier Code, such as `XNYS`.
    Mic, 4, "a MIC", check
}

fn check(candidate: Candidate<'_>, _bytes: &[u8; 4]) -> Result<(), IdentifierError> {
    candidate.all(0..4, "a capital letter or a digit", is_capital_or_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn market_codes_are_read() {
        // New York, Xetra, Euronext Paris, 360T, off-exchange (ISO 10383 list)
        for mic in ["XNYS", "XETR", "XPAR", "360T", "XOFF"] {
            assert_eq!(Mic::parse(mic).unwrap().as_str(), mic);
        }
    }

    #[test]
    fn what_is_no_market_code_is_refused_with_what_was_expected() {
        for (text, part) in
            [("NYSE ", "5 characters, 4 were expected"), ("xnys", "character 1 is `x`"), ("XN-S", "character 3 is `-`")]
        {
            let message = Mic::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
