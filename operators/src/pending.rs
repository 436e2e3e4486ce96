//! Updates that wait until their tick has closed, so that an operator sees each tick whole and ticks in their order.

use std::collections::BTreeMap;

use timely::dataflow::operators::{Capability, InputCapability};
use timely::progress::frontier::MutableAntichain;

use crate::arrangement::Tick;

/// Updates (a collection `U` of them) by the tick that they belong to.
///
/// They may arrive by the right to send at an earlier tick, and are answered by that right: so the frontier moves once for
/// each tick, from the end of the last one to the end of this one, and each operator is scheduled for it once.
pub(crate) struct Pending<U> {
    ticks: BTreeMap<Tick, (Capability<Tick>, U)>,
}

impl<U: Default> Pending<U> {
    pub(crate) fn new() -> Self {
        Pending { ticks: BTreeMap::new() }
    }

    /// The updates that wait for `tick`, for more to be added.
    pub(crate) fn at(&mut self, capability: &InputCapability<Tick>, tick: Tick) -> &mut U {
        debug_assert!(*capability.time() <= tick, "no update comes before its right to be sent");
        let hold = || (capability.retain(0), U::default());
        &mut self.ticks.entry(tick).or_insert_with(hold).1
    }

    /// Adds updates to those of their ticks.
    pub(crate) fn add<D, R>(&mut self, capability: &InputCapability<Tick>, updates: &mut Vec<(D, Tick, R)>)
    where
        U: Extend<(D, R)>,
    {
        for (row, tick, diff) in updates.drain(..) {
            self.at(capability, tick).extend([(row, diff)]);
        }
    }

    /// The earliest tick that has closed, and the right to send at it.
    pub(crate) fn next_closed(&mut self, frontier: &MutableAntichain<Tick>) -> Option<(Tick, Capability<Tick>, U)> {
        let entry = self.ticks.first_entry().filter(|entry| !frontier.less_equal(entry.key()))?;
        let (tick, (capability, updates)) = entry.remove_entry();
        Some((tick, capability, updates))
    }
}
