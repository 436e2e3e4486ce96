//! `Record`: what travels on one stream of input, whatever it is about.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    AssetType, BenchmarkLevel, FundAum, FundAumDay, FundExposure, FundPosition, FxRate, Instrument, Limit,
    MarginException, MarginSubmission, MarginValidation, MarketPrice, Portfolio, Quantity, RiskFreeRate, Sensitivity,
    SourceId, Symbol, Trade, Transaction,
};

/// A part of a trade given to an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

fn source_number(source: Option<SourceId>) -> u16 {
    source.map_or(0, |source| source.0.into())
}

/// The kinds of record: each with its number and its name in configuration, which never changes, and how its id and its source are told.
macro_rules! records {
    ($($(#[$meta:meta])* $kind:ident($content:ty) = $number:literal $name:literal, |$record:ident| $id:expr, $source:expr;)*) => {
        /// One row of input, whatever it is about. What is large is shared by its copies.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Record {
            $($(#[$meta])* $kind($content),)*
        }

        impl Record {
            /// The names of all kinds, in the order of their numbers.
            pub const KINDS: &[&str] = &[$($name),*];

            /// The record's own id on its source.
            #[inline]
            pub fn key(&self) -> Symbol {
                match self {
                    $(Record::$kind($record) => $id,)*
                }
            }

            /// The name of its kind, as in configuration.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Record::$kind(_) => $name,)*
                }
            }

            /// The number of its kind.
            pub const fn number(&self) -> u16 {
                match self {
                    $(Record::$kind(_) => $number,)*
                }
            }

            /// Where it came from; models come from no source.
            #[inline]
            pub fn source(&self) -> Option<SourceId> {
                match self {
                    $(#[allow(unused_variables)] Record::$kind($record) => $source,)*
                }
            }

            /// The kind of record and its source as one number, `kind * 256 + source`.
            /// Together with [`Record::key`] it is the business key: a later record replaces an earlier one with the
            /// same.
            #[inline]
            pub fn member(&self) -> u16 {
                match self {
                    $(#[allow(unused_variables)] Record::$kind($record) => $number * 256 + source_number($source),)*
                }
            }

            /// The name of the kind that a [`Record::member`] stands for.
            pub const fn kind_of(member: u16) -> Option<&'static str> {
                match member / 256 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }
        }

        $(impl From<$content> for Record {
            fn from(content: $content) -> Record {
                Record::$kind(content)
            }
        })*
    };
}

records! {
    /// A trade.
    Trade(Trade) = 0 "trade", |trade| trade.id, Some(trade.source);
    /// A part of a trade given to an account.
    Allocation(Allocation) = 1 "allocation", |allocation| allocation.id, Some(allocation.source);
    /// A match made by a person.
    Confirmation(Confirmation) = 2 "confirmation", |confirmation| confirmation.id, Some(confirmation.source);
    /// A scoring model.
    Model(ScoringModel) = 3 "model", |model| model.id, None;
    /// What happened in a portfolio.
    Transaction(Arc<Transaction>) = 4 "transaction", |transaction| transaction.id, Some(transaction.source);
    /// A security, a contract or a kind of cash.
    Instrument(Arc<Instrument>) = 5 "instrument", |instrument| instrument.id, Some(instrument.source);
    /// A portfolio.
    Portfolio(Arc<Portfolio>) = 6 "portfolio", |portfolio| portfolio.id, Some(portfolio.source);
    /// What a security was worth on a day.
    MarketPrice(MarketPrice) = 7 "market_price", |price| price.id(), Some(price.source);
    /// What a currency was worth on a day.
    FxRate(Arc<FxRate>) = 8 "fx_rate", |rate| rate.id(), Some(rate.source);
    /// The level of an index on a day.
    BenchmarkLevel(BenchmarkLevel) = 9 "benchmark_level", |level| level.id(), Some(level.source);
    /// What money earned without risk.
    RiskFreeRate(Arc<RiskFreeRate>) = 10 "risk_free_rate", |rate| rate.id(), Some(rate.source);
    /// What kind of asset a code stands for.
    AssetType(Arc<AssetType>) = 11 "asset_type", |asset| asset.id, Some(asset.source);
    /// A fund and its assets under management.
    FundAum(Arc<FundAum>) = 12 "fund_aum", |aum| aum.id(), Some(aum.source);
    /// What a fund's assets under management were on a day.
    FundAumDay(Arc<FundAumDay>) = 13 "fund_aum_day", |day| day.id(), Some(day.source);
    /// The margin that a manager submitted.
    MarginSubmission(Arc<MarginSubmission>) = 14 "margin_submission", |submission| submission.id(), Some(submission.source);
    /// What an exposed fund holds of something.
    FundPosition(Arc<FundPosition>) = 15 "fund_position", |position| position.id(), Some(position.source);
    /// What a fund is exposed to.
    FundExposure(Arc<FundExposure>) = 16 "fund_exposure", |exposure| exposure.id(), Some(exposure.source);
    /// Somebody looked at a margin that was submitted.
    MarginValidation(Arc<MarginValidation>) = 17 "margin_validation", |validation| validation.id(), Some(validation.source);
    /// A fund whose margin is taken as it is.
    MarginException(Arc<MarginException>) = 18 "margin_exception", |exception| exception.fund, Some(exception.source);
    /// How much there may be of something.
    Limit(Arc<Limit>) = 30 "limit", |limit| limit.id, Some(limit.source);
    /// How the price of a security changes with what it depends on.
    Sensitivity(Sensitivity) = 31 "sensitivity", |sensitivity| sensitivity.id(), Some(sensitivity.source);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(source: u8) -> [Record; 21] {
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
            Arc::new(Transaction { source, id, ..Transaction::default() }).into(),
            Arc::new(Instrument { source, id, ..Instrument::default() }).into(),
            Arc::new(Portfolio { source, id, ..Portfolio::default() }).into(),
            MarketPrice { source, security: id, ..MarketPrice::default() }.into(),
            Arc::new(FxRate { source, ..FxRate::default() }).into(),
            BenchmarkLevel { source, benchmark: id, ..BenchmarkLevel::default() }.into(),
            Arc::new(RiskFreeRate { source, ..RiskFreeRate::default() }).into(),
            Arc::new(AssetType { source, id, ..AssetType::default() }).into(),
            Arc::new(FundAum { source, figures: Some(Box::default()), ..FundAum::default() }).into(),
            Arc::new(FundAumDay { source, ..FundAumDay::default() }).into(),
            Arc::new(MarginSubmission { source, ..MarginSubmission::default() }).into(),
            Arc::new(FundPosition { source, ..FundPosition::default() }).into(),
            Arc::new(FundExposure { source, ..FundExposure::default() }).into(),
            Arc::new(MarginValidation { source, ..MarginValidation::default() }).into(),
            Arc::new(MarginException { source, ..MarginException::default() }).into(),
            Arc::new(Limit { source, id, ..Limit::default() }).into(),
            Sensitivity { source, security: id, ..Sensitivity::default() }.into(),
        ]
    }

    #[test]
    fn a_record_stays_small() {
        assert!(size_of::<Record>() <= 104, "{}", size_of::<Record>());
    }

    #[test]
    fn records_of_different_kinds_or_sources_never_share_a_business_key() {
        let members: Vec<u16> = [records(5), records(255)]
            .iter()
            .flatten()
            .filter(|record| !matches!(record, Record::Model(_)))
            .map(Record::member)
            .collect();
        let distinct: std::collections::BTreeSet<u16> = members.iter().copied().collect();
        assert_eq!((distinct.len(), members.len(), &members[..3]), (40, 40, &[5, 261, 517][..]));
        assert_eq!(records(5)[3].member(), 768);
        assert!(records(5).iter().all(|record| Record::kind_of(record.member()) == Some(record.kind())));
        assert!(records(5)[..7].iter().all(|record| record.key() == Symbol::of("id")));
    }

    #[test]
    fn observations_of_another_day_or_subject_never_share_a_business_key() {
        let price = |security, day| MarketPrice {
            security: Symbol::of(security),
            price_date: crate::Date(day),
            ..MarketPrice::default()
        };
        assert_ne!(price("A", 1).id(), price("A", 2).id());
        assert_ne!(price("A", 1).id(), price("B", 1).id());
        assert_eq!(price("A", 1).id(), MarketPrice { price: crate::Price::ZERO, ..price("A", 1) }.id());
        let rate = |from, to| FxRate {
            from_currency: crate::Currency::parse(from).unwrap(),
            to_currency: crate::Currency::parse(to).unwrap(),
            ..FxRate::default()
        };
        assert_ne!(rate("EUR", "USD").id(), rate("USD", "EUR").id());
        let vega = |security, day| Sensitivity {
            security: Symbol::of(security),
            sensitivity_date: crate::Date(day),
            ..Sensitivity::default()
        };
        assert_ne!(vega("A", 1).id(), vega("A", 2).id());
        assert_ne!(vega("A", 1).id(), vega("B", 1).id());
        assert_eq!(vega("A", 1).id(), Sensitivity { vega: crate::Price::ZERO, ..vega("A", 1) }.id());
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
