//! Returns through the engine: series with flows that others published, as what one unit of a security is worth, beside money
//! that comes and goes as a security without worth.

use model::{Product, Record, Symbol, Transaction, TransactionType as T};
use serde_json::Value;

use crate::desk;
use crate::kit::{Desk, put_all};
use crate::records::{date, instrument, keep, know, portfolio, price, put, transaction};
use crate::risk::{AT_THE_END, cell, near, read_json};

/// With legs, and withdrawals at the start of their day.
const FLOWS: &str = "long_and_short = \"gross\"\n[books.cash_flow.WITHDRAWAL]\ntiming = \"begin_of_day\"\n";

/// A portfolio that holds a unit from a day on, and money enough.
fn holding(portfolio_id: &str, day: &str) -> Vec<Record> {
    let bought = [(portfolio_id, "1"), ("MONEY", "1000000000")].map(|(security, units)| {
        let bought = transaction(&format!("{portfolio_id}-{security}"), T::Buy, security, day, units, "1000000");
        put(Transaction { portfolio: Symbol::of(portfolio_id), ..bought })
    });
    let known = [
        keep(portfolio(portfolio_id, "USD")),
        know(instrument(portfolio_id, Product::Equity, "USD")),
        price("MONEY", day, "0", "USD"),
    ];
    known.into_iter().chain(bought).collect()
}

/// A flow at the start of a day or at its end, if it is one.
fn flow(portfolio_id: &str, day: &str, is_at_start: bool, amount: &str) -> Option<Record> {
    let [comes, goes] = if is_at_start { [T::Deposit, T::Withdrawal] } else { [T::TransferIn, T::TransferOut] };
    let (kind, amount) = amount.strip_prefix('-').map_or((comes, amount), |amount| (goes, amount));
    let flow = transaction(&format!("{portfolio_id}{day}{is_at_start}"), kind, "MONEY", day, amount, amount);
    let is_one = amount.parse::<f64>().unwrap() != 0.0;
    is_one.then(|| put(Transaction { portfolio: Symbol::of(portfolio_id), ..flow }))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn four_hundred_days_with_flows_link_after_each_correction() {
    let Some(file) = read_json("twr/linked_daily_aapl_msft_c.json") else { return };
    let rows = file["rows"].as_array().unwrap();
    let mut records = holding("P", &text(&rows[0]["date"]));
    for row in rows {
        let day = text(&row["date"]);
        records.push(price("P", &day, &text(&row["eod_market_value"]), "USD"));
        records.extend(flow("P", &day, true, &text(&row["bod_cashflow"])));
        records.extend(flow("P", &day, false, &text(&row["eod_cashflow"])));
    }
    let mut desk = desk(&format!("periods = [\"mtd\", \"qtd\", \"ytd\", \"si\"]\n{FLOWS}{AT_THE_END}"), 1);
    desk.tick(&put_all(records));
    let compare = |desk: &Desk, what: &str, period: &str, expected: &Value, tolerance: f64| {
        // A portfolio that is long and never lost all has one leg.
        for column in ["time_weighted_gross", "time_weighted_long", "time_weighted_long_short"] {
            let ours = cell(desk, "performance", &[("period", period)], column);
            near(&format!("{what} {column}"), ours, expected.as_f64().unwrap() / 100.0, tolerance);
        }
    };
    for (name, period) in [("MTD", "mtd"), ("QTD", "qtd"), ("YTD", "ytd"), ("ITD", "si")] {
        compare(&desk, name, period, &file["periods"][name]["cum_ror_pct"], 1e-10);
    }
    let money_weighted = cell(&desk, "performance", &[("period", "si")], "money_weighted_annual");
    near("money-weighted", money_weighted, file["mwr_xirr_act365"].as_f64().unwrap(), 1e-9);

    let corrections = file["corrections_cumulative"].as_array().unwrap();
    for correction in corrections {
        let (day, value) = (text(&correction["date"]), text(&correction["new_eod_market_value"]));
        desk.tick(&put_all([price("P", &day, &value, "USD")]));
        compare(&desk, &day, "si", &correction["ITD_cum_ror_pct"], 1e-9);
    }
    assert_eq!(corrections.len(), 8);
}

#[test]
fn long_and_short_legs_come_out_as_in_the_tables() {
    let Some(file) = read_json("twr/long_short_characterization.json") else { return };
    let scenarios = file.as_array().unwrap();
    let (mut records, mut periods, mut compared) = (Vec::new(), Vec::new(), 0);
    let day_of = |row: &Value| text(&row["perf_date"])[..10].to_owned();
    for (number, scenario) in scenarios.iter().enumerate() {
        let (name, input) = (format!("S{number}"), scenario["input"].as_array().unwrap());
        let first = day_of(&input[0]);
        let before = date(&first).add_days(-1).to_string();
        records.extend(holding(&name, &before));
        records.push(price(&name, &before, &text(&input[0]["begin_mv"]), "USD"));
        for row in input {
            let day = day_of(row);
            records.push(price(&name, &day, &text(&row["end_mv"]), "USD"));
            records.extend(flow(&name, &day, true, &text(&row["bod_cf"])));
            records.extend(flow(&name, &day, false, &text(&row["eod_cf"])));
            periods.push(format!("{{ explicit = {{ from = \"{first}\", to = \"{day}\" }} }}"));
        }
    }
    periods.sort();
    periods.dedup();
    let mut desk = desk(&format!("by_year = false\nperiods = [{}]\n{FLOWS}{AT_THE_END}", periods.join(", ")), 1);
    desk.tick(&put_all(records));

    for (number, scenario) in scenarios.iter().enumerate() {
        let input = scenario["input"].as_array().unwrap();
        let (mut resets, mut idle) = (0.0, 0.0);
        for (index, row) in scenario["expected"].as_array().unwrap().iter().enumerate() {
            let name = format!("S{number}");
            let period = format!("{}..{}", day_of(&input[0]), day_of(&input[index]));
            let ours = |column| cell(&desk, "performance", &[("portfolio", &name), ("period", &period)], column);
            let reset = row["perf_reset"].as_f64();
            resets += reset.unwrap_or(0.0);
            idle += row["nip"].as_f64().unwrap_or(0.0);
            // What waits for the money of the next day starts again with that day.
            let waits = reset == Some(1.0) && input.get(index + 1).is_some_and(|next| next["bod_cf"] != 0.0);
            if waits {
                continue;
            }
            let columns = [
                ("final_cum_ror", "time_weighted_long_short"),
                ("long_cum_ror", "time_weighted_long"),
                ("short_cum_ror", "time_weighted_short"),
            ];
            for (theirs, column) in columns {
                if let Some(expected) = row[theirs].as_f64() {
                    near(&format!("{name} {period} {column}"), ours(column), expected / 100.0, 5e-6);
                    compared += 1;
                }
            }
            for (is_told, column, expected) in
                [("perf_reset", "resets", resets), ("nip", "days_without_investment", idle)]
            {
                if !row[is_told].is_null() {
                    assert_eq!(ours(column), Some(expected), "{name} {period} {column}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 42);
}
