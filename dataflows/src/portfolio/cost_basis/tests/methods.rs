//! Which lots a sale relieves, by each method; shorts; currencies.

use super::*;

const BOUGHT: [&str; 4] = ["BUY B1 1 100 1000", "BUY B2 2 100 1500", "BUY B3 3 100 1200", "SELL S1 4 150 3000"];

fn story(texts: &[&str]) -> Vec<Transaction> {
    texts.iter().map(|text| told(text)).collect()
}

#[test]
fn each_method_relieves_its_lots() {
    // Three purchases at 10, 15 and 12, then 150 units are sold for 20 each: 3,000 less the cost is the gain.
    let cases = [
        (CostMethod::Fifo, "1250", vec!["B2 50 750", "B3 100 1200"]),
        (CostMethod::Lifo, "1050", vec!["B2 50 750", "B1 100 1000"]),
        (CostMethod::Hifo, "900", vec!["B3 50 600", "B1 100 1000"]),
        // 3,700 for 300 units is 12.333… a unit.
        (CostMethod::Average, "1150", vec!["B1 150 1850"]),
        (CostMethod::SpecificLot, "1250", vec!["B2 50 750", "B3 100 1200"]),
    ];
    for (method, realised, left) in cases {
        let (book, effects) = booked(&rules(method), &story(&BOUGHT));
        assert_eq!(gain(&effects[3]), realised, "{method}");
        assert_eq!(lots(&book), left, "{method}");
    }
}

#[test]
fn purchases_of_one_moment_are_told_apart() {
    // The larger is booked first, so the smaller is the last that came in.
    let texts = ["BUY B1 1 2 20", "BUY B2 1 1 11", "SELL S1 2 1 15"];
    for (method, left) in [(CostMethod::Fifo, ["B1 1 10", "B2 1 11"].as_slice()), (CostMethod::Lifo, &["B1 2 20"])] {
        assert_eq!(lots(&booked(&rules(method), &story(&texts)).0), left, "{method}");
    }
}

#[test]
fn the_highest_cost_is_found_by_the_smallest_difference() {
    // 1/3, 0.334 and 2/6 a unit: the first and the last are equal, so the first that came goes first.
    let texts = ["BUY B1 1 3 1", "BUY B2 2 100 33.4", "BUY B3 3 6 2", "SELL S1 4 102 50"];
    let (book, _) = booked(&rules(CostMethod::Hifo), &story(&texts));
    assert_eq!(lots(&book), ["B1 1 0.33333333", "B3 6 2"]);
}

#[test]
fn a_purchase_costs_its_fees_and_its_accrued_interest_unless_that_is_left_out() {
    let mut buy = told("BUY B1 1 10 1000");
    buy.fees = amount("5");
    let buy = buy.with_detail(TransactionDetail { accrued_interest: amount("7"), ..TransactionDetail::default() });
    let mut sale = told("SELL S1 2 10 1100");
    sale.fees = amount("3");
    for (accrued_interest_in_cost, cost, realised) in [(true, "1012", "85"), (false, "1005", "92")] {
        let rules = BookRules { accrued_interest_in_cost, ..rules(CostMethod::Fifo) };
        let (_, effects) = booked(&rules, &[buy.clone(), sale.clone()]);
        assert_eq!(effects[0].cost_change.base, amount(cost));
        assert_eq!(gain(&effects[1]), realised);
    }
}

#[test]
fn named_lots_are_relieved_in_the_order_they_are_named() {
    let mut story = story(&BOUGHT[..3]);
    story.push(naming("SELL S1 4 150 3000", &[("B3", "30"), ("B1", "60"), ("B3", "20"), ("B2", "-")]));
    let (book, effects) = booked(&rules(CostMethod::SpecificLot), &story);
    let relieved: Vec<String> = effects[3]
        .disposals
        .iter()
        .map(|disposal| format!("{} {} {}", disposal.lot, disposal.quantity, disposal.cost.base))
        .collect();
    assert_eq!(relieved, ["B3 30 360", "B1 60 600", "B3 20 240", "B2 40 600"]);
    assert_eq!(lots(&book), ["B1 40 400", "B2 60 900", "B3 50 600"]);
    // 3,000 less 1,800
    assert_eq!(gain(&effects[3]), "1200");
}

