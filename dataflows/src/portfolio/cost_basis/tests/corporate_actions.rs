//! What corporate actions do to lots, and what the other security receives.

use super::*;
use crate::portfolio::cost_basis::Carried;

fn two_lots() -> Vec<Transaction> {
    vec![told("BUY B1 1 100 1000"), told("BUY B2 2 51 765")]
}

/// What `action` does to the two lots: the book after it and its effects.
fn after(method: CostMethod, action: Transaction) -> (Book, Effects) {
    let mut story = two_lots();
    story.push(action);
    let (book, mut effects) = booked(&rules(method), &story);
    (book, effects.pop().unwrap())
}

fn receive(book: Book, rules: &BookRules, carried: &Carried) -> (Book, Effects) {
    let (book, effects) = book.receive(rules, carried);
    check(&book, rules);
    (book, effects.unwrap())
}

#[test]
fn units_change_and_their_cost_is_kept() {
    let cases = [
        (action("SPLIT A1 3 - -", "2", "1", "-"), vec!["B1 200 1000", "B2 102 765"]),
        (action("SPLIT A1 3 - -", "3", "2", "-"), vec!["B1 150 1000", "B2 76.5 765"]),
        (action("REVERSE_SPLIT A1 3 - -", "1", "10", "-"), vec!["B1 10 1000", "B2 5.1 765"]),
        // One for three: 151 / 3 is 50.333333, of which the first lot gets 33.333333.
        (action("REVERSE_SPLIT A1 3 - -", "1", "3", "-"), vec!["B1 33.333333 1000", "B2 17 765"]),
        (action("STOCK_DIVIDEND A1 3 - -", "1", "10", "-"), vec!["B1 110 1000", "B2 56.1 765"]),
        (told("STOCK_DIVIDEND A1 3 151 -"), vec!["B1 200 1000", "B2 102 765"]),
        (told("SPLIT A1 3 151 -"), vec!["B1 200 1000", "B2 102 765"]),
        (told("REVERSE_SPLIT A1 3 75.5 -"), vec!["B1 50 1000", "B2 25.5 765"]),
    ];
    for (action, expected) in cases {
        let (book, effects) = after(CostMethod::Fifo, action.clone());
        assert_eq!(lots(&book), expected, "{action:?}");
        assert_eq!((effects.cost_change, effects.gain, effects.disposals.len()), (Money::ZERO, None, 0));
    }
}

#[test]
fn a_split_comes_before_the_trades_of_its_day() {
    let story = [told("BUY B1 1 100 1000"), told("SELL S1 2 150 3000"), action("SPLIT A1 2 - -", "2", "1", "-")];
    let (book, effects) = booked(&rules(CostMethod::Fifo), &story);
    assert_eq!((lots(&book), gain(&effects[2])), (vec!["B1 50 250".to_owned()], "2250".to_owned()));
}

#[test]
fn owed_units_are_split_too() {
    let story = [told("SELL S1 1 10 100"), action("SPLIT A1 2 - -", "2", "1", "-"), told("STOCK_DIVIDEND A2 3 5 -")];
    let (book, _) = booked(&with_shorts(CostMethod::Fifo), &story);
    assert_eq!(lots(&book), ["S1 -25 -100"]);
    let (book, _) = book.apply(&with_shorts(CostMethod::Fifo), &told("REVERSE_SPLIT A3 4 20 -"));
    assert_eq!(lots(&book), ["S1 -5 -100"]);
}

#[test]
fn a_lot_that_is_too_small_gives_its_cost_to_the_next() {
    let story = [
        told("BUY B1 1 0.000001 3"),
        told("BUY B2 2 100 1000"),
        told("BUY B3 3 0.000001 5"),
        action("REVERSE_SPLIT A1 4 - -", "1", "100", "-"),
    ];
    let (book, effects) = booked(&rules(CostMethod::Fifo), &story);
    assert_eq!(lots(&book), ["B2 1 1008"]);
    assert_eq!(effects[3].cost_change, Money::ZERO);
}

