//! How the views of portfolios are made up: their columns and cells.

use engine::{Cell, Column, ColumnKind, ViewSpec};
use model::{Amount, Currency, Price, Quantity, Rate, Timestamp};

pub use crate::trades::{date_cell, symbol_cell};

/// How many decimals returns and ratios are shown with. Further ones depend on how floats were added up.
pub const RATIO_SCALE: u8 = 10;

/// A column of units.
pub const QUANTITY: ColumnKind = ColumnKind::Fixed(Quantity::SCALE);
/// A column of prices.
pub const PRICE: ColumnKind = ColumnKind::Fixed(Price::SCALE);
/// A column of amounts.
pub const AMOUNT: ColumnKind = ColumnKind::Fixed(Amount::SCALE);
/// A column of exchange rates.
pub const RATE: ColumnKind = ColumnKind::Fixed(Rate::SCALE);
/// A column of returns, weights and ratios, as decimals: 0.05 is five per cent.
pub const RATIO: ColumnKind = ColumnKind::Fixed(RATIO_SCALE);

/// A view whose first `key` columns tell its rows apart.
pub fn spec(name: &str, about: &str, columns: &[(&str, ColumnKind)], key: usize) -> ViewSpec {
    ViewSpec {
        name: name.into(),
        about: about.into(),
        columns: columns.iter().map(|(name, kind)| Column::new(*name, *kind)).collect(),
        key: (0..key).collect(),
    }
}

/// A currency's cell.
pub fn currency_cell(currency: Currency) -> Cell {
    if currency.is_none() { Cell::Null } else { Cell::text(currency.code()) }
}

/// A day's cell.
pub fn day_cell(day: i32) -> Cell {
    date_cell(model::Date::from_days(day))
}

/// A moment's cell.
pub fn time_cell(time: Timestamp) -> Cell {
    time.micros().map_or(Cell::Null, Cell::Time)
}

/// The cell of a number that may not be known, scaled as its column.
pub fn number_cell(scaled: Option<i128>) -> Cell {
    scaled.map_or(Cell::Null, Cell::fixed)
}

/// The cell of a return or a ratio.
pub fn ratio_cell(ratio: Option<f64>) -> Cell {
    let scaled = ratio.map(|ratio| (ratio * 10f64.powi(RATIO_SCALE.into())).round());
    // What is larger than any ratio that means something is none.
    number_cell(scaled.filter(|scaled| scaled.abs() < 1e30).map(|scaled| scaled as i128))
}

/// The cell of a name from a closed list.
pub fn name_cell<T: serde::Serialize>(name: &T) -> Cell {
    match serde_json::to_value(name) {
        Ok(serde_json::Value::String(name)) => Cell::text(name),
        _ => Cell::Null,
    }
}
