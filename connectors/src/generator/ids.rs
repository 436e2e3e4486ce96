//! The ids of the records of a day: unique, at most fifteen characters, and drawn from the number of the trade.
//!
//! Each side numbers its own records in the order of the trades, with gaps that differ from side to side, so that the
//! numbers of two sides do not tell which records belong together. Ids that the sides share (execution, order, block)
//! are scrambled: one to one, and in no order.

use model::Symbol;

use super::random::{Random, Stream, mix};

/// How many records one side may make of one trade: its fills, or the trade and its duplicate.
pub(super) const COPIES_MAX: u8 = 8;
/// How many numbers a trade takes in the numbering of a side.
const NUMBERS_A_TRADE: u64 = 32;
/// How far into its numbers the first one may lie. With two numbers a copy, all copies fit.
const GAP_MAX: u64 = 16;

const DIGITS: usize = 11;
/// Scrambled ids have this many characters of five bits.
const SCRAMBLED: usize = 9;
const SCRAMBLED_BITS: u32 = 45;
/// Digits and letters that are not mistaken for one another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What a shared id is for.
#[derive(Clone, Copy)]
pub(super) enum Shared {
    Execution,
    Order,
    Block,
}

/// The id that a side gives to its record of a trade. A copy's id comes after the ids of the copies before it.
pub(super) fn trade_id(seed: u64, side: u8, number: u64, copy: u8) -> Symbol {
    const PREFIXES: [&[u8; 4]; 3] = [b"TRD-", b"BRK-", b"CST-"];
    numbered(PREFIXES[usize::from(side)], own_number(seed, side, number) + 2 * u64::from(copy))
}

/// The id that a side gives to one part of an allocation.
pub(super) fn allocation_id(seed: u64, side: u8, number: u64, part: u8) -> Symbol {
    const PREFIXES: [&[u8; 4]; 3] = [b"TAL-", b"BAL-", b"CAL-"];
    numbered(PREFIXES[usize::from(side)], own_number(seed, side, number) + u64::from(part))
}

fn own_number(seed: u64, side: u8, number: u64) -> u64 {
    number * NUMBERS_A_TRADE + Random::of_trade(seed, number, Stream::Id(side)).below(GAP_MAX)
}

fn numbered(prefix: &[u8; 4], mut number: u64) -> Symbol {
    let mut text = [b'0'; 4 + DIGITS];
    text[..4].copy_from_slice(prefix);
    for digit in text[4..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    debug_assert_eq!(number, 0);
    symbol(&text)
}

/// An id that every side knows the trade by. Only a fill has a `copy` above 0.
pub(super) fn shared_id(seed: u64, shared: Shared, number: u64, copy: u8) -> Symbol {
    let prefix = match shared {
        Shared::Execution => b"EXE-",
        Shared::Order => b"ORD-",
        Shared::Block => b"BLK-",
    };
    let mut text = [0; 4 + SCRAMBLED];
    text[..4].copy_from_slice(prefix);
    text[4..].copy_from_slice(&scrambled(seed, shared, number, copy));
    symbol(&text)
}

/// A unique transaction identifier: the LEI of the party that made it, and twelve characters.
pub(super) fn uti(seed: u64, lei: &str, number: u64) -> String {
    let own = scrambled(seed, Shared::Execution, number, 0);
    let mut text = String::with_capacity(32);
    text.push_str(lei);
    text.push_str("OTC");
    text.extend(own.map(char::from));
    text
}

fn scrambled(seed: u64, shared: Shared, number: u64, copy: u8) -> [u8; SCRAMBLED] {
    const MASK: u64 = (1 << SCRAMBLED_BITS) - 1;
    let mut bits = (number * u64::from(COPIES_MAX) + u64::from(copy)) & MASK;
    // Each step is one to one on 45 bits: an exclusive or, an odd factor, a shift by about half.
    bits ^= Random::new(mix(seed) ^ shared as u64).next() & MASK;
    for factor in [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9_u64] {
        bits = bits.wrapping_mul(factor) & MASK;
        bits ^= bits >> 23;
    }
    std::array::from_fn(|place| ALPHABET[(bits >> (5 * place)) as usize % ALPHABET.len()])
}

fn symbol(text: &[u8]) -> Symbol {
    Symbol::of(std::str::from_utf8(text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_a_copy_comes_after_its_original() {
        let mut seen = HashSet::new();
        for number in (0..2000).chain(999_999_000..1_000_000_000) {
            for copy in 0..COPIES_MAX {
                let id = trade_id(42, 1, number, copy);
                assert!(seen.insert(id) && seen.insert(shared_id(42, Shared::Execution, number, copy)));
                assert!(copy == 0 || id > trade_id(42, 1, number, copy - 1));
                assert!(id < trade_id(42, 1, number + 1, 0));
            }
        }
    }

    #[test]
    fn ids_carry_their_text() {
        let id = shared_id(1, Shared::Block, 3, 0);
        assert!(id.inline_text().unwrap().starts_with("BLK-"), "{id}");
        assert_eq!(trade_id(1, 0, 999_999_999, 7).inline_text().unwrap().len(), 15);
    }
}
