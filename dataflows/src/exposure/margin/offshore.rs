//! Exposure abroad, fund by fund and month by month: what the positions that count as such are worth on the last day of the
//! month that has any.
//!
//! Which ones count is a rule of the moment at which they were loaded, so a change of the rule leaves the past as it was.
//! Options on an exchange never count; the mapping of asset types tells which they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{ColumnKind, Key, Row, ViewSpec, Views};
use model::{Amount, Date, FundPosition, Record, Symbol, Timestamp};
use operators::derive::derive_rows;
use operators::lookup::lookup_left;
use operators::{Arranged, Collection, arrange};
use serde::{Deserialize, Serialize};

use super::config::MarginRules;
use super::positions::{positions_of, replaces};
use super::tables::month_of;
use crate::table::{AMOUNT, amount_cell, date_cell, spec, symbol_cell};

/// What a fund holds abroad of one asset type, of one day and load.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Holding {
    /// The day.
    pub position_date: Date,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// The fund.
    pub fund: Symbol,
    /// The code of the asset type.
    pub asset_type: Symbol,
    /// What it is worth; not known where that of no position is.
    pub value: Amount,
}

/// Two values together; what is not known counts nothing.
fn plus(a: Amount, b: Amount) -> Amount {
    match (a.scaled(), b.scaled()) {
        (Some(a), Some(b)) => Amount::from_scaled(a.saturating_add(b)),
        (None, _) => b,
        (_, None) => a,
    }
}

/// What a fund holds abroad, from its positions of one day. Each nickname counts as it was last loaded, whatever it was
/// then classified as.
pub fn of_day<'a>(positions: impl Iterator<Item = &'a FundPosition>, rules: &MarginRules) -> Vec<Holding> {
    let mut last: BTreeMap<Symbol, &FundPosition> = BTreeMap::new();
    for position in positions {
        let own = last.entry(position.nickname).or_insert(position);
        if replaces(position, own) {
            *own = position;
        }
    }
    let mut holdings: BTreeMap<(Date, Timestamp, Symbol, Symbol), Amount> = BTreeMap::new();
    for own in last.into_values().filter(|own| rules.is_offshore(own.classification, own.loaded_at)) {
        let value = holdings.entry((own.position_date, own.loaded_at, own.fund, own.asset_type)).or_default();
        *value = plus(*value, own.value);
    }
    let holding = |((position_date, loaded_at, fund, asset_type), value)| Holding {
        position_date,
        loaded_at,
        fund,
        asset_type,
        value,
    };
    holdings.into_iter().map(holding).collect()
}

/// The exposure of a month: of its last day that has any, as it was last loaded. Holdings come with how many times each
/// is there: two portfolios of a month may hold the same.
pub fn of_month<'a>(holdings: impl Iterator<Item = (&'a Holding, isize)>) -> Option<Holding> {
    let order = |own: &Holding| (own.position_date, own.loaded_at);
    let mut last: Option<Holding> = None;
    for (own, count) in holdings {
        let value =
            own.value.scaled().map_or(Amount::NONE, |value| Amount::from_scaled(value.saturating_mul(count as i128)));
        match &mut last {
            Some(last) if order(own) == order(last) => last.value = plus(last.value, value),
            Some(last) if order(own) < order(last) => {}
            _ => last = Some(Holding { value, ..own.clone() }),
        }
    }
    last
}

/// Registers `offshore_exposure`.
pub fn register<'scope>(
    by_day: &Arranged<'scope, Key, Record>,
    records: &Arranged<'scope, Key, Record>,
    rules: &Arc<MarginRules>,
    views: &mut Views,
) {
    let own = Arc::clone(rules);
    let holdings = derive_rows(by_day, "holdings abroad", move |_day, group, out| {
        for holding in of_day(positions_of(group), &own) {
            out.row((type_key(holding.asset_type), holding));
        }
    });
    let counted = lookup_left(
        &arrange(holdings, "holdings by asset type"),
        &arrange(exchange_options(records, rules), "exchange options"),
        "holdings that count",
        |_type, holding, option| option.is_none().then(|| holding.clone()),
    );
    let by_month = counted.flat_map(|holding| {
        let holding = holding?;
        Some((Key::of(&(holding.fund, month_of(holding.position_date))), holding))
    });
    views.derived(view(), &arrange(by_month, "holdings by month"), |_month, group, rows| {
        rows.extend(of_month(group.iter().copied()).map(|last| (row(&last), 1)));
    });
}

