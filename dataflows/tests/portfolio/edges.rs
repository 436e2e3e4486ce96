//! At the edges: two sources that tell the same, numbers that are too large, what has no rate, and the day on which all is
//! gone.

use model::{Instrument, Portfolio, Product, Quantity, SourceId, Symbol};

use crate::desk;
use crate::kit::{Change, Desk, put_all};
use crate::records::{date, fx_rate, instrument, keep, know, level, portfolio};
use crate::stories::invested;

fn days(desk: &Desk, columns: &[&str]) -> Vec<String> {
    desk.columns("portfolio_timeseries", columns)
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
