//! Lineage of margin: a row rests on no record that it does not lead to.

use proptest::prelude::*;
use proptest::sample::Index;

use super::VIEWS;
use super::against_oracle::{HOUR, cases};
use super::kit::lineage::{Views, rows};
use super::kit::{Book, Desk, put_all};
use super::world::{RULES, SOURCES, changes, dictionary, moments};

/// The records themselves, beside what comes of them.
fn views() -> Vec<&'static str> {
    VIEWS.into_iter().chain(["fund_records"]).collect()
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn a_row_is_the_same_without_the_records_that_it_does_not_lead_to(
        moments in moments(),
        hours in 1..60u64,
        chosen in prop::collection::vec((prop::sample::select(views()), any::<Index>()), 8),
    ) {
        let mut book = Book::default();
        moments.iter().for_each(|moment| {
            let changes = changes(&moment.happenings, &book);
            book.apply(&changes);
        });
        let read = |records: &Book| {
            let mut desk = Desk::start(RULES, &SOURCES, &dictionary(), 1);
            desk.tick(&put_all(records.records()));
            desk.pass_to(hours * HOUR);
            desk
        };
        let whole = read(&book);
        let all = Views::read(&whole, &views(), &SOURCES, &book);
        for (view, index) in chosen {
            let of_view = all.of(view);
            if of_view.is_empty() {
                continue;
            }
            let row = &of_view[index.index(of_view.len())];
            let explained = all.explained(view, row);
            prop_assert!(!explained.0.is_empty(), "{} {:?} rests on nothing", view, row);
            let there = rows(&read(&explained), view);
            prop_assert!(
                there.contains(row),
                "{} {:?} is not there with its own records {:#?} but with all of {:#?}: {:#?}",
                view, row, explained.records(), book.records(), there
            );
        }
    }
}