fn type_key(asset_type: Symbol) -> Key {
    Key::from_bytes(asset_type.bytes())
}

/// The asset types that are options on an exchange.
fn exchange_options<'scope>(
    records: &Arranged<'scope, Key, Record>,
    rules: &Arc<MarginRules>,
) -> Collection<'scope, (Key, ())> {
    let types = records.clone().flat_map_ref(|_id, record| match record {
        Record::AssetType(own) => Some((type_key(own.id), record.clone())),
        _ => None,
    });
    let own = Arc::clone(rules);
    // Once, however many sources say so.
    derive_rows(&arrange(types, "asset types"), "exchange options", move |key, group, out| {
        let is_option =
            |record: &Record| matches!(record, Record::AssetType(asset) if own.is_exchange_option(asset.name));
        if group.iter().any(|(record, _)| is_option(record)) {
            out.row((*key, ()));
        }
    })
}

fn row(holding: &Holding) -> Row {
    Row::new([
        symbol_cell(holding.fund),
        date_cell(month_of(holding.position_date)),
        date_cell(holding.position_date),
        amount_cell(holding.value),
    ])
}

fn view() -> ViewSpec {
    use ColumnKind::{Date, Text};
    let columns = [("fund", Text), ("month", Date), ("position_date", Date), ("value", AMOUNT)];
    spec("offshore_exposure", "What each fund holds abroad, at the end of each month.", &columns, 2)
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::{RULES, rules};
    use super::*;

    fn position(nickname: &str, classification: &str, value: Option<i128>, loaded_at: &str) -> FundPosition {
        FundPosition {
            nickname: Symbol::of(nickname),
            classification: Symbol::of(classification),
            value: value.map_or(Amount::NONE, Amount::from_scaled),
            loaded_at: Timestamp::parse(loaded_at, "%Y-%m-%d").unwrap(),
            ..FundPosition::default()
        }
    }

    #[test]
    fn what_counts_depends_on_when_it_was_loaded() {
        let rules = rules(RULES).unwrap();
        let values = |positions: &[FundPosition]| -> Vec<Option<i128>> {
            of_day(positions.iter(), &rules).iter().map(|own| own.value.scaled()).collect()
        };
        let (old, new) = ("2025-11-29", "2025-12-07");
        assert_eq!(
            values(&[position("A", "Abroad", Some(1), old), position("B", "Offshore fund", Some(2), old)]),
            [Some(3)]
        );
        assert_eq!(
            values(&[position("A", "Abroad", Some(1), new), position("B", "Offshore fund", Some(2), new)]),
            [Some(2)]
        );
        assert_eq!(values(&[position("A", "Abroad", None, old)]), [None]);
        // What it was first loaded as is forgotten.
        assert_eq!(values(&[position("A", "Offshore fund", Some(1), old), position("A", "Other", Some(1), new)]), []);
    }

    #[test]
    fn the_last_day_of_the_month_counts_as_it_was_last_loaded() {
        let holding = |date, loaded_at, value| Holding {
            position_date: Date(date),
            loaded_at: Timestamp(loaded_at),
            fund: Symbol::NONE,
            asset_type: Symbol::NONE,
            value: Amount::from_scaled(value),
        };
        let holdings = [holding(1, 9, 1), holding(2, 1, 2), holding(2, 2, 4), holding(2, 2, 8)];
        let counted = holdings.iter().zip([1, 1, 1, 2]);
        let value = of_month(counted).map(|last| last.value);
        assert_eq!((value, of_month([].into_iter())), (Some(Amount::from_scaled(20)), None));
    }
}
