//! Contributions and attributions through the engine: books in which cash is a security, so that all is explained.

use std::collections::BTreeMap;

use model::{Product, Record, Symbol, Transaction, TransactionType as T};

use crate::desk;
use crate::kit::{Desk, put_all};
use crate::records::{currency, fx_rate, instrument, keep, know, portfolio, price, put, transaction};

/// Of a portfolio.
pub fn of(name: &str, transaction: Transaction) -> Record {
    let id = Symbol::of(&format!("{name}-{}", transaction.id));
    put(Transaction { id, portfolio: Symbol::of(name), ..transaction })
}

/// A purchase or a sale, and the cash that pays for it or comes of it.
pub fn exchange(name: &str, id: &str, kind: T, security: &str, day: &str, units: &str, gross: &str) -> [Record; 2] {
    let back = if kind == T::Buy { T::Sell } else { T::Buy };
    let cash = transaction(&format!("{id}-cash"), back, "CASH", day, gross, gross);
    [of(name, transaction(id, kind, security, day, units, gross)), of(name, cash)]
}

pub fn market() -> Vec<Record> {
    let sectors = [("A", "tech"), ("B", "oil"), ("C", "oil"), ("CASH", "")];
    let known = sectors.map(|(id, sector)| {
        let product = if id == "CASH" { Product::Cash } else { Product::Equity };
        know(model::Instrument {
            sector: Symbol::of(sector),
            ..instrument(id, product, if id == "C" { "EUR" } else { "USD" })
        })
    });
    let prices = [
        ("A", "2026-01-05", "100", "USD"),
        ("A", "2026-01-06", "110", "USD"),
        ("A", "2026-01-08", "99", "USD"),
        ("B", "2026-01-05", "20", "USD"),
        ("B", "2026-01-07", "21.37", "USD"),
        ("C", "2026-01-05", "33.33", "EUR"),
        ("C", "2026-01-09", "34.01", "EUR"),
    ];
    let rates = [("2026-01-05", "1.1"), ("2026-01-07", "1.08"), ("2026-01-09", "1.123")];
    let prices = prices.map(|(security, day, paid, of)| price(security, day, paid, of));
    let rates = rates.map(|(day, rate)| fx_rate("EUR", "USD", day, rate));
    known.into_iter().chain(prices).chain(rates).collect()
}

/// A portfolio that buys, sells, is paid a dividend, pays a fee, and from which money is taken.
fn traded(name: &str) -> Vec<Record> {
    let mut records = vec![
        keep(portfolio(name, "USD")),
        of(name, transaction("D1", T::Deposit, "CASH", "2026-01-05", "10000", "10000")),
        of(name, transaction("V1", T::Dividend, "A", "2026-01-07", "0", "75")),
        of(name, transaction("V1-cash", T::Buy, "CASH", "2026-01-07", "75", "75")),
        of(name, transaction("F1", T::Fee, "CASH", "2026-01-08", "0", "30")),
        of(name, transaction("F1-cash", T::Sell, "CASH", "2026-01-08", "30", "30")),
        of(name, transaction("W1", T::Withdrawal, "CASH", "2026-01-08", "500", "500")),
        // Paid for in euros that come from the world.
        of(
            name,
            Transaction {
                currency: currency("EUR"),
                ..transaction("I1", T::TransferIn, "C", "2026-01-07", "30", "999.9")
            },
        ),
    ];
    records.extend(exchange(name, "B1", T::Buy, "A", "2026-01-05", "50", "5000"));
    records.extend(exchange(name, "B2", T::Buy, "B", "2026-01-06", "150", "3003"));
    records.extend(exchange(name, "S1", T::Sell, "A", "2026-01-08", "20", "2010"));
    records
}

/// A view by some of its columns, as numbers.
fn numbers(desk: &Desk, view: &str, given: &[(&str, &str)], by: &str, column: &str) -> BTreeMap<String, f64> {
    let index = |name: &str| desk.spec(view).column(name).unwrap();
    let rows = desk.read(view).into_iter();
    let rows = rows.filter(|row| given.iter().all(|(name, text)| row[index(name)] == *text));
    rows.map(|row| (row[index(by)].clone(), row[index(column)].parse().unwrap())).collect()
}

fn assert_near(what: &str, ours: f64, expected: f64) {
    assert!((ours - expected).abs() <= 1e-9, "{what}: expected {expected}, ours {ours}");
}

