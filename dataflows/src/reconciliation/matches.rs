//! Matches: which trades belong together, on what evidence.

use engine::{Cell, Column, ColumnKind, Row, ViewSpec};
use model::Trade;
use operators::blocks::Side;
use serde::Serialize;

use super::config::Leg;
use super::scoring::Evidence;
use crate::trades::{date_cell, symbol_cell};

/// How a pair was scored.
pub struct Scored<'a> {
    /// Its score, in thousandths of a bit.
    pub score: i64,
    /// By how much it beats its best rival.
    pub margin: i64,
    /// What each comparison came to.
    pub evidence: &'a [Evidence],
    /// `matched`, or `review` where a person should look.
    pub status: &'static str,
}

/// One field of the evidence, as it is shown in the column `evidence`.
#[derive(Serialize)]
struct FieldEvidence<'a> {
    field: &'a str,
    left: Option<std::sync::Arc<str>>,
    right: Option<std::sync::Arc<str>>,
    agrees: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
}

/// A match as a row. The trades' own values are the evidence; a match is never a copy of the trades.
pub fn row(leg: &Leg, tier: &str, pair: [&Trade; 2], scored: Option<&Scored<'_>>) -> Row {
    let [left, right] = pair;
    let evidence = serde_json::to_string(&evidence(leg, pair, scored)).unwrap_or_default();
    let bits = |value: i64| Cell::fixed(i128::from(value));
    let source = |trade: &Trade| leg.source_name(trade.source).map_or(Cell::Null, |name| Cell::Text(name.clone()));
    Row::new([
        Cell::Text(leg.reconciliation.clone()),
        Cell::Text(leg.sides[1].clone()),
        source(left),
        symbol_cell(left.id),
        source(right),
        symbol_cell(right.id),
        Cell::text(tier),
        Cell::text(scored.map_or("matched", |scored| scored.status)),
        scored.map_or(Cell::Null, |scored| bits(scored.score)),
        scored.map_or(Cell::Null, |scored| bits(scored.margin)),
        symbol_cell(left.instrument),
        date_cell(left.trade_date),
        Cell::text(evidence),
    ])
}

fn evidence<'a>(leg: &'a Leg, [left, right]: [&Trade; 2], scored: Option<&Scored<'_>>) -> Vec<FieldEvidence<'a>> {
    let texts = |field| [leg.text(&left.value(field)), leg.text(&right.value(field))];
    if let Some(scored) = scored {
        let field = |evidence: &Evidence| {
            let [left, right] = texts(evidence.field);
            let weight = Some(f64::from(evidence.weight) / 1000.0);
            FieldEvidence {
                field: leg.field_name(evidence.field),
                agrees: left.is_some() && left == right,
                left,
                right,
                weight,
            }
        };
        return scored.evidence.iter().map(field).collect();
    }
    let differences = leg.differences(left, right);
    let field = |(field, _): &(model::Field, Side)| {
        let [left, right] = texts(*field);
        let agrees = differences.iter().all(|difference| difference.field != *field);
        FieldEvidence { field: leg.field_name(*field), left, right, agrees, weight: None }
    };
    leg.compare.iter().map(field).collect()
}

/// The view `matches`.
pub fn spec() -> ViewSpec {
    use ColumnKind::{Date, Fixed, Text};
    let columns = [
        ("reconciliation", Text),
        ("side", Text),
        ("source", Text),
        ("trade_id", Text),
        ("other_source", Text),
        ("other_trade_id", Text),
        ("tier", Text),
        ("status", Text),
        ("score", Fixed(3)),
        ("margin", Fixed(3)),
        ("instrument", Text),
        ("trade_date", Date),
        ("evidence", Text),
    ];
    ViewSpec {
        name: "matches".into(),
        about: "Which trades belong together, by which tier, with what score, and the evidence field by field (JSON)."
            .into(),
        columns: columns.map(|(name, kind)| Column::new(name, kind)).to_vec(),
        key: (0..7).collect(), // with the tier: a pair that one tier finds worth a look may be matched by another
    }
}
