//! Faults of other systems that are not ours, and what users would ask for first.

use model::{OversellPolicy, Portfolio, Product, Record, SourceId, TransactionType as T};

use crate::desk;
use crate::kit::{Change, Desk, put_all};
use crate::records::{fx_rate, instrument, keep, know, portfolio, price, put, said_by, transaction};

pub fn invested() -> Vec<Record> {
    vec![
        keep(portfolio("P", "USD")),
        know(instrument("CASH", Product::Cash, "USD")),
        know(instrument("A", Product::Equity, "USD")),
        put(transaction("D1", T::Deposit, "CASH", "2026-01-05", "10000", "10000")),
        put(transaction("B1", T::Buy, "A", "2026-01-06", "50", "5000")),
        put(transaction("B1-cash", T::Sell, "CASH", "2026-01-06", "5000", "5000")),
        price("A", "2026-01-06", "100", "USD"),
        price("A", "2026-01-08", "110", "USD"),
    ]
}

pub fn one(desk: &Desk, view: &str, column: &str) -> String {
    let cells = desk.column(view, column);
    assert_eq!(cells.len(), 1, "{view}.{column}: {cells:?}");
    cells[0].clone()
}

pub fn performance(desk: &Desk, column: &str) -> f64 {
    let rows = desk.columns("performance", &["period", column]);
    let row = rows.iter().find(|row| row.starts_with("si ")).unwrap();
    row.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn cash_needs_no_price_and_a_price_holds_until_the_next() {
    let mut desk = desk("", 1);
    desk.tick(&put_all(invested()));
    let values = desk.columns("portfolio_timeseries", &["date", "closing_value", "positions_unvalued"]);
    assert_eq!(values, ["2026-01-05 10000 0", "2026-01-06 10000 0", "2026-01-07 10000 0", "2026-01-08 10500 0"]);
    assert_eq!(
        desk.columns("valuations", &["security", "status", "value_base"]),
        ["A CURRENT 5500", "CASH CURRENT 5000"]
    );
}

#[test]
fn of_two_prices_of_a_day_that_of_the_source_counts_which_is_defined_last() {
    let mut desk = desk("", 1);
    desk.tick(&put_all(invested()));
    let values = |desk: &Desk| desk.columns("portfolio_timeseries", &["date", "closing_value"]).split_off(2);
    // It says less, and is not the greater one that counts.
    let other = said_by(SourceId(1), price("A", "2026-01-08", "90", "USD"));
    desk.tick(&put_all([other.clone()]));
    assert_eq!(values(&desk), ["2026-01-07 10000", "2026-01-08 9500"]);
    assert_eq!(desk.columns("valuations", &["security", "price"]), ["A 90", "CASH 1"]);
    // A later day of the first source comes after it, whoever says it.
    desk.tick(&put_all([price("A", "2026-01-09", "120", "USD")]));
    assert_eq!(values(&desk), ["2026-01-07 10000", "2026-01-08 9500", "2026-01-09 11000"]);
    desk.tick(&[Change::delete(&other)]);
    assert_eq!(values(&desk), ["2026-01-07 10000", "2026-01-08 10500", "2026-01-09 11000"]);
}

#[test]
fn net_is_not_above_gross_when_a_fee_is_paid() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(put(transaction("F1", T::Fee, "CASH", "2026-01-07", "100", "100")));
    records.push(put(transaction("F1-cash", T::Sell, "CASH", "2026-01-07", "100", "100")));
    desk.tick(&put_all(records));
    let (gross, net) = (performance(&desk, "time_weighted_gross"), performance(&desk, "time_weighted_net"));
    assert!(net < gross, "{net} {gross}");
    // The fee left with the cash, so the day of the fee earned nothing: 9900 grew to 10400.
    assert!((gross - 500.0 / 9900.0).abs() < 1e-9, "{gross}");
}

#[test]
fn a_correction_of_one_security_leaves_the_others_in_the_total() {
    let mut desk = desk("", 1);
    desk.tick(&put_all(invested()));
    let before = desk.columns("portfolio_timeseries", &["date", "closing_value"]);
    assert_eq!(before.last().unwrap(), "2026-01-08 10500");
    desk.tick(&put_all([price("A", "2026-01-06", "101", "USD")]));
    let after = desk.columns("portfolio_timeseries", &["date", "closing_value"]);
    assert_eq!(after, ["2026-01-05 10000", "2026-01-06 10050", "2026-01-07 10050", "2026-01-08 10500"]);
}

#[test]
fn a_missing_rate_is_never_one() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records[0] = keep(portfolio("P", "EUR"));
    desk.tick(&put_all(records));
    // No transaction could be turned into base currency: none is booked, and each says what it needs.
    assert_eq!(desk.read("positions"), Vec::<Vec<String>>::new());
    assert!(desk.column("refused_transactions", "what").iter().all(|what| what == "`fx_to_base` is not known"));
    desk.tick(&put_all([fx_rate("USD", "EUR", "2026-01-01", "0.5")]));
    assert_eq!(desk.columns("valuations", &["security", "value_base"]), ["A 2750", "CASH 2500"]);
    assert_eq!(desk.read("refused_transactions"), Vec::<Vec<String>>::new());
}

