//! How much of each portfolio is in one hand: the view `concentration`.
//!
//! | dimension | what is counted as one |
//! |---|---|
//! | `security` | a position |
//! | `issuer` | all that an issuer issued; a security without one by itself |
//! | `ultimate_parent` | all behind which the same owner stands; an issuer without one by itself |
//!
//! Weights are of the sum of values without their sign, so that long and short positions do not hide each other.

use engine::{Cell, ColumnKind, Row, Rows, Views};
use model::{ExposureDimension, Symbol};
use operators::derive::derive_rows;
use operators::sum_by::sum_by_each;
use operators::{Arranged, Collection, Sums, arrange};

use super::dimension::group;
use super::risk::concentration::{Total, herfindahl_hirschman_index, weights};
use super::valuations::Valuation;
use crate::table::{AMOUNT, RATIO, name_cell, ratio_as_rate, ratio_cell, spec, symbol_cell};

/// The dimensions.
pub const DIMENSIONS: [ExposureDimension; 3] =
    [ExposureDimension::Security, ExposureDimension::Issuer, ExposureDimension::UltimateParent];

/// Whose hand a valuation is in: its group or, where that is not known, the security itself.
fn holder(dimension: ExposureDimension, valuation: &Valuation) -> Symbol {
    let group = group(dimension, valuation);
    if group.is_none() { valuation.holding.1 } else { group }
}

/// A portfolio and a dimension.
pub type Cut = (Symbol, ExposureDimension);

/// What is in one hand: the size of its value, its value, and whose hand it is.
pub type Held = (i128, i128, Symbol);

/// So many of the largest are weighed together.
const LARGEST: [usize; 3] = [1, 5, 10];

/// What each portfolio has in one hand, in the order of size.
pub fn held<'scope>(valuations: Collection<'scope, Valuation>) -> Arranged<'scope, Cut, Held> {
    let values = sum_by_each(valuations, "values by holder", |valuation, add| {
        for value in valuation.value_base.into_iter().filter(|value| *value != 0) {
            for dimension in DIMENSIONS {
                add(((valuation.holding.0, dimension), holder(dimension, valuation)), Sums::of(0, value));
            }
        }
    });
    let held = derive_rows(&values, "values by holder", |(cut, holder): &(Cut, Symbol), sums, out| {
        let value = sums.iter().map(|(_, sums)| sums.0[0]).sum::<i128>();
        out.row((*cut, (value.saturating_abs(), value, *holder)));
    });
    arrange(held, "holders by value")
}

/// Registers the view `concentration`.
pub fn register(held: &Arranged<'_, Cut, Held>, views: &mut Views) {
    let columns = [
        ("portfolio", ColumnKind::Text),
        ("dimension", ColumnKind::Text),
        ("holders", ColumnKind::Int),
        ("gross_value", AMOUNT),
        ("largest", ColumnKind::Text),
        ("largest_value", AMOUNT),
        ("largest_weight", RATIO),
        ("top_5_weight", RATIO),
        ("top_10_weight", RATIO),
        ("herfindahl_hirschman_index", RATIO),
    ];
    let about = "How much of each portfolio is in one security, issuer or ultimate parent; weights of the gross value.";
    views.derived(spec("concentration", about, &columns, 2), held, |cut: &Cut, held, rows: &mut Rows| {
        rows.push((row(cut, &held.iter().map(|(held, _)| **held).collect::<Vec<_>>()), 1));
    });
}

/// The row of a portfolio, whose holders are in the order of their values.
fn row((portfolio, dimension): &Cut, held: &[(i128, i128, Symbol)]) -> Row {
    let values: Vec<i128> = held.iter().map(|(_, value, _)| *value).collect();
    let gross: i128 = held.iter().map(|(size, ..)| size).sum();
    let weights = weights(&values, Total::Gross);
    let top = |count| weights.as_ref().map(|weights| weights.iter().take(count).map(|weight| weight.abs()).sum());
    let (largest, largest_value) = held.last().map_or((Symbol::NONE, 0), |(_, value, holder)| (*holder, *value));
    let mut cells = vec![
        symbol_cell(*portfolio),
        name_cell(dimension),
        Cell::Int(held.len() as i64),
        Cell::fixed(gross),
        symbol_cell(largest),
        Cell::fixed(largest_value),
    ];
    cells.extend(LARGEST.map(|count| ratio_cell(top(count))));
    cells.push(ratio_cell(weights.as_deref().map(herfindahl_hirschman_index)));
    Row::new(cells)
}

/// The Herfindahl-Hirschman index and the weight of the largest, in units of [`model::Rate`] and with the decimals that the
/// view shows, of what is held in the order of size.
pub fn indexes(held: impl Iterator<Item = Held>) -> Option<(i128, i128)> {
    let values: Vec<i128> = held.map(|(_, value, _)| value).collect();
    let weights = weights(&values, Total::Gross)?;
    Some((ratio_as_rate(herfindahl_hirschman_index(&weights))?, ratio_as_rate(weights.first()?.abs())?))
}
