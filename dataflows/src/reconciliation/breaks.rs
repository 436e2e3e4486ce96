//! Breaks: what is wrong, under an identity that does not change with the values.

use engine::{Cell, Column, ColumnKind, Key, Row, ViewSpec};
use model::{Severity, Symbol, Trade};
use operators::Tick;
use operators::blocks::{CappedBlock, Side};

use super::compare::Difference;
use super::config::Leg;
use crate::trades::{date_cell, symbol_cell, text_cell};

/// What kind of break it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakKind<'a> {
    /// The trade has no counterpart: it is missing on this side.
    Missing(Side),
    /// Two trades that belong together differ in a field.
    Mismatch(&'a Difference),
    /// The trade is there twice on this side.
    Duplicate(Side),
    /// The accounts that a trade is allocated to differ: as the left and the right have them.
    AllocationAccounts([String; 2]),
    /// The quantities allocated to the same accounts differ.
    AllocationQuantities([String; 2]),
    /// Too many trades share a blocking key of a tier to be paired.
    BlockCapped {
        /// The tier, by its place.
        tier: u16,
        /// The block, with the counts of both sides.
        block: &'a CappedBlock<Key>,
    },
}

/// A break of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break<'a> {
    /// What is wrong.
    pub kind: BreakKind<'a>,
    /// The trade whose break it is: the one on the anchor's side, where there is one.
    pub trade: &'a Trade,
    /// Its counterpart.
    pub other: Option<&'a Trade>,
}

impl<'a> Break<'a> {
    /// Two trades that belong together differ.
    pub fn mismatch(left: &'a Trade, right: &'a Trade, difference: &'a Difference) -> Self {
        Break { kind: BreakKind::Mismatch(difference), trade: left, other: Some(right) }
    }

    /// The name of its type, such as `price_mismatch` or `missing_broker`.
    pub fn type_name(&self, leg: &Leg) -> String {
        match &self.kind {
            BreakKind::Missing(side) => format!("missing_{}", leg.side_name(*side)),
            BreakKind::Mismatch(difference) => format!("{}_mismatch", leg.field_name(difference.field)),
            BreakKind::Duplicate(side) => format!("duplicate_{}", leg.side_name(*side)),
            BreakKind::AllocationAccounts(_) => "allocation_account_mismatch".into(),
            BreakKind::AllocationQuantities(_) => "allocation_quantity_mismatch".into(),
            BreakKind::BlockCapped { .. } => "block_capped".into(),
        }
    }

    fn usual_severity(&self) -> Severity {
        match &self.kind {
            BreakKind::Missing(_) | BreakKind::Duplicate(_) => Severity::High,
            BreakKind::Mismatch(difference) => difference.usual_severity(),
            BreakKind::AllocationAccounts(_) | BreakKind::AllocationQuantities(_) | BreakKind::BlockCapped { .. } => {
                Severity::Medium
            }
        }
    }

    /// The break as a row, without the tick at which it was first seen, under its identity.
    pub fn row(&self, leg: &Leg) -> (Key, Row) {
        let type_name = self.type_name(leg);
        let field = match &self.kind {
            BreakKind::Mismatch(difference) => leg.field_name(difference.field),
            BreakKind::AllocationAccounts(_) | BreakKind::AllocationQuantities(_) => "allocations",
            _ => "",
        };
        let identity = self.identity(leg, &type_name);
        let severity = leg.severity_of(&type_name).unwrap_or_else(|| self.usual_severity());
        let [left, right] = self.values();
        let difference = if let BreakKind::Mismatch(difference) = &self.kind { difference.amount() } else { None };
        let authority = if let BreakKind::Mismatch(difference) = &self.kind {
            Some(leg.side_name(difference.authority))
        } else {
            None
        };
        let desk = self.trade.detail.as_ref().map_or(Symbol::NONE, |detail| detail.desk);
        let row = Row::new([
            Cell::Hash(identity.bytes()),
            Cell::Text(leg.reconciliation.clone()),
            Cell::Text(leg.sides[1].clone()),
            Cell::text(type_name),
            if field.is_empty() { Cell::Null } else { Cell::text(field) },
            Cell::text(severity.name()),
            symbol_cell(self.trade.id),
            self.other.map_or(Cell::Null, |other| symbol_cell(other.id)),
            symbol_cell(self.trade.instrument),
            symbol_cell(self.trade.counterparty),
            symbol_cell(desk),
            date_cell(self.trade.trade_date),
            left,
            right,
            difference.map_or(Cell::Null, Cell::fixed),
            authority.map_or(Cell::Null, |side| Cell::Text(side.clone())),
        ]);
        (identity, row)
    }

