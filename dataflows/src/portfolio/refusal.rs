//! Why a transaction cannot be booked. It changes nothing, and is told to a person.

use std::fmt;

use model::{Currency, Quantity, Symbol};
use serde::{Deserialize, Serialize};

/// What stands in the way of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The transaction has no type.
    #[error("the type of the transaction is not known")]
    UnknownType,
    /// A field that its type needs is not known.
    #[error("`{0}` is not known")]
    Missing(Needed),
    /// It is dated before 1900: series of so many days are a mistake.
    #[error("it is dated before 1900")]
    TooEarly,
    /// It is dated after 2199, as sources do that have no date to give.
    #[error("it is dated after 2199")]
    TooLate,
    /// A field is zero or below, where it must be above.
    #[error("`{0}` is not above 0")]
    NotPositive(Needed),
    /// A field is below zero, where it must not be.
    #[error("`{0}` is below 0")]
    Negative(Needed),
    /// An expense of the portfolio is paid to it, so that more would be left after fees than before them.
    #[error("it is an expense, but more comes in than goes out")]
    ExpenseComesIn,
    /// `cost_share` is no share.
    #[error("`cost_share` is not between 0 and 1")]
    NoShare,
    /// The amounts are in another currency than the cost of what is held.
    #[error("its amounts are in {}, but the cost of what is held is in {}", named(*given), named(*held))]
    OtherCurrency {
        /// The currency of the book.
        held: Currency,
        /// The currency of the transaction.
        given: Currency,
    },
    /// More is sold or given away than is held.
    #[error("{wanted} units leave, but {held} are held")]
    Oversold {
        /// The units held, below zero for a short position.
        held: Quantity,
        /// The units that should leave.
        wanted: Quantity,
    },
    /// A corporate action finds no units.
    #[error("no units are held that it could change")]
    NothingHeld,
    /// A named lot is not open.
    #[error("lot `{0}` is not open")]
    UnknownLot(Symbol),
    /// A named lot has fewer units than are named.
    #[error("lot `{lot}` has {held} units left, but {wanted} are named")]
    LotTooSmall {
        /// The lot.
        lot: Symbol,
        /// What is left of it.
        held: Quantity,
        /// What is named.
        wanted: Quantity,
    },
    /// The named lots give less than what leaves, or more.
    #[error("{named} units of lots are named, but {wanted} leave")]
    LotsDiffer {
        /// The units that are named.
        named: Quantity,
        /// The units that should leave.
        wanted: Quantity,
    },
    /// A corporate action names the security itself as the other one.
    #[error("`other_security` is the security itself")]
    IntoItself,
    /// A corporate action would leave or give less than the smallest quantity.
    #[error("less than {} units would come of it", Quantity::from_scaled(1))]
    NothingLeft,
    /// A merger that gives cash beside units.
    #[error("it gives cash beside units of `{0}`")]
    CashBesideUnits(Symbol),
    /// A number would not fit.
    #[error("an amount or a quantity would be too large")]
    TooLarge,
}

/// A field that a transaction of some type needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Needed {
    Quantity,
    GrossAmount,
    FxToBase,
    Side,
    TradeDate,
    SettlementDate,
    Ratio,
    CostShare,
    OtherSecurity,
    Security,
}

impl Needed {
    /// The name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Needed::Quantity => "quantity",
            Needed::GrossAmount => "gross_amount",
            Needed::FxToBase => "fx_to_base",
            Needed::Side => "side",
            Needed::TradeDate => "trade_date",
            Needed::SettlementDate => "settlement_date",
            Needed::Ratio => "ratio",
            Needed::CostShare => "cost_share",
            Needed::OtherSecurity => "other_security",
            Needed::Security => "security",
        }
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn named(currency: Currency) -> String {
    if currency.is_none() { "no currency".to_owned() } else { currency.to_string() }
}

impl Refusal {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            Refusal::UnknownType => "map the source's own type to one of the known types",
            Refusal::Missing(Needed::FxToBase) => {
                "give the rate into the portfolio's base currency; it is only 1 where both currencies are the same"
            }
            Refusal::Missing(Needed::Ratio) => "give `new` and `old`, such as 3 for 1, or the quantity",
            Refusal::Missing(_) => "give it; the type of the transaction needs it",
            Refusal::NotPositive(_) | Refusal::Negative(_) => {
                "give it without a sign; the type of the transaction says which way it goes"
            }
            Refusal::ExpenseComesIn => {
                "correct `fees`, or tell what is paid back as a type that is no expense, such as DEPOSIT"
            }
            Refusal::NoShare => "give the share of the cost that goes to the other security, such as 0.25",
            Refusal::OtherCurrency { held, given } if held.is_none() || given.is_none() => {
                "give the `currency` of all transactions of the security"
            }
            Refusal::OtherCurrency { .. } => {
                "convert the amounts at the source, or book the other line as its own security"
            }
            Refusal::Oversold { .. } => {
                "an earlier purchase may be late; else correct it, or set `oversell = \"short\"` for the portfolio"
            }
            Refusal::NothingHeld => {
                "an earlier purchase may be late; else the transaction belongs to another portfolio"
            }
            Refusal::UnknownLot(_) => {
                "name the transaction that opened the lot; it may be late, or the lot sold already"
            }
            Refusal::LotTooSmall { .. } | Refusal::LotsDiffer { .. } => "name other lots, or correct the quantities",
            Refusal::IntoItself => "name the security that its units become or that is given beside them",
            Refusal::NothingLeft => "correct the ratio, or sell the units for the cash that is given instead",
            Refusal::CashBesideUnits(_) => {
                "book the cash as a sale of a part of the units before the merger, and leave it out here"
            }
            Refusal::TooEarly => "correct the date; a year of two digits may have been read as it stands",
            Refusal::TooLate => "give the date, or leave the field empty where it is not known",
            Refusal::TooLarge => "correct the numbers of the transaction",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_currency_is_missing_that_is_what_is_told() {
        let refusal = Refusal::OtherCurrency { held: Currency::NONE, given: Currency::parse("USD").unwrap() };
        assert_eq!(refusal.to_string(), "its amounts are in USD, but the cost of what is held is in no currency");
        assert_eq!(refusal.help(), "give the `currency` of all transactions of the security");
    }

    #[test]
    fn a_refusal_says_what_happened_and_what_to_do() {
        let refusal =
            Refusal::Oversold { held: Quantity::from_scaled(1_500_000), wanted: Quantity::from_scaled(2_000_000) };
        assert_eq!(refusal.to_string(), "2 units leave, but 1.5 are held");
        assert!(refusal.help().contains("late"));
        assert_eq!(Refusal::NothingLeft.to_string(), "less than 0.000001 units would come of it");
        assert_eq!(Refusal::Missing(Needed::FxToBase).to_string(), "`fx_to_base` is not known");
    }
}
