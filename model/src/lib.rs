//! What the records are: trades and their details, allocations, confirmations, scoring models; portfolios, instruments
//! and transactions, and the policies that their cost is kept by; limits; prices, exchange rates and benchmarks;
//! funds and the margin that is submitted for them; the symbols, fixed-point numbers, dates and codes they are made of;
//! the identifiers of finance; calendars.
//!
//! Everything here is a plain value: equal inputs give equal bytes on every worker, replay and version, and no
//! number is ever a float.
//!
//! ```
//! use model::{Currency, NumberFormat, Price, Side, SourceId, Symbol, TradeBuilder};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = TradeBuilder::new(SourceId(0));
//! let trade = builder.trade_mut();
//! trade.id = Symbol::of("T-1001");
//! trade.side = Side::parse("sell")?;
//! trade.currency = Currency::parse("EUR")?;
//! trade.price = Price::parse("99.125", &NumberFormat::default())?;
//! assert_eq!(builder.finish().price.to_string(), "99.125");
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod calendar;
mod codes;
mod cost_policy;
mod currency;
mod date;
mod dictionary;
mod field;
mod fixed;
mod funds;
pub mod identifiers;
mod instrument;
mod limit;
mod market_data;
mod number;
mod portfolio;
mod record;
mod severity;
mod symbol;
mod timestamp;
mod trade;
mod transaction;
mod value;
mod written_time;

pub use calendar::{Calendar, CalendarError};
pub use codes::{
    CodeError, ExposureDimension, LimitMeasure, LimitScope, OpenClose, OptionKind, Product, Side, TransactionType,
};
pub use cost_policy::{CostMethod, OversellPolicy};
pub use currency::Currency;
pub use date::{Date, DateError, Weekday};
pub use dictionary::Dictionary;
pub use field::{Field, FieldKind};
pub use fixed::{Amount, Price, Quantity, Rate};
pub use funds::{
    AssetType, FundAum, FundAumDay, FundExposure, FundFigures, FundPosition, MarginException, MarginSubmission,
    MarginValidation,
};
pub use instrument::Instrument;
pub use limit::Limit;
pub use market_data::{BenchmarkLevel, FxRate, MarketPrice, RiskFreeRate, Sensitivity};
pub use number::{NumberError, NumberFormat};
pub use portfolio::Portfolio;
pub use record::{Allocation, Confirmation, Record, ScoringModel};
pub use severity::Severity;
pub use symbol::Symbol;
pub use timestamp::Timestamp;
pub use trade::{FieldError, SourceId, Trade, TradeBuilder, TradeDetail};
pub use transaction::{LotReference, Ratio, Transaction, TransactionDetail};
pub use value::Value;
