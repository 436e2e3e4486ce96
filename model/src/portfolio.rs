//! `Portfolio`: whose books are kept, in which currency and by which rules.

use serde::{Deserialize, Serialize};

use crate::{CostMethod, Currency, Date, OversellPolicy, SourceId, Symbol};

/// A portfolio.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Portfolio {
    /// Where it came from.
    pub source: SourceId,
    /// The currency that it is valued in.
    pub base_currency: Currency,
    /// Which lots its sales relieve; what the configuration says where nothing is known.
    pub cost_method: Option<CostMethod>,
    /// What becomes of a sale of more than is held; what the configuration says where nothing is known.
    pub oversell: Option<OversellPolicy>,
    /// Its id.
    pub id: Symbol,
    /// What people call it.
    pub name: Symbol,
    /// The mandate that it is managed by.
    pub mandate: Symbol,
    /// Who manages it.
    pub manager: Symbol,
    /// The fund that it belongs to.
    pub fund: Symbol,
    /// What it is compared with.
    pub benchmark: Symbol,
    /// The day its performance counts from; the day of its first transaction where nothing is known.
    pub inception_date: Date,
}
