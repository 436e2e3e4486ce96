//! At the edges: two sources that tell the same, numbers that are too large, what has no rate, and the day on which all is
//! gone.

use model::{
    Amount, Date, Instrument, Portfolio, Price, Product, Quantity, Rate, Record, SourceId, Symbol, Transaction,
    TransactionType as T,
};

use crate::desk;
use crate::kit::{Change, Desk, put_all};
use crate::records::{
    amount, currency, date, fx_rate, instrument, keep, know, level, portfolio, price, put, transaction,
};
use crate::stories::{invested, one, performance};

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
fn a_position_that_is_too_large_has_no_value_in_any_view_and_comes_back_when_it_is_smaller() {
    let mut desk = desk("", 1);
    let mut records = invested();
    // Twenty million times a million are more units of price than can be valued, from the second of three days on.
    records.push(know(Instrument { multiplier: quantity_of(1_000_000), ..instrument("F", Product::Future, "USD") }));
    records.push(price("F", "2026-01-06", "0.001", "USD"));
    records.push(put(transaction("F1", T::Buy, "F", "2026-01-06", "10", "1")));
    records.push(put(transaction("F2", T::Buy, "F", "2026-01-07", "20000000", "1")));
    let sale = put(transaction("F3", T::Sell, "F", "2026-01-08", "19999998", "1"));
    desk.tick(&put_all(records));
    let columns = ["date", "closing_value", "positions", "positions_unvalued"];
    assert_eq!(days(&desk, &columns)[1..], ["2026-01-06 20000 3 0", "2026-01-07 10000 3 1", "2026-01-08 10500 3 1"]);
    let valuation = |desk: &Desk| desk.columns("valuations", &["security", "status", "value_base"])[2].clone();
    assert_eq!(valuation(&desk), "F FAILED ");
    assert_eq!(performance(&desk, "days_incomplete"), 2.0);

    desk.tick(&put_all([sale]));
    assert_eq!(days(&desk, &columns)[1..], ["2026-01-06 20000 3 0", "2026-01-07 10000 3 1", "2026-01-08 22500 3 0"]);
    assert_eq!(valuation(&desk), "F STALE 12000");
    let mut of_position = desk.columns("position_timeseries", &["security", "date", "quantity", "closing_value"]);
    of_position.retain(|row| row.starts_with("F "));
    assert_eq!(of_position, ["F 2026-01-06 10 10000", "F 2026-01-07 20000010 ", "F 2026-01-08 12 12000"]);
}

#[test]
fn a_position_from_one_end_of_what_fits_to_the_other_is_counted() {
    let mut desk = desk("oversell = \"short\"", 1);
    let most = Quantity::MAX.to_string();
    let bought = |id: &str, kind, day: &str| put(transaction(id, kind, "A", day, &most, "1"));
    let records = [
        keep(portfolio("P", "USD")),
        bought("S1", T::Sell, "2026-01-06"),
        bought("B1", T::Buy, "2026-01-07"),
        bought("B2", T::Buy, "2026-01-07"),
    ];
    desk.tick(&put_all(records));
    assert_eq!(desk.columns("positions", &["quantity"]), [most]);
    assert_eq!(days(&desk, &["date", "positions"]), ["2026-01-06 1", "2026-01-07 1"]);
}

#[test]
fn a_value_too_large_in_base_currency_is_no_value() {
    let mut desk = desk("", 1);
    let mut records = invested();
    records.push(know(instrument("B", Product::Equity, "XAU")));
    records.push(price("B", "2026-01-06", "90000000000", "XAU"));
    let bought =
        Transaction { currency: currency("XAU"), ..transaction("B9", T::Buy, "B", "2026-01-06", "1000000", "1") };
    records.push(put(bought));
    // 9 · 10¹⁶ ounces of gold are more dollars than can be told, or few enough, as the rate is.
    records.push(fx_rate("XAU", "USD", "2026-01-06", "90000"));
    records.push(fx_rate("XAU", "USD", "2026-01-08", "900"));
    desk.tick(&put_all(records));
    let columns = ["date", "closing_value", "positions", "positions_unvalued"];
    let valued = "2026-01-08 81000000000000010500 3 0";
    assert_eq!(days(&desk, &columns)[1..], ["2026-01-06 10000 3 1", "2026-01-07 10000 3 1", valued]);
    assert_eq!(desk.columns("valuations", &["security", "status", "value_base"])[1], "B STALE 81000000000000000000");
    desk.tick(&put_all([fx_rate("XAU", "USD", "2026-01-08", "90000")]));
    assert_eq!(days(&desk, &columns)[3], "2026-01-08 10500 3 1");
    assert_eq!(desk.columns("valuations", &["security", "status", "value_base"])[1], "B FAILED ");
}

#[test]
fn a_very_large_rate_converts_in_days_as_in_valuations() {
    let mut desk = desk("", 1);
    let bought = Transaction { currency: currency("XAU"), ..transaction("B1", T::Buy, "B", "2026-01-06", "9999", "1") };
    let records = [
        keep(portfolio("P", "IRR")),
        know(instrument("B", Product::Equity, "XAU")),
        price("B", "2026-01-06", "1", "XAU"),
        fx_rate("XAU", "IRR", "2026-01-06", "1600000000"),
        put(bought),
    ];
    desk.tick(&put_all(records));
    assert_eq!(days(&desk, &["closing_value", "positions_unvalued"]), ["15998400000000 0"]);
    assert_eq!(desk.column("valuations", "value_base"), ["15998400000000"]);
}

