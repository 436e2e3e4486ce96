//! Lineage is never less than what a row rests on: with the records alone that it leads to, the row is there and the same.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::lineage::{self, Step};
use engine::row::Shown;
use engine::{Cell, Column};
use model::{Date, Record, Symbol};
use serde_json::{Map, Value};

use super::{Book, Desk};

/// A row by its columns.
pub type NamedRow = Map<String, Value>;

/// The business key of a record.
type Id = (Symbol, u16);

/// All rows of some views, with the records that they come from.
pub struct Views<'a> {
    rows: BTreeMap<String, Vec<NamedRow>>,
    records: BTreeMap<(&'static str, Symbol, String), Id>,
    book: &'a Book,
    today: String,
}

impl<'a> Views<'a> {
    /// Reads them all.
    pub fn read(desk: &Desk, views: &[&str], sources: &[&str], book: &'a Book) -> Views<'a> {
        let rows = views.iter().map(|view| ((*view).to_owned(), rows(desk, view))).collect();
        let place = |(id, record): (&Id, &Record)| {
            let source = record.source().map_or("", |source| sources[usize::from(source.0)]);
            ((record.kind(), record.key(), source.to_owned()), *id)
        };
        let records = book.0.iter().map(place).collect();
        let days = i32::try_from(desk.last / 86_400_000_000).unwrap();
        Views { rows, records, book, today: Date::from_days(days).to_string() }
    }

    /// The rows of a view.
    pub fn of(&self, view: &str) -> &[NamedRow] {
        self.rows.get(view).map_or(&[], Vec::as_slice)
    }

    /// The records that a row leads to. Asserts that each view on the way has a lineage, and that each record is there.
    pub fn explained(&self, view: &'static str, row: &NamedRow) -> Book {
        let mut follower = Follower { views: self, told: BTreeSet::new(), records: BTreeSet::new() };
        follower.row(view, row);
        let records = follower.records.into_iter().map(|id| (id, self.book.0[&id].clone()));
        Book(records.collect())
    }
}

/// The rows of a view, by their columns.
pub fn rows(desk: &Desk, view: &str) -> Vec<NamedRow> {
    let columns = &desk.spec(view).columns;
    let texts = desk.reader().texts().as_ref();
    let value = |cell: &Cell, column: &Column| match cell {
        Cell::Null => Value::Null,
        Cell::Bool(value) => (*value).into(),
        Cell::Int(value) => (*value).into(),
        cell => Shown { cell, kind: column.kind, texts }.to_string().into(),
    };
    let named = |row: &engine::Row| {
        columns.iter().zip(row.cells()).map(|(column, cell)| (column.name.clone(), value(cell, column))).collect()
    };
    desk.snapshot(view, None).iter().map(|(row, _)| named(row)).collect()
}

struct Follower<'a> {
    views: &'a Views<'a>,
    told: BTreeSet<(&'static str, String)>,
    records: BTreeSet<Id>,
}

impl Follower<'_> {
    fn row(&mut self, view: &'static str, row: &NamedRow) {
        if !self.told.insert((view, Value::Object(row.clone()).to_string())) {
            return;
        }
        let lineage = lineage::of_view(view).unwrap_or_else(|| panic!("`{view}` has no lineage"));
        if let Some(record) = lineage::record_of(view, row) {
            let source = row.get("source").and_then(Value::as_str).unwrap_or_default().to_owned();
            let id = self.views.records.get(&(record.kind, record.id, source));
            self.records.insert(*id.unwrap_or_else(|| panic!("{view} {row:?} leads to a record that is not there")));
        }
        lineage.steps.iter().for_each(|step| self.step(step, row, &Map::new()));
    }

    /// Whatever is told of its rows, the row at hand rests on them.
    fn step(&mut self, step: &'static Step, row: &NamedRow, above: &NamedRow) {
        let Some(filter) = step.filter(row, above, &self.views.today) else { return };
        let views = self.views;
        let found = |view: &str, filter: &Value| -> Vec<&NamedRow> {
            views.of(view).iter().filter(|row| fits(row, filter)).collect()
        };
        let mut rows = found(step.view, &filter);
        let because = step.except.map_or(Vec::new(), |except| found(except.view, &except.filter(row)));
        step.keep(&mut rows, &because, |row| row);
        for own in rows {
            if step.told != lineage::Told::Through {
                self.row(step.view, own);
            }
            step.then.iter().for_each(|then| self.step(then, own, row));
        }
    }
}

/// Whether a row fits a filter: of each column comparisons, or a value that it equals.
fn fits(row: &NamedRow, filter: &Value) -> bool {
    let comparisons = |column: &str, wanted: &Value| match wanted {
        Value::Object(comparisons) => comparisons.iter().all(|(name, wanted)| compare(&row[column], name, wanted)),
        wanted => row[column] == *wanted,
    };
    filter.as_object().unwrap().iter().all(|(column, wanted)| comparisons(column, wanted))
}

fn compare(value: &Value, comparison: &str, wanted: &Value) -> bool {
    if comparison == "eq" {
        return value == wanted;
    }
    let order = match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => value.cmp(wanted),
        (Value::Number(value), Value::Number(wanted)) => value.as_i64().cmp(&wanted.as_i64()),
        _ => return false,
    };
    match comparison {
        "le" => order.is_le(),
        "lt" => order.is_lt(),
        "ge" => order.is_ge(),
        other => panic!("no step compares with `{other}`"),
    }
}

/// What nobody but a test that knows better compares: when a breach was first seen depends on the past.
pub fn without_past(row: &NamedRow) -> NamedRow {
    row.iter()
        .filter(|(column, _)| *column != "first_seen")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