#[test]
fn a_named_lot_between_others_is_closed() {
    let mut story = story(&BOUGHT[..3]);
    story.push(naming("SELL S1 4 100 2000", &[("B2", "-")]));
    let (book, _) = booked(&rules(CostMethod::SpecificLot), &story);
    assert_eq!(lots(&book), ["B1 100 1000", "B3 100 1200"]);
}

#[test]
fn other_methods_leave_named_lots_alone() {
    let mut story = story(&BOUGHT[..3]);
    story.push(naming("SELL S1 4 50 1000", &[("B3", "-")]));
    let (book, _) = booked(&rules(CostMethod::Fifo), &story);
    assert_eq!(lots(&book), ["B1 50 500", "B2 100 1500", "B3 100 1200"]);
}

#[test]
fn a_cost_that_does_not_divide_is_relieved_to_the_last_decimal() {
    let texts = ["BUY B1 1 3 100", "SELL S1 2 1 50", "SELL S2 3 1 50", "SELL S3 4 1 50", "BUY B2 5 1 7"];
    for method in CostMethod::ALL {
        let (book, effects) = booked(&rules(method), &story(&texts));
        let relieved: Vec<String> = effects[1..4].iter().map(|sale| sale.cost_change.base.to_string()).collect();
        assert_eq!(relieved, ["-33.33333333", "-33.33333334", "-33.33333333"], "{method}");
        assert_eq!(lots(&book), ["B2 1 7"], "{method}");
    }
}

#[test]
fn proceeds_are_divided_among_the_lots_to_the_last_decimal() {
    let texts = ["BUY B1 1 1 1", "BUY B2 2 1 1", "BUY B3 3 1 1", "SELL S1 4 3 100"];
    let (_, effects) = booked(&rules(CostMethod::Fifo), &story(&texts));
    let proceeds: Vec<String> =
        effects[3].disposals.iter().map(|disposal| disposal.proceeds.unwrap().base.to_string()).collect();
    assert_eq!(proceeds, ["33.33333333", "33.33333334", "33.33333333"]);
    assert_eq!(gain(&effects[3]), "97");
}

#[test]
fn transfers_and_withdrawals_relieve_cost_and_realise_nothing() {
    for (comes, goes) in [("TRANSFER_IN", "TRANSFER_OUT"), ("DEPOSIT", "WITHDRAWAL")] {
        let story = [told(&format!("{comes} I1 1 100 1000")), told(&format!("{goes} O1 2 40 999"))];
        let (book, effects) = booked(&rules(CostMethod::Fifo), &story);
        assert_eq!((effects[1].cost_change.base, effects[1].gain), (amount("-400"), None));
        assert_eq!(effects[1].disposals.len(), 1);
        assert_eq!(lots(&book), ["I1 60 600"]);
    }
}

#[test]
fn income_and_charges_cost_nothing() {
    for kind in ["DIVIDEND", "INTEREST", "FEE", "TAX", "OTHER"] {
        let (book, effects) = booked(&rules(CostMethod::Fifo), &[told(&format!("{kind} X1 1 - 750"))]);
        assert_eq!((effects[0].clone(), book), (Effects::NONE, Book::default()), "{kind}");
    }
}

#[test]
fn a_sale_of_more_than_is_held_opens_a_short_that_a_purchase_covers() {
    let texts = [
        "BUY B1 1 100 1000",
        // 100 at 12 for the long, 50 owed
        "SELL S1 2 150 1800",
        "SELL S2 3 50 700",
        // 60 owed units are covered at 11: the 50 sold at 12 and 10 of those sold at 14
        "BUY B2 4 60 660",
        // 40 are covered at 15, 20 are held
        "BUY B3 5 60 900",
    ];
    let (book, effects) = booked(&with_shorts(CostMethod::Fifo), &story(&texts));
    let gains: Vec<String> = effects.iter().map(gain).collect();
    assert_eq!(gains, ["none", "200", "none", "80", "-40"]);
    assert_eq!(lots(&book), ["B3 20 300"]);
    let covered = &effects[3].disposals;
    assert_eq!(
        (covered[0].lot, covered[0].quantity, covered[0].cost.base),
        (Symbol::of("S1"), units_of("-50"), amount("-600"))
    );
    let (owed, _) = booked(&with_shorts(CostMethod::Fifo), &story(&texts[..3]));
    assert_eq!(lots(&owed), ["S1 -50 -600", "S2 -50 -700"]);
}

