//! The dictionary, as the engine sees it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use engine::Texts;
use model::{Dictionary, Symbol};

/// The texts of symbols.
pub(crate) struct SymbolTexts(pub(crate) Dictionary);

impl Texts for SymbolTexts {
    fn text(&self, symbol: [u8; 16]) -> Option<Arc<str>> {
        self.0.text(Symbol::from_bytes(symbol))
    }

    fn follow(&self) -> Receiver<Arc<str>> {
        self.0.follow()
    }

    fn keep(&self, text: &str) {
        self.0.intern(text);
    }
}
