//! A day of many transactions as files: portfolios that bought over a year, with a year of prices and rates; and what comes of
//! it by plain arithmetic. Peers read the same files.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use model::{Amount, Date, Price, Rate};

use crate::books::{FIRST_DAY, Size, instrument_held, price, units_bought};
use crate::w1::Random;

/// The currencies, each with what one unit is worth in the first one, in millionths.
const CURRENCIES: [(&str, i128); 4] = [("USD", 1_000_000), ("EUR", 1_080_000), ("GBP", 1_260_000), ("CHF", 1_130_000)];

/// How many of them are base currencies of portfolios.
const BASES: usize = 2;

/// The value of each portfolio on each day from its first purchase on, in units of an amount, by its name and the day as written.
pub type Values = BTreeMap<(String, String), i128>;

/// A purchase of a portfolio.
struct Purchase {
    instrument: u64,
    units: i64,
    day: i32,
}

/// Writes the files, the configuration, and what must come of them; gives the latter.
pub fn prepare(folder: &Path, size: &Size) -> Values {
    std::fs::create_dir_all(folder).unwrap();
    write_portfolios(folder, size);
    write_instruments(folder, size);
    write_transactions(folder, size);
    write_prices(folder, size);
    write_rates(folder, size);
    configure(folder);
    let values = values(size);
    let total = Amount::from_scaled(values.values().sum());
    std::fs::write(folder.join("expected.txt"), format!("rows {}\ntotal {total}\n", values.len())).unwrap();
    values
}

fn configure(folder: &Path) {
    let kinds = ["portfolio", "instrument", "transaction", "market_price", "fx_rate"];
    let source = |kind| format!("[source.{kind}s]\nkind = \"files\"\npath = \"{kind}s.csv\"\nrecord = \"{kind}\"\n\n");
    let sources: String = kinds.into_iter().map(source).collect();
    std::fs::write(folder.join("tieout.toml"), format!("[books]\n\n{sources}")).unwrap();
}

/// A file with a line for each row.
fn write<R: Display>(folder: &Path, name: &str, header: &str, rows: impl Iterator<Item = R>) {
    let mut file = BufWriter::new(File::create(folder.join(name)).unwrap());
    writeln!(file, "{header}").unwrap();
    rows.for_each(|row| writeln!(file, "{row}").unwrap());
    file.flush().unwrap();
}

fn write_portfolios(folder: &Path, size: &Size) {
    let row = |number| format!("P{number},{}", CURRENCIES[base(number)].0);
    write(folder, "portfolios.csv", "id,base_currency", (0..size.portfolios).map(row));
}

fn write_instruments(folder: &Path, size: &Size) {
    let row = |number| format!("S{number},EQUITY,{}", CURRENCIES[priced_in(number)].0);
    write(folder, "instruments.csv", "id,product,currency", (0..size.instruments).map(row));
}

fn write_transactions(folder: &Path, size: &Size) {
    let row = |portfolio: u64, holding: u64| {
        let Purchase { instrument, units, day } = purchase(size, portfolio, holding);
        let (price, currency) = (price(instrument, day), CURRENCIES[priced_in(instrument)].0);
        let gross_amount = Amount::from_scaled(i128::from(price) * i128::from(units));
        let price = Price::from_scaled(price);
        format!(
            "T{portfolio}-{holding},BUY,P{portfolio},S{instrument},{currency},{},{units},{price},{gross_amount}",
            date(day)
        )
    };
    let header = "id,transaction_type,portfolio,security,currency,trade_date,quantity,price,gross_amount";
    let rows = (0..size.portfolios)
        .flat_map(|portfolio| (0..size.held).map(move |holding| (portfolio, holding)))
        .map(|(portfolio, holding)| row(portfolio, holding));
    write(folder, "transactions.csv", header, rows);
}

