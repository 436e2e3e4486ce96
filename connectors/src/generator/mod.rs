//! A market day as two or three sides tell it, with everything that goes wrong on the way, and the truth about it.
//!
//! ```text
//!  DaySpec ──▶ Market ──▶ Story of trade 0, 1, 2 … ──▶ Day: messages in order of arrival ──▶ files, or a live source
//!  (seed)     (prices)       │  agreed terms, faults
//!                            └──────────────────────▶ truth: what a perfect reconciliation says in the end
//! ```
//! [`books`] are generated in the same way: portfolios, their transactions, and what to value them by.
//!
//! Everything is a pure function of the specification: any trade can be drawn at any time, nothing is kept, and equal
//! specifications give equal bytes. All companies, people and securities are invented.

pub mod books;
mod day;
mod faults;
mod ids;
mod market;
mod random;
mod source;
mod spec;
mod story;
mod telling;
#[cfg(test)]
mod tests;
mod truth;
mod write;

pub use day::{Day, Message};
pub use faults::FaultRates;
pub use source::{GENERATION, GeneratorConfig, GeneratorSource};
pub use spec::{DaySpec, SIDE_NAMES, TRADES_MAX};
pub use story::{FEES_TOLERANCE_CENTS, Kind, PRICE_TOLERANCE_BASIS_POINTS};
pub use truth::{Outcome, Truth, truth};
pub use write::{Summary, write_files};

pub(crate) use write::push_csv_texts;
