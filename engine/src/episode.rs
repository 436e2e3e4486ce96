//! Episodes: what follows from no later state, so that a snapshot keeps it and gives it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use operators::episodes::Episode;
use operators::{Arranged, Collection, arrange};

use crate::row::{Cell, Key, Texts};

/// The cells of a row by the names of their columns: what one version has written is read by later ones, whose view may have
/// other columns.
pub type Named = BTreeMap<Arc<str>, Cell>;

/// An episode as it is kept, with the key that it is of.
pub type Remembered = (Key, Episode<Named>);

/// Indexes episodes, each under a key of its own: what it is of, and when it began.
pub fn arrange_episodes<'scope>(
    episodes: Collection<'scope, Remembered>,
    name: &str,
) -> Arranged<'scope, Key, Remembered> {
    arrange(episodes.map(|(key, episode)| (Key::of(&(key, episode.first)), (key, episode))), name)
}

/// The texts of the symbols in a worst row. Nothing else may name them any more when it is given back.
pub(crate) fn texts_of(worst: &Named, texts: &dyn Texts) -> Vec<Arc<str>> {
    let symbols = worst.values().filter_map(|cell| if let Cell::Symbol(symbol) = cell { Some(*symbol) } else { None });
    symbols.filter_map(|symbol| texts.text(symbol)).collect()
}
