//! The positions of exposed funds: as they are on the latest day that is known of each fund, one row an asset.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Cell, ColumnKind, Key, Row, ViewSpec, Views};
use model::{Amount, Date, FundPosition, Record, Symbol};
use operators::derive::{derive_rows, derive_sums};
use operators::group::Group;
use operators::lookup::lookup;
use operators::sum_by::{arrange_sums, tally};
use operators::top_n::top_n;
use operators::{Arranged, Collection, Sums, arrange};

use super::config::MarginRules;
use super::fund_key;
use crate::table::{AMOUNT, Sources, amount_cell, date_cell, spec, symbol_cell, time_cell};

/// What tells the positions of a fund on one day apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Asset,
    /// Its notional and its legs, where all of them are known.
    Swap(Option<[Amount; 3]>),
}

impl Identity {
    fn of(position: &FundPosition, rules: &MarginRules) -> Identity {
        if !rules.is_swap(position.classification) {
            return Identity::Asset;
        }
        let figures = [position.notional, position.received_leg, position.paid_leg];
        Identity::Swap((!figures.iter().any(|figure| figure.is_none())).then_some(figures))
    }
}

/// Whether a position takes the place of another that is the same one: it was loaded later. Two of one load are told
/// apart by their source, then by what they say.
pub fn replaces(position: &FundPosition, other: &FundPosition) -> bool {
    let order = |own: &FundPosition| (own.loaded_at, own.source);
    order(position).cmp(&order(other)).then_with(|| position.cmp(other)).is_gt()
}

/// The positions of a fund on one day, each as it was last loaded.
pub fn of_day<'a>(
    positions: impl Iterator<Item = &'a FundPosition>,
    rules: &MarginRules,
) -> impl Iterator<Item = &'a FundPosition> {
    let mut last: BTreeMap<(Symbol, Identity), &FundPosition> = BTreeMap::new();
    for position in positions {
        let own = last.entry((position.nickname, Identity::of(position, rules))).or_insert(position);
        if replaces(position, own) {
            *own = position;
        }
    }
    last.into_values()
}

/// The positions among the records of a group.
pub fn positions_of<'a>(group: Group<'a, '_, Record, isize>) -> impl Iterator<Item = &'a FundPosition> {
    group.iter().filter_map(|(record, _)| if let Record::FundPosition(own) = record { Some(&**own) } else { None })
}

/// A fund's day.
fn day_key(fund: Symbol, date: Date) -> Key {
    Key::of(&(fund, date))
}

/// All positions, by their fund and day.
pub fn by_day<'scope>(records: &Arranged<'scope, Key, Record>) -> Arranged<'scope, Key, Record> {
    let positions = records.clone().flat_map_ref(|_id, record| match record {
        Record::FundPosition(own) => Some((day_key(own.fund, own.portfolio_date), record.clone())),
        _ => None,
    });
    arrange(positions, "positions by day")
}

/// Registers `fund_positions` and `fund_exposures`.
pub fn register<'scope>(
    by_day: &Arranged<'scope, Key, Record>,
    records: &Arranged<'scope, Key, Record>,
    rules: &Arc<MarginRules>,
    sources: &Sources,
    views: &mut Views,
) {
    let latest = lookup(by_day, &latest_days(records), "latest positions", |_day, record, ()| record.clone());
    let latest = latest.flat_map(|record| match &record {
        Record::FundPosition(own) => Some((fund_key(own.fund), record)),
        _ => None,
    });
    let latest = arrange(latest, "latest positions");
    let (own, sources) = (Arc::clone(rules), sources.clone());
    views.derived(view(), &latest, move |_fund, group, rows| {
        rows.extend(of_day(positions_of(group), &own).map(|position| (row(position, &sources), 1)));
    });

    let own = Arc::clone(rules);
    let sums = derive_sums(&latest, "exposures of funds", move |_fund, group, out| {
        for position in of_day(positions_of(group), &own) {
            let name = (position.fund, position.classification);
            let amounts = [position.notional, position.value, position.received_leg, position.paid_leg];
            out.add(name, 0, 1);
            for (part, amount) in (1..).zip(amounts) {
                out.add(name, part, amount.scaled().unwrap_or(0));
            }
        }
    });
    let sums = arrange_sums(sums, "exposures of funds", |name: &(Symbol, Symbol)| *name);
    views.sums(exposures_view(), &sums, |(fund, classification), sums| exposures_row(*fund, *classification, sums));
}

