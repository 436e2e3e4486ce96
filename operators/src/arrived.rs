//! Batches that wait until an operator has seen their ticks whole, on all its inputs.

use timely::dataflow::operators::{Capability, InputCapability};
use timely::progress::frontier::AntichainRef;

use crate::arrangement::{Batch, Data, Difference, Key, Tick};
use crate::group::ticks_of;

/// Batches that have arrived and are not done with, each with the right to send what follows from it.
pub(crate) struct Arrived<K: Key, V: Data, R: Difference = isize> {
    pub(crate) batches: Vec<(Capability<Tick>, Batch<K, V, R>)>,
}

impl<K: Key, V: Data, R: Difference> Arrived<K, V, R> {
    pub(crate) fn new() -> Self {
        Arrived { batches: Vec::new() }
    }

    pub(crate) fn add(&mut self, capability: &InputCapability<Tick>, batches: &mut Vec<Batch<K, V, R>>) {
        self.batches.extend(batches.drain(..).map(|batch| (capability.retain(0), batch)));
    }

    /// The right to send at the earliest tick that any of them has.
    pub(crate) fn earliest(&self) -> Option<Capability<Tick>> {
        let capabilities = self.batches.iter().map(|(capability, _)| capability);
        capabilities.min_by_key(|capability| *capability.time()).cloned()
    }

    /// Lets go of the batches that end before `upper`, and of the right to send before it.
    pub(crate) fn retire(&mut self, upper: Tick) {
        self.batches.retain_mut(|(capability, batch)| {
            let open = ticks_of(batch).1 >= upper;
            if open {
                capability.downgrade(&upper.max(*capability.time()));
            }
            open
        });
    }
}

/// The first tick at which something may still come.
pub(crate) fn first_open(frontier: AntichainRef<'_, Tick>) -> Tick {
    frontier.first().copied().unwrap_or(Tick::MAX)
}
