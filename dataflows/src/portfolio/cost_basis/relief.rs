//! Which lots give the units that leave, and what that realises.

use model::{LotReference, Quantity};

use super::effects::Disposal;
use super::lot::Lot;
use super::lots::{Lots, Place};
use super::money::{Money, quantity, units};
use crate::portfolio::refusal::{Needed, Refusal};

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
pub(super) fn first(lots: &Lots, mut leaving: i128) -> Vec<Relief> {
    let mut reliefs = Vec::new();
    for (place, lot) in lots.placed() {
        if leaving == 0 {
            break;
        }
        let taken = units(lot.quantity).abs().min(leaving);
        reliefs.push(Relief::of(place, lot, lot.quantity, taken));
        leaving -= taken;
    }
    reliefs
}

/// The named lots, in the order they are named. Together they must give what leaves, no more and no less.
pub(super) fn named(lots: &Lots, leaving: i128, named: &[LotReference]) -> Result<Vec<Relief>, Refusal> {
    let mut chosen = Chosen { lots, leaving, reliefs: Vec::new() };
    for reference in named {
        let places = || lots.placed().filter(|(_, lot)| lot.id == reference.lot).map(|(place, _)| place);
        if places().next().is_none() {
            return Err(Refusal::UnknownLot(reference.lot));
        }
        if reference.quantity.scaled().is_some_and(|asked| asked <= 0) {
            return Err(Refusal::NotPositive(Needed::Quantity));
        }
        let left: i128 = places().map(|place| units(chosen.left_of(place)).abs()).sum();
        let asked = reference.quantity.scaled().unwrap_or(left.min(chosen.leaving));
        if asked > left {
            return Err(Refusal::LotTooSmall { lot: reference.lot, held: quantity(left)?, wanted: reference.quantity });
        }
        if asked > chosen.leaving {
            let named = quantity(leaving - chosen.leaving + asked)?;
            return Err(Refusal::LotsDiffer { named, wanted: quantity(leaving)? });
        }
        let until = chosen.leaving - asked;
        for place in places() {
            chosen.take(place, chosen.leaving - until);
        }
    }
    if chosen.leaving > 0 {
        let named = quantity(leaving - chosen.leaving)?;
        return Err(Refusal::LotsDiffer { named, wanted: quantity(leaving)? });
    }
    Ok(chosen.reliefs)
}

impl Relief {
    /// `taken` units, without their sign, of the `before` that a lot has left; it has no fewer.
    fn of(place: Place, lot: &Lot, before: Quantity, taken: i128) -> Relief {
        let taken = units(lot.quantity).signum() * taken;
        Relief { place, units: taken, left: Quantity::from_scaled((units(before) - taken) as i64) }
    }
}

struct Chosen<'a> {
    lots: &'a Lots,
    /// How many units are still to be found.
    leaving: i128,
    reliefs: Vec<Relief>,
}

impl Chosen<'_> {
    /// What earlier choices left of a lot.
    fn left_of(&self, place: Place) -> Quantity {
        let chosen = self.reliefs.iter().rev().find(|relief| relief.place == place);
        chosen.map_or_else(|| self.lots.at(place).quantity, |relief| relief.left)
    }

    /// Takes what a lot has left, at most `wanted`.
    fn take(&mut self, place: Place, wanted: i128) {
        let before = self.left_of(place);
        let taken = units(before).abs().min(wanted);
        if taken > 0 {
            self.reliefs.push(Relief::of(place, self.lots.at(place), before, taken));
            self.leaving -= taken;
        }
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
