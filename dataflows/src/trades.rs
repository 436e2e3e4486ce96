//! The view `trades`: every trade as its source tells it now, and how values become cells.

use engine::{Cell, Column, ColumnKind, Key, Row, Rows, ViewSpec, Views};
use model::{Amount, Date, Field, FieldKind, Price, Quantity, Record, Symbol, Timestamp, Trade, Value};
use operators::Arranged;

use crate::table::Sources;

/// Registers the view. It is derived from the records themselves when somebody looks.
pub fn register<'scope>(
    views: &mut Views,
    records: &Arranged<'scope, Key, Record>,
    sources: &[String],
    attributes: &[String],
) {
    let mut columns = vec![Column::new("source", ColumnKind::Text)];
    columns.extend(Field::ALL.iter().map(|field| Column::new(field.name(), column_kind(*field))));
    columns.extend(attributes.iter().map(|name| Column::new(name, ColumnKind::Text)));
    let spec = ViewSpec {
        name: "trades".into(),
        about: "Every trade as its source tells it now.".into(),
        columns,
        key: vec![0, 1],
    };
    let sources = Sources::new(sources);
    let attributes = attributes.len() as u16;
    views.derived(spec, records, move |_id, group, rows: &mut Rows| {
        for (record, count) in group {
            if let Record::Trade(trade) = record {
                rows.push((row(trade, &sources, attributes), *count));
            }
        }
    });
}

fn row(trade: &Trade, sources: &Sources, attributes: u16) -> Row {
    let source = sources.cell(trade.source);
    let fields = Field::ALL.iter().copied().chain((0..attributes).map(Field::Attribute));
    let cells: Vec<Cell> = std::iter::once(source).chain(fields.map(|field| cell(trade.value(field)))).collect();
    Row::new(cells)
}

fn column_kind(field: Field) -> ColumnKind {
    match field.kind() {
        FieldKind::Symbol | FieldKind::Code | FieldKind::Text => ColumnKind::Text,
        FieldKind::Quantity => ColumnKind::Fixed(Quantity::SCALE),
        FieldKind::Price => ColumnKind::Fixed(Price::SCALE),
        FieldKind::Amount => ColumnKind::Fixed(Amount::SCALE),
        FieldKind::Date => ColumnKind::Date,
        FieldKind::Time => ColumnKind::Time,
    }
}

/// A value as the cell of a column of its own kind.
pub fn cell(value: Value) -> Cell {
    match value {
        Value::Number { scaled, .. } => Cell::fixed(scaled),
        Value::Date(Date(days)) => Cell::Date(days),
        Value::Time(Timestamp(micros)) => Cell::Time(micros),
        value => text_cell(&value),
    }
}

/// A value as a text cell: for columns that hold values of any kind.
pub fn text_cell(value: &Value) -> Cell {
    match value {
        Value::None => Cell::Null,
        Value::Symbol(symbol) => symbol_cell(*symbol),
        Value::Text(text) => Cell::Text(std::sync::Arc::clone(text)),
        value => Cell::text(value.to_string()),
    }
}

/// A symbol's cell; its text is looked up where people look.
pub fn symbol_cell(symbol: Symbol) -> Cell {
    if symbol.is_none() { Cell::Null } else { Cell::Symbol(symbol.bytes()) }
}

/// A date's cell.
pub fn date_cell(date: Date) -> Cell {
    if date == Date::NONE { Cell::Null } else { Cell::Date(date.0) }
}
