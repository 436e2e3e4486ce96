//! Each time that a limit was breached: the view `limit_breach_history`.
//!
//! Which limits were breached follows from no record that is there now, so a snapshot keeps it (decision 0032). While a limit is
//! `UNKNOWN` nothing begins and nothing ends: a price that is missing cures no breach. A limit that is changed is another
//! one from then on, because what it says of its worst could not be compared.

use std::sync::Arc;

use engine::episode::{Named, Remembered, arrange_episodes};
use engine::{Cell, ColumnKind, Key, Row, Views};
use operators::episodes::{Episode, episodes};
use operators::{Arranged, Collection};

use super::limits::{BREACH_ID, USAGE_COLUMNS};
use crate::table::spec;

/// What a limit asks for: the columns in which two of them differ that are not compared.
const TERMS: [&str; 5] = ["dimension", "measure", "scenario", "currency", "breach_level"];

/// What is largest in the row that is worst.
const SIZE: [&str; 1] = ["usage"];

/// Registers the view; gives all episodes, under their keys. `judged` are rows of `limit_usage` under what they are known by, and
/// whether they are breaches; those that are not are `UNKNOWN`. `remembered` are the episodes that are gone on from.
pub fn register<'scope>(
    judged: Collection<'scope, (Key, (Row, bool))>,
    remembered: Collection<'scope, Remembered>,
    views: &mut Views,
) -> Arranged<'scope, Key, Remembered> {
    let (terms, size) = (places(&TERMS), places(&SIZE));
    let key = move |identity, row: &Row| (identity, Key::of(&cells_at(row, &terms)));
    let key_of_remembered = key.clone();
    let there = judged.map(move |(identity, (row, is_breach))| (key(identity, &row), is_breach.then_some(row)));
    let remembered = remembered.map(move |(identity, Episode { first, last, worst })| {
        let worst = row_of(&worst);
        (key_of_remembered(identity, &worst), Episode { first, last, worst })
    });
    let history = episodes(there, remembered, "history of breaches", move |worst, row| {
        cells_at(row, &size) > cells_at(worst, &size)
    });
    let names = USAGE_COLUMNS.map(|(name, _)| Arc::from(name));
    let history = history.map(move |((identity, _terms), Episode { first, last, worst })| {
        let worst = names.iter().cloned().zip(worst.cells().iter().cloned()).collect();
        (identity, Episode { first, last, worst })
    });
    let history = arrange_episodes(history, "history of breaches");

    let ticks = [("began", ColumnKind::Time), ("ended", ColumnKind::Time)];
    let columns: Vec<_> = [BREACH_ID].into_iter().chain(ticks).chain(USAGE_COLUMNS).collect();
    let about =
        "Each time that a limit was breached: since when, until when, and what it was when it used most of its level.";
    views.derived(spec("limit_breach_history", about, &columns, 2), &history, |_key, episodes, rows| {
        rows.extend(episodes.iter().map(|(remembered, count)| (shown(remembered), *count)));
    });
    history
}

fn shown((identity, episode): &Remembered) -> Row {
    let ended = episode.last.map_or(Cell::Null, Cell::tick);
    let own = [Cell::Hash(identity.bytes()), Cell::tick(episode.first), ended];
    Row::new(own.into_iter().chain(row_of(&episode.worst).cells().iter().cloned()).collect::<Vec<_>>())
}

/// A row of `limit_usage`. What an earlier version did not keep is not known.
fn row_of(named: &Named) -> Row {
    let cells = USAGE_COLUMNS.iter().map(|(name, _)| named.get(*name).cloned().unwrap_or(Cell::Null));
    Row::new(cells.collect::<Vec<_>>())
}

/// The places of some columns of `limit_usage`.
fn places(names: &[&str]) -> Vec<usize> {
    let own = USAGE_COLUMNS.iter().enumerate().filter(|(_, (name, _))| names.contains(name));
    own.map(|(place, _)| place).collect()
}

fn cells_at<'a>(row: &'a Row, places: &[usize]) -> Vec<&'a Cell> {
    places.iter().map(|place| &row.cells()[*place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_compared_is_a_column_of_limit_usage() {
        assert_eq!((places(&TERMS).len(), places(&SIZE).len()), (TERMS.len(), SIZE.len()));
    }

    #[test]
    fn what_an_earlier_version_kept_is_a_row_also_where_columns_have_come_and_gone() {
        let kept = Named::from([(Arc::from("limit"), Cell::text("L")), (Arc::from("gone"), Cell::Int(1))]);
        let row = row_of(&kept);
        assert_eq!((row.cells().len(), &row.cells()[1]), (USAGE_COLUMNS.len(), &Cell::text("L")));
        assert_eq!(row.cells().iter().filter(|cell| **cell == Cell::Null).count(), USAGE_COLUMNS.len() - 1);
    }
}
