//! After every tick of random insertions, amendments, cancellations, allocations and confirmations, every view says what
//! the oracle says, and what its changes add up to.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::kit::records::{SOURCES, happenings, play};
use super::kit::{self, Book, Change, Desk, Following, TextRow, VIEWS};
use super::oracle::Oracle;
use super::*;

/// Feeds the ticks and compares every view with the oracle after each, and what its followers have added up.
fn assert_follows_the_oracle(toml: &str, ticks: &[Vec<Change>]) {
    let dictionary = dictionary();
    // Two ticks of the past are kept: so that what is let go of changes nothing of what is there.
    let mut desk = Desk::start_keeping(toml, &SOURCES, &dictionary, Duration::from_secs(2));
    let mut oracle = Oracle::new(&kit::config(toml), &kit::source_names(&SOURCES), &dictionary);
    let mut followed: Vec<Following> = VIEWS.iter().map(|view| desk.follow(view)).collect();
    let mut book = Book::default();
    book.apply(&kit::put_all(desk.models.clone()));
    for (number, changes) in ticks.iter().enumerate() {
        book.apply(changes);
        desk.tick(changes);
        let expected = oracle.views(&book.records(), &[], &kit::time_text(desk.last));
        for following in &mut followed {
            desk.catch_up(following);
            let view = following.view.clone();
            assert_same(&view, &desk.read(&view), &expected[view.as_str()], number);
            assert_eq!(desk.added_up(following), expected[view.as_str()], "{view}: changes add up, tick {number}");
        }
    }
    assert!(desk.read_all().values().all(Vec::is_empty), "everything is taken away");
}

/// Tells apart what is missing and what is too much: a whole view is hard to read.
fn assert_same(view: &str, found: &[TextRow], expected: &[TextRow], tick: usize) {
    let only = |rows: &[TextRow], others: &[TextRow]| -> Vec<String> {
        let mut counts: BTreeMap<&TextRow, i64> = BTreeMap::new();
        rows.iter().for_each(|row| *counts.entry(row).or_default() += 1);
        others.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(row, count)| format!("{count} x {}", row.join(" | ")))
            .collect()
    };
    let (surplus, lacking) = (only(found, expected), only(expected, found));
    assert!(
        surplus.is_empty() && lacking.is_empty(),
        "{view} at tick {tick}\n  found only: {surplus:#?}\n  expected only: {lacking:#?}"
    );
}

/// A property for each configuration of tiers.
macro_rules! follows_the_oracle {
    ($($name:ident: $head:expr, $tiers:expr;)*) => {$(
        proptest! {
            #![proptest_config(cases(24))]

            #[test]
            fn $name(ticks in happenings()) {
                assert_follows_the_oracle(&reconciliation($head, $tiers), &play(&ticks, "r"));
            }
        }
    )*};
}

follows_the_oracle! {
    two_sides_by_their_own_id: r#"sides = ["internal", { name = "broker", sources = ["broker_a"] }]"#, &[BY_ID];
    two_sides_by_their_own_id_with_allocations: TWO_SIDES, &[BY_ID];
    two_sides_by_execution: TWO_SIDES, &[BY_EXECUTION];
    two_sides_by_two_identifiers: TWO_SIDES, &[BY_REFERENCE, BY_EXECUTION];
    two_sides_by_economics: TWO_SIDES, &[BY_ECONOMICS];
    two_sides_within_tolerance: TWO_SIDES, &[BY_TOLERANCE];
    two_sides_by_score: TWO_SIDES, &[BY_SCORE];
    two_sides_by_weights: TWO_SIDES, &[BY_WEIGHTS];
    two_sides_by_block: TWO_SIDES, &[BY_BLOCK];
    two_sides_with_confirmations: &format!("{TWO_SIDES}\nconfirmations = [\"analysts\"]"), &[BY_ID];
    two_sides_in_all_ways: &format!("{TWO_SIDES}\nconfirmations = [\"analysts\"]"),
        &[BY_EXECUTION, BY_ECONOMICS, BY_TOLERANCE, BY_SCORE, BY_BLOCK, BY_REFERENCE];
    three_sides_by_id_and_economics: THREE_SIDES, &[BY_ID, BY_ECONOMICS];
    three_sides_in_all_ways: &format!("{THREE_SIDES}\nconfirmations = [\"analysts\"]"),
        &[BY_REFERENCE, BY_ECONOMICS, BY_TOLERANCE, BY_WEIGHTS, BY_BLOCK];
}