#[test]
fn the_highest_cost_goes_first_after_a_split_too() {
    // One for two of 3 and 3 millionths are 2 and 1: what cost less a unit now costs more.
    let story =
        [told("BUY B1 1 0.000003 3"), told("BUY B2 2 0.000003 2.9"), action("REVERSE_SPLIT A1 3 - -", "1", "2", "-")];
    let (book, _) = booked(&rules(CostMethod::Hifo), &story);
    assert_eq!(lots(&book), ["B2 0.000001 2.9", "B1 0.000002 3"]);
}

#[test]
fn a_merger_carries_all_lots_with_their_cost_and_age() {
    let (book, effects) = after(CostMethod::Fifo, action("MERGER A1 3 - -", "0.5", "1", "-"));
    assert_eq!(book, Book::default());
    assert_eq!((effects.quantity_change, effects.cost_change.base), (units_of("-151"), amount("-1765")));
    let carried = effects.carried.unwrap();
    assert_eq!(carried.security, Symbol::of("OTHER"));
    assert_eq!(lots_of(&carried.lots), ["B1 50 1000", "B2 25.5 765"]);

    let rules = rules(CostMethod::Fifo);
    // The other security has a lot of its own from between the two.
    let mut own = told("BUY C1 1 10 90");
    own.execution_time = model::Timestamp::from_micros(100_000_000_000);
    let (other, _) = booked(&rules, &[own]);
    let (other, received) = receive(other, &rules, &carried);
    assert_eq!(lots(&other), ["B1 50 1000", "C1 10 90", "B2 25.5 765"]);
    assert_eq!((received.cost_change.base, received.gain), (amount("1765"), None));
}

#[test]
fn carried_lots_find_their_place_by_each_method() {
    let (_, effects) = after(CostMethod::Fifo, action("MERGER A1 3 - -", "1", "1", "-"));
    let carried = effects.carried.unwrap();
    let own = [told("BUY C0 0 10 120"), told("BUY C3 3 10 120")];
    let cases = [
        (CostMethod::Fifo, vec!["C0 10 120", "B1 100 1000", "B2 51 765", "C3 10 120"]),
        (CostMethod::Lifo, vec!["C3 10 120", "B2 51 765", "B1 100 1000", "C0 10 120"]),
        (CostMethod::Hifo, vec!["B2 51 765", "C0 10 120", "C3 10 120", "B1 100 1000"]),
        (CostMethod::Average, vec!["C0 171 2005"]),
    ];
    for (method, expected) in cases {
        let (other, _) = booked(&rules(method), &own);
        let (other, _) = receive(other, &rules(method), &carried);
        assert_eq!(lots(&other), expected, "{method}");
    }
}

#[test]
fn carried_lots_cover_what_the_other_security_owes() {
    let (_, effects) = after(CostMethod::Fifo, action("MERGER A1 3 - -", "1", "1", "-"));
    let rules = with_shorts(CostMethod::Fifo);
    let (other, _) = booked(&rules, &[told("SELL C1 1 120 1800")]);
    let (other, received) = receive(other, &rules, &effects.carried.unwrap());
    // Sold at 15: 100 are covered at 10, 20 at 15.
    assert_eq!((gain(&received), lots(&other)), ("500".to_owned(), vec!["B2 31 465".to_owned()]));
}

#[test]
fn carried_lots_that_do_not_fit_are_refused_together() {
    let (_, effects) = after(CostMethod::Fifo, action("MERGER A1 3 - -", "1", "1", "-"));
    let rules = rules(CostMethod::Fifo);
    let (other, _) = booked(&rules, &[told("BUY C1 1 1 1")]);
    let mut carried = effects.carried.unwrap();
    let mut refused = |change: fn(&mut Carried)| {
        change(&mut carried);
        let (after, effects) = other.clone().receive(&rules, &carried);
        assert_eq!(after, other);
        effects.unwrap_err()
    };
    // The first lot fits, the second does not.
    let too_large = |carried: &mut Carried| carried.lots[1].quantity = Quantity::MAX;
    assert_eq!(refused(too_large), Refusal::TooLarge);
    let given = Currency::parse("EUR").unwrap();
    let in_euro = |carried: &mut Carried| carried.currency = Currency::parse("EUR").unwrap();
    assert_eq!(refused(in_euro), Refusal::OtherCurrency { held: usd(), given });
}

