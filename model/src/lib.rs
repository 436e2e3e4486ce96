//! What the records are: trades and their details, allocations, confirmations, scoring models; the symbols,
//! fixed-point numbers, dates and codes they are made of; the identifiers of finance; calendars.
//!
//! Everything here is a plain value: equal inputs give equal bytes on every worker, replay and version, and no
//! number is ever a float.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod calendar;
mod codes;
mod currency;
mod date;
mod dictionary;
mod field;
mod fixed;
pub mod identifiers;
mod number;
mod record;
mod severity;
mod symbol;
mod timestamp;
mod trade;
mod value;
mod written_time;

pub use calendar::{Calendar, CalendarError};
pub use codes::{CodeError, OpenClose, OptionKind, Product, Side};
pub use currency::Currency;
pub use date::{Date, DateError, Weekday};
pub use dictionary::Dictionary;
pub use field::{Field, FieldKind};
pub use fixed::{Amount, Price, Quantity};
pub use number::{NumberError, NumberFormat};
pub use record::{Allocation, Confirmation, Record, ScoringModel};
pub use severity::Severity;
pub use symbol::Symbol;
pub use timestamp::Timestamp;
pub use trade::{FieldError, SourceId, Trade, TradeBuilder, TradeDetail};
pub use value::Value;