#[test]
fn what_securities_added_is_the_return_of_the_portfolio_and_nothing_is_left() {
    for linking in ["forward", "carino"] {
        let mut desk = desk(&format!("[books.contribution]\nportfolios = [\"P\"]\nlinking = \"{linking}\""), 1);
        desk.tick(&put_all([market(), traded("P"), traded("Q")].concat()));
        for period in ["si", "mtd", "2026"] {
            let given = [("portfolio", "P"), ("period", period)];
            for (theirs, column) in
                [("time_weighted_gross", "contribution_gross"), ("time_weighted_net", "contribution_net")]
            {
                let added = numbers(&desk, "contribution", &given, "security", column);
                let whole = numbers(&desk, "performance", &given, "period", theirs)[period];
                assert_near(&format!("{linking} {period} {column}"), added.values().sum(), whole);
                assert_eq!(added.keys().filter(|security| !security.is_empty()).count(), 4, "{added:?}");
                // What was rounded is not seen.
                assert_eq!(added.get("").copied().unwrap_or_default(), 0.0);
            }
            let gains = numbers(&desk, "contribution", &given, "security", "gain_gross");
            let whole = numbers(&desk, "performance", &given, "period", "gain_gross")[period];
            assert_near(&format!("{linking} {period}"), gains.values().sum(), whole);
        }
        // Only what is asked for is kept.
        assert_eq!(numbers(&desk, "contribution", &[("portfolio", "Q")], "security", "gain_gross"), BTreeMap::new());
    }
}

#[test]
fn a_purchase_moves_money_within_the_day_and_a_fee_lowers_the_net_alone() {
    let books = "by_year = false\nperiods = [\"si\", { explicit = { from = \"2026-01-06\", to = \"2026-01-06\" } }]\n";
    let mut desk = desk(&format!("{books}[books.contribution]\nportfolios = \"all\""), 1);
    desk.tick(&put_all([market(), traded("P")].concat()));
    let one_day = [("period", "2026-01-06..2026-01-06")];
    // A: 50 x 10 on 10000. B: bought for 3003, worth 3000. Cash: 3003 left, as B cost.
    let gains = numbers(&desk, "contribution", &one_day, "security", "gain_gross");
    assert_eq!(gains.into_iter().collect::<Vec<_>>(), [("A".into(), 500.0), ("B".into(), -3.0), ("CASH".into(), 0.0)]);
    let added = numbers(&desk, "contribution", &one_day, "security", "contribution_gross");
    assert_near("A", added["A"], 0.05);
    assert_near("B", added["B"], -0.0003);
    let flows = numbers(&desk, "contribution", &one_day, "security", "flows");
    assert_eq!(
        flows.into_iter().collect::<Vec<_>>(),
        [("A".into(), 0.0), ("B".into(), 3003.0), ("CASH".into(), -3003.0)]
    );

    let si = [("period", "si")];
    let [gross, net] = ["contribution_gross", "contribution_net"]
        .map(|column| numbers(&desk, "contribution", &si, "security", column));
    assert_eq!(numbers(&desk, "contribution", &si, "security", "fees")["CASH"], 30.0);
    assert_eq!(gross["CASH"], 0.0);
    assert!(net["CASH"] < -0.002, "{net:?}");
    // The dividend is a gain of the share that pays it: 50 x 10 + 75 - 50 x 11 + what the sale brought above the price.
    let gain = numbers(&desk, "contribution", &si, "security", "gain_gross")["A"];
    assert_near("A", gain, 500.0 + 75.0 + 2010.0 + 30.0 * 99.0 - 50.0 * 110.0);
}

#[test]
fn what_no_security_explains_is_told_without_one() {
    let mut desk = desk("[books.contribution]\nportfolios = \"all\"", 1);
    let mut records = [market(), traded("P")].concat();
    // A purchase that nothing pays for.
    records.push(of("P", transaction("B9", T::Buy, "B", "2026-01-09", "10", "210")));
    desk.tick(&put_all(records));
    let si = [("period", "si")];
    let gains = numbers(&desk, "contribution", &si, "security", "gain_gross");
    assert_near("rest", gains[""], 210.0);
    let added = numbers(&desk, "contribution", &si, "security", "contribution_gross");
    let whole = numbers(&desk, "performance", &si, "period", "time_weighted_gross")["si"];
    assert_near("sum", added.values().sum(), whole);
    assert!(added[""] > 0.01, "{added:?}");
}

/// A benchmark that holds shares of two sectors and no cash.
fn model(name: &str) -> Vec<Record> {
    let mut records = vec![
        keep(portfolio(name, "USD")),
        of(name, transaction("D1", T::Deposit, "CASH", "2026-01-05", "10000", "10000")),
    ];
    records.extend(exchange(name, "B1", T::Buy, "A", "2026-01-05", "40", "4000"));
    records.extend(exchange(name, "B2", T::Buy, "B", "2026-01-05", "300", "6000"));
    records
}

const ATTRIBUTION: &str = "[[books.attribution]]\nportfolio = \"P\"\nbenchmark = \"M\"\nby = \"sector\"\n";