#[test]
fn a_spin_off_takes_its_share_of_the_cost_of_every_lot() {
    let (book, effects) = after(CostMethod::Fifo, action("SPIN_OFF A1 3 - -", "1", "4", "0.2"));
    assert_eq!(lots(&book), ["B1 100 800", "B2 51 612"]);
    assert_eq!((effects.quantity_change, effects.cost_change.base), (Quantity::ZERO, amount("-353")));
    let carried = effects.carried.unwrap();
    assert_eq!(lots_of(&carried.lots), ["B1 25 200", "B2 12.75 153"]);
    let (child, _) = receive(Book::default(), &rules(CostMethod::Fifo), &carried);
    assert_eq!((child.quantity(), child.cost().base), (units_of("37.75"), amount("353")));
}

#[test]
fn a_share_of_the_cost_that_does_not_divide_is_still_all_there() {
    let story =
        [told("BUY B1 1 3 100"), told("SELL S1 2 1 40"), action("SPIN_OFF A1 3 - -", "1", "3", "0.333333333333")];
    let (book, effects) = booked(&rules(CostMethod::Fifo), &story);
    let goes = effects[2].carried.as_ref().unwrap().lots[0];
    // 66.66666667 · 0.333333333333
    assert_eq!(goes.cost().base, amount("22.22222222"));
    assert_eq!((goes.quantity, book.cost().base), (units_of("0.666667"), amount("44.44444445")));
}

#[test]
fn rights_come_for_nothing_and_are_exercised_or_expire() {
    let (book, effects) = after(CostMethod::Fifo, action("RIGHTS_ISSUE A1 3 - -", "1", "1", "-"));
    assert_eq!(lots(&book), ["B1 100 1000", "B2 51 765"]);
    let fifo = rules(CostMethod::Fifo);
    let (rights, _) = receive(Book::default(), &fifo, &effects.carried.unwrap());
    assert_eq!(lots(&rights), ["B1 100 0", "B2 51 0"]);

    let mut exercise = action("RIGHTS_EXERCISE A2 5 120 -", "1", "4", "-");
    exercise.gross_amount = amount("240");
    exercise.fees = amount("6");
    let (rights, effects) = rights.apply(&fifo, &exercise);
    let effects = effects.unwrap();
    assert_eq!((effects.gain, effects.quantity_change), (None, units_of("-120")));
    assert_eq!(lots_of(&effects.carried.unwrap().lots), ["A2 30 246"]);
    let (rights, effects) = rights.apply(&fifo, &told("RIGHTS_EXPIRY A3 6 - -"));
    assert_eq!((rights, gain(&effects.unwrap())), (Book::default(), "0".to_owned()));
}

#[test]
fn bought_rights_carry_their_cost_or_lose_it() {
    let exercise = {
        let mut exercise = action("RIGHTS_EXERCISE A1 2 40 -", "1", "2", "-");
        exercise.gross_amount = amount("400");
        exercise
    };
    let story = [told("BUY B1 1 100 250"), exercise, told("RIGHTS_EXPIRY A2 3 - -")];
    let (book, effects) = booked(&rules(CostMethod::Fifo), &story);
    assert_eq!(lots_of(&effects[1].carried.as_ref().unwrap().lots), ["A1 20 500"]);
    assert_eq!((gain(&effects[2]), effects[2].quantity_change), ("-150".to_owned(), units_of("-60")));
    assert_eq!(book, Book::default());
}

#[test]
fn average_cost_goes_through_corporate_actions_as_one_lot() {
    let (book, effects) = after(CostMethod::Average, action("SPIN_OFF A1 3 - -", "1", "1", "0.5"));
    assert_eq!(lots(&book), ["B1 151 882.5"]);
    assert_eq!(lots_of(&effects.carried.unwrap().lots), ["B1 151 882.5"]);
}
