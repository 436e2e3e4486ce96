//! `cap_blocks` and `pair_within_blocks`: candidate pairs, found by a key that the two of them share.
//!
//! ```text
//!  (key, (side, item)) ──▶ items by key ──┬──▶ capped blocks
//!                                         ├──▶ items of live blocks
//!                                         └──▶ pairs within live blocks
//! ```
//! Input      `(key, (side, item))`: all items with one key are a block.
//! Output     [`cap_blocks`]: the blocks with more than `side_max` items on a side, with both counts; such a block gives
//!            no pairs. [`pair_within_blocks`]: what a pure function gives for a left and a right item of a live block.
//! Update     of a live block O(block), at most `side_max` items a side; of a block that is and stays capped O(1).
//!            A block that crosses the cap gives or takes back all its pairs.
//! Order      independent of arrival order.
//! Bounds     every item is held once, in the arrangement that all three read; the pairs are held nowhere.
//!
//! # Example
//! ```
//! use operators::{blocks::{Side, cap_blocks, pair_within_blocks}, testing};
//! let outputs = testing::run(
//!     vec![
//!         vec![((*b"ES", (Side::Left, 10)), 1), ((*b"ES", (Side::Right, 11)), 1), ((*b"NQ", (Side::Right, 10)), 1)],
//!         vec![((*b"ES", (Side::Left, 12)), 1)], // one too many
//!     ],
//!     |input| {
//!         let blocks = cap_blocks(input, 1, "by product");
//!         pair_within_blocks(&blocks, "pairs", |_key, left, right| Some(right - left))
//!     },
//! );
//! assert_eq!(outputs, vec![vec![(1, 1)], vec![(1, -1)]]);
//! ```

use std::collections::HashMap;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::trace::TraceReader;
use serde::{Deserialize, Serialize};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

use crate::arrangement::{Arranged, Collection, Data, Key, Tick, arrange, compact};
use crate::group::{Group, History, visit_batch};

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
pub struct Blocks<'scope, K: Key, V: Data> {
    /// All items, those of capped blocks too.
    pub items: Arranged<'scope, K, (Side, V)>,
    /// The blocks that are too large.
    pub capped: Collection<'scope, CappedBlock<K>>,
    /// How many items a live block may have on a side.
    pub side_max: usize,
}

/// Groups items into blocks, and finds those with more than `side_max` items on a side.
pub fn cap_blocks<'scope, K: Key, V: Data>(
    items: Collection<'scope, (K, (Side, V))>,
    side_max: usize,
    name: &str,
) -> Blocks<'scope, K, V> {
    let items = arrange(items, name);
    let capped = follow(&items, side_max, "capped blocks", |key, turn, out| {
        let row = |sizes: Sizes| CappedBlock { key: key.clone(), left: sizes.0[0] as u64, right: sizes.0[1] as u64 };
        if let Block::Capped(sizes) = turn.before {
            out.push((row(sizes), -1));
        }
        if let Block::Capped(sizes) = turn.after {
            out.push((row(sizes), 1));
        }
    });
    Blocks { items, capped, side_max }
}

impl<'scope, K: Key, V: Data> Blocks<'scope, K, V> {
    /// The items of the blocks that are not capped.
    pub fn live(&self, name: &str) -> Collection<'scope, (K, (Side, V))> {
        follow(&self.items, self.side_max, name, |key, turn, out| {
            let row = |item: &(Side, V)| (key.clone(), item.clone());
            match (turn.before, turn.after) {
                (Block::Live(_), Block::Live(_)) => out.extend(turn.changes.iter().map(|(item, diff)| (row(item), *diff))),
                (Block::Live(items), _) => out.extend(items.iter().map(|(item, count)| (row(item), -count))),
                (_, Block::Live(items)) => out.extend(items.iter().map(|(item, count)| (row(item), *count))),
                (Block::Capped(_), Block::Capped(_)) => {}
            }
        })
    }
}