#[test]
fn more_positions_than_a_small_number_holds_are_counted() {
    let mut desk = desk("by_year = false\nperiods = [\"si\"]", 1);
    let held = 33_000;
    let mut records = vec![keep(portfolio("P", "USD"))];
    for number in 0..held {
        let security = format!("A{number}");
        records.push(price(&security, "2026-01-06", "2", "USD"));
        records.push(put(transaction(&format!("B{number}"), T::Buy, &security, "2026-01-06", "1", "1")));
    }
    desk.tick(&put_all(records));
    let columns = ["closing_value", "positions", "positions_unvalued"];
    assert_eq!(days(&desk, &columns), [format!("{} {held} 0", 2 * held)]);
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

#[test]
fn a_flow_without_a_rate_is_counted_and_makes_its_day_incomplete() {
    let mut desk = desk("", 1);
    let mut records = invested();
    let deposit = transaction("D2", T::Deposit, "EURO", "2026-01-07", "1000", "1000");
    let rated = Transaction { currency: currency("EUR"), fx_to_base: Rate::from_scaled(Rate::ONE_SCALED), ..deposit };
    records.push(put(rated));
    desk.tick(&put_all(records));
    let columns = ["date", "opening_flow", "flows_without_rate"];
    assert_eq!(days(&desk, &columns)[1..3], ["2026-01-06 0 0", "2026-01-07 0 1"]);
    // The position has no price either, from that day on.
    assert_eq!(performance(&desk, "days_incomplete"), 2.0);
    desk.tick(&put_all([price("EURO", "2026-01-07", "1", "USD")]));
    assert_eq!(performance(&desk, "days_incomplete"), 1.0);
    desk.tick(&put_all([fx_rate("EUR", "USD", "2026-01-02", "1.1")]));
    assert_eq!(days(&desk, &columns)[2], "2026-01-07 1100 0");
    assert_eq!(performance(&desk, "days_incomplete"), 0.0);
}

#[test]
fn the_day_on_which_the_last_position_goes_is_a_day_and_its_loss_is_linked() {
    let mut desk = desk("", 1);
    let records = [
        keep(portfolio("P", "USD")),
        put(transaction("I1", T::TransferIn, "A", "2026-01-05", "1", "100")),
        price("A", "2026-01-05", "100", "USD"),
        price("A", "2026-01-07", "0", "USD"),
        // It is worth nothing, and is taken off the books.
        put(transaction("S1", T::Sell, "A", "2026-01-07", "1", "0")),
        price("OTHER", "2026-01-09", "1", "USD"),
    ];
    desk.tick(&put_all(records));
    let columns = ["date", "opening_value", "closing_value", "return_gross", "positions"];
    assert_eq!(days(&desk, &columns), ["2026-01-05 0 100 0 1", "2026-01-06 100 100 0 1", "2026-01-07 100 0 -1 0"]);
    assert_eq!((performance(&desk, "time_weighted_gross"), performance(&desk, "gain_gross")), (-1.0, -100.0));
}

#[test]
fn flows_of_days_before_the_first_price_add_up_on_the_day_that_has_one() {
    let mut desk = desk("", 1);
    let records = [
        keep(portfolio("P", "USD")),
        put(transaction("B1", T::Buy, "A", "2026-01-05", "1", "100")),
        put(transaction("B2", T::Buy, "A", "2026-01-06", "1", "110")),
        put(transaction("V1", T::Dividend, "A", "2026-01-06", "0", "5")),
        put(transaction("B3", T::Buy, "A", "2026-01-07", "1", "120")),
        price("A", "2026-01-07", "120", "USD"),
    ];
    desk.tick(&put_all(records));
    let columns = ["date", "quantity", "opening_value", "opening_flow", "closing_flow", "closing_value"];
    assert_eq!(desk.columns("position_timeseries", &columns), ["2026-01-07 3 0 -330 5 360"]);
    assert_eq!(one(&desk, "position_timeseries", "date"), "2026-01-07");
}

#[test]
fn without_a_base_currency_nothing_has_a_value_in_it() {
    let mut desk = desk("", 1);
    let no_currency =
        Transaction { currency: model::Currency::NONE, ..transaction("B1", T::Buy, "A", "2026-01-05", "1", "9") };
    let rated = Transaction { fx_to_base: Rate::from_scaled(Rate::ONE_SCALED), ..no_currency };
    let of_no_currency = model::MarketPrice {
        security: Symbol::of("A"),
        price_date: Date(date("2026-01-05").0),
        price: Price::from_scaled(100_000_000),
        ..model::MarketPrice::default()
    };
    desk.tick(&put_all([put(rated), Record::MarketPrice(of_no_currency)]));
    assert_eq!(desk.columns("valuations", &["status", "value_base"]), ["FAILED "]);
    assert_eq!(days(&desk, &["closing_value", "positions", "positions_unvalued"]), ["0 1 1"]);
}
