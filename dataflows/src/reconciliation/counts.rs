//! How many trades ended where, and how many breaks there are: sums that travel in the difference.

use differential_dataflow::AsCollection;
use engine::{Cell, Column, ColumnKind, Key, Row, ViewSpec, Views};
use model::{Date, SourceId};
use operators::sum_by::{arrange_sums, sum_by};
use operators::{Collection, Sums};
use timely::dataflow::operators::vec::Map;

use super::breaks::columns;
use super::outcome::{CountKey, Placed, counts};
use crate::table::Sources;
use crate::trades::date_cell;

/// Registers `match_rates` and `conservation`.
pub fn register<'scope>(
    legs: &[Placed],
    sources: &[String],
    counted: Collection<'scope, CountKey, Sums>,
    refusals: Collection<'scope, u16>,
    views: &mut Views,
) {
    let names = Names::new(legs, sources);
    let dated = names.clone();
    let by_date = arrange_sums(counted.clone(), "match rates", move |key| {
        Row::new([dated.of(key.leg, key.source), vec![date_cell(key.date)]].concat())
    });
    views.sums(match_rates_spec(), &by_date, match_rates_row);

    let with_refused = counted.concat(refused(legs, refusals));
    let by_source = arrange_sums(with_refused, "conservation", move |key| Row::new(names.of(key.leg, key.source)));
    views.sums(conservation_spec(), &by_source, conservation_row);
}

/// Registers `break_summary`.
pub fn summarise_breaks<'scope>(breaks: Collection<'scope, (Key, Row)>, views: &mut Views) {
    let summary = sum_by(breaks, "break summary", |(_identity, row)| {
        let cells = row.cells();
        let group = [
            columns::RECONCILIATION,
            columns::SIDE,
            columns::TYPE,
            columns::COUNTERPARTY,
            columns::DESK,
            columns::TRADE_DATE,
        ];
        let is_own = |name: &&str| matches!(&cells[columns::SEVERITY], Cell::Text(text) if &**text == *name);
        let severity = SEVERITIES.iter().position(is_own).unwrap_or(0);
        let mut sums = Sums::of(0, 1);
        sums.0[1 + severity] = 1;
        (Row::new(group.map(|column| cells[column].clone())), sums)
    });
    views.sums(summary_spec(), &summary, |group, sums| {
        let counts = sums.0[..5].iter().map(|count| Cell::Int(*count as i64));
        Row::new(group.cells().iter().cloned().chain(counts).collect::<Vec<_>>())
    });
}

const SEVERITIES: [&str; 4] = ["low", "medium", "high", "critical"];

/// The names of legs and sources, as cells.
#[derive(Clone)]
struct Names {
    legs: Vec<[Cell; 2]>,
    sources: Sources,
}

impl Names {
    fn new(legs: &[Placed], sources: &[String]) -> Self {
        let leg =
            |placed: &Placed| [&placed.leg.reconciliation, &placed.leg.sides[1]].map(|name| Cell::Text(name.clone()));
        Names { legs: legs.iter().map(leg).collect(), sources: Sources::new(sources) }
    }

    fn of(&self, leg: u16, source: SourceId) -> Vec<Cell> {
        let mut cells = self.legs[usize::from(leg)].to_vec();
        cells.push(self.sources.cell(source));
        cells
    }
}

/// Refusals count for each leg that the source's trades are in. What was refused has no date.
fn refused<'scope>(legs: &[Placed], refusals: Collection<'scope, u16>) -> Collection<'scope, CountKey, Sums> {
    let legs = legs.to_vec();
    let refused = refusals.inner.flat_map(move |(source, tick, diff)| {
        let source = SourceId(source as u8);
        let legs = legs.iter().filter(|placed| placed.leg.side_of(source).is_some());
        let key = |placed: &Placed| CountKey { leg: placed.index, source, date: Date::NONE };
        legs.map(|placed| (key(placed), tick, Sums::of(counts::REFUSED, diff as i128))).collect::<Vec<_>>()
    });
    refused.as_collection()
}

fn part(sums: &Sums, part: usize) -> i64 {
    i64::try_from(sums.0[part]).unwrap_or(i64::MAX)
}

fn match_rates_row(group: &Row, sums: &Sums) -> Row {
    let [trades, paired, matched] = [counts::RECEIVED, counts::PAIRED, counts::MATCHED].map(|index| part(sums, index));
    // In millionths, rounded down: a rate never looks better than it is.
    let rate = |count: i64| {
        if trades > 0 { Cell::fixed(i128::from(count) * 1_000_000 / i128::from(trades)) } else { Cell::Null }
    };
    let own = [Cell::Int(trades), Cell::Int(paired), Cell::Int(matched), rate(paired), rate(matched)];
    Row::new(group.cells().iter().cloned().chain(own).collect::<Vec<_>>())
}

fn conservation_row(group: &Row, sums: &Sums) -> Row {
    let [received, matched, broken, duplicate, refused] =
        [counts::RECEIVED, counts::MATCHED, counts::BROKEN, counts::DUPLICATE, counts::REFUSED]
            .map(|index| part(sums, index));
    let records_in = received + refused;
    let is_conserved = records_in == matched + broken + duplicate + refused;
    let own =
        [records_in, matched, broken, duplicate, refused].map(Cell::Int).into_iter().chain([Cell::Bool(is_conserved)]);
    Row::new(group.cells().iter().cloned().chain(own).collect::<Vec<_>>())
}

fn spec(name: &str, about: &str, columns: &[(&str, ColumnKind)], key: usize) -> ViewSpec {
    ViewSpec {
        name: name.into(),
        about: about.into(),
        columns: columns.iter().map(|(name, kind)| Column::new(*name, *kind)).collect(),
        key: (0..key).collect(),
    }
}

fn match_rates_spec() -> ViewSpec {
    use ColumnKind::{Date, Fixed, Int, Text};
    let columns = [
        ("reconciliation", Text),
        ("side", Text),
        ("source", Text),
        ("trade_date", Date),
        ("trades", Int),
        ("paired", Int),
        ("matched", Int),
        ("paired_rate", Fixed(6)),
        ("matched_rate", Fixed(6)),
    ];
    spec(
        "match_rates",
        "How many trades have a counterpart (paired), and how many of these differ in nothing (matched).",
        &columns,
        4,
    )
}

fn conservation_spec() -> ViewSpec {
    use ColumnKind::{Bool, Int, Text};
    let columns = [
        ("reconciliation", Text),
        ("side", Text),
        ("source", Text),
        ("records_in", Int),
        ("matched", Int),
        ("broken", Int),
        ("duplicate", Int),
        ("refused", Int),
        ("is_conserved", Bool),
    ];
    spec(
        "conservation",
        "What came in equals what was matched, broken, there twice or refused; by source, always.",
        &columns,
        3,
    )
}

fn summary_spec() -> ViewSpec {
    use ColumnKind::{Date, Int, Text};
    let columns = [
        ("reconciliation", Text),
        ("side", Text),
        ("type", Text),
        ("counterparty", Text),
        ("desk", Text),
        ("trade_date", Date),
        ("breaks", Int),
        ("low", Int),
        ("medium", Int),
        ("high", Int),
        ("critical", Int),
    ];
    spec(
        "break_summary",
        "How many breaks there are, by type, counterparty, desk and day, and how severe.",
        &columns,
        6,
    )
}
