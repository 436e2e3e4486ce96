//! What portfolios would be worth in each scenario: the view `stress`.
//!
//! A changed position costs one shift and the configured dimensions, for each scenario and scope.

use engine::{Cell, ColumnKind, Row, Views};
use model::{Currency, Symbol};
use operators::shared::Shared;
use operators::sum_by::sum_by_each;
use operators::{Arranged, Sums, arrange, nothing};
use serde::{Deserialize, Serialize};

use super::exposures::{Group, ratio};
use super::scenario::Scenario;
use super::scope::{InScope, Missing, Scope, in_scopes};
use crate::portfolio::dimension::group;
use crate::portfolio::valuations::Worth;
use crate::table::{AMOUNT, RATE, number_cell, spec, symbol_cell};

/// What the positions of a group are worth before and after, in units of [`model::Amount`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stressed {
    /// What they are worth.
    pub before: i128,
    /// What they would be worth.
    pub after: i128,
    /// How many positions there are.
    pub positions: i64,
    /// Those that have no value before or after.
    pub missing: Missing,
}

impl Stressed {
    /// What is lost; below zero if something is won.
    pub const fn loss(&self) -> i128 {
        self.before - self.after
    }

    fn of(at: InScope, position: &Worth, scenario: &Scenario) -> Sums {
        let shifted = |value| scenario.shifted(value, at.scope.currency(), at.rates, position);
        let values = at.value.and_then(|value| Some((value, shifted(value)?)));
        let (before, after) = values.unwrap_or_default();
        Sums([before, after, 1, values.is_none().into(), at.lacks_rate.into(), 0])
    }

    /// What sums of positions come to.
    pub fn from_sums(Sums([before, after, positions, unvalued, unreported, _]): &Sums) -> Stressed {
        let [positions, unvalued, unreported] = [*positions, *unvalued, *unreported].map(|count| count as i64);
        Stressed { before: *before, after: *after, positions, missing: Missing { unvalued, unreported } }
    }
}

/// A scope, in a scenario.
pub type Cut = (Scope, Symbol);

/// The values of all groups, by scope and scenario.
pub type StressedGroups<'scope> = Arranged<'scope, Cut, Group, Sums>;

/// Adds up by the dimensions of each scenario.
pub fn add_up<'scope>(
    worths: &Shared<'scope, Worth>,
    reporting_currency: Option<Currency>,
    scenarios: &[Scenario],
) -> StressedGroups<'scope> {
    if scenarios.is_empty() {
        return arrange(nothing(worths.scope()), "no stress");
    }
    let scenarios = scenarios.to_vec();
    sum_by_each(worths, "stress", move |position, add| {
        for at in in_scopes(position, reporting_currency) {
            for scenario in &scenarios {
                let sums = Stressed::of(at, position, scenario);
                for dimension in &scenario.dimensions {
                    add(((at.scope, scenario.id), (*dimension, group(*dimension, position))), sums);
                }
            }
        }
    })
}

/// Registers the view `stress`.
pub fn register(stressed: &StressedGroups<'_>, scenarios: &[Scenario], views: &mut Views) {
    let columns = [
        ("scenario", ColumnKind::Text),
        ("scope", ColumnKind::Text),
        ("portfolio", ColumnKind::Text),
        ("currency", ColumnKind::Text),
        ("dimension", ColumnKind::Text),
        ("group", ColumnKind::Text),
        ("value_before", AMOUNT),
        ("value_after", AMOUNT),
        ("change", AMOUNT),
        ("change_percent", RATE),
        ("positions", ColumnKind::Int),
        ("positions_unvalued", ColumnKind::Int),
    ];
    let about = "What portfolios would be worth in each scenario of stress.";
    let names: Vec<(Symbol, Cell)> =
        scenarios.iter().map(|scenario| (scenario.id, Cell::text(&scenario.name))).collect();
    views.derived(spec("stress", about, &columns, 6), stressed, move |(scope, scenario): &Cut, groups, rows| {
        let name = names.iter().find(|(id, _)| id == scenario).map_or(Cell::Null, |(_, name)| name.clone());
        rows.extend(
            groups.iter().map(|(group, sums)| (row(name.clone(), *scope, **group, &Stressed::from_sums(sums)), 1)),
        );
    });
}

fn row(scenario: Cell, scope: Scope, (dimension, group): Group, stressed: &Stressed) -> Row {
    // A sum that leaves out whole portfolios is none.
    let known = |amount: i128| number_cell(Some(amount).filter(|_| stressed.missing.unreported == 0));
    let change = stressed.after - stressed.before;
    let percent = change.checked_mul(100).and_then(|change| ratio(change, stressed.before.saturating_abs()));
    let mut cells = vec![scenario];
    cells.extend(scope.cells());
    cells.extend([
        Cell::text(dimension.code()),
        symbol_cell(group),
        known(stressed.before),
        known(stressed.after),
        known(change),
        number_cell(percent.filter(|_| stressed.missing.unreported == 0)),
        Cell::Int(stressed.positions),
        Cell::Int(stressed.missing.unvalued),
    ]);
    Row::new(cells)
}
