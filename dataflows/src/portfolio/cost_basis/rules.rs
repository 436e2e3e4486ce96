//! By which rules the books of a portfolio are kept.

use model::{CostMethod, Currency, OversellPolicy, Rate, Transaction};
use serde::{Deserialize, Serialize};

use crate::portfolio::refusal::{Needed, Refusal};

/// The rules of a portfolio's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BookRules {
    /// Which lots a sale relieves.
    pub method: CostMethod,
    /// What becomes of a sale of more than is held.
    pub oversell: OversellPolicy,
    /// The currency of the portfolio. Without it every transaction must say its rate.
    pub base_currency: Currency,
    /// Whether interest that a buyer pays for belongs to the cost.
    pub accrued_interest_in_cost: bool,
}

impl Default for BookRules {
    fn default() -> BookRules {
        BookRules {
            method: CostMethod::default(),
            oversell: OversellPolicy::default(),
            base_currency: Currency::NONE,
            accrued_interest_in_cost: true,
        }
    }
}

impl BookRules {
    /// The rate of a transaction into base currency, in units of [`Rate`]: 1 where both currencies are known to be the same,
    /// whatever it states; else its own. `None` where it is not known. One that is not above 0 is refused.
    pub fn base_rate(&self, transaction: &Transaction) -> Result<Option<i128>, Refusal> {
        match transaction.fx_to_base.scaled() {
            Some(stated) if stated <= 0 => Err(Refusal::NotPositive(Needed::FxToBase)),
            _ if !self.base_currency.is_none() && transaction.currency == self.base_currency => {
                Ok(Some(Rate::ONE_SCALED))
            }
            stated => Ok(stated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_configured() {
        let rules: BookRules =
            toml::from_str("method = \"hifo\"\noversell = \"short\"\nbase_currency = \"USD\"").unwrap();
        let usd = Currency::parse("USD").unwrap();
        assert_eq!((rules.method, rules.oversell, rules.base_currency), (CostMethod::Hifo, OversellPolicy::Short, usd));
        assert!(rules.accrued_interest_in_cost);
        let error = toml::from_str::<BookRules>("methode = \"hifo\"").unwrap_err().to_string();
        assert!(error.contains("methode") && error.contains("method"), "{error}");
    }

    #[test]
    fn a_currency_is_worth_one_of_itself_whatever_a_transaction_states() {
        let [usd, euro] = ["USD", "EUR"].map(|code| Currency::parse(code).unwrap());
        let (one, two, none) = (Some(Rate::ONE_SCALED), Some(2 * Rate::ONE_SCALED), Currency::NONE);
        let cases = [
            // base currency, currency of the transaction, the rate it states, the rate that counts
            (usd, usd, None, one),
            (usd, usd, two, one),
            (usd, euro, two, two),
            (usd, euro, None, None),
            (none, none, None, None),
            (none, euro, two, two),
        ];
        for (base_currency, currency, stated, counts) in cases {
            let fx_to_base = stated.map_or(Rate::NONE, Rate::from_scaled);
            let transaction = Transaction { currency, fx_to_base, ..Transaction::default() };
            let rules = BookRules { base_currency, ..BookRules::default() };
            assert_eq!(rules.base_rate(&transaction), Ok(counts), "{transaction:?}");
            let stated_wrongly = Transaction { fx_to_base: Rate::from_scaled(0), ..transaction };
            assert_eq!(rules.base_rate(&stated_wrongly), Err(Refusal::NotPositive(Needed::FxToBase)));
        }
    }
}
