//! FIGI (ANSI X9.145): two consonants of the issuer, `G`, eight consonants or digits, a check digit.

use super::check::{Candidate, IdentifierError, double_add_double, is_consonant_or_digit, is_digit};
use super::identifier;

/// Starts that would make a FIGI look like the ISIN of a country.
const RESERVED: [&[u8]; 7] = [b"BS", b"BM", b"GG", b"GB", b"GH", b"KY", b"VG"];

identifier! {
    /// A Financial Instrument Global Identifier, such as `BBG000BLNNH6`.
    Figi, 12, "a FIGI", check
}

fn check(candidate: Candidate<'_>, bytes: &[u8; 12]) -> Result<(), IdentifierError> {
    candidate.all(0..2, "a capital consonant", |byte| is_consonant_or_digit(byte) && !is_digit(byte))?;
    candidate.all(2..3, "`G`", |byte| byte == b'G')?;
    candidate.all(3..11, "a digit or a capital consonant", is_consonant_or_digit)?;
    candidate.all(11..12, "the check digit", is_digit)?;
    if RESERVED.contains(&&bytes[..2]) {
        return Err(
            candidate.unknown("no FIGI starts with the letters of a country that ISINs start with; is it an ISIN?")
        );
    }
    candidate.check_digit(double_add_double(&bytes[..11]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_figis_are_read() {
        // IBM (the example of the standard), Apple, Microsoft, Amazon (openfigi.com)
        for figi in ["BBG000BLNNH6", "BBG000B9XRY4", "BBG000BPH459", "BBG000BVPV84"] {
            assert_eq!(Figi::parse(figi).unwrap().as_str(), figi);
        }
    }

    #[test]
    fn what_is_no_figi_is_refused_with_what_was_expected() {
        let cases = [
            ("BBG000BLNNH7", "check digit `7`, where the rest needs `6`"),
            ("BBX000BLNNH6", "character 3 is `X`, `G` was expected"),
            ("BAG000BLNNH6", "character 2 is `A`, a capital consonant was expected"),
            ("GBG000BLNNH6", "is it an ISIN?"),
        ];
        for (text, part) in cases {
            let message = Figi::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
