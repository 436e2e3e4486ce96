//! The order in which managers are asked: funds that never submitted first, then by the day of their last submission.
//!
//! A rank is a fact about all funds: one that comes first moves every other. So the ranks are worked out when somebody
//! looks, and a change costs its own place.

use std::sync::Arc;

use engine::{Cell, ColumnKind, Key, Row, ViewSpec, Views};
use model::{Date, Symbol, Timestamp};
use operators::{Collection, arrange};
use serde::{Deserialize, Serialize};

use super::checks::MarginCheck;
use crate::table::{date_cell, spec, symbol_cell, time_cell};

/// A check, by its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placed {
    /// No date comes before every other.
    effective_date: Date,
    /// Funds that are numbers come in the order of numbers, before others.
    number: u64,
    fund: Symbol,
    origin: Symbol,
    submitted_at: Timestamp,
}

impl Placed {
    /// The place of a check.
    pub fn of(check: &MarginCheck) -> Self {
        Placed {
            effective_date: check.effective_date(),
            number: check.fund.inline_text().and_then(|fund| fund.parse().ok()).unwrap_or(u64::MAX),
            fund: check.fund,
            origin: check.origin,
            submitted_at: check.submitted_at,
        }
    }
}

/// Registers `margin_order`.
pub fn register<'scope>(checks: Collection<'scope, Arc<MarginCheck>>, views: &mut Views) {
    let placed = arrange(checks.map(|check| (Key::default(), Placed::of(&check))), "margin order");
    views.derived(view(), &placed, |_all, group, rows| {
        rows.extend((1..).zip(group).map(|(rank, (placed, count))| (row(rank, placed), *count)));
    });
}

fn row(rank: i64, placed: &Placed) -> Row {
    Row::new([
        symbol_cell(placed.fund),
        symbol_cell(placed.origin),
        time_cell(placed.submitted_at),
        Cell::Int(rank),
        date_cell(placed.effective_date),
    ])
}

fn view() -> ViewSpec {
    use ColumnKind::{Date, Int, Text, Time};
    let columns = [("fund", Text), ("origin", Text), ("submitted_at", Time), ("rank", Int), ("effective_date", Date)];
    spec(
        "margin_order",
        "The order in which to ask for margin: who never submitted, then who did longest ago.",
        &columns,
        3,
    )
}
