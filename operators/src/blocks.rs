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
                (Block::Live(_), Block::Live(_)) => {
                    out.extend(turn.changes.iter().map(|(item, diff)| (row(item), *diff)))
                }
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

/// Follows each block from tick to tick.
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
            let mut capped = Capped { sizes: HashMap::new(), side_max };
            let mut rows = Vec::new();
            move |(input, frontier), output| {
                input.for_each(|capability, batches| {
                    let mut session = output.session(&capability);
                    for batch in batches.drain(..) {
                        let (mut cursor, storage) = trace.cursor();
                        let mut contents = History::new();
                        visit_batch(&batch, 0..Tick::MAX, |key, changed, ticks| {
                            if !capped.throughout(key, changed, ticks) {
                                contents.seek(&mut cursor, &storage, key);
                            }
                            for tick in ticks {
                                let changes = changed.changes_at(*tick);
                                capped.turn(key, changes, *tick, &mut contents, |turn| step(key, turn, &mut rows));
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

/// The sizes of the blocks that are capped.
struct Capped<K> {
    sizes: HashMap<K, Sizes>,
    side_max: usize,
}

impl<K: Key> Capped<K> {
    /// Whether a block is capped and stays so at all these ticks: then its items need not be read.
    fn throughout<V: Data>(&self, key: &K, changed: &mut History<'_, (Side, V), isize>, ticks: &[Tick]) -> bool {
        let Some(sizes) = self.sizes.get(key) else { return false };
        let mut sizes = *sizes;
        ticks.iter().all(|tick| {
            sizes = sizes.plus(changed.changes_at(*tick));
            sizes.exceed(self.side_max)
        })
    }

    /// Takes one block through one tick. `contents` are its items, needed unless it stays capped.
    fn turn<V: Data>(
        &mut self,
        key: &K,
        changes: Items<'_, V>,
        tick: Tick,
        contents: &mut History<'_, (Side, V), isize>,
        step: impl FnOnce(Turn<'_, V>),
    ) {
        let was_capped = self.sizes.get(key).copied();
        let items = if was_capped.is_none() { contents.before(tick).to_vec() } else { Vec::new() };
        let before = was_capped.map_or(Block::Live(&items), Block::Capped);
        let sizes = was_capped.unwrap_or_else(|| Sizes::of(&items)).plus(changes);
        if sizes.exceed(self.side_max) {
            self.sizes.insert(key.clone(), sizes);
            step(Turn { before, changes, after: Block::Capped(sizes) });
        } else {
            self.sizes.remove(key);
            step(Turn { before, changes, after: Block::Live(contents.at(tick)) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::churn;
    use crate::group::cost;
    use crate::testing::{Changes, assert_incremental, run};

    type Item = (u8, (Side, u8));

    fn pair(_key: &u8, left: &u8, right: &u8) -> Option<(u8, u8)> {
        (left + right < 6).then_some((*left, *right))
    }

    fn capped<'s>(items: Collection<'s, Item>) -> Collection<'s, CappedBlock<u8>> {
        cap_blocks(items, 3, "blocks").capped
    }

    fn live<'s>(items: Collection<'s, Item>) -> Collection<'s, Item> {
        cap_blocks(items, 3, "blocks").live("live")
    }

    fn pairs<'s>(items: Collection<'s, Item>) -> Collection<'s, (u8, u8)> {
        pair_within_blocks(&cap_blocks(items, 3, "blocks"), "pairs", pair)
    }

    fn size(items: &[(Item, isize)], of: Side) -> u64 {
        items.iter().filter(|((_, (side, _)), _)| *side == of).map(|(_, count)| *count as u64).sum()
    }

    fn capped_of(items: &[(Item, isize)]) -> Changes<CappedBlock<u8>> {
        let blocks = items.chunk_by(|a, b| a.0.0 == b.0.0);
        let sized = blocks.map(|block| CappedBlock {
            key: block[0].0.0,
            left: size(block, Side::Left),
            right: size(block, Side::Right),
        });
        sized.filter(|block| block.left > 3 || block.right > 3).map(|block| (block, 1)).collect()
    }

    fn live_of(items: &[(Item, isize)]) -> Changes<Item> {
        let capped: Vec<u8> = capped_of(items).iter().map(|(block, _)| block.key).collect();
        items.iter().filter(|((key, _), _)| !capped.contains(key)).cloned().collect()
    }

    fn pairs_of(items: &[(Item, isize)]) -> Changes<(u8, u8)> {
        let mut pairs = Vec::new();
        let live = live_of(items);
        for ((key, (side, left)), left_count) in &live {
            for ((other_key, (other_side, right)), right_count) in &live {
                if key == other_key && (*side, *other_side) == (Side::Left, Side::Right) {
                    pairs.extend(pair(key, left, right).map(|row| (row, left_count * right_count)));
                }
            }
        }
        consolidate(&mut pairs);
        pairs
    }

    fn items() -> impl Strategy<Value = Item> {
        (0..2u8, (prop_oneof![Just(Side::Left), Just(Side::Right)], 0..5u8))
    }

    proptest! {
        #![proptest_config(churn::config())]

        #[test]
        fn blocks_over_the_cap_are_shown_with_their_sizes(ticks in churn::churn(items())) {
            assert_incremental(ticks, capped, |_, items| capped_of(items));
        }

        #[test]
        fn live_items_are_those_of_the_other_blocks(ticks in churn::churn(items())) {
            assert_incremental(ticks, live, |_, items| live_of(items));
        }

        #[test]
        fn pairs_are_those_of_live_blocks(ticks in churn::churn(items())) {
            assert_incremental(ticks, pairs, |_, items| pairs_of(items));
        }
    }

    #[test]
    fn a_block_that_stays_capped_is_not_read() {
        let load: Changes<(u8, (Side, u32))> = (0..10_000).map(|item| ((1, (Side::Left, item)), 1)).collect();
        let more = (10_000..10_100).map(|item| vec![((1, (Side::Left, item)), 1)]);
        let ticks = std::iter::once(load).chain(more).collect();
        cost::updates_read();
        let outputs = run(ticks, |items| cap_blocks(items, BLOCK_SIDE_MAX, "blocks").capped);
        let block = |left| CappedBlock { key: 1, left, right: 0 };
        assert_eq!(outputs[100], vec![(block(10_099), -1), (block(10_100), 1)]);
        assert_eq!(cost::updates_read(), 10_000 + 10_000 + 100, "the load, its block once, then the changes alone");
    }

    #[test]
    fn an_item_is_paired_within_its_block_only() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let row = |key: u32, side, item: u32| ((key, (side, item)), 1);
        let load = (0..100).flat_map(|key| (0..5).map(move |item| row(key, Side::Right, item))).collect();
        run(vec![load, vec![row(7, Side::Left, 0)]], move |items| {
            let counter = Arc::clone(&counter);
            pair_within_blocks(&cap_blocks(items, 5, "blocks"), "pairs", move |_, left, right| {
                counter.fetch_add(1, Ordering::Relaxed);
                Some((*left, *right))
            })
        });
        assert_eq!(calls.load(Ordering::Relaxed), 5);
    }
}