/// The latest day of each fund.
fn latest_days<'scope>(records: &Arranged<'scope, Key, Record>) -> Arranged<'scope, Key, ()> {
    let counted = tally(records, "days counted", |record| match record {
        Record::FundPosition(own) => Some(((own.fund, own.portfolio_date), 0)),
        _ => None,
    });
    let days = arrange_sums(counted, "days of positions", |day: &(Symbol, Date)| *day);
    let days = derive_rows(&days, "days there", |day, _rows, out| out.row(*day));
    let latest: Collection<'scope, (Key, ())> = top_n(
        &arrange(days, "days by fund"),
        1,
        "latest days",
        |_| 0,
        |fund, top, out| {
            out.extend(top.greatest.iter().map(|(date, _)| (day_key(*fund, **date), ())));
        },
    );
    arrange(latest, "latest days")
}

fn row(position: &FundPosition, sources: &Sources) -> Row {
    Row::new([
        symbol_cell(position.fund),
        symbol_cell(position.nickname),
        symbol_cell(position.classification),
        amount_cell(position.notional),
        amount_cell(position.received_leg),
        amount_cell(position.paid_leg),
        sources.cell(position.source),
        date_cell(position.position_date),
        date_cell(position.portfolio_date),
        symbol_cell(position.classification_id),
        symbol_cell(position.asset),
        symbol_cell(position.asset_type),
        symbol_cell(position.isin),
        amount_cell(position.price),
        amount_cell(position.quantity),
        amount_cell(position.value),
        time_cell(position.loaded_at),
    ])
}

fn view() -> ViewSpec {
    use ColumnKind::{Date, Text, Time};
    let columns = [
        ("fund", Text),
        ("nickname", Text),
        ("classification", Text),
        ("notional", AMOUNT),
        ("received_leg", AMOUNT),
        ("paid_leg", AMOUNT),
        ("source", Text),
        ("position_date", Date),
        ("portfolio_date", Date),
        ("classification_id", Text),
        ("asset", Text),
        ("asset_type", Text),
        ("isin", Text),
        ("price", AMOUNT),
        ("quantity", AMOUNT),
        ("value", AMOUNT),
        ("loaded_at", Time),
    ];
    spec("fund_positions", "The positions of each exposed fund on the latest day that is known of it.", &columns, 6)
}

fn exposures_row(fund: Symbol, classification: Symbol, sums: &Sums) -> Row {
    let count = Cell::Int(i64::try_from(sums.0[0]).unwrap_or(i64::MAX));
    let amounts = [1, 2, 3, 4].map(|part| Cell::fixed(sums.0[part]));
    let cells = [symbol_cell(fund), symbol_cell(classification), count].into_iter().chain(amounts);
    Row::new(cells.collect::<Vec<_>>())
}

fn exposures_view() -> ViewSpec {
    use ColumnKind::{Int, Text};
    let columns = [
        ("fund", Text),
        ("classification", Text),
        ("positions", Int),
        ("notional", AMOUNT),
        ("value", AMOUNT),
        ("received_leg", AMOUNT),
        ("paid_leg", AMOUNT),
    ];
    spec("fund_exposures", "What the latest positions of each fund add up to, by classification.", &columns, 2)
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::super::config::tests::{RULES, rules};
    use super::*;

    #[test]
    fn an_asset_is_there_once_and_a_swap_as_often_as_it_differs() {
        let rules = rules(RULES).unwrap();
        let position = |nickname, classification, notional, leg, loaded_at| FundPosition {
            nickname: Symbol::of(nickname),
            classification: Symbol::of(classification),
            notional: Amount::from_scaled(notional),
            received_leg: leg,
            paid_leg: Amount::ZERO,
            loaded_at: Timestamp(loaded_at),
            ..FundPosition::default()
        };
        let one = Amount::from_scaled(1);
        let positions = [
            position("A", "OTC OPC", 1, Amount::NONE, 1),
            position("A", "OTC OPC", 2, Amount::NONE, 2),
            position("S", "OTC SWAP", 1, one, 1),
            position("S", "OTC SWAP", 1, one, 2),
            position("S", "OTC SWAP", 2, one, 1),
            position("S", "OTC SWAP", 3, Amount::NONE, 1),
            position("S", "OTC SWAP", 4, Amount::NONE, 2),
        ];
        let kept = of_day(positions.iter(), &rules);
        let mut kept: Vec<_> = kept.map(|own| (own.notional.scaled().unwrap(), own.loaded_at.0)).collect();
        kept.sort_unstable();
        assert_eq!(kept, [(1, 2), (2, 1), (2, 2), (4, 2)]);
    }
}
