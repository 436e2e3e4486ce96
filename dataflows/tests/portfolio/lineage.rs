//! Lineage of books: a row rests on no record that it does not lead to.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::any_order::{cases, changes, rules, ticks};
use crate::kit::lineage::{Views, rows, without_past};
use crate::kit::{Book, Desk, put_all};
use crate::{SOURCES, VIEWS, desk};

/// Portfolios that are not known have a base currency of the configuration.
fn books() -> Desk {
    desk(&format!("base_currency = \"EUR\"\n{}", rules()), 1)
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_row_is_the_same_without_the_records_that_it_does_not_lead_to(
        ticks in ticks(),
        chosen in prop::collection::vec((prop::sample::select(VIEWS.to_vec()), any::<Index>()), 8),
    ) {
        let mut book = Book::default();
        ticks.into_iter().for_each(|tick| book.apply(&changes(tick)));
        let mut whole = books();
        whole.tick(&put_all(book.records()));
        let views = Views::read(&whole, &VIEWS, &SOURCES, &book);
        for (view, index) in chosen {
            let all = views.of(view);
            if all.is_empty() {
                continue;
            }
            let row = &all[index.index(all.len())];
            let explained = views.explained(view, row);
            prop_assert!(!explained.0.is_empty(), "{} {:?} rests on nothing", view, row);
            let mut part = books();
            part.tick(&put_all(explained.records()));
            let there = rows(&part, view).iter().any(|own| without_past(own) == without_past(row));
            prop_assert!(
                there,
                "{} {:?} is not there with its own records {:#?} but with all of {:#?}: {:#?}",
                view, row, explained.records(), book.records(), rows(&part, view)
            );
        }
    }
}
