//! UTI (ISO 23897): the LEI of the party that made it, and up to 32 characters of its own. There is no check digit
//! beyond those of the LEI.

use super::check::{Candidate, IdentifierError, is_capital_or_digit};
use super::{lei, shown_as_text};

const LENGTH_MAX: usize = 52;
const LENGTHS: &str = "21 to 52";

/// A Unique Transaction Identifier. Identifiers older than ISO 23897 (2020) may have other forms, and are no UTI here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uti {
    bytes: [u8; LENGTH_MAX],
    length: u8,
}

impl Uti {
    /// Reads and checks one, exactly as the standard writes it: capitals, no blanks.
    pub fn parse(text: &str) -> Result<Uti, IdentifierError> {
        let candidate = Candidate { text, standard: "a UTI" };
        if !(21..=LENGTH_MAX).contains(&text.len()) {
            return Err(candidate.wrong_length(LENGTHS));
        }
        candidate.all(0..text.len(), "a capital letter or a digit", is_capital_or_digit)?;
        let maker = Candidate { text: &text[..20], standard: "the LEI at the start of a UTI" };
        lei::check(maker, &maker.exactly::<20>("20")?)?;
        let mut bytes = [0; LENGTH_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Uti { bytes, length: text.len() as u8 })
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

shown_as_text!(Uti);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_lei_with_characters_of_its_own_is_a_uti() {
        for own in ["1", "0000452A", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"] {
            let text = format!("5493001KJTIIGC8Y1R12{own}");
            assert_eq!(Uti::parse(&text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_uti_is_refused_with_what_was_expected() {
        let cases = [
            ("5493001KJTIIGC8Y1R12", "20 characters, 21 to 52 were expected"),
            ("5493001KJTIIGC8Y1R12ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456", "53 characters, 21 to 52 were expected"),
            ("5493001KJTIIGC8Y1R99A", "the LEI at the start of a UTI: it ends in check digit `99`"),
            ("5493001KJTIIGC8Y1R12a", "character 21 is `a`, a capital letter or a digit was expected"),
            ("5493001KJTIIGC8Y1R1éA", "character 20 is `é`, a capital letter or a digit was expected"),
        ];
        for (text, part) in cases {
            let message = Uti::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
