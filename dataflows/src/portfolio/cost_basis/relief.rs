//! Which lots give the units that leave, and what that realises.

use model::{LotReference, Quantity};

use super::effects::Disposal;
use super::lot::Lot;
use super::lots::{Lots, Place};
use super::money::{Money, quantity, units};
use crate::portfolio::refusal::Refusal;

/// Units that a lot gives.
pub(super) struct Relief {
    /// Which lot.
    pub place: Place,
    /// How many it gives, with its sign.
    pub units: i128,
    /// How many are left.
    pub left: Quantity,
}

/// The first lots, as many as are needed.
pub(super) fn first(lots: &Lots, leaving: i128) -> Vec<Relief> {
    let mut chosen = Chosen { lots, leaving, reliefs: Vec::new() };
    for (place, _) in lots.placed() {
        if chosen.leaving == 0 {
            break;
        }
        chosen.take(place, chosen.leaving);
    }
    chosen.reliefs
}

/// The named lots, in the order they are named. They must suffice.
pub(super) fn named(lots: &Lots, leaving: i128, named: &[LotReference]) -> Result<Vec<Relief>, Refusal> {
    let mut chosen = Chosen { lots, leaving, reliefs: Vec::new() };
    for reference in named {
        let places = || lots.placed().filter(|(_, lot)| lot.id == reference.lot).map(|(place, _)| place);
        if places().next().is_none() {
            return Err(Refusal::UnknownLot(reference.lot));
        }
        let asked = reference.quantity.scaled().map_or(chosen.leaving, |asked| asked.min(chosen.leaving));
        let taken: i128 = places().map(|place| chosen.left_of(place)).sum();
        if !reference.quantity.is_none() && taken < asked {
            let held = quantity(taken)?;
            return Err(Refusal::LotTooSmall { lot: reference.lot, held, wanted: reference.quantity });
        }
        let until = chosen.leaving - asked.min(taken);
        for place in places() {
            chosen.take(place, chosen.leaving - until);
        }
    }
    if chosen.leaving > 0 {
        let named = quantity(leaving - chosen.leaving)?;
        return Err(Refusal::LotsFallShort { named, wanted: quantity(leaving)? });
    }
    Ok(chosen.reliefs)
}

struct Chosen<'a> {
    lots: &'a Lots,
    /// How many units are still to be found.
    leaving: i128,
    reliefs: Vec<Relief>,
}

impl Chosen<'_> {
    /// What earlier choices left of a lot, without its sign.
    fn left_of(&self, place: Place) -> i128 {
        let chosen = self.reliefs.iter().rev().find(|relief| relief.place == place);
        let left = chosen.map_or_else(|| self.lots.at(place).quantity, |relief| relief.left);
        units(left).abs()
    }

    /// Takes what a lot has left, at most `wanted`.
    fn take(&mut self, place: Place, wanted: i128) {
        let left = self.left_of(place);
        let taken = left.min(wanted);
        if taken <= 0 {
            return;
        }
        let sign = units(self.lots.at(place).quantity).signum();
        // Less than the lot has, so it fits.
        let left = Quantity::from_scaled((sign * (left - taken)) as i64);
        self.reliefs.push(Relief { place, units: sign * taken, left });
        self.leaving -= taken;
    }
}

/// What the chosen lots cost, and their parts of what was received for all of them.
pub(super) fn disposals(lots: &Lots, relieved: &[Relief], received: Option<Money>) -> Result<Vec<Disposal>, Refusal> {
    let parts: Vec<i128> = relieved.iter().map(|relief| relief.units).collect();
    let received = received.map(|received| received.divided(&parts)).transpose()?;
    let one = |(position, relief): (usize, &Relief)| {
        let lot = lots.at(relief.place);
        let after = Lot { quantity: relief.left, ..*lot };
        let before = Lot { quantity: quantity(units(relief.left) + relief.units)?, ..*lot };
        let cost = before.cost().minus(after.cost())?;
        let proceeds = received.as_ref().map(|received| received[position]);
        let gain = proceeds.map(|proceeds| proceeds.minus(cost)).transpose()?;
        Ok(Disposal { lot: lot.id, opened: lot.opened, quantity: quantity(relief.units)?, cost, proceeds, gain })
    };
    relieved.iter().enumerate().map(one).collect()
}

/// What was realised in all; `None` where nothing was.
pub(super) fn total_gain(disposals: &[Disposal]) -> Result<Option<Money>, Refusal> {
    let mut gains = disposals.iter().filter_map(|disposal| disposal.gain);
    let Some(first) = gains.next() else { return Ok(None) };
    gains.try_fold(first, Money::plus).map(Some)
}
