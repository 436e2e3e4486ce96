//! At the edges: two sources that tell the same, numbers that are too large, what has no rate, and the day on which all is
//! gone.

use model::{Amount, Instrument, Portfolio, Product, Quantity, Rate, SourceId, Symbol, Transaction, TransactionType as T};

use crate::desk;
use crate::kit::{Change, Desk, put_all};
use crate::records::{amount, date, fx_rate, instrument, keep, know, level, portfolio, put, transaction};
use crate::stories::{invested, performance};

fn days(desk: &Desk, columns: &[&str]) -> Vec<String> {
    desk.columns("portfolio_timeseries", columns)
}

fn refused(desk: &Desk) -> Vec<String> {
    desk.columns("refused_transactions", &["transaction", "what"])
}

#[test]
fn of_two_sources_that_tell_a_portfolio_the_one_that_is_defined_last_counts() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(fx_rate("USD", "EUR", "2026-01-01", "0.5"));
    records.push(level("IX", "2026-01-01", "100"));
    records.push(level("IX", "2026-01-07", "120"));
    desk.tick(&put_all(records));
    let of_one_source = days(&desk, &["date", "closing_value"]);

    let told_again = Portfolio {
        source: SourceId(1),
        inception_date: date("2026-01-06"),
        benchmark: Symbol::of("IX"),
        ..portfolio("P", "EUR")
    };
    desk.tick(&put_all([keep(told_again.clone())]));
    // Each transaction is booked once, in euros.
    assert_eq!(desk.columns("positions", &["security", "quantity", "cost_base"]), ["A 50 2500", "CASH 5000 2500"]);
    assert_eq!(days(&desk, &["date", "closing_value"]).last().unwrap(), "2026-01-08 5250");
    assert!(desk.columns("performance", &["period", "from"]).contains(&"si 2026-01-06".to_owned()));
    let benchmark = |desk: &Desk| desk.columns("risk", &["period", "tracking_error"]).len();
    assert_eq!(benchmark(&desk), desk.column("performance", "period").len(), "one row a period");

    desk.tick(&[Change::delete(&keep(told_again))]);
    assert_eq!(days(&desk, &["date", "closing_value"]), of_one_source);
}

#[test]
fn of_two_sources_that_tell_an_instrument_the_one_that_is_defined_last_counts_whole() {
    let mut desk = desk("", 1);
    let mut records = invested();
    let of_first = Instrument { multiplier: quantity_of(3), ..instrument("A", Product::Equity, "EUR") };
    records.push(know(of_first));
    // It says neither currency nor multiplier: what the first says of them is not mixed in.
    let of_second = Instrument { source: SourceId(1), ..instrument("A", Product::Bond, "USD") };
    records.push(know(Instrument { currency: model::Currency::NONE, ..of_second }));
    desk.tick(&put_all(records));
    assert_eq!(desk.columns("valuations", &["security", "product", "currency", "value_base"])[0], "A BOND USD 5500");
}

fn quantity_of(units: i64) -> Quantity {
    Quantity::from_scaled(units * Quantity::ONE_SCALED as i64)
}

#[test]
fn a_flow_weighs_from_its_own_end_of_the_day() {
    // 10000 came at the start of the first of four days, and 1000 more in the third: by its rule at the start or at the end.
    let modified_dietz = |timing: &str| {
        let mut desk = desk(&format!("[books.cash_flow.DEPOSIT]\ntiming = \"{timing}\""), 1);
        let mut records = invested();
        records.push(put(transaction("D2", T::Deposit, "CASH", "2026-01-07", "1000", "1000")));
        desk.tick(&put_all(records));
        performance(&desk, "modified_dietz")
    };
    let [start, end] = ["begin_of_day", "end_of_day"].map(modified_dietz);
    assert!((start - 500.0 / (10_000.0 + 1_000.0 * 2.0 / 4.0)).abs() < 1e-9, "{start}");
    assert!((end - 500.0 / (10_000.0 * 3.0 / 4.0 + 1_000.0 / 4.0)).abs() < 1e-9, "{end}");
}

#[test]
fn a_fee_lessens_the_net_gain_and_what_is_weighted_by_money() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(put(transaction("F1", T::Fee, "CASH", "2026-01-07", "100", "100")));
    records.push(put(transaction("F1-cash", T::Sell, "CASH", "2026-01-07", "100", "100")));
    desk.tick(&put_all(records));
    let [gross, net, fees] = ["gain_gross", "gain_net", "fees"].map(|column| performance(&desk, column));
    assert_eq!((gross, net, fees), (500.0, 400.0, 100.0));
    // What was paid in is 10000, and 10400 are left.
    let dietz = performance(&desk, "modified_dietz");
    assert!((dietz - 0.04).abs() < 1e-9, "{dietz}");
    let annual = performance(&desk, "money_weighted_annual");
    assert!(((1.0 + annual).ln() - 1.04f64.ln() * 365.0 / 3.0).abs() < 1e-6, "{annual}");
}

#[test]
fn amounts_with_a_sign_and_rates_that_are_none_are_refused_on_every_type() {
    let mut desk = desk("", 1);
    let mut records = invested();
    let day = "2026-01-07";
    for (id, kind) in [("N1", T::Fee), ("N2", T::Tax), ("N3", T::Dividend), ("N4", T::Interest)] {
        let signed = transaction(id, kind, "A", day, "0", "0");
        records.push(put(Transaction { gross_amount: amount("-100"), ..signed }));
    }
    for (number, kind) in [T::Fee, T::Dividend, T::Deposit].into_iter().enumerate() {
        let without = transaction(&format!("R{number}"), kind, "CASH", day, "1", "1");
        records.push(put(Transaction { fx_to_base: Rate::from_scaled(0), ..without }));
    }
    let large = transaction("Z1", T::Dividend, "A", day, "0", "0");
    records.push(put(Transaction { gross_amount: Amount::from_scaled(i128::MAX >> 4), ..large }));
    desk.tick(&put_all(records));
    let negative = |id: &str| format!("{id} `gross_amount` is below 0");
    let no_rate = |id: &str| format!("{id} `fx_to_base` is not above 0");
    let mut expected: Vec<String> = ["N1", "N2", "N3", "N4"].map(negative).into();
    expected.extend(["R0", "R1", "R2"].map(no_rate));
    expected.push("Z1 an amount or a quantity would be too large".to_owned());
    assert_eq!(refused(&desk), expected);
    let (gross, net) = (performance(&desk, "time_weighted_gross"), performance(&desk, "time_weighted_net"));
    assert!(net <= gross, "{net} {gross}");
}

#[test]
fn a_rate_of_a_currency_into_itself_counts_neither_in_costs_nor_in_flows() {
    let mut desk = desk("", 1);
    let doubled =
        |transaction: Transaction| Transaction { fx_to_base: Rate::from_scaled(2 * Rate::ONE_SCALED), ..transaction };
    let mut records = invested();
    records.push(put(doubled(transaction("B2", T::Buy, "B", "2026-01-07", "1", "100"))));
    records.push(put(doubled(transaction("V1", T::Dividend, "B", "2026-01-07", "0", "30"))));
    desk.tick(&put_all(records));
    assert_eq!(desk.columns("positions", &["security", "cost_local", "cost_base"])[1], "B 100 100");
    assert_eq!(desk.columns("income", &["income", "income_base"]), ["30 30"]);
}
