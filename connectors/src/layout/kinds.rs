//! Which kinds of records there are, and the fields of each: the one place where a kind is added.
//!
//! The table says for each kind its name in the configuration, what it is, and its fields. From it come how rows are read, how
//! snapshots hold records, the templates and the tables of the book. A kind that needs a draft of its own, because its
//! fields are not all in one struct, names that instead of fields: see `transaction`.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use model::{
    Allocation, BenchmarkLevel, Confirmation, Dictionary, FxRate, Instrument, MarketPrice, Portfolio, Record,
    RiskFreeRate, SourceId, Trade, TradeBuilder,
};
use serde::{Deserialize, Serialize};

use super::columns::{ColumnDecoder, Columns, restored};
use super::config::{ByField, ColumnName};
use super::draft::{Draft, FieldDescription, FieldEntry, fields};
use super::fault::Fault;
use super::header::Header;
use super::plan::{Basis, Plan};
use super::rows::{RowDecoder, Rows};
use super::transaction::TransactionDraft;
use crate::ConfigError;

/// The kinds: `Kind = name, draft, what it is`, in the order of their numbers and, unless the draft says them itself, its fields.
macro_rules! record_kinds {
    ($($kind:ident = $name:literal, $draft:ident, $what:literal $({ $($field:tt)* })?;)*) => {
        /// What kind of record a row becomes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum RecordKind {
            $(
                #[doc = $what]
                #[serde(rename = $name)]
                $kind,
            )*
        }

        impl RecordKind {
            /// Every kind.
            pub const ALL: &[RecordKind] = &[$(RecordKind::$kind),*];

            /// The name in the configuration.
            pub const fn name(self) -> &'static str {
                match self {
                    $(RecordKind::$kind => $name,)*
                }
            }

            /// What it is, as a sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(RecordKind::$kind => $what,)*
                }
            }

            /// What can be done with its records.
            pub(crate) const fn drafting(self) -> Drafting {
                match self {
                    $(RecordKind::$kind => Drafting::of::<$draft>(),)*
                }
            }
        }

        $($(
            impl Draft for $draft {
                const FIELDS: &'static [&'static [FieldEntry<Self>]] =
                    &[fields! { $kind, draft => draft, record => record; $($field)* }];

                fn new(source: SourceId) -> Self {
                    $draft { source, ..$draft::default() }
                }

                fn finish(self) -> Record {
                    Record::$kind(self.into())
                }
            }
        )?)*
    };
}

record_kinds! {
    Trade = "trade", TradeBuilder, "A trade.";

    Allocation = "allocation", Allocation, "A part of a trade given to an account." {
        id: Symbol Identity ["AL-1", "AL-2"] "Its own id on its source.";
        trade: Symbol Required ["E-7001", "E-7001"] "What links it to its trade: the value of the field by which the tier `identifier` matches.";
        account: Symbol Optional ["A-1", "A-2"] "The account that receives this part.";
        quantity: Quantity Optional ["60", "40"] "How much of the trade.";
    };

    Confirmation = "confirmation", Confirmation, "A person says that two trades are the same." {
        id: Symbol Identity ["C-1", "C-2"] "Its own id on its source.";
        reconciliation: Symbol Required ["trades", "trades"] "The reconciliation that it speaks about.";
        left: Symbol Required ["T-1001", "T-1002"] "The id of the trade on the anchor side.";
        right: Symbol Required ["9001", "9002"] "The id of the trade on the other side.";
        by: Symbol Optional ["mlee", "kbauer"] "Who says so.";
    };

    Transaction = "transaction", TransactionDraft, "What happened to one security in one portfolio.";

    Instrument = "instrument", Instrument, "A security, a contract or a kind of cash." {
        id: Symbol Identity ["ACME", "TREASURY 2031"] "Its id: what transactions and prices call `security`.";
        name: Symbol Optional ["Acme Corporation", "Treasury 3.5% 2031"] "What people call it.";
        product: Product Optional ["EQUITY", "BOND"] "What kind of instrument.";
        currency: Currency Optional ["USD", "USD"] "The currency that it is priced in.";
        multiplier: Quantity Optional ["1", "0.01"] "What one unit is worth at a price of one: 50 for a future on an index, 0.01 for a bond that is priced in per cent. One where nothing is known.";
        tick_size: Price Optional ["0.01", "0.015625"] "The smallest step of its price.";
        maturity_date: Date Optional ["", "2031-05-15"] "The day it ends.";
        isin: Symbol Optional ["US0378331005", ""] "The ISIN, beside its id.";
        asset_class: Symbol Optional ["equities", "government bonds"] "Its asset class, in the words of the house.";
        sector: Symbol Optional ["industry", ""] "Its sector.";
        country: Symbol Optional ["US", "US"] "The country of its risk.";
        rating: Symbol Optional ["", "AA+"] "Its rating.";
        issuer: Symbol Optional ["Acme", "US Treasury"] "Who issued it.";
        ultimate_parent: Symbol Optional ["Acme Holding", ""] "Who stands behind the issuer in the end.";
    };

    Portfolio = "portfolio", Portfolio, "Whose books are kept, in which currency and by which rules." {
        id: Symbol Identity ["GROWTH", "BALANCED"] "Its id: what transactions call `portfolio`.";
        name: Symbol Optional ["Global growth", "Balanced income"] "What people call it.";
        base_currency: Currency Optional ["USD", "EUR"] "The currency that it is valued in.";
        cost_method: CostMethod Optional ["fifo", "average"] "Which lots its sales relieve; what the configuration says where nothing is known.";
        oversell: Oversell Optional ["refuse", "short"] "What becomes of a sale of more than is held; what the configuration says where nothing is known.";
        mandate: Symbol Optional ["equities", "mixed"] "The mandate that it is managed by.";
        manager: Symbol Optional ["mlee", "kbauer"] "Who manages it.";
        fund: Symbol Optional ["F-1", "F-2"] "The fund that it belongs to.";
        benchmark: Symbol Optional ["WORLD", "MIXED"] "What it is compared with.";
        inception_date: Date Optional ["2025-01-02", ""] "The day its performance counts from; the day of its first transaction where nothing is known.";
    };

    MarketPrice = "market_price", MarketPrice, "What one unit of a security was worth at the end of a day." {
        security: Symbol Identity ["ACME", "ACME"] "The security: the id of an instrument.";
        price_date: Date Identity ["2026-03-16", "2026-03-17"] "The day.";
        price: Price Required ["52.25", "52.75"] "The price of one unit.";
        currency: Currency Optional ["USD", "USD"] "The currency of the price.";
    };

    FxRate = "fx_rate", FxRate, "What one unit of a currency was worth in another at the end of a day." {
        from_currency: Currency Identity ["EUR", "EUR"] "The currency of which one unit is priced.";
        to_currency: Currency Identity ["USD", "USD"] "The currency that it is priced in.";
        rate_date: Date Identity ["2026-03-16", "2026-03-17"] "The day.";
        rate: Rate AboveZero ["1.0845", "1.0862"] "How much of the second currency buys one unit of the first.";
    };

    BenchmarkLevel = "benchmark_level", BenchmarkLevel, "The level of an index at the end of a day." {
        benchmark: Symbol Identity ["WORLD", "WORLD"] "The index: what portfolios call `benchmark`.";
        level_date: Date Identity ["2026-03-16", "2026-03-17"] "The day.";
        level: Price Required ["3120.45", "3131.02"] "Its level, with all income in it.";
    };

    RiskFreeRate = "risk_free_rate", RiskFreeRate, "What money earned without risk, as a rate for a year." {
        currency: Currency Identity ["USD", "EUR"] "The currency of the money.";
        rate_date: Date Identity ["2026-03-16", "2026-03-16"] "The day from which it holds.";
        annual_rate: Rate Required ["0.0425", "0.0215"] "The rate of a year as a decimal: 0.05 is five per cent.";
    };
}

