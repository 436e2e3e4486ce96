//! `Symbol`: a text as sixteen bytes, the same on every worker, replay and version.
//!
//! ```text
//!  ""                      all zero                              Symbol::NONE
//!  up to 15 bytes of text  the text, zero padded    │ length     readable without a dictionary
//!  longer                  BLAKE3(text), 15 bytes   │ 1xxxxxxx   readable through a `Dictionary`
//! ```
//! Symbols compare as bytes, so inline ones sort as their texts do.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest text, in bytes, that a symbol carries inside itself.
const INLINE_BYTES_MAX: usize = 15;
/// Set in the last byte of a symbol that stands for a longer text.
const HASHED: u8 = 0x80;

/// A text as sixteen bytes: inline when it is short, a hash when it is long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Symbol([u8; 16]);

impl Symbol {
    /// No text: the symbol of the empty string.
    pub const NONE: Symbol = Symbol([0; 16]);

    /// The symbol of a text. Long texts are only readable again if a [`Dictionary`](crate::Dictionary) interned them.
    #[inline]
    pub fn of(text: &str) -> Symbol {
        let source = text.as_bytes();
        if source.len() > INLINE_BYTES_MAX {
            return Symbol::hashed(source);
        }
        let mut bytes = [0; 16];
        bytes[..source.len()].copy_from_slice(source);
        bytes[INLINE_BYTES_MAX] = source.len() as u8;
        Symbol(bytes)
    }

    /// A symbol for several things together, each of a fixed number of bytes. It stands for no text.
    pub fn of_parts(parts: &[&[u8]]) -> Symbol {
        Symbol::hashed(&parts.concat())
    }

    #[inline(never)]
    fn hashed(source: &[u8]) -> Symbol {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&blake3::hash(source).as_bytes()[..16]);
        bytes[INLINE_BYTES_MAX] |= HASHED;
        Symbol(bytes)
    }

    /// The symbol with these bytes, as [`Symbol::bytes`] gave them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Symbol {
        Symbol(bytes)
    }

    /// The sixteen bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// True for the symbol of the empty text.
    #[inline]
    pub fn is_none(self) -> bool {
        self == Symbol::NONE
    }

    /// The text when the symbol carries it (`""` for [`Symbol::NONE`]); `None` when it stands for a longer one.
    #[inline]
    pub fn inline_text(&self) -> Option<&str> {
        let length = usize::from(self.0[INLINE_BYTES_MAX]);
        self.0[..INLINE_BYTES_MAX].get(..length).and_then(|text| std::str::from_utf8(text).ok())
    }
}

/// Inline text as it is; a longer text as `#` and its 32 hexadecimal digits, which no inline text has room for.
impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inline_text() {
            Some(text) => f.pad(text),
            None => {
                f.write_str("#")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A single 128-bit integer where machines read, the displayed text where people do.
impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u128(u128::from_be_bytes(self.0))
        }
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Symbol, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            Ok(hash_from_display(&text).unwrap_or_else(|| Symbol::of(&text)))
        } else {
            u128::deserialize(deserializer).map(|bytes| Symbol(bytes.to_be_bytes()))
        }
    }
}

/// Reads `#` and 32 hexadecimal digits back into the symbol of a long text.
fn hash_from_display(text: &str) -> Option<Symbol> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 32)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let bytes = u128::from_str_radix(digits, 16).ok()?.to_be_bytes();
    (bytes[INLINE_BYTES_MAX] & HASHED != 0).then_some(Symbol(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_texts_are_inline_and_long_ones_are_not() {
        assert_eq!(Symbol::of("US0378331005").inline_text(), Some("US0378331005"));
        assert_eq!(Symbol::of("fifteen bytes!!").inline_text(), Some("fifteen bytes!!"));
        assert_eq!(Symbol::of("sixteen bytes!!!").inline_text(), None);
        assert_eq!(Symbol::of("").inline_text(), Some(""));
        assert!(Symbol::of("").is_none());
        assert!(!Symbol::of(" ").is_none());
    }

    #[test]
    fn the_bytes_of_a_symbol_never_change_between_versions() {
        assert_eq!(&Symbol::of("AAPL").bytes(), b"AAPL\0\0\0\0\0\0\0\0\0\0\0\x04");
        // BLAKE3's published test vector for the 64 bytes 0, 1, .. 63 starts 4eed7141ea4a5cd4b788606bd23f46e2.
        let text: String = (0..64u8).map(char::from).collect();
        assert_eq!(Symbol::of(&text).bytes(), 0x4eed_7141_ea4a_5cd4_b788_606b_d23f_46e2_u128.to_be_bytes());
        // That one has the top bit of its last byte set by itself; the one for 63 bytes ends in 98 too, for 65 in aa.
        assert!(Symbol::of(&text[..63]).bytes()[15] >= HASHED);
    }

    #[test]
    fn texts_that_differ_in_padding_are_different_symbols() {
        assert_ne!(Symbol::of("A"), Symbol::of("A\0"));
        assert_ne!(Symbol::of("\0"), Symbol::NONE);
    }

    #[test]
    fn people_see_the_text_or_the_hash() {
        assert_eq!(format!("{:?}", Symbol::of("AAPL")), "AAPL");
        let long = Symbol::of("a text of more than fifteen bytes");
        assert_eq!(format!("{long:?}").len(), 33);
        assert!(format!("{long:?}").starts_with('#'));
    }

    #[test]
    fn bytes_that_no_text_gave_do_not_break_anything() {
        for last in 0..=255 {
            let mut bytes = [0xff; 16];
            bytes[15] = last;
            let symbol = Symbol::from_bytes(bytes);
            assert_eq!(symbol.inline_text().is_some(), last == 0);
            assert!(!symbol.to_string().is_empty() || last == 0);
        }
    }

    proptest! {
        #[test]
        fn a_short_text_is_read_back(text in "\\PC{0,15}") {
            let symbol = Symbol::of(&text);
            let expected = (text.len() <= INLINE_BYTES_MAX).then_some(text.as_str());
            prop_assert_eq!(symbol.inline_text(), expected);
        }

        #[test]
        fn equal_texts_and_only_those_are_equal_symbols(a in ".{0,40}", b in ".{0,40}") {
            prop_assert_eq!(Symbol::of(&a), Symbol::of(&a.clone()));
            prop_assert_eq!(a == b, Symbol::of(&a) == Symbol::of(&b));
        }

        #[test]
        fn inline_symbols_sort_as_their_texts(a in "[ -~]{0,15}", b in "[ -~]{0,15}") {
            prop_assert_eq!(a.cmp(&b), Symbol::of(&a).cmp(&Symbol::of(&b)));
        }

        #[test]
        fn a_symbol_survives_machines_and_people(text in ".{0,40}") {
            let symbol = Symbol::of(&text);
            let bytes = bincode::serialize(&symbol).unwrap();
            prop_assert_eq!(bytes.len(), 16);
            prop_assert_eq!(bincode::deserialize::<Symbol>(&bytes).unwrap(), symbol);
            let json = serde_json::to_string(&symbol).unwrap();
            prop_assert_eq!(serde_json::from_str::<Symbol>(&json).unwrap(), symbol);
        }
    }
}
