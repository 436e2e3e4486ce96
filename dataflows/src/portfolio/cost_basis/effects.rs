//! What a transaction does: to the position, to its lots, to another security.

use model::{Currency, Quantity, Symbol, Timestamp};
use serde::{Deserialize, Serialize};

use super::lot::Lot;
use super::money::Money;

/// What a transaction did to a book.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Effects {
    /// The units that came, below zero for those that left.
    pub quantity_change: Quantity,
    /// The cost that came with them, below zero for what was relieved.
    pub cost_change: Money,
    /// What was realised; `None` where nothing was, as by a purchase or a transfer.
    pub gain: Option<Money>,
    /// The lots that were relieved, in the order they were.
    pub disposals: Vec<Disposal>,
    /// The lots that another security receives.
    pub carried: Option<Carried>,
}

impl Effects {
    /// Nothing changed.
    pub const NONE: Effects = Effects {
        quantity_change: Quantity::ZERO,
        cost_change: Money::ZERO,
        gain: None,
        disposals: Vec::new(),
        carried: None,
    };
}

/// A lot, or a part of one, that was relieved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Disposal {
    /// The transaction that opened the lot.
    pub lot: Symbol,
    /// When that was.
    pub opened: Timestamp,
    /// The units that left, below zero for owed ones that were delivered.
    pub quantity: Quantity,
    /// What they cost; for owed units what they were sold for, below zero.
    pub cost: Money,
    /// What was received for them; for owed units what was paid, below zero. `None` for a transfer.
    pub proceeds: Option<Money>,
    /// Proceeds less cost.
    pub gain: Option<Money>,
}

/// Lots that a corporate action gives to another security, for the book of that security to receive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Carried {
    /// The security that receives them.
    pub security: Symbol,
    /// The currency of their cost.
    pub currency: Currency,
    /// The lots. They keep their ids and the time they were opened.
    pub lots: Vec<Lot>,
}