fn write_prices(folder: &Path, size: &Size) {
    let row = |day: i32, instrument: u64| {
        let price = Price::from_scaled(price(instrument, day));
        format!("S{instrument},{},{price},{}", date(day), CURRENCIES[priced_in(instrument)].0)
    };
    let rows = business_days(size)
        .flat_map(|day| (0..size.instruments).map(move |instrument| (day, instrument)))
        .map(|(day, instrument)| row(day, instrument));
    write(folder, "market_prices.csv", "security,price_date,price,currency", rows);
}

fn write_rates(folder: &Path, size: &Size) {
    let pairs =
        (0..CURRENCIES.len()).flat_map(|from| (0..BASES).map(move |to| (from, to))).filter(|(from, to)| from != to);
    let row = |day: i32, (from, to): (usize, usize)| {
        let rate = Rate::from_scaled(rate(from, to, day) * RATE_UNIT);
        format!("{},{},{},{rate}", CURRENCIES[from].0, CURRENCIES[to].0, date(day))
    };
    let rows = business_days(size)
        .flat_map(|day| pairs.clone().map(move |pair| (day, pair)))
        .map(|(day, pair)| row(day, pair));
    write(folder, "fx_rates.csv", "from_currency,to_currency,rate_date,rate", rows);
}

/// The base currency of a portfolio.
fn base(portfolio: u64) -> usize {
    portfolio as usize % BASES
}

/// The currency of an instrument.
fn priced_in(instrument: u64) -> usize {
    instrument as usize % CURRENCIES.len()
}

/// The days on which there are prices: Mondays to Fridays, counted from the first day, which is a Monday.
fn business_days(size: &Size) -> impl Iterator<Item = i32> + use<> {
    (0..size.days).map(business_day)
}

fn business_day(number: i32) -> i32 {
    number / 5 * 7 + number % 5
}

fn date(day: i32) -> Date {
    Date::from_days(FIRST_DAY + day)
}

fn purchase(size: &Size, portfolio: u64, holding: u64) -> Purchase {
    let number = Random(portfolio * size.held + holding).number() % size.days as u64;
    let instrument = instrument_held(size, portfolio, holding);
    Purchase { instrument, units: units_bought(portfolio, holding), day: business_day(number as i32) }
}

/// What a rate is written in, in units of a rate.
const RATE_UNIT: i128 = Rate::ONE_SCALED / 1_000_000;

/// What one unit of a currency is worth in another on a day, in millionths.
fn rate(from: usize, to: usize, day: i32) -> i128 {
    let in_first = |currency: usize| {
        let moved = Random((currency as u64) << 32 | day as u64).number() % 10_000;
        if currency == 0 { CURRENCIES[0].1 } else { CURRENCIES[currency].1 + i128::from(moved) }
    };
    if from == to { 1_000_000 } else { in_first(from) * 1_000_000 / in_first(to) }
}

/// The last day on or before this one on which there are prices.
fn day_priced(day: i32) -> i32 {
    day - (day % 7 - 4).max(0)
}

fn values(size: &Size) -> Values {
    let last = business_day(size.days - 1);
    let mut values = Values::new();
    for portfolio in 0..size.portfolios {
        let purchases: Vec<Purchase> = (0..size.held).map(|holding| purchase(size, portfolio, holding)).collect();
        let first = purchases.iter().map(|purchase| purchase.day).min().unwrap_or(i32::MAX);
        for day in first..=last {
            let held = purchases.iter().filter(|purchase| purchase.day <= day);
            values.insert(
                (format!("P{portfolio}"), date(day).to_string()),
                value(held, base(portfolio), day_priced(day)),
            );
        }
    }
    values
}

/// What purchases are worth in a base currency on a day with prices, in units of an amount.
fn value<'a>(held: impl Iterator<Item = &'a Purchase>, base: usize, day: i32) -> i128 {
    let mut local = [0; CURRENCIES.len()];
    held.for_each(|Purchase { instrument, units, .. }| {
        local[priced_in(*instrument)] += i128::from(*units) * i128::from(price(*instrument, day));
    });
    (0..).zip(local).map(|(currency, amount)| amount * rate(currency, base, day)).sum::<i128>() / 1_000_000
}
