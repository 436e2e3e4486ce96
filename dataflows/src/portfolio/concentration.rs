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
use operators::sum_by::sum_by;
use operators::{Arranged, Collection, Sums, arrange};
use serde::{Deserialize, Serialize};

use super::risk::concentration::{Total, herfindahl_hirschman_index, weights};
use super::valuations::Valuation;
use crate::table::{AMOUNT, RATIO, ratio_as_rate, ratio_cell, spec, symbol_cell};

/// What is counted as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Dimension {
    Security,
    Issuer,
    UltimateParent,
}

impl Dimension {
    /// All.
    pub const ALL: [Dimension; 3] = [Dimension::Security, Dimension::Issuer, Dimension::UltimateParent];

    /// That of exposures, where it is one of these.
    pub const fn named(dimension: ExposureDimension) -> Option<Dimension> {
        match dimension {
            ExposureDimension::Security => Some(Dimension::Security),
            ExposureDimension::Issuer => Some(Dimension::Issuer),
            ExposureDimension::UltimateParent => Some(Dimension::UltimateParent),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Dimension::Security => "security",
            Dimension::Issuer => "issuer",
            Dimension::UltimateParent => "ultimate_parent",
        }
    }

    /// Whose hand a valuation is in.
    fn holder(self, valuation: &Valuation) -> Symbol {
        let own = valuation.holding.1;
        let or = |symbol: Symbol, other: Symbol| if symbol.is_none() { other } else { symbol };
        let Some(instrument) = &valuation.instrument else { return own };
        match self {
            Dimension::Security => own,
            Dimension::Issuer => or(instrument.issuer, own),
            Dimension::UltimateParent => or(instrument.ultimate_parent, or(instrument.issuer, own)),
        }
    }
}

/// A portfolio and a dimension.
pub type Cut = (Symbol, Dimension);

/// What is in one hand: the size of its value, its value, and whose hand it is.
pub type Held = (i128, i128, Symbol);

/// So many of the largest are weighed together.
const LARGEST: [usize; 3] = [1, 5, 10];

/// What each portfolio has in one hand, in the order of size.
pub fn held<'scope>(valuations: Collection<'scope, Valuation>) -> Arranged<'scope, Cut, Held> {
    let values = valuations.flat_map(|valuation| {
        let value = valuation.value_base.filter(|value| *value != 0);
        let cuts = Dimension::ALL.map(|dimension| ((valuation.holding.0, dimension), dimension.holder(&valuation)));
        value.into_iter().flat_map(move |value| cuts.map(|(cut, holder)| ((cut, holder), value)))
    });
    let values: Arranged<'scope, (Cut, Symbol), (), Sums> =
        sum_by(values, "values by holder", |(holder, value)| (*holder, Sums::of(0, *value)));
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
        Cell::text(dimension.name()),
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
