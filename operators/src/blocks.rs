//! `cap_blocks` and `pair_within_blocks`: candidates for a match, found by a key that both sides share.

use serde::{Deserialize, Serialize};

use crate::arrangement::{Arranged, Collection, Data, Key};

/// How many items a block may have on a side, unless said otherwise.
pub const BLOCK_SIDE_MAX: usize = 512;

/// The side of a block on which an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// One side.
    Left,
    /// The other.
    Right,
}

/// A block with too many items on a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CappedBlock<K> {
    /// The key of the block.
    pub key: K,
    /// How many items are on the left.
    pub left: u64,
    /// How many items are on the right.
    pub right: u64,
}

/// Items by block, and the blocks that are too large to be paired.
pub struct Blocks<'scope, K, V>
where
    K: Key,
    V: Data,
{
    /// All items, those of capped blocks too.
    pub items: Arranged<'scope, K, (Side, V)>,
    /// The blocks that are too large.
    pub capped: Collection<'scope, CappedBlock<K>>,
    /// How many items a live block may have on a side.
    pub side_max: usize,
}

/// Groups items into blocks and finds those with more than `side_max` items on a side.
#[allow(clippy::unimplemented)]
pub fn cap_blocks<'scope, K: Key, V: Data>(
    _items: Collection<'scope, (K, (Side, V))>,
    _side_max: usize,
    _name: &str,
) -> Blocks<'scope, K, V> {
    unimplemented!("signature only")
}

impl<'scope, K: Key, V: Data> Blocks<'scope, K, V> {
    /// The items of the blocks that are not capped.
    #[allow(clippy::unimplemented)]
    pub fn live(&self, _name: &str) -> Collection<'scope, (K, (Side, V))> {
        unimplemented!("signature only")
    }
}

/// Pairs each left item of a live block with each right one: `Some` row for each pair that `logic` finds worth it.
#[allow(clippy::unimplemented)]
pub fn pair_within_blocks<'scope, K: Key, V: Data, D: Data>(
    _blocks: &Blocks<'scope, K, V>,
    _name: &str,
    _logic: impl FnMut(&K, &V, &V) -> Option<D> + 'static,
) -> Collection<'scope, D> {
    unimplemented!("signature only")
}
