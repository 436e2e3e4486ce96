//! By which policies the cost of a position is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which lots a sale relieves, and so what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostMethod {
    /// First in, first out: the oldest lot.
    #[default]
    Fifo,
    /// Last in, first out: the newest lot.
    Lifo,
    /// Highest in, first out: the lot that gives the least gain, in base currency.
    Hifo,
    /// All units cost the same.
    #[serde(alias = "avco")]
    Average,
    /// The lots that the transaction names; the oldest lot where it names none.
    SpecificLot,
}

impl CostMethod {
    /// Every method.
    pub const ALL: [CostMethod; 5] =
        [CostMethod::Fifo, CostMethod::Lifo, CostMethod::Hifo, CostMethod::Average, CostMethod::SpecificLot];

    /// The name in configuration and in views.
    pub const fn name(self) -> &'static str {
        match self {
            CostMethod::Fifo => "fifo",
            CostMethod::Lifo => "lifo",
            CostMethod::Hifo => "hifo",
            CostMethod::Average => "average",
            CostMethod::SpecificLot => "specific_lot",
        }
    }
}

impl fmt::Display for CostMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What becomes of a sale of more than is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OversellPolicy {
    /// It is refused whole: a row of `dead_letters`, which goes when a late purchase makes it good.
    #[default]
    Refuse,
    /// What is held is sold, and the rest opens a short position.
    Short,
}

impl OversellPolicy {
    /// Every policy.
    pub const ALL: [OversellPolicy; 2] = [OversellPolicy::Refuse, OversellPolicy::Short];

    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            OversellPolicy::Refuse => "refuse",
            OversellPolicy::Short => "short",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_named_as_in_configuration() {
        for method in CostMethod::ALL {
            assert_eq!(serde_json::to_string(&method).unwrap(), format!("\"{method}\""));
        }
        for policy in OversellPolicy::ALL {
            assert_eq!(serde_json::to_string(&policy).unwrap(), format!("\"{}\"", policy.name()));
        }
        assert_eq!(serde_json::from_str::<CostMethod>("\"avco\"").unwrap(), CostMethod::Average);
        assert!(serde_json::from_str::<CostMethod>("\"cheapest\"").is_err());
    }
}
