//! Reconciliation through the engine: against a naive oracle, in any order on any number of workers, and in stories.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../kit/mod.rs"]
mod kit;
#[path = "../oracle/mod.rs"]
mod oracle;

mod against_oracle;
mod any_order;
mod hot_blocks;
mod stories;

use model::Dictionary;
use proptest::prelude::ProptestConfig;

use kit::records::LONG_NAME;

/// Few cases, as all tests share two cores; `PROPTEST_CASES` asks for more.
fn cases(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() }
}

fn dictionary() -> Dictionary {
    let dictionary = Dictionary::new();
    dictionary.intern(LONG_NAME);
    dictionary
}

/// What every configuration of these tests compares, and how.
const RULES: &str = r#"
    compare = ["instrument", "side", "currency", "quantity", "price", "fees", "settlement_date", "counterparty"]
    authority = { default = ["internal"], fees = ["broker", "internal"], price = ["broker"] }
    tolerance = [
        { field = "price", basis_points = "1" },
        { field = "price", product = "bond", ticks = 2, tick_size = "0.01" },
        { field = "quantity", product = "bond", absolute = "0.000001" },
        { field = "fees", percent = "40" },
        { field = "settlement_date", business_days = 1, product = "bond" },
    ]
    severity = { fees_mismatch = "high", missing_internal = "critical" }
"#;

const TWO_SIDES: &str = r#"
    sides = ["internal", { name = "broker", sources = ["broker_a", "broker_b"] }]
    allocations = { internal = ["internal_allocations"], broker = ["broker_allocations"] }
"#;

const THREE_SIDES: &str = r#"
    sides = ["internal", { name = "broker", sources = ["broker_a", "broker_b"] }, "custodian"]
"#;

/// The configuration of a reconciliation `r`.
fn reconciliation(head: &str, tiers: &[&str]) -> String {
    named_reconciliation("r", &format!("{head}\n{RULES}"), tiers)
}

fn named_reconciliation(name: &str, head: &str, tiers: &[&str]) -> String {
    let tiers: String = tiers.iter().map(|tier| format!("[[reconciliation.{name}.tier]]\n{tier}\n")).collect();
    format!("[reconciliation.{name}]\n{head}\n{tiers}")
}

/// Two reconciliations side by side, with all kinds of tiers.
fn everything() -> String {
    let two = format!("{TWO_SIDES}\n{RULES}\nconfirmations = [\"analysts\"]");
    let three = format!("{THREE_SIDES}\n{RULES}");
    named_reconciliation("r", &two, &[BY_EXECUTION, BY_ECONOMICS, BY_TOLERANCE, BY_SCORE, BY_BLOCK])
        + &named_reconciliation("s", &three, &[BY_ID, BY_WEIGHTS, BY_REFERENCE])
}

const BY_ID: &str = r#"kind = "identifier"
field = "id""#;
const BY_EXECUTION: &str = r#"kind = "identifier"
field = "execution_id""#;
const BY_REFERENCE: &str = r#"kind = "identifier"
field = "reference""#;
const BY_ECONOMICS: &str = r#"kind = "economics"
fields = ["instrument", "side", "quantity", "price", "trade_date"]"#;
const BY_TOLERANCE: &str = r#"kind = "tolerance"
by = ["instrument", "trade_date"]"#;
const BY_SCORE: &str = r#"kind = "scored"
model = "trades""#;
const BY_WEIGHTS: &str = r#"kind = "scored"
model = "weighted""#;
const BY_BLOCK: &str = r#"kind = "aggregate"
by = ["block_id", "account"]"#;
