//! Reconciliation: trades, and what became of them.

use super::STEP;
use crate::lineage::Of::{Same, SameOrMissing};
use crate::lineage::{Lineage, Step, Told};

/// Of trades, and of the views of reconciliations.
pub(super) const LINEAGES: &[Lineage] = &[
    Lineage { view: "trades", tells: &["side", "trade_date", "quantity", "price"], steps: &[] },
    Lineage {
        view: "matches",
        tells: &["tier", "status", "score"],
        steps: &[
            Step {
                what: "the trade of the anchor",
                view: "trades",
                on: &[("source", Same("source")), ("id", Same("trade_id"))],
                ..STEP
            },
            Step {
                what: "its counterpart",
                view: "trades",
                on: &[("source", Same("other_source")), ("id", Same("other_trade_id"))],
                ..STEP
            },
        ],
    },
    Lineage {
        view: "breaks",
        tells: &["type", "field", "severity", "left_value", "right_value"],
        steps: &[
            Step {
                what: "the trade that it is about, on every source that tells of it",
                view: "trades",
                on: &[("id", Same("trade_id"))],
                ..STEP
            },
            Step {
                what: "the other trade, on every source that tells of it",
                view: "trades",
                on: &[("id", Same("other_trade_id"))],
                ..STEP
            },
            Step {
                what: "the match",
                view: "matches",
                on: &[
                    ("reconciliation", Same("reconciliation")),
                    ("side", Same("side")),
                    ("trade_id", Same("trade_id")),
                    ("other_trade_id", Same("other_trade_id")),
                ],
                ..STEP
            },
        ],
    },
    Lineage {
        view: "break_summary",
        tells: &["breaks"],
        steps: &[Step {
            what: "the breaks",
            view: "breaks",
            on: &[
                ("reconciliation", Same("reconciliation")),
                ("side", Same("side")),
                ("type", Same("type")),
                ("counterparty", SameOrMissing("counterparty")),
                ("desk", SameOrMissing("desk")),
                ("trade_date", SameOrMissing("trade_date")),
            ],
            ..STEP
        }],
    },
    Lineage {
        view: "match_rates",
        tells: &["trades", "paired", "matched"],
        steps: &[Step {
            what: "the trades",
            view: "trades",
            on: &[("source", Same("source")), ("trade_date", SameOrMissing("trade_date"))],
            told: Told::RowsAlone,
            ..STEP
        }],
    },
    Lineage {
        view: "conservation",
        tells: &["records_in", "matched", "broken"],
        steps: &[
            Step { what: "the trades", view: "trades", on: &[("source", Same("source"))], told: Told::Count, ..STEP },
            Step {
                what: "the records that were refused",
                view: "dead_letters",
                on: &[("source", Same("source"))],
                told: Told::RowsAlone,
                ..STEP
            },
        ],
    },
];
