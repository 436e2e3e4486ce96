//! `Instrument`: what is held, and by what exposures to it are added up.

use serde::{Deserialize, Serialize};

use crate::{Currency, Date, Price, Product, Quantity, SourceId, Symbol};

/// A security, a contract or a kind of cash.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instrument {
    /// Where it came from.
    pub source: SourceId,
    /// What kind of instrument.
    pub product: Product,
    /// The currency that it is priced in.
    pub currency: Currency,
    /// Its id: what transactions call `security`.
    pub id: Symbol,
    /// What people call it.
    pub name: Symbol,
    /// Its asset class, in the words of the house.
    pub asset_class: Symbol,
    /// Its sector.
    pub sector: Symbol,
    /// The country of its risk.
    pub country: Symbol,
    /// Its rating.
    pub rating: Symbol,
    /// Who issued it.
    pub issuer: Symbol,
    /// Who stands behind the issuer in the end.
    pub ultimate_parent: Symbol,
    /// The other side of a contract over the counter. What is listed has none.
    pub counterparty: Symbol,
    /// The ISIN, beside its id.
    pub isin: Symbol,
    /// How much one unit is worth at a price of one: 50 for a future on an index, 0.01 for a bond that is priced in per
    /// cent. One where nothing is known.
    pub multiplier: Quantity,
    /// The smallest step of its price.
    pub tick_size: Price,
    /// The day it ends.
    pub maturity_date: Date,
}
