//! Lineage of books: a row rests on no record that it does not lead to.

use model::{Currency, Rate, Transaction, TransactionType};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::any_order::{cases, changes, rules, ticks};
use crate::exposure::with_option;
use crate::kit::lineage::{NamedRow, Views, rows, without_past};
use crate::kit::{Book, Desk, put_all};
use crate::records::{keep, portfolio, price, put, transaction, vega};
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

#[test]
fn a_position_without_a_currency_rests_on_its_transactions_too() {
    let bought = put(Transaction {
        currency: Currency::NONE,
        fx_to_base: Rate::from_scaled(Rate::ONE_SCALED),
        ..transaction("B", TransactionType::Buy, "C", "2026-01-05", "5", "500")
    });
    let mut book = Book::default();
    book.apply(&put_all([bought.clone(), keep(portfolio("P", "USD")), price("C", "2026-01-05", "100", "USD")]));
    let mut whole = desk("", 1);
    whole.tick(&put_all(book.records()));
    let views = Views::read(&whole, &VIEWS, &SOURCES, &book);
    let valued = &views.of("valuations")[0];
    assert_eq!((&valued["security"], &valued["cost_currency"]), (&Value::from("C"), &Value::Null));
    assert!(views.explained("valuations", valued).records().contains(&bought), "{valued:?}");
}

#[test]
fn what_an_option_loses_rests_on_its_vega_and_on_the_day_up_to_which_it_counts() {
    let scenario =
        "stale_after_days = 5\n[books.stress.falls]\ndimensions = ['counterparty', 'product']\nvolatility = -5";
    let vegas = [("CALL", "06", "0.1"), ("CALL", "09", "0.25"), ("CALL", "12", "0.3"), ("A", "06", "0")];
    let vegas = vegas.map(|(security, day, told)| vega(security, &format!("2026-01-{day}"), told));
    // The option has no later price than of the 8th: without this one, the vega of the 9th would not count.
    let last_day = price("A", "2026-01-10", "100", "USD");
    let mut book = Book::default();
    book.apply(&put_all(with_option("USD").into_iter().chain(vegas.clone()).chain([last_day.clone()])));
    let mut whole = desk(scenario, 1);
    whole.tick(&put_all(book.records()));
    let views = Views::read(&whole, &VIEWS, &SOURCES, &book);
    for (dimension, group) in [("product", Value::from("OPTION")), ("counterparty", Value::Null)] {
        let is_it =
            |row: &&NamedRow| row["scope"] == "portfolio" && row["dimension"] == dimension && row["group"] == group;
        let row = views.of("stress").iter().find(is_it).unwrap();
        assert_eq!(row["change"], "-1250");
        let explained = views.explained("stress", row).records();
        // The one that counts; of the equity too, where it is in the group.
        let leads_to = vegas.each_ref().map(|record| explained.contains(record));
        assert_eq!(leads_to, [false, true, false, dimension == "counterparty"]);
        assert!(explained.contains(&last_day));
        let mut part = desk(scenario, 1);
        part.tick(&put_all(explained));
        assert!(rows(&part, "stress").contains(row), "{row:?}");
    }
}
