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

/// Inline text as it is; a longer text as `#` and the hexadecimal bytes. The two never look alike: the latter has 33 characters.
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
