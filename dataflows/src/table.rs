//! How views are made up: their columns and cells.

use engine::{Cell, Column, ColumnKind, ViewSpec};
use model::{Amount, Currency, Price, Quantity, Rate, SourceId, Timestamp};

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

/// The names of the sources, as cells.
#[derive(Clone)]
pub struct Sources(Vec<Cell>);

impl Sources {
    /// The names, by `SourceId`.
    pub fn new(names: &[String]) -> Self {
        Sources(names.iter().map(Cell::text).collect())
    }

    /// The name of a source.
    pub fn cell(&self, source: SourceId) -> Cell {
        self.0.get(usize::from(source.0)).cloned().unwrap_or(Cell::Null)
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

/// An amount's cell.
pub fn amount_cell(amount: Amount) -> Cell {
    number_cell(amount.scaled())
}

/// The cell of something that may be true.
pub fn bool_cell(value: Option<bool>) -> Cell {
    value.map_or(Cell::Null, Cell::Bool)
}

/// The cell of a return or a ratio.
pub fn ratio_cell(ratio: Option<f64>) -> Cell {
    number_cell(ratio.and_then(ratio_scaled))
}

/// A ratio in units of [`RATIO`]. What is larger than any ratio that means something is none.
pub fn ratio_scaled(ratio: f64) -> Option<i128> {
    let scaled = (ratio * 10f64.powi(RATIO_SCALE.into())).round();
    (scaled.abs() < 1e30).then_some(scaled as i128)
}

/// A ratio in units of [`RATE`], with the decimals that [`RATIO`] shows.
pub fn ratio_as_rate(ratio: f64) -> Option<i128> {
    ratio_scaled(ratio)?.checked_mul(10i128.pow((Rate::SCALE - RATIO_SCALE).into()))
}

/// The cell of a name from a closed list.
pub fn name_cell<T: serde::Serialize>(name: &T) -> Cell {
    name_of(name).map_or(Cell::Null, Cell::text)
}

/// A name from a closed list, as the configuration writes it.
pub fn name_of<T: serde::Serialize>(name: &T) -> Option<String> {
    match serde_json::to_value(name) {
        Ok(serde_json::Value::String(name)) => Some(name),
        _ => None,
    }
}
