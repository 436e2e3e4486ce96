//! What cannot be booked changes nothing and says why.

use super::*;
use crate::portfolio::refusal::Needed;

fn changed(text: &str, change: impl Fn(&mut Transaction)) -> Transaction {
    let mut transaction = told(text);
    change(&mut transaction);
    transaction
}

#[test]
fn a_refusal_says_why_and_leaves_the_book_as_it_was() {
    let euro = Currency::parse("EUR").unwrap();
    let oversold = |held, wanted| Refusal::Oversold { held: units_of(held), wanted: units_of(wanted) };
    let cases = [
        (told("SELL X 3 101 1"), oversold("100", "101")),
        (told("REDEMPTION X 3 101 1"), oversold("100", "101")),
        (told("TRANSFER_OUT X 3 101 1"), oversold("100", "101")),
        (told("WITHDRAWAL X 3 101 -"), oversold("100", "101")),
        (told("RIGHTS_EXPIRY X 3 101 -"), oversold("100", "101")),
        (action("RIGHTS_EXERCISE X 3 101 1", "1", "1", "-"), oversold("100", "101")),
        (told("BUY X 3 - 1"), Refusal::Missing(Needed::Quantity)),
        (told("BUY X 3 0 1"), Refusal::NotPositive(Needed::Quantity)),
        (told("SELL X 3 -1 1"), Refusal::NotPositive(Needed::Quantity)),
        (told("BUY X 3 1 -"), Refusal::Missing(Needed::GrossAmount)),
        (told("SELL X 3 1 -5"), Refusal::Negative(Needed::GrossAmount)),
        (changed("SELL X 3 1 5", |sale| sale.trade_date = Date::NONE), Refusal::Missing(Needed::TradeDate)),
        (told("FX_FORWARD X 3 1 5"), Refusal::Missing(Needed::SettlementDate)),
        (told("FX_SPOT X 3 1 5"), Refusal::Missing(Needed::Side)),
        (changed("BUY X 3 1 5", |buy| buy.fx_to_base = rate("0")), Refusal::NotPositive(Needed::FxToBase)),
        (changed("BUY X 3 1 5", |buy| buy.currency = euro), Refusal::Missing(Needed::FxToBase)),
        (
            changed("BUY X 3 1 5", |buy| (buy.currency, buy.fx_to_base) = (euro, rate("1.1"))),
            Refusal::OtherCurrency { held: usd(), given: euro },
        ),
        (changed("BUY X 3 1 5", |buy| buy.gross_amount = Amount::MAX), Refusal::TooLarge),
        (changed("BUY X 3 1 5", |buy| buy.quantity = Quantity::MAX), Refusal::TooLarge),
        (changed("BUY X 3 1 5", |buy| buy.transaction_type = TransactionType::Unknown), Refusal::UnknownType),
        (told("SPLIT X 3 - -"), Refusal::Missing(Needed::Ratio)),
        (action("SPLIT X 3 1 -", "0", "1", "-"), Refusal::NotPositive(Needed::Ratio)),
        (told("REVERSE_SPLIT X 3 100 -"), Refusal::NothingLeft),
        (action("REVERSE_SPLIT X 3 - -", "0.000001", "1000", "-"), Refusal::NothingLeft),
        (told("MERGER X 3 - -"), Refusal::Missing(Needed::OtherSecurity)),
        (action("MERGER X 3 - 10", "1", "1", "-"), Refusal::CashBesideUnits(Symbol::of("OTHER"))),
        (action("MERGER X 3 - -", "0.000001", "1000", "-"), Refusal::NothingLeft),
        (action("SPIN_OFF X 3 - -", "1", "1", "-"), Refusal::Missing(Needed::CostShare)),
        (action("SPIN_OFF X 3 - -", "1", "1", "1.5"), Refusal::NoShare),
        (action("RIGHTS_EXERCISE X 3 10 -", "1", "1", "-"), Refusal::Missing(Needed::GrossAmount)),
    ];
    for method in CostMethod::ALL {
        let rules = rules(method);
        let (book, _) = booked(&rules, &[told("BUY B1 1 100 1000")]);
        for (transaction, refusal) in &cases {
            let (after, effects) = book.clone().apply(&rules, transaction);
            assert_eq!(effects.unwrap_err(), *refusal, "{transaction:?}");
            assert_eq!(after, book, "{transaction:?}");
        }
    }
}

#[test]
fn named_lots_must_be_open_and_suffice() {
    let rules = rules(CostMethod::SpecificLot);
    let (book, _) = booked(&rules, &[told("BUY B1 1 100 1000"), told("BUY B2 2 50 600")]);
    let cases: [(&[(&str, &str)], Refusal); 7] = [
        (&[("B1", "80"), ("B2", "-1")], Refusal::NotPositive(Needed::Quantity)),
        (&[("B9", "-")], Refusal::UnknownLot(Symbol::of("B9"))),
        (&[("B2", "60")], Refusal::LotTooSmall { lot: Symbol::of("B2"), held: units_of("50"), wanted: units_of("60") }),
        (
            &[("B2", "50"), ("B2", "1")],
            Refusal::LotTooSmall { lot: Symbol::of("B2"), held: units_of("0"), wanted: units_of("1") },
        ),
        (&[("B2", "-")], Refusal::LotsDiffer { named: units_of("50"), wanted: units_of("80") }),
        (&[("B1", "90")], Refusal::LotsDiffer { named: units_of("90"), wanted: units_of("80") }),
        (&[("B1", "20"), ("B2", "50")], Refusal::LotsDiffer { named: units_of("70"), wanted: units_of("80") }),
    ];
    for (named, refusal) in cases {
        let (after, effects) = book.clone().apply(&rules, &naming("SELL S1 3 80 900", named));
        assert_eq!((effects.unwrap_err(), &after), (refusal, &book), "{named:?}");
    }
}

#[test]
fn corporate_actions_need_something_to_act_on() {
    for action in [
        action("SPLIT X 1 - -", "2", "1", "-"),
        action("MERGER X 1 - -", "2", "1", "-"),
        action("SPIN_OFF X 1 - -", "2", "1", "0.1"),
        action("RIGHTS_EXERCISE X 1 1 1", "2", "1", "-"),
        told("RIGHTS_EXPIRY X 1 - -"),
    ] {
        let (book, effects) = Book::default().apply(&rules(CostMethod::Fifo), &action);
        assert_eq!((book, effects), (Book::default(), Err(Refusal::NothingHeld)));
    }
}

#[test]
fn a_late_purchase_makes_a_refused_sale_good() {
    let mut story = vec![told("SELL S1 2 50 900")];
    let (_, done) = run(&rules(CostMethod::Fifo), &story);
    assert!(matches!(done[0].1, Err(Refusal::Oversold { .. })));
    story.push(told("BUY B1 1 100 1000"));
    let (book, effects) = booked(&rules(CostMethod::Fifo), &story);
    assert_eq!((gain(&effects[1]), lots(&book)), ("400".to_owned(), vec!["B1 50 500".to_owned()]));
}

#[test]
fn a_transfer_never_opens_a_short() {
    let (_, done) = run(&with_shorts(CostMethod::Fifo), &[told("SELL S1 1 10 100"), told("TRANSFER_OUT O1 2 5 -")]);
    assert_eq!(done[1].1, Err(Refusal::Oversold { held: units_of("-10"), wanted: units_of("5") }));
}
