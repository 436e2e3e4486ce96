//! `Dictionary`: the texts of symbols that are too long to carry their own.
//!
//! Shared by every thread of a process: clones see the same texts. It only answers "how is this symbol written";
//! no dataflow may depend on what it holds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::RwLock;

use crate::Symbol;

/// How many locks the texts are spread over, so that decoding threads seldom meet.
const SHARDS: usize = 64;

type Texts = HashMap<Symbol, Arc<str>, BuildHasherDefault<FirstBytes>>;

/// The texts of long symbols. Cloning shares them.
#[derive(Clone)]
pub struct Dictionary {
    shards: Arc<[RwLock<Shard>; SHARDS]>,
}

/// The texts under one lock, and who is told of new ones.
#[derive(Default)]
struct Shard {
    texts: Texts,
    followers: Vec<Sender<Arc<str>>>,
}

impl Dictionary {
    /// A dictionary that holds nothing yet.
    pub fn new() -> Dictionary {
        Dictionary { shards: Arc::new(std::array::from_fn(|_| RwLock::new(Shard::default()))) }
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
        if shard.read().texts.contains_key(&symbol) {
            return;
        }
        let Shard { texts, followers } = &mut *shard.write();
        texts.entry(symbol).or_insert_with(|| {
            let text: Arc<str> = Arc::from(text);
            // Under the lock: whoever finds the text here knows that every follower has it too.
            followers.retain(|follower| follower.send(Arc::clone(&text)).is_ok());
            text
        });
    }

    /// Every long text that is kept, and from then on each new one, as soon as it is kept. What is not taken waits without
    /// bound.
    pub fn follow(&self) -> Receiver<Arc<str>> {
        let (follower, texts) = channel();
        for shard in self.shards.iter() {
            let mut shard = shard.write();
            // The receiver is at hand, so nothing is refused.
            shard.texts.values().for_each(|text| drop(follower.send(Arc::clone(text))));
            shard.followers.push(follower.clone());
        }
        texts
    }

    /// How a symbol is written; `None` for [`Symbol::NONE`] and for a long text that was never interned.
    pub fn text(&self, symbol: Symbol) -> Option<Arc<str>> {
        if symbol.is_none() {
            return None;
        }
        match symbol.inline_text() {
            Some(text) => Some(Arc::from(text)),
            None => self.shard(symbol).read().texts.get(&symbol).cloned(),
        }
    }

    /// Every long text that is kept, in the order of symbols: what has to be stored to read the symbols again later.
    pub fn entries(&self) -> Vec<(Symbol, Arc<str>)> {
        let mut entries: Vec<(Symbol, Arc<str>)> = Vec::new();
        for shard in self.shards.iter() {
            entries.extend(shard.read().texts.iter().map(|(symbol, text)| (*symbol, Arc::clone(text))));
        }
        entries.sort_unstable_by_key(|(symbol, _)| *symbol);
        entries
    }

    /// How many long texts are kept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().texts.len()).sum()
    }

    /// True when no long text is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, symbol: Symbol) -> &RwLock<Shard> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "5493001KJTIIGC8Y1R12";

    #[test]
    fn only_long_texts_are_kept() {
        let dictionary = Dictionary::new();
        assert_eq!(dictionary.intern("AAPL"), Symbol::of("AAPL"));
        assert!(dictionary.is_empty());
        assert_eq!(dictionary.intern(LONG), Symbol::of(LONG));
        dictionary.intern(LONG);
        assert_eq!(dictionary.len(), 1);
        assert_eq!(dictionary.entries(), [(Symbol::of(LONG), Arc::from(LONG))]);
    }

    #[test]
    fn texts_are_read_back_by_every_clone() {
        let dictionary = Dictionary::new();
        let elsewhere = dictionary.clone();
        dictionary.intern(LONG);
        assert_eq!(elsewhere.text(Symbol::of(LONG)).as_deref(), Some(LONG));
        assert_eq!(elsewhere.text(Symbol::of("AAPL")).as_deref(), Some("AAPL"));
    }

    #[test]
    fn what_was_never_said_has_no_text() {
        assert_eq!(Dictionary::new().text(Symbol::of(LONG)), None);
        assert_eq!(Dictionary::new().text(Symbol::NONE), None);
    }

    #[test]
    fn a_follower_is_told_each_long_text_once_also_those_from_before() {
        let dictionary = Dictionary::new();
        dictionary.intern("the first long text");
        let texts = dictionary.follow();
        for text in ["short", "the second long text", "the first long text", "the second long text"] {
            dictionary.intern(text);
        }
        let told: Vec<Arc<str>> = texts.try_iter().collect();
        assert_eq!(told, [Arc::from("the first long text"), Arc::from("the second long text")]);
    }

    #[test]
    fn many_threads_agree() {
        let dictionary = Dictionary::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..1000 {
                        dictionary.intern(&format!("a long identifier {number}"));
                    }
                });
            }
        });
        assert_eq!(dictionary.len(), 1000);
        for number in 0..1000 {
            let text = format!("a long identifier {number}");
            assert_eq!(dictionary.text(Symbol::of(&text)).as_deref(), Some(text.as_str()));
        }
    }
}
