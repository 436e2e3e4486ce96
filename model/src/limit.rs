//! `Limit`: how much there may be of something.

use serde::{Deserialize, Serialize};

use crate::{Amount, Currency, Date, ExposureDimension, LimitMeasure, LimitScope, SourceId, Symbol};

/// A limit of exposures, of concentration or of what may be lost: under stress, or by the returns so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// Where it came from.
    pub source: SourceId,
    /// Of what it is set; of portfolios where nothing is known.
    pub scope: LimitScope,
    /// By what exposures are added up; all in one where nothing is known.
    pub dimension: ExposureDimension,
    /// What is measured.
    pub measure: LimitMeasure,
    /// The currency of the levels of an amount; that of what is measured where nothing is known.
    pub currency: Currency,
    /// Its id.
    pub id: Symbol,
    /// What people call it.
    pub name: Symbol,
    /// The portfolio; each by itself where nothing is known.
    pub portfolio: Symbol,
    /// The group of the dimension, such as a sector; each by itself where nothing is known.
    pub group: Symbol,
    /// The scenario, of a limit of what may be lost under stress.
    pub scenario: Symbol,
    /// Above this there is a warning; never where nothing is known. An amount, or a share of a whole: 0.05 is five per cent.
    pub warning_level: Amount,
    /// Above this the limit is breached.
    pub breach_level: Amount,
    /// The first day that it holds; since ever where nothing is known.
    pub valid_from: Date,
    /// The last day that it holds; without end where nothing is known.
    pub valid_to: Date,
}
