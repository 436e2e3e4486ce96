//! What portfolios are exposed to: the view `exposures`.
//!
//! Every position is in one group of every dimension, where nothing is known of it in the group without a name: so the groups
//! of each dimension add up to the total at every tick. They are added up from [`Components`] for those who read the view,
//! with their weights of the net asset value.

use std::collections::BTreeMap;

use differential_dataflow::difference::{IsZero, Semigroup};
use engine::{Cell, ColumnKind, Row, Rows, Views};
use model::{ExposureDimension, Rate, Symbol};
use operators::derive::derive_rows;
use operators::distinct::distinct;
use operators::group::Group as OfScope;
use operators::lookup::lookup;
use operators::{Collection, Sums, arrange};
use serde::{Deserialize, Serialize};

use super::components::{Component, Components};
use super::scope::{InScope, Missing, Scope};
use crate::portfolio::cost_basis::money::share;
use crate::table::{AMOUNT, RATE, number_cell, spec, symbol_cell};

/// A group of a dimension; that of the total has no name.
pub type Group = (ExposureDimension, Symbol);

/// What the positions of a group come to, in units of [`model::Amount`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Exposure {
    /// The values above zero.
    pub long: i128,
    /// Those below zero, without their sign.
    pub short: i128,
    /// How many positions there are.
    pub positions: i64,
    /// Those that are in none of the values.
    pub missing: Missing,
}

impl Exposure {
    /// The values without their sign.
    pub const fn gross(&self) -> i128 {
        self.long + self.short
    }

    /// The values.
    pub const fn net(&self) -> i128 {
        self.long - self.short
    }

    /// The sums that a position adds to.
    pub fn of(position: InScope) -> Sums {
        let value = position.value.unwrap_or(0);
        let is_unvalued = i128::from(position.value.is_none());
        Sums([value.max(0), (-value).max(0), 1, is_unvalued, position.lacks_rate.into(), 0])
    }

    /// What sums of positions come to.
    pub fn from_sums(Sums([long, short, positions, unvalued, unreported, _]): &Sums) -> Exposure {
        let [positions, unvalued, unreported] = [*positions, *unvalued, *unreported].map(|count| count as i64);
        Exposure { long: *long, short: *short, positions, missing: Missing { unvalued, unreported } }
    }
}

/// `part / whole` in units of [`model::Rate`]; `None` if the whole is not above zero.
pub fn ratio(part: i128, whole: i128) -> Option<i128> {
    if whole > 0 { share(part, Rate::ONE_SCALED, whole) } else { None }
}

/// The exposures of scopes as a whole, of those that are asked for.
pub fn totals<'scope>(
    components: &Components<'scope>,
    asked: Collection<'scope, Scope>,
) -> Collection<'scope, (Scope, Exposure)> {
    let asked = arrange(distinct(asked, "totals asked for").map(|scope| (scope, ())), "totals asked for");
    let parts = lookup(components, &asked, "totals", |scope, component: &Component, ()| {
        component.group(ExposureDimension::Total).map(|_| (*scope, ()))
    });
    let parts = arrange(parts.flat_map(|part| part), "totals");
    derive_rows(&parts, "totals", |scope: &Scope, sums, out| {
        sums.iter().for_each(|(_, sums)| out.row((*scope, Exposure::from_sums(sums))));
    })
}

/// The exposures of all groups that a scope has, in their order.
fn of_groups(components: OfScope<'_, '_, Component, Sums>) -> Vec<(Group, Exposure)> {
    let mut groups: BTreeMap<Group, Sums> = BTreeMap::new();
    for (component, sums) in components {
        for dimension in ExposureDimension::ALL {
            if let Some(group) = component.group(*dimension) {
                groups.entry((*dimension, group)).or_default().plus_equals(sums);
            }
        }
    }
    let groups = groups.into_iter().filter(|(_, sums)| !sums.is_zero());
    groups.map(|(group, sums)| (group, Exposure::from_sums(&sums))).collect()
}

/// Registers the view `exposures`.
pub fn register(components: &Components<'_>, views: &mut Views) {
    let columns = [
        ("scope", ColumnKind::Text),
        ("portfolio", ColumnKind::Text),
        ("currency", ColumnKind::Text),
        ("dimension", ColumnKind::Text),
        ("group", ColumnKind::Text),
        ("gross", AMOUNT),
        ("net", AMOUNT),
        ("long", AMOUNT),
        ("short", AMOUNT),
        ("weight", RATE),
        ("positions", ColumnKind::Int),
        ("positions_unvalued", ColumnKind::Int),
    ];
    let about = "What portfolios are exposed to, by dimension and group, and its weight of the net asset value.";
    views.derived(spec("exposures", about, &columns, 5), components, |scope: &Scope, components, rows: &mut Rows| {
        let groups = of_groups(components);
        let total = groups.iter().find(|((dimension, _), _)| *dimension == ExposureDimension::Total);
        let net_asset_value =
            total.map(|(_, total)| total).filter(|total| total.missing.unreported == 0).map(Exposure::net);
        rows.extend(groups.iter().map(|(group, exposure)| (row(*scope, *group, exposure, net_asset_value), 1)));
    });
}

fn row(scope: Scope, (dimension, group): Group, exposure: &Exposure, net_asset_value: Option<i128>) -> Row {
    // A sum that leaves out whole portfolios is none.
    let known = |amount: i128| Some(amount).filter(|_| exposure.missing.unreported == 0);
    let amounts = [exposure.gross(), exposure.net(), exposure.long, exposure.short].map(known);
    let weight = net_asset_value.and_then(|whole| ratio(exposure.net(), whole));
    let mut cells = scope.cells().to_vec();
    cells.extend([Cell::text(dimension.code()), symbol_cell(group)]);
    cells.extend(amounts.map(number_cell));
    cells.extend([number_cell(weight), Cell::Int(exposure.positions), Cell::Int(exposure.missing.unvalued)]);
    Row::new(cells)
}
