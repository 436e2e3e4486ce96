//! `Lot`: units that came in together, and what they cost.

use std::cmp::Ordering;

use model::{CostMethod, Quantity, Symbol, Timestamp};
use serde::{Deserialize, Serialize};

use super::money::{Money, units};

/// Units that came in together. Below zero, with their cost, for units that are owed: their cost is then what they were
/// sold for.
///
/// What is left of the cost depends on what is left of the units alone, not on the sales between: so it does not drift
/// with their number, and the last units take the last of the cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lot {
    /// The transaction that opened it.
    pub id: Symbol,
    /// When it was opened.
    pub opened: Timestamp,
    /// How many units it had then, or after the last corporate action.
    pub opened_quantity: Quantity,
    /// What those cost.
    pub opened_cost: Money,
    /// How many are left.
    pub quantity: Quantity,
}

impl Lot {
    /// A lot of which all is left.
    pub(super) fn new(id: Symbol, opened: Timestamp, quantity: Quantity, cost: Money) -> Lot {
        Lot { id, opened, opened_quantity: quantity, opened_cost: cost, quantity }
    }

    /// The same lot with another quantity and cost, of which all is left.
    pub(super) fn rebased(&self, quantity: Quantity, cost: Money) -> Lot {
        Lot::new(self.id, self.opened, quantity, cost)
    }

    /// What the units that are left cost.
    pub fn cost(&self) -> Money {
        let part = self.opened_cost.share(units(self.quantity), units(self.opened_quantity));
        // A part of an amount that `Money` can hold is one that it can hold.
        part.unwrap_or(Money::ZERO)
    }

    /// Whether this lot is relieved before the other, or after it.
    pub(super) fn relieved_before(&self, other: &Lot, method: CostMethod) -> Ordering {
        match method {
            CostMethod::Lifo => other.opened.cmp(&self.opened),
            CostMethod::Hifo if units(self.quantity) < 0 => self.unit_cost_order(other),
            CostMethod::Hifo => other.unit_cost_order(self),
            CostMethod::Fifo | CostMethod::Average | CostMethod::SpecificLot => self.opened.cmp(&other.opened),
        }
    }

    /// Compares what a unit cost in base currency, exactly.
    fn unit_cost_order(&self, other: &Lot) -> Ordering {
        let fraction = |lot: &Lot| {
            let (cost, quantity) = (lot.opened_cost.base.scaled().unwrap_or(0), units(lot.opened_quantity));
            let (cost, quantity) = if quantity < 0 { (-cost, -quantity) } else { (cost, quantity.max(1)) };
            (cost.div_euclid(quantity), cost.rem_euclid(quantity), quantity)
        };
        let [(whole, rest, quantity), (other_whole, other_rest, other_quantity)] = [fraction(self), fraction(other)];
        // A remainder is less than its quantity, which has 64 bits.
        whole.cmp(&other_whole).then_with(|| (rest * other_quantity).cmp(&(other_rest * quantity)))
    }
}