    /// The identity of a break: reconciliation, sides, type (which names the field) and the trade whose break it is. Not
    /// its values and not its counterpart: so it survives a change of value, and returns as the same after a clear. The
    /// source goes by its name: its place may change with the configuration.
    fn identity(&self, leg: &Leg, type_name: &str) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{}\0{}\0{type_name}\0", leg.reconciliation, leg.sides[1]).as_bytes());
        match &self.kind {
            // The same block may be too large for two tiers. A tier goes by its place: it has no name.
            BreakKind::BlockCapped { tier, block } => hasher.update(&tier.to_be_bytes()).update(&block.key.bytes()),
            _ => {
                let source = leg.source_name(self.trade.source).map_or("", |name| name);
                hasher.update(source.as_bytes()).update(b"\0").update(&self.trade.id.bytes())
            }
        };
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Key::from_bytes(bytes)
    }

    fn values(&self) -> [Cell; 2] {
        match &self.kind {
            BreakKind::Mismatch(difference) => [text_cell(&difference.values[0]), text_cell(&difference.values[1])],
            BreakKind::AllocationAccounts(texts) | BreakKind::AllocationQuantities(texts) => {
                [Cell::text(&texts[0]), Cell::text(&texts[1])]
            }
            BreakKind::BlockCapped { block, .. } => {
                [block.left, block.right].map(|count| Cell::text(count.to_string()))
            }
            BreakKind::Missing(_) | BreakKind::Duplicate(_) => [Cell::Null, Cell::Null],
        }
    }
}

/// A break's row with the tick at which its identity was first seen.
pub fn seen(row: &Row, first: Tick) -> Row {
    Row::new(row.cells().iter().cloned().chain([Cell::tick(first)]).collect::<Vec<_>>())
}

/// The columns of the view `breaks`, by place.
pub mod columns {
    /// The reconciliation.
    pub const RECONCILIATION: usize = 1;
    /// The side that is reconciled with the anchor.
    pub const SIDE: usize = 2;
    /// The type.
    pub const TYPE: usize = 3;
    /// The severity.
    pub const SEVERITY: usize = 5;
    /// The counterparty.
    pub const COUNTERPARTY: usize = 9;
    /// The desk.
    pub const DESK: usize = 10;
    /// The trade date.
    pub const TRADE_DATE: usize = 11;
}

/// The view `breaks`.
pub fn spec() -> ViewSpec {
    use ColumnKind::{Date, Fixed, Text, Time};
    let columns = [
        ("break_id", Text),
        ("reconciliation", Text),
        ("side", Text),
        ("type", Text),
        ("field", Text),
        ("severity", Text),
        ("trade_id", Text),
        ("other_trade_id", Text),
        ("instrument", Text),
        ("counterparty", Text),
        ("desk", Text),
        ("trade_date", Date),
        ("left_value", Text),
        ("right_value", Text),
        ("difference", Fixed(8)),
        ("authority", Text),
        ("first_seen", Time),
    ];
    ViewSpec {
        name: "breaks".into(),
        about: "What is wrong now: missing counterparts, differences, duplicates. A break keeps its id while it changes, and when it returns.".into(),
        columns: columns.map(|(name, kind)| Column::new(name, kind)).to_vec(),
        key: vec![0],
    }
}