impl Default for RecordKind {
    fn default() -> RecordKind {
        RecordKind::Trade
    }
}

impl RecordKind {
    /// Its fields, in the order of its records.
    pub fn fields(self) -> Vec<FieldDescription> {
        (self.drafting().fields)()
    }

    /// The number of the kind.
    pub(crate) fn number(self) -> u16 {
        (self.drafting().empty)(SourceId(0)).number()
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<RecordKind> {
        RecordKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

type Columned = ByField<ColumnName>;

/// What can be done with the records of a kind, by its draft.
pub(crate) struct Drafting {
    /// A record of which only the source is known.
    pub(crate) empty: fn(SourceId) -> Record,
    /// Its fields.
    pub(crate) fields: fn() -> Vec<FieldDescription>,
    /// Whether it has attributes.
    pub(crate) has_attributes: bool,
    /// Checks what a configuration says of it.
    pub(crate) check: fn(&Basis, &Columned) -> Result<(), ConfigError>,
    /// What makes records of rows of texts.
    pub(crate) rows: fn(&Basis, &Columned, &Header) -> Result<Box<dyn RowDecoder>, Fault>,
    /// What makes records of batches.
    pub(crate) columns: fn(&Basis, &Columned, &Schema) -> Result<Box<dyn ColumnDecoder>, Fault>,
    /// Makes records of rows that hold all of them exactly, each of its source. What a column is called depends on the field.
    pub(crate) restore: Restore,
}

/// See [`Drafting::restore`].
pub(crate) type Restore =
    fn(&RecordBatch, &[SourceId], &Dictionary, &dyn Fn(&FieldDescription) -> String) -> Result<Vec<Record>, String>;

impl Drafting {
    /// What can be done by these drafts.
    pub(crate) const fn of<D: Draft>() -> Drafting {
        Drafting {
            empty: |source| D::new(source).finish(),
            fields: || D::fields().map(FieldEntry::description).collect(),
            has_attributes: D::ATTRIBUTES,
            check: |basis, columns| Plan::<D>::new(basis, columns).map(drop),
            rows: |basis, columns, header| Ok(Box::new(Rows::new(plan::<D>(basis, columns)?, header)?)),
            columns: |basis, columns, schema| Ok(Box::new(Columns::new(plan::<D>(basis, columns)?, schema)?)),
            restore: restored::<D>,
        }
    }

    /// Of trades of which no detail is known.
    pub(crate) const TRADES_WITHOUT_DETAIL: Drafting = Drafting::of::<Trade>();
}

fn plan<D: Draft>(basis: &Basis, columns: &Columned) -> Result<Plan<D>, Fault> {
    Plan::new(basis, columns).map_err(|error| Fault::new(format!("{}: {}", error.key, error.what), error.help))
}
