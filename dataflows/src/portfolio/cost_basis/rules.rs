//! By which rules the books of a portfolio are kept.

use model::{CostMethod, Currency, OversellPolicy};
use serde::{Deserialize, Serialize};

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
}
