//! The engine's own views: what it refused, how far each source is, and its runs.

use std::sync::Arc;

use operators::Tick;

use crate::bindings::RunEvent;
use crate::row::{Cell, Column, ColumnKind, Key, Row, ViewSpec};
use crate::source::{RAW_BYTES_MAX, Refusal};

/// Which of the engine's own views a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum SystemView {
    /// `dead_letters`: records that could not be used.
    DeadLetters,
    /// `source_progress`: how far each partition is bound.
    SourceProgress,
    /// `runs`: when the engine ran, and on what.
    Runs,
}

impl SystemView {
    /// All of them.
    pub const ALL: [SystemView; 3] = [SystemView::DeadLetters, SystemView::SourceProgress, SystemView::Runs];

    /// The key under which a row of the view is kept.
    pub fn key_of(self, row: &Row) -> Key {
        let key: Vec<&Cell> = self.key_columns().iter().map(|column| &row.cells()[*column]).collect();
        Key::of(&(self, key))
    }

    fn key_columns(self) -> &'static [usize] {
        match self {
            SystemView::DeadLetters => &[0, 1, 2],
            SystemView::SourceProgress => &[0, 1],
            SystemView::Runs => &[0],
        }
    }

    /// The view's name, columns and key.
    pub fn spec(self) -> ViewSpec {
        use ColumnKind::{Int, Text, Time};
        let (name, about, columns): (_, _, &[(&str, ColumnKind)]) = match self {
            SystemView::DeadLetters => (
                "dead_letters",
                "Records that could not be parsed, typed or applied: where they are, what was wrong, what to do.",
                &[
                    ("source", Text),
                    ("partition", Text),
                    ("offset", Int),
                    ("line", Int),
                    ("field", Text),
                    ("what", Text),
                    ("help", Text),
                    ("raw", Text),
                ],
            ),
            SystemView::SourceProgress => (
                "source_progress",
                "How far each partition of each source is bound to ticks.",
                &[("source", Text), ("partition", Text), ("records", Int), ("refused", Int), ("last_tick", Time)],
            ),
            SystemView::Runs => (
                "runs",
                "When the engine ran, on which version and configuration. A run without an end is running, or was killed.",
                &[("started", Time), ("ended", Time), ("version", Text), ("configuration", Text), ("workers", Int)],
            ),
        };
        ViewSpec {
            name: name.into(),
            about: about.into(),
            columns: columns.iter().map(|(name, kind)| Column::new(*name, *kind)).collect(),
            key: self.key_columns().to_vec(),
        }
    }
}

/// A refused record as a row of `dead_letters`.
pub fn dead_letter(source: &str, partition: &Arc<str>, refusal: &Refusal) -> Row {
    let optional = |text: &str| if text.is_empty() { Cell::Null } else { Cell::text(text) };
    let raw = &refusal.raw[..refusal.raw.len().min(RAW_BYTES_MAX)];
    Row::new([
        Cell::text(source),
        Cell::Text(Arc::clone(partition)),
        Cell::Int(refusal.offset as i64),
        refusal.line.map_or(Cell::Null, |line| Cell::Int(line as i64)),
        refusal.field.as_deref().map_or(Cell::Null, Cell::text),
        Cell::text(&refusal.what),
        optional(&refusal.help),
        Cell::text(String::from_utf8_lossy(raw)),
    ])
}

/// How far a partition is, as counted by the binder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// The offset upper bound.
    pub upper: u64,
    /// Records bound, with the refused ones. Fewer than `upper` where offsets have holes, or do not begin at 0.
    pub records: u64,
    /// Records refused.
    pub refused: u64,
    /// The tick that last moved it.
    pub last_tick: Tick,
}

/// The name of the source that a row of one of the engine's own views is about: its first cell, if that is a text.
pub fn source_of(row: &Row) -> Option<&str> {
    match row.cells().first() {
        Some(Cell::Text(name)) => Some(name),
        _ => None,
    }
}

/// A partition's progress as a row of `source_progress`.
pub fn progress(source: &str, partition: &Arc<str>, progress: &Progress) -> Row {
    Row::new([
        Cell::text(source),
        Cell::Text(Arc::clone(partition)),
        Cell::Int(progress.records as i64),
        Cell::Int(progress.refused as i64),
        Cell::tick(progress.last_tick),
    ])
}

/// The changes that a run's start or end makes to `runs`.
pub fn run_changes(tick: Tick, event: &RunEvent) -> Vec<(Row, isize)> {
    let row = |ended: Option<Tick>| {
        Row::new([
            Cell::tick(event.started),
            ended.map_or(Cell::Null, Cell::tick),
            Cell::text(&event.version),
            Cell::text(&event.configuration),
            Cell::Int(event.workers as i64),
        ])
    };
    if event.ended { vec![(row(None), -1), (row(Some(tick)), 1)] } else { vec![(row(None), 1)] }
}
