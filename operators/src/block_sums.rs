//! Blocks by target, added up over all keys before they are passed on.
//!
//! Many keys add to the same block, and a message holds a dozen blocks: so what a worker gives for a block is added up
//! first. At the end of the ticks that close together all is passed on, in order: no more than what these change.

use std::collections::HashMap;

use differential_dataflow::difference::{IsZero, Monoid};

use crate::arrangement::{Key, Tick};
use crate::day_blocks::DayBlock;
use crate::follow::Gather;

/// Blocks by tick and target.
pub(crate) struct BlockSums<G> {
    targets: HashMap<(Tick, G), Blocks>,
}

/// The blocks of one target, in their order.
#[derive(Default)]
pub(crate) struct Blocks(Vec<(i32, Box<DayBlock<i128>>)>);

impl<G: Key> BlockSums<G> {
    /// What the target is given at a tick.
    pub(crate) fn of(&mut self, tick: Tick, target: &G) -> &mut Blocks {
        self.targets.entry((tick, target.clone())).or_default()
    }
}

impl Blocks {
    /// A block, for more to be added.
    pub(crate) fn block(&mut self, block: i32) -> &mut DayBlock<i128> {
        let place = self.0.partition_point(|(other, _)| *other < block);
        if self.0.get(place).is_none_or(|(other, _)| *other != block) {
            self.0.insert(place, (block, Box::new(DayBlock::zero())));
        }
        &mut self.0[place].1
    }
}

impl<G> Default for BlockSums<G> {
    fn default() -> Self {
        BlockSums { targets: HashMap::new() }
    }
}

impl<G: Key> Gather for BlockSums<G> {
    type Row = (G, i32);
    type Amount = DayBlock<i128>;

    fn end_turn(&mut self, _tick: Tick, _give: impl FnMut(((G, i32), Tick, DayBlock<i128>))) {}

    fn end(&mut self, mut give: impl FnMut(((G, i32), Tick, DayBlock<i128>))) {
        let mut targets: Vec<_> = self.targets.drain().collect();
        targets.sort_unstable_by(|(place, _), (other, _)| place.cmp(other));
        for ((tick, target), Blocks(blocks)) in targets {
            for (block, sum) in blocks.into_iter().filter(|(_, sum)| !sum.is_zero()) {
                give(((target.clone(), block), tick, *sum));
            }
        }
    }
}
