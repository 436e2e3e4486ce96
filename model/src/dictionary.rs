//! `Dictionary`: the texts of symbols that are too long to carry their own.
//!
//! Shared by every thread of a process: clones see the same texts. It only answers "how is this symbol written";
//! no dataflow may depend on what it holds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::Symbol;

/// How many locks the texts are spread over, so that decoding threads seldom meet.
const SHARDS: usize = 64;

type Texts = HashMap<Symbol, Arc<str>, BuildHasherDefault<FirstBytes>>;

/// The texts of long symbols. Cloning shares them.
#[derive(Clone)]
pub struct Dictionary {
    shards: Arc<[RwLock<Texts>; SHARDS]>,
}

impl Dictionary {
    /// A dictionary that holds nothing yet.
    pub fn new() -> Dictionary {
        Dictionary { shards: Arc::new(std::array::from_fn(|_| RwLock::new(Texts::default()))) }
    }

    /// The symbol of a text, keeping the text if the symbol cannot carry it.
    #[inline]
    pub fn intern(&self, text: &str) -> Symbol {
        let symbol = Symbol::of(text);
        if symbol.inline_text().is_none() {
            self.keep(symbol, text);
        }
        symbol
    }

    fn keep(&self, symbol: Symbol, text: &str) {
        let shard = self.shard(symbol);
        if shard.read().contains_key(&symbol) {
            return;
        }
        shard.write().entry(symbol).or_insert_with(|| Arc::from(text));
    }

    /// How a symbol is written; `None` for [`Symbol::NONE`] and for a long text that was never interned.
    pub fn text(&self, symbol: Symbol) -> Option<Arc<str>> {
        if symbol.is_none() {
            return None;
        }
        match symbol.inline_text() {
            Some(text) => Some(Arc::from(text)),
            None => self.shard(symbol).read().get(&symbol).cloned(),
        }
    }

    /// How many long texts are kept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// True when no long text is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, symbol: Symbol) -> &RwLock<Texts> {
        &self.shards[usize::from(symbol.bytes()[14]) % SHARDS]
    }
}

impl Default for Dictionary {
    fn default() -> Dictionary {
        Dictionary::new()
    }
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dictionary").field("len", &self.len()).finish()
    }
}

/// The symbols kept here are hashes already, so their first bytes serve as the hash.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
