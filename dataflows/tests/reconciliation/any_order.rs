//! The result depends on what is said, and on nothing else: not on the number of workers, nor on the order within a tick,
//! nor on how the input is cut into ticks, nor on how symbols are ordered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::Tick;
use model::{Record, Symbol, TradeDetail};
use proptest::prelude::*;
use proptest::sample::Index;

use super::kit::records::{IDS, SOURCES, happenings, play};
use super::kit::{Book, Change, Desk, TextRow, VIEWS};
use super::*;

/// The rows of every view at every tick, as readers get them.
fn history(workers: usize, ticks: &[Vec<Change>]) -> Vec<(Tick, &'static str, engine::Rows)> {
    let mut desk = Desk::start(&everything(), &SOURCES, &dictionary(), workers);
    let mut followed: Vec<_> = VIEWS.iter().map(|view| desk.follow(view)).collect();
    let mut history = Vec::new();
    for changes in ticks {
        desk.tick(changes);
        history.extend(VIEWS.iter().map(|view| (desk.last, *view, desk.snapshot(view, None))));
        for following in &mut followed {
            desk.catch_up(following);
            let (view, added_up) = (following.view.clone(), desk.added_up(following));
            assert_eq!(added_up, desk.read(&view), "{view}: what {workers} workers publish adds up");
        }
    }
    // The past is still what it was.
    for (tick, view, rows) in &history {
        assert_eq!(desk.snapshot(view, Some(*tick)), *rows, "{view} as of {tick}");
    }
    history
}

/// The views at the end, without the ticks at which breaks were first seen.
fn outcome(toml: &str, ticks: &[Vec<Change>]) -> BTreeMap<&'static str, Vec<TextRow>> {
    let mut desk = Desk::start(toml, &SOURCES, &dictionary(), 1);
    for changes in ticks {
        desk.tick(changes);
    }
    let mut views = desk.read_all();
    views.get_mut("breaks").unwrap().iter_mut().for_each(|row| row.truncate(row.len() - 1));
    views
}

/// The last change of each key: of these, the order within a tick does not matter.
fn last_of_each(changes: &[Change]) -> Vec<Change> {
    let last: BTreeMap<_, _> = changes.iter().map(|change| ((change.key, change.member), change.clone())).collect();
    last.into_values().collect()
}

/// Cuts a list anew, at the places that the indexes name.
fn cut(changes: Vec<Change>, places: &[Index]) -> Vec<Vec<Change>> {
    let places: BTreeSet<usize> = places.iter().map(|place| place.index(changes.len() + 1)).collect();
    let (mut ticks, mut start) = (Vec::new(), 0);
    for place in places {
        ticks.push(changes[start..place].to_vec());
        start = place;
    }
    ticks.push(changes[start..].to_vec());
    ticks
}

/// Tells every trade apart by what it says, so that no choice is left to the ids.
fn distinct(record: &Record, number: usize) -> Record {
    let Record::Trade(trade) = record else { return record.clone() };
    let detail = trade.detail.as_deref().cloned().unwrap_or_default();
    let detail = TradeDetail { trader: Symbol::of(&format!("trader {number}")), ..detail };
    Record::Trade(model::Trade { detail: Some(Arc::new(detail)), ..trade.clone() })
}

/// The same record, its trades called otherwise.
fn renamed(record: &Record, names: &BTreeMap<Symbol, Symbol>) -> Record {
    let name = |id: Symbol| names.get(&id).copied().unwrap_or(id);
    match record.clone() {
        Record::Trade(trade) => Record::Trade(model::Trade { id: name(trade.id), ..trade }),
        Record::Confirmation(confirmation) => {
            let (left, right) = (name(confirmation.left), name(confirmation.right));
            Record::Confirmation(model::Confirmation { left, right, ..confirmation })
        }
        other => other,
    }
}

/// The rows with other names for the trades, and without the ids of breaks.
fn relabelled(view: &str, rows: &[TextRow], names: &BTreeMap<String, String>) -> Vec<TextRow> {
    let columns: &[usize] = match view {
        "trades" => &[1],
        "matches" => &[3, 5],
        "breaks" => &[6, 7],
        _ => &[],
    };
    let relabel = |row: &TextRow| {
        let mut row = row.clone();
        columns.iter().for_each(|column| row[*column] = names.get(&row[*column]).unwrap_or(&row[*column]).clone());
        if view == "breaks" {
            row[0].clear();
        }
        row
    };
    let mut rows: Vec<TextRow> = rows.iter().map(relabel).collect();
    rows.sort();
    rows
}

proptest! {
    #![proptest_config(cases(10))]

    #[test]
    fn any_number_of_workers_gives_the_same_bytes_at_every_tick(ticks in happenings()) {
        let ticks = play(&ticks, "r");
        let expected = history(1, &ticks);
        for workers in [2, 4] {
            prop_assert_eq!(history(workers, &ticks), expected.clone(), "{} workers", workers);
        }
    }

    #[test]
    fn the_order_within_a_tick_does_not_matter(ticks in happenings(), seed in any::<u64>()) {
        let ordered: Vec<Vec<Change>> = play(&ticks, "r").iter().map(|changes| last_of_each(changes)).collect();
        let shuffled: Vec<Vec<Change>> = ordered.iter().map(|changes| {
            let mut changes = changes.clone();
            changes.sort_by_key(|change| blake3::hash(format!("{seed} {change:?}").as_bytes()).as_bytes().to_vec());
            changes
        }).collect();
        prop_assert_eq!(history(1, &shuffled), history(1, &ordered));
    }

    #[test]
    fn any_cut_into_ticks_ends_the_same(ticks in happenings(), places in prop::collection::vec(any::<Index>(), 0..8)) {
        let mut ticks = play(&ticks, "r");
        ticks.pop(); // all that is there is left there
        let again = cut(ticks.concat(), &places);
        prop_assert_eq!(outcome(&everything(), &again), outcome(&everything(), &ticks));
        // And what is left is all that matters: not how it came about.
        let mut book = Book::default();
        book.apply(&ticks.concat());
        let at_once = super::kit::put_all(book.records());
        prop_assert_eq!(outcome(&everything(), &[at_once]), outcome(&everything(), &ticks));
    }

    #[test]
    fn trades_with_other_ids_are_matched_the_same(ticks in happenings(), names in Just(IDS.to_vec()).prop_shuffle()) {
        let toml = named_reconciliation(
            "r",
            &format!("{TWO_SIDES}\n{RULES}\nconfirmations = [\"analysts\"]"),
            &[BY_EXECUTION, BY_ECONOMICS, BY_TOLERANCE, BY_SCORE, BY_BLOCK],
        );
        let mut ticks = play(&ticks, "r");
        ticks.pop();
        let mut book = Book::default();
        book.apply(&ticks.concat());
        let records: Vec<Record> = book.records().iter().enumerate().map(|(number, record)| distinct(record, number)).collect();
        let symbols = IDS.iter().zip(&names).map(|(id, name)| (Symbol::of(id), Symbol::of(name))).collect();
        let other_names: Vec<Record> = records.iter().map(|record| renamed(record, &symbols)).collect();
        let (first, second) = (outcome(&toml, &[super::kit::put_all(records)]), outcome(&toml, &[super::kit::put_all(other_names)]));
        let texts: BTreeMap<String, String> = IDS.iter().zip(&names).map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
        for (view, rows) in first {
            prop_assert_eq!(relabelled(view, &rows, &texts), relabelled(view, &second[view], &BTreeMap::new()), "{}", view);
        }
    }
}
