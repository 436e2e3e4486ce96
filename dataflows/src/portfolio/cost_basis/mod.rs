//! Cost basis: the lots of a position, what a transaction does to them, and the gains it realises.
//!
//! ```text
//!  transactions of one portfolio and security, in ProcessingOrder
//!        │
//!        ▼
//!  Book ── apply ──▶ Book ── apply ──▶ Book …        the state: lots, their quantity and cost
//!            │                 │
//!            ▼                 ▼
//!         Effects           Refusal                  disposals and gains │ why nothing happened
//!            │
//!            ▼
//!         Carried ── receive ──▶ Book                lots that a corporate action gives to another security
//! ```
//!
//! A [`Book`] is what an ordered fold over the transactions of its key keeps: it depends on what they are and not on when
//! they arrive, compares equal when the same lots are open, and its copies share
//! the lots that do not change. A transaction that cannot be
//! booked changes nothing and says why.
//!
//! | type | units | cost | gain |
//! |---|---|---|---|
//! | BUY, FX bought | come in | gross + fees + accrued interest | of owed units that are delivered |
//! | SELL, REDEMPTION, FX sold | leave | of the lots relieved | gross − fees − cost |
//! | TRANSFER_IN, DEPOSIT | come in | gross | of owed units that are delivered |
//! | TRANSFER_OUT, WITHDRAWAL | leave | of the lots relieved | none |
//! | SPLIT, REVERSE_SPLIT, STOCK_DIVIDEND | change in every lot | is kept | none |
//! | MERGER | leave, `new` for `old` of another security | goes with them | none |
//! | SPIN_OFF, RIGHTS_ISSUE | stay, `new` for `old` of another security | a share goes with them | none |
//! | RIGHTS_EXERCISE | leave, `new` for `old` of another security | goes with them, and what is paid | none |
//! | RIGHTS_EXPIRY | leave | of the lots relieved | the cost is lost |
//! | DIVIDEND, INTEREST, FEE, TAX, OTHER | stay | is kept | none |
//!
//! Amounts in base currency are the local ones times the transaction's own rate, so the base gain of a sale has the gain
//! on the currency in it. [`money`] says where rounding happens: every cost is, to the last decimal, what was relieved
//! of it and what is left.
//!
//! # Example
//! ```
//! use dataflows::portfolio::cost_basis::{Book, BookRules};
//! use model::{Amount, Currency, Date, NumberFormat, Quantity, Symbol, Transaction, TransactionType};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let usd = Currency::parse("USD")?;
//! let rules = BookRules { base_currency: usd, ..BookRules::default() };
//! let transaction = |id, kind, day, quantity: &str, gross: &str| -> Result<Transaction, model::NumberError> {
//!     Ok(Transaction {
//!         id: Symbol::of(id),
//!         security: Symbol::of("A"),
//!         transaction_type: kind,
//!         trade_date: Date::from_days(day),
//!         currency: usd,
//!         quantity: Quantity::parse(quantity, &NumberFormat::default())?,
//!         gross_amount: Amount::parse(gross, &NumberFormat::default())?,
//!         ..Transaction::default()
//!     })
//! };
//! let (book, _) = Book::default().apply(&rules, &transaction("B1", TransactionType::Buy, 1, "100", "20000")?);
//! let (book, sold) = book.apply(&rules, &transaction("S1", TransactionType::Sell, 2, "40", "8600")?);
//! assert_eq!(sold?.gain.map(|gain| gain.base.to_string()).as_deref(), Some("600"));
//! assert_eq!((book.quantity().to_string(), book.cost().base.to_string()), ("60".into(), "12000".into()));
//! let (book, refused) = book.apply(&rules, &transaction("S2", TransactionType::Sell, 3, "61", "9000")?);
//! assert_eq!(refused.map_err(|refusal| refusal.to_string()), Err("61 units leave, but 60 are held".into()));
//! assert_eq!(book.quantity().to_string(), "60");
//! # Ok(())
//! # }
//! ```

pub mod book;
mod corporate_actions;
pub mod effects;
pub mod lot;
mod lots;
pub mod money;
pub mod order;
mod relief;
pub mod rules;
#[cfg(test)]
mod tests;

pub use book::Book;
pub use effects::{Carried, Disposal, Effects};
pub use lot::Lot;
pub use money::Money;
pub use order::ProcessingOrder;
pub use rules::BookRules;