/// Pairs each left item of a live block with each right one: a row for each pair that `logic` finds worth one.
pub fn pair_within_blocks<'scope, K: Key, V: Data, D: Data>(
    blocks: &Blocks<'scope, K, V>,
    name: &str,
    mut logic: impl FnMut(&K, &V, &V) -> Option<D> + 'static,
) -> Collection<'scope, D> {
    follow(&blocks.items, blocks.side_max, name, move |key, turn, out| {
        let mut pair = |lefts: Items<'_, V>, rights: Items<'_, V>, sign: isize| {
            for ((_, left), left_count) in lefts {
                for ((_, right), right_count) in rights {
                    out.extend(logic(key, left, right).map(|row| (row, sign * left_count * right_count)));
                }
            }
        };
        match (turn.before, turn.after) {
            (Block::Live(before), Block::Live(after)) => {
                pair(lefts(turn.changes), rights(after), 1);
                pair(lefts(before), rights(turn.changes), 1);
            }
            (Block::Live(before), _) => pair(lefts(before), rights(before), -1),
            (_, Block::Live(after)) => pair(lefts(after), rights(after), 1),
            (Block::Capped(_), Block::Capped(_)) => {}
        }
    })
}

/// Items in order, so the left ones first, with their counts.
type Items<'a, V> = Group<'a, 'a, (Side, V), isize>;

fn lefts<'a, V>(items: Items<'a, V>) -> Items<'a, V> {
    &items[..items.partition_point(|(item, _)| item.0 == Side::Left)]
}

fn rights<'a, V>(items: Items<'a, V>) -> Items<'a, V> {
    &items[items.partition_point(|(item, _)| item.0 == Side::Left)..]
}

/// What a block is at one moment. A capped block is known by its sizes alone.
#[derive(Clone, Copy)]
enum Block<'a, V> {
    Live(Items<'a, V>),
    Capped(Sizes),
}

/// What happens to one block at one tick.
struct Turn<'a, V> {
    before: Block<'a, V>,
    changes: Items<'a, V>,
    after: Block<'a, V>,
}

/// How many items a block has on the left and on the right.
#[derive(Clone, Copy, Default)]
struct Sizes([isize; 2]);

impl Sizes {
    fn of<V>(items: Items<'_, V>) -> Self {
        Sizes::default().plus(items)
    }

    fn plus<V>(mut self, items: Items<'_, V>) -> Self {
        items.iter().for_each(|(item, count)| self.0[item.0 as usize] += count);
        self
    }

    fn exceed(&self, side_max: usize) -> bool {
        self.0.iter().any(|size| *size > side_max as isize)
    }
}

/// Follows each block from tick to tick. The items of a block that stays capped are not read.
fn follow<'scope, K: Key, V: Data, D: Data>(
    items: &Arranged<'scope, K, (Side, V)>,
    side_max: usize,
    name: &str,
    mut step: impl FnMut(&K, Turn<'_, V>, &mut Vec<(D, isize)>) + 'static,
) -> Collection<'scope, D> {
    let mut trace = items.trace.clone();
    let stream = items.stream.clone();
    stream
        .unary_frontier(Pipeline, name, move |_capability, _info| {
            let mut capped: HashMap<K, Sizes> = HashMap::new();
            let mut rows = Vec::new();
            move |(input, frontier), output| {
                input.for_each(|capability, batches| {
                    let mut session = output.session(&capability);
                    for batch in batches.drain(..) {
                        let (mut cursor, storage) = trace.cursor();
                        let (mut contents, mut before) = (History::new(), Vec::new());
                        visit_batch(&batch, 0..Tick::MAX, |key, changed, ticks| {
                            let mut read = false;
                            for tick in ticks {
                                let changes = changed.changes_at(*tick);
                                let was_capped = capped.get(key).copied();
                                let stays_capped = was_capped.is_some_and(|sizes| sizes.plus(changes).exceed(side_max));
                                if !stays_capped && !read {
                                    contents.seek(&mut cursor, &storage, key);
                                    read = true;
                                }
                                before.clear();
                                if was_capped.is_none() {
                                    before.extend_from_slice(contents.before(*tick));
                                }
                                let sizes = was_capped.unwrap_or_else(|| Sizes::of(&before)).plus(changes);
                                let after = if sizes.exceed(side_max) {
                                    capped.insert(key.clone(), sizes);
                                    Block::Capped(sizes)
                                } else {
                                    capped.remove(key);
                                    Block::Live(contents.at(*tick))
                                };
                                let before = was_capped.map_or(Block::Live(&before), Block::Capped);
                                step(key, Turn { before, changes, after }, &mut rows);
                                consolidate(&mut rows);
                                session.give_iterator(rows.drain(..).map(|(row, diff)| (row, *tick, diff)));
                            }
                        });
                    }
                });
                compact(&mut trace, frontier.frontier());
            }
        })
        .as_collection()
}
