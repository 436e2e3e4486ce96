//! How a text is written before it is compared: what two sources spell differently and mean alike.
//!
//! A normalised text is in capitals, its words separated by single spaces; it may be empty, which means nothing is known.

use serde::{Deserialize, Serialize};

/// Which differences of spelling do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// Only the white space around the text.
    #[default]
    None,
    /// Case, punctuation and white space.
    Words,
    /// Case, spaces and a two-letter market suffix: `vod.ln` and ` VOD ` are both `VOD`.
    Symbol,
    /// Case, punctuation and the legal form at the end: `Acme Corp., Ltd.` is `ACME`.
    Counterparty,
}

impl Normalise {
    /// The text without the differences that do not matter.
    pub fn apply(self, text: &str) -> String {
        match self {
            Normalise::None => text.trim().to_owned(),
            Normalise::Words => words(text),
            Normalise::Symbol => symbol(text),
            Normalise::Counterparty => counterparty(text),
        }
    }
}

/// The words of a text in capitals. Apostrophes and full stops vanish (`O'NEIL`, `S.A.`); other punctuation separates.
pub fn words(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut separated = false;
    for character in text.chars() {
        if character.is_alphanumeric() {
            if separated && !written.is_empty() {
                written.push(' ');
            }
            separated = false;
            push_capital(&mut written, character);
        } else if !matches!(character, '.' | '\'' | '’') {
            separated = true;
        }
    }
    written
}

/// An instrument's symbol in capitals, without spaces and without a market suffix of a dot and two letters.
///
/// A suffix of one letter stays: it is as often a share class (`BRK.B`) as a market.
pub fn symbol(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_whitespace()) {
        push_capital(&mut written, character);
    }
    let suffix_at = written.len().saturating_sub(3);
    let has_suffix = suffix_at > 0
        && matches!(written.as_bytes().get(suffix_at..), Some([b'.', a, b]) if a.is_ascii_alphabetic() && b.is_ascii_alphabetic());
    if has_suffix {
        written.truncate(suffix_at);
    }
    written
}

/// The legal forms that a counterparty's name may end in.
const LEGAL_FORMS: [&str; 16] = [
    "INC",
    "INCORPORATED",
    "CORP",
    "CORPORATION",
    "CO",
    "COMPANY",
    "LTD",
    "LIMITED",
    "LLC",
    "LLP",
    "LP",
    "PLC",
    "AG",
    "SA",
    "NV",
    "GMBH",
];

/// A counterparty's name as [`words`], without the legal forms it ends in. A name of nothing else keeps its first word.
pub fn counterparty(text: &str) -> String {
    let mut name = words(text);
    while let Some((rest, last)) = name.rsplit_once(' ') {
        if !LEGAL_FORMS.contains(&last) {
            break;
        }
        name.truncate(rest.len());
    }
    name
}

fn push_capital(written: &mut String, character: char) {
    if character.is_ascii() {
        written.push(character.to_ascii_uppercase());
    } else {
        written.extend(character.to_uppercase());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn symbols_lose_case_spaces_and_a_two_letter_market() {
        for (text, expected) in [
            ("vod.ln", "VOD"),
            (" brk.b ", "BRK.B"),
            ("ES Z6", "ESZ6"),
            ("AAPL", "AAPL"),
            ("7203.JP", "7203"),
            ("X.12", "X.12"),
            (".US", ".US"),
            ("", ""),
        ] {
            assert_eq!(symbol(text), expected, "{text}");
        }
    }

    #[test]
    fn counterparties_lose_punctuation_and_legal_forms() {
        for (text, expected) in [
            ("Acme Corp., Ltd.", "ACME"),
            ("J.P. Morgan Securities LLC", "JP MORGAN SECURITIES"),
            ("Société Générale S.A.", "SOCIÉTÉ GÉNÉRALE"),
            ("Brown-Brothers & Co", "BROWN BROTHERS"),
            ("Co-op Bank plc", "CO OP BANK"),
            ("Limited", "LIMITED"),
            ("  ", ""),
        ] {
            assert_eq!(counterparty(text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_capitals_with_single_spaces() {
        assert_eq!(words("  o'Neil,  mary-ann (ii) "), "ONEIL MARY ANN II");
        assert_eq!(words("straße"), "STRASSE");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "[ -~àéß’]{0,40}") {
            for normalise in [Normalise::None, Normalise::Words, Normalise::Counterparty] {
                let once = normalise.apply(&text);
                prop_assert_eq!(normalise.apply(&once), once);
            }
        }
    }
}
