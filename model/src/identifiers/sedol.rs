//! SEDOL (London Stock Exchange): six consonants or digits and a check digit.

use super::check::{Candidate, IdentifierError, is_consonant_or_digit, is_digit, to_full_ten, worth};
use super::identifier;

const WEIGHTS: [u32; 6] = [1, 3, 1, 7, 3, 9];

identifier! {
    /// A Stock Exchange Daily Official List number, such as `0263494`.
    Sedol, 7, "a SEDOL", check
}

fn check(candidate: Candidate<'_>, bytes: &[u8; 7]) -> Result<(), IdentifierError> {
    candidate.all(0..6, "a digit or a capital consonant", is_consonant_or_digit)?;
    candidate.all(6..7, "the check digit", is_digit)?;
    let weighted = bytes.iter().zip(WEIGHTS).map(|(byte, weight)| worth(*byte) * weight);
    candidate.check_digit(to_full_ten(weighted.sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sedols_are_read() {
        // BAE Systems (inside GB0002634946); the examples of rosettacode.org/wiki/SEDOLs
        for sedol in [
            "0263494", "7108899", "B0YBKJ7", "4065663", "B0YBLH2", "2282765", "B0YBKL9", "5579107", "B0YBKR5",
            "5852842", "B0YBKT7", "B000300",
        ] {
            assert_eq!(Sedol::parse(sedol).unwrap().as_str(), sedol);
        }
    }

    #[test]
    fn a_mistyped_sedol_is_refused_with_what_was_expected() {
        let cases = [
            ("B0YBKJ8", "check digit `8`, where the rest needs `7`"),
            ("BOYBKJ7", "character 2 is `O`, a digit or a capital consonant was expected"),
            ("B0YBKJ", "it has 6 characters, 7 were expected"),
        ];
        for (text, part) in cases {
            let message = Sedol::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
