//! How much of each portfolio is in one hand: the view `concentration`.
//!
//! | dimension | what is counted as one |
//! |---|---|
//! | `security` | a position |
//! | `issuer` | all that an issuer issued; a security without one by itself |
//! | `ultimate_parent` | all behind which the same owner stands; an issuer without one by itself |
//!
//! They are worked out from the [`Components`] of a portfolio when they are read: a day on which all prices change would
//! write all its holders in another order again. Weights are of the sum of values without their sign, so that long and short
//! positions do not hide each other.

use std::collections::BTreeMap;

use engine::{Cell, ColumnKind, Row, Rows, Views};
use model::{ExposureDimension, Symbol};
use operators::Sums;
use operators::group::Group;

use super::components::{Component, Components};
use super::exposures::Exposure;
use super::scope::Scope;
use crate::portfolio::risk::concentration::{Total, herfindahl_hirschman_index, weights};
use crate::table::{AMOUNT, RATIO, name_cell, ratio_as_rate, ratio_cell, spec, symbol_cell};

/// The dimensions.
pub const DIMENSIONS: [ExposureDimension; 3] =
    [ExposureDimension::Security, ExposureDimension::Issuer, ExposureDimension::UltimateParent];

/// What is in one hand: the size of its value, its value, and whose hand it is.
type InHand = (i128, i128, Symbol);

/// So many of the largest are weighed together.
const LARGEST: [usize; 3] = [1, 5, 10];

/// What is in each hand, in the order of size, by dimension; those in which nothing is are left out.
fn in_hands(components: Group<'_, '_, Component, Sums>) -> impl Iterator<Item = (ExposureDimension, Vec<InHand>)> {
    let by_dimension = DIMENSIONS.into_iter().map(move |dimension| {
        let mut values: BTreeMap<Symbol, i128> = BTreeMap::new();
        for (component, sums) in components {
            if let Some(hand) = hand(component, dimension) {
                *values.entry(hand).or_default() += Exposure::from_sums(sums).net();
            }
        }
        let in_hands = values.into_iter().filter(|(_, value)| *value != 0);
        let mut in_hands: Vec<InHand> = in_hands.map(|(hand, value)| (value.saturating_abs(), value, hand)).collect();
        in_hands.sort_unstable();
        (dimension, in_hands)
    });
    by_dimension.filter(|(_, in_hands)| !in_hands.is_empty())
}

/// In whose hand a security is; what is in nobody's is by itself.
fn hand(component: &Component, dimension: ExposureDimension) -> Option<Symbol> {
    let group = component.group(dimension)?;
    if group.is_none() { component.group(ExposureDimension::Security) } else { Some(group) }
}

/// Registers the view `concentration`.
pub fn register(components: &Components<'_>, views: &mut Views) {
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
    views.derived(spec("concentration", about, &columns, 2), components, |scope, components, rows: &mut Rows| {
        if let Scope::Portfolio(portfolio, _) = scope {
            rows.extend(in_hands(components).map(|(dimension, in_hands)| (row(*portfolio, dimension, &in_hands), 1)));
        }
    });
}

/// The row of a portfolio, whose holders are in the order of their values.
fn row(portfolio: Symbol, dimension: ExposureDimension, held: &[InHand]) -> Row {
    let values: Vec<i128> = held.iter().map(|(_, value, _)| *value).collect();
    let gross: i128 = held.iter().map(|(size, ..)| size).sum();
    let weights = weights(&values, Total::Gross);
    let top = |count| weights.as_ref().map(|weights| weights.iter().take(count).map(|weight| weight.abs()).sum());
    let (largest, largest_value) = held.last().map_or((Symbol::NONE, 0), |(_, value, holder)| (*holder, *value));
    let mut cells = vec![
        symbol_cell(portfolio),
        name_cell(&dimension),
        Cell::Int(held.len() as i64),
        Cell::fixed(gross),
        symbol_cell(largest),
        Cell::fixed(largest_value),
    ];
    cells.extend(LARGEST.map(|count| ratio_cell(top(count))));
    cells.push(ratio_cell(weights.as_deref().map(herfindahl_hirschman_index)));
    Row::new(cells)
}

/// The Herfindahl-Hirschman index and the weight of the largest in each dimension, in units of [`model::Rate`] and with the
/// decimals that the view shows.
pub fn indexes(components: Group<'_, '_, Component, Sums>) -> impl Iterator<Item = (ExposureDimension, (i128, i128))> {
    in_hands(components).filter_map(|(dimension, in_hands)| {
        let values: Vec<i128> = in_hands.iter().map(|(_, value, _)| *value).collect();
        let weights = weights(&values, Total::Gross)?;
        let index = ratio_as_rate(herfindahl_hirschman_index(&weights))?;
        Some((dimension, (index, ratio_as_rate(weights.first()?.abs())?)))
    })
}
