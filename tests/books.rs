//! Generated books are kept by the rules of portfolios: nothing in them is refused, and cash adds up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;

use connectors::generator::books::{Books, BooksSpec};
use dataflows::portfolio::cost_basis::{Book, BookRules, ProcessingOrder};
use model::{Dictionary, Quantity, Record, SourceId, Symbol, Transaction};

const SOURCE: SourceId = SourceId(0);

fn rules_of(books: &Books) -> BTreeMap<Symbol, BookRules> {
    let rules = books.portfolios(SOURCE).map(|record| {
        let Record::Portfolio(portfolio) = record else { panic!("{record:?}") };
        let rules = BookRules {
            method: portfolio.cost_method.unwrap(),
            oversell: portfolio.oversell.unwrap(),
            base_currency: portfolio.base_currency,
            ..BookRules::default()
        };
        (portfolio.id, rules)
    });
    rules.collect()
}

/// Books everything in its order, and gives what is held of each security.
fn held(spec: &BooksSpec) -> BTreeMap<(Symbol, Symbol), Quantity> {
    let books = Books::new(spec, &Dictionary::new()).unwrap();
    let rules = rules_of(&books);
    let records = books.transactions(SOURCE).chain(books.late_transactions(SOURCE));
    let mut transactions: Vec<Transaction> = records
        .map(|record| if let Record::Transaction(transaction) = record { (*transaction).clone() } else { panic!() })
        .collect();
    transactions.sort_by_key(ProcessingOrder::of);
    let mut positions: BTreeMap<(Symbol, Symbol), Book> = BTreeMap::new();
    for transaction in &transactions {
        let rules = &rules[&transaction.portfolio];
        let key = (transaction.portfolio, transaction.security);
        let (book, effects) = positions.remove(&key).unwrap_or_default().apply(rules, transaction);
        positions.insert(key, book);
        let effects =
            effects.unwrap_or_else(|refusal| panic!("seed {}: {transaction:?} is refused: {refusal}", spec.seed));
        if let Some(carried) = effects.carried {
            let key = (transaction.portfolio, carried.security);
            let (book, effects) = positions.remove(&key).unwrap_or_default().receive(rules, &carried);
            positions.insert(key, book);
            effects.unwrap_or_else(|refusal| panic!("seed {}: {carried:?} is refused: {refusal}", spec.seed));
        }
    }
    positions.into_iter().map(|(key, book)| (key, book.quantity())).collect()
}

#[test]
fn nothing_in_generated_books_is_refused_whatever_the_seed() {
    for seed in 1..=40 {
        held(&BooksSpec { seed, portfolios: 6, ..BooksSpec::default() });
    }
    held(&BooksSpec { days: 1500, portfolios: 12, ..BooksSpec::default() });
}

#[test]
fn positions_are_held_and_no_cash_is_owed() {
    let held = held(&BooksSpec::default());
    for ((portfolio, security), quantity) in &held {
        assert!(*quantity >= Quantity::ZERO, "{portfolio} {security} {quantity}");
    }
    let open = held.values().filter(|quantity| **quantity > Quantity::ZERO).count();
    assert!(open >= 15, "{held:?}");
    let gone: Vec<_> = held.iter().filter(|((_, security), _)| *security == Symbol::of("DOGWOOD")).collect();
    assert!(!gone.is_empty() && gone.iter().all(|(_, quantity)| **quantity == Quantity::ZERO), "{gone:?}");
}