#[test]
fn each_method_covers_its_shorts() {
    let texts = ["SELL S1 1 10 100", "SELL S2 2 10 140", "SELL S3 3 10 120", "BUY B1 4 15 150"];
    let cases = [
        (CostMethod::Fifo, "20", vec!["S2 -5 -70", "S3 -10 -120"]),
        (CostMethod::Lifo, "40", vec!["S2 -5 -70", "S1 -10 -100"]),
        // The least gain comes from what was sold cheapest.
        (CostMethod::Hifo, "10", vec!["S3 -5 -60", "S2 -10 -140"]),
        (CostMethod::Average, "30", vec!["S1 -15 -180"]),
    ];
    for (method, realised, left) in cases {
        let (book, effects) = booked(&with_shorts(method), &story(&texts));
        assert_eq!(
            (gain(&effects[3]), lots(&book)),
            (realised.to_owned(), left.into_iter().map(String::from).collect())
        );
    }
}

#[test]
fn the_base_gain_has_the_gain_on_the_currency_in_it() {
    let euro = Currency::parse("EUR").unwrap();
    let in_euro = |text, fx| Transaction { currency: euro, fx_to_base: rate(fx), ..told(text) };
    let story = [in_euro("BUY B1 1 10 1000", "1.1"), in_euro("SELL S1 2 10 1000", "1.2")];
    let (_, effects) = booked(&rules(CostMethod::Fifo), &story);
    let gain = effects[1].gain.unwrap();
    assert_eq!((gain.local, gain.base), (amount("0"), amount("100")));
}

#[test]
fn exchanged_currencies_go_by_their_side_and_forwards_by_their_settlement() {
    let euro = Currency::parse("EUR").unwrap();
    let exchange = |text, side, fx| Transaction { currency: euro, side, fx_to_base: rate(fx), ..told(text) };
    let mut forward = exchange("FX_FORWARD F1 1 100 100", model::Side::Buy, "1.3");
    forward.settlement_date = Date::from_days(9);
    let bought = exchange("FX_SPOT X1 2 100 100", model::Side::Buy, "1.1");
    let sold = exchange("FX_SPOT X2 3 40 40", model::Side::Sell, "1.2");
    let (book, effects) = booked(&rules(CostMethod::Fifo), &[forward, bought, sold]);
    assert_eq!(gain(&effects[1]), "4");
    assert_eq!(lots(&book), ["X1 60 66", "F1 100 130"]);
}

#[test]
fn states_agree_as_soon_as_the_same_lots_are_open() {
    // So a fold that is corrected can stop there, whatever was sold between and however.
    let (once, twice) = (["SELL S1 3 40 1"].as_slice(), ["SELL S1 3 7 900", "SELL S2 4 33 1"].as_slice());
    for method in CostMethod::ALL {
        let book = |sales: &[&str]| {
            booked(&rules(method), &story(&[&["BUY B1 1 70 1000", "BUY B2 2 30 77"], sales].concat())).0
        };
        assert_eq!(book(once), book(twice), "{method}");
        assert_eq!(book(&["SELL S1 3 100 1"]), Book::default(), "{method}");
    }
}

#[test]
fn a_copy_of_a_book_stays_as_it_was() {
    let rules = rules(CostMethod::Fifo);
    let (book, _) = booked(&rules, &story(&BOUGHT[..3]));
    let checkpoint = book.clone();
    let (after, _) = book.apply(&rules, &told(BOUGHT[3]));
    assert_eq!(lots(&checkpoint), ["B1 100 1000", "B2 100 1500", "B3 100 1200"]);
    let (again, _) = checkpoint.apply(&rules, &told(BOUGHT[3]));
    assert_eq!(again, after);
    let json = serde_json::to_string(&after).unwrap();
    assert_eq!(serde_json::from_str::<Book>(&json).unwrap(), after);
}
