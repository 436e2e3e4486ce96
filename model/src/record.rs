//! `Record`: what travels on one stream of input: trades, and what people and models say about trades.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Quantity, SourceId, Symbol, Trade};

/// A part of a trade given to an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Allocation {
    /// Where it came from.
    pub source: SourceId,
    /// Its own id on its source.
    pub id: Symbol,
    /// The id that links it to its trade, such as the execution id.
    pub trade: Symbol,
    /// The account that receives this part.
    pub account: Symbol,
    /// How much of the trade.
    pub quantity: Quantity,
}

/// A person says that trade `left` is trade `right`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Confirmation {
    /// Where it came from.
    pub source: SourceId,
    /// Its own id.
    pub id: Symbol,
    /// The reconciliation it speaks about.
    pub reconciliation: Symbol,
    /// The id of the trade on the anchor side.
    pub left: Symbol,
    /// The id of the trade on the other side.
    pub right: Symbol,
    /// Who says so.
    pub by: Symbol,
}

/// The model that scores candidate pairs of one reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ScoringModel {
    /// The reconciliation it scores.
    pub id: Symbol,
    /// Counts up with every training.
    pub version: u32,
    /// The model as JSON.
    pub text: Arc<str>,
}

/// One row of input, whatever it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Record {
    /// A trade.
    Trade(Trade),
    /// A part of a trade given to an account.
    Allocation(Allocation),
    /// A match made by a person.
    Confirmation(Confirmation),
    /// A scoring model.
    Model(ScoringModel),
}

impl Record {
    /// The record's own id on its source.
    #[inline]
    pub fn key(&self) -> Symbol {
        match self {
            Record::Trade(trade) => trade.id,
            Record::Allocation(allocation) => allocation.id,
            Record::Confirmation(confirmation) => confirmation.id,
            Record::Model(model) => model.id,
        }
    }

    /// The kind of record and its source as one number, `kind * 256 + source`.
    /// Together with [`Record::key`] it is the business key: a later record replaces an earlier one with the same.
    #[inline]
    pub fn member(&self) -> u16 {
        let (kind, source) = match self {
            Record::Trade(trade) => (0, trade.source),
            Record::Allocation(allocation) => (1, allocation.source),
            Record::Confirmation(confirmation) => (2, confirmation.source),
            Record::Model(_) => (3, SourceId(0)),
        };
        kind * 256 + u16::from(source.0)
    }
}

impl From<Trade> for Record {
    fn from(trade: Trade) -> Record {
        Record::Trade(trade)
    }
}

impl From<Allocation> for Record {
    fn from(allocation: Allocation) -> Record {
        Record::Allocation(allocation)
    }
}

impl From<Confirmation> for Record {
    fn from(confirmation: Confirmation) -> Record {
        Record::Confirmation(confirmation)
    }
}

impl From<ScoringModel> for Record {
    fn from(model: ScoringModel) -> Record {
        Record::Model(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(source: u8) -> [Record; 4] {
        let (source, id) = (SourceId(source), Symbol::of("id"));
        [
            Trade { source, id, ..Trade::default() }.into(),
            Allocation { source, id, trade: Symbol::of("E1"), account: Symbol::of("A1"), quantity: Quantity::ZERO }
                .into(),
            Confirmation {
                source,
                id,
                reconciliation: Symbol::of("R"),
                left: Symbol::of("L"),
                right: Symbol::of("R"),
                by: Symbol::of("me"),
            }
            .into(),
            ScoringModel { id, version: 1, text: Arc::from("{}") }.into(),
        ]
    }

    #[test]
    fn a_record_stays_small() {
        assert!(size_of::<Record>() <= 104, "{}", size_of::<Record>());
    }

    #[test]
    fn records_of_different_kinds_or_sources_never_share_a_business_key() {
        let members: Vec<u16> = records(5).iter().chain(&records(255)).map(Record::member).collect();
        assert_eq!(members, [5, 261, 517, 768, 255, 511, 767, 768]);
        assert!(records(5).iter().all(|record| record.key() == Symbol::of("id")));
    }

    #[test]
    fn a_record_survives_machines_and_people() {
        for record in records(5) {
            let bytes = bincode::serialize(&record).unwrap();
            assert_eq!(bincode::deserialize::<Record>(&bytes).unwrap(), record);
            let json = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
        }
    }
}