#[test]
fn effects_of_one_day_are_those_of_the_formulas() {
    let books = "by_year = false\nperiods = [{ explicit = { from = \"2026-01-06\", to = \"2026-01-06\" } }]\n";
    let mut desk = desk(&format!("{books}{ATTRIBUTION}"), 1);
    desk.tick(&put_all([market(), traded("P"), model("M")].concat()));
    // P: 0.5 of tech, which gains 0.1, and 0.5 of cash; it buys oil for 3003 that is worth 3000. M: 0.4 of tech, 0.6 of oil.
    let expected = [
        // group, weights, allocation, selection
        ("", [0.5, 0.0], -0.5 * 0.04, 0.0),
        ("oil", [0.0, 0.6], 0.6 * 0.04, -0.0003),
        ("tech", [0.5, 0.4], 0.1 * (0.1 - 0.04), 0.0),
    ];
    for (group, weights, allocation, selection) in expected {
        let given = [("group", group)];
        let cell = |column: &str| numbers(&desk, "attribution", &given, "portfolio", column)["P"];
        let numbers = [
            ("weight", weights[0]),
            ("benchmark_weight", weights[1]),
            ("allocation", allocation),
            ("selection", selection),
            ("interaction", 0.0),
            ("excess_return", 0.0497 - 0.04),
        ];
        numbers.iter().for_each(|(column, number)| assert_near(&format!("{group} {column}"), cell(column), *number));
    }
    assert_eq!(desk.read("attribution").len(), 3);
}

#[test]
fn effects_add_up_to_the_difference_of_the_two_returns() {
    for (settings, column) in [
        ("", "time_weighted_gross"),
        ("basis = \"net\"\nallocation = \"brinson_hood_beebower\"\n", "time_weighted_net"),
        ("interaction = \"with_selection\"\n", "time_weighted_gross"),
    ] {
        let books = "periods = [\"si\", { explicit = { from = \"2026-01-07\", to = \"2026-01-08\" } }]\n";
        let mut desk = desk(&format!("{books}{ATTRIBUTION}{settings}"), 1);
        desk.tick(&put_all([market(), traded("P"), model("M")].concat()));
        for period in ["si", "2026", "2026-01-07..2026-01-08"] {
            let given = [("period", period)];
            let returns = numbers(&desk, "performance", &given, "portfolio", column);
            let totals = numbers(&desk, "attribution", &given, "group", "total");
            assert_near(&format!("{settings} {period}"), totals.values().sum(), returns["P"] - returns["M"]);
            for weight in ["weight", "benchmark_weight"] {
                assert_near(weight, numbers(&desk, "attribution", &given, "group", weight).values().sum(), 1.0);
            }
        }
        // A share that changes its sector takes its days with it.
        let oil = model::Instrument { sector: Symbol::of("oil"), ..instrument("A", Product::Equity, "USD") };
        desk.tick(&put_all([know(oil)]));
        let weights = numbers(&desk, "attribution", &[("period", "2026-01-07..2026-01-08")], "group", "weight");
        assert_eq!(weights.keys().collect::<Vec<_>>(), ["", "oil"]);
    }
}

#[test]
fn effects_are_told_by_counterparty_too() {
    let mut desk = desk("[[books.attribution]]\nportfolio = \"P\"\nbenchmark = \"M\"\nby = \"counterparty\"\n", 1);
    desk.tick(&put_all([market(), traded("P"), model("M")].concat()));
    let contract = |bank: &str| {
        know(model::Instrument { counterparty: Symbol::of(bank), ..instrument("B", Product::Swap, "USD") })
    };
    let totals = |desk: &Desk| numbers(desk, "attribution", &[("period", "si")], "group", "total");
    assert_eq!(totals(&desk).into_keys().collect::<Vec<_>>(), [""]);
    desk.tick(&put_all([contract("X")]));
    let totals = totals(&desk);
    assert_eq!(totals.keys().collect::<Vec<_>>(), ["", "X"]);
    let returns = numbers(&desk, "performance", &[("period", "si")], "portfolio", "time_weighted_gross");
    assert_near("si", totals.values().sum(), returns["P"] - returns["M"]);
}

#[test]
fn who_follows_the_views_is_told_of_a_correction() {
    let mut desk = desk(&format!("[books.contribution]\nportfolios = \"all\"\n{ATTRIBUTION}"), 2);
    desk.tick(&put_all([market(), traded("P"), model("M")].concat()));
    let views = ["contribution", "attribution"];
    let mut following = views.map(|view| desk.follow(view));
    following.iter_mut().for_each(|following| desk.catch_up(following));
    let late = exchange("P", "S2", T::Sell, "B", "2026-01-07", "10", "211");
    for correction in [put_all([price("A", "2026-01-06", "111", "USD")]), put_all(late)] {
        let before = views.map(|view| desk.read(view));
        desk.tick(&correction);
        for ((view, following), before) in views.into_iter().zip(&mut following).zip(before) {
            desk.catch_up(following);
            assert_eq!(desk.added_up(following), desk.read(view), "{view}");
            assert_ne!(desk.read(view), before, "{view}");
        }
    }
}

#[test]
fn without_a_benchmark_nothing_is_compared() {
    let mut desk = desk(ATTRIBUTION, 1);
    desk.tick(&put_all([market(), traded("P")].concat()));
    assert_eq!(desk.read("attribution"), Vec::<Vec<String>>::new());
    desk.tick(&put_all(model("M")));
    assert!(!desk.read("attribution").is_empty());
}