#[test]
fn a_sale_of_too_much_is_refused_or_a_short_but_never_silent() {
    let sale = put(transaction("S1", T::Sell, "A", "2026-01-07", "80", "8000"));
    let mut refusing = desk("", 1);
    refusing.tick(&put_all(invested()));
    refusing.tick(&put_all([sale.clone()]));
    assert_eq!(one(&refusing, "refused_transactions", "what"), "80 units leave, but 50 are held");
    // A purchase that was late makes it good.
    refusing.tick(&put_all([put(transaction("B0", T::Buy, "A", "2026-01-05", "30", "2900"))]));
    assert_eq!(refusing.read("refused_transactions"), Vec::<Vec<String>>::new());

    let mut shorting = desk("oversell = \"short\"", 1);
    shorting.tick(&put_all(invested()));
    shorting.tick(&put_all([sale]));
    assert_eq!(shorting.read("refused_transactions"), Vec::<Vec<String>>::new());
    assert!(shorting.columns("positions", &["security", "quantity"]).contains(&"A -30".to_owned()));
    let of_portfolio = Portfolio { oversell: Some(OversellPolicy::Refuse), ..portfolio("P", "USD") };
    shorting.tick(&put_all([keep(of_portfolio)]));
    assert_eq!(shorting.column("refused_transactions", "transaction"), ["S1"]);
}

#[test]
fn a_year_of_two_digits_is_refused_and_does_not_make_centuries_of_days() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(put(transaction("B9", T::Buy, "A", "0026-01-05", "7", "700")));
    desk.tick(&put_all(records));
    assert_eq!(one(&desk, "refused_transactions", "what"), "it is dated before 1900");
    assert_eq!(desk.column("portfolio_timeseries", "date").len(), 4);
}

#[test]
fn a_date_that_stands_for_none_is_refused_and_holds_up_nobody() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(put(transaction("B9", T::Buy, "A", "9999-12-31", "7", "700")));
    records.push(price("A", "9999-12-31", "1", "USD"));
    records.push(fx_rate("EUR", "USD", "9999-12-31", "1"));
    desk.tick(&put_all(records));
    assert_eq!(one(&desk, "refused_transactions", "what"), "it is dated after 2199");
    assert_eq!(desk.column("portfolio_timeseries", "date").len(), 4);
    // At the end of all input, what waits for a later day is given to the graphs: that must not be millions of days.
    desk.engine.shutdown();
}

#[test]
fn a_currency_is_worth_one_of_itself_whatever_is_told() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(fx_rate("USD", "USD", "2026-01-07", "2"));
    desk.tick(&put_all(records));
    assert_eq!(desk.columns("portfolio_timeseries", &["date", "closing_value"]).pop().unwrap(), "2026-01-08 10500");
}

#[test]
fn both_sides_of_a_merger_are_booked_or_none() {
    let mut desk = desk("", 1);
    desk.tick(&put_all(invested()));
    let merger = crate::records::with_other(transaction("M1", T::Merger, "A", "2026-01-08", "0", "0"), "N", "3", "2");
    let merger = put(model::Transaction { quantity: model::Quantity::NONE, ..merger });
    desk.tick(&put_all([merger.clone()]));
    let held = |desk: &Desk| desk.columns("positions", &["security", "quantity", "cost_base"]);
    assert_eq!(held(&desk), ["A 0 0", "CASH 5000 5000", "N 75 5000"]);
    assert_eq!(
        desk.columns("lots", &["security", "lot", "quantity", "cost_base"]),
        ["CASH D1 5000 5000", "N B1 75 5000"]
    );
    // What is dated back before the merger goes through it.
    desk.tick(&put_all([put(transaction("B0", T::Buy, "A", "2026-01-05", "10", "900"))]));
    assert_eq!(held(&desk), ["A 0 0", "CASH 5000 5000", "N 90 5900"]);
    desk.tick(&[Change::delete(&merger)]);
    assert_eq!(held(&desk), ["A 60 5900", "CASH 5000 5000"]);
}

#[test]
fn a_transaction_of_a_later_day_is_booked_when_the_day_begins() {
    const DAY: u64 = 86_400_000_000;
    let mut desk = desk("", 1);
    let mut records = invested();
    // The desk's clock stands at 2027-01-01.
    records.push(put(transaction("B9", T::Buy, "A", "2027-01-03", "7", "700")));
    records.push(put(transaction("D9", T::Deposit, "CASH", "2027-01-03", "100", "100")));
    desk.tick(&put_all(records));
    let held = |desk: &Desk| desk.columns("positions", &["security", "quantity"]);
    let last_day = |desk: &Desk| desk.columns("portfolio_timeseries", &["date"]).pop().unwrap();
    assert_eq!((held(&desk), last_day(&desk)), (vec!["A 50".into(), "CASH 5000".into()], "2026-01-08".to_owned()));
    desk.pass_to(crate::NOW + 2 * DAY);
    assert_eq!((held(&desk), last_day(&desk)), (vec!["A 57".into(), "CASH 5100".into()], "2027-01-03".to_owned()));
}

#[test]
fn what_is_dated_in_the_future_waits_for_its_day() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(price("A", "2999-01-01", "1", "USD"));
    desk.tick(&put_all(records));
    assert_eq!(desk.columns("portfolio_timeseries", &["date"]).last().unwrap(), "2026-01-08");
    assert!(desk.column("performance", "to").iter().all(|to| to == "2026-01-08"));
}
