//! Which kinds of records there are, and the fields of each: the one place where a kind is added.
//!
//! The table says for each kind its name in the configuration, what it is, and its fields. From it come how rows are
//! read, how snapshots hold records, the templates and the tables of the book. A kind that needs a draft of its own,
//! because its fields are not all in one struct, names that instead of fields: see `transaction`.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use model::{
    Allocation, AssetType, BenchmarkLevel, Confirmation, Dictionary, FundAumDay, FundExposure, FundPosition, FxRate,
    Instrument, Limit, MarginException, MarginSubmission, MarginValidation, MarketPrice, Portfolio, Record,
    RiskFreeRate, Sensitivity, SourceId, Trade, TradeBuilder,
};
use serde::{Deserialize, Serialize};

use super::columns::{ColumnDecoder, Columns, restored};
use super::config::{ByField, ColumnName};
use super::draft::{Draft, FieldDescription, FieldEntry, fields};
use super::fault::Fault;
use super::fund_aum::FundAumDraft;
use super::header::Header;
use super::plan::{Basis, Plan};
use super::rows::{RowDecoder, Rows};
use super::transaction::TransactionDraft;
use crate::ConfigError;

/// The kinds: `Kind = name, draft, what it is`, in the order of their numbers and, unless the draft says them itself,
/// its fields.
macro_rules! record_kinds {
    ($($(#[$meta:meta])* $kind:ident = $name:literal, $draft:ident, $what:literal $({ $($field:tt)* })?;)*) => {
        /// What kind of record a row becomes.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum RecordKind {
            $(
                #[doc = $what]
                $(#[$meta])*
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
    #[default]
    Trade = "trade", TradeBuilder, "A trade.";

    Allocation = "allocation", Allocation, "A part of a trade given to an account." {
        id: Symbol Identity ["AL-1", "AL-2"] "Its own id on its source.";
        trade: Symbol Required ["E-7001", "E-7001"]
            "What links it to its trade: the value of the field by which the tier `identifier` matches.";
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
        multiplier: Quantity AboveZeroIfKnown ["1", "0.01"]
            "What one unit is worth at a price of one: 50 for a future on an index, 0.01 for a bond that is priced in per cent. One where nothing is known.";
        tick_size: Price Optional ["0.01", "0.015625"] "The smallest step of its price.";
        maturity_date: Date Optional ["", "2031-05-15"] "The day it ends.";
        isin: Symbol Optional ["US0378331005", ""] "The ISIN, beside its id.";
        asset_class: Symbol Optional ["equities", "government bonds"] "Its asset class, in the words of the house.";
        sector: Symbol Optional ["industry", ""] "Its sector.";
        country: Symbol Optional ["US", "US"] "The country of its risk.";
        rating: Symbol Optional ["", "AA+"] "Its rating.";
        issuer: Symbol Optional ["Acme", "US Treasury"] "Who issued it.";
        ultimate_parent: Symbol Optional ["Acme Holding", ""] "Who stands behind the issuer in the end.";
        counterparty: Symbol Optional ["", ""]
            "The other side of a contract over the counter, such as a swap, a forward or a deposit. What is listed has none.";
    };

    Portfolio = "portfolio", Portfolio, "Whose books are kept, in which currency and by which rules." {
        id: Symbol Identity ["GROWTH", "BALANCED"] "Its id: what transactions call `portfolio`.";
        name: Symbol Optional ["Global growth", "Balanced income"] "What people call it.";
        base_currency: Currency Optional ["USD", "EUR"] "The currency that it is valued in.";
        cost_method: CostMethod Optional ["fifo", "average"]
            "Which lots its sales relieve; what the configuration says where nothing is known.";
        oversell: Oversell Optional ["refuse", "short"]
            "What becomes of a sale of more than is held; what the configuration says where nothing is known.";
        mandate: Symbol Optional ["equities", "mixed"] "The mandate that it is managed by.";
        manager: Symbol Optional ["mlee", "kbauer"] "Who manages it.";
        fund: Symbol Optional ["F-1", "F-2"] "The fund that it belongs to.";
        benchmark: Symbol Optional ["WORLD", "MIXED"] "What it is compared with.";
        inception_date: Date Optional ["2025-01-02", ""]
            "The day its performance counts from; the day of its first transaction where nothing is known.";
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

    AssetType = "asset_type", AssetType, "What kind of asset a code stands for." {
        id: Symbol Identity ["OTC SWAP", "OFFSHORE"] "The code.";
        name: Symbol Optional ["swap over the counter", "asset abroad"] "What it stands for.";
        loaded_at: Time Optional ["2026-03-16T08:00:00Z", "2026-03-16T08:00:00Z"] "When it was loaded.";
    };

    FundAum = "fund_aum", FundAumDraft, "A fund and its assets under management, as one batch has them.";

    FundAumDay = "fund_aum_day", FundAumDay, "What a fund's assets under management were on a day." {
        fund: Symbol Identity ["1000", "1000"] "The fund.";
        aum_date: Date Identity ["2026-02-26", "2026-02-27"] "The day.";
        loaded_at: Time Identity ["2026-03-16T08:00:00Z", "2026-03-16T08:00:00Z"] "When it was loaded.";
        opening_aum: Amount Optional ["151000000", "151400000"] "At the start of the day.";
        closing_aum: Amount Optional ["151400000", "152000000"] "At the end of the day.";
        load_id: Symbol Optional ["91", "92"] "The number that the source has given to the row; it decides nothing.";
    };

    MarginSubmission = "margin_submission", MarginSubmission,
        "The margin that the manager of a fund submitted, as one batch has it." {
        fund: Symbol Identity ["1000", "1001"] "The fund.";
        submitted_at: Time IdentityIfKnown ["2026-03-12T17:20:00Z", "2026-03-13T09:05:00Z"] "When it was submitted.";
        loaded_at: Time Identity ["2026-03-16T08:00:00Z", "2026-03-16T08:00:00Z"] "When the batch was loaded.";
        name: Symbol Optional ["Atlantic macro", "Harbour credit"] "What the manager calls the fund.";
        tax_id: Symbol Optional ["12.345.678/0001-90", ""] "The number of the fund with the tax authority.";
        manager_id: Symbol Optional ["M-1", "M-2"] "The manager's id.";
        status: Symbol Optional ["received", "received"] "The state of the submission, in the words of the source.";
        methodology: Symbol Optional ["stress", "stress"] "How the margin was computed.";
        local_margin: Amount Optional ["1200000", "300000"] "The margin that is asked for at home.";
        offshore_margin: Amount Optional ["450000", "0"] "The margin that is asked for abroad.";
    };

    FundPosition = "fund_position", FundPosition, "What an exposed fund holds of something, as one batch has it." {
        fund: Symbol Identity ["1000", "1000"] "The fund.";
        nickname: Symbol IdentityIfKnown ["SWAP CDI", "FUND LUX"] "What the asset is called for short.";
        portfolio_date: Date IdentityIfKnown ["2026-03-13", "2026-03-13"]
            "The day of the portfolio that it is part of.";
        loaded_at: Time Identity ["2026-03-16T08:00:00Z", "2026-03-16T08:00:00Z"] "When the batch was loaded.";
        notional: Amount IdentityIfKnown ["5000000", ""]
            "The amount that it is a contract on. It tells swaps of one nickname apart, as their legs do.";
        received_leg: Amount IdentityIfKnown ["5100000", ""] "What a swap's leg that is received is worth.";
        paid_leg: Amount IdentityIfKnown ["5080000", ""] "What a swap's leg that is paid is worth.";
        position_date: Date Optional ["2026-03-13", "2026-03-13"] "The day that the position is of.";
        classification: Symbol Optional ["SWAP", "OFFSHORE"] "How it is classified, in the words of the source.";
        classification_id: Symbol Optional ["7", "9"] "The code of its classification.";
        asset: Symbol Optional ["A-71", "A-90"] "The code of the asset.";
        asset_type: Symbol Optional ["OTC SWAP", "OFFSHORE"] "The code of the `asset_type`.";
        isin: Symbol Optional ["", "US0378331005"] "The ISIN.";
        price: Amount Optional ["1", "104.2"] "What one unit is worth.";
        quantity: Amount Optional ["5000000", "21000"] "How many units.";
        value: Amount Optional ["20000", "2188200"] "What it is worth.";
    };

    FundExposure = "fund_exposure", FundExposure, "A fund is exposed to something, as one batch has it." {
        fund: Symbol Identity ["1000", "1001"] "The fund.";
        origin: Symbol IdentityIfKnown ["OTC", "OFFSHORE"] "What it is exposed to, in the words of the source.";
        loaded_at: Time Identity ["2026-03-16T08:00:00Z", "2026-03-16T08:00:00Z"] "When the batch was loaded.";
    };

    MarginValidation = "margin_validation", MarginValidation,
        "Somebody looked at the margin that was submitted for a fund." {
        fund: Symbol Identity ["1000", "1001"] "The fund.";
        validated_at: Time IdentityIfKnown ["2026-03-13T10:00:00Z", "2026-03-13T11:30:00Z"] "When it was looked at.";
        loaded_at: Time Identity ["2026-03-16T08:00:00Z", "2026-03-16T08:00:00Z"] "When the batch was loaded.";
        name: Symbol Optional ["Atlantic macro", "Harbour credit"] "What people call the fund.";
        manager: Symbol Optional ["Atlantic", "Harbour"] "What people call the manager.";
        finding: Symbol Optional ["complete", "no stress told"] "What was found, in the words of the source.";
        is_valid: Truth Optional ["true", "false"] "Whether it is right; nothing is known where it is empty.";
    };

    MarginException = "margin_exception", MarginException,
        "A fund whose margin is taken as it is, or no longer is." {
        fund: Symbol Identity ["1000", "1001"] "The fund.";
        is_accepted: Flag Optional ["true", "false"] "Whether its margin counts as validated; not where it is empty.";
    };

    Limit = "limit", Limit, "How much there may be of something." {
        id: Symbol Identity ["L-1", "L-2"] "Its id.";
        measure: LimitMeasure Optional ["net", "weight"]
            "What is measured: an amount, or a share of a whole. A limit without one is refused.";
        breach_level: Amount Optional ["5000000", "0.1"]
            "Above this the limit is breached: an amount, or a share of a whole, where 0.05 is five per cent.";
        warning_level: Amount Optional ["4000000", "0.08"] "Above this there is a warning; never where nothing is known.";
        scope: LimitScope Optional ["portfolio", "portfolio"] "Of what it is set; of portfolios where nothing is known.";
        dimension: Dimension Optional ["sector", "ultimate_parent"]
            "By what exposures are added up; all in one where nothing is known.";
        name: Symbol Optional ["energy", "single names"] "What people call it.";
        portfolio: Symbol Optional ["GROWTH", ""] "The portfolio; each by itself where nothing is known.";
        group: Symbol Optional ["energy", ""] "The group of the dimension; each by itself where nothing is known.";
        scenario: Symbol Optional ["", ""] "The scenario, of a limit of what may be lost under stress.";
        currency: Currency Optional ["USD", ""]
            "The currency of the levels of an amount; that of what is measured where nothing is known.";
        valid_from: Date Optional ["2026-01-01", ""] "The first day that it holds; since ever where nothing is known.";
        valid_to: Date Optional ["", ""] "The last day that it holds; without end where nothing is known.";
    };

    Sensitivity = "sensitivity", Sensitivity, "How the price of a security changes with what it depends on, as of the end of a day." {
        security: Symbol Identity ["ACME CALL 60 2026-12", "ACME CALL 60 2026-12"] "The security: the id of an instrument.";
        sensitivity_date: Date Identity ["2026-03-16", "2026-03-17"] "The day.";
        vega: Price Required ["0.1185", "0.1172"]
            "How much the price of one unit gains if the implied volatility rises by one point, such as from 20 to 21 per cent; in the currency of the price.";
    };
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
type Made<T> = Result<Box<T>, Fault>;

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
    pub(crate) rows: fn(&Basis, &Columned, &Header) -> Made<dyn RowDecoder>,
    /// What makes records of batches.
    pub(crate) columns: fn(&Basis, &Columned, &Schema) -> Made<dyn ColumnDecoder>,
    /// Makes records of rows that hold all of them exactly, each of its source. What a column is called depends on the
    /// field.
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
